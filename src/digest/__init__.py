"""digest sends a newsroom's readers one good mail a month.

The typed API, in three calls:

    import digest

    newsroom = digest.open_newsroom("config.yaml")
    selection = newsroom.select(newsroom.edition("2022-02", "everyone"))
    rendering = newsroom.compose(selection)

What these return is in `digest.model`; what they raise is drawn in `digest.errors`. Names load when they are used, so
`import digest` costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from digest.errors import DigestError
    from digest.model import Edition, Rendering, Selection, Story
    from digest.newsroom.newsroom import Newsroom, open_newsroom
    from digest.period import Period

__all__ = [
    "DigestError",
    "Edition",
    "Newsroom",
    "Period",
    "Rendering",
    "Selection",
    "Story",
    "open_newsroom",
]

_HOMES = {
    "DigestError": "digest.errors",
    "Edition": "digest.model",
    "Newsroom": "digest.newsroom.newsroom",
    "Period": "digest.period",
    "Rendering": "digest.model",
    "Selection": "digest.model",
    "Story": "digest.model",
    "open_newsroom": "digest.newsroom.newsroom",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        message = f"module 'digest' has no attribute {name!r}"
        raise AttributeError(message)
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
