"""Which mails came back: one row per mail, so that "three in a row" can be counted and no report counts twice.

A small table in a SQLite file of its own. Losing it loses no suppression, only the count. It never holds what a report
said, nor about whom: only that there was one, and its code.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from digest.errors import LedgerError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from sqlalchemy import Connection, Table

_ASKED = 500


class BounceLog:
    """The record of mails that came back, in a file. Raises LedgerError when it cannot be used."""

    def __init__(self, path: Path) -> None:
        from sqlalchemy import URL, Column, Float, MetaData, Text, create_engine
        from sqlalchemy import Table as TableOf

        metadata = MetaData()
        self._table: Table = TableOf(
            "digest_bounces",
            metadata,
            Column("message_id", Text, primary_key=True),
            Column("status", Text, nullable=False),
            Column("since", Float(53), nullable=False),
        )
        self._engine = create_engine(URL.create("sqlite", database=str(path)), hide_parameters=True)
        with self._begun() as connection:
            metadata.create_all(connection)

    def note(self, rows: Iterable[tuple[str, str]], now: float) -> None:
        """Record that these mails came back: (Message-ID, status). What is known already stays."""
        from sqlalchemy import insert

        new = dict(rows)
        with self._begun() as connection:
            for known in self._known(connection, list(new)):
                del new[known]
            if new:
                values = [{"message_id": one, "status": status, "since": now} for one, status in new.items()]
                connection.execute(insert(self._table), values)

    def bounced(self, message_ids: Iterable[str]) -> frozenset[str]:
        """Those of `message_ids` that came back."""
        with self._begun() as connection:
            return frozenset(self._known(connection, list(message_ids)))

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

    def _known(self, connection: Connection, asked: list[str]) -> list[str]:
        from sqlalchemy import select

        column = self._table.c.message_id
        found: list[str] = []
        for start in range(0, len(asked), _ASKED):
            found += connection.scalars(select(column).where(column.in_(asked[start : start + _ASKED])))
        return found

    @contextmanager
    def _begun(self) -> Iterator[Connection]:
        from sqlalchemy.exc import SQLAlchemyError

        try:
            with self._engine.begin() as connection:
                yield connection
        except SQLAlchemyError as error:
            reason = str(getattr(error, "orig", None) or type(error).__name__).splitlines()[0]
            message = f"the record of bounces cannot be used: {reason}; nothing was changed, run it again"
            raise LedgerError(message) from None
