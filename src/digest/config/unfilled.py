"""Which values of config.yaml are still placeholders: words in [brackets], and hosts that are kept for examples.

    Document ─unfilled─▶ faults, each on its line

They are what `digest init` and the sample leave for a person to fill in. A newsroom is built, looked at and sent to
examples with them; a send to a real reader refuses them, all at once. Reads no file.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from digest.text.cleaning import one_line
from digest.text.urls import host_of, is_reserved, nobody_reads
from digest.yamlfile import dotted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from digest.errors import Fault
    from digest.yamlfile import Document, Path

_BRACKETS = re.compile(r"\s*\[.*\]\s*", re.DOTALL)
_HOST = re.compile(r"[\w-]+(?:\.[\w-]+)+(?::\d+)?")
_LONGEST = 60  # characters of a value that are shown
# What is no setting of the newsroom's own: what an issue says, readers who are chosen, addresses that get test mails.
_NOT_OURS = frozenset({"recurring", "checks", "preview", "retired", "only", "except", "select", "exclude", "schedule"})
_WANTED = {
    "newsroom.name": "write the newsroom's name",
    "newsroom.contact": "write the newsroom's address, to which readers answer",
    "newsroom.from": "write the address the mail comes from, in a domain of yours",
    "newsroom.bounces_to": "write the mailbox to which undelivered mails come back",
    "newsroom.url": "write the address of the newsroom's page",
    "newsroom.postal_address": "write where the newsroom is; it stands in the footer",
    "archive.url": "write where past editions will be read, or take `archive` out, here and under audiences",
    "unsubscribe.url": "write the address at which `digest serve` is reached, or leave it out: readers leave by mail",
    "smtp.host": "write your relay's name",
    "smtp.username": "write the name with which your relay knows you, or take the line out",
    "smtp.token_command": "write a command that prints an access token",
}


def unfilled(document: Document) -> tuple[Fault, ...]:
    """Every such value, in the order of the file; those that the environment sets come last."""
    faults = [
        document.fault(
            path,
            f"is still the placeholder {one_line(text)[:_LONGEST]}; "
            f"{_WANTED.get(dotted(path), 'write yours, or take the line out')}",
        )
        for path, text in _texts(document.data, ())
        if _is_placeholder(text)
    ]
    return tuple(sorted(faults, key=lambda fault: (fault.file != document.file, fault.line)))


def _texts(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(value, dict):
        for key, below in value.items():
            if key not in _NOT_OURS:
                yield from _texts(below, (*path, key))
    elif isinstance(value, list):
        for number, below in enumerate(value):
            yield from _texts(below, (*path, number))
    elif isinstance(value, str):
        yield path, value


def _is_placeholder(text: str) -> bool:
    text = text.strip()
    if _BRACKETS.fullmatch(text):
        return True
    if len(text.split()) != 1:
        return False
    if "://" in text:
        return is_reserved(host_of(text))
    if "@" in text:
        return nobody_reads(text)
    return _HOST.fullmatch(text) is not None and is_reserved(text.partition(":")[0])
