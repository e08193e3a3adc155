"""The public endpoint as an ASGI application: leave with one click, read what was sent, and nothing else.

    GET  /u/TOKEN   a page that asks; changes nothing, because mail scanners follow every link
    POST /u/TOKEN   `List-Unsubscribe=One-Click` (RFC 8058), nothing at all, or the page's button: suppresses, says so
    GET  /archive/… the pages of editions that were sent and published;  GET /healthz

No cookie, no redirect, no script, no log of who asked for what. A token that is not ours, whatever is wrong with it,
gets the page and the status of any address that does not exist. "You are unsubscribed" is said when it is on disk.
"""

from __future__ import annotations

import contextlib
import logging
import time
from functools import cached_property, partial
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import quote

from msgspec import Struct
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from digest.delivery import EVERYWHERE
from digest.errors import DigestError
from digest.listening import SafeHeaders
from digest.recipients import tokens
from digest.web import archive_files as pages
from digest.web.form import read_form
from digest.web.leave_page import Kind, PageNames, leave_page, preferred
from digest.web.page_style import page_style

if TYPE_CHECKING:
    import asyncio
    import socket
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from starlette.requests import Request
    from starlette.types import ASGIApp, Receive, Scope, Send

    from digest.composer.page_theme import PageTheme
    from digest.model import Audience, NewsroomProfile
    from digest.ports import Suppressions
    from digest.web.page_style import PageStyle

MOST = 2_000  # connections at once; a mail provider's requests for a whole list wait, and none is refused
SILENCE = 15.0  # seconds in which a connection must have asked for something
SAFE = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Permissions-Policy": "interest-cohort=()",
}
_log = logging.getLogger(__name__)
_ONE_CLICK = "list-unsubscribe"
_AROUND = " \t\r\n.,;:!?)]>*\"'\u200b\xa0"  # no letter of a token
_SCOPES: dict[str, Kind] = {"this": "left", "all": "left_all"}


def app(
    *,
    secrets: Sequence[str],
    suppressions: Suppressions,
    newsroom: NewsroomProfile,
    audiences: Mapping[str, Audience],
    theme: PageTheme,
    archive: Path | None = None,
    archive_path: str = "/archive",
    below: str = "",
    clock: Callable[[], float] = time.time,
) -> Starlette:
    """Make the application. Its tokens are read with any of `secrets`; the archive is served when a folder is given.

    `below` is the public path (`/news`) that a proxy before us may leave on, or take off; `archive_path`, that of the
    archive's own address, under which it stands beside /archive. `suppressions` is called from several threads.
    Raises UsageError for a secret that is missing or too short.
    """
    tokens.read(secrets, "")  # a wrong secret is said now, not to the first reader who wants to leave
    leaving = _Leaving(secrets, suppressions, newsroom, audiences, theme, clock)
    routes = [
        Route("/u/{token}", leaving.endpoint, methods=["GET", "POST"]),
        Route("/u/{token}/", leaving.endpoint, methods=["GET", "POST"]),
        Route("/healthz", _health),
    ]
    if archive is not None:
        own = archive_path.removeprefix(below.rstrip("/")).rstrip("/")
        for place in dict.fromkeys(["/archive", own]):
            routes.append(Route(f"{place}/{{path:path}}", partial(_published, archive)))
            if place:
                routes.append(Route(place, _with_slash))
    made = Starlette(
        routes=routes,
        middleware=[Middleware(SafeHeaders, headers=SAFE), Middleware(_Below, path=below.rstrip("/"))],
        exception_handlers={HTTPException: leaving.refuse, DigestError: leaving.hold, Exception: leaving.fail},
    )
    made.router.redirect_slashes = False  # it would redirect to whatever host the request names
    return made


class _Leaving(Struct, frozen=True, eq=False, dict=True):
    """The two sides of /u/TOKEN, and the pages for everything that goes wrong."""

    secrets: Sequence[str]
    suppressions: Suppressions
    newsroom: NewsroomProfile
    audiences: Mapping[str, Audience]
    theme: PageTheme
    clock: Callable[[], float]

    @cached_property
    def style(self) -> PageStyle:
        return page_style(self.theme)

    async def endpoint(self, request: Request) -> Response:
        # Some programs take the end of the line or the sentence along in which the link stood.
        reader = tokens.read(self.secrets, request.path_params["token"].strip(_AROUND))
        if reader is None:
            raise HTTPException(HTTPStatus.NOT_FOUND)
        audience, address = tokens.scope_of(reader[0], self.audiences), reader[1]
        if request.method == "POST":
            return await self._leave(request, audience, address)
        gone = await run_in_threadpool(self.suppressions.suppressed, [address], audience)
        left: Kind = "left_all" if audience == EVERYWHERE else "left_before"
        return self._page(left if gone else "ask", request, audience, address)

    async def _leave(self, request: Request, audience: str, address: str) -> Response:
        form = await read_form(request)
        # Nobody but a mail program that leaves the words out sends nothing: the page's buttons have a value.
        one_click = form is None or form.get(_ONE_CLICK, "").lower() == "one-click"
        kind = "left" if form is None or one_click else _SCOPES.get(form.get("leave", ""))
        if kind is None:
            return self._page("unclear", request, audience, address, status=HTTPStatus.BAD_REQUEST)
        scope = EVERYWHERE if kind == "left_all" else audience
        kind = "left_all" if scope == EVERYWHERE else kind
        detail = "one click in the mail program" if one_click else "on the page"
        await run_in_threadpool(self.suppressions.suppress, address, scope, "unsubscribed", detail, self.clock())
        return self._page(kind, request, audience, address)

    async def refuse(self, request: Request, error: Exception) -> Response:
        """The page for an address that does not exist, and for a request that is none of ours."""
        status = error.status_code if isinstance(error, HTTPException) else HTTPStatus.INTERNAL_SERVER_ERROR
        response = self._page("unknown" if status == HTTPStatus.NOT_FOUND else "refused", request, status=status)
        if isinstance(error, HTTPException) and error.headers:
            response.headers.update(error.headers)
        return response

    async def hold(self, request: Request, error: Exception) -> Response:
        """The page for a database that is away: nothing was changed, a mail program may try again later."""
        _log.error("unsubscribe: %s", error)
        return self._page("trouble", request, status=HTTPStatus.SERVICE_UNAVAILABLE)

    async def fail(self, request: Request, _error: Exception) -> Response:
        """The page for a bug, whose traceback goes to the server's log and not to the reader."""
        response = self._page("trouble", request, status=HTTPStatus.INTERNAL_SERVER_ERROR)
        for name, value in SAFE.items():  # this answer does not pass through the middleware
            response.headers.setdefault(name, value)
        return response

    def _page(
        self, kind: Kind, request: Request, audience: str = "", address: str = "", *, status: int = HTTPStatus.OK
    ) -> Response:
        known = self.audiences.get(audience)
        own = known.languages[0] if known and known.languages else self.newsroom.language
        words = self.theme.wording([*preferred(request.headers.get("accept-language", "")), own])
        options = self.theme.options
        names = PageNames(
            newsroom=self.newsroom.name,
            contact=(known.contact if known else "") or self.newsroom.contact,
            newsroom_url=self.newsroom.url,
            logo=options.logo_url,
            logo_alt=options.logo_alt,
            logo_width=options.logo_width,
            audience=known.in_language(words.language).title if known else "",
            address=address,
        )
        headers = {
            "Content-Language": words.language,
            "Vary": "Accept-Language",
            "Content-Security-Policy": self.style.policy,
        }
        return Response(leave_page(kind, words, names, self.style), status, headers, media_type="text/html")


def _published(root: Path, request: Request) -> Response:
    """A file of the folder of published editions. No coroutine, so that Starlette runs it in a thread."""
    path: str = request.path_params["path"]
    place = pages.find(root, path)
    if place is not None and pages.needs_slash(root, path):
        return _redirect(path)
    file = pages.read(place) if place is not None else None
    if place is None or file is None:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    headers = {
        "Content-Security-Policy": pages.POLICY,
        "Cache-Control": "public, max-age=300",
        "Access-Control-Allow-Origin": "*",  # it is for everybody: readers of feeds, the newsroom's home page
        **file.headers,
    }
    if pages.is_gone(root, place):
        return Response(file.data, HTTPStatus.GONE, headers, media_type=file.media_type)
    if file.is_known(request.headers):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    return Response(file.data, headers=headers, media_type=file.media_type)


class _Below:
    """Takes the public path off, where the proxy before us has left it on, and the slash that some put in its place."""

    def __init__(self, app: ASGIApp, path: str) -> None:
        self._app, self._path = app, path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope.get("path", "").startswith("//"):  # nginx: `location /news` with `proxy_pass http://…:8025/`
            scope = {**scope, "path": "/" + scope["path"].lstrip("/")}
        if self._path and scope.get("path", "").startswith(f"{self._path}/"):
            scope = {**scope, "root_path": self._path}  # Starlette's routes are looked for below it
        await self._app(scope, receive, send)


async def _with_slash(request: Request) -> Response:
    return _redirect(request.url.path)


def _redirect(path: str) -> Response:
    # Relative on purpose: the address may stand below another path of the proxy before us.
    return RedirectResponse(f"./{quote(path.rpartition('/')[2])}/", HTTPStatus.PERMANENT_REDIRECT)


async def _health(_request: Request) -> Response:
    return PlainTextResponse("ok\n")


def serve(application: Starlette, listener: socket.socket) -> None:
    """Serve until a signal comes; Ctrl-C ends it quietly. No access log: its lines would hold tokens.

    TLS is the proxy's, before us.
    """
    import uvicorn

    _allow_files(2 * MOST)

    config = uvicorn.Config(
        application,
        access_log=False,
        server_header=False,
        log_level="error",  # what strangers' programs get wrong is answered, and is nobody's news here
        timeout_keep_alive=5,
        limit_concurrency=MOST,
        h11_max_incomplete_event_size=16_384,
        http=_patient(),
    )
    with contextlib.suppress(KeyboardInterrupt):  # uvicorn raises the signal again when it is done
        uvicorn.Server(config).run(sockets=[listener])


def _patient() -> type[asyncio.Protocol]:
    """Uvicorn's HTTP; it waits for ever for a first request, and so few silent connections keep all others out."""
    from uvicorn.protocols.http.h11_impl import H11Protocol

    class Patient(H11Protocol):
        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self.loop.call_later(SILENCE, self._give_up)

        def _give_up(self) -> None:
            if self.cycle is None:
                self.transport.close()  # type: ignore[unreachable]  # uvicorn begins with None

    return Patient


def _allow_files(number: int) -> None:
    """Let this process open so many files, where it may: each connection is one, and many systems begin with 1,024."""
    import resource

    now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = number if most == resource.RLIM_INFINITY else min(number, most)
    if now != resource.RLIM_INFINITY and now < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, most))
