"""Contrast in light and dark, computed from the styles in the mail by the WCAG formula.

    Stylesheet, style attributes ─cascade─▶ ComputedStyle of each element ─WCAG─▶ hits

What is computed: the first frame a program with full CSS support shows, by a plain cascade: `style` attributes,
`<style>` rules (specificity and `!important` as CSS has them), old attributes (`bgcolor`, `color`), inheritance, and
the browser's own defaults for links and headings. Rules under a condition count when it is `prefers-color-scheme` of
the asked scheme, or `screen`; those for a width or a feature do not. What is not: forced inversion, text over pictures
(what is behind is unknown then, and nothing is said), `[data-ogsc]` styles, hover. The preview and its browser tests
show those.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct, field

from digest.checks.context import Hit, check
from digest.checks.css import declarations
from digest.model import Severity
from digest.text import colour as colours
from digest.text.colour import READABLE, contrast
from digest.text.wrapping import clipped

if TYPE_CHECKING:
    from collections.abc import Iterator

    from digest.checks.context import CheckContext
    from digest.checks.css import Stylesheet
    from digest.checks.document import HtmlDocument, Node
    from digest.text.colour import Colour

Scheme = Literal["light", "dark"]

LARGE = 3.0  # WCAG 2.2, 1.4.3, level AA, for large text; READABLE is for all other
LARGE_SIZE, LARGE_BOLD = 24.0, 18.66  # CSS pixels: 18 pt, and 14 pt bold
MIN_SIZE = 1.0  # smaller text is there for programs, not for readers (preheaders, MJML's zero-size cells)

_PROPERTIES = frozenset({
    "color", "background", "background-color", "background-image", "font", "font-size", "font-weight",
    "display", "visibility", "opacity", "max-height", "overflow",
})  # fmt: skip
_HEADING_SIZE = {"h1": 2.0, "h2": 1.5, "h3": 1.17, "h4": 1.0, "h5": 0.83, "h6": 0.67}
_SIZES = {"xx-small": 9, "x-small": 10, "small": 13, "medium": 16, "large": 18, "x-large": 24, "xx-large": 32}
_UNITS = {"px": 1.0, "pt": 4 / 3, "pc": 16.0, "in": 96.0, "cm": 96 / 2.54, "mm": 96 / 25.4}
_UNSEEN = frozenset({"head", "style", "script", "title"})
_TELLING = frozenset({"a", "small", "b", "strong", "th", *_HEADING_SIZE, *_UNSEEN})  # they have a look of their own
_BOLD = 600
_SAYING = frozenset({"style", "bgcolor", "background", "color", "hidden"})  # attributes that say how it looks
_CONDITION = re.compile(r"prefers-color-scheme\s*:\s*(light|dark)")
# What Chromium draws where nobody said anything: text, page, link.
_DEFAULTS: dict[Scheme, tuple[str, str, str]] = {
    "light": ("#000000", "#ffffff", "#0000ee"),
    "dark": ("#ffffff", "#121212", "#9e9eff"),
}

Winning = dict[str, str]
_Weight = tuple[int, tuple[int, int, int], int]  # origin, specificity, order
_NONE: _Weight = (-2, (0, 0, 0), 0)
_LOWEST: _Weight = (-1, (0, 0, 0), 0)


@check("contrast-light", Severity.WARNING, "rendering", "Text too near its background cannot be read by one in twelve.")
def contrast_light(context: CheckContext) -> Iterator[Hit]:
    """Text under 4.5 to 1 (3 to 1 when large) in the light scheme."""
    yield from _weak(context, "light")


@check(
    "contrast-dark",
    Severity.WARNING,
    "rendering",
    "Dark styles that forget one element leave dark text on a dark page.",
)
def contrast_dark(context: CheckContext) -> Iterator[Hit]:
    """The same with the mail's `prefers-color-scheme: dark` rules; nothing when it has none."""
    if has_scheme(context.stylesheet, "dark"):
        yield from _weak(context, "dark")


def _weak(context: CheckContext, scheme: Scheme) -> Iterator[Hit]:
    found: dict[tuple[str, str, bool], tuple[str, str, float]] = {}
    counts: dict[tuple[str, str, bool], int] = {}
    for element, look in looks(context.document, context.once(_matched), scheme):
        if look.hidden or look.behind is None or look.size < MIN_SIZE:
            continue
        text = " ".join(element.own_text.split())
        if not re.search(r"\w", text):  # blanks, separators and what fills a preheader up are not read
            continue
        seen = look.colour.over(look.behind)
        large = look.size >= LARGE_SIZE or (look.bold and look.size >= LARGE_BOLD)
        ratio = contrast(seen, look.behind)
        if ratio < (LARGE if large else READABLE):
            key = (str(seen), str(look.behind), large)
            found.setdefault(key, (element.place, text, ratio))
            counts[key] = counts.get(key, 0) + 1
    for key, (where, text, ratio) in found.items():
        more = f", and {counts[key] - 1} more places" if counts[key] > 1 else ""
        wanted = LARGE if key[2] else READABLE
        yield Hit(
            where, f"“{clipped(text, 40)}” is {key[0]} on {key[1]}, {ratio:.1f} to 1 where {wanted} is needed{more}"
        )


class ComputedStyle(Struct, frozen=True, kw_only=True):
    """How an element's own text is seen. `behind` is None where a picture is. Sizes are CSS pixels."""

    colour: Colour
    behind: Colour | None
    size: float
    bold: bool
    hidden: bool


def looks(document: HtmlDocument, matching: list[list[Any]], scheme: Scheme) -> Iterator[tuple[Node, ComputedStyle]]:
    """Every element with how its own text looks in this scheme, in document order; `matching` is each one's rules."""
    supports_dark = any("dark" in (meta.attributes.get("content") or "") for meta in _scheme_metas(document))
    text, page, link = _DEFAULTS["dark" if scheme == "dark" and supports_dark else "light"]
    first = ComputedStyle(colour=_known(text), behind=_known(page), size=16.0, bold=False, hidden=False)
    computed: dict[int, ComputedStyle] = {}
    for element, rules in zip(document.elements, matching, strict=True):
        above = computed.get(id(element.parent), first)
        look = _look(element, above, _winning(element, rules, scheme), link)
        computed[id(element)] = look
        yield element, look


def has_scheme(sheet: Stylesheet, scheme: Scheme) -> bool:
    """Tell whether any rule is meant for this scheme alone."""
    return any(_CONDITION.search(media) and scheme in media for rule in sheet.rules for media in rule.media)


def _scheme_metas(document: HtmlDocument) -> Iterator[Node]:
    return (e for e in document.elements if e.tag == "meta" and e.attributes.get("name", "").lower() == "color-scheme")


def _known(text: str) -> Colour:
    return colours.parse(text) or colours.TRANSPARENT


def _applies(media: tuple[str, ...], scheme: Scheme) -> bool:
    for condition in media:
        plain = re.sub(r"\b(?:only|screen|all|and)\b", " ", _CONDITION.sub(" ", condition))
        if (found := _CONDITION.search(condition)) and found[1] != scheme:
            return False
        if plain.strip(" ()"):
            return False
    return True


def _matched(context: CheckContext) -> list[list[Any]]:
    return matched(context.document, context.stylesheet)


def matched(document: HtmlDocument, sheet: Stylesheet) -> list[list[Any]]:
    """For each element the rules that set what we look at, in either scheme, as cssselect2 says which match."""
    import cssselect2

    matcher = _matcher(sheet)
    found = []
    for wrapper in cssselect2.ElementWrapper.from_html_root(document.etree).iter_subtree():
        _ = wrapper.ancestors  # kept from the root downwards: from below they are gathered by recursion
        found.append(matcher.match(wrapper))
    return found


def _matcher(sheet: Stylesheet) -> Any:
    """The selectors of those rules, each with the schemes in which it counts, and its declarations."""
    import cssselect2

    matcher = cssselect2.Matcher()
    for rule in sheet.rules:
        wanted = [declaration for declaration in rule.declarations if declaration.property in _PROPERTIES]
        schemes = [scheme for scheme in _DEFAULTS if _applies(rule.media, scheme)]
        if wanted and schemes:
            for selector in rule.selectors:
                matcher.add_selector(selector, (schemes, wanted))
    return matcher


class _Contest(Struct, eq=False):
    """The declarations offered for one element; of each property the one that weighs most is kept."""

    won: Winning = field(default_factory=dict)
    weights: dict[str, _Weight] = field(default_factory=dict)

    def offer(self, name: str, value: str, weight: _Weight) -> None:
        # `background` sets what `background-color` sets, so the two are weighed as one.
        key = "background" if name == "background-color" else name
        if self.weights.get(key, _NONE) <= weight:
            self.weights[key] = weight
            self.won[key] = value


def _winning(element: Node, matching: list[Any], scheme: Scheme) -> Winning:
    have = element.attributes
    if not matching and _SAYING.isdisjoint(have):
        return {}
    contest = _Contest()
    _offer_attributes(element, contest)
    for specificity, order, _, (schemes, wanted) in matching:
        for name, value, important in wanted if scheme in schemes else ():
            contest.offer(name, value, (2 if important else 0, specificity, order))
    for place, (name, value, important) in enumerate(declarations(have["style"]) if "style" in have else ()):
        if name in _PROPERTIES:
            contest.offer(name, value, (3 if important else 1, (0, 0, 0), place))
    return contest.won


def _offer_attributes(element: Node, contest: _Contest) -> None:
    """What HTML's old attributes say; any style beats them."""
    have = element.attributes
    if "bgcolor" in have:
        contest.offer("background", have["bgcolor"], _LOWEST)
    if "background" in have:
        contest.offer("background-image", f"url({have['background']})", _LOWEST)
    if "color" in have and element.tag == "font":
        contest.offer("color", have["color"], _LOWEST)
    if "hidden" in have:
        contest.offer("display", "none", _LOWEST)


def _look(element: Node, above: ComputedStyle, won: Winning, link: str) -> ComputedStyle:
    if not won and element.tag not in _TELLING:
        return above
    colour = above.colour
    if element.tag == "a" and "href" in element.attributes:
        colour = _known(link)
    said = won.get("color", "").lower()
    if said in ("inherit", "unset", "currentcolor"):
        colour = above.colour
    elif said and (parsed := colours.parse(said)):
        colour = parsed
    behind = above.behind
    if "background" in won or "background-image" in won:
        behind = _behind(f"{won.get('background', '')} {won.get('background-image', '')}".lower(), behind)
    size, bold = _font(element, above, won)
    hidden = above.hidden or element.tag in _UNSEEN or (bool(won) and _is_hidden(won))
    return ComputedStyle(colour=colour, behind=behind, size=size, bold=bold, hidden=hidden)


def _behind(ground: str, below: Colour | None) -> Colour | None:
    if "url(" in ground or "gradient(" in ground:
        return None
    laid = colours.parse(ground)
    if laid is None or laid.alpha == 0:
        return below
    if laid.alpha == 1:
        return laid
    return laid.over(below) if below else None


def _is_hidden(won: Winning) -> bool:
    return (
        won.get("display", "").lower() == "none"
        or won.get("visibility", "").lower() in ("hidden", "collapse")
        or re.fullmatch(r"0*\.?0+%?", won.get("opacity", "1")) is not None
        or (won.get("max-height", "").lower() in ("0", "0px") and won.get("overflow", "").lower() == "hidden")
    )


def _font(element: Node, above: ComputedStyle, won: Winning) -> tuple[float, bool]:
    size = above.size * _HEADING_SIZE.get(element.tag, 0.83 if element.tag == "small" else 1.0)
    bold = above.bold or element.tag in _HEADING_SIZE or element.tag in ("b", "strong", "th")
    font = won.get("font", "").lower()
    if font in ("inherit", "unset"):
        size, bold = above.size, above.bold
    elif font:
        bold = bool(re.search(r"\b(?:bold|[6-9]00)\b", font))
        found = re.search(r"(?:^|\s)(\d[\d.]*(?:px|pt|em|rem|%))", font)
        size = _length(found[1], above.size) if found else size
    if said := won.get("font-size", "").lower():
        size = _length(said, above.size)
    weight = won.get("font-weight", "").lower()
    if weight.isdigit() and weight.isascii():
        bold = int(weight[:5]) >= _BOLD
    elif weight:
        bold = {"bold": True, "bolder": True, "normal": False, "lighter": False}.get(weight, above.bold)
    return size, bold


def _length(text: str, parent: float) -> float:
    if text in _SIZES:
        return float(_SIZES[text])
    found = re.fullmatch(r"(\d{0,6}\.?\d{0,6})([a-z%]*)", text)
    if not found or not found[1].strip("."):
        return parent
    number, unit = float(found[1]), found[2]
    if unit in ("em", "%"):
        return number * parent / (100 if unit == "%" else 1)
    return number * (16.0 if unit == "rem" else _UNITS.get(unit, 1.0))
