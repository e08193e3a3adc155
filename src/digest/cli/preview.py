"""`digest preview`: the page in which an editor sees exactly what readers will get, checks it and signs it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from typer import Option

from digest.cli.call import Call
from digest.cli.flags import Common, EditionFlags
from digest.cli.verbs import verb
from digest.errors import UsageError

if TYPE_CHECKING:
    from datetime import datetime

    from digest.preview.state import PreviewState, ViewRequest


@verb("preview")
def preview(
    common: Common,
    chosen: EditionFlags,
    port: Annotated[int, Option("--port", min=0, max=65535, help="The port to serve on; 0 takes a free one.")] = 8024,
    host: Annotated[
        str, Option("--host", help="The address to serve on; other machines then need the key it prints.")
    ] = "127.0.0.1",
    browse: Annotated[bool, Option("--open/--no-open", help="Open the page in your browser.")] = True,
) -> None:
    """See the digest as readers will get it, in your browser; check it, order it, approve it."""
    import os
    import threading
    import webbrowser

    from digest.preview import server
    from digest.preview.state import ViewRequest

    call = Call(common)
    root = str(call.newsroom.root)
    if root.encode(errors="ignore") != os.fsencode(root):  # what tells of changes takes UTF-8 alone
        message = f"{root}: the folder's name is not UTF-8; rename it"
        raise UsageError(message)
    asked = _asked(call, chosen)
    state = preview_state(call, ViewRequest(**asked))
    with server.bound(host, port, call.newsroom.config.settings.preview.people) as (listener, access):
        keys = access.keys or {"": ""}  # on this machine whoever reaches it is let in
        addresses = {server.address(access, asked, key): name for key, name in keys.items()}
        address = next(iter(addresses))

        def ready() -> None:
            for each, name in addresses.items() if len(addresses) > 1 else ():
                call.out.line(f"for {name}: {each}")
            call.out.line("(Ctrl-C ends it)" if len(addresses) > 1 else f"{address}  (Ctrl-C ends it)")
            if common.json:
                call.out.data([{"address": each, "for": name} for each, name in addresses.items()])
            if browse and len(addresses) < 2:  # noqa: PLR2004 - whose browser it is, nobody knows
                # A browser may be a program that runs in this terminal until it is left: nothing waits for it.
                threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()

        server.serve(state, listener, access, ready)


def _asked(call: Call, chosen: EditionFlags) -> dict[str, str]:
    """What is shown first; the newest period when none is said."""
    from digest.preview.state import newest_period

    if chosen.named:
        first = call.editions(chosen)[0]
        return {"period": first.period.id, "audience": first.audience, "language": first.language}
    span = call.span(chosen)
    audience = next(iter(chosen.audience), "")
    when = span.id if span else newest_period(call.newsroom, call.now, audience)
    return {"period": when, "audience": audience, "language": chosen.language}


def preview_state(call: Call, first: ViewRequest) -> PreviewState:
    """The newsroom as its files are at each request, at the call's moment if it has one."""
    from digest.newsroom.newsroom import open_newsroom
    from digest.preview.state import PreviewState

    def now() -> datetime:
        return call.now if call.common.now else call.newsroom.now()

    return PreviewState(lambda: open_newsroom(call.common.config, call.newsroom.environ), now, first)
