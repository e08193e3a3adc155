"""Where reports lie: a file, an mbox, a Maildir, and a folder on a real IMAP server (Dovecot) over TLS."""

from __future__ import annotations

import datetime as dt
import getpass
import grp
import ipaddress
import mailbox as stdlib_mailbox
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import pytest

from digest.bounces import mailbox
from digest.bounces.mailbox import ImapLogin, open_mailbox, place
from digest.errors import FaultyInput, TransportError, UsageError
from needed import needs

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
def certificate(tmp_path_factory):
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    alternative = x509.SubjectAlternativeName(
        [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    )
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(alternative, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder


CONFIG = """
base_dir = {base}/run
log_path = {base}/log
protocols = imap
listen = 127.0.0.1
ssl = yes
ssl_cert = <{tls}/cert.pem
ssl_key = <{tls}/key.pem
disable_plaintext_auth = yes
login_trusted_networks =
default_internal_user = {internal}
default_internal_group = {internal_group}
default_login_user = {login}
mail_location = maildir:{base}/mail/%u
first_valid_uid = 0
mail_uid = {user}
mail_gid = {group}
mail_privileged_group =
state_dir = {base}/state
ssl_dh =
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {base}/users
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home={base}/mail/%u
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {plain}
  }}
  inet_listener imaps {{
    port = {port}
    ssl = yes
  }}
}}
auth_failure_delay = 0
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  chroot =
}}
"""


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def imap(certificate):
    """A real Dovecot of our own, on two free ports, with one user; ended by its own handle."""
    program = needs(shutil.which("dovecot") or shutil.which("dovecot", path="/usr/sbin"), "Dovecot (dovecot-imapd)")
    own, own_group = getpass.getuser(), grp.getgrgid(os.getgid()).gr_name
    users = {"internal": own, "internal_group": own_group, "login": own, "user": own, "group": own_group}
    if os.getuid() == 0:  # Dovecot runs nothing as root; its package brings users of its own
        users = {"internal": "dovecot", "internal_group": "dovecot", "login": "dovenull", "user": "nobody"}
        users["group"] = grp.getgrgid(pwd.getpwnam("nobody").pw_gid).gr_name
    base = Path(tempfile.mkdtemp(prefix="digest-dovecot-"))  # pytest's own folders are closed to those users
    base.chmod(0o755)
    ports = {"plain": free_port(), "port": free_port()}
    (base / "mail").mkdir()
    shutil.chown(base / "mail", users["user"], users["group"])
    (base / "users").write_text(f"bounces:{{PLAIN}}{PASSWORD}\n")
    (base / "dovecot.conf").write_text(CONFIG.format(base=base, tls=certificate, **users, **ports))
    server = subprocess.Popen([program, "-F", "-c", base / "dovecot.conf"], stderr=subprocess.PIPE)
    try:
        deadline = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", ports["port"]), 1).close()
                break
            except OSError:
                assert server.poll() is None, server.stderr.read().decode()
                assert time.monotonic() < deadline, (base / "log").read_text()
                time.sleep(0.05)
        yield base / "mail" / "bounces", ports, (users["user"], users["group"])
    finally:
        server.terminate()
        server.wait(20)
        server.stderr.close()
        shutil.rmtree(base)


@pytest.fixture
def inbox(imap):
    """The user's Maildir, with three mails that nobody has seen, and the address of the server."""
    folder, ports, owner = imap
    shutil.rmtree(folder, ignore_errors=True)
    box = stdlib_mailbox.Maildir(folder)
    for mail in MAILS:
        box.add(mail)
    for path in (folder, *folder.rglob("*")):
        shutil.chown(path, *owner)
    return folder, f"imaps://bounces@localhost:{ports['port']}/INBOX", f"imap://bounces@localhost:{ports['plain']}"


def test_an_imap_folder_is_read_and_marked(inbox, certificate):
    """Reading marks nothing; done sets the flag on the server; the next run gets only what was left."""
    _, url, _ = inbox
    options = {"login": ImapLogin(password=PASSWORD), "ca_file": str(certificate / "cert.pem")}
    for _ in range(2):
        found = letters(url, **options)
        assert sorted(data.replace(b"\r\n", b"\n") for _, data in found) == sorted(MAILS)
    with open_mailbox(url, **options) as box:
        box.done(key for key, _ in found[:2])
        box.done([])
    assert [key for key, _ in letters(url, **options)] == [found[2][0]]


def test_starttls_is_taken_where_it_is_offered(inbox, certificate):
    """The scheme imap means STARTTLS; this server refuses a password in clear, so the login itself proves it."""
    options = {"login": ImapLogin(password=PASSWORD), "ca_file": str(certificate / "cert.pem")}
    assert len(letters(inbox[2], **options)) == 3


def test_a_large_mail_is_not_fetched(inbox, certificate, monkeypatch):
    """The size is asked for first."""
    monkeypatch.setattr("digest.bounces.mailbox.MAX_MAIL", 30)
    found = letters(inbox[1], login=ImapLogin(password=PASSWORD), ca_file=str(certificate / "cert.pem"))
    assert sum(1 for _, data in found if not data) == 1


def test_a_certificate_nobody_vouches_for_is_refused(inbox):
    """No password is said to a server that cannot prove who it is."""
    with pytest.raises(TransportError, match=r"TLS failed: .*ca_file"):
        letters(inbox[1], login=ImapLogin(password=PASSWORD))
    with pytest.raises(TransportError, match="TLS failed"):
        letters(inbox[2], login=ImapLogin(password=PASSWORD))


def test_a_wrong_password_is_one_line_without_it(inbox, certificate):
    """FAULTS 28, 57: refused once, said, and the password is in no message."""
    with pytest.raises(UsageError, match="the login was refused") as refusal:
        letters(inbox[1], login=ImapLogin(password="Geheim!77"), ca_file=str(certificate / "cert.pem"))
    assert "Geheim" not in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_folder_that_is_not_there_is_said(inbox, certificate):
    """With a name that wants quoting."""
    url = inbox[1].replace("INBOX", 'No%20"such%5C')
    with pytest.raises(UsageError, match="no such folder"):
        letters(url, login=ImapLogin(password=PASSWORD), ca_file=str(certificate / "cert.pem"))


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
