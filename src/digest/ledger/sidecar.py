"""A second record beside the ledger: one small file for each edition, which says how far the ledger had come.

The ledger counts its milestones in a number that only grows, the generation. A ledger that is missing, another one, or
at a smaller number than a witness has seen (a backup that was put back) does not know all that was sent: it is refused
with the way to go on, and never quietly begun afresh. A witness is written after the ledger's own commit, so it is
never ahead of a ledger that merely crashed. An edition that was taken back is remembered by the ledger itself: other
machines still have a witness of it.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import asdict
from sqlalchemy import delete, insert, select

from digest.errors import LedgerError
from digest.files import readable_json, write_whole
from digest.ledger.locks import file_name
from digest.ledger.schema import meta
from digest.text.counting import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from digest.ledger.database import Transaction

_THAWED = "thawed "  # and an edition's name: a key of the ledger's table `meta`


class Testimony(Struct, frozen=True, kw_only=True):
    """What a witness saw. `ledger` is that ledger's random name; `written` is ISO 8601."""

    edition: str
    content: str
    ledger: str
    generation: int
    sent: int
    held: int
    written: str

    @property
    def words(self) -> str:
        """What was sent, for a message."""
        return f"{self.edition} went to {counted(self.sent, 'reader')} by {self.written}"


def write(folder: Path, testimony: Testimony) -> None:
    """Put it on the disk, whole. Raises LedgerError when the disk refuses."""
    path = place(folder, testimony.edition)
    try:
        write_whole(path, readable_json(asdict(testimony)), mode=0o600)
    except OSError as error:
        message = f"{path}: {(error.strerror or str(error)).lower()}; nothing more was sent"
        raise LedgerError(message) from None


def place(folder: Path, edition: str) -> Path:
    """The file of one edition's witness."""
    return folder / f"{file_name(edition)}.json"


def read_all(folder: Path) -> Sequence[tuple[Path, Testimony]]:
    """Every witness in the folder. Raises LedgerError for one that cannot be read: it may be the one that matters."""
    found = []
    for path in sorted(folder.glob("*.json")):
        try:
            found.append((path, _read(json.loads(path.read_bytes()))))
        except FileNotFoundError:
            continue  # its edition was taken back this moment
        except (OSError, ValueError, TypeError, KeyError) as error:
            message = f"{path}: this record of what was sent cannot be read ({error}); put it back, or move it away"
            raise LedgerError(message) from None
    return found


def _read(said: dict[str, object]) -> Testimony:
    return Testimony(
        edition=str(said["edition"]),
        content=str(said["content"]),
        ledger=str(said["ledger"]),
        generation=int(str(said["generation"])),
        sent=int(str(said["sent"])),
        held=int(str(said["held"])),
        written=str(said["written"]),
    )


def missing(name: str, folder: Path) -> None:
    """Raise LedgerError when there are witnesses although there is no ledger."""
    for path, testimony in read_all(folder)[-1:]:
        message = (
            f"{name} is missing, but {path} says that {testimony.words}: put the ledger back from a backup. If it is "
            f"gone for good, move {folder} away; a new one knows nobody who has left or has the mail"
        )
        raise LedgerError(message)


def forget(transaction: Transaction, editions: Sequence[str]) -> None:
    """Remember in the ledger that these were taken back before anybody was mailed."""
    keys = [f"{_THAWED}{edition}" for edition in editions]
    transaction.core.execute(delete(meta).where(meta.c.key.in_(keys)))
    if keys:
        transaction.core.execute(insert(meta), [{"key": key, "value": "1"} for key in keys])


def forgotten(transaction: Transaction, edition: str) -> bool:
    """Whether it was taken back before anybody was mailed."""
    return transaction.core.scalar(select(meta.c.value).where(meta.c.key == f"{_THAWED}{edition}")) is not None


def compare(
    name: str, told: Iterable[tuple[Path, Testimony]], *, said: Mapping[str, str], editions: frozenset[str]
) -> None:
    """Raise LedgerError when a witness knew more than this ledger, whose table `meta` is `said`."""
    generation = int(said["generation"])
    for path, testimony in told:
        if testimony.ledger != said["ledger"]:
            problem = "this is another ledger than the one that sent it"
        elif testimony.generation > generation:
            problem = f"this ledger is older than that (generation {generation}, not {testimony.generation})"
        elif testimony.edition not in editions and f"{_THAWED}{testimony.edition}" not in said:
            problem = "this ledger has never heard of it"
        else:
            continue
        message = (
            f"{name}: {path} says that {testimony.words}, but {problem}. Put the newest copy of the ledger in its "
            f"place; to go on with this one, although readers may be mailed twice, move {path} away"
        )
        raise LedgerError(message)


def moment(now: float) -> str:
    """A time for a person: in this machine's zone, with its offset."""
    return datetime.fromtimestamp(now).astimezone().isoformat(sep=" ", timespec="seconds")
