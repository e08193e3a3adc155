"""The application: paths to views and writes, the page's own files, the stream of changes; all behind the guard.

request ─Guard─▶ route ─thread─▶ view or write ─▶ JSON, or a page for the frame
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from functools import partial
from html import escape
from importlib import resources
from typing import TYPE_CHECKING

import anyio
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from digest.errors import DigestError, FaultyInput
from digest.preview import views, writes
from digest.preview.guard import RequestGuard
from digest.preview.live import Live

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from starlette.requests import Request

    from digest.preview.guard import Door
    from digest.preview.state import Studio

# The page's own files: read once, so that no path of a request ever reaches the disk.
_KINDS = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
_GETS = {
    "/api/edition": views.edition,
    "/api/selection": views.selection,
    "/api/calendar": views.calendar,
    "/api/readers": views.readers,
    "/api/standing": views.standing,
    "/api/part": views.parts,
    "/api/difference": views.difference,
    "/frame": views.frame,
    "/export": views.export,
}
_POSTS = {"/api/overrides": writes.overrides, "/api/test": writes.send_test, "/api/approve": writes.approve}


def app(studio: Studio, door: Door) -> tuple[Starlette, Live]:
    """The application and its stream of changes; whoever serves it closes the stream when it ends."""
    live = Live(studio.room().root, studio.changed)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(live.watch)
            yield
            live.close()
            tasks.cancel_scope.cancel()

    async def events(_: Request) -> Response:
        return StreamingResponse(live.events(), media_type="text/event-stream")

    async def image(request: Request) -> Response:
        return await run_in_threadpool(views.image, studio, request.path_params["name"])

    files = _files()
    page = files.pop("preview.html").decode().replace("{{token}}", escape(door.token)).encode()
    routes = [
        Route("/", partial(_static, page, "text/html")),
        *(
            Route(f"/static/{name}", partial(_static, data, _KINDS[name.rpartition(".")[2]]))
            for name, data in files.items()
        ),
        Route("/favicon.ico", partial(_static, files["mark.svg"], _KINDS["svg"])),
        *(Route(path, partial(_get, studio, view)) for path, view in _GETS.items()),
        *(Route(path, partial(_post, studio, write), methods=["POST"]) for path, write in _POSTS.items()),
        Route("/api/events", events),
        Route("/image/{name:path}", image),
    ]
    made = Starlette(
        routes=routes,
        middleware=[Middleware(RequestGuard, door=door)],
        exception_handlers={DigestError: _mistake, HTTPException: _refused, ClientDisconnect: _cut, Exception: _bug},
        lifespan=lifespan,
    )
    made.router.redirect_slashes = False  # it would redirect to whatever host the request names
    return made, live


async def _get(studio: Studio, view: Callable[[Studio, Mapping[str, str]], Response], request: Request) -> Response:
    return await run_in_threadpool(view, studio, request.query_params)


async def _post(studio: Studio, write: Callable[[Studio, dict[str, object]], Response], request: Request) -> Response:
    body = writes.body_of(await request.body())
    return await run_in_threadpool(write, studio, body)


async def _static(data: bytes, kind: str, _request: Request) -> Response:
    return Response(data, media_type=kind)


async def _mistake(_: Request, error: Exception) -> Response:
    """What a person can mend, in the words that the command line would use."""
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
