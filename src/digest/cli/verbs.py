"""Loads every family of verbs, so that each registers itself with the app, and the decorator they do it with.

The families import only typer and the flags; whatever is heavy loads inside the verb that needs it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from digest.cli.app import app
from digest.cli.flags import flat

if TYPE_CHECKING:
    from collections.abc import Callable

FAMILIES = ("newsroom", "stories", "build", "check")


def load() -> None:
    """Register the verbs, in the order in which the help lists them."""
    for family in FAMILIES:
        importlib.import_module(f"digest.cli.{family}")


def verb(name: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a function as `digest NAME`, with its groups of flags laid flat."""

    def register(function: Callable[..., None]) -> Callable[..., None]:
        app.command(name)(flat(function))
        return function

    return register
