"""`digest` alone: where this newsroom stands, and what to do next here."""

from __future__ import annotations

from digest.cli.call import Call
from digest.cli.flags import Common


def welcome() -> None:
    """Say it in a few lines, and how to get help."""
    from pathlib import Path

    from digest.config.nearest import NAME, nearest

    call = Call(Common())
    here = Path.cwd()
    found = nearest(here)
    if not found.file:
        call.out.line(f"There is no newsroom here yet: no {NAME} in {here} or above it.")
        for clause in found.passed_over:
            call.out.line(f"Not taken for one: {clause}.")
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
