"""Where reports lie: a file, an mbox, a Maildir, and a folder on a real IMAP server (Dovecot) over TLS."""

from __future__ import annotations

import imaplib
import mailbox as stdlib_mailbox
import socket
import ssl
import threading
from urllib.parse import quote

import pytest

from digest.bounces import mailbox
from digest.bounces.mailbox import ImapLogin, open_mailbox, place
from digest.errors import FaultyInput, TransportError, UsageError
from freeport import free_port
from realdovecot import Dovecot

MAILS = [b"Subject: one\n\nFirst\n", b"Subject: two\n\n>From here\nFrom there\n", b"Subject: three\n\nThird\n"]
PASSWORD = 'pa"ss\\word'


def letters(where, **options):
    with open_mailbox(str(where), **options) as box:
        return [(letter.key, letter.data) for letter in box.letters()]


def test_a_single_mail_is_a_mailbox(tmp_path):
    """A mail saved from a mail program: one letter, and the file is not changed."""
    path = tmp_path / "report.eml"
    path.write_bytes(MAILS[1])
    assert letters(path) == [(f"{path}:1", MAILS[1])]
    with open_mailbox(str(path)) as box:
        box.done([f"{path}:1"])
    assert path.read_bytes() == MAILS[1]


def test_an_mbox_gives_every_mail(tmp_path):
    """As the standard library writes one: each mail by its line, quoted From lines put back."""
    path = tmp_path / "box"
    box = stdlib_mailbox.mbox(path)
    for mail in MAILS:
        box.add(mail)
    box.close()
    found = letters(path)
    assert [data.strip() for _, data in found] == [mail.strip().replace(b">From here", b"From here") for mail in MAILS]
    lines = path.read_bytes().split(b"\n")
    assert all(lines[int(key.rpartition(":")[2]) - 1].startswith(b"From ") for key, _ in found)


def test_a_mail_beyond_all_measure_is_not_held(tmp_path, monkeypatch):
    """Its letter is empty, which settling calls too large; the next one is read as ever."""
    monkeypatch.setattr(mailbox, "MAX_MAIL", 1_000)
    path = tmp_path / "box"
    path.write_bytes(b"From a\nSubject: x\n\n" + b"y" * 500_000 + b"\n\nFrom b\n" + MAILS[0])
    assert [data for _, data in letters(path)] == [b"", MAILS[0]]


def test_a_maildir_is_read_and_marked(tmp_path):
    """Unread is what lies in new/, or in cur/ without S; done moves it to cur/ with S and keeps other flags."""
    box = stdlib_mailbox.Maildir(tmp_path / "Maildir")
    for mail in MAILS:
        box.add(mail)
    (tmp_path / "Maildir" / "cur" / "x:2,F").write_bytes(b"Subject: flagged\n\n")
    (tmp_path / "Maildir" / "cur" / "y:2,S").write_bytes(b"Subject: seen\n\n")
    (tmp_path / "Maildir" / "new" / ".hidden").write_bytes(b"no mail")
    found = letters(tmp_path / "Maildir")
    assert sorted(data for _, data in found) == sorted([*MAILS, b"Subject: flagged\n\n"])
    with open_mailbox(str(tmp_path / "Maildir")) as opened:
        opened.done([key for key, data in found if data != MAILS[0]] + ["new/gone"])
    assert [data for _, data in letters(tmp_path / "Maildir")] == [MAILS[0]]
    assert (tmp_path / "Maildir" / "cur" / "x:2,FS").exists()


@pytest.mark.parametrize(("name", "says"), [("gone", "is not there"), ("", "is neither a file nor a Maildir")])
def test_what_is_no_mailbox_is_said(tmp_path, name, says):
    """One line, with what can be named instead."""
    with pytest.raises(FaultyInput, match=says):
        letters(tmp_path / name)


@pytest.fixture(scope="module")
def dovecot(tmp_path_factory):
    """A real Dovecot, which asks for a password."""
    with Dovecot(tmp_path_factory.mktemp("tls"), password=PASSWORD) as server:
        yield server


@pytest.fixture
def inbox(dovecot):
    """The server, with three mails that nobody has seen."""
    dovecot.fill(MAILS)
    return dovecot


def test_an_imap_folder_is_read_and_marked(inbox):
    """Reading marks nothing; done sets the flag on the server; the next run gets only what was left."""
    url = f"{inbox.url}/INBOX"
    options = {"login": ImapLogin(password=PASSWORD), "ca_file": inbox.ca_file}
    for _ in range(2):
        found = letters(url, **options)
        assert sorted(data.replace(b"\r\n", b"\n") for _, data in found) == sorted(MAILS)
    with open_mailbox(url, **options) as box:
        box.done(key for key, _ in found[:2])
        box.done([])
    assert [key for key, _ in letters(url, **options)] == [found[2][0]]


def test_starttls_is_taken_where_it_is_offered(inbox):
    """The scheme imap means STARTTLS; this server refuses a password in clear, so the login itself proves it."""
    options = {"login": ImapLogin(password=PASSWORD), "ca_file": inbox.ca_file}
    assert len(letters(inbox.starttls_url, **options)) == 3


def test_a_large_mail_is_not_fetched(inbox, monkeypatch):
    """The size is asked for first."""
    monkeypatch.setattr("digest.bounces.mailbox.MAX_MAIL", 30)
    found = letters(inbox.url, login=ImapLogin(password=PASSWORD), ca_file=inbox.ca_file)
    assert sum(1 for _, data in found if not data) == 1


def test_a_certificate_nobody_vouches_for_is_refused(inbox):
    """No password is said to a server that cannot prove who it is."""
    with pytest.raises(TransportError, match=r"TLS failed: .*ca_file"):
        letters(inbox.url, login=ImapLogin(password=PASSWORD))
    with pytest.raises(TransportError, match="TLS failed"):
        letters(inbox.starttls_url, login=ImapLogin(password=PASSWORD))


def test_a_wrong_password_is_one_line_without_it(inbox):
    """FAULTS 28, 57: refused once, said, and the password is in no message."""
    with pytest.raises(UsageError, match="the login was refused") as refusal:
        letters(inbox.url, login=ImapLogin(password="Geheim!77"), ca_file=inbox.ca_file)
    assert "Geheim" not in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(("folder", "spelled"), [
    ("Rückläufer", "R&APw-ckl&AOQ-ufer"), ("R&APw-ckl&AOQ-ufer", "R&APw-ckl&AOQ-ufer"), ("送信済み", "&kAFP4W4IMH8-"),
    ("Q&A", "Q&-A"), ("Märkte & Häfen", "M&AOQ-rkte &- H&AOQ-fen"),
])  # fmt: skip
def test_a_folders_name_may_have_any_letters(inbox, folder, spelled):
    """A server knows it in the UTF-7 of IMAP only; typed as a person reads it, or as the server spells it."""
    server, context = place(inbox.url), ssl.create_default_context(cafile=inbox.ca_file)
    with imaplib.IMAP4_SSL(server.host, server.port, ssl_context=context) as raw:
        raw.login(server.user, PASSWORD)
        raw.create(f'"{spelled}"')
    assert letters(f"{inbox.url}/{quote(folder)}", login=ImapLogin(password=PASSWORD), ca_file=inbox.ca_file) == []


def test_a_folder_that_is_not_there_is_said(inbox):
    """With a name that wants quoting."""
    url = inbox.url + '/No%20"such%5C'
    with pytest.raises(UsageError, match="no such folder"):
        letters(url, login=ImapLogin(password=PASSWORD), ca_file=inbox.ca_file)


def test_a_server_that_is_away_is_tried_later():
    """Exit code 75, not a traceback."""
    with pytest.raises(TransportError, match="try again later") as refusal:
        letters(f"imaps://bounces@127.0.0.1:{free_port()}", login=ImapLogin(password=PASSWORD))
    assert refusal.value.exit_code == 75


def test_no_password_crosses_in_clear(monkeypatch):
    """A server off loopback that offers no TLS gets no login."""
    # A scripted server stands here: Dovecot always offers STARTTLS.
    monkeypatch.setattr("digest.bounces.mailbox.ImapMailbox.is_loopback", False)
    heard = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer():
            connection, _ = listener.accept()
            with connection, connection.makefile("rwb") as stream:
                stream.write(b"* OK hello\r\n")
                stream.flush()
                for line in stream:
                    heard.append(line)
                    tag = line.split()[0]
                    stream.write(b"* CAPABILITY IMAP4rev1\r\n" + tag + b" OK done\r\n")
                    stream.flush()
                    if b"LOGOUT" in line:
                        break

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(UsageError, match="a password never crosses in clear"):
            letters(f"imap://bounces@127.0.0.1:{listener.getsockname()[1]}", login=ImapLogin(password=PASSWORD))
        thread.join(20)
    assert not any(b"LOGIN" in line or b"AUTH" in line for line in heard)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("imaps://bounces:Geheim!77@example.org/INBOX", "put it into the environment"),
        ("imaps://example.org/INBOX", "names no user"),
        ("imaps://bounces@/INBOX", "no host"),
        ("imaps://bounces@example.org:port/", "cannot be read"),
        ("imaps://boun%0D%0Aces@example.org/", "control character"),
        ("imaps://bounces@example.org/IN%0D%0ABOX", "control character"),
    ],
)
def test_addresses_that_cannot_be_used_are_refused(url, says):
    """One line, before any connection, and without what may be a password."""
    with pytest.raises(UsageError, match=says) as refusal:
        place(url)
    assert "Geheim" not in str(refusal.value)
