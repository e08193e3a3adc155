"""Who may talk to the page: this machine's browser, from the page itself, and nobody else.

Every request passes here first. A name that is not ours in `Host` is DNS rebinding; a fetch from another site is
refused; a write must come from our own origin, with the token that only our page knows. GET changes nothing. When the
page is served to other machines, each browser must first show a key: its person's own, where config.yaml names people.
"""

from __future__ import annotations

import hmac
import ipaddress
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import Headers
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse

from digest.importing.formats import MAX_BYTES as MAX_IMPORT
from digest.preview.uploads import MAX_BYTES as MAX_PICTURE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

TOKEN_HEADER = "x-digest-token"  # noqa: S105 - the header's name
COOKIE = "digest_preview_{}"  # of a port: a browser gives a cookie to every port of its host
SHOWN_KEY = "digest.key"  # where in the scope the key stands that the browser showed
MAX_BODY = 256 * 1024
FILES = {"/api/picture": MAX_PICTURE, "/api/import/file": MAX_IMPORT}  # take a file's octets, so many at most
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
SAFE = {
    "Content-Security-Policy": POLICY,
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), interest-cohort=()",
}
_OURS = ("same-origin", "none", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class PageAccess:
    """Where the page is served: `host` and `port` as bound. `token` opens writes.

    Each of `keys` opens the page itself, and has the name of the person whose it is; one for everybody has none.
    Without keys whoever reaches the page is let in.
    """

    host: str
    port: int
    token: str
    keys: Mapping[str, str] = field(default_factory=dict, repr=False)

    def knows(self, host: str) -> bool:
        """Whether a `Host` header names this server: loopback, or the address that it was told to listen on."""
        name, colon, port = host.rpartition(":")
        if not colon or port != str(self.port):
            return self.port == 80 and host in self._names  # noqa: PLR2004 - HTTP's own port, which browsers leave out
        # Bound to every address, it cannot know its names; an address cannot be rebound, so any will do.
        return name in self._names or (self.host in ("0.0.0.0", "::") and _is_address(name))  # noqa: S104 - compared

    @property
    def _names(self) -> tuple[str, ...]:
        own = f"[{self.host}]" if ":" in self.host else self.host
        return ("127.0.0.1", "localhost", "[::1]", own)


class RequestGuard:
    """ASGI middleware around the whole application."""

    def __init__(self, app: ASGIApp, access: PageAccess) -> None:
        """Let through to `app` what `access` allows."""
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or refuse."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            return  # no websockets here: the server closes what nobody answers
        refusal = self._refusal(scope, Headers(scope=scope))
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        most = FILES.get(scope["path"], MAX_BODY)
        await self._app(scope, _Limited(receive, most), send)

    def _refusal(self, scope: Scope, headers: Headers) -> Response | None:
        method, path = scope["method"], scope["path"]
        hosts = headers.getlist("host")
        if method not in ("GET", "HEAD", "POST"):
            return _no(405, "this page takes GET and POST", {"Allow": "GET, HEAD, POST"})
        if len(hosts) != 1 or not self._access.knows(hosts[0]):
            words = (
                f"it answers only at the address that `digest preview` printed, on port {self._access.port}; "
                "to be reached by a name, it must be told that: digest preview --host NAME"
            )
            return _no(403, words)
        if self._access.keys and (locked := self._locked(scope, headers)):
            return locked
        if not _from_us(path, headers):
            return _no(403, "another site may not read this page")
        if method == "POST":
            return self._write_refusal(path, headers, hosts[0])
        return None

    def _write_refusal(self, path: str, headers: Headers, host: str) -> Response | None:
        length = headers.get("content-length", "")
        # No form can send either: another site's page would have to ask first, and is refused.
        kind = "application/octet-stream" if path in FILES else "application/json"
        if headers.get("origin") != f"http://{host}":
            return _no(403, "only this page may change things")
        if not hmac.compare_digest(headers.get(TOKEN_HEADER, "").encode(), self._access.token.encode()):
            return _no(403, "the preview was started anew; reload the page")
        if headers.get("content-type", "").partition(";")[0].strip() != kind:
            return _no(415, f"send {kind}")
        most = FILES.get(path, MAX_BODY)
        if not length.isdecimal() or int(length) > most:
            return _no(413, f"that is too much: at most {most // 1024} KB are taken")
        return None

    def _locked(self, scope: Scope, headers: Headers) -> Response | None:
        """Ask for a key, once: it comes in the address, and goes on in a cookie that no script can read."""
        query = dict(parse_qsl(scope["query_string"].decode("ascii", "replace")))
        given, cookie = self._known(query.pop("key", "")), COOKIE.format(self._access.port)
        if scope["method"] == "GET" and scope["path"] == "/" and given:
            # Without the key, so that no bookmark and no shared link has it.
            response = RedirectResponse(f"/?{urlencode(query)}" if query else "/", 303)
            # Not strict: who comes by a link in a chat or a webmail would be sent on to the page without it.
            response.set_cookie(cookie, given, httponly=True, samesite="lax")
            return response
        try:
            kept = SimpleCookie(headers.get("cookie", "")).get(cookie)
        except CookieError:
            kept = None
        if kept is not None and (key := self._known(kept.value)):
            scope[SHOWN_KEY] = key
            return None
        words = "open the address that `digest preview` printed, with its key, which is new at each start"
        return PlainTextResponse(f"{words}\n", 401) if scope["path"] == "/" else _no(401, words)  # for a person to read

    def _known(self, given: str) -> str:
        """The key that this is; empty for none of ours."""
        fits = [key for key in self._access.keys if hmac.compare_digest(given.encode(), key.encode())]
        return fits[0] if fits else ""


class _Limited:
    """Receives no more than a body may be, whatever its length claims."""

    def __init__(self, receive: Receive, most: int) -> None:
        self._receive = receive
        self._left = most

    async def __call__(self) -> Message:
        message = await self._receive()
        self._left -= len(message.get("body", b""))
        return message if self._left >= 0 else {"type": "http.disconnect"}


def _from_us(path: str, headers: Headers) -> bool:
    site = headers.get("sec-fetch-site", "")
    if site in _OURS:
        return True
    # A link elsewhere may open the page itself, as a page of its own.
    return path == "/" and headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def _no(status: int, reason: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    return JSONResponse({"errors": [reason]}, status, dict(headers or {}))
