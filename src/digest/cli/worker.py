"""`digest worker`: one worker of a fleet, until it is told to end."""

from __future__ import annotations

from typing import Annotated

import typer

from digest.cli.call import Call
from digest.cli.flags import Common
from digest.cli.verbs import verb


@verb("worker")
def worker(
    common: Common,
    host: Annotated[str, typer.Option("--host", help="The address of /metrics and /healthz.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Their port.")] = 9464,
) -> None:
    """Send what a fleet has to send (send.engine: procrastinate), until SIGTERM or Ctrl-C."""
    from digest.fleet.station import run_worker
    from digest.sending.local import signals

    call = Call(common)
    with call.opened() as (parts, ledger), signals() as stopping:
        run_worker(parts, ledger, host=host, port=port, stopping=stopping, say=_say)
        call.out.line("ended: the mails in flight were finished, the rest was given back")


def _say(line: str) -> None:
    typer.echo(f"digest: {line}", err=True)
