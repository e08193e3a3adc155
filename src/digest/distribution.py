"""How digest itself is installed: its distribution's name and version, and what to type for a part or a newer one.

It is on no package index, and what is called `digest` on the public one is a stranger's program. So nothing that we say
installs it by a bare name: it comes from a checkout or a wheel.
"""

from __future__ import annotations

NAME = "newsroom-digest"


def version() -> str:
    """The version of what is installed."""
    from importlib import metadata

    return metadata.version(NAME)


def installing(extra: str = "") -> str:
    """What to type, and where, to have it with this extra.

    >>> installing("fleet")
    "in a checkout of digest, pip install -c constraints.txt '.[fleet]'"
    """
    wanted = f"'.[{extra}]'" if extra else "."
    return f"in a checkout of digest, pip install -c constraints.txt {wanted}"
