"""Test mails from the page: only to the addresses that config.yaml lists, and which edition was last tried so.

`.digest/test-mails.json` remembers the last one of each edition, so that the page can say whether what would go now was
ever seen in a mail program.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse

from digest import files
from digest.delivery import Event
from digest.errors import DigestError, UsageError
from digest.newsroom.paths import STATE
from digest.preview.forms import text_of
from digest.preview.state import requested

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.responses import Response

    from digest.model import Edition
    from digest.preview.state import PreviewState

NAME = "test-mails.json"


def send(state: PreviewState, body: dict[str, Any]) -> Response:
    """Send the edition to one of the addresses that config.yaml allows. Raises UsageError for any other."""
    from digest.sending.engines import send_test
    from digest.sending.transports import TransportSetup, open_transport

    newsroom, address = state.newsroom(), text_of(body, "address")
    if address not in newsroom.config.settings.preview.test_addresses:
        message = f"{address[:80]!r} is not among preview.test_addresses in config.yaml"
        raise UsageError(message)
    view = state.view(requested({**body, "who": "", "draft": ""}))
    edition, now = view.edition, state.now()
    told: list[str] = []
    transport = open_transport(TransportSetup(newsroom=newsroom, tell=told.append))
    outcome = send_test(newsroom, edition, address, transport, now)
    if outcome.event is not Event.ACCEPT:
        return JSONResponse({"said": f"The test mail was not accepted: {outcome.code or ''} {outcome.detail}".rstrip()})
    if told:  # the transport mails nobody
        return JSONResponse({"said": told[0]})
    if made := view.build.rendering:
        _remember(newsroom.root, edition, {"content": made.fingerprint, "to": address, "at": now.isoformat()})
    typed = " What you typed is not in it: save it first." if body.get("draft") else ""
    return JSONResponse({"said": f"A test mail went to {address}; no reader got one.{typed}"})


def last(root: Path, edition: Edition) -> dict[str, str]:
    """The last test mail of an edition: `content` (its fingerprint), `to`, `at`. Empty where there is none known."""
    found = _load(root).get(edition.id)
    return found if isinstance(found, dict) else {}


def _load(root: Path) -> dict[str, Any]:
    try:
        known = json.loads((root / STATE / NAME).read_bytes())
    except (OSError, ValueError):
        return {}  # it only says what was tried: without it, it is tried once more
    return known if isinstance(known, dict) else {}


def _remember(root: Path, edition: Edition, mail: dict[str, str]) -> None:
    path = root / STATE / NAME
    text = json.dumps(_load(root) | {edition.id: mail}, ensure_ascii=False, indent=1, sort_keys=True)
    try:
        files.write_whole(path, f"{text}\n".encode())
    except OSError as error:
        message = f"the test mail went, and {path} cannot be written: {error.strerror}"
        raise DigestError(message) from None
