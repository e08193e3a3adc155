"""What the top of every mail of an edition says about its sender, and what is wrong with it before any mail is made.

`problems()` refuses names that pose as somebody else's address, and addresses, identifiers and languages that cannot
stand in a header (FAULTS 16, 22). Pure: it never asks DNS whether a domain exists.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING
from urllib.parse import quote

from msgspec import Struct

from digest.mail import header
from digest.mail.address import canonical, domain_of
from digest.text.cleaning import one_line
from digest.text.language import is_tag

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_ADDRESS_LIKE = re.compile(r"(?<![^\s<>(),;:\"])[^\s<>(),;:\"]+@[^\s<>(),;:\"]+")
_FEEDBACK_ID = re.compile(r"[A-Za-z0-9._-]+(?::[A-Za-z0-9._-]+){0,3}", re.ASCII)
_WORD = re.compile(r"[^\W\d_]+")
_LOOK_ALIKE_SCRIPTS = ("LATIN", "CYRILLIC", "GREEK")
_LEAST_SENDER_ID, _SENDER_ID = 5, 15  # what Google asks of the last word
_WORD_OF_ID = 18  # the whole must fit into one line
_MAX_NAME = 200  # characters; a mail program shows some 30 of them


class SenderIdentity(Struct, frozen=True, kw_only=True):
    """Who sends, who is answered, how to leave: the headers that all mails of an edition share.

    Addresses are bare (`digest@example.org`). Fields that are empty leave their header out.
    """

    sender: str  # the From address
    sender_name: str = ""
    reply_to: str  # the newsroom contact
    reply_to_name: str = ""
    list_id: str = ""  # words joined by dots: everyone.2.example.org (RFC 2919)
    list_name: str = ""
    unsubscribe_mailto: str = ""  # an address, or a mailto: URL
    unsubscribe_own_mailto: bool = False  # then every reader has a value `unsubscribe_mailto` with a token of theirs
    unsubscribe_https: bool = False  # then every reader has a value `unsubscribe_url`, and one click leaves (RFC 8058)
    feedback_id: str = ""  # Gmail's Feedback-ID, like 2022-02:everyone:digest:newsroom
    message_id_domain: str = ""  # right-hand side of Message-IDs; the From address's domain when empty
    organization: str = ""
    language: str = ""  # BCP 47; the edition's language when empty
    envelope: str = ""  # the envelope sender, to which reports come back; the From address when empty
    verp: bool = False  # each reader's mail has one of its own, with the Message-ID's token in it
    headers: tuple[tuple[str, str], ...] = ()  # further fields that the newsroom wants, for its relay above all

    @property
    def id_domain(self) -> str:
        """The domain on the right of this identity's Message-IDs: never this machine's name."""
        return self.message_id_domain or domain_of(canonical(self.sender))

    def envelope_for(self, message_id: str) -> str:
        """The envelope sender of the mail with this Message-ID: with `verp` the detail in its address is the token.

        Raises ValueError where the address has no room for it (64 octets before the @: RFC 5321, 4.5.3.1.1).
        """
        plain = self.envelope or self.sender
        if not self.verp:
            return plain
        local, _, domain = plain.rpartition("@")
        return canonical(f"{local}+{message_id.strip('<>').partition('@')[0]}@{domain}")

    @property
    def leave_by_mail(self) -> str:
        """The mailto URL of List-Unsubscribe, or nothing."""
        to = self.unsubscribe_mailto
        return to if not to or to.startswith("mailto:") else f"mailto:{quote(to, safe='@+')}?subject=unsubscribe"


def problems(identity: SenderIdentity) -> tuple[str, ...]:
    """Everything that keeps this identity from being used, each as one line; nothing when it is sound."""
    specimen = f"<{'0' * 40}@example.org>"
    envelope = tuple(_address("newsroom.bounces_to", identity.envelope)) if identity.envelope else ()
    if not envelope and identity.verp:
        envelope = tuple(_tried("bounces.verp: the envelope sender", partial(identity.envelope_for, specimen)))
    wrong = (_tried(f"the header {name!a}", partial(header.own, name, value)) for name, value in identity.headers)
    return (*_problems(identity), *envelope, *chain.from_iterable(wrong))


def feedback_id(period: str, audience: str, language: str, domain: str) -> str:
    """Gmail's Feedback-ID (`a:b:c:SenderId`): which issue, list and language, and who sends, the same for ever.

    >>> feedback_id("2022-02", "everyone", "en", "example.org")
    '2022-02:everyone:lang-en:example.org'
    >>> feedback_id("2022-02", "everyone", "en", "newsletters.example.org")
    '2022-02:everyone:lang-en:newslett-ae735c'
    """
    sender = _shortened(domain.lower(), _SENDER_ID)
    words = (_shortened(period, _WORD_OF_ID), _shortened(audience, _WORD_OF_ID), _shortened(f"lang-{language}", 11))
    return ":".join((*words, sender.ljust(_LEAST_SENDER_ID, "-")))


def _shortened(text: str, most: int) -> str:
    """In the letters that may stand there, with the end of a hash where it would be too long."""
    plain = re.sub(r"[^A-Za-z0-9._-]", "-", text)
    if len(plain) <= most:
        return plain
    return f"{plain[: most - 7]}-{hashlib.sha256(text.encode()).hexdigest()[:6]}"


def _problems(head: SenderIdentity) -> Iterator[str]:
    yield from _address("the From address", head.sender)
    if head.reply_to:
        yield from _address("the Reply-To address (the newsroom's contact)", head.reply_to)
    else:
        yield "the Reply-To address is missing: give the newsroom's contact, so that readers' answers reach a person"
    yield from _name("the From name", head.sender_name, head.sender)
    yield from _name("the Reply-To name", head.reply_to_name, head.reply_to)
    yield from _name("the list's name", head.list_name, head.sender)
    yield from _name("the organization", head.organization, head.sender)
    if head.list_id:
        yield from _tried("the List-Id", lambda: header.list_id("", head.list_id))
    elif head.list_name:
        yield "the list has a name but no List-Id: give it one, like everyone.2.example.org"
    to = head.unsubscribe_mailto
    if to.startswith("mailto:"):
        yield from _tried("the unsubscribe address", lambda: header.url(to))
        yield from _address("the unsubscribe address", to.removeprefix("mailto:").partition("?")[0])
    elif to:
        yield from _address("the unsubscribe address", to)
    if head.feedback_id and not _FEEDBACK_ID.fullmatch(head.feedback_id):
        yield f"the Feedback-ID {head.feedback_id!a} is not up to four words of letters, digits, . _ - joined by colons"
    elif head.feedback_id:
        yield from _tried("the Feedback-ID", lambda: header.literal("Feedback-ID", head.feedback_id))
    if head.message_id_domain:
        yield from _address("the Message-ID domain", f"id@{head.message_id_domain}")
    if head.language and not is_tag(head.language):
        yield f"the language {head.language!a} is no BCP 47 tag: write en, or pt-BR"


def _tried(what: str, build: Callable[[], object]) -> Iterator[str]:
    try:
        build()
    except ValueError as error:
        yield f"{what}: {error}"


def _address(what: str, address: str) -> Iterator[str]:
    try:
        folded = canonical(address)
    except ValueError as error:
        yield f"{what} {address!a} {error}"
        return
    if folded != address:
        yield f"{what} {address!a} is not in its canonical form: write {folded}"


def _name(what: str, name: str, sender: str) -> Iterator[str]:
    if len(name) > _MAX_NAME:  # said alone: each of the others shows the name, and there may be one for each word
        yield f"{what} has {len(name)} characters: keep it under {_MAX_NAME}"
        return
    if name != one_line(name):
        yield f"{what} {name!a} holds line breaks, controls, direction marks or blanks too many: write it plainly"
    folded = unicodedata.normalize("NFKC", name)
    for posed in _ADDRESS_LIKE.findall(folded):
        if posed.strip(".'").casefold() != sender.casefold():
            yield f"{what} {name!a} looks like the address {posed!a}, which is not {sender}: use a name"
    for word in _WORD.findall(folded):
        scripts = {script for letter in word if letter.isalpha() if (script := _script(letter))}
        if len(scripts) > 1:
            mixed = " and ".join(sorted(script.capitalize() for script in scripts))
            yield f"{what} {name!a} mixes {mixed} letters in one word, as a forgery does: write it in one script"


def _script(letter: str) -> str:
    return next((script for script in _LOOK_ALIKE_SCRIPTS if unicodedata.name(letter, "").startswith(script)), "")
