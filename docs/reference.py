"""Write the reference pages that the program itself knows best: settings, story files, lists, checks, exit codes.

python docs/reference.py          writes each page
python docs/reference.py --check  ends with 1 and names the pages that are not what would be written

Meanings, defaults and names come from the code; examples from docs/example-config.yaml and docs/example-story.md, which
hold every key and which the tests load as a newsroom's own.
"""

from __future__ import annotations

import re
import sys
import typing
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from digest import errors
from digest.checks.registry import CHECKS, COMPOSED
from digest.config.sections import ConditionSection, Settings
from digest.recipients import columns
from digest.stories.fields import StoryFields

if typing.TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pydantic.fields import FieldInfo

FOLDER = Path(__file__).parent
_SETTINGS = """
# Settings

What `config.yaml` may say. [example-config.yaml](example-config.yaml) has every key once, with a value. All are there
since version 0.1.0, unless one says otherwise.

Below each key stands the environment variable that overrides it; where there is none, the key can only be set in the
file. A list or a mapping is written in one line there: `DIGEST_MAIL__CLIENTS='[gmail]'`. NAME is the name of your
audience, a host, or a check. `digest config --print` shows what is in force, and from where.

Secrets are never in this file: a setting names the environment variable, or the file, that holds one.
"""
_STORIES = """
# Story files

A story is a file under `stories/`, in any folder there, whose name ends in `.md`. Its path without `.md` is the story's
id. It begins with keys and values between two lines `---`. Below them stands the summary, in Markdown: one or two
paragraphs.

Only `title` and `date` must be there. A key that digest does not know is refused, with its line and the nearest key
that it knows. `digest new "A title"` begins such a file; `digest import` makes them
[from what you have](bring-in-stories.md).

A story with every key:
"""
_READERS = """
# Lists of readers

A list is a CSV file in UTF-8, with commas, semicolons or tabs between the columns. Its first row names the columns.
Order, capitals, accents and signs do not matter. Only the address must be there. A column that is none of these is a
field of your own: `Shoe size` is `reader.field.shoe_size` in a template.
"""
_STATUSES = """
## Words of a status

A status column says who may be mailed. Whoever has one of the words of the first row is mailed; whoever has another one
is not, for the reason on the left. A row with a word that is not known is left out and named: nobody is mailed by a
word of which digest is not sure. A column that is called a status and says something else needs another name.
"""
_CHECKS = """
# Checks

An *error* stops the send. A *warning* wants a look. An *info* is worth knowing; `digest check -v` shows it. Those that
look at the network run with `digest check --network`. `digest check --explain CODE` says on the terminal what stands
here.

What is found in the HTML, which nobody wrote as it stands, names the element and what wrote it: the line of a story, of
an issue's block, of config.yaml, or of the theme. Its place in the HTML stands behind (`html:56:3041`: the line, and
the column where the element's tag ends). A theme whose output depends on its own letters is told of the HTML's place
alone.

A newsroom can make a check louder, quieter or silent, and says why:

```yaml title="config.yaml"
checks:
  credit-missing: {severity: "off", reason: our photos are our own}
```
"""
_CODES = """
# Exit codes

What calls digest (cron, a script) reads from the exit code how it went; `echo $?` after a command shows it. What to do
about each: [When something is wrong](trouble.md).
"""
_ERRORS = """
## Errors

As they are called in `digest.errors`, for who calls digest from Python:
"""


class Place(typing.NamedTuple):
    """A section of config.yaml: its dotted name as a heading, the keys to reach it, its model."""

    heading: str
    path: tuple[str, ...]
    model: type[BaseModel]
    example: Any


def settings() -> str:
    """Every key of config.yaml."""
    example = yaml.load((FOLDER / "example-config.yaml").read_text(encoding="utf-8"), yaml.BaseLoader)  # noqa: S506
    parts = [_SETTINGS]
    for place in places(Settings, (), example):
        parts += [f"## {place.heading}", " ".join((place.model.__doc__ or "").split())]
        parts.append(_table(("key", "meaning", "default", "example"), _rows(place)))
    return _page(*parts)


def places(model: type[BaseModel], path: tuple[str, ...], example: Any) -> Iterator[Place]:
    """The section itself, then those in it, in their order."""
    yield Place(".".join(path) or "At the top", path, model, example)
    for key, info in keys(model):
        below, repeated = section(info.annotation)
        if below in (None, ConditionSection):
            continue
        given = example.get(key) if isinstance(example, dict) else None
        if repeated == "dict":
            given = joined(given.values()) if given else None
            yield from places(below, (*path, key, "NAME"), given)
        elif repeated == "list":
            yield from places(below, (*path, f"{key}[]"), joined(given) if given else None)
        else:
            yield from places(below, (*path, key), given)


def joined(values: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """One mapping with every key that any of several has: the first one's value."""
    merged: dict[str, Any] = {}
    for value in values:
        for key, given in value.items():
            old = merged.setdefault(key, given)
            if isinstance(old, dict) and isinstance(given, dict):
                merged[key] = joined([old, given])
    return merged


def keys(model: type[BaseModel]) -> Iterator[tuple[str, FieldInfo]]:
    """The keys of a section as a file spells them."""
    for name, info in model.model_fields.items():
        yield info.alias or name, info


def section(kind: Any) -> tuple[type[BaseModel] | None, str]:
    """The section that a key holds, and whether it holds one, a `list` or a `dict` of them."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return kind, ""
    if origin is typing.Annotated:
        return section(arguments[0])
    if origin in (dict, tuple, list):
        found, _ = section(arguments[1] if origin is dict else arguments[0])
        return found, "dict" if origin is dict else "list"
    for argument in arguments:
        found, repeated = section(argument)
        if found:
            return found, repeated
    return None, ""


def _rows(place: Place) -> Iterator[tuple[str, ...]]:
    for key, info in keys(place.model):
        below, repeated = section(info.annotation)
        inner = below is not None and below is not ConditionSection
        variable = "" if inner else environment_name((*place.path, key))
        name = f"`{key}`" + (f"<br><small>`{variable}`</small>" if variable else "")
        meaning = info.description or ""
        if inner and below is not None:
            reached = {"list": (f"{key}[]",), "dict": (key, "NAME")}.get(repeated, (key,))
            where = ".".join((*place.path, *reached))
            meaning = f"{meaning or ' '.join((below.__doc__ or '').split())} See [{where}](#{_anchor(where)})."
        # All keys are as old as the first version; one that comes later has json_schema_extra={"since": "0.2.0"}.
        if since := isinstance(info.json_schema_extra, dict) and info.json_schema_extra.get("since"):
            meaning += f" Since {since}."
        given = place.example.get(key) if isinstance(place.example, dict) else None
        yield name, meaning, _default(info), "" if inner or given is None else f"`{flow(given)}`"


def environment_name(path: tuple[str, ...]) -> str:
    """The variable that overrides a key; empty at the top, and where lists are on the way, which have no names."""
    named = len(path) > 1 and not any(part.endswith("[]") for part in path)
    return "DIGEST_" + "__".join(part.upper() for part in path) if named else ""


def _anchor(heading: str) -> str:
    """As Python-Markdown's toc makes it."""
    return re.sub(r"[\s-]+", "-", re.sub(r"[^\w\s-]", "", heading).strip().lower())


def _default(info: FieldInfo) -> str:
    if info.is_required():
        return "must be given"
    if isinstance(info.json_schema_extra, dict) and "default" in info.json_schema_extra:
        return f"`{info.json_schema_extra['default']}`"
    value = info.default
    if value is PydanticUndefined or value in ("", (), None, {}):
        return ""
    if hasattr(value, "total_seconds"):
        return f"`{info.annotation and _stretch(value)}`"
    return f"`{flow(value)}`"


def _stretch(value: Any) -> str:
    hours = value.total_seconds() / 3600
    return f"{hours:g} hour{'s' * (hours != 1)}"


def flow(value: Any) -> str:
    """As one writes it in one line of YAML."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(flow, value)) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {flow(each)}" for key, each in value.items()) + "}"
    return str(value)


def story_files() -> str:
    """Every key of a story file's front matter."""
    example = (FOLDER / "example-story.md").read_text(encoding="utf-8")
    front = yaml.load(example.split("---")[1], yaml.BaseLoader)  # noqa: S506
    rows = []
    for key, info in keys(StoryFields):
        default = _default(info) if info.default is not None else ""
        rows.append((f"`{key}`", info.description or "", default, f"`{flow(front[key])}`"))
    header = example.split("---\n")[1]
    block = f'```yaml title="stories/2022/water-comes-back.md"\n{header}```'
    return _page(_STORIES, block, _table(("key", "meaning", "default", "example"), rows))


def reader_lists() -> str:
    """The columns of a list of readers."""
    known = {
        "email": ("the address; must be there", sorted(columns._EMAIL)),
        "else": ("the address, where no column is called as above", columns._EMAIL_ELSE),
        "name": ("shown in the To line, and as `reader.name`", columns._NAME),
        "first name": ("with the last name it makes the name", columns._FIRST),
        "last name": ("", columns._LAST),
        "language": ("a tag (`fr`) or a name (`French`): which language's edition", columns._LANGUAGE),
        "topics": ("parted by commas, semicolons or `|`; where none is, at blanks: `green jobs;`", columns._TOPICS),
        "tags": ("are topics where there is no column of topics", columns._TAGS),
        "status": ("a word that says whether to mail", sorted(columns._STATUS_NAMES)),
        "type": (
            "a status where a word of it stops somebody (Buttondown, Kit, Google Groups, Sympa), else a field",
            sorted(columns._TYPE_NAMES),
        ),
        "says yes to mails": ("a yes or a day; else the reader is not mailed", sorted(columns._YES_NAMES)),
        "newsletter": ("the same, where it says yes or no of somebody", sorted(columns._NEWSLETTER_NAMES)),
        "says no to mails": (
            "a yes, day or reason: no mail for the reader; also `is bounced`, `Bounce reason`, `Opted out of email: …`",
            sorted(columns._NO_NAMES),
        ),
    }
    spelled = ((key, what, ", ".join(names)) for key, (what, names) in known.items())
    words = ((reason or "mailed", ", ".join(sorted(given))) for reason, given in columns._STATUS_WORDS.items())
    return _page(
        _READERS,
        _table(("column", "what it is", "may be called"), spelled),
        _STATUSES,
        _table(("means", "words"), words),
    )


def checks() -> str:
    """Every check."""
    rows = (
        (f"`{code}`", check.severity.value, check.scope, check.why, " ".join((check.run.__doc__ or "").split()))
        for code, check in sorted(CHECKS.items())
    )
    composed = ((f"`{code}`", why) for code, why in COMPOSED.items())
    return _page(
        _CHECKS,
        _table(("code", "severity", "looks at", "why", "finds"), rows),
        "## Found while composing",
        _table(("code", "why"), composed),
    )


def exit_codes() -> str:
    """Every exit code, with the errors that end in it."""
    meanings = {
        0: "done",
        1: "a check failed, somebody was refused or is in doubt, or a file could not be written; each is named",
        2: "what was typed, or a file, has a mistake: file, line, key, what to do",
        3: "nothing to send: no story or no reader",
        4: "already sent: nothing is left to do",
        5: "the approval is missing, or what was approved has changed",
        6: "an import that found nothing, or far too little",
        75: "something will be tried again: run the same once more, later",
        130: "ended with Ctrl-C; the line above says how to go on",
        143: "ended by a signal, as when a machine shuts down",
    }
    kinds: dict[int, list[tuple[str, str]]] = {}
    for kind in vars(errors).values():
        if isinstance(kind, type) and issubclass(kind, errors.DigestError) and kind is not errors.DigestError:
            kinds.setdefault(kind.exit_code, []).append((kind.__name__, " ".join((kind.__doc__ or "").split())))
    if missing := set(kinds) - set(meanings):
        message = f"docs/reference.py says nothing of the exit codes {missing}"
        raise SystemExit(message)
    rows = ((f"`{code}`", said, ", ".join(name for name, _ in kinds.get(code, ()))) for code, said in meanings.items())
    named = ((f"`{name}`", f"`{code}`", doc) for code, found in sorted(kinds.items()) for name, doc in found)
    return _page(_CODES, _table(("code", "meaning", "errors"), rows), _ERRORS, _table(("error", "code", "when"), named))


def _page(*parts: str) -> str:
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *(tuple(cell.replace("|", "\\|") for cell in row) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


PAGES = {
    "settings.md": settings,
    "story-files.md": story_files,
    "reader-lists.md": reader_lists,
    "checks.md": checks,
    "exit-codes.md": exit_codes,
}


def main() -> int:
    """Write the pages, or with --check name those that are stale."""
    stale = []
    for name, page in PAGES.items():
        file, text = FOLDER / name, page()
        if "--check" not in sys.argv:
            file.write_text(text, encoding="utf-8")
        elif not file.is_file() or file.read_text(encoding="utf-8") != text:
            stale.append(name)
    if stale:
        sys.stderr.write(f"stale, run python docs/reference.py: {', '.join(stale)}\n")
    return bool(stale)


if __name__ == "__main__":
    sys.exit(main())
