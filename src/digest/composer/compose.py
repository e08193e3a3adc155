"""Compose an edition: fill a compiled theme with the stories that were selected, as HTML and as text.

    Selection ─▶ EditionDraft (views of everything) ─theme─▶ HTML ─too large? fewer stories in full─▶ text ─▶ Rendering

Pure but for the images that `read_image` hands in. Nothing that a story says is evaluated, and nothing is sent.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from jinja2 import TemplateSyntaxError

from digest.composer.edition_draft import EditionDraft
from digest.composer.files import unlined
from digest.composer.merge_fields import FieldUse
from digest.composer.photos import ImageRoute
from digest.composer.sandbox import run
from digest.errors import Fault, RenderError
from digest.model import Finding, Rendering, Severity
from digest.text import merge
from digest.text.cleaning import one_line
from digest.text.counting import counted
from digest.text.merge import field_name

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable
    from datetime import datetime

    from digest.composer.options import ThemeOptions
    from digest.composer.photos import Photo
    from digest.composer.theme import Theme
    from digest.model import Audience, NewsroomProfile, Selection

_OF_A_READER = 250  # bytes; an unsubscribe link has some 200, an address at most 254
_TRAILING = re.compile(r"[ \t]+\n")


def compose(
    selection: Selection,
    *,
    theme: Theme,
    newsroom: NewsroomProfile,
    audience: Audience,
    options: ThemeOptions,
    now: datetime,
    subject: str = "",
    preheader: str = "",
    read_image: Callable[[str], bytes] | None = None,
    archive_url: str = "",
    logo: Photo | None = None,
    cut: int | None = None,
) -> Rendering:
    """Compose the edition of `selection`, which holds at least one story.

    `subject` and `preheader` are templates; the audience's own come first, and ours when all are empty. `read_image`
    gives the bytes of an image by the path that the story gives, or raises OSError; `logo` is the image that the
    theme's options have. `cut` stories are shown as titles, whatever the size; by itself as many as must be. Raises
    RenderError with the file and line of a template that fails, or with the setting that it stands in; what is wrong
    with content is in the rendering's findings.
    """
    draft = EditionDraft(
        selection=selection,
        theme=theme,
        newsroom=newsroom,
        audience=audience,
        options=options,
        now=now,
        route=ImageRoute.choose(options, read_image, theme.cache),
        archive_url=archive_url,
        logo=logo,
    )
    values = draft.values()
    lines = {"subject": draft.titled, "preheader": draft.edition.teaser}  # a short subject: the preheader has the news
    sources = _sources(audience, subject, preheader)
    for key in lines:
        if own := one_line(getattr(selection.issue, key)):  # what an editor writes for one issue is never a template
            lines[key] = own
        elif key in sources:
            lines[key] = _line(*sources[key], theme=theme, values=values)
    html, sizes, findings = _html(draft, lines, cut)
    text = finish(run(theme.text, draft.values() | lines, theme.text_places, []))
    # `Dear {name},` such that no blank is left where a reader has no name
    parts, more = merge.spaced({**lines, "html": html, "text": text}, draft.nonce, draft.reader.used)
    draft.reader.used |= more
    images, heavy = draft.images(parts["html"])
    return Rendering(
        edition=selection.edition,
        **parts,
        direction=draft.wording.direction,
        nonce=draft.nonce,
        slots=draft.reader.slots_in(parts["text"], *parts.values()),
        findings=(*draft.findings, *findings, *heavy),
        cut=draft.cut,
        bytes_per_story={story: size for story, size in sizes.items() if story},
        images=images,
    )


def _sources(audience: Audience, subject: str, preheader: str) -> dict[str, tuple[str, str]]:
    """The templates of subject and preheader that were set, each with the setting that it stands in."""
    return {
        key: (f"config.yaml: {f'audiences.{audience.name}' if mine else 'mail'}.{key}", mine or general)
        for key, mine, general in (
            ("subject", audience.subject, subject),
            ("preheader", audience.preheader, preheader),
        )
        if mine or general
    }


def reader_fields(theme: Theme, audience: Audience, *, subject: str = "", preheader: str = "") -> tuple[FieldUse, ...]:
    """The columns that an audience's list must have: every `reader.field.…` of theme, subject and preheader, once.

    `line` is 0 in a setting, whose name then stands in `file`. Raises RenderError for a subject that is no template.
    """
    uses = list(theme.fields)
    for setting, source in _sources(audience, subject, preheader).values():
        try:
            uses += [FieldUse(field=field, file=setting, line=0) for field, _ in theme.lines.fields(source)]
        except TemplateSyntaxError as error:
            message = f"{setting}: {error.message}"
            raise RenderError(message) from None
    return tuple(dict.fromkeys(uses))


def column_faults(uses: Iterable[FieldUse], columns: Collection[str]) -> list[Fault]:
    """A fault for each column that templates name and a list lacks; `columns` are the list's own names."""
    known = {field_name(column) for column in columns}
    shown = ", ".join(sorted(known)) or "no columns of its own"
    return [
        Fault(
            file=use.file,
            line=use.line,
            message=(
                f"reader.field.{use.field}: the list has no column of this name to show (one that says whom to mail is "
                f"none); this list has: {shown}"
            ),
        )
        for use in uses
        if use.field not in known
    ]


def _line(name: str, template: str, *, theme: Theme, values: dict[str, Any]) -> str:
    """Fill a template of one line (subject, preheader); `name` is the setting that it stands in."""
    try:
        made = theme.line(template, name)
    except TemplateSyntaxError as error:
        message = f"{name}: {error.message}"
        raise RenderError(message) from None
    return one_line(run(made, values, unlined(name), []))


def _html(draft: EditionDraft, lines: dict[str, str], cut: int | None) -> tuple[str, dict[str, int], list[Finding]]:
    """The HTML, with as many stories in full as the size limit lets through; bytes per story; what had to give."""
    if cut:
        draft.cut_to(len(draft.stories) - cut)
    html = draft.html(lines)
    sizes = draft.tally.sizes()
    if cut is not None:
        return html, sizes, []
    # What a reader's own values will need beyond the tokens that stand for them: a link with which to leave is longer.
    limit = draft.options.size_limit - _OF_A_READER * _count(html, f"slot-{draft.nonce}-")
    size = sum(sizes.values())
    if size <= limit:
        return html, sizes, []
    # More stories in full never make a smaller mail: search for the largest number that fits.
    low, high = 0, len(draft.stories) - 1
    while low < high:
        middle = (low + high + 1) // 2
        draft.cut_to(middle)
        low, high = (middle, high) if len(draft.html(lines).encode()) <= limit else (low, middle - 1)
    draft.cut_to(low)
    html = draft.html(lines)
    sizes = draft.tally.sizes()
    where, left = draft.selection.edition.id, sum(sizes.values())
    brief = counted(draft.cut, "story is", "stories are")
    message = f"the HTML would have {_kb(size)}, over {_kb(limit)}: the last {brief} title and link only"
    findings = [Finding(code="size-cut", severity=Severity.WARNING, where=where, message=message)]
    if left > limit:
        message = f"the HTML has {_kb(left)} even with titles only, over {_kb(limit)}; set a limit for this audience"
        findings.append(Finding(code="size-over", severity=Severity.ERROR, where=where, message=message))
    return html, sizes, findings


def _count(text: str, words: str) -> int:
    """How often they occur: sought from the end, where a reader's own values are."""
    count, at = 0, text.rfind(words)
    while at >= 0:
        count, at = count + 1, text.rfind(words, 0, at)
    return count


def finish(text: str) -> str:
    r"""No blanks at line ends, at most two blank lines in a row, one `\n` at the end, and no forged signature.

    A line of `-- ` begins a signature (RFC 3676, 4.3): mail programs hide what follows. Two dashes take its place.
    """
    # What is mostly not there is sought from the end, which CPython does in a third of the time.
    if text.rfind(" \n") >= 0 or ("\t" in text and "\t\n" in text):
        text = _TRAILING.sub("\n", text)
    while text.rfind("\n\n\n\n") >= 0:
        text = text.replace("\n\n\n\n", "\n\n\n")
    while text.rfind("\n--\n") >= 0:
        text = text.replace("\n--\n", "\n\u2013\u2013\n")
    return text.strip("\n") + "\n"


def _kb(size: int) -> str:
    return f"{size / 1024:.0f} KB"
