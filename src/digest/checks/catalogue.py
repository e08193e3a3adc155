"""Every check by its code, and every finding that the composer makes by its own: what `--explain` tells.

A plain dict is the registry. A check is in it because it stands in one of the rooms below; nothing else registers it.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from digest.checks import (
    authentication,
    clients,
    contrast,
    images,
    links,
    message,
    network,
    placeholder,
    rendering,
    selection,
    spamd,
    stories,
    structure,
)
from digest.checks.check import Check
from digest.errors import UsageError
from digest.yamlfile import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_ROOMS = (
    stories, selection, images, links, rendering, structure, contrast, clients, message, placeholder, network, spamd,
    authentication,
)  # fmt: skip


def _gathered() -> dict[str, Check]:
    found = [one for room in _ROOMS for one in vars(room).values() if isinstance(one, Check)]
    return {one.code: one for one in (*found, *links.LINK_CHECKS)}


CHECKS: Mapping[str, Check] = MappingProxyType(_gathered())

# What the composer says while it composes, with why it says so. Its other codes are those of checks above.
COMPOSED: Mapping[str, str] = MappingProxyType(
    {
        "image-size": "A photo too large to travel in the mail is left out of it.",
        "image-type": "A photo in a format that many mail programs do not show is left out.",
        "image-unresolved": "A photo by a path needs an address on the web, or to travel in the mail (cid).",
        "size-cut": "The last stories are shown as titles, so that Gmail does not clip the mail.",
        "size-over": "The mail is over its limit even with every story cut to its title.",
        "summary-html": "HTML in a summary is shown as it is typed; summaries are Markdown.",
        "words-missing": "The theme has no words in this language, so it speaks English.",
    }
)
# A finding of the composer's is left out where a check says the same of the same place, with the line.
SAID_BY: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "image-missing": frozenset({"image-missing"}),
        "image-size": frozenset({"image-too-big"}),
        "image-type": frozenset({"image-format", "image-broken"}),
        "image-unsafe": frozenset({"image-unsafe"}),
        "link-relative": frozenset({"link-relative", "link-malformed"}),
        "link-unsafe": frozenset({"link-unsafe", "link-malformed", "link-disguised", "link-private"}),
    }
)


def explain(code: str) -> str:
    """What a code means, why it matters and how to rule on it. Raises UsageError for a code that there is not."""
    if code in COMPOSED:
        lines = [f"{code} (found while composing)", f"Why: {COMPOSED[code]}"]
    elif code in CHECKS:
        one = CHECKS[code]
        lines = [f"{code} ({one.severity}; looks at {_SCOPES[one.scope]})", f"Why: {one.why}"]
        lines.append(f"Finds: {' '.join((one.run.__doc__ or '').split())}")
    else:
        message = f"{code!r} is no check{meant(code)}"
        raise UsageError(message)
    lines.append(f"To change it, in config.yaml: checks: {{{code}: {{severity: off, reason: …}}}}")
    return "\n".join(lines)


def meant(code: str) -> str:
    """`, did you mean 'alt-missing'?`, or where to find all codes."""
    hint = did_you_mean(code, known())
    return hint if hint.startswith(", did you mean") else f"; there are {', '.join(known())}"


def known() -> Iterable[str]:
    """Every code that a policy may rule on, in order."""
    return sorted({*CHECKS, *COMPOSED})


_SCOPES = {
    "stories": "the stories",
    "rendering": "the composed edition",
    "mail": "the finished mail",
    "network": "the network, on request",
}
