"""What mail programs make of the HTML and CSS that the mail uses, by caniemail's table in `data/`.

    used(document, styles) ─▶ triggers with lines ─table─▶ features ─clients─▶ who does not support them

The table is dated and vendored (`tools/vendor_caniemail.py` renews it); nothing is fetched. A feature is load-bearing
when a mail without it is broken or unreadable; the loss of any other costs beauty only.
"""

from __future__ import annotations

import json
import re
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from digest.checks.context import Hit, check
from digest.checks.css import all_declarations
from digest.checks.document import html_place
from digest.checks.images import suffix_kind
from digest.errors import UsageError
from digest.model import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from digest.checks.context import CheckContext
    from digest.checks.css import Stylesheet
    from digest.checks.document import HtmlDocument, Place

# The programs most newsrooms' readers have; a newsroom names its own with the client filter.
DEFAULT_CLIENTS = ("apple-mail", "gmail", "outlook", "samsung-email", "thunderbird", "yahoo")
# Without these a mail falls apart or loses content. Others degrade: square corners, no hover, the light colours.
LOAD_BEARING = frozenset({
    "css-display-flex", "css-display-grid", "css-grid-template", "css-align-items", "css-justify-content",
    "css-gap", "css-position", "css-left-right-top-bottom", "css-inset", "css-float", "css-transform",
    "css-writing-mode", "css-variables", "css-unit-calc", "css-function-min", "css-function-max",
    "css-function-clamp", "css-function-light-dark", "css-modern-color", "css-mask-image", "css-clip-path",
    "css-filter", "css-mix-blend-mode", "css-opacity", "css-unit-vw", "css-unit-vh", "css-unit-rem",
    "css-at-import", "css-visibility", "css-pseudo-element-before", "css-pseudo-element-after", "css-inline-size",
    "css-block-inline-size", "html-video", "html-audio", "html-svg", "html-object", "html-picture", "html-form",
    "html-dialog", "html-popover", "html-input-text", "html-input-checkbox", "html-input-radio",
    "html-input-submit", "html-select", "html-textarea", "html-image-maps", "html-link", "html-base",
    "html-marquee", "html-meter", "html-progress", "html-srcset", "image-svg", "image-webp", "image-avif",
    "image-heif", "image-tiff", "image-bmp", "image-base64", "image-hdr", "image-mp4", "image-apng",
})  # fmt: skip
# Nobody sees their loss: what they do is said another way too, or is a nicety for the pointer.
UNNOTICED = frozenset({
    "css-color-scheme", "css-letter-spacing", "css-outline", "css-outline-offset", "css-pseudo-class-active",
    "css-pseudo-class-focus", "css-pseudo-class-hover", "css-pseudo-class-visited", "css-selector-attribute",
    "css-selector-child", "css-word-break", "css-word-spacing", "css-overflow-wrap", "css-border-spacing",
    "css-height", "css-important", "html-aria-hidden", "html-aria-label", "html-body", "html-meta-color-scheme",
    "html-role", "html-semantics", "html-target", "html-lang", "html-dir",
})  # fmt: skip
GMAIL_STYLES = 16_384
_FUNCTION = re.compile(r"([a-z-]+)\(")
_UNIT = re.compile(r"(?<![\w#.-])[-+]?\d*\.?\d+(%|[a-z]{1,4})\b|(?<![\w#.-])[-+]?\d*\.?\d+(%)", re.IGNORECASE)


@check(
    "client-breaks", Severity.WARNING, "rendering", "What a common mail program drops must not hold the mail together."
)
def client_breaks(context: CheckContext) -> Iterator[Hit]:
    """A load-bearing feature that a client of the filter does not support: one finding for each feature."""
    known = table()
    for slug, place, without in unsupported(context):
        if slug in LOAD_BEARING:
            title, names = known["features"][slug]["title"], _families(without, known["clients"])
            yield Hit(html_place(place), f"{title} is not supported by {names} (as of {known['date']})")


@check("client-degrades", Severity.INFO, "rendering", "These programs show the mail plainer than it was made.")
def client_degrades(context: CheckContext) -> Iterator[Hit]:
    """Other features that a client of the filter does not support, program by program, where a reader would see it."""
    known = table()
    plainer: dict[str, list[str]] = {}
    for slug, _, without in unsupported(context):
        if slug not in LOAD_BEARING and slug not in UNNOTICED:
            for program in dict.fromkeys(known["clients"][client].partition(" (")[0] for client in without):
                plainer.setdefault(program, []).append(known["features"][slug]["title"])
    if plainer:
        told = "; ".join(
            f"{program} (without {', '.join(sorted(titles))})" for program, titles in sorted(plainer.items())
        )
        yield Hit("html", f"is plainer in some versions of {told}; as of {known['date']}")


@check(
    "styles-dropped", Severity.WARNING, "rendering", "Without its style sheets a mail has no phone's and no dark look."
)
def styles_dropped(context: CheckContext) -> Iterator[Hit]:
    """What Gmail drops (over 16,384 characters in all, an at-rule within another), and Yahoo (two media in a rule)."""
    sheets = context.document.styles
    if (total := sum(len(text) for text, _ in sheets)) > GMAIL_STYLES:
        yield Hit("html", f"its style sheets have {total:,} characters, and Gmail drops them all over {GMAIL_STYLES:,}")
    for rule in context.stylesheet.at_rules:
        if rule.within:
            message = f"@{rule.name} stands within another at-rule, and Gmail drops the whole style sheet for it"
            yield Hit(html_place((rule.line, 0)), message)
        if rule.name == "media" and "," in rule.prelude:
            message = (
                f"@media {rule.prelude} names two media, and Yahoo drops the rest of the style sheet; write two rules"
            )
            yield Hit(html_place((rule.line, 0)), message)


@cache
def table() -> dict[str, Any]:
    """The vendored table: `clients`, `features`, `triggers`, `date`, `source`."""
    import pkgutil  # importlib.resources takes seven times as long to load

    loaded: dict[str, Any] = json.loads(pkgutil.get_data("digest.checks", "data/caniemail.json") or b"{}")
    return loaded


def chosen(names: tuple[str, ...]) -> tuple[str, ...]:
    """The clients that a filter means: `gmail` is all of Gmail's, `gmail.ios` one; empty means the default ones.

    Raises UsageError for a name that no client has, and says which there are.
    """
    clients = [*table()["clients"]]
    for name in names:
        if not any(_is_of(client, (name,)) for client in clients):
            families = ", ".join(sorted({client.partition(".")[0] for client in clients}))
            message = f"{name!r} is no mail client that the table knows; known: {families}"
            raise UsageError(message)
    return tuple(client for client in clients if _is_of(client, names or DEFAULT_CLIENTS))


def _is_of(client: str, names: tuple[str, ...]) -> bool:
    return f"{client}.".startswith(tuple(f"{name}." for name in names))


def _triggers(context: CheckContext) -> dict[str, Place]:
    return used(context.document, context.stylesheet)


def used(document: HtmlDocument, sheet: Stylesheet) -> dict[str, Place]:
    """Every trigger that the mail shows (`property:gap`, `element:video`), with the place where it is first seen."""
    found: dict[str, Place] = {}
    for element in document.elements:
        for trigger in _of_element(element.tag, element.attributes):
            found.setdefault(trigger, (element.line, element.column))
    for at_rule in sheet.at_rules:
        found.setdefault(f"at:{at_rule.name}", (at_rule.line, 0))
        if at_rule.name == "media":
            for feature in re.findall(r"\(\s*(?:-webkit-)?(?:min-|max-)?([a-z-]+)", at_rule.prelude.lower()):
                found.setdefault(f"media:{feature}", (at_rule.line, 0))
    for rule in sheet.rules:
        for trigger in _of_prelude(rule.prelude):
            found.setdefault(trigger, (rule.line, 0))
    for one, place in all_declarations(sheet, document.elements):
        for trigger in _of_declaration(one.property, one.value.lower(), one.important):
            found.setdefault(trigger, place)
    return found


def _of_element(tag: str, attributes: dict[str, str]) -> Iterator[str]:
    yield f"element:{tag}"
    for name in attributes:
        yield f"attribute:{name}"
    if tag in ("input", "button"):
        yield f"{tag}:{attributes.get('type', 'text').lower()}"
    elif tag == "a" and (href := attributes.get("href", "")):
        yield "link:#" if href.startswith("#") else f"link:{href.partition(':')[0].lower()}"
    elif tag == "meta" and "name" in attributes:
        yield f"meta:{attributes['name'].lower()}"
    elif tag == "img":
        source = attributes.get("src", "")
        kind = {"jpeg": "jpg", "heic": "heif"}.get(suffix_kind(source), suffix_kind(source))
        yield "image:data" if source.lower().startswith("data:") else f"image:{kind}"


def _of_prelude(prelude: str) -> Iterator[str]:
    bare = re.sub(r"\[[^\]]*\]", "[]", prelude)
    for mark in re.findall(r"\[\]|[>+~*]", bare):
        yield f"selector:{mark}"
    for name in re.findall(r"::?([a-z-]+)", bare.lower()):
        yield f"pseudo:{name}"


@lru_cache(maxsize=2048)  # a mail says the same few hundred declarations over and over
def _of_declaration(name: str, value: str, important: bool) -> tuple[str, ...]:
    plain = re.sub(r"url\([^)]*\)|\"[^\"]*\"|'[^']*'", " ", value)
    triggers = [f"property:{name}", f"value:{name}:{plain.strip()}"]
    triggers += [f"function:{function}" for function in _FUNCTION.findall(plain)]
    triggers += [f"unit:{one or two}" for one, two in _UNIT.findall(plain)]
    triggers += [f"keyword:{word}" for word in re.findall(r"[a-z-]+", plain)]
    if important:
        triggers.append("keyword:!important")
    return tuple(triggers)


def unsupported(context: CheckContext) -> Iterator[tuple[str, Place, list[str]]]:
    """Each feature that the mail uses and a client of the filter lacks: its slug, its first place, those clients.

    Raises UsageError when the filter names a client that nobody knows.
    """
    known, clients = table(), chosen(context.clients)
    places = {client: place for place, client in enumerate(known["clients"])}
    first: dict[str, Place] = {}
    for trigger, place in context.once(_triggers).items():
        for slug in known["triggers"].get(trigger, ()):
            first[slug] = min(place, first.get(slug, place))
    for slug in sorted(first, key=lambda slug: (first[slug], slug)):
        support = known["features"][slug]["support"]
        if without := [client for client in clients if support[places[client]] == "n"]:
            yield slug, first[slug], without


def _families(clients: list[str], names: dict[str, str]) -> str:
    """`Gmail (Android, iOS), Outlook (Windows)`: each program once, with where it runs."""
    by_family: dict[str, list[str]] = {}
    for client in clients:
        family, _, where = names[client].partition(" (")
        by_family.setdefault(family, []).append(where.rstrip(")"))
    return ", ".join(f"{family} ({', '.join(places)})" for family, places in by_family.items())
