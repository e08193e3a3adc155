"""A relay is tried without a mail: what it offers is said in words, and what keeps us out as a send would hear it."""

from __future__ import annotations

import pytest
from faultserver import FULL, Drop, FaultServer, Say, at
from smtprun import settings

from authority import Authority
from digest.delivery import Phase
from digest.errors import SendStopped, TransportError
from digest.smtp.examine import examine


@pytest.fixture(scope="module")
def authority(tmp_path_factory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


def traits(server, **changes):
    return {trait.name: trait for trait in examine(settings(server, **changes))}


def test_what_is_offered_is_said():
    """The limit in bytes, and each extension that is there; the conversation is EHLO and QUIT, and no mail."""
    with FaultServer(extensions=(*FULL, "SMTPUTF8", "CHUNKING")) as server:
        found = traits(server)
    assert "33,554,432 bytes" in found["SIZE"].meaning
    assert all(found[name].offered for name in ("SIZE", "PIPELINING", "8BITMIME", "SMTPUTF8", "CHUNKING"))
    assert [line.split()[0].upper() for _, line in server.seen.lines] == ["EHLO", "QUIT"]
    assert not server.seen.violations


def test_what_is_not_offered_is_said():
    """A relay with nothing is ready all the same; each thing that it lacks says what follows."""
    with FaultServer(extensions=()) as server:
        found = traits(server)
    assert not any(trait.offered for trait in found.values())
    assert "slower" in found["PIPELINING"].meaning
    assert "refused" in found["SMTPUTF8"].meaning


def test_a_login_is_tried_inside_tls(authority):
    """With a username the password is tried, after STARTTLS, and no mail is begun."""
    with FaultServer(tls=authority.issue("examined", "127.0.0.1").server_context(), users={"news": "secret"}) as server:
        secure = {"tls": "starttls", "ca_file": str(authority.ca_file)}
        found = traits(server, **secure, username="news", password="secret")
        assert found["AUTH"].meaning == "accepted, as news"
        with pytest.raises(SendStopped, match=r"535.*check the username and the password"):
            traits(server, **secure, username="news", password="wrong")
    assert not server.visits[Phase.MAIL]


@pytest.mark.parametrize(
    ("script", "changes", "kind", "words"),
    [
        (at(Phase.EHLO, Say("421 4.7.0 Try again later (EHLO)", then=Drop())), {}, TransportError, "smtp.helo"),
        (at(Phase.EHLO, Say("550 5.7.1 no")), {}, SendStopped, "smtp.helo"),
        (at(Phase.BANNER, Say("554 5.7.1 you are on a list")), {}, SendStopped, "does not take us"),
        (lambda _: None, {"tls": "starttls"}, SendStopped, "no STARTTLS"),
        (lambda _: None, {"tls": "tls"}, SendStopped, "try smtp.tls: starttls"),
    ],
)
def test_what_keeps_us_out_is_what_a_send_hears(script, changes, kind, words):
    """A refused greeting or banner, or no TLS: the reason with its setting, for later or for good."""
    with FaultServer(script) as server, pytest.raises(SendStopped, match=words) as refused:
        traits(server, **changes)
    assert type(refused.value) is kind
