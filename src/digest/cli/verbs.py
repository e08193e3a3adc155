"""Loads every family of verbs, so that each registers itself with the app, and the decorator they do it with.

The families import only typer and the flags; whatever is heavy loads inside the verb that needs it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

import typer

from digest.cli.app import app
from digest.cli.flags import flat
from digest.cli.plain import PlainCommand, PlainGroup

if TYPE_CHECKING:
    from collections.abc import Callable

FAMILIES = (
    "newsroom", "stories", "build", "check", "preview",
    "send", "schedule", "run", "ledger", "standing", "readers", "serve", "worker",
)  # fmt: skip


def load(word: str = "") -> None:
    """Register the verbs, in the order in which the help lists them.

    When `word` is the name of a family and of a verb in it, that family is enough: its verb is what was asked for.
    """
    if word in FAMILIES:
        importlib.import_module(f"digest.cli.{word}")
        if any(command.name == word for command in app.registered_commands):
            return
    for family in FAMILIES:
        importlib.import_module(f"digest.cli.{family}")


def group(name: str, summary: str) -> typer.Typer:
    """A verb that has verbs of its own: `digest subscribers add`."""
    made = typer.Typer(cls=PlainGroup, help=summary, rich_markup_mode=None, no_args_is_help=True)
    app.add_typer(made, name=name)
    return made


def verb(name: str, home: typer.Typer = app) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a function as `digest NAME`, with its groups of flags laid flat."""

    def register(function: Callable[..., None]) -> Callable[..., None]:
        home.command(name, cls=PlainCommand)(flat(function))
        return function

    return register
