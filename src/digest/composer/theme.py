"""Load a theme: compiled already, from the cache on disk, or compiled now and cached.

    folders + options ─hash of all that goes in─▶ cache hit ─▶ Theme
                                               └▶ miss ─compile─▶ cache ─▶ Theme

A hit imports neither MJML nor premailer and parses no template. The cache is only ever a short cut: a damaged file is
made anew, and a folder that cannot be written costs time and nothing else.
"""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import json
import marshal
import os
import sys
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from markupsafe import Markup
from msgspec import Struct, field
from msgspec.structs import asdict

from digest.composer import cache as stored
from digest.composer.files import SourceMap, ThemeFiles, gather
from digest.composer.i18n import Answers, Wording
from digest.composer.merge_fields import FieldUse
from digest.composer.sandbox import ThemeEnvironment
from digest.composer.summary import Markdown
from digest.errors import ThemeError
from digest.model import content_hash

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import CodeType

    from jinja2 import Template

    from digest.composer.compile import Compiled
    from digest.composer.i18n import Catalogue
    from digest.composer.options import ThemeOptions

_LIBRARIES = ("mjml", "premailer", "cssutils", "jinja2")  # what is compiled depends on them
_OURS = (
    "block_view",
    "compile",
    "edition_view",
    "files",
    "filters",
    "lint",
    "merge_fields",
    "mjml_table",
    "photos",
    "recompress",
    "sandbox",
    "settings",
    "story_view",
    "summary",
    "theme",
    "trace",
    "placeholders",
)
_KEPT = 8  # compiled themes on disk; one is about 100 KB


class Theme(Struct, frozen=True, kw_only=True, eq=False):
    """A compiled theme; `notes` say what was adjusted to be readable.

    `hash` is over what it is: its files by their names in it, its options, and what they were compiled to. It is the
    same on every machine that would send the same bytes. `key` is the cache's: over where it lies and with what it was
    compiled, too.
    """

    name: str
    key: str
    hash: str
    html: Template
    html_places: SourceMap
    text: Template
    text_places: SourceMap
    markdown: Markdown
    constants: dict[str, Any]
    catalogues: dict[str, Catalogue]
    fields: tuple[FieldUse, ...] = ()  # the columns of the recipients' list that it names
    notes: tuple[str, ...] = ()
    files: ThemeFiles  # what it was compiled of: those on disk may say more by now
    cache: Path | None = None  # the folder of what is kept
    lines: ThemeEnvironment  # for subject and preheader: one line of plain text each
    _wordings: dict[str, Wording] = field(default_factory=dict)
    _line_templates: dict[str, Template] = field(default_factory=dict)

    def wording(self, language: str) -> Wording:
        """The theme's words in `language`; English, with `missing` set, when it has none of them."""
        found = self._wordings.get(language)
        if found is None:
            path = self.cache / f"cldr-{quote(language, safe='')}-{_version('babel')}.json" if self.cache else None
            found = self._wordings[language] = Wording(language, self.catalogues, Answers(path))
        return found

    def save_cache(self) -> None:
        """Write down what was asked of Babel meanwhile, so that the next process need not ask."""
        for wording in self._wordings.values():
            wording.save()

    def line(self, source: str, name: str) -> Template:
        """The template of one line of text (a subject). Raises TemplateSyntaxError."""
        found = self._line_templates.get(source)
        if found is None:
            found = self._line_templates[source] = self.lines.template(self.lines.guarded(source, name))
        return found


def load_theme(folders: Sequence[Path], options: ThemeOptions, *, cache: Path | None = None) -> Theme:
    """Load the theme that `options` names, from the first of `folders` (and then ours) that has each of its files.

    `cache` is a folder for compiled themes; it is made when it is missing. Raises ThemeError with every fault.
    """
    files = theme_files(folders, options)
    key = _key(files, options)
    path = cache / f"theme-{options.name}-{key[:32]}.json" if cache else None
    if path and (kept := stored.use(path)) and kept["key"] == key:
        return _unpack(kept, files, cache)
    from digest.composer.compile import compile_theme

    compiled = compile_theme(files, options)
    packed = _pack(compiled, options.name, key, _hash(files, options, compiled))
    if path:
        stored.store(path, packed, family="theme-*.json", most=_KEPT)
    return _unpack(packed, files, cache)


def theme_files(folders: Sequence[Path], options: ThemeOptions) -> ThemeFiles:
    """Read the files of the theme that `options` names. Raises ThemeError, also for what the options have wrong."""
    if faults := options.faults():
        from digest.errors import Fault

        raise ThemeError([Fault(file="theme", key=key, message=message) for key, message in faults])
    return gather(folders, options.name)


def _key(files: ThemeFiles, options: ThemeOptions) -> str:
    here = Path(__file__).parent
    parts = {
        "files": {name: (file.shown, _sha(file.text.encode())) for name, file in files.files.items()},
        "options": asdict(options),
        "libraries": {name: _version(name) for name in _LIBRARIES},
        "ours": {name: _sha(here.joinpath(f"{name}.py").read_bytes()) for name in _OURS},
        "python": sys.implementation.cache_tag,
    }
    return _sha(json.dumps(parts, sort_keys=True).encode())


def _hash(files: ThemeFiles, options: ThemeOptions, compiled: Compiled) -> str:
    texts = {name: file.text for name, file in files.files.items()}
    results = (compiled.html, compiled.text, compiled.styles, compiled.constants, compiled.catalogues)
    return content_hash((texts, options, results))


def _version(name: str) -> str:
    """The version of a library, by the folder beside it: reading its metadata would cost a hundred times more."""
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.origin:
        return ""
    return ",".join(one for one in _installed(Path(spec.origin).parent.parent) if one.startswith(name))


@lru_cache(maxsize=8)
def _installed(folder: Path) -> tuple[str, ...]:
    """The names of the distributions in a folder of packages, with their versions."""
    found = (entry.name for entry in os.scandir(folder) if entry.name.endswith(".dist-info"))
    return tuple(sorted(one.removesuffix(".dist-info").lower().replace("-", "_") for one in found))


def _sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _pack(compiled: Compiled, name: str, key: str, content: str) -> dict[str, Any]:
    return {
        "name": name,
        "key": key,
        "hash": content,
        "html_code": packed_code(compiled.html_code),
        "html_places": asdict(compiled.html_places),
        "text_code": packed_code(compiled.text_code),
        "text_places": asdict(compiled.text_places),
        "styles": compiled.styles,
        "constants": {
            name: {"markup": str(value)} if isinstance(value, Markup) else value
            for name, value in compiled.constants.items()
        },
        "catalogues": compiled.catalogues,
        "fields": [asdict(use) for use in compiled.fields],
        "notes": compiled.notes,
    }


def _unpack(packed: dict[str, Any], files: ThemeFiles, cache: Path | None) -> Theme:
    html = ThemeEnvironment(escape=True)
    text = ThemeEnvironment(escape=False, lines=True)
    return Theme(
        name=packed["name"],
        key=packed["key"],
        hash=packed["hash"],
        html=html.template(unpacked_code(packed["html_code"])),
        html_places=SourceMap(**packed["html_places"]),
        text=text.template(unpacked_code(packed["text_code"])),
        text_places=SourceMap(**packed["text_places"]),
        markdown=Markdown(packed["styles"]),
        constants={
            name: Markup(value["markup"]) if isinstance(value, dict) else value  # noqa: S704 - ours, compiled
            for name, value in packed["constants"].items()
        },
        catalogues=packed["catalogues"],
        fields=tuple(FieldUse(**use) for use in packed["fields"]),
        notes=tuple(packed["notes"]),
        lines=text,
        files=files,
        cache=cache,
    )


def packed_code(code: CodeType) -> str:
    """Compiled code as text, for a cache."""
    return base64.b64encode(marshal.dumps(code)).decode("ascii")


def unpacked_code(text: str) -> CodeType:
    """The code again."""
    code: CodeType = marshal.loads(base64.b64decode(text))  # noqa: S302
    return code
