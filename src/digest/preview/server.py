"""Serve the preview page: the application behind its guard, on a socket bound first, until Ctrl-C.

    request ─RequestGuard─▶ route ─thread─▶ endpoint ─▶ JSON, or a page for the frame

Loopback unless told otherwise; elsewhere a key is demanded of every browser. No access log: its lines would hold keys.
"""

from __future__ import annotations

import contextlib
import hashlib
import secrets
from functools import partial
from html import escape
from importlib import resources
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import anyio
import anyio.lowlevel
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.endpoints import HTTPEndpoint
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from digest.errors import DigestError, FaultyInput
from digest.listening import SafeHeaders, base, in_network, listen
from digest.preview import endpoints, issue_form, offered_import, signing, steps, story_form, test_mail, uploads
from digest.preview.forms import FaultyForm
from digest.preview.live import Live
from digest.preview.request_guard import SAFE, SHOWN_KEY, PageAccess, RequestGuard
from digest.text.urls import is_loopback

if TYPE_CHECKING:
    import socket
    from collections.abc import AsyncIterator, Callable, Iterator, Sequence

    import uvicorn
    from starlette.requests import Request

    from digest.preview.state import PreviewState

MAX_HEAD = 16_384  # octets of a request's header
MAX_CLIENTS = 128


@contextlib.contextmanager
def bound(host: str, port: int, people: Sequence[str] = ()) -> Iterator[tuple[socket.socket, PageAccess]]:
    """A socket and the access to it, with a fresh token; port 0 takes a free one. Raises UsageError.

    Away from this machine a fresh key is demanded: each of `people` has their own, or all have one.
    """
    with listen(host, port) as listener:
        names = () if is_loopback(host) else people or ("",)
        keys = {secrets.token_urlsafe(24): name for name in names}
        bound_to = listener.getsockname()[1]
        yield listener, PageAccess(host=host, port=bound_to, token=secrets.token_urlsafe(24), keys=keys)


def address(access: PageAccess, query: dict[str, str], key: str = "") -> str:
    """The address to open, for who has this key."""
    given = {name: value for name, value in {**query, "key": key}.items() if value}
    return f"{base(in_network(access.host), access.port)}/" + (f"?{urlencode(given)}" if given else "")


def serve(state: PreviewState, listener: socket.socket, access: PageAccess, ready: Callable[[], None]) -> None:
    """Serve until a signal comes; `ready` is called once the page can be opened. Ctrl-C ends it quietly."""
    server = server_of(state, access, ready)
    with contextlib.suppress(KeyboardInterrupt):  # uvicorn raises the signal again when it is done
        server.run(sockets=[listener])


def server_of(state: PreviewState, access: PageAccess, ready: Callable[[], None]) -> uvicorn.Server:
    """The server, not yet running. Setting its `should_exit` ends it from another thread."""
    import uvicorn

    application, live = app(state, access)

    class Server(uvicorn.Server):
        """Ends the streams of events when it is told to end: they would hold it up."""

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if self.started:
                ready()

        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            live.close()
            await super().shutdown(sockets)
            for connection in tuple(self.server_state.connections):  # whoever is not done when the time is over
                connection.transport.abort()
            await anyio.lowlevel.checkpoint()

    config = uvicorn.Config(
        application,
        log_level="error",  # what strangers' programs get wrong is answered, and is nobody's news here
        access_log=False,
        server_header=False,
        http="h11",
        ws="none",
        h11_max_incomplete_event_size=MAX_HEAD,
        timeout_keep_alive=5,
        timeout_graceful_shutdown=2,
        limit_concurrency=MAX_CLIENTS,
    )
    return Server(config)


# The page's own files: read once, so that no path of a request ever reaches the disk.
_KINDS = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
_GETS = {
    "/api/edition": endpoints.edition,
    "/api/selection": endpoints.selection,
    "/api/calendar": endpoints.calendar,
    "/api/readers": endpoints.readers,
    "/api/standing": signing.standing,
    "/api/steps": steps.line,
    "/api/story": story_form.show,
    "/api/issue": issue_form.show,
    "/api/sources": offered_import.listed,
    "/api/saves": endpoints.saves,
    "/api/place": endpoints.place,
    "/api/written": endpoints.written,
    "/api/part": endpoints.parts,
    "/api/difference": endpoints.difference,
    "/frame": endpoints.frame,
    "/export": endpoints.export,
}
_POSTS = {
    "/api/overrides": endpoints.overrides,
    "/api/story": story_form.save,
    "/api/issue": issue_form.save,
    "/api/draft": endpoints.draft,
    "/api/undo": endpoints.undo,
    "/api/import": offered_import.from_address,
    "/api/import/source": offered_import.from_source,
    "/api/import/take": offered_import.take,
    "/api/test": test_mail.send,
}
_FILES = {"/api/picture": uploads.upload, "/api/import/file": offered_import.from_file}  # a file's octets as they are


def app(state: PreviewState, access: PageAccess) -> tuple[Starlette, Live]:
    """The application and its stream of changes; whoever serves it closes the stream when it ends."""
    live = Live(state.newsroom().root, state.changed_on_disk)

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(live.watch)
            yield
            live.close()
            tasks.cancel_scope.cancel()

    async def events(_: Request) -> Response:
        return StreamingResponse(live.events(), media_type="text/event-stream")

    def image(request: Request) -> Response:  # no coroutine: Starlette runs it in a thread
        return endpoints.image(state, request.path_params["name"])

    signers = signing.People(access.keys)

    def people(request: Request) -> Response:
        return signing.people(state, signers, request.scope.get(SHOWN_KEY, ""))

    async def approve(request: Request) -> Response:
        body = endpoints.json_object(await request.body())
        return await run_in_threadpool(signing.approve, state, signers, request.scope.get(SHOWN_KEY, ""), body)

    files = _files()
    newsroom = hashlib.sha256(str(state.newsroom().root).encode()).hexdigest()
    html = files.pop("preview.html").decode().replace("{{token}}", escape(access.token))
    html = html.replace("{{newsroom}}", newsroom)

    async def page(request: Request) -> Response:
        return await _static(html.replace("{{seen}}", live.seen).encode(), "text/html", request)

    routes = [
        Route("/", page),
        *(
            Route(f"/static/{name}", partial(_static, data, _KINDS[name.rpartition(".")[2]]))
            for name, data in files.items()
        ),
        Route("/favicon.ico", partial(_static, files["mark.svg"], _KINDS["svg"])),
        *(Route(path, _answers(state, path)) for path in sorted({*_GETS, *_POSTS, *_FILES})),
        Route("/api/people", people),
        Route("/api/approve", approve, methods=["POST"]),
        Route("/api/events", events),
        Route("/image/{name:path}", image),
    ]
    made = Starlette(
        routes=routes,
        middleware=[Middleware(SafeHeaders, headers=SAFE), Middleware(RequestGuard, access=access)],
        exception_handlers={DigestError: _mistake, HTTPException: _refused, ClientDisconnect: _cut, Exception: _bug},
        lifespan=lifespan,
    )
    made.router.redirect_slashes = False  # it would redirect to whatever host the request names
    return made, live


def _answers(state: PreviewState, path: str) -> type[HTTPEndpoint]:
    """What answers at an address: a GET, a POST, or both."""

    async def get(_: HTTPEndpoint, request: Request) -> Response:
        return await run_in_threadpool(_GETS[path], state, request.query_params)

    async def post(_: HTTPEndpoint, request: Request) -> Response:
        data = await request.body()
        if path in _FILES:
            return await run_in_threadpool(_FILES[path], state, request.query_params, data)
        return await run_in_threadpool(_POSTS[path], state, endpoints.json_object(data))

    methods = ({"get": get} if path in _GETS else {}) | ({"post": post} if path in {*_POSTS, *_FILES} else {})
    return type("Answers", (HTTPEndpoint,), methods)


async def _static(data: bytes, kind: str, _request: Request) -> Response:
    return Response(data, media_type=kind)


async def _mistake(request: Request, error: Exception) -> Response:
    """What a person can mend, in the words that the command line would use."""
    if request.url.path == "/frame":
        return endpoints.no_mail("This mail cannot be shown", str(error), 409)
    if isinstance(error, FaultyForm):
        return JSONResponse({"errors": str(error).splitlines(), "fields": error.by_field()}, 422)
    status = 422 if isinstance(error, FaultyInput) else 409
    return JSONResponse({"errors": str(error).splitlines()}, status)


async def _refused(_: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 400
    return JSONResponse({"errors": ["there is nothing here"]}, status)


async def _cut(_: Request, _error: Exception) -> Response:
    return JSONResponse({"errors": ["that is too much"]}, 413)


async def _bug(_: Request, _error: Exception) -> Response:
    """A bug, whose traceback goes to the terminal and not to the page."""
    return JSONResponse({"errors": ["the preview failed; the terminal that runs it says how"]}, 500)


def _files() -> dict[str, bytes]:
    folder = resources.files("digest.preview") / "static"
    return {each.name: each.read_bytes() for each in folder.iterdir() if each.is_file()}
