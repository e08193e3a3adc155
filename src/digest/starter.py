"""Make a newsroom that can be built at once: `digest init DIR`.

It copies the sample newsroom that digest ships (config, stories, readers) and the default theme. It never writes into
a folder that already has something of the same name, and writes nothing at all when one file would be in the way.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from digest import files
from digest.errors import DigestError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_IGNORE = b"build/\n.digest/\n"


def make(folder: Path, *, name: str = "", contact: str = "", theme: bool = True) -> list[Path]:
    """Write a newsroom into `folder` and return its files. Raises UsageError when one of them is there already."""
    wanted = dict(_wanted(theme=theme))
    wanted[Path("config.yaml")] = _named(wanted[Path("config.yaml")], {"name": name, "contact": contact})
    if taken := sorted(str(path) for path in wanted if (folder / path).exists()):
        message = f"{folder}: {taken[0]} is there already; name a new or empty folder"
        raise UsageError(message)
    try:
        for path, data in wanted.items():
            files.write_whole(folder / path, data)
    except OSError as error:
        message = f"{folder}: cannot be written: {error.strerror}"
        raise DigestError(message) from error
    return [folder / path for path in wanted]


def _wanted(*, theme: bool) -> Iterator[tuple[Path, bytes]]:
    sample, templates = _shipped()
    yield Path("config.yaml"), (sample / "config.yaml").read_bytes()
    yield Path(".gitignore"), _IGNORE
    parts = [(sample, "stories/**/*.md"), (sample, "recipients/*.csv")]
    if theme:
        parts.append((templates.parent, f"{templates.name}/default/**/*"))
    for base, pattern in parts:
        for path in sorted(base.glob(pattern)):
            if path.is_file():
                yield path.relative_to(base), path.read_bytes()


def _shipped() -> tuple[Path, Path]:
    """The sample newsroom and the templates: inside the package when it is installed, else in the repository."""
    package = Path(__file__).parent
    if (package / "sample").is_dir():
        return package / "sample", package / "templates"
    return package.parents[1], package.parents[1] / "templates"


def _named(config: bytes, values: Mapping[str, str]) -> bytes:
    """The sample config with a newsroom's own name and contact, each quoted so that any text is one YAML value."""
    text = config.decode()
    for key, value in values.items():
        if value:
            quoted = "'" + value.replace("'", "''") + "'"
            text = re.sub(rf"(?m)^(  {key}: ).*$", lambda found: found[1] + quoted, text, count=1)  # noqa: B023 - used at once
    return text.encode()
