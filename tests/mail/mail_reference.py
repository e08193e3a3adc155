"""The same mail made the plain way: everything filled in first, then encoded in one pass, one character at a time.

It is the yardstick of `MailTemplate.join`: both must give the same bytes for the same values, and here it is checked
that these decode to what was meant. Some thousand times slower.
"""

from __future__ import annotations

import hashlib
import quopri
from typing import TYPE_CHECKING

from digest.mail import body, head, header
from digest.mail.body import html_body, plain_body
from digest.mail.dkim import relaxed
from digest.mail.quoted import WIDTH, escape
from digest.mail.slots import Hole, cut, holes, places
from digest.text.cleaning import one_line

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from digest.mail.template import MailTemplate
    from digest.model import Recipient


def slow_join(
    template: MailTemplate,
    recipient: Recipient | None,
    values: Mapping[str, str],
    message_id: str,
    subject_prefix: str = "",
) -> bytes:
    """What `template.join` returns, worked out from the template's rendering and identity alone."""
    rendering, identity = template.rendering, template.identity
    frame = body.architecture(rendering)
    text, html = plain_body(rendering.text), html_body(rendering.html)
    content = frame.before_text + _filled(*holes(*cut(text, rendering.nonce, rendering.slots)), values)
    where = places(html, rendering.nonce, rendering.slots)
    content += frame.before_html + _filled(*holes(*cut(html, rendering.nonce, rendering.slots), where), values)
    content += frame.after_html
    subject = holes(*cut(one_line(rendering.subject), rendering.nonce, rendering.slots))
    rows = head.shared(identity, subject, template.date, rendering.edition.language, frame.content_type)
    field_names = head.names(rows, identity)
    rows[head.HeaderRow.SUBJECT] = head.subject_field(subject, values, subject_prefix)
    rows[head.HeaderRow.TO] = header.mailbox("To", recipient.name, recipient.address) if recipient else b""
    rows[head.HeaderRow.ID] = header.message_id(message_id)
    leave = head.ListUnsubscribe(identity)
    if leave.slots:
        rows[head.HeaderRow.LEAVE] = leave.field(values)
    fields = b"".join(rows)
    if template.signer:
        seal = template.signer.prepare(field_names, int(template.date.timestamp()))
        fields = seal.signature(relaxed(fields), hashlib.sha256(content).digest()) + fields
    return fields + b"\r\n" + content


def _filled(literals: Sequence[str], found: Sequence[Hole], values: Mapping[str, str]) -> bytes:
    """The filled body, encoded in one pass, with the soft breaks that set each slot on a line of its own."""
    whole, slots = literals[0], []
    for hole, literal in zip(found, literals[1:], strict=True):
        start = len(whole)
        whole += hole.text(values)
        slots.append((start, len(whole)))
        whole += literal
    encoded = encode(whole, slots)
    if quopri.decodestring(encoded).decode() != whole.replace("\n", "\r\n"):
        message = "quoted-printable does not decode to what was encoded"
        raise AssertionError(message)
    return encoded


def encode(text: str, slots: Sequence[tuple[int, int]] = ()) -> bytes:
    r"""Quoted-printable of `text`, one character at a time; each span of `slots` has encoded lines of its own."""
    edges = {edge for span in slots for edge in span}
    out, line = [], ""
    for offset, character in enumerate(text):
        for number, (start, end) in enumerate(slots):
            if offset == start and line:
                out.append(line + "=\r\n")
                line = ""
            another_follows = offset in (first for first, _ in slots[number + 1 :])
            if offset == end and (character != "\n" or another_follows):
                out.append(line + "=\r\n")
                line = ""
        if character == "\n":
            out.append(line + "\r\n")
            line = ""
            continue
        token = character if character == "\t" or (" " <= character <= "~" and character != "=") else escape(character)
        last = text[offset + 1 : offset + 2] in ("", "\n") or offset + 1 in edges
        if character in " \t" and last:
            token = escape(character)
        if len(line) + len(token) > WIDTH:
            out.append(line + "=\r\n")
            line = ""
        if not line and (character == "." or _is_from(text, offset, edges)):
            token = escape(character)
        line += token
    return "".join([*out, line]).encode("ascii")


def _is_from(text: str, offset: int, edges: Collection[int]) -> bool:
    """Whether `From `, its blank in the open, stands at `offset`."""
    if text[offset : offset + 5] != "From " or text[offset + 5 : offset + 6] in ("", "\n"):
        return False
    return not any(edge in edges for edge in range(offset + 1, offset + 6))
