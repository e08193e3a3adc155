"""The app to which every family of verbs adds its own, the decorator with which they do it, and the layout of help."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperGroup

from digest.cli.flags import flat

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# Every verb, where somebody looks for it, with an example for its help.
EXAMPLES: Mapping[str, Mapping[str, str]] = {
    "Every month": {
        "import": "digest import https://www.example.org/news/feed --channel news",
        "new": 'digest new "Harbour reopens after repairs"',
        "stories": "digest stories 2022-02/everyone/en --explain",
        "build": "digest build --month 2022-02",
        "check": "digest check 2022-02/everyone/en",
        "preview": "digest preview --month 2022-02",
        "approve": 'digest approve 2022-02/everyone/en --by "Ana Silva"',
        "send": "digest send 2022-02/everyone/en --to you@example.org",
        "status": "digest status 2022-02/everyone/en",
        "archive": "digest archive",
    },
    "Once": {
        "init": 'digest init harbour --name "Harbour News" --contact news@example.org',
        "config": "digest config --print",
        "sources": "digest sources",
        "subscribers": "digest subscribers import -a everyone members.csv",
        "schedule": "digest schedule --install systemd",
        "theme": "digest theme new harbour",
        "serve": "digest serve --port 8025",
        "completion": "digest completion bash >> ~/.bashrc",
    },
    "Trouble": {
        "resume": "digest resume 2022-02/everyone/en",
        "pause": "digest pause 2022-02/everyone/en",
        "cancel": "digest cancel 2022-02/everyone/en",
        "thaw": "digest thaw 2022-02/everyone/en",
        "resolve": "digest resolve 2022-02/everyone/en --maillog /var/log/mail.log",
        "bounces": "digest bounces imaps://bounces@mail.example.org",
    },
    "By itself, and on many machines": {
        "run": "digest run --dry-run",
        "worker": "digest worker --port 9464",
    },
}
PART_EXAMPLES: Mapping[str, Mapping[str, str]] = {
    "theme": {
        "new": "digest theme new harbour",
        "check": "digest theme check harbour",
    },
    "subscribers": {
        "list": "digest subscribers list -a everyone",
        "add": 'digest subscribers add -a everyone ann@example.org --name "Ann Lee"',
        "remove": "digest subscribers remove -a everyone ann@example.org",
        "suppress": "digest subscribers suppress ann@example.org",
        "unsuppress": 'digest subscribers unsuppress ann@example.org --because "asked by phone"',
        "suppressed": "digest subscribers suppressed",
        "import": "digest subscribers import -a everyone members.csv --dry-run",
        "export": "digest subscribers export -a everyone > everyone.csv",
    },
}


class VerbGroup(TyperGroup):
    """A verb's own verbs in its help: in groups, each with its whole sentence and none cut off."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write a section for each group; verbs of no group last."""
        panels = {"Verbs": dict.fromkeys(self.commands)} if self.name in PART_EXAMPLES else EXAMPLES
        named = {name for verbs in panels.values() for name in verbs}
        others = {name: "" for name in self.list_commands(ctx) if name not in named}
        for title, verbs in (*panels.items(), ("Others", others)):
            commands = [(name, self.commands[name]) for name in verbs if name in self.commands]
            if commands:
                with formatter.section(title):
                    formatter.write_dl([(name, _sentence(command.help)) for name, command in commands])


def _sentence(text: str | None) -> str:
    return inspect.cleandoc(text or "").partition("\n\n")[0].replace("\n", " ")


app = typer.Typer(
    name="digest",
    cls=VerbGroup,
    help="Send a newsroom's readers one good mail a month.",
    epilog="Start with: digest init DIR. Every verb has --help, with an example; `digest` alone says what is next.",
    rich_markup_mode=None,  # rich costs 100 ms at every start, and says no more
    pretty_exceptions_enable=False,
    add_completion=False,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def group(name: str, summary: str) -> typer.Typer:
    """A verb that has verbs of its own: `digest subscribers add`."""
    verbs = typer.Typer(
        name=name, cls=VerbGroup, help=summary, rich_markup_mode=None, no_args_is_help=True, epilog=_example(name)
    )
    app.add_typer(verbs)
    return verbs


def verb(name: str, home: typer.Typer = app) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a function as `digest NAME`, with its groups of flags laid flat and its example below its help."""

    def register(function: Callable[..., None]) -> Callable[..., None]:
        home.command(name, epilog=_example(name, home))(flat(function, name))
        return function

    return register


def _example(name: str, home: typer.Typer | None = None) -> str | None:
    panels = EXAMPLES.values() if home in (None, app) else [PART_EXAMPLES.get(str(home and home.info.name), {})]
    found = next((verbs[name] for verbs in panels if name in verbs), "")
    return f"Example: {found}" if found else None
