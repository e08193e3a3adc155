"""Where a ledger sends from, and whether it is still there: known by what no copy of it takes along.

A backup that was put back does not know what was sent after it was made, and its witnesses are as old as it is. So a
ledger remembers its place before the first mail, and one that finds itself in another sends nothing until a person says
that it was moved. That is asked once after every move: better than to mail a month twice.

| ledger | its place is | the same after | another after |
|---|---|---|---|
| SQLite | inode and birth of its file | restart, remount, bind mount, another container, a renamed folder | cp, tar |
| SQLite on vfat, exfat, FUSE | its path: these number files anew at each mount | restart | another folder |
| PostgreSQL | the cluster's identifier, the oids of database and table | restart, failover, any client | pg_restore |

What is not asked: host names and machine ids, which containers share or change; device numbers, which change with the
order in which disks are found; the path, which a bind mount changes, and which a new machine has that was set up like
the old one. An inode alone is given out again when a file is replaced, and may be the same on another disk; its birth
is not. What cannot be known here (an old file system without births, pg_control_system() forbidden) is not compared.

Disks that are put back as a whole (a snapshot, an image of a machine) bring the place with them, and a copy that is
written over the file itself (cp) takes its place: then only a witness that is newer tells. A database brought back to
an earlier moment by its own log keeps its place, too, as one does that fails over: there the witnesses on the machines
that send are the newer ones.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from sqlalchemy import delete, insert, select

from digest.delivery import State
from digest.errors import LedgerError
from digest.ledger import sidecar
from digest.ledger.schema import deliveries, editions, meta

if TYPE_CHECKING:
    from collections.abc import Mapping

    from digest.ledger.database import Database, Transaction

_KEY = "place"
_MOVED = "moved "  # and the moment: a key of the ledger's table `meta`, with the place before
_REMEMBER = "INSERT INTO meta (key, value) VALUES (:key, :value) ON CONFLICT DO NOTHING"
_BEGUN = (State.SENDING, State.SENT, State.IN_DOUBT)


def elsewhere(database: Database) -> str:
    """Why nothing may be sent from here, and what to do: the ledger sent from another place. Empty when it did not."""
    here = database.place()
    with database.reading() as transaction:
        kept = _kept(transaction)
        if not kept or _same(kept, here):
            return ""
        return (
            f"{database.name}: this ledger is not where it last sent from: it was moved, copied, or put back from a "
            f"backup. It knows of {_known(transaction)}; whoever was mailed later would be mailed again. Compare what "
            "`digest status` shows with the relay's log. If that is all that was sent, and the other place sends no "
            "more, say so: `digest config --moved`"
        )


def settle(database: Database) -> None:
    """Remember this place where none is known. Raises LedgerError in another one than that."""
    if words := elsewhere(database):
        raise LedgerError(words)
    here = json.dumps(database.place())
    with database.writing() as transaction:  # of several that send for the first time, one is as good as another
        transaction.run(_REMEMBER, key=_KEY, value=here)


def move(database: Database, now: float) -> bool:
    """Let the ledger send from here from now on, and keep when that was said. False when nothing had to be said."""
    here = database.place()
    with database.writing() as transaction:
        kept = _kept(transaction)
        if _same(kept, here) or (not kept and _begun(transaction)):
            return False
        moved = f"{_MOVED}{sidecar.moment(now)}"
        transaction.core.execute(delete(meta).where(meta.c.key.in_((_KEY, moved))))
        rows = [{"key": _KEY, "value": json.dumps(here)}, {"key": moved, "value": json.dumps(kept)}]
        transaction.core.execute(insert(meta), rows)
        return True


def is_new(database: Database) -> bool:
    """Whether nothing was ever sent with it, and no person has said that it sends from here."""
    with database.reading() as transaction:
        return not _kept(transaction) and not _begun(transaction)


def _begun(transaction: Transaction) -> bool:
    """Whether anything was ever frozen in it."""
    return transaction.core.scalar(select(editions.c.id).limit(1)) is not None


def _kept(transaction: Transaction) -> Mapping[str, str]:
    """The place that the ledger remembers; empty when it never sent."""
    said = transaction.core.scalar(select(meta.c.value).where(meta.c.key == _KEY))
    kept: Mapping[str, str] = json.loads(said or "{}")
    return kept


def _same(kept: Mapping[str, str], here: Mapping[str, str]) -> bool:
    """Whether they agree in all that both know, and know something in common."""
    common = kept.keys() & here.keys()
    return bool(common) and all(kept[key] == here[key] for key in common)


def _known(transaction: Transaction) -> str:
    """The last mail that the ledger knows of, for a person."""
    last = (
        select(editions.c.name, deliveries.c.changed)
        .join(editions, deliveries.c.edition == editions.c.id)
        .where(deliveries.c.state.in_(_BEGUN))
        .order_by(deliveries.c.changed.desc())
        .limit(1)
    )
    row = transaction.core.execute(last).first()
    return f"what was mailed until {sidecar.moment(row.changed)} ({row.name})" if row else "no mail at all"
