"""A mail's own structure: the tree of its MIME parts and its header fields, as plain data.

It reads the finished bytes, not what they were made from. Pure.
"""

from __future__ import annotations

from email import message_from_bytes
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from email.message import Message


def tree(data: bytes) -> dict[str, Any]:
    """The tree of parts: type, charset, encoding, disposition, octets on the wire, parts within."""
    return _node(message_from_bytes(data))


def fields(data: bytes) -> list[tuple[str, str]]:
    """The header fields as they stand, unfolded, in order."""
    head = data.partition(b"\r\n\r\n")[0].decode("utf-8", "replace")
    lines = head.replace("\r\n ", " ").replace("\r\n\t", " ").split("\r\n")
    pairs = (line.partition(":") for line in lines if ":" in line)
    return [(name, value.strip()) for name, _, value in pairs]


def _node(message: Message) -> dict[str, Any]:
    parts = message.get_payload()
    inner = [_node(part) for part in parts if not isinstance(part, str)] if isinstance(parts, list) else []
    size = 0 if inner else len(str(parts).encode("utf-8", "surrogateescape"))
    return {
        "type": message.get_content_type(),
        "charset": message.get_content_charset() or "",
        "encoding": str(message.get("Content-Transfer-Encoding", "")),
        "disposition": message.get_content_disposition() or "",
        "id": str(message.get("Content-ID", "")),
        "bytes": sum(part["bytes"] for part in inner) if inner else size,
        "parts": inner,
    }
