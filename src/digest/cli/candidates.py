"""What a shell can complete an edition, an audience, a language or a topic to.

It is asked at every Tab, so it reads a few files of the nearest newsroom and loads nothing that a verb needs. What it
cannot read it leaves out without a word: whoever presses Tab is in the middle of a line.
"""

from __future__ import annotations

import csv
import os
import re
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer  # noqa: TC002 - typer reads annotations when the program runs

from digest.config.nearest import nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ASKED = "_DIGEST_COMPLETE"  # the variable by which a shell asks what could stand here
_MOST = 2000  # story files, and rows of a list, that are looked into
_FOLDERS = ("build", "archive", "approvals", "issues", "overrides")  # each has a folder for each period
_TOPICS = re.compile(r"^topics:[ \t]*(?:\[(.*)\]|(\S.*)|((?:\n[ \t]*- .*)+))", re.MULTILINE)


def offered(by: Callable[[typer.Context, str], list[str]]) -> Callable[[typer.Context, str], list[str]] | None:
    """The function, where a shell asks; nowhere else is typer to read its signature, for each verb at each start."""
    return by if ASKED in os.environ else None


def editions(ctx: typer.Context, incomplete: str) -> list[str]:
    """`2022-02/everyone/en`: of the periods that have a folder, and of the months that have stories."""
    root, config = _newsroom(ctx)
    periods = {path.name for name in _FOLDERS for path in root.glob(f"{name}/*/") if path.name[:4].isdecimal()}
    periods |= {path.name[:7] for path in root.glob("stories/*.md") if re.match(r"\d{4}-\d{2}-", path.name)}
    default = _mapping(config.get("newsroom")).get("language") or "en"
    names = [
        f"{name}/{language}"
        for name, audience in _mapping(config.get("audiences")).items()
        for language in _listed(_mapping(audience).get("languages")) or [str(default)]
    ]
    return [
        text
        for period in sorted(periods, reverse=True)
        for name in names
        if _begins(text := f"{period}/{name}", incomplete)
    ]


def audiences(ctx: typer.Context, incomplete: str) -> list[str]:
    """The audiences of config.yaml."""
    return [name for name in _mapping(_newsroom(ctx)[1].get("audiences")) if _begins(name, incomplete)]


def languages(ctx: typer.Context, incomplete: str) -> list[str]:
    """The newsroom's language, and those of its audiences."""
    config = _newsroom(ctx)[1]
    known = {str(_mapping(config.get("newsroom")).get("language") or "en")}
    for audience in _mapping(config.get("audiences")).values():
        known |= set(_listed(_mapping(audience).get("languages")))
    return sorted(language for language in known if _begins(language, incomplete))


def topics(ctx: typer.Context, incomplete: str) -> list[str]:
    """Topics of stories and readers. After a comma, the next one."""
    root, config = _newsroom(ctx)
    known: set[str] = set()
    for path in islice(root.glob("stories/**/*.md"), _MOST):
        with suppress(OSError, UnicodeDecodeError):
            known |= set(_of_story(path.read_text("utf-8").partition("\n---")[0]))
    for audience in _mapping(config.get("audiences")).values():
        source = _mapping(_mapping(audience).get("recipients")).get("csv")
        if isinstance(source, str):
            with suppress(OSError, UnicodeDecodeError, csv.Error):
                known |= set(_of_list(root / source))
    before, comma, last = incomplete.rpartition(",")
    return sorted(f"{before}{comma}{topic}" for topic in known if topic and _begins(topic, last))


def _newsroom(ctx: typer.Context) -> tuple[Path, dict[str, Any]]:
    """The folder and the settings of -c, or of the nearest config.yaml; nothing where there is none to be read."""
    named = ctx.params.get("config")
    here = Path.cwd()
    path = Path(named) if named else nearest(here).file
    if path is None or not path.is_file():
        return here, {}
    import yaml

    try:
        return path.parent, _mapping(yaml.load(path.read_text("utf-8"), yaml.CBaseLoader))  # noqa: S506 - all is text
    except (OSError, ValueError, yaml.YAMLError):
        return path.parent, {}


def _of_story(header: str) -> Iterator[str]:
    if found := _TOPICS.search(header):
        for topic in re.split(r"[,\n]", found[1] or found[2] or found[3] or ""):
            yield topic.strip().removeprefix("- ").strip("\"' ")


def _of_list(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8-sig", newline="") as rows:
        for row in islice(csv.DictReader(rows), _MOST):
            yield from (topic.strip() for topic in re.split(r"[;,]", row.get("topics") or ""))


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) and value else list(value) if isinstance(value, list) else []


def _begins(text: str, incomplete: str) -> bool:
    return text.casefold().startswith(incomplete.casefold())
