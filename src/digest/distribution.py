"""How digest itself is installed: its distribution's name and version, and what to type for a part or a newer one.

It is on no package index, and what is called `digest` on the public one is a stranger's program. So nothing that we say
installs it by a bare name: it comes from a checkout or a wheel.
"""

from __future__ import annotations

import os
import re
import sys
from functools import lru_cache

NAME = "newsroom-digest"


def version(name: str = NAME) -> str:
    """The version of a distribution, by its folder's name (PEP 376): reading its metadata takes a hundred times longer.

    Raises PackageNotFoundError when it is not installed.
    """
    wanted = re.sub(r"[-_.]+", "_", name).lower() + "-"
    versions = (one.removeprefix(wanted) for folder in sys.path for one in installed(folder) if one.startswith(wanted))
    if found := next(versions, ""):
        return found
    from importlib import metadata

    return metadata.version(name)


@lru_cache(maxsize=32)
def installed(folder: str) -> tuple[str, ...]:
    """The distributions in a folder of packages, each as `its_name-1.2.3`, in order."""
    try:
        names = [entry.name for entry in os.scandir(folder or ".") if entry.name.endswith(".dist-info")]
    except OSError:  # no folder, or one that may not be read
        return ()
    return tuple(sorted(one.removesuffix(".dist-info").lower() for one in names))


def installing(extra: str = "") -> str:
    """What to type, and where, to have it with this extra.

    >>> installing("fleet")
    "in a checkout of digest, pip install -c constraints.txt '.[fleet]'"
    """
    wanted = f"'.[{extra}]'" if extra else "."
    return f"in a checkout of digest, pip install -c constraints.txt {wanted}"
