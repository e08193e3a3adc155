"""From a host name to a session: every way in which a server can refuse us, and that no secret leaves in clear."""

from __future__ import annotations

import socket
import ssl
import threading

import pytest
from faultserver import FULL, GARBAGE, Drop, FaultServer, Hang, Reset, Say, at
from smtprun import QUICK, impatient, mails, settings, tell

from authority import Authority
from digest.delivery import Event, Phase
from digest.errors import RelayLimit, SendStopped, TransportError
from digest.smtp import connect
from digest.smtp.relay_settings import SmtpSettings
from digest.smtp.replies import MAX_BYTES
from digest.smtp.transport import SmtpTransport

SECRET = "correct horse ü battery"


@pytest.fixture(scope="module")
def authority(tmp_path_factory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


def opening_error(server: FaultServer, **changes) -> SendStopped:
    told = tell(server, mails(1), **changes)
    assert told.error is not None
    assert not told.outcomes
    assert not told.intents
    return told.error


# FAULTS 24: no connection


def test_nobody_listens():
    """A refused connection may be better later: TransportError, with host and port."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        with pytest.raises(TransportError, match=rf"127\.0\.0\.1:{port}: .*refused"):
            SmtpTransport(SmtpSettings(host="127.0.0.1", port=port, tls="none")).open()


def test_a_name_that_nobody_knows():
    """A host that cannot be resolved may be better later: TransportError, naming it."""
    with pytest.raises(TransportError, match=r"no-such-relay\.invalid:25"):
        SmtpTransport(SmtpSettings(host="no-such-relay.invalid", tls="none")).open()


def test_a_name_that_cannot_be_one():
    """A host that no resolver can be asked for is a mistake in the config: the run stops."""
    with pytest.raises(SendStopped, match=r"smtp\.host"):
        SmtpTransport(SmtpSettings(host="x" * 64 + ".example.org", tls="none")).open()


@pytest.mark.parametrize(
    ("fault", "kind", "words"),
    [
        (Say("421 4.3.2 too busy", then=Drop()), TransportError, "421 4.3.2 too busy"),
        (Say("450 4.7.1 try later"), TransportError, "450"),
        (Say("554 5.7.1 you are on a list"), SendStopped, "554 5.7.1 you are on a list"),
        (Drop(), TransportError, "closed the connection"),
        (Reset(), TransportError, "reset the connection"),
        (Hang(), TransportError, "no reply within"),
        (GARBAGE, TransportError, "not an SMTP reply"),
        (Say("250 odd"), TransportError, "250 odd"),
    ],
)
def test_the_banner(fault, kind, words):
    """A 554 banner stops the run, all else may be better later; each says what came."""
    with FaultServer(at(Phase.BANNER, fault)) as server:
        error = opening_error(server, timeouts=impatient(Phase.BANNER))
    assert type(error) is kind
    assert words in str(error)
    assert "\x1b" not in str(error)


# FAULTS 25: EHLO


def test_a_server_without_ehlo_is_spoken_to_in_plain_smtp():
    """EHLO refused: HELO, and then no extension is used."""
    with FaultServer(at(Phase.EHLO, Say("502 5.5.1 what?"), times=1)) as server:
        told = tell(server, mails(2))
    assert set(told.events.values()) == {Event.ACCEPT}
    assert not server.seen.violations
    assert "helo [127.0.0.1]" in [line for _, line in server.seen.lines]
    assert "MAIL FROM:<digest@newsroom.test>" in [line for _, line in server.seen.lines]


def test_a_server_that_knows_neither_greeting():
    """HELO refused too: the run stops."""
    with FaultServer(at(Phase.EHLO, Say("550 5.7.1 go away"))) as server:
        error = opening_error(server)
    assert type(error) is SendStopped


def wants_a_full_name(visit):
    """As Google's relay: whoever greets without the name of a domain is to come again later, for ever."""
    if visit.phase is Phase.EHLO and not visit.line.split(" ")[1].endswith(".org"):
        return Say("421 4.7.0 Try again later, closing connection. (EHLO)", then=Drop())
    return None


def test_a_greeting_that_is_refused_for_its_name():
    """421 to EHLO: the message has the name that was said, the server's words, and the setting that mends it."""
    with FaultServer(wants_a_full_name) as server:
        error = opening_error(server)
        assert type(error) is TransportError
        assert "EHLO [127.0.0.1]" in str(error)
        assert "set smtp.helo" in str(error)
        assert "421 4.7.0 Try again later" in str(error)
        assert tell(server, mails(1), local_hostname="digest.example.org").events == {0: Event.ACCEPT}


def test_a_server_with_login_only(authority):
    """AUTH LOGIN alone, as old Exchange has it, is enough; where a token is wanted, what is offered is named."""
    with FaultServer(users={"u": SECRET}, mechanisms="LOGIN", **secured(authority)) as server:
        assert tell(server, mails(1), **wanted(authority)).events == {0: Event.ACCEPT}
        assert server.seen.logins == ["LOGIN"]
        error = opening_error(server, **wanted(authority, auth="xoauth2"))
    assert "offers only LOGIN" in str(error)


@pytest.mark.parametrize(
    "fault",
    [
        Say(b"250-x\r\n" * 20_000, then=Hang()),
        Say(b"250-" + b"x" * 200_000, then=Hang()),
        Say(b"250-faults.test\r\n250-SIZE\r\n", then=Drop()),
        Say(b"250-faults.test\r\n251 SIZE\r\n"),
        Say(b"250-one", then=Hang()),
        GARBAGE,
        Drop(),
    ],
)
def test_a_reply_to_ehlo_without_end_or_sense(fault):
    """Endless, cut, contradicting or senseless replies cost this connection, within bounds, and no more."""
    with FaultServer(at(Phase.EHLO, fault)) as server:
        error = opening_error(server, timeouts=impatient(Phase.EHLO))
    assert type(error) is TransportError
    assert len(str(error)) < 1000
    assert MAX_BYTES < 100_000


@pytest.mark.parametrize("size", ["lots", "-1", "9" * 5000, "1 2", "٣"])
def test_a_size_that_is_no_number_is_no_limit(size):
    """What an extension says wrongly is left aside."""
    with FaultServer(extensions=("PIPELINING", f"SIZE {size}")) as server:
        assert tell(server, mails(1)).events == {0: Event.ACCEPT}


# FAULTS 26 and 27: TLS


def secured(authority, name="127.0.0.1", **changes):
    return {"tls": authority.issue("opening", name, **changes).server_context()}


def wanted(authority, **changes):
    return {"tls": "starttls", "ca_file": str(authority.ca_file), "username": "u", "password": SECRET} | changes


@pytest.mark.parametrize("implicit", [False, True])
def test_mails_go_through_tls(authority, implicit):
    """STARTTLS and TLS from the first byte: mails arrive, and neither they nor the password are seen in clear."""
    with FaultServer(users={"u": SECRET}, implicit_tls=implicit, **secured(authority)) as server:
        told = tell(server, mails(3), **wanted(authority, tls="tls" if implicit else "starttls"))
    assert set(told.events.values()) == {Event.ACCEPT}
    assert server.seen.logins == ["PLAIN"]
    assert not server.seen.violations
    assert b"readers.test" not in server.seen.received
    assert b"AUTH" not in server.seen.received


def test_a_big_mail_goes_through_tls_whole(authority):
    """A body of many TLS records arrives byte for byte, with the next mail behind it."""
    outgoing = mails(3, 3_000_000)
    with FaultServer(users={"u": SECRET}, **secured(authority)) as server:
        told = tell(server, outgoing, **wanted(authority))
    assert set(told.events.values()) == {Event.ACCEPT}
    assert [mail.data for mail in server.seen.accepted] == [mail.data for mail in outgoing]


def test_a_server_whose_starttls_was_stripped_gets_nothing(authority):
    """No STARTTLS where it is wanted: nothing more is said, above all no password."""
    with FaultServer(users={"u": SECRET}) as server:
        error = opening_error(server, **wanted(authority))
    assert type(error) is SendStopped
    assert "STARTTLS" in str(error)
    assert b"AUTH" not in server.seen.received
    assert [line for _, line in server.seen.lines] == ["ehlo [127.0.0.1]"]


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Say("454 4.7.0 TLS not available"), TransportError),
        (Say("501 5.5.4 no"), SendStopped),
        (Drop(), TransportError),
        (Say("220 go", then=Drop()), TransportError),
        (Say("220 go", then=Reset()), TransportError),
        (Say("220 go", then=Hang()), TransportError),
        (
            Say(b"220 go\r\n", then=Say(b"this is no TLS at all, whatever you make of it\r\n", then=Hang())),
            TransportError,
        ),
    ],
)
def test_tls_that_fails_is_never_replaced_by_clear_text(authority, fault, kind):
    """Refused, dropped, hung or garbled: the connection is given up, and nothing was said in clear."""
    with FaultServer(at(Phase.STARTTLS, fault), users={"u": SECRET}, **secured(authority)) as server:
        error = opening_error(server, **wanted(authority, timeouts=impatient(Phase.STARTTLS)))
    assert type(error) is kind
    assert b"AUTH" not in server.seen.received
    assert b"MAIL" not in server.seen.received


@pytest.mark.parametrize(
    ("issue", "words"),
    [
        ({"expired": True}, "expired"),
        ({"self_signed": True}, "self-signed"),
        ({"name": "other.test"}, "not valid for '127.0.0.1'; smtp.host must be a name in it"),
    ],
)
@pytest.mark.parametrize("implicit", [False, True])
def test_a_certificate_that_is_wrong_stops_the_run_with_its_reason(authority, issue, words, implicit):
    """Expired, self-signed, another host's: the message says which, and nothing was sent."""
    with FaultServer(users={"u": SECRET}, implicit_tls=implicit, **secured(authority, **issue)) as server:
        error = opening_error(server, **wanted(authority, tls="tls" if implicit else "starttls"))
    assert type(error) is SendStopped
    assert words in str(error).replace("IP address mismatch, certificate is not", "not")
    assert b"AUTH" not in server.seen.received


def test_an_authority_that_is_not_named_is_not_trusted(authority):
    """Without ca_file only the system's authorities count; the message says what to set."""
    with FaultServer(users={"u": SECRET}, **secured(authority)) as server:
        error = opening_error(server, **wanted(authority, ca_file=""))
    assert "smtp.ca_file" in str(error)


@pytest.mark.parametrize("secure", [False, True])
def test_a_relay_on_this_machine_may_be_spoken_to_in_clear(authority, secure):
    """A local Postfix with no certificate, or one of its own: where nobody logs in, the message says what is enough."""
    with FaultServer(**secured(authority, self_signed=True) if secure else {}) as server:
        alone = opening_error(server, **wanted(authority, username="", password=""))
        login = opening_error(server, **wanted(authority))
    assert ("smtp.tls: none" in str(alone), "smtp.tls: none" in str(login)) == (True, False)


def test_a_certificate_that_has_expired_is_renewed_by_who_runs_the_server(authority):
    """No authority that one could name would mend it."""
    with FaultServer(**secured(authority, expired=True)) as server:
        error = str(opening_error(server, **wanted(authority)))
    assert ("must renew it" in error, "ca_file" in error) == (True, False)


def test_a_relay_that_was_logged_in_to_too_often_is_not_asked_again(authority):
    """Google says so with 454: each further try in the same run would keep it so, and no password is wrong."""
    words = Say("454 4.7.0 Too many login attempts, please try again later. - gsmtp")
    with FaultServer(at(Phase.AUTH, words), users={"u": SECRET}, **secured(authority)) as server:
        error = opening_error(server, **wanted(authority))
    assert type(error) is RelayLimit
    assert "check" not in str(error)


def test_a_machine_without_authorities_says_so(authority, monkeypatch):
    """A slim container has no list of whom to trust: a `ca_file` would be the wrong thing to look for."""
    monkeypatch.setenv("SSL_CERT_FILE", "/none")
    monkeypatch.setenv("SSL_CERT_DIR", "/none")
    with FaultServer(**secured(authority)) as server:
        error = str(opening_error(server, **wanted(authority, ca_file="")))
    assert ("install ca-certificates" in error, "smtp.ca_file" in error) == (True, False)


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
def test_a_server_that_knows_only_old_tls_stops_the_run(authority):
    """No other time would do; the message says what is the least."""
    context = authority.issue("old", "127.0.0.1").server_context()
    context.minimum_version, context.maximum_version = ssl.TLSVersion.MINIMUM_SUPPORTED, ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    with FaultServer(tls=context) as server:
        error = opening_error(server, **wanted(authority))
    assert (type(error), "no TLS 1.2" in str(error)) == (SendStopped, True)


def test_a_ca_file_that_cannot_be_used_is_named(tmp_path):
    """Missing or no PEM: SendStopped with the setting and the path, before any connection."""
    broken = tmp_path / "broken.pem"
    broken.write_text("no certificate")
    for path in (broken, tmp_path / "missing.pem"):
        with pytest.raises(SendStopped, match=rf"smtp\.ca_file: .*{path.name}: (No such file|it holds no certificate)"):
            SmtpTransport(SmtpSettings(ca_file=str(path)))


def test_a_tls_port_that_speaks_clear_text_is_explained():
    """tls: tls on a STARTTLS port: the message says what to try, and no other time will do."""
    with FaultServer() as server:
        error = opening_error(server, tls="tls")
    assert "try smtp.tls: starttls" in str(error)
    assert type(error) is SendStopped


def test_a_tls_port_that_once_did_speak_tls_may_do_so_again(authority):
    """A relay that says in clear, to one connection of many, that it is busy is asked again later."""
    with FaultServer(tls=authority.issue("busy", "127.0.0.1").server_context(), implicit_tls=True) as server:
        transport = SmtpTransport(settings(server, tls="tls", ca_file=str(authority.ca_file)))
        transport.open().close()
        server.implicit_tls = False
        with pytest.raises(TransportError, match="speaks clear text"):
            transport.open()


def test_a_silent_tls_port_is_explained(monkeypatch):
    """tls: starttls on 465, where the server waits for TLS to begin: the message says what to try."""
    with FaultServer(at(Phase.BANNER, Hang())) as server:
        monkeypatch.setattr(connect, "TLS_PORT", server.port)
        error = opening_error(server, tls="starttls", timeouts=impatient(Phase.BANNER))
    assert "no reply within" in str(error)
    assert "try smtp.tls: tls" in str(error)


def test_what_was_injected_before_tls_is_forgotten(authority):
    """Replies and capabilities that somebody put before the handshake are dropped, and EHLO is said again."""
    injected = Say(b"220 go\r\n250-evil.test\r\n250-AUTH XEVIL\r\n250 SIZE 1\r\n")
    with FaultServer(at(Phase.STARTTLS, injected), users={"u": SECRET}, **secured(authority)) as server:
        told = tell(server, mails(2), **wanted(authority))
    assert set(told.events.values()) == {Event.ACCEPT}
    assert [line for _, line in server.seen.lines].count("ehlo [127.0.0.1]") == 2


def test_clear_text_is_for_this_machine_only(monkeypatch):
    """tls: none towards another address is refused before a word is said."""
    other = "127.0.0.2"  # stands for another machine's: a test's machine may have no address but loopback
    monkeypatch.setattr("digest.smtp.connect.is_loopback", lambda address: address != other)
    with socket.create_server((other, 0)) as listener:
        listening = SmtpSettings(host=other, port=listener.getsockname()[1], tls="none")
        with pytest.raises(SendStopped, match="another machine"):
            SmtpTransport(listening).open()


def test_a_password_is_never_said_in_clear():
    """Not even on loopback, not even when the server asks for it."""
    with FaultServer(users={"u": SECRET}) as server:
        error = opening_error(server, username="u", password=SECRET)
    assert "never said in clear" in str(error)
    assert not server.seen.received


# FAULTS 28: AUTH


@pytest.mark.parametrize(
    ("changes", "mechanism"),
    [
        ({}, "PLAIN"),
        ({"auth": "login"}, "LOGIN"),
        ({"auth": "plain"}, "PLAIN"),
        ({"password": "", "oauth_token": SECRET}, "XOAUTH2"),
        ({"auth": "xoauth2"}, "XOAUTH2"),
    ],
)
def test_each_mechanism_logs_in(authority, changes, mechanism):
    """PLAIN, LOGIN and XOAUTH2, with a password that is not ASCII."""
    with FaultServer(users={"u": SECRET}, **secured(authority)) as server:
        told = tell(server, mails(1), **wanted(authority, **changes))
    assert told.events == {0: Event.ACCEPT}
    assert server.seen.logins == [mechanism]


@pytest.mark.parametrize(
    "changes",
    [{}, {"auth": "login"}, {"password": "", "oauth_token": "expired token"}],
    ids=["plain", "login", "xoauth2"],
)
def test_a_wrong_password_is_tried_once_by_all_connections_together(authority, changes):
    """Eight connections at once, and again later: one AUTH in all, as more would lock the account."""
    wrong = wanted(authority, password="wrong horse") | changes
    errors: list[SendStopped] = []
    with FaultServer(users={"u": SECRET}, **secured(authority)) as server:
        transport = SmtpTransport(settings(server, **wrong))

        def attempt() -> None:
            with pytest.raises(SendStopped, match=r"535 5\.7\.8") as caught:
                transport.open()
            errors.append(caught.value)

        threads = [threading.Thread(target=attempt) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        attempt()
    assert len(server.seen.logins) == 1
    assert [type(error) for error in errors] == [SendStopped] * 9
    assert "check the username" in str(errors[0])


def test_after_the_first_login_the_others_do_not_wait_for_each_other(authority):
    """A server that hangs in one connection's AUTH does not keep the next connection from logging in."""
    script = at(Phase.AUTH, Hang(), first=2, times=1)
    with FaultServer(script, users={"u": SECRET}, **secured(authority)) as server:
        transport = SmtpTransport(settings(server, **wanted(authority)))
        transport.open().close()
        failed: list[Exception] = []

        def hang() -> None:
            with pytest.raises(TransportError) as caught:
                transport.open()
            failed.append(caught.value)

        hanging = threading.Thread(target=hang)
        hanging.start()
        while server.visits[Phase.AUTH] < 2:
            hanging.join(0.01)
        transport.open().close()
        assert hanging.is_alive()
    hanging.join()
    assert failed


def test_a_temporary_refusal_to_log_in_is_tried_again_later(authority):
    """454 at AUTH: whoever checks passwords is away. The run is put off (75), and no word of checking the password."""
    with FaultServer(at(Phase.AUTH, Say("454 4.7.0 later")), users={"u": SECRET}, **secured(authority)) as server:
        error = opening_error(server, **wanted(authority))
    assert type(error) is TransportError
    assert error.exit_code == 75
    assert "454 4.7.0 later" in str(error)
    assert "password" not in str(error)


@pytest.mark.parametrize(("changes", "words"), [({"auth": "login"}, "LOGIN"), ({"auth": "xoauth2"}, "XOAUTH2")])
def test_a_mechanism_that_is_not_offered_is_named(authority, changes, words):
    """What the server offers and what was wanted are both said, and nothing is tried."""
    with FaultServer(extensions=(*FULL, "AUTH PLAIN CRAM-MD5"), **secured(authority)) as server:
        error = opening_error(server, **wanted(authority, **changes))
    assert words in str(error)
    assert "CRAM-MD5, PLAIN" in str(error)
    assert not server.seen.logins


def test_no_secret_is_in_any_message_even_when_the_server_repeats_it(authority, caplog):
    """A server that quotes the password, as it is or in base64, is quoted without it."""
    import base64

    inside = base64.b64encode(f"\0u\0{SECRET}".encode()).decode()
    odd = base64.b64encode(f"user {SECRET}".encode()).decode()
    rude = Say(f"535 5.7.8 wrong: {SECRET} {inside} {odd} end")
    with FaultServer(at(Phase.AUTH, rude), users={"u": SECRET}, **secured(authority)) as server, caplog.at_level(0):
        error = opening_error(server, **wanted(authority))
    shown = "".join([str(error), repr(error), repr(error.__context__), caplog.text])
    for secret in (SECRET, inside, odd):
        assert secret not in shown
    assert "wrong: *** *** *** end" in str(error)


def test_a_login_that_is_dropped_may_be_better_later(authority):
    """A connection lost in AUTH says nothing about the password: the next connection tries."""
    with FaultServer(at(Phase.AUTH, Drop(), times=1), users={"u": SECRET}, **secured(authority)) as server:
        transport = SmtpTransport(settings(server, timeouts=QUICK, **wanted(authority)))
        with pytest.raises(TransportError):
            transport.open()
        transport.open().close()
    assert len(server.seen.logins) == 2


class Tokens:
    """A token_command of which every token but the newest has expired; it counts how often it was asked."""

    def __init__(self, server):
        self.server, self.given = server, 0

    def __call__(self, stale=""):
        if not self.given or stale == f"token-{self.given}":
            self.given += 1
            self.server.users["u"] = f"token-{self.given}"
        return f"token-{self.given}"


def test_a_token_that_expires_in_the_middle_is_renewed(authority):
    """The next connection's login is refused, another token is asked for, and the run goes on: one mail each."""
    with FaultServer(users={"u": "none yet"}, **secured(authority)) as server:
        tokens = Tokens(server)
        transport = SmtpTransport(
            settings(server, **wanted(authority, password="", token=tokens, messages_per_connection=2))
        )
        session = transport.open()
        outcomes = []
        for outcome in session.deliver(mails(6), lambda _: True):
            outcomes.append(outcome.event)
            if len(outcomes) == 1:
                server.users["u"] = "expired meanwhile"
        session.close()
    assert outcomes == [Event.ACCEPT] * 6
    assert tokens.given == 2
    assert len({mail.recipient for mail in server.seen.accepted}) == 6


def test_a_fresh_token_that_is_refused_stops_the_run(authority):
    """Once: another one would be no better, and the account might be locked. The token is in no message."""
    with FaultServer(users={"u": "another"}, **secured(authority)) as server:
        error = opening_error(server, **wanted(authority, password="", token=lambda stale="": f"secret-token{stale}"))
        assert server.seen.logins == ["XOAUTH2"]
    assert type(error) is SendStopped
    assert "check the username and the token" in str(error)
    assert "secret-token" not in str(error)
