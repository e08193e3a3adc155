"""Whether a site lets programs that come by themselves read a page: its robots.txt (RFC 9309).

    robots.txt ─groups─▶ ours, else everybody's ─longest rule─▶ the rule that forbids, or nothing

It is asked for pages that are read by a schedule. An address that a person names is not a crawler's, and feeds and
tables are there for programs to fetch. A site that has no robots.txt forbids nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from msgspec import Struct

from digest.errors import FetchError
from digest.fetching.fetch import ask

if TYPE_CHECKING:
    from collections.abc import Iterator

AGENT = "digest"  # the product token of our User-Agent
_LARGEST = 500 * 1024  # bytes; what comes after them is not read (RFC 9309, 2.5)
_MISSING = 400
_FAILING = 500


class _Rule(Struct, frozen=True, kw_only=True):
    """One line: whether it allows, the pattern of paths, and where it stands."""

    allows: bool
    pattern: str
    line: int
    text: str

    @property
    def weight(self) -> tuple[int, bool]:
        """The longest pattern counts, and of two as long the one that allows (RFC 9309, 2.2.2)."""
        return len(self.pattern), self.allows


def forbidden(url: str, *, timeout: float, allow_private: bool = False) -> str:
    """Ask the site of `url` for its robots.txt: the line that forbids reading it, or nothing.

    Raises FetchError where the site does not say: what fails may be read when it is well again (RFC 9309, 2.3.1.4).
    """
    place = urlsplit(url)
    address = f"{place.scheme}://{place.netloc}/robots.txt"
    answer = ask(address, max_bytes=_LARGEST, timeout=timeout, allow_private=allow_private)
    if answer.status >= _FAILING:
        message = f"{address}: the server answered {answer.status}, so it is not known whether the page may be read"
        raise FetchError(message)
    if answer.status >= _MISSING:
        return ""
    path = (place.path or "/") + (f"?{place.query}" if place.query else "")
    return forbidding(answer.data.decode("utf-8", "replace"), path)


def forbidding(text: str, path: str) -> str:
    r"""The rule of a robots.txt that forbids `path` to us, with its line: `robots.txt:3: Disallow: /news`.

    >>> forbidding("User-agent: *\nDisallow: /", "/news")
    'robots.txt:2: Disallow: /'
    """
    groups: dict[str, list[_Rule]] = {}
    for agents, rule in _rules(text):
        for name in agents:
            groups.setdefault(name, []).extend([rule] if rule else [])
    rules = groups.get(AGENT.lower(), groups.get("*", []))
    matching = [rule for rule in rules if _matches(rule.pattern, unquote(path))]
    best = max(matching, key=lambda rule: rule.weight, default=None)
    return "" if best is None or best.allows else f"robots.txt:{best.line}: {best.text}"


def _rules(text: str) -> Iterator[tuple[list[str], _Rule | None]]:
    """Each rule with the agents of its group; a group without a rule by itself."""
    agents: list[str] = []
    begun = False  # the group's agents are all named
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), 1):
        said = line.partition("#")[0].strip()
        key, _, value = (part.strip() for part in said.partition(":"))
        if key.lower() == "user-agent":
            name = value.lower().partition("/")[0].strip()  # `Digest/1.0` names us, too
            agents = [name] if begun else [*agents, name]
            begun = False
            yield agents, None
        elif key.lower() in ("allow", "disallow"):
            begun = True
            if value:
                yield agents, _Rule(allows=key.lower() == "allow", pattern=value, line=number, text=said)


def _matches(pattern: str, path: str) -> bool:
    """`*` is any characters, `$` at the end the end; else the pattern is how the path begins."""
    whole = pattern.endswith("$")
    first, *pieces = map(unquote, pattern.removesuffix("$").split("*"))
    if not path.startswith(first):
        return False
    at = len(first)
    for number, piece in enumerate(pieces, 1):
        if whole and number == len(pieces):
            return len(path) - len(piece) >= at and path.endswith(piece)
        at = path.find(piece, at)
        if at < 0:
            return False
        at += len(piece)
    return not whole or at == len(path)
