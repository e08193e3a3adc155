"""`digest` alone: where this newsroom stands, and what to do next here."""

from __future__ import annotations

from digest.cli.call import Call
from digest.cli.flags import Common


def welcome() -> None:
    """Say it in a few lines, and how to get help."""
    from pathlib import Path

    from digest.config.load import NAME

    here = Path.cwd()
    call = Call(Common())
    if not any((folder / NAME).is_file() for folder in (here, *here.parents)):
        call.out.line(f"There is no newsroom here yet: no {NAME} in {here} or above it.")
        lines = ("digest init harbour", "a newsroom with sample stories, to build at once")
    else:
        from digest.sending.next_step import next_step

        call.newsroom.edition_setup.demand_theme()
        step = next_step(call.newsroom, call.now)
        for line in step.standing:
            call.out.line(line)
        lines = (step.command, step.why)
    call.out.line(f"Next: {lines[0]}  ({lines[1]})")
    call.out.line("Help: digest --help, and digest VERB --help")
