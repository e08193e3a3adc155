"""Contrast in light and dark, computed from the styles in the mail by the WCAG formula.

What is computed: the first frame a program with full CSS support shows, by `cascade`. What is not: forced inversion,
text over pictures, `[data-ogsc]` styles, hover. The preview and its browser tests show those.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from digest.checks.cascade import has_scheme, looks
from digest.checks.check import Hit, check
from digest.checks.colours import contrast
from digest.model import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from digest.checks.cascade import Scheme
    from digest.checks.context import CheckContext

NORMAL, LARGE = 4.5, 3.0  # WCAG 2.2, 1.4.3, level AA
LARGE_SIZE, LARGE_BOLD = 24.0, 18.66  # CSS pixels: 18 pt, and 14 pt bold
MIN_SIZE = 1.0  # smaller text is there for programs, not for readers (preheaders, MJML's zero-size cells)


@check("contrast-light", Severity.WARNING, "rendering", "Text too near its background cannot be read by one in twelve.")
def contrast_light(subject: CheckContext) -> Iterator[Hit]:
    """Text under 4.5 to 1 (3 to 1 when large) in the light scheme."""
    yield from _weak(subject, "light")


@check(
    "contrast-dark",
    Severity.WARNING,
    "rendering",
    "Dark styles that forget one element leave dark text on a dark page.",
)
def contrast_dark(subject: CheckContext) -> Iterator[Hit]:
    """The same with the mail's `prefers-color-scheme: dark` rules; nothing when it has none."""
    if subject.document and has_scheme(subject.stylesheet, "dark"):
        yield from _weak(subject, "dark")


def _weak(subject: CheckContext, scheme: Scheme) -> Iterator[Hit]:
    if subject.document is None:
        return
    found: dict[tuple[str, str, bool], tuple[str, str, float]] = {}
    counts: dict[tuple[str, str, bool], int] = {}
    for element, look in looks(subject.document, subject.stylesheet, scheme):
        if look.hidden or look.behind is None or look.size < MIN_SIZE:
            continue
        text = " ".join(element.own_text.split())
        if not re.search(r"\w", text):  # blanks, separators and what fills a preheader up are not read
            continue
        seen = look.colour.over(look.behind)
        large = look.size >= LARGE_SIZE or (look.bold and look.size >= LARGE_BOLD)
        ratio = contrast(seen, look.behind)
        if ratio < (LARGE if large else NORMAL):
            key = (str(seen), str(look.behind), large)
            found.setdefault(key, (f"html:{element.line}", text, ratio))
            counts[key] = counts.get(key, 0) + 1
    for key, (where, text, ratio) in found.items():
        more = f", and {counts[key] - 1} more places" if counts[key] > 1 else ""
        wanted = LARGE if key[2] else NORMAL
        shown = text if len(text) <= 40 else text[:39] + "…"  # noqa: PLR2004 - enough to find it
        yield Hit(where, f"“{shown}” is {key[0]} on {key[1]}, {ratio:.1f} to 1 where {wanted} is needed{more}")
