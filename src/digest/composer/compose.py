"""Compose an edition: fill a compiled theme with the stories that were selected, as HTML and as text.

    Selection ─▶ EditionDraft (views of everything) ─theme─▶ HTML ─too large? fewer stories in full─▶ text ─▶ Rendering

Pure but for the images that `read_image` hands in. Nothing that a story says is evaluated, and nothing is sent.
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any

from jinja2 import TemplateSyntaxError

from digest.composer.edition_view import EditionDraft
from digest.composer.files import unlined
from digest.composer.sandbox import run
from digest.errors import RenderError
from digest.model import Finding, Rendering, Severity
from digest.text.cleaning import one_line

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from digest.composer.options import ThemeOptions
    from digest.composer.theme import Theme
    from digest.model import Audience, NewsroomProfile, Selection

DEFAULT_SUBJECT = "{{ edition.title }}: {{ edition.period_label }}"  # short: the preheader has the news
_OF_A_READER = 250  # bytes; an unsubscribe link has some 200, an address at most 254
DEFAULT_PREHEADER = "{{ edition.teaser }}"
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
) -> Rendering:
    """Compose the edition of `selection`, which holds at least one story.

    `subject` and `preheader` are templates; the audience's own come first, and ours when all are empty. `read_image`
    gives the bytes of an image by the path that the story gives, or raises OSError. Raises RenderError with the file
    and line of a template that fails, or with the setting that it stands in; what is wrong with content is in the
    rendering's findings.
    """
    draft = EditionDraft(
        selection=selection,
        theme=theme,
        newsroom=newsroom,
        audience=audience,
        options=options,
        now=now,
        read_image=read_image,
        archive_url=archive_url,
    )
    line = partial(_line, theme=theme, values=draft.values())
    lines = {
        key: line(f"config.yaml: {f'audiences.{audience.name}' if mine else 'mail'}.{key}", mine or general or default)
        for key, mine, general, default in (
            ("subject", audience.subject, subject, DEFAULT_SUBJECT),
            ("preheader", audience.preheader, preheader, DEFAULT_PREHEADER),
        )
    }
    html, sizes, findings = _html(draft, lines)
    text = finish(run(theme.text, draft.values() | lines, theme.text_places, []))
    return Rendering(
        edition=selection.edition,
        **lines,
        html=html,
        text=text,
        direction=draft.wording.direction,
        nonce=draft.nonce,
        slots=draft.reader._slots(html, text, *lines.values()),  # noqa: SLF001 - hidden from templates, not from us
        findings=(*draft.findings, *findings),
        cut=draft.cut,
        bytes_per_story={story: size for story, size in sizes.items() if story},
        images=draft.images,
    )


def _line(name: str, template: str, *, theme: Theme, values: dict[str, Any]) -> str:
    """Fill a template of one line (subject, preheader); `name` is the setting that it stands in."""
    try:
        made = theme.line(template, name)
    except TemplateSyntaxError as error:
        message = f"{name}: {error.message}"
        raise RenderError(message) from None
    return one_line(run(made, values, unlined(name), []))


def _html(draft: EditionDraft, lines: dict[str, str]) -> tuple[str, dict[str, int], list[Finding]]:
    """The HTML, with as many stories in full as the size limit lets through; bytes per story; what had to give."""
    html = draft.html(lines)
    sizes = draft.tally.sizes()
    # What a reader's own values will need beyond the tokens that stand for them: a link with which to leave is longer.
    limit = draft.options.size_limit - _OF_A_READER * html.count(f"slot-{draft.nonce}-")
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
    message = (
        f"the HTML would have {_kb(size)}, over {_kb(limit)}: the last {draft.cut} stories are title and link only"
    )
    findings = [Finding(code="size-cut", severity=Severity.WARNING, where=where, message=message)]
    if left > limit:
        message = f"the HTML has {_kb(left)} even with titles only, over {_kb(limit)}; set a limit for this audience"
        findings.append(Finding(code="size-over", severity=Severity.ERROR, where=where, message=message))
    return html, sizes, findings


def finish(text: str) -> str:
    r"""No blanks at line ends, at most two blank lines in a row, one `\n` at the end, and no forged signature.

    A line of `-- ` begins a signature (RFC 3676, 4.3): mail programs hide what follows. Two dashes take its place.
    """
    if " \n" in text or ("\t" in text and "\t\n" in text):
        text = _TRAILING.sub("\n", text)
    while "\n\n\n\n" in text:
        text = text.replace("\n\n\n\n", "\n\n\n")
    while "\n--\n" in text:
        text = text.replace("\n--\n", "\n\u2013\u2013\n")
    return text.strip("\n") + "\n"


def _kb(size: int) -> str:
    return f"{size / 1024:.0f} KB"
