"""`digest serve` and `digest bounces`: how readers leave, and what comes back."""

from __future__ import annotations

from typing import Annotated

from typer import Argument, Option

from digest.cli.call import Call
from digest.cli.flags import Common, YesNow
from digest.cli.verbs import verb


@verb("serve")
def serve(
    common: Common,
    host: Annotated[str, Option("--host", help="The address to listen on; TLS is your proxy's.")] = "127.0.0.1",
    port: Annotated[int, Option("--port", min=0, max=65535, help="The port to listen on.")] = 8025,
) -> None:
    """Serve the public endpoint: one-click unsubscribe and the public archive."""
    from urllib.parse import urlsplit

    from digest.listening import base, listen
    from digest.newsroom.paths import PUBLIC
    from digest.web import app as web

    call = Call(common)
    secrets = call.newsroom.sending_setup.demand_secrets("readers cannot leave by their links")
    call.tell_exposed()
    settings = call.newsroom.config.settings
    with call.ledger() as ledger, listen(host, port) as listener:
        application = web.app(
            secrets=secrets,
            suppressions=ledger,
            newsroom=call.newsroom.config.newsroom,
            audiences=call.newsroom.config.audiences,
            theme=call.newsroom.edition_setup.page_theme,
            archive=call.newsroom.root / PUBLIC,
            archive_path=urlsplit(settings.archive.url).path if settings.archive.url else "/archive",
            below=urlsplit(settings.unsubscribe.url).path,
        )
        address = base(host, listener.getsockname()[1])
        call.out.line(f"{address}/u/… takes readers off; Ctrl-C ends it")
        if common.json:
            call.out.data({"address": address})
        web.serve(application, listener)


@verb("bounces")
def bounces(
    common: Common,
    source: Annotated[str, Argument(metavar="SOURCE", help="A file, an mbox, a Maildir, or imaps://user@host.")],
    dry_run: Annotated[bool, Option("--dry-run", help="Say what would be done; change nothing.")] = False,
) -> None:
    """Read delivery reports, complaints and unsubscribe mails, and act on them."""
    from digest.bounces.process import lines, process

    call = Call(common)
    call.tell_exposed()
    with call.ledger() as ledger:
        summary = process(call.newsroom, ledger, source, call.now.timestamp(), dry=dry_run)
    if common.json:
        call.out.data(summary.as_data())
    for line in lines(summary, verbose=common.verbose or dry_run):
        call.out.line(line)


@verb("worker")
def worker(
    common: Common,
    host: Annotated[str, Option("--host", help="The address of /metrics and /healthz.")] = "127.0.0.1",
    port: Annotated[int, Option("--port", min=0, max=65535, help="Their port.")] = 9464,
    yes_now: YesNow = "",
) -> None:
    """Send what a fleet has to send (send.engine: procrastinate), until SIGTERM or Ctrl-C."""
    from digest.cli.output import tell
    from digest.fleet.worker import run_worker
    from digest.sending.stopping import signals

    call = Call(common)
    call.demand_clock(yes_now)
    call.tell_exposed()
    with call.ledger() as ledger, signals() as stopping:
        run_worker(call.newsroom, ledger, host=host, port=port, stopping=stopping, say=tell)
        call.out.line("ended: the mails in flight were finished, the rest was given back")
        if common.json:
            call.out.data({"ended": True})
