"""Read the body of a POST, with limits: some kilobytes, within some seconds, urlencoded or multipart (RFC 8058, 3.1).

Only names and short texts come out, without the blanks and line ends that mail providers put round them. A body that
is too large, too slow or no form is said as such, never guessed at.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

if TYPE_CHECKING:
    from starlette.requests import Request

MAX_BODY = 8_192
MAX_FIELDS = 20
MAX_KIND = 256  # characters of Content-Type; a boundary has at most 70 (RFC 2046, 5.1.1)
PATIENCE = 10.0  # seconds for the whole body


async def read_form(request: Request) -> dict[str, str] | None:
    """The form's fields by their names in lower case, the first of each name; None for an empty body.

    Raises HTTPException 408, 413.
    """
    body = b""
    try:
        async with asyncio.timeout(PATIENCE):
            async for chunk in request.stream():
                body += chunk
                if len(body) > MAX_BODY:
                    raise HTTPException(413)
    except TimeoutError:
        raise HTTPException(408) from None
    except ClientDisconnect:  # nobody is there to be answered, and it is no bug
        raise HTTPException(400) from None
    if not body.strip():
        return None
    kind = request.headers.get("content-type", "")
    if kind.lower().startswith("multipart/form-data"):
        return _multipart(kind, body)
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError:  # not UTF-8, or too many fields
        return {}
    return {name.strip().lower(): value.strip() for name, value in reversed(pairs)}


def _multipart(kind: str, body: bytes) -> dict[str, str]:
    """The fields of multipart/form-data (RFC 7578), which is MIME: its parser reads it, the one without recursion."""
    from email.parser import BytesParser

    if len(kind) > MAX_KIND:
        return {}
    head = f"Content-Type: {kind}\r\n\r\n".encode("latin-1", "replace")
    message = BytesParser().parsebytes(head + body)
    fields: dict[str, str] = {}
    for part in list(message.walk())[1 : MAX_FIELDS + 1]:
        name = part.get_param("name", header="content-disposition")
        data = part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(data, bytes):
            fields.setdefault(name.strip().lower(), data.decode("utf-8", "replace").strip())
    return fields
