"""The HTML part as a document: parse errors, language, direction, roles, headings, link texts, nothing active.

What screen readers and mail programs need before any style is looked at.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from digest.checks.context import Hit, check
from digest.checks.css import all_declarations
from digest.checks.document import html_place
from digest.model import Severity
from digest.text.language import primary
from digest.text.urls import comparable, resolve

if TYPE_CHECKING:
    from collections.abc import Iterator

    from digest.checks.context import CheckContext
    from digest.checks.document import HtmlDocument, Node

_MOST_ERRORS = 20  # more tell nothing new
_VAGUE = frozenset({
    "read more", "more", "click here", "here", "this link", "link", "learn more", "continue reading", "details",
    "lire la suite", "en savoir plus", "cliquez ici", "ici", "leer más", "más información", "haga clic aquí", "aquí",
    "اقرأ المزيد", "المزيد", "اضغط هنا", "هنا",
})  # fmt: skip
_ACTIVE = frozenset({
    "script", "iframe", "frame", "object", "embed", "applet", "form", "input", "button", "textarea", "select", "base",
})  # fmt: skip


@check("html-parse-error", Severity.WARNING, "rendering", "Each mail program repairs broken HTML in its own way.")
def html_parse_error(context: CheckContext) -> Iterator[Hit]:
    """Whatever tinyhtml5, reading as a browser does, had to repair."""
    for error in context.document.errors[:_MOST_ERRORS]:
        yield Hit(f"html:{error.line}", error.message)


@check("html-lang", Severity.ERROR, "rendering", "Without its language a mail is read aloud in the wrong voice.")
def html_lang(context: CheckContext) -> Iterator[Hit]:
    """`lang` missing on html, or another language than the edition's."""
    html, wanted = context.document.first("html"), context.rendering.edition.language
    lang = html.attributes.get("lang", "").strip() if html else ""
    if not lang:
        yield Hit(html.place if html else "html:1", f'html has no lang; write <html lang="{wanted}">')
    elif primary(lang) != primary(wanted):
        yield Hit(html.place if html else "html:1", f"html says lang={lang!r}, and the edition is in {wanted!r}")


@check(
    "html-dir",
    Severity.ERROR,
    "rendering",
    "Arabic laid out from the left is unreadable, and so is English from the right.",
)
def html_dir(context: CheckContext) -> Iterator[Hit]:
    """`dir` missing or against the edition's direction, on html or on the body's outermost element."""
    wanted, language = context.rendering.direction, context.rendering.edition.language
    html = context.document.first("html")
    said = html.attributes.get("dir", "").strip().lower() if html else ""
    if said != wanted and (said or wanted == "rtl"):
        yield Hit(html.place if html else "html:1", f"html says dir={said!r}, and {language!r} is written {wanted}")


@check(
    "html-title", Severity.WARNING, "rendering", "The title names the mail in a browser's tab and to screen readers."
)
def html_title(context: CheckContext) -> Iterator[Hit]:
    """No `title`, or an empty one."""
    title = context.document.first("title")
    if title is None or not title.text:
        yield Hit("html:1", "has no title; the theme should write the subject into <title>")


@check("table-role", Severity.WARNING, "rendering", "A layout table without its role is read aloud cell by cell.")
def table_role(context: CheckContext) -> Iterator[Hit]:
    """A table that is neither a data table (header cells, caption) nor marked `role="presentation"`."""
    for element in context.document.elements:
        if element.tag != "table" or element.attributes.get("role", "").lower() in ("presentation", "none"):
            continue
        if not _has_headers(element):
            yield Hit(element.place, 'a layout table lacks role="presentation"')


@check("heading-order", Severity.WARNING, "rendering", "Headings are the way through a mail for those who hear it.")
def heading_order(context: CheckContext) -> Iterator[Hit]:
    """No h1 or several, a level that is skipped, an empty heading."""
    headings = [e for e in context.document.elements if re.fullmatch(r"h[1-6]", e.tag)]
    tops = [element for element in headings if element.tag == "h1"]
    if len(tops) != 1:
        yield Hit(tops[1].place if tops else "html:1", f"{len(tops) or 'no'} h1; a mail has one")
    level = 0
    for element in headings:
        here = int(element.tag[1])
        if not element.text:
            yield Hit(element.place, f"an empty {element.tag}")
        elif level and here > level + 1:
            yield Hit(element.place, f"{element.tag} “{element.text[:40]}” follows h{level}; a level is skipped")
        level = here


@check("link-text", Severity.WARNING, "rendering", "Links are read out of context: each must say where it goes.")
def link_text(context: CheckContext) -> Iterator[Hit]:
    """A link without text, with another address than its own, or with "read more"."""
    for element in _links(context.document):
        text = element.text or element.attributes.get("aria-label", "").strip() or element.attributes.get("title", "")
        href = element.attributes["href"].strip()
        if not text:
            yield Hit(element.place, f"the link to {href[:60]} has no text")
        elif re.match(r"https?://\S+$", text) and comparable(resolve(text).url) != comparable(href):
            yield Hit(element.place, f"the link's text is the address {text[:60]}; say where it goes", "text")
        elif re.sub(r"[\s.…>»→:]+$", "", text.casefold()) in _VAGUE and not element.attributes.get("aria-label"):
            yield Hit(element.place, f"“{text}” does not say where it goes", "text")


@check("link-text-twice", Severity.WARNING, "rendering", "Two links of one name and two targets cannot be told apart.")
def link_text_twice(context: CheckContext) -> Iterator[Hit]:
    """The same link text for different targets."""
    targets: dict[str, str] = {}
    told: set[str] = set()
    for element in _links(context.document):
        name = (element.attributes.get("aria-label") or element.text).casefold().strip()
        href = element.attributes["href"].strip()
        if name and targets.setdefault(name, href) != href and name not in told:
            told.add(name)
            yield Hit(element.place, f"“{element.text[:60]}” also leads to {targets[name][:80]}", "href")


@check(
    "html-active", Severity.ERROR, "rendering", "Scripts, forms and frames are stripped, or get the whole mail refused."
)
def html_active(context: CheckContext) -> Iterator[Hit]:
    """Active elements, `on…` attributes, `javascript:` anywhere, a refresh."""
    for element in context.document.elements:
        if element.tag in _ACTIVE:
            yield Hit(element.place, f"<{element.tag}> does not belong in a mail")
        for name, value in element.attributes.items():
            if name.startswith("on"):
                yield Hit(element.place, f"{name}= runs a script; remove it", name)
            elif re.match(r"[\s\x00-\x1f]*(?:javascript|vbscript)\s*:", value, re.IGNORECASE):
                yield Hit(element.place, f"{name}= holds a script; remove it", name)
        if element.tag == "meta" and element.attributes.get("http-equiv", "").lower() == "refresh":
            yield Hit(element.place, "a refresh sends the reader elsewhere; remove it")


@check(
    "html-external",
    Severity.WARNING,
    "rendering",
    "What loads from elsewhere tells others who reads, and may not load.",
)
def html_external(context: CheckContext) -> Iterator[Hit]:
    """Style sheets and fonts from elsewhere, `@import`, `url(http…)` in styles."""
    for element in context.document.elements:
        if element.tag == "link" and "stylesheet" in element.attributes.get("rel", "").lower():
            yield Hit(element.place, f"a style sheet from {element.attributes.get('href', '')[:60]}; put it inside")
    for rule in context.stylesheet.at_rules:
        if rule.name in ("import", "font-face"):
            yield Hit(
                f"html:{rule.line}", f"@{rule.name} loads from elsewhere; use the reader's own fonts and styles inside"
            )
    for one, place in all_declarations(context.stylesheet, context.document.elements):
        if found := re.search(r"url\(\s*[\"']?\s*(?!cid:|data:)([^)\"']*)", one.value, re.IGNORECASE):
            where = html_place(place)
            yield Hit(where, f"{one.property} loads {found[1][:60] or 'nothing'}; use an <img>, or do without")


@check("html-overlay", Severity.ERROR, "rendering", "What lies over the mail can hide it, or pose as something else.")
def html_overlay(context: CheckContext) -> Iterator[Hit]:
    """`position: fixed` or `absolute`, `expression()`, `behavior`, bindings."""
    for one, place in all_declarations(context.stylesheet, context.document.elements):
        value = one.value.lower()
        if one.property == "position" and value in ("fixed", "absolute", "sticky"):
            yield Hit(html_place(place), f"position: {value} lifts it out of the page; remove it")
        elif "expression(" in value or one.property in ("behavior", "-moz-binding"):
            yield Hit(html_place(place), f"{one.property}: {value[:40]} runs a script; remove it")


def _links(document: HtmlDocument) -> Iterator[Node]:
    for element in document.elements:
        if element.tag == "a" and element.attributes.get("href", "").strip():
            yield element


def _has_headers(table: Node) -> bool:
    todo = list(table.children)
    while todo:
        at = todo.pop()
        if isinstance(at, str) or at.tag == "table":
            continue
        if at.tag in ("th", "caption"):
            return True
        todo.extend(at.children)
    return False
