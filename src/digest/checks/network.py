"""What only the network can tell, asked on request: do links answer, do images come, what does SpamAssassin say.

    links, images ─Online.fetch─▶ WebAnswer
    mail ─REPORT SPAMC/1.5─▶        ◀─ SPAMD/1.1 0 EX_OK, Spam: False ; 1.2 / 5.0, the rules that fired

The web is asked through the `fetch` of the Online handed in, which keeps the same guards as an import's (limits,
private addresses refused); requests overlap, the findings are in document order all the same. spamd is one connection,
with one deadline and a limit on what is read. No daemon, no answer or nonsense is a finding too: who asked for a score
must not take silence for a good one.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct

from digest.checks.context import Hit, WebAnswer, check
from digest.checks.images import kind_of
from digest.errors import DigestError
from digest.model import Severity
from digest.text.urls import without_secrets

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from digest.checks.context import CheckContext

WORKERS = 8
# These statuses say "not you", "not now" or "not like this", and a reader in a browser may well get the page.
_UNSURE = frozenset({401, 402, 403, 405, 406, 407, 408, 418, 421, 423, 425, 426, 428, 429, 431, 451, 999})
MAX_REPLY = 1_000_000  # bytes; a report has a few thousand
_SPAM = re.compile(r"^Spam:[ \t]*(True|False|Yes|No)\s*;\s*(-?[\d.]+)\s*/\s*(-?[\d.]+)", re.IGNORECASE | re.MULTILINE)
_RULE = re.compile(r"^[ \t]*(-?\d+(?:\.\d+)?)\s+([A-Z][A-Z0-9_]{2,})[ \t]+(.*)$", re.MULTILINE)


class _Target(NamedTuple):
    url: str
    where: str


_Answers = list[tuple[_Target, WebAnswer | str]]


@check("link-dead", Severity.ERROR, "network", "A link that answers 404 makes a reader's click the last one.")
def link_dead(context: CheckContext) -> Iterator[Hit]:
    """A link whose server says that the page is not there."""
    for target, answer in context.once(_links):
        if isinstance(answer, WebAnswer) and 400 <= answer.status < 500 and answer.status not in _UNSURE:  # noqa: PLR2004
            yield Hit(target.where, f"{target.url} answers {answer.status}; mend or remove the link")


@check(
    "link-unsure",
    Severity.WARNING,
    "network",
    "A link that cannot be reached now may be dead, or only shy of programs.",
)
def link_unsure(context: CheckContext) -> Iterator[Hit]:
    """A link that failed otherwise: refused, too slow, no such host, an error of the server's."""
    for target, answer in context.once(_links):
        if isinstance(answer, str):
            yield Hit(target.where, f"{_told(target, answer)}; open it by hand")
        elif answer.status in _UNSURE or answer.status >= 500 or answer.status < 200 or 300 <= answer.status < 400:  # noqa: PLR2004
            yield Hit(target.where, f"{target.url} answers {answer.status}; open it by hand")


@check("image-dead", Severity.ERROR, "network", "An image that does not come is a hole in every mail.")
def image_dead(context: CheckContext) -> Iterator[Hit]:
    """An image address that does not answer with an image."""
    for target, answer in context.once(_images):
        if isinstance(answer, str):
            yield Hit(target.where, _told(target, answer))
        elif not 200 <= answer.status < 300:  # noqa: PLR2004 - the range of success
            yield Hit(target.where, f"{target.url} answers {answer.status}")
        elif not answer.data or not (kind := kind_of(answer.data[:1024])):
            yield Hit(target.where, f"{target.url} answers with {answer.content_type or 'no type'}, which is no image")
        elif not answer.content_type.lower().startswith("image/"):
            yield Hit(target.where, f"{target.url} is {kind} and is served as {answer.content_type or 'no type'}")


@check(
    "network-unasked", Severity.WARNING, "network", "Checks that could not ask have found nothing, not nothing wrong."
)
def network_unasked(context: CheckContext) -> Iterator[Hit]:
    """The network was asked for, and no way to it was given."""
    if context.online is None:
        yield Hit("network", "links, images and DNS were not asked: this program was given no way to the network")


@check("spam-score", Severity.ERROR, "network", "What SpamAssassin calls spam, most filters of readers will.")
def spam_score(context: CheckContext) -> Iterator[Hit]:
    """A score at or over the daemon's threshold, with the rules that cost most."""
    verdict = context.once(_verdict)
    if verdict and not isinstance(verdict, str) and verdict.spam:
        worst = ", ".join(f"{name} {points}" for points, name, _ in verdict.rules[:5])
        yield Hit("mail", f"SpamAssassin gives {verdict.score} where {verdict.threshold} is spam: {worst}")


@check("spam-rules", Severity.INFO, "network", "Each rule that fired is a point nearer to the spam folder.")
def spam_rules(context: CheckContext) -> Iterator[Hit]:
    """Every rule of SpamAssassin that cost points."""
    verdict = context.once(_verdict)
    if verdict and not isinstance(verdict, str):
        for points, name, words in verdict.rules:
            if points > 0:
                yield Hit("mail", f"SpamAssassin: {points} {name}: {words}")


@check("spam-unasked", Severity.WARNING, "network", "Silence is not a good score.")
def spam_unasked(context: CheckContext) -> Iterator[Hit]:
    """A spamd that is configured and gave no verdict."""
    if isinstance(context.once(_verdict), str) and context.online and context.online.spamd:
        host, port = context.online.spamd
        yield Hit("mail", f"SpamAssassin at {host}:{port} gave no verdict: {context.once(_verdict)}")


def _told(target: _Target, reason: str) -> str:
    """The address and why nothing came of it; the reason may begin with it, or with where it led."""
    place, _, rest = reason.partition(": ")
    same = place.rstrip("/") == without_secrets(target.url).rstrip("/")
    return f"{target.url}: {rest if same else reason}"


def _links(context: CheckContext) -> _Answers:
    return _answers(context, _targets(context, "link", "a", "href"))


def _images(context: CheckContext) -> _Answers:
    return _answers(context, _targets(context, "image", "img", "src"))


def _answers(context: CheckContext, targets: Iterable[_Target]) -> _Answers:
    """Every target with its answer, or the reason why there is none."""
    if context.online is None or (fetch := context.online.fetch) is None:
        return []
    from concurrent.futures import ThreadPoolExecutor

    def ask(target: _Target) -> tuple[_Target, WebAnswer | str]:
        try:
            return target, fetch(target.url)
        except DigestError as error:
            return target, str(error)

    with ThreadPoolExecutor(WORKERS) as pool:
        return list(pool.map(ask, targets))


def _targets(context: CheckContext, key: str, tag: str, attribute: str) -> Iterator[_Target]:
    seen: dict[str, str] = {}
    for story in context.stories:
        if re.match(r"https?://", url := getattr(story, key).strip()):
            seen.setdefault(url, context.place(story, key))
    for element in context.document.elements:
        url = element.attributes.get(attribute, "").strip()
        if element.tag == tag and re.match(r"https?://", url) and not context.is_slot(url) and url != context.page_url:
            seen.setdefault(url.partition("#")[0] if url.partition("#")[0] in seen else url, element.place)
    return (_Target(url, where) for url, where in seen.items())


class SpamVerdict(Struct, frozen=True, kw_only=True):
    """SpamAssassin's answer. `rules` are (points, name, words), those that cost most first."""

    spam: bool
    score: float
    threshold: float
    rules: tuple[tuple[float, str, str], ...] = ()


def _verdict(context: CheckContext) -> SpamVerdict | str | None:
    """SpamAssassin's verdict, or why there is none; None when it was not asked for."""
    if context.online is None or context.online.spamd is None:
        return None
    try:
        return ask(addressed(context.mail), *context.online.spamd, context.online.seconds)
    except OSError as error:
        return str(error)


def ask(mail: bytes, host: str, port: int, seconds: float) -> SpamVerdict:
    """The verdict of the spamd at host:port. Raises OSError when it cannot be had in time or cannot be read."""
    import socket

    until = time.monotonic() + seconds
    request = b"REPORT SPAMC/1.5\r\nContent-length: %d\r\nUser: digest\r\n\r\n" % len(mail)
    reply = b""
    with socket.create_connection((host, port), timeout=seconds) as connection:
        connection.sendall(request + mail)
        connection.shutdown(socket.SHUT_WR)
        while chunk := connection.recv(65_536):
            reply += chunk
            left = until - time.monotonic()
            if len(reply) > MAX_REPLY or left <= 0:
                message = "the answer is too long" if left > 0 else "the answer takes too long"
                raise OSError(message)
            connection.settimeout(left)
    return read(reply)


def addressed(mail: bytes) -> bytes:
    """The mail as one reader would get it: the built copy is nobody's, and lacking a To costs points of its own."""
    head, end, body = mail.partition(b"\r\n\r\n")
    if re.search(rb"^To:", head, re.IGNORECASE | re.MULTILINE) or not end:
        return mail
    return head + b"\r\nTo: reader@example.org" + end + body


def read(reply: bytes) -> SpamVerdict:
    """Read spamd's reply. Raises OSError for an error code or anything that is no verdict."""
    head, _, report = reply.decode("utf-8", "replace").replace("\r\n", "\n").partition("\n\n")
    status = head.partition("\n")[0]
    if not re.match(r"SPAMD/[\d.]+ 0 ", status):
        message = f"it says {status[:80]!r}" if status else "it says nothing"
        raise OSError(message)
    found = _SPAM.search(head)
    try:
        numbers = (float(found[2]), float(found[3])) if found else None
    except ValueError:
        numbers = None
    if found is None or numbers is None:
        message = "its answer has no score"
        raise OSError(message)
    rules = sorted(((float(p), name, words.strip()) for p, name, words in _RULE.findall(report)), reverse=True)
    spam = found[1].lower() in ("true", "yes")
    return SpamVerdict(spam=spam, score=numbers[0], threshold=numbers[1], rules=tuple(rules))
