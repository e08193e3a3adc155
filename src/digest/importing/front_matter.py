"""Read a folder of Markdown files of other tools (Hugo, Jekyll, Eleventy, Pelican): their front matter, and the text.

    FOLDER/**/*.md ─YAML, TOML or plain lines─▶ keys ─by their names there─▶ Item, with the first paragraphs of its text

A file that cannot be read is a fault with its line, and the others go on. What has no place in a story is named once.
Short codes and templates in the text are dropped; it runs none of them.
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from digest import yamlfile
from digest.errors import Fault
from digest.importing import dates, html_to_markdown, languages
from digest.importing.feeds import teaser
from digest.importing.naming import slug
from digest.importing.source import Item, Listing, told_apart
from digest.model import Status
from digest.stories.frontmatter import MAX_BYTES, cut
from digest.text.characters import blank, clean_line, decoded
from digest.text.urls import absolute, host_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from zoneinfo import ZoneInfo

_LONGEST_NAME = 200  # of a file; addresses that hold a picture themselves are longer than any path may be
_NOT_TEXTS = ("_site", "_includes", "_layouts", "_data", "node_modules")  # folders of what tools make or need
_OTHER_TEXTS = (".html", ".htm", ".mdx", ".txt", ".rst", ".adoc", ".org", ".docx", ".odt")
ENDINGS = (".md", ".markdown", ".mdown", ".mkd")
# What other tools call what a story has, in lower case: to Hugo and Pelican a `Title` is a `title`. The first that is
# there counts.
_KEYS = {
    "title": ("title",),
    "date": ("date", "publishdate", "pubdate", "published_at", "published_date"),
    "summary": ("summary", "description", "excerpt", "teaser", "subtitle"),
    "link": ("link", "canonical_url", "canonicalurl", "external_url", "permalink", "url"),
    "image": ("image", "featured_image", "featureimage", "cover", "thumbnail", "images", "og_image", "header"),
    "image_alt": ("image_alt", "imagealt", "featured_image_alt", "alt"),
    "credit": ("credit", "image_credit", "photo_credit"),
    "kicker": ("kicker", "series", "eyebrow"),
    "guid": ("guid", "uuid", "id"),
    "language": ("language", "lang", "locale"),
    "topics": ("topics", "tags", "categories", "category", "keywords"),
    "channels": ("channels", "section"),
}
_INNER = ("image", "url", "src", "name")  # where a value has keys of its own
_READ = {name for names in _KEYS.values() for name in names} | {"draft", "published", "status"}
_IN_WORDS = {
    name for key in ("title", "summary", "kicker", "credit", "image_alt", "topics", "channels") for name in _KEYS[key]
}
_DATE_IN_NAME = re.compile(r"(\d{4}-\d{2}-\d{2})-")
_CODES = re.compile(r"\{\{[<%].{0,2000}?[%>]\}\}|\{%.{0,2000}?%\}|\{\{.{0,2000}?\}\}", re.DOTALL)
# What Obsidian and Kramdown have besides: comments, embedded files, footnotes, attributes, names of blocks, callouts.
_BESIDE = re.compile(
    r"%%.{0,2000}?%%|!\[\[[^\[\]\n]{0,300}\]\]|^\[\^[^\[\]\n]{1,80}\]:[^\n]*$|\[\^[^\[\]\n]{1,80}\]|\{:[^{}\n]{0,300}\}"
    r"|(?<=\s)\^[\w-]{1,40}$|(?<=^> )\[!\w{1,20}\][+-]?",
    re.DOTALL | re.MULTILINE,
)
_WIKI_LINK = re.compile(r"\[\[(?:[^\[\]|\n]{0,300}\|)?([^\[\]|\n]{1,300})\]\]")
_META = re.compile(r"\ufeff?((?:[A-Za-z][\w-]{0,40}:[^\n]*\n)+)[ \t\r]*(?:\n|\Z)")  # Pelican's: no lines around it
_TOML = re.compile(r"\ufeff?\+\+\+[ \t]*\r?\n(.*?)^\+\+\+[ \t]*\r?(?:\n|\Z)", re.DOTALL | re.MULTILINE)


def read_folder(folder: Path, *, zone: ZoneInfo, language: str, base: str = "") -> Listing:
    """The stories of every Markdown file below `folder`. Its own name is the listing's title.

    `base` is the address that relative links and pictures are seen from. What of these is no address then, and other
    files of texts, are counted in the notes.
    """
    reads: list[Item | Fault] = []
    unread: Counter[str] = Counter()
    others: Counter[str] = Counter()
    lost: Counter[str] = Counter()
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        hidden = path.name.startswith("_") or any(part.startswith(".") or part in _NOT_TEXTS for part in parts)
        ending = path.suffix.lower()
        others.update([ending] if ending in _OTHER_TEXTS and not hidden else [])
        if ending not in ENDINGS or path.is_dir() or hidden:
            continue
        read = _read_file(path, zone, language, base, unread, lost)
        if isinstance(read, Item) and "_drafts" in parts:  # where Jekyll keeps them
            read = replace(read, status=Status.DRAFT)
        reads.append(read)
    notes = tuple(
        f"{folder}: '{key}' has no place in a story; not read (files: {count})" for key, count in unread.items()
    )
    kinds = ", ".join(f"{count} in {ending}" for ending, count in others.items())
    hint = "" if base else "; --base https://… says from where they are seen"
    notes += (f"{folder}: texts that are no Markdown are not read: {kinds}",) if others else ()
    notes += tuple(
        f"{folder}: '{key}' is no http or https address; left out (files: {count}){hint}" for key, count in lost.items()
    )
    title = clean_line(folder.resolve().name)
    items, faults = told_apart(reads)
    return Listing(source=str(folder), title=title, language=language, items=items, faults=faults, notes=notes)


def _opened(path: Path) -> str | Fault:
    try:
        data = path.read_bytes()
    except OSError as error:
        return Fault(file=str(path), message=f"cannot be read ({error.strerror}); left out")
    if len(data) > MAX_BYTES:
        return Fault(file=str(path), message=f"has {len(data):,} bytes, and a text at most {MAX_BYTES:,}; left out")
    return decoded(data, str(path))


def _read_file(
    path: Path, zone: ZoneInfo, language: str, base: str, unread: Counter[str], lost: Counter[str]
) -> Item | Fault:
    text = _opened(path)
    if isinstance(text, Fault):
        return text
    try:
        document, body = _parts(text, str(path))
    except ValueError as error:
        return Fault(file=str(path), line=1, message=f"{str(error).splitlines()[0]}; left out")
    # Other tools merge, name and leave empty what is nothing to a story: a slip there costs no file.
    slips = {fault: re.split(r"[.\[]", fault.key)[0] for fault in document.faults}
    faults = [fault for fault, key in slips.items() if not (document.readable and key) or key.lower() in _READ]
    if faults := [*faults, *document.cut_texts(lambda path: str(path[0]).lower() in _IN_WORDS)]:
        return faults[0]
    unread.update(key for key in dict.fromkeys([*document.data, *slips.values()]) if key.lower() not in _READ)
    keys = {key.lower(): value for key, value in document.data.items()}
    document.lines |= {(str(path[0]).lower(),): line for path, line in document.lines.items() if len(path) == 1}
    title = clean_line(_text(keys, "title"))
    named = _DATE_IN_NAME.match(path.name if path.stem != "index" else f"{path.parent.name}-")
    written = clean_line(_text(keys, "date")) or (named[1] if named else "")
    spoken = languages.language(_text(keys, "language"), language)
    try:
        when = dates.parse(written, zone, spoken)
    except dates.NoSuchDay as error:
        return document.fault(("date",), f"{error}; left out")
    if blank(title) or when is None:
        key = "title" if blank(title) else "date"
        said = f"'{written[:40]}' is no date" if key == "date" and written else "is missing"
        return document.fault((key,), f"{said}; the file is left out")
    picture: dict[str, Any] = next((keys[name] for name in _KEYS["image"] if isinstance(keys.get(name), dict)), {})
    link = absolute(_text(keys, "link"), base)
    shown = _text(keys, "image")
    image = absolute(shown, link if host_of(link) == host_of(base) else base)  # it may lie beside
    beside = path.parent / shown
    if not link and len(shown) <= _LONGEST_NAME and beside.is_relative_to(path.parent) and beside.is_file():
        # Nothing says where the page, and so its picture, will be.
        image = ""
    lost.update(key for key, address in (("link", link), ("image", image)) if _text(keys, key) and not address)
    values: dict[str, Any] = {key: clean_line(_text(keys, key)) for key in ("kicker", "credit", "image_alt", "guid")}
    values["image_alt"] = values["image_alt"] or clean_line(str(picture.get("alt") or ""))
    return Item(
        **values,
        link=link,
        image=image,
        title=title,
        date=when.at,
        date_only=when.date_only,
        summary=_markdown(_text(keys, "summary"), base) or teaser(_markdown(html_to_markdown.before_more(body), base)),
        topics=_slugs(keys, "topics"),
        channels=_slugs(keys, "channels"),
        language=spoken,
        status=_status(keys),
    )


def _parts(text: str, file: str) -> tuple[yamlfile.Document, str]:
    """The keys and the text. Raises ValueError for what has no front matter, or TOML that cannot be read."""
    if found := _TOML.match(text):
        return yamlfile.Document(file=file, data=tomllib.loads(found[1])), text[found.end() :]
    if found := _META.match(text):
        pairs = [line.partition(":") for line in found[1].splitlines()]
        data = {key: value for key, _, said in pairs if (value := said.strip())}
        document = yamlfile.Document(file=file, data=data)
        document.lines |= {(key,): number for number, (key, *_) in enumerate(pairs, 1)}
        return document, text[found.end() :]
    layout = cut(text)
    return yamlfile.parse(layout.header, file, first_line=2), layout.body


def _several(keys: dict[str, Any], key: str) -> Iterator[str]:
    """All the texts under the names that other tools give to `key`; of a mapping the address in it."""
    for name in _KEYS[key]:
        value = keys.get(name)
        for part in value if isinstance(value, list) else [value]:
            text = next(filter(None, map(part.get, _INNER)), "") if isinstance(part, dict) else part
            if text not in (None, ""):
                yield str(text)


def _text(keys: dict[str, Any], key: str) -> str:
    return next(_several(keys, key), "")


def _slugs(keys: dict[str, Any], key: str) -> tuple[str, ...]:
    parts = (part for text in _several(keys, key) for part in text.split(","))
    return tuple(dict.fromkeys(name for part in parts if (name := slug(part))))


def _status(keys: dict[str, Any]) -> Status:
    draft = str(keys.get("draft", "")).lower() == "true" or str(keys.get("published", "")).lower() == "false"
    return Status.DRAFT if draft or str(keys.get("status", "")).lower() in ("draft", "private") else Status.PUBLISHED


def _markdown(text: str, base: str) -> str:
    """The prose of a Markdown text, as we write it: no pictures, no HTML, no codes, no notes to oneself."""
    from markdown_it import MarkdownIt

    bare = _WIKI_LINK.sub(r"\1", _BESIDE.sub("", _CODES.sub("", text)))
    return html_to_markdown.from_html(MarkdownIt("commonmark").enable("table").render(bare), base)
