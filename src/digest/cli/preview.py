"""`digest preview`: the page in which an editor sees exactly what readers will get, checks it and signs it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from digest.cli.call import Call
from digest.cli.flags import Common, When, Which
from digest.cli.verbs import verb

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from digest.model import Edition, Recipient
    from digest.newsroom.newsroom import Newsroom
    from digest.preview.actions import Actions


@verb("preview")
def preview(
    common: Common,
    when: When,
    which: Which,
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="The port to serve on; 0 takes a free one.")
    ] = 8024,
    host: Annotated[
        str, typer.Option("--host", help="The address to serve on; other machines then need the key it prints.")
    ] = "127.0.0.1",
    browse: Annotated[bool, typer.Option("--open/--no-open", help="Open the page in your browser.")] = True,
) -> None:
    """See the digest as readers will get it, in your browser; check it, order it, approve it."""
    import webbrowser

    from digest.preview import server
    from digest.preview.state import Studio, ViewRequest, newest_month

    call = Call(common)
    span = when.optional(call.now, call.newsroom.config.newsroom.timezone)
    month = span.id if span else newest_month(call.newsroom, call.now)
    asked = {"period": month, "audience": next(iter(which.audience), ""), "language": which.language}
    studio = Studio(_hands(call), ViewRequest(**asked))
    with server.bound(host, port) as (listener, door):
        address = server.address(door, asked)

        def ready() -> None:
            call.out.line(f"{address}  (Ctrl-C ends it)")
            if browse:
                webbrowser.open(address)

        server.serve(studio, listener, door, ready)


def _hands(call: Call) -> Actions:
    """What the page may do, each by the same function as the verb of that name."""
    from digest.delivery import Event
    from digest.editions import approving
    from digest.newsroom.newsroom import open_newsroom
    from digest.newsroom.sending_setup import SendingSetup
    from digest.preview.actions import Actions
    from digest.sending.readers import Readers
    from digest.sending.testmail import send_test

    def now() -> datetime:
        return call.now if call.common.now else call.newsroom.now()

    def readers(room: Any, edition: Edition) -> Iterator[Recipient]:
        parts, audience = SendingSetup(newsroom=room), room.config.audience(edition.audience)
        return iter(Readers(parts.source(audience), edition, audience, parts.topics(audience)))

    def test(room: Any, edition: Edition, address: str) -> str:
        parts = SendingSetup(newsroom=room)
        outcome = send_test(parts, edition, address, parts.relay(), now())
        if outcome.event is Event.ACCEPT:
            return f"A test mail went to {address}; nothing was recorded."
        return f"The test mail was not accepted: {outcome.code or ''} {outcome.detail}".rstrip()

    def approve(room: Any, edition: Edition, who: str) -> list[str]:
        return list(approving.approve(room, edition, who, now()).lines())

    return Actions(
        open=lambda: open_newsroom(call.common.config, call.newsroom.environ),
        now=now,
        readers=readers,
        send_test=test,
        approve=approve,
        standing=lambda room, edition: list(approving.state(cast("Newsroom", room), edition, now()).lines()),
    )
