"""The finished mail, byte by byte: line ends, 7 bits, line lengths, headers there and once, From and Reply-To sane.

What is checked here was also promised by `mail/`, which wrote it; this room reads it back without trusting that. The
addresses of newsroom and audience are looked at even when no mail was built.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from digest.checks.context import Hit, check
from digest.checks.parsed_mail import decoded, mailbox
from digest.model import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from digest.checks.context import CheckContext
    from digest.errors import Fault

MAX_LINE = 998  # octets, RFC 5322 2.1.1; longer ones are cut or refused
MAX_ENCODED = 76  # columns of quoted-printable, RFC 2045 6.7, and of a line with encoded words, RFC 2047 2
REQUIRED = ("From", "Date", "Message-ID", "Subject", "MIME-Version", "Content-Type")
ONCE = frozenset({
    "from", "sender", "reply-to", "to", "cc", "bcc", "message-id", "in-reply-to", "references", "subject", "date",
    "mime-version", "content-type", "content-transfer-encoding", "list-id", "list-unsubscribe",
    "list-unsubscribe-post", "auto-submitted", "precedence", "feedback-id",
})  # fmt: skip
_DATE = re.compile(
    r"(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),\s+)?\d{1,2}\s+(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\s+\d{4}"
    r"\s+\d{2}:\d{2}(?::\d{2})?\s+[+-]\d{4}(?:\s+\([^)]*\))?",
    re.ASCII,
)
_ADDRESS_IN_NAME = re.compile(r"[\w.+-]+\s*[@＠]\s*[\w-]+(?:\.[\w-]+)+")


@check("mail-line-ends", Severity.ERROR, "mail", "A bare CR or LF breaks signatures and can smuggle a second mail.")
def mail_line_ends(context: CheckContext) -> Iterator[Hit]:
    """Line ends other than CRLF (RFC 5321 2.3.8)."""
    if found := re.search(rb"(?<!\r)\n|\r(?!\n)", context.mail):
        line = context.mail.count(b"\n", 0, found.start()) + 1
        name = "CR" if found[0] == b"\r" else "LF"
        yield Hit(f"mail:{line}", f"line {line} ends with a bare {name}")


@check("mail-8bit", Severity.ERROR, "mail", "Bytes over 127 are changed or refused by relays without 8BITMIME.")
def mail_8bit(context: CheckContext) -> Iterator[Hit]:
    """Any byte that is not 7-bit, or a NUL."""
    if found := re.search(rb"[\x80-\xff\x00]", context.mail):
        line = context.mail.count(b"\n", 0, found.start()) + 1
        yield Hit(f"mail:{line}", f"line {line} holds the byte {found[0][0]:#04x}; encode it")


@check(
    "mail-line-length", Severity.ERROR, "mail", "Relays cut or refuse long lines, and a cut line breaks the signature."
)
def mail_line_length(context: CheckContext) -> Iterator[Hit]:
    """A line over 998 octets, or over 76 where quoted-printable or base64 rules."""
    encoded = False
    for number, line in enumerate(context.mail.split(b"\r\n"), 1):
        if line[:26].lower() == b"content-transfer-encoding:":
            encoded = line[26:].strip().lower() in (b"quoted-printable", b"base64")
        in_header = re.match(rb"[!-9;-~]+:|[ \t]", line) is not None
        if len(line) > MAX_LINE:
            yield Hit(f"mail:{number}", f"line {number} has {len(line)} octets; the limit is {MAX_LINE}")
        elif encoded and not in_header and len(line) > MAX_ENCODED:
            yield Hit(
                f"mail:{number}", f"line {number} has {len(line)} octets; encoded lines have at most {MAX_ENCODED}"
            )


@check("mail-header-missing", Severity.ERROR, "mail", "A mail without these fields is refused or taken for spam.")
def mail_header_missing(context: CheckContext) -> Iterator[Hit]:
    """One of the fields that every mail of ours must have."""
    for name in REQUIRED:
        if not context.message.value(name):
            yield Hit(f"mail:{name}", f"{name} is missing")


@check("mail-header-twice", Severity.ERROR, "mail", "Of two equal fields each program believes another one.")
def mail_header_twice(context: CheckContext) -> Iterator[Hit]:
    """A field that may stand once (RFC 5322 3.6, RFC 2919, RFC 8058) and stands twice."""
    counts = Counter(field.name for field in context.message.fields)
    for name in sorted(ONCE):
        if counts[name] > 1:
            yield Hit(f"mail:{name.title()}", f"{name.title()} stands {counts[name]} times")


@check("mail-header-form", Severity.ERROR, "mail", "A malformed field is dropped, or ends the header early.")
def mail_header_form(context: CheckContext) -> Iterator[Hit]:
    """A line that is no field, an impossible Date or Message-ID, a Bcc, encoded words that are too long or broken."""
    message = context.message
    for field in message.fields:
        if not field.name:
            yield Hit("mail", f"'{field.value[:40]}' is no header field")
        yield from _encoded_words(field.name.title(), field.lines)
    if (date := message.value("Date")) and not _DATE.fullmatch(date):
        yield Hit("mail:Date", f"'{date[:60]}' is no date of RFC 5322")
    if (identity := message.value("Message-ID")) and not re.fullmatch(r"<[^<>@\s]+@[^<>@\s]+>", identity):
        yield Hit("mail:Message-ID", f"'{identity[:60]}' is not of the form <left@right>")
    if message.all("Bcc"):
        yield Hit("mail:Bcc", "a Bcc field shows everybody who else got the mail; remove it")


@check("mail-parts", Severity.ERROR, "mail", "The last part that a program understands is shown, so text comes first.")
def mail_parts(context: CheckContext) -> Iterator[Hit]:
    """Anything but multipart/alternative with text/plain first and text/html (maybe in multipart/related) after it."""
    message = context.message
    shown = [kind for kind in message.parts if not kind.startswith("image/")]
    wanted = (
        ["multipart/alternative", "text/plain", "text/html"],
        ["multipart/alternative", "text/plain", "multipart/related", "text/html"],
        ["multipart/related", "multipart/alternative", "text/plain", "text/html"],
    )
    if shown not in wanted:
        yield Hit("mail:Content-Type", f"the mail is {' > '.join(shown[:6])}, not {' > '.join(wanted[0])}")


@check("mail-unsubscribe", Severity.ERROR, "mail", "A broken List-Unsubscribe takes the one-click button away.")
def mail_unsubscribe(context: CheckContext) -> Iterator[Hit]:
    """List-Unsubscribe that is encoded or no list of <URI>s, or one-click without https (RFC 2369, RFC 8058)."""
    message = context.message
    value, post = message.value("List-Unsubscribe"), message.value("List-Unsubscribe-Post")
    where = "mail:List-Unsubscribe"
    if message.all("List-Unsubscribe") and not re.fullmatch(r"<[^<>\s]+>(?:\s*,\s*<[^<>\s]+>)*", value):
        yield Hit(where, f"'{value[:60]}' is not <address>, <address>")
    if "http://" in value:
        yield Hit(where, "its web address is not https; one click would be sent in clear")
    if post and post != "List-Unsubscribe=One-Click":
        yield Hit(f"{where}-Post", f"'{post[:40]}' is not List-Unsubscribe=One-Click")
    if post and "<https://" not in value:
        yield Hit(where, "one-click is promised, and there is no https address to post to")


@check(
    "from-spoof",
    Severity.ERROR,
    "mail",
    "A name that shows another address is what a phisher writes, and filters know it.",
)
def from_spoof(context: CheckContext) -> Iterator[Hit]:
    """A sender's name that holds an address other than the one it comes from."""
    named = [("config: newsroom.from", context.newsroom.sender_name or context.newsroom.name, context.newsroom.sender)]
    if box := mailbox(context.message.value("From")):
        named.append(("mail:From", *box))
    for where, name, address in named:
        for found in _ADDRESS_IN_NAME.findall(decoded(name)):
            if re.sub(r"\s", "", found).replace("＠", "@").casefold() != address.casefold():
                yield Hit(where, f"the name shows {found} and the mail comes from {address}; write the newsroom's name")


@check("reply-to", Severity.ERROR, "mail", "A reader's answer must reach the newsroom.")
def reply_to(context: CheckContext) -> Iterator[Hit]:
    """A contact that is no single address; a mail whose Reply-To is missing or another than the contact."""
    contact = context.audience.contact or context.newsroom.contact
    box = mailbox(contact)
    if box is None or box[0]:
        yield Hit("config: newsroom.contact", f"'{contact[:60]}' is not one mail address; write newsroom@example.org")
    fields = context.message.all("Reply-To")
    if not fields:
        yield Hit("mail:Reply-To", f"is missing; it should be {contact}")
    elif (told := mailbox(fields[0].value)) is None:
        yield Hit("mail:Reply-To", f"'{fields[0].value.strip()[:60]}' is not one address")
    elif told[1].casefold() != contact.casefold():
        yield Hit("mail:Reply-To", f"is {told[1]}, and the contact is {contact}")


@check("from-invalid", Severity.ERROR, "mail", "A mail without a sender that can be read is refused.")
def from_invalid(context: CheckContext) -> Iterator[Hit]:
    """A From that is not one mailbox, or another address than the newsroom's."""
    if not context.message.all("From"):
        return
    value = context.message.value("From")
    if (box := mailbox(value)) is None:
        yield Hit("mail:From", f"'{value[:60]}' is not one mailbox")
    elif box[1].casefold() != context.newsroom.sender.casefold():
        yield Hit("mail:From", f"is {box[1]}, and config.yaml says {context.newsroom.sender}")


@check("from-no-reply", Severity.INFO, "mail", "no-reply tells readers that nobody listens.")
def from_no_reply(context: CheckContext) -> Iterator[Hit]:
    """A sender or contact called no-reply."""
    for key, address in (("from", context.newsroom.sender), ("contact", context.newsroom.contact)):
        if re.match(r"(?:no|do-?not)[-_.]?reply", address, re.IGNORECASE):
            yield Hit(
                f"config: newsroom.{key}", f"{address} says that nobody listens; readers' answers are worth having"
            )


@check(
    "address-placeholder",
    Severity.INFO,
    "mail",
    "An address that is nobody's answers no reader, and in some countries the law wants to know where the newsroom is.",
)
def address_placeholder(context: CheckContext) -> Iterator[Hit]:
    """A value of config.yaml that is still the placeholder of `digest init`. A send to real readers refuses it."""
    return map(_of_setting, context.unfilled)


@check(
    "schedule-days",
    Severity.WARNING,
    "mail",
    "Who writes a day of the month and a weekday mostly means both at once, and would mail on other days.",
)
def schedule_days(context: CheckContext) -> Iterator[Hit]:
    """A cron line of the schedule with a day of the month and a weekday: cron takes either of the two."""
    return map(_of_setting, context.either_days)


def _of_setting(fault: Fault) -> Hit:
    return Hit(fault.place, f"{fault.key}: {fault.message}")


def _encoded_words(name: str, lines: tuple[str, ...]) -> Iterator[Hit]:
    for line in lines:
        words = re.findall(r"=\?[^?\s]+\?[^?\s]+\?[^?\s]*\?=", line)
        if words and len(line) > MAX_ENCODED:
            yield Hit(f"mail:{name}", f"a line with encoded words has {len(line)} columns; the limit is {MAX_ENCODED}")
        if re.search(r"=\?[\w-]+\?[bqBQ]\?", line) and not words:
            yield Hit(f"mail:{name}", "an encoded word is never closed")
