"""Secrets and signatures: every mail signed or none sent, and no secret in anything that digest writes or says."""

from __future__ import annotations

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from digest.mail.dkim import load_signer
from digest.newsroom.newsroom import open_newsroom

pytestmark = pytest.mark.archived

FEBRUARY = ("--month", "2022-02", "--audience", "everyone")
SECRETS = {
    "DIGEST_SMTP_PASSWORD": "hunter2-smtp-password",
    "DIGEST_UNSUBSCRIBE_SECRET": "unsubscribe-secret-of-thirty-two",
    "DIGEST_IMAP_PASSWORD": "imap-password-nobody-knows",
}


def pem(bits=2048):
    key = rsa.generate_private_key(public_exponent=65537, key_size=bits)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


@pytest.fixture
def signing(newsroom):
    """A newsroom whose own key signs for example.org."""
    key = newsroom.root / "dkim.pem"
    key.write_bytes(pem())
    key.chmod(0o600)
    newsroom.edit(
        "config.yaml",
        "send:\n",
        "dkim: {signer: digest, domain: example.org, selector: news, key_file: dkim.pem}\nsend:\n",
    )
    return newsroom


def send(newsroom):
    return newsroom("send", *FEBRUARY, "--live", "--yes", "--eml", "out")


def test_every_mail_is_signed_and_the_signature_holds(signing):
    """Each reader's mail carries a signature that dkimpy verifies with the published key."""
    done = send(signing)
    assert done.code == 0, done.err
    signer = load_signer((signing.root / "dkim.pem").read_bytes(), domain="example.org", selector="news", file="k")
    found = list((signing.root / "out").glob("*.eml"))
    assert len(found) == 6
    for path in found:
        assert dkim.verify(path.read_bytes(), dnsfunc=lambda name, timeout=5: signer.record.encode())  # noqa: ARG005


@pytest.mark.parametrize("damage", ["missing", "short", "rubbish"])
def test_without_a_good_key_nothing_goes(signing, damage):
    """A key that is missing, too short or no key stops the send: never an unsigned mail instead."""
    key = signing.root / "dkim.pem"
    if damage == "missing":
        key.unlink()
    else:
        key.write_bytes(pem(1024) if damage == "short" else b"-----BEGIN NOTHING-----")
    done = send(signing)
    assert done.code == 2
    assert "dkim.pem" in done.err
    assert not (signing.root / "out").exists()


def test_a_key_that_others_can_read_is_said(signing):
    """The mail goes, and a line says whose eyes the key is open to."""
    (signing.root / "dkim.pem").chmod(0o644)
    done = send(signing)
    assert (done.code, "chmod 600" in done.err) == (0, True)


@pytest.mark.parametrize(
    "arguments", [("config",), ("check", *FEBRUARY), ("send", *FEBRUARY), ("send", *FEBRUARY, "--live", "--yes")]
)
def test_each_open_secret_is_said_once_with_its_mode(newsroom, sink, arguments):
    """Password, secret and key that others can read are named with path, mode and what to type; the mails go."""
    newsroom.write(".digest/secret", "0" * 64 + "\n").chmod(0o640)
    newsroom.write("password", "hunter2\n").chmod(0o644)
    newsroom.write("closed", "a-secret-of-thirty-two-characters\n").chmod(0o600)
    newsroom.monkeypatch.setenv("DIGEST_SMTP__PASSWORD_FILE", "password")
    newsroom.monkeypatch.setenv("DIGEST_UNSUBSCRIBE__SECRET_FILE", "closed")
    done = newsroom(*arguments)
    assert done.code == 0
    assert [line for line in done.lines if "secret" in line] == [
        "digest: password: has mode 644: others can read this secret; chmod 600 password",
        "digest: .digest/secret: has mode 640: others can read this secret; chmod 600 .digest/secret",
    ]
    assert "chmod" not in newsroom(*arguments, "-q").err
    assert len(sink.mails) == (6 if "--live" in arguments else 0)


def test_a_password_in_config_is_said_with_its_line(newsroom):
    """Everybody who may read the newsroom reads it; from the environment it is where it belongs."""
    url = "postgresql://ana:hunter2@db.example/members"
    newsroom.edit("config.yaml", "csv: recipients/everyone.csv", f"sql: {{url: '{url}', query: SELECT 1}}")
    done = newsroom("config")
    (told,) = (line for line in done.lines if "password" in line)
    assert "audiences.everyone.recipients.sql.url: holds a password, as this file must not" in told
    assert told.endswith("url_env")
    assert "hunter2" not in done.err
    newsroom.monkeypatch.setenv("DIGEST_AUDIENCES__EVERYONE__RECIPIENTS__SQL__URL", url)
    assert "holds a password" not in newsroom("config").err
    for harmless in ("digest@db/crm?sslkey=/x/k.pem", "digest:@db/crm?password="):
        newsroom.edit("config.yaml", url, f"postgresql://{harmless}")
        newsroom.monkeypatch.delenv("DIGEST_AUDIENCES__EVERYONE__RECIPIENTS__SQL__URL", raising=False)
        assert "holds a password" not in newsroom("config").err
        url = f"postgresql://{harmless}"


def test_no_secret_is_in_anything_we_write_or_say(signing):
    """After build, plan, send, status and failures, no file and no output holds a secret."""
    for name, value in SECRETS.items():
        signing.monkeypatch.setenv(name, value)
    signing.monkeypatch.setenv("DIGEST_UNSUBSCRIBE__URL", "https://leave.example.org")
    signing.monkeypatch.setenv("DIGEST_SMTP__USERNAME", "newsroom")
    signing.monkeypatch.setenv("DIGEST_SEND__RELAY_PATIENCE", "0")
    said = [
        signing("build", "--month", "2022-02"),
        signing("config", "--print"),
        signing("send", *FEBRUARY),
        send(signing),
        signing("status", "--json"),
        signing("status", "--html", "status.html"),
        signing("send", "--month", "2021-07", "--audience", "everyone", "--live", "--yes"),  # no relay is there
        signing("bounces", "imaps://newsroom@127.0.0.1:1/INBOX"),
    ]
    text = "".join(done.out + done.err for done in said)
    key = (signing.root / "dkim.pem").read_bytes()
    secrets = [value.encode() for value in SECRETS.values()] + [key.splitlines()[3]]
    for secret in secrets:
        assert secret.decode() not in text
        for path in signing.root.rglob("*"):
            if path.is_file() and path.name != "dkim.pem":
                assert secret not in path.read_bytes(), path


def test_a_plan_needs_no_password_and_a_send_names_the_missing_one(newsroom):
    """A plan and mails as files ask for none; what speaks to the relay says which variable, and which setting."""
    newsroom.edit("config.yaml", "smtp:\n", "smtp:\n  username: digest\n")
    assert newsroom("send", *FEBRUARY).code == 0
    assert newsroom("send", *FEBRUARY, "--to", "me@example.org", "--eml", "test").code == 0
    for wanted in (("--to", "me@example.org"), ("--live", "--yes")):
        done = newsroom("send", *FEBRUARY, *wanted)
        assert (done.code, len(done.lines)) == (2, 1)
        assert "set $DIGEST_SMTP_PASSWORD (smtp.password_env)" in done.err
    newsroom.edit("config.yaml", "  password_env: DIGEST_SMTP_PASSWORD", "  password_env: RELAY")
    assert "set $RELAY (smtp.password_env)" in newsroom("send", *FEBRUARY, "--live", "--yes").err


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_secret_is_what_stands_in_its_line(newsroom, monkeypatch, end):
    """A line's end in the variable (Kubernetes), or Windows' mark before it in the file, is no part of a password."""
    monkeypatch.setenv("DIGEST_SMTP_PASSWORD", f"hunter2{end}")
    newsroom.edit("config.yaml", "smtp:\n", "smtp:\n  username: digest\n")
    assert open_newsroom(newsroom.root / "config.yaml").sending_setup.smtp().password == "hunter2"
    (newsroom.root / "pw").write_bytes(b"\xef\xbb\xbfhunter3" + end.encode())
    newsroom.edit("config.yaml", "smtp:\n", "smtp:\n  password_file: pw\n")
    assert open_newsroom(newsroom.root / "config.yaml").sending_setup.smtp().password == "hunter3"
