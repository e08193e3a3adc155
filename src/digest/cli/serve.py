"""`digest serve` and `digest bounces`: how readers leave, and what comes back."""

from __future__ import annotations

from typing import Annotated

import typer

from digest.cli.call import Call
from digest.cli.flags import Common
from digest.cli.verbs import verb
from digest.errors import UsageError


@verb("serve")
def serve(
    common: Common,
    host: Annotated[str, typer.Option("--host", help="The address to listen on; TLS is your proxy's.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="The port to listen on.")] = 8025,
) -> None:
    """Serve the public endpoint: one-click unsubscribe and the archive."""
    import uvicorn

    from digest.web.app import app
    from digest.wiring import ARCHIVE

    call = Call(common)
    secrets = call.parts.unsubscribe_secrets()
    if not secrets:
        variable = call.newsroom.config.settings.unsubscribe.secret_env
        message = f"there is no secret for unsubscribe links; set {variable} to 32 random characters"
        raise UsageError(message)
    with call.opened() as (_, ledger):
        made = app(
            secrets=secrets,
            suppressions=ledger,
            newsroom=call.newsroom.config.newsroom,
            audiences=call.newsroom.config.audiences,
            archive=call.newsroom.root / ARCHIVE,
        )
        call.out.line(f"http://{host}:{port}/u/… takes readers off; Ctrl-C ends it")
        uvicorn.run(made, host=host, port=port, log_level="warning", access_log=False, server_header=False)


@verb("bounces")
def bounces(
    common: Common,
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="A file, an mbox, a Maildir, or imaps://user@host.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done; change nothing.")] = False,
) -> None:
    """Read delivery reports, complaints and unsubscribe mails, and act on them."""
    from digest.returns import lines, take_in

    call = Call(common)
    with call.opened() as (parts, ledger):
        summary = take_in(parts, ledger, source, call.now.timestamp(), dry=dry_run)
    for line in lines(summary, verbose=common.verbose or dry_run):
        call.out.line(line)
