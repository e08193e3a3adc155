"""What the mail tests share: a rendering with slots, a letterhead, and parsers that are not ours."""

from __future__ import annotations

import base64
import email
import email.header
import email.policy
import json
import shutil
import subprocess
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from digest import period
from digest.mail.message_id import message_id
from digest.mail.sender_identity import SenderIdentity
from digest.mail.template import MailTemplate
from digest.model import Edition, Recipient, Rendering, slot_token
from needed import needs

HERE = Path(__file__).parent
ZONE = ZoneInfo("Europe/Zurich")
DATE = datetime(2022, 3, 1, 9, 0, tzinfo=ZONE)
EDITION = Edition(period=period.parse("2022-02", ZONE), audience="everyone", language="en")
NONCE = "0f3ac2"
ANNA = Recipient(address="anna.schmidt@example.net", name="Anna Schmidt")
LEAVE = "https://digest.example.org/u/4kXc2vQe0mYt7bWq"
VALUES = {"name": "Anna Schmidt", "unsubscribe_url": LEAVE}


def slot(name):
    return slot_token(NONCE, name)


HTML = f"""<!doctype html>
<html lang="en"><body>
<p>Dear {slot("name")}, five stories – for you &amp; yours.</p>
.a line that begins with a dot
From here on: <a href="https://example.org/a?b=c&amp;d=e">a link</a>
<p title="{slot("name")}"><a href="{slot("unsubscribe_url")}">Leave</a></p>
</body></html>
"""
TEXT = f"""Dear {slot("name")},

Café, 雇用, وظائف.
.
From the newsroom

Leave: {slot("unsubscribe_url")}
"""


def rendering(**changes):
    given = {
        "edition": EDITION,
        "subject": "ILO Newsroom: February 2022",
        "preheader": "Five stories",
        "html": HTML,
        "text": TEXT,
        "nonce": NONCE,
        "slots": frozenset({"name", "unsubscribe_url"}),
    }
    return Rendering(**{**given, **changes})


def letterhead(**changes):
    given = {
        "sender": "digest@example.org",
        "sender_name": "ILO Newsroom",
        "reply_to": "newsroom@ilo.org",
        "list_id": "everyone.digest.example.org",
        "list_name": "All ILO Newsroom content",
        "unsubscribe_mailto": "leave@example.org",
        "unsubscribe_https": True,
        "feedback_id": "2022-02:everyone:digest:ilo",
        "organization": "ILO",
    }
    return SenderIdentity(**{**given, **changes})


def template(composed=None, head=None, **options):
    return MailTemplate.compile(composed or rendering(), head or letterhead(), date=DATE, **options)


def identifier(recipient=ANNA):
    return message_id(EDITION.id, recipient.address, domain="example.org", secret=b"tests")


def mail(made=None, recipient=ANNA, values=None, **options):
    return (made or template()).join(recipient, VALUES if values is None else values, identifier(recipient), **options)


def python_default(mails):
    """Python's email with its modern policy."""
    return [_default(email.message_from_bytes(one, policy=email.policy.default)) for one in mails]


def _default(parsed):
    assert not parsed.defects
    assert all(not value.defects for value in parsed.values())
    found = {
        name.lower().replace("-", "_"): [[box.display_name, box.addr_spec] for box in parsed[name].addresses]
        for name in ("From", "To", "Reply-To")
        if name in parsed
    }
    text, html = (parsed.get_body((kind,)) for kind in ("plain", "html"))
    return {
        **found,
        "subject": parsed["Subject"],
        "message_id": parsed["Message-ID"],
        "list_id": parsed["List-Id"] or "",
        "text": text.get_content(),
        "html": html.get_content(),
        "names": [name.lower() for name in parsed],
        "parser": "Python's email, default policy",
    }


def python_compat32(mails):
    """Python's email with the policy of old, and its decode_header."""
    return [_compat32(email.message_from_bytes(one, policy=email.policy.compat32)) for one in mails]


def _compat32(parsed):
    def decoded(name):
        return str(email.header.make_header(email.header.decode_header(parsed.get(name, "").replace("\r\n", ""))))

    leaves = {part.get_content_type(): part for part in parsed.walk() if not part.is_multipart()}
    return {
        "subject": decoded("Subject"),
        "message_id": parsed["Message-ID"],
        "list_id": decoded("List-Id"),
        "text": leaves["text/plain"].get_payload(decode=True).decode(),
        "html": leaves["text/html"].get_payload(decode=True).decode(),
        "names": [name.lower() for name in parsed.keys()],  # noqa: SIM118 - a Message iterates over nothing else
        "parser": "Python's email, compat32",
    }


def _program(command, name, mails):
    given = json.dumps([base64.b64encode(one).decode() for one in mails])
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return [{**one, "parser": name} for one in json.loads(done.stdout)]


def _node(name):
    node = needs(shutil.which("node"), "Node (for the parsers in tests/mail/node)")
    installed = HERE / "node" / "node_modules" / name
    needs(str(installed) if installed.is_dir() else None, f"{name} (npm install --no-package-lock in tests/mail/node)")
    return lambda mails: _program([node, str(HERE / "node" / "parse.mjs"), name], name, mails)


def _perl():
    perl = needs(shutil.which("perl"), "Perl")
    there = subprocess.run([perl, "-MEmail::MIME", "-MEmail::Address::XS", "-e", "1"], capture_output=True, check=False)
    needs(perl if there.returncode == 0 else None, "Email::MIME (apt-get install libemail-mime-perl)")
    return lambda mails: _program([perl, str(HERE / "parse.pl")], "Email::MIME", mails)


PARSERS = {
    "python-default": lambda: python_default,
    "python-compat32": lambda: python_compat32,
    "postal-mime": lambda: _node("postal-mime"),
    "mailparser": lambda: _node("mailparser"),
    "perl": _perl,
}
