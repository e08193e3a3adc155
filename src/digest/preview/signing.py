"""The page's approvals: whose name may stand under one, and signing exactly what is shown.

    the key that opened the page, or a name ─People─▶ who ─approve(what is shown)─▶ approvals/…/en.json

On this machine whoever sits at it says who they are, as on the command line. From another machine each of
`preview.people` has a key of their own, and the key says who; where there is one key for all, it stands for one person:
the first who signs with it. So two words are two people's.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse

from digest.editions import approval, build_folder
from digest.errors import ApprovalError, UsageError
from digest.preview.forms import text_of
from digest.preview.state import requested

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from starlette.responses import Response

    from digest.preview.state import PreviewState

LONGEST = 200  # characters of a name


class People:
    """Who may sign, by the key that a browser showed. `keys` maps each key to its person; `""` is nobody yet."""

    def __init__(self, keys: Mapping[str, str]) -> None:
        """Without keys, the page is this machine's own."""
        self._lock = threading.Lock()
        self._persons = dict(keys)

    def person(self, key: str) -> str:
        """Whose key it is; empty where that is not known, or where there are no keys."""
        return self._persons.get(key, "")

    def signer(self, key: str, typed: str, listed: Sequence[str]) -> str:
        """The name to sign with. Raises UsageError for none, for one that is not listed, and for another's key."""
        typed = typed.strip()
        with self._lock:
            own = self.person(key)
            if own and typed and typed != own:
                message = f"this page was opened with {own}'s key; {typed} signs with a key of their own"
                raise UsageError(message)
            who = own or typed
            if not who or not who.isprintable():
                message = "say who approves: your name"
                raise UsageError(message)
            if listed and who not in listed:
                message = f"{who!r} is not among preview.people in config.yaml: {', '.join(listed)}"
                raise UsageError(message)
            if key:
                self._persons[key] = who
            return who


def people(state: PreviewState, people: People, key: str) -> Response:
    """Whom the page may offer: the names of config.yaml, and who the browser's key belongs to."""
    listed = state.newsroom().config.settings.preview.people
    return JSONResponse({"listed": list(listed), "you": people.person(key)})


def standing(state: PreviewState, query: Mapping[str, str]) -> Response:
    """Who approved the edition, and whether that holds."""
    view = state.view(requested({**query, "who": "", "draft": ""}))
    status = approval.standing(view.newsroom, view.build)
    return JSONResponse({"lines": list(status.lines())})


def approve(state: PreviewState, people: People, key: str, body: dict[str, Any]) -> Response:
    """Build and sign exactly what the page shows. Raises ApprovalError when that changed since it was shown."""
    if body.get("draft"):
        message = "the mail shows what you typed; save it, or close its form, then approve"
        raise ApprovalError(message)
    newsroom = state.newsroom()
    view = state.view(requested({**body, "who": "", "draft": ""}))
    made = view.build.rendering
    if view.errors or made is None or made.fingerprint != body.get("fingerprint"):
        message = f"{view.edition.id} changed while you looked; look again, then approve"
        raise ApprovalError(message)
    who = people.signer(key, text_of(body, "by", LONGEST), newsroom.config.settings.preview.people)
    build_folder.write(view.newsroom, view.build)
    status = approval.approve(view.newsroom, view.edition, who, state.now())
    return JSONResponse({"lines": list(status.lines())})
