"""The app to which every family of verbs adds its own, and the decorator with which they do it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from digest.cli.flags import flat

if TYPE_CHECKING:
    from collections.abc import Callable

app = typer.Typer(
    name="digest",
    help="Send a newsroom's readers one good mail a month.",
    epilog="Start with: digest init DIR. Every verb has --help.",
    rich_markup_mode=None,  # rich costs 100 ms at every start, and says no more
    pretty_exceptions_enable=False,
    add_completion=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def group(name: str, summary: str) -> typer.Typer:
    """A verb that has verbs of its own: `digest subscribers add`."""
    verbs = typer.Typer(help=summary, rich_markup_mode=None, no_args_is_help=True)
    app.add_typer(verbs, name=name)
    return verbs


def verb(name: str, home: typer.Typer = app) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a function as `digest NAME`, with its groups of flags laid flat."""

    def register(function: Callable[..., None]) -> Callable[..., None]:
        home.command(name)(flat(function))
        return function

    return register
