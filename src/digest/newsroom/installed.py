"""The versions of what is installed, by the names of the folders that say so (`jinja2-3.1.6.dist-info`).

importlib.metadata knows them too, and takes longer to import than to compose an edition; it is asked for what has no
such folder.
"""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_FOLDER = re.compile(r"(?P<name>.+?)-(?P<version>[^-]+)\.dist-info")


def versions(names: Iterable[str]) -> dict[str, str]:
    """The version of each package, by its name as given. Raises PackageNotFoundError for one that is not there."""
    found: dict[str, str] = {}
    for folder in sys.path:
        try:
            entries = os.listdir(folder or ".")  # noqa: PTH208 - names are all that is wanted
        except OSError:
            continue  # a zip file, or a folder that is not there
        for entry in entries:
            if match := _FOLDER.fullmatch(entry):
                found.setdefault(_plain(match["name"]), match["version"])  # the first on the path is the one in use
    return {name: found.get(_plain(name)) or _asked(name) for name in names}


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _asked(name: str) -> str:
    from importlib.metadata import version

    return version(name)
