"""Read a table of stories, CSV or Excel: `date,title,link` and any other keys of a story, named in the first row.

    bytes ─CSV or sheet─▶ rows of texts, with their lines ─columns by name─▶ Items

Comma, semicolon or tab; UTF-8 with or without byte order mark; quotes, and Excel's `sep=;`, as spreadsheets write them.
The columns may be named in English, French, Spanish or German. A row that cannot be read is a fault with its line, and
the others go on. A column that is not known is said, never dropped in silence.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from functools import cache
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from digest import yamlfile
from digest.errors import Fault
from digest.importing import dates, languages
from digest.importing.html_to_markdown import from_html, paragraphs
from digest.importing.naming import slug
from digest.importing.source import Item, Listing, told_apart
from digest.model import STORY_KEYS, STORY_LISTS, STORY_TIMES
from digest.recipients.csvfile import explained
from digest.stories.fields import StoryFields
from digest.text.characters import clean_line
from digest.text.counting import counted
from digest.text.sheet import LINKED, other_sheets, sheet_rows
from digest.text.urls import absolute
from digest.yamlfile import did_you_mean, nearest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import tzinfo

    Row = tuple[int, list[str] | str]  # a line and its cells, or why it and what follows cannot be read

COLUMNS = (*STORY_KEYS, "summary")
# What a story file may say besides an address, and nothing that merely stands in such a column ("n/a").
_OWN_PATHS = {
    "link": re.compile(r"/(?![/\\])\S+"),
    "image": re.compile(r"(?!.*(?:\.\./|//|[:\\])).+\.(?:jpe?g|png|gif|webp)", re.IGNORECASE),
}
# What the columns are called, in the words of each language; the first word is the one that messages use.
WORDS: dict[str, dict[str, tuple[str, ...]]] = {
    "en": {
        "title": ("title", "headline", "name", "post_title"),
        "date": (
            "date",
            "published",
            "pubdate",
            "publication_date",
            "date_published",
            "published_at",
            "day",
            "publish_date",
            "published_date",
            "published_on",
            "date_of_publication",
            "post_date",
        ),
        "link": ("link", "url", "address", "href", "permalink"),
        "kicker": ("kicker", "series", "programme", "program", "overline"),
        "credit": ("credit", "photo_credit", "copyright"),
        "summary": ("summary", "description", "abstract", "text", "teaser", "excerpt"),
        "image": ("image", "image_url", "photo", "picture"),
        "image_alt": ("image_alt", "alt", "alt_text"),
        "guid": ("guid", "id", "identifier"),
        "topics": ("topics", "topic", "tags", "keywords"),
        "countries": ("countries", "country"),
        "channels": ("channels", "channel", "section"),
        "language": ("language", "lang", "locale"),
    },
    "fr": {
        "title": ("titre", "intitulé"),
        "date": ("date", "publié", "publié_le", "date_de_publication", "date_de_parution", "jour"),
        "link": ("lien", "adresse", "url"),
        "kicker": ("surtitre", "série", "programme"),
        "credit": ("crédit", "crédit_photo", "photographe"),
        "summary": ("résumé", "description", "chapeau", "chapô", "texte", "extrait"),
        "image": ("image", "photo"),
        "image_alt": ("texte_alternatif", "alt"),
        "guid": ("identifiant", "id"),
        "topics": ("thèmes", "thème", "sujets", "mots_clés", "étiquettes"),
        "countries": ("pays",),
        "channels": ("rubriques", "rubrique", "canal"),
        "language": ("langue",),
    },
    "es": {
        "title": ("título", "titular"),
        "date": ("fecha", "publicado", "fecha_de_publicación", "día"),
        "link": ("enlace", "dirección", "url"),
        "kicker": ("antetítulo", "serie", "programa"),
        "credit": ("crédito", "créditos", "crédito_de_la_foto"),
        "summary": ("resumen", "descripción", "entradilla", "texto", "extracto"),
        "image": ("imagen", "foto"),
        "image_alt": ("texto_alternativo", "alt"),
        "guid": ("identificador", "id"),
        "topics": ("temas", "tema", "etiquetas", "palabras_clave"),
        "countries": ("países", "país"),
        "channels": ("secciones", "sección", "canal"),
        "language": ("idioma", "lengua"),
    },
    "de": {
        "title": ("titel", "überschrift", "schlagzeile"),
        "date": ("datum", "veröffentlicht", "veröffentlicht_am", "veröffentlichungsdatum", "erscheinungsdatum", "tag"),
        "link": ("link", "adresse", "url"),
        "kicker": ("dachzeile", "reihe", "programm"),
        "credit": ("bildnachweis", "fotonachweis", "foto_credit", "urheber"),
        "summary": ("kurztext", "zusammenfassung", "beschreibung", "teaser", "text", "vorspann"),
        "image": ("bild", "foto", "bildadresse"),
        "image_alt": ("bildbeschreibung", "alternativtext", "alt"),
        "guid": ("kennung", "id"),
        "topics": ("themen", "thema", "schlagwörter", "stichwörter"),
        "countries": ("länder", "land"),
        "channels": ("kanäle", "kanal", "rubrik", "ressort"),
        "language": ("sprache",),
    },
}
# What other programs call what a story may be; what waits for its day, or for few, is for nobody yet.
_STATUS = {"publish": "published", "live": "published", "trash": "withdrawn"}
_STATUS |= dict.fromkeys(("pending", "private", "future", "scheduled"), "draft")
_IS_HTML = re.compile(r"\s*<(?:p|div|span|ul|ol|h[1-6]|blockquote|article|section)\b[^<>]*>.*>\s*", re.DOTALL)
# What a cell is where formulas were saved in place of what they show.
_FORMULA = re.compile(r"=(?:[A-Z][A-Z0-9.]{1,40}\(|\$?[A-Z]{1,3}\$?[0-9]+\b)")
_SHEET_ERROR = re.compile(r"#(?:N/A|REF!|VALUE!|NAME\?|DIV/0!|NUM!|NULL!|ERROR!)")
_NEXT_ADDRESS = re.compile(r"[,;]?[|\s][|,;\s]{0,8}(?=https?://)")  # `,https://` may be part of one address
_SIGNS = ",;\t|"
_RESTARTS = 50  # after rows that CSV cannot read
_SEPARATOR_LINE = re.compile(r"\ufeff?\"?sep=(.)\"?\r?\n", re.IGNORECASE)


def _folded(name: str) -> str:
    """A column's name without case, accents and signs: `Crédit photo` is `credit-photo`."""
    return slug(name.replace("_", " "))


_NAMES = {key: key for key in COLUMNS}
for _words in WORDS.values():
    for _column, _spellings in _words.items():
        for _spelling in _spellings:
            _NAMES.setdefault(_folded(_spelling), _column)
_NAMES |= {_folded(key): key for key in COLUMNS}
# Read where no other column has their key; beside a `Date`, an export's second one is not.
_ELSE = {"post-title", "publish-date", "published-date", "published-on", "date-of-publication", "post-date"}
_ELSE |= {"date-de-parution", "erscheinungsdatum"}


def columns(text: str) -> tuple[str, list[str]] | None:
    """The sign between the columns and the columns' own names here (unknown ones as written); None: not a table."""
    text, signs = _without_separator_line(text)
    first = text.lstrip("\ufeff").lstrip("\r\n").split("\n", 1)[0].rstrip("\r")
    for sign in signs:
        try:
            heads = next(csv.reader([first], delimiter=sign), [])
        except csv.Error:
            continue
        names = _names(heads)
        if {"title", "date"} <= set(names):
            return sign, names
    return None


def parse(text: str, source: str, *, zone: tzinfo, language: str = "") -> Listing:
    """Read CSV. Its first row must name at least title and date; otherwise the listing has one fault, no item."""
    found = columns(text)
    return _listing(_rows(text, found[0] if found else ","), source, zone, language)


def parse_sheet(data: bytes, source: str, *, zone: tzinfo, language: str = "", sheet: str = "") -> Listing:
    """Read one sheet of an Excel workbook (.xlsx), the first if none is named; the others are named in its notes.

    Raises ImportFailed for what cannot be opened, UsageError for a sheet that is not there.
    """
    listing = _listing(sheet_rows(data, source, sheet, links=True), source, zone, language)
    unread = [
        f"{source}: the sheet {name!r} is not read; --sheet reads it" for name in other_sheets(data, source, sheet)
    ]
    return replace(listing, notes=(*unread, *listing.notes))


def _without_separator_line(text: str) -> tuple[str, str]:
    """The text without Excel's `sep=;`, and the signs to try."""
    if found := _SEPARATOR_LINE.match(text):
        return text[found.end() :], found[1]
    return text, _SIGNS


def column(name: str) -> str:
    """The key of a story (one of COLUMNS) that a column's name means; a name that means none, as one clean line.

    >>> column("Crédit photo"), column("Author")
    ('credit', 'Author')
    """
    return _NAMES.get(_folded(name), clean_line(name))


def _names(heads: list[str]) -> list[str]:
    """The columns' names, as column() reads each; of _ELSE the first, and only where no other has its key."""
    names = list(map(column, heads))
    spare = [_folded(head) in _ELSE for head in heads]
    taken = {name for name, other in zip(names, spare, strict=True) if not other}
    for place, name in enumerate(names):
        if spare[place] and name in taken:
            names[place] = clean_line(heads[place])
        taken.add(name)
    return names


def _listing(rows: Iterator[Row], source: str, zone: tzinfo, language: str) -> Listing:
    notes: list[str] = []
    items, faults = told_apart(_reads(rows, source, zone, language, notes))
    return Listing(source=source, language=language, items=items, faults=faults, notes=tuple(notes))


def _reads(rows: Iterator[Row], source: str, zone: tzinfo, language: str, notes: list[str]) -> Iterator[Item | Fault]:
    names: list[str] = []
    for line, cells in rows:
        if isinstance(cells, str):
            yield Fault(file=source, line=line, message=cells)
        elif not any(cell.strip() for cell in cells):
            continue
        elif not names:
            heads = [LINKED.sub(lambda found: found[2] or "", cell) for cell in cells]
            names = _names(heads)
            wrong, unknown = _heads(heads, names, source, line)
            if wrong:
                yield from wrong
                return
            notes += unknown
        elif len(cells) > len(names) and any(cell.strip() for cell in cells[len(names) :]):
            message = (
                f"{counted(len(cells), 'value')} in {counted(len(names), 'column')}; put quotes around a value that "
                "holds the separator"
            )
            yield Fault(file=source, line=line, message=message)
        else:
            for place, (name, cell) in enumerate(zip(names, cells, strict=False), 1):
                if (
                    not name
                    and cell.strip()
                    and (note := f"{source}: column {place} has no name; not read") not in notes
                ):
                    notes.append(note)
            yield item(dict(zip(names, cells, strict=False)), line, source, zone, language, notes)


def _heads(heads: list[str], names: list[str], source: str, line: int) -> tuple[list[Fault], list[str]]:
    """What is wrong with the first row, and the columns that are not read, in the sheet's own words."""
    folded = list(map(_folded, heads))
    spoken = max(WORDS, key=lambda tongue: sum(map(_spelled(tongue).__contains__, folded)))
    first = [words[0] for words in WORDS[spoken].values()]
    known = first if spoken == "en" else [word.replace("_", " ").capitalize() for word in first]
    twice = sorted(name for name, count in Counter(names).items() if count > 1 and name)
    spelled = {
        key: ", ".join(clean_line(head) for head, name in zip(heads, names, strict=True) if name == key)
        for key in twice
    }
    faults = [
        Fault(file=source, line=line, key=key, message=f"this column is given twice ({spelled[key]}); keep one")
        for key in twice
    ]
    if not {"title", "date"} <= set(names):
        message = f"the first row must name the columns, at least title and date; known are: {', '.join(known)}"
        faults.append(Fault(file=source, line=line, message=message))
    unknown = [name for name in dict.fromkeys(names) if name and name not in COLUMNS]
    if spoken == "en":
        known += [key for key in COLUMNS if key not in known]
    strangers = [name for name in unknown if not nearest(name, known)]  # what is known is said once
    hints = {name: "" if name in strangers[1:] else did_you_mean(name, known) for name in unknown}
    return faults, [f"{source}:{line}: column '{name}' is not known{hint}; not read" for name, hint in hints.items()]


@cache
def _spelled(tongue: str) -> set[str]:
    return {_folded(spelling) for spellings in WORDS[tongue].values() for spelling in spellings}


def _rows(text: str, sign: str) -> Iterator[Row]:
    body, _ = _without_separator_line(text)
    above = text.count("\n", 0, len(text) - len(body))
    lines = io.StringIO(body.lstrip("\ufeff"), newline="").readlines()
    start = 0
    for _ in range(_RESTARTS):
        rows = csv.reader(lines[start:], delimiter=sign, strict=True)
        line = start
        try:
            for row in rows:
                yield line + 1 + above, row
                line = start + rows.line_num
        except csv.Error as error:
            yield line + 1 + above, f"{explained(str(error))}; the row is left out"
            start = line + 1  # a quote that is not closed has swallowed what follows
        else:
            return
    yield start + 1 + above, "is not CSV from here on; the rest is left out"


def item(
    row: Mapping[str, str | list[str]], line: int, source: str, zone: tzinfo, language: str, notes: list[str]
) -> Item | Fault:
    """The story that a row tells by its named values, or what is wrong with it; then it gives no story. Raises nothing.

    `row` maps COLUMNS to texts, as a person writes them into a cell: `2022-02-14`, `true`, `water, health`. What has
    several values (STORY_LISTS) may be a list of texts as well. Of `summary`, blank lines part the paragraphs. Keys
    that are none of COLUMNS are passed over: who calls this names them, with how often and where the source has them.

    `line` is where the row begins in `source`, from 1; dates without a zone are in `zone`. `language` is that of rows
    that name none. To `notes` is added what is left out of a story that is taken.
    """
    cells = {key: text for key, value in row.items() if isinstance(value, str) and (text := clean_line(value))}
    lists = {key: value for key, value in row.items() if isinstance(value, list)}
    for key, found in [(key, found) for key, text in cells.items() if (found := LINKED.fullmatch(text))]:
        address, shown = (clean_line((part or "").replace('""', '"')) for part in found.groups())
        kept = key not in _OWN_PATHS or absolute(shown) or _OWN_PATHS[key].fullmatch(shown)
        cells[key] = (shown if kept else "") or address  # Excel keeps an old link behind an address typed anew
        if key == "title" and (absolute(address) or _OWN_PATHS["link"].fullmatch(address)):
            cells.setdefault("link", address)
    if several := next((key for key in lists if key in COLUMNS and key not in STORY_LISTS), ""):
        message = "has several values, and a story has one; the row is left out"
        return Fault(file=source, line=line, key=several, message=message)
    for key in _OWN_PATHS.keys() & cells.keys():
        cells[key], *more = _NEXT_ADDRESS.split(cells[key])
        if more:
            notes.append(
                f"{source}:{line}: {key}: has {counted(len(more) + 1, 'address', 'addresses')}; the first is taken"
            )
    spoken = languages.read(cells.get("language", ""))
    if "language" in cells and not spoken:
        notes.append(f"{source}:{line}: language: '{cells['language'][:40]}' is no language; left out")
    try:
        times = _times(cells, zone, spoken or language)
        values = _values(cells, lists, line, source)
    except _CellError as error:
        return Fault(file=source, line=line, key=error.key, message=f"{error}; the row is left out")
    values |= {key: when.at for key, when in times.items()}
    written = str(row.get("summary", ""))
    if linked := LINKED.fullmatch(written.strip()):
        written = (linked[2] or "").replace('""', '"') or linked[1]
    html = _IS_HTML.fullmatch(written)
    summary = from_html(written) if html else paragraphs(written)
    only = times["date"].date_only
    return Item(**values, language=spoken or language, date_only=only, summary=summary, line=line)


class _CellError(ValueError):
    """What is wrong with the cell in the column `key`."""

    def __init__(self, key: str, message: str) -> None:
        super().__init__(message)
        self.key = key


def _times(cells: dict[str, str], zone: tzinfo, language: str) -> dict[str, dates.Moment]:
    times: dict[str, dates.Moment] = {}
    for key in STORY_TIMES:
        text = cells.get(key, "")
        try:
            when = dates.parse(text, zone, language)
        except dates.NoSuchDay as error:
            raise _CellError(key, str(error)) from None
        if when is not None:
            times[key] = when
        elif text or key == "date":
            said = f"'{text}' is no date" if text else "is missing"
            raise _CellError(key, f"{said}; write it like 2022-02-14")
    return times


def _values(cells: dict[str, str], lists: dict[str, list[str]], line: int, source: str) -> dict[str, Any]:
    """The typed values of a row: what a story file with these keys would say. Without its times and language."""
    for key, text in cells.items():
        if _SHEET_ERROR.fullmatch(text):
            raise _CellError(key, f"'{text}' is an error of the sheet; mend it there")
        if key in COLUMNS and _FORMULA.match(text):
            raise _CellError(key, f"'{text[:80]}' is a formula, not what it shows; save the sheet's values")
    for key, own in _OWN_PATHS.items():
        if key in cells and not absolute(cells[key]) and not own.fullmatch(cells[key]):
            raise _CellError(key, f"'{cells[key][:80]}' is no http or https address, and no path of the newsroom's")
    data: dict[str, Any] = {key: _several(text) if key in STORY_LISTS else text for key, text in cells.items()}
    data |= {key: [text for part in parts if (text := clean_line(part))] for key, parts in lists.items()}
    for key in {"topics", "channels"} & data.keys():
        data[key] = [name for part in data[key] if (name := slug(part))]
    data = {key: value for key, value in data.items() if key in STORY_KEYS and key != "language"}
    data |= {key: _STATUS.get(value.lower(), value.lower()) for key, value in data.items() if key == "status"}
    document = yamlfile.Document(file=source, data=data, lines={(key,): line for key in data})
    fields, faults = yamlfile.validate(StoryFields, document)
    if fields is None:
        raise _CellError(faults[0].key.partition("[")[0], faults[0].message)
    return {key: value for key, value in fields if key not in {*STORY_TIMES, "language"}}


def _several(text: str) -> list[str]:
    return [part.strip() for part in re.split(r"[,;|]", text) if part.strip()]
