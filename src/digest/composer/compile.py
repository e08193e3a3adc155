"""Compile a theme: MJML with Jinja in it becomes an HTML Jinja template, once, so that no story ever meets MJML.

    theme.mjml.j2 ─includes─▶ one text ─tokens─▶ lint ─▶ mrml ─▶ premailer ─▶ tokens back ─▶ Compiled

Only the theme's own files go in. Nothing is fetched: no style sheet, no font, no include from elsewhere. `direct()`
goes the slow way (Jinja, then MJML, then premailer) for one edition; a test holds both to the same bytes.
"""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Any

from jinja2 import TemplateSyntaxError
from markupsafe import Markup
from msgspec import Struct

from digest.composer import block_view as block_view  # noqa: PLC0414 - imported so that the code reads its views' attributes directly
from digest.composer import edition_view as edition_view  # noqa: PLC0414 - as above
from digest.composer import files as theme_files
from digest.composer.files import SourceMap, ThemeFiles, gather, whole
from digest.composer.lint import lint
from digest.composer.merge_fields import FieldUse, fields_named
from digest.composer.placeholders import TemplateTag, restore, swap, unclosed
from digest.composer.sandbox import ThemeEnvironment
from digest.composer.settings import catalogues, colours
from digest.composer.summary import ELEMENTS
from digest.errors import Fault, ThemeError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from types import CodeType

    from digest.composer.i18n import Catalogue
    from digest.composer.options import ThemeOptions

# Nothing that shows: it fills the inbox's line, so that the masthead's words do not follow the preheader there.
PREHEADER_PADDING = "\u034f\u200c\u00a0" * 150

_PICTURED = re.compile(r"(?<!block)\.image\b|[\"']image[\"']\s*[\])]")  # a theme that shows its stories' pictures
_INCLUDE = re.compile(r"<mj-include\s+path=\"([^\"]*)\"\s*/>")
_INLINE_STYLE = re.compile(r"<mj-style\s+inline=\"inline\"\s*>(.*?)</mj-style>", re.DOTALL)
_STYLE = re.compile(r"<style\b")
_BLOCK = re.compile(r"\{%(?!-).*?(?<!-)%\}", re.DOTALL)
_COMMENT = re.compile(r"\{#.*?#\}", re.DOTALL)
_NEIGHBOURS = ("<", "{%")  # what a line break after a block tag may be taken from
_STYLE_ATTRIBUTE = re.compile(r" style=(?:\"([^\"]*)\"|'([^']*)')")
_TWICE = re.compile(r"background:(#\w+);(?=background-color:\1)")
_SPECIMEN = "jx-specimen"
_DEEPEST = 8
# mrml closes and opens a conditional comment between neighbours inside a section; one comment says the same.
# The block that MJML puts round a mail; round that we put the one main landmark that a page has.
_ARTICLE = re.compile(r'(<div [^>]*aria-roledescription="email"[^>]*>)')
_SEAM = re.compile(r"(<tr>|</td>)<!\[endif\]--><!--\[if mso \| IE\]>(?=<td|</tr>)")


class Compiled(Struct, frozen=True, kw_only=True):
    """A theme ready to be filled: two Jinja templates with their places, and what they need that is not content."""

    html: str
    html_code: CodeType
    html_places: SourceMap
    text: str
    text_code: CodeType
    text_places: SourceMap
    styles: dict[str, str]  # the inline style of each Markdown element
    constants: dict[str, Any]  # `theme.…` in templates
    catalogues: dict[str, Catalogue]
    fields: tuple[FieldUse, ...] = ()  # the columns of the recipients' list that it names
    notes: tuple[str, ...] = ()


def compile_theme(files: ThemeFiles, options: ThemeOptions) -> Compiled:
    """Compile. Raises ThemeError with every fault that is found at one stage."""
    palette, notes = colours(files, options)
    words = catalogues(files)
    constants = constant_values(options, palette)
    environment = ThemeEnvironment(escape=True)
    markup, tags, styles = woven(files, constants, environment)
    html, html_places = restore(markup, tags)
    constants["pictures"] = _PICTURED.search(html) is not None
    text = files.get(theme_files.TEXT)
    html_code, named = _code(environment, html, html_places)
    text_code, also = _code(ThemeEnvironment(escape=False, lines=True), text.text, whole(text.shown))
    return Compiled(
        html=html,
        html_code=html_code,
        html_places=html_places,
        text=text.text,
        text_code=text_code,
        text_places=whole(text.shown),
        styles=styles,
        constants=constants,
        catalogues=words,
        fields=tuple(dict.fromkeys(named + also)),
        notes=tuple(notes),
    )


def woven(
    files: ThemeFiles, constants: dict[str, Any], environment: ThemeEnvironment
) -> tuple[str, list[TemplateTag], dict[str, str]]:
    """The theme as HTML with tokens for its tags, the tags, and the inline style of each Markdown element.

    Raises ThemeError.
    """
    source, places = assemble(files)
    swapped = swap(source, places, environment, {"theme": constants})
    if fault := unclosed(swapped.tags):
        raise ThemeError([fault])
    if faults := lint(swapped.text, swapped.place):
        raise ThemeError(faults)
    try:
        markup = to_html(swapped.text, specimen=True)
    except ValueError as error:
        file, line = swapped.place(_span(error, swapped.text))
        raise ThemeError([Fault(file=file, line=line, message=f"MJML cannot read this: {error}")]) from None
    markup, styles = _take_specimen(markup)
    return markup, swapped.tags, styles


def constant_values(options: ThemeOptions, palette: dict[str, str]) -> dict[str, Any]:
    """What `theme` holds in templates: known when a theme is compiled, checked, and so never escaped."""
    fonts = {"heading_font": options.heading_font, "body_font": options.body_font}
    texts = {name: Markup(value) for name, value in (palette | fonts).items()}  # noqa: S704 - hex colours and fonts
    return {
        **texts,
        "preheader_padding": Markup(PREHEADER_PADDING),  # noqa: S704 - blanks
        "masthead": options.masthead,
        "logo": options.logo,
        "logo_alt": options.logo_alt,
        "logo_width": options.logo_width,
        "dates": options.dates,
    }


def _code(environment: ThemeEnvironment, template: str, places: SourceMap) -> tuple[CodeType, list[FieldUse]]:
    """A template's code, and every column of the recipients' list that it names. Raises ThemeError."""
    name = places.files[0] if places.files else theme_files.MJML
    try:
        tree = environment.parse(template, name, name)
        named = [FieldUse.at(places, *use) for use in fields_named(tree)]
        return environment.guarded(tree, name), named
    except TemplateSyntaxError as error:
        file, line = places.find(error.lineno)
        raise ThemeError([Fault(file=file, line=line, message=error.message or "this is not Jinja")]) from None


def check_theme(folders: Sequence[Path], options: ThemeOptions) -> list[Fault]:
    """Every fault of the theme named in `options`, for `digest check`; empty when it compiles."""
    try:
        compile_theme(gather(folders, options.name), options)
    except ThemeError as error:
        return list(error.faults)
    return []


def assemble(files: ThemeFiles) -> tuple[str, SourceMap]:
    """The theme's MJML with its <mj-include> put in. Raises ThemeError for includes that are missing or circular."""
    lines: list[str] = []
    starts: list[int] = []
    names: list[str] = []
    numbers: list[int] = []

    def add(text: str, file: str, number: int) -> None:
        for shift, line in enumerate(text.split("\n")):
            lines.append(line)
            starts.append(len(lines))
            names.append(file)
            numbers.append(number + shift)

    def walk(name: str, above: tuple[str, ...], asked: Fault | None) -> None:
        file = files.get(name, asked)
        at = 0
        for found in _INCLUDE.finditer(file.text):
            number = file.text.count("\n", 0, at) + 1
            add(file.text[at : found.start()], file.shown, number)
            line = file.text.count("\n", 0, found.start()) + 1
            fault = Fault(file=file.shown, line=line, message=f"{found[1]} includes itself")
            if found[1] in above or len(above) > _DEEPEST:
                raise ThemeError([fault])
            walk(found[1], (*above, found[1]), fault)
            at = found.end()
        add(file.text[at:].rstrip("\n"), file.shown, file.text.count("\n", 0, at) + 1)

    walk(theme_files.MJML, (theme_files.MJML,), None)
    return tighten("\n".join(lines)), SourceMap(starts=tuple(starts), files=tuple(names), lines=tuple(numbers))


def tighten(source: str) -> str:
    """Take the blanks between a block tag and neighbouring tags into the block tag, where they mean nothing.

    MJML drops such blanks between elements; it could not between tokens. Lines stay as many as they were.
    """
    source = _COMMENT.sub(lambda found: "\n" * found[0].count("\n"), source)
    parts: list[str] = []
    at = 0
    for found in _BLOCK.finditer(source):
        if found.start() < at:
            continue
        data = source[at : found.start()]
        kept = data.rstrip()
        before = data[len(kept) :] if kept.endswith(">") or (not kept and parts) else ""
        rest = source[found.end() :]
        bare = rest.lstrip()
        after = rest[: len(rest) - len(bare)] if bare.startswith(_NEIGHBOURS) else ""
        tag = found[0]
        parts += (data[: len(data) - len(before)], "{%", before, tag[2:-2], after, "%}")
        at = found.end() + len(after)
    parts.append(source[at:])
    return "".join(parts)


def to_html(mjml: str, *, specimen: bool = False) -> str:
    """MJML to HTML with the inline style sheet on each element. Raises ValueError for what mrml cannot read."""
    import cssutils
    from mjml import mjml2html
    from premailer import Premailer

    inline = "\n".join(found[1] for found in _INLINE_STYLE.finditer(mjml))
    try:
        markup = mjml2html(_INLINE_STYLE.sub("", mjml), fonts={})
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # Rust's, which is no Exception
            raise
        message = "its compiler broke down; is a comment or a tag not closed?"
        raise ValueError(message) from None
    markup = _SEAM.sub(r"\1", markup)
    markup = _ARTICLE.sub(r'<div role="main">\1', markup, count=1).replace("</div></body>", "</div></div></body>", 1)
    markup = markup.replace("<!doctype html>", "<!DOCTYPE html>", 1)  # premailer drops a small one
    markup = _STYLE.sub('<style data-premailer="ignore"', markup)  # only the theme's inline sheet goes into attributes
    if specimen:
        markup = markup.replace("</body>", _specimen() + "</body>", 1)
    cssutils.log.setLevel(logging.CRITICAL)
    premailer = Premailer(
        markup,
        css_text=inline,
        keep_style_tags=True,
        disable_leftover_css=True,
        strip_important=False,
        disable_validation=True,
        cache_css_parsing=False,
        align_floating_images=False,
        disable_basic_attributes=["width", "height", "align", "valign", "bgcolor"],
        allow_network=False,
    )
    return _tight(str(premailer.transform(pretty_print=False)))


def _tight(markup: str) -> str:
    """The same style attributes in fewer bytes: 40 stories have 300 of them."""

    def tight(found: re.Match[str]) -> str:
        style = (found[1] or found[2].replace('"', "'")).replace("; ", ";").replace(": ", ":")
        return f' style="{_TWICE.sub("", style)}"'

    return _STYLE_ATTRIBUTE.sub(tight, markup.replace(' data-premailer="ignore"', ""))  # some are in comments


def _specimen() -> str:
    """One of each Markdown element, in a block of the class that the theme gives to summaries."""
    table = "<thead><tr><th>x</th></tr></thead><tbody><tr><td>x</td></tr></tbody>"
    inside = {"ul": "<li>x</li>", "ol": "<li>x</li>", "blockquote": "x", "pre": "x", "table": table}
    void, within = ("hr", "br", "img"), ("li", "thead", "tbody", "tr", "th", "td")
    alone = [one for one in ELEMENTS if one not in within]
    parts = [f"<{one}>" if one in void else f"<{one}>{inside.get(one, 'x')}</{one}>" for one in alone]
    return f'<div id="{_SPECIMEN}" class="summary">{"".join(parts)}</div>'


def _take_specimen(markup: str) -> tuple[str, dict[str, str]]:
    start = markup.index(f'<div id="{_SPECIMEN}"')
    end = markup.index("</body>", start)
    styles: dict[str, str] = {}
    for found in re.finditer(r"<(\w+) style=\"([^\"]*)\"", markup[start:end]):
        styles.setdefault(found[1], re.sub(r"\s*([:;])\s*", r"\1", found[2]))
    return markup[:start] + markup[end:], styles


def _span(error: ValueError, text: str) -> int:
    """The offset that mrml's error carries, in characters (it counts bytes); 0 when it carries none."""
    found = re.search(r"position (\d+):", " ".join(map(str, error.args)))
    if not found:
        return 0
    return len(text.encode()[: int(found[1])].decode(errors="ignore"))
