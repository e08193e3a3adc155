"""Run one command: load its verb, and turn an error into a line on stderr and an exit code.

A person's mistake is one line (one per fault in a file) and never a traceback. A bug is a traceback, on purpose.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import os
import sys
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer import Option
from typer.exceptions import TyperException

from digest.cli import candidates, streams
from digest.cli.verbs import app
from digest.errors import DigestError

if TYPE_CHECKING:
    from collections.abc import Sequence

_COLLECT_EVERY = 100_000  # objects, some ten MB of them; a build of one edition makes fewer

FAMILIES = (
    "init", "completion", "themes", "stories", "build", "check", "preview",
    "send", "schedule", "status", "control", "subscribers", "serve", "publish",
)  # fmt: skip


def _tell_version(asked: bool) -> None:
    if asked:
        from digest.distribution import version

        typer.echo(f"digest {version()}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    *,
    version: Annotated[  # noqa: ARG001 - its callback prints it
        bool, Option("--version", callback=_tell_version, is_eager=True, help="Print the version, and no more.")
    ] = False,
) -> None:
    """Send a newsroom's readers one good mail a month."""
    if context.invoked_subcommand is None:
        from digest.cli.welcome import welcome

        welcome()


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and end the program with its exit code; docs/exit-codes.md has them all."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if arguments is None:  # the process is ours
        # A command makes few objects that die, and many that stay: looking for dead ones as often as Python does by
        # default, and once more at the end, takes a sixth of a build's time.
        gc.set_threshold(_COLLECT_EVERY)
        atexit.register(gc.freeze)
        os.umask(os.umask(0o077) | 0o002)  # under a umask of 0 everybody could write into the newsroom
    streams.install()
    load(given[0] if given else "")
    code = _run(given)
    if lost := streams.why_lost():
        from digest.cli.output import tell

        tell(f"standard output cannot be written: {lost}")
    sys.exit(code or (1 if lost else 0))


def load(word: str = "") -> None:
    """Register the verbs, in the order in which the help lists them.

    The families import only typer and the flags; whatever is heavy loads inside the verb that needs it. When `word` is
    the name of a family and of a verb in it, that family is enough: its verb is what was asked for.
    """
    if word in FAMILIES:
        importlib.import_module(f"digest.cli.{word}")
        if any(command.name == word for command in app.registered_commands):
            return
    for family in FAMILIES:
        importlib.import_module(f"digest.cli.{family}")


def _run(arguments: list[str]) -> int:
    from digest.cli.output import Output, Printed, tell

    before = Printed.documents
    code, trouble = _ended(arguments)
    if trouble:
        tell(trouble)
    if code and "--json" in arguments and Printed.documents == before:  # a program reads one document, whatever happens
        Output(json=True).data({"error": {"exit_code": code, "lines": trouble.splitlines()}})
    return code


def _ended(arguments: list[str]) -> tuple[int, str]:
    """Run the verb. Returns its exit code, and what went wrong, as lines for a person."""
    command = _command(len(app.registered_commands) + len(app.registered_groups))
    if candidates.ASKED in os.environ:  # a shell asks what could stand here
        from typer._completion_classes import completion_init

        completion_init()
    try:
        code = command.main(arguments, prog_name="digest", standalone_mode=False)
    except DigestError as error:
        return error.exit_code, str(error)
    except TyperException as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            print(error)  # noqa: T201 - the help itself, asked for by saying nothing
            return 2, ""
        return 2, _usage(error)
    except PermissionError as error:  # of a folder that is another user's: each verb comes upon it elsewhere
        if not isinstance(error.filename, str):
            raise
        from pathlib import Path

        from digest.files import refusal

        return 1, f"{error.filename}: {refusal(error, Path(error.filename))}"
    except (typer.Abort, KeyboardInterrupt):
        return 130, "interrupted; nothing was left half done"
    return (code, "") if isinstance(code, int) else (0, "")


@lru_cache(maxsize=1)
def _command(_verbs: int) -> Any:
    """All of the program, made of the verbs that are registered by now."""
    return typer.main.get_command(app)


def _usage(error: TyperException) -> str:
    text = str(error).rstrip(".")
    context: Any = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "digest"
    if text.startswith("No such command"):
        from digest.yamlfile import did_you_mean, nearest

        word = text.split("'")[1] if "'" in text else ""
        where = "" if path == "digest" else f" in `{path}`"
        known = getattr(context.command, "commands", {})
        meant = nearest(word, [*known, "--help", "--version"]) or did_you_mean(word, known)
        return f"there is no verb {word!r}{where}{meant}"
    if (option := getattr(error, "option_name", "")) and text.startswith("No such option"):
        import difflib

        known = [name for parameter in context.command.params for name in parameter.opts if name.startswith("--")]
        verbs = getattr(context.command, "commands", {})
        if any(option in parameter.opts for each in verbs.values() for parameter in each.params):
            return f"{option} comes after the verb: {path} VERB {option}"
        close = difflib.get_close_matches(option, known, n=1, cutoff=0.6)
        meant = f", did you mean {close[0]}?" if close else f"; see `{path} --help`"
        return f"there is no option {option}{meant}"
    if text.startswith("Got unexpected extra"):
        extra = text.partition("(")[2].partition("(")[2].rstrip(")")
        return f"{extra!r} is more than `{path}` takes; put quotes around a text with blanks in it"
    if option and text.endswith("requires an argument"):
        return f"{option} wants a value behind it"
    if refused := getattr(error, "param", None):  # typer's words leave out which option they mean
        name = max(refused.opts, key=len)
        name = name if name.startswith("-") else refused.metavar or name.upper()
        if text.startswith("Missing"):
            said, text = "is missing", str(refused.help or "").rstrip(".")
        else:
            said, text = "", text.removeprefix("Value error, ")
        text = f"{f'{name} {said}'.strip()}: {text[:1].lower()}{text[1:]}"
    return f"{text}; see `{path} --help`"
