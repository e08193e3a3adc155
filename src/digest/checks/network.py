"""What only the network can tell, asked on request: do links answer, do images come, what do DNS and spamd say.

This module holds no network code: `Online` is handed in by the wiring, with a `fetch` that keeps the same guards as an
import's (limits, private addresses refused). Requests overlap; the findings are in document order all the same.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from digest.checks.check import Hit, check
from digest.checks.images import kind_of
from digest.errors import DigestError
from digest.model import Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from digest.checks.context import CheckContext

WORKERS = 8
# These statuses say "not you", "not now" or "not like this", and a reader in a browser may well get the page.
_UNSURE = frozenset({401, 402, 403, 405, 406, 407, 408, 418, 421, 423, 425, 426, 428, 429, 431, 451, 999})


class WebAnswer(NamedTuple):
    """What a fetch brought, after redirects."""

    status: int
    content_type: str
    data: bytes = b""


@dataclass(frozen=True, kw_only=True)
class Online:
    """The ways out, each None when it is not to be used.

    `fetch(url)` raises a DigestError for what it refuses or cannot reach, and may be called from several threads.
    `dns` asks for SPF, DKIM and DMARC; `resolver` is a dnspython Resolver, None the system's. `spamd` is (host, port).
    """

    fetch: Callable[[str], WebAnswer] | None = None
    dns: bool = True
    resolver: Any = None
    spamd: tuple[str, int] | None = None
    seconds: float = 10.0  # for spamd and for one DNS question


class _Target(NamedTuple):
    url: str
    where: str


@check("link-dead", Severity.ERROR, "network", "A link that answers 404 makes a reader's click the last one.")
def link_dead(subject: CheckContext) -> Iterator[Hit]:
    """A link whose server says that the page is not there."""
    for target, answer in _answers(subject, "links"):
        if isinstance(answer, WebAnswer) and 400 <= answer.status < 500 and answer.status not in _UNSURE:  # noqa: PLR2004
            yield Hit(target.where, f"{target.url} answers {answer.status}; mend or remove the link")


@check(
    "link-unsure",
    Severity.WARNING,
    "network",
    "A link that cannot be reached now may be dead, or only shy of programs.",
)
def link_unsure(subject: CheckContext) -> Iterator[Hit]:
    """A link that failed otherwise: refused, too slow, no such host, an error of the server's."""
    for target, answer in _answers(subject, "links"):
        if isinstance(answer, str):
            yield Hit(target.where, f"{target.url}: {answer}; open it by hand")
        elif answer.status in _UNSURE or answer.status >= 500 or answer.status < 200 or 300 <= answer.status < 400:  # noqa: PLR2004
            yield Hit(target.where, f"{target.url} answers {answer.status}; open it by hand")


@check("image-dead", Severity.ERROR, "network", "An image that does not come is a hole in every mail.")
def image_dead(subject: CheckContext) -> Iterator[Hit]:
    """An image address that does not answer with an image."""
    for target, answer in _answers(subject, "images"):
        if isinstance(answer, str):
            yield Hit(target.where, f"{target.url}: {answer}")
        elif not 200 <= answer.status < 300:  # noqa: PLR2004 - the range of success
            yield Hit(target.where, f"{target.url} answers {answer.status}")
        elif not answer.data or not (kind := kind_of(answer.data[:1024])):
            yield Hit(target.where, f"{target.url} answers with {answer.content_type or 'no type'}, which is no image")
        elif not answer.content_type.lower().startswith("image/"):
            yield Hit(target.where, f"{target.url} is {kind} and is served as {answer.content_type or 'no type'}")


@check(
    "network-unasked", Severity.WARNING, "network", "Checks that could not ask have found nothing, not nothing wrong."
)
def network_unasked(subject: CheckContext) -> Iterator[Hit]:
    """The network was asked for, and no way to it was given."""
    if subject.online is None:
        yield Hit("network", "links, images and DNS were not asked: this program was given no way to the network")


def _answers(subject: CheckContext, kind: str) -> list[tuple[_Target, WebAnswer | str]]:
    """Every target with its answer, or the reason why there is none. Asked once for a subject."""
    if subject.online is None or subject.online.fetch is None:
        return []
    if kind not in subject.fetched:
        from concurrent.futures import ThreadPoolExecutor

        targets = list(_links(subject) if kind == "links" else _images(subject))
        with ThreadPoolExecutor(WORKERS) as pool:
            found = pool.map(lambda target: _ask(subject.online, target.url), targets)
            subject.fetched[kind] = list(zip(targets, found, strict=True))
    return subject.fetched[kind]


def _ask(online: Online | None, url: str) -> WebAnswer | str:
    if online is None or online.fetch is None:
        return "nobody to ask"
    try:
        return online.fetch(url)
    except DigestError as error:
        return str(error)


def _links(subject: CheckContext) -> Iterator[_Target]:
    yield from _targets(subject, "link", "a", "href")


def _images(subject: CheckContext) -> Iterator[_Target]:
    yield from _targets(subject, "image", "img", "src")


def _targets(subject: CheckContext, key: str, tag: str, attribute: str) -> Iterator[_Target]:
    seen: dict[str, str] = {}
    for story in subject.stories:
        if re.match(r"https?://", url := getattr(story, key).strip()):
            seen.setdefault(url, subject.place(story, key))
    for element in subject.document.elements if subject.document else ():
        url = element.attributes.get(attribute, "").strip()
        if element.tag == tag and re.match(r"https?://", url) and not subject.is_slot(url):
            seen.setdefault(url.partition("#")[0] if url.partition("#")[0] in seen else url, f"html:{element.line}")
    return (_Target(url, where) for url, where in seen.items())
