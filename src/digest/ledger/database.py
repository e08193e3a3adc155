"""A transaction on the ledger's database, and what its errors mean to a person. SQLite and PostgreSQL fill in the rest.

Cold statements are SQLAlchemy Core on `Transaction.core`; busy ones are spelled for the driver once and run straight
on it. Nothing here knows an edition or a state.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import DBAPIError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from sqlalchemy import Connection, Engine

    from digest.errors import LedgerError


_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


class Transaction:
    """What one transaction can do. Everything in it becomes durable together, or not at all."""

    __slots__ = ("_cursor", "_database", "core")

    def __init__(self, database: Database, core: Connection) -> None:
        self.core = core
        self._database = database
        self._cursor: Any = None

    def run(self, statement: str, **values: object) -> list[tuple[Any, ...]]:
        """Run a busy statement; its rows, if it gives any. Lists are handed over as JSON."""
        cursor = self.cursor
        cursor.execute(self._database.spell(statement), values)
        return cursor.fetchall() if cursor.description else []

    def change(self, statement: str, **values: object) -> int:
        """Run a busy statement that gives no rows. Returns how many it changed."""
        self.run(statement, **values)
        return int(self.cursor.rowcount)

    @property
    def cursor(self) -> Any:
        """The driver's own cursor, inside this transaction."""
        if self._cursor is None:
            self._cursor = self.core.connection.cursor()
        return self._cursor

    def apply(self, statement: str, said: Mapping[int, str], **values: object) -> set[int]:
        """Run a busy statement for these deliveries, each with its own words; the ids of those that it changed."""
        return self._database.apply(self, self._database.spell(statement), said, values)

    def insert(self, columns: Sequence[Sequence[Any]]) -> None:
        """Insert deliveries, given as the columns `statements.FREEZE`, each as long as there are rows."""
        self._database.insert(self, columns)


class Database(ABC):
    """One database that holds a ledger. Safe to use from many threads."""

    engine: Engine
    name: str  # as a person knows it: a path, or a URL without its password
    driver_error: type[Exception]

    def __init__(self) -> None:
        self._spelled: dict[str, str] = {}

    @abstractmethod
    def writing(self) -> AbstractContextManager[Transaction]:
        """A transaction that may write; it is durable when the block ends."""

    @abstractmethod
    def explain(self, error: BaseException) -> LedgerError:
        """What a driver's error means, and what to do."""

    @abstractmethod
    def respell(self, statement: str) -> str:
        """A busy statement in this database's own words and the driver's own parameters."""

    @abstractmethod
    def apply(
        self, transaction: Transaction, spelled: str, said: Mapping[int, str], values: dict[str, object]
    ) -> set[int]:
        """Run a statement, spelled already, for each of these deliveries with its words; the ids that it changed."""

    @abstractmethod
    def insert(self, transaction: Transaction, columns: Sequence[Sequence[Any]]) -> None:
        """Insert deliveries, in their order. The columns are `statements.FREEZE`."""

    @abstractmethod
    def exclusive(self, edition: str, owner: str) -> AbstractContextManager[None]:
        """Be the only one inside for this edition. Raises LedgerBusy."""

    @abstractmethod
    def place(self) -> Mapping[str, str]:
        """What no copy of this database takes along, by name, as far as it can be known; see `ledger.place`."""

    @abstractmethod
    def domain_of(self, column: Any) -> Any:
        """What comes after the last @ of an address."""

    @abstractmethod
    def close(self) -> None:
        """Let go of connections and files."""

    def spell(self, statement: str) -> str:
        """`respell`, once for each statement."""
        try:
            return self._spelled[statement]
        except KeyError:
            return self._spelled.setdefault(statement, self.respell(statement))

    @contextmanager
    def reading(self) -> Iterator[Transaction]:
        """A transaction that sees one moment of the ledger, whoever writes meanwhile."""
        with self.explained(), self.engine.connect() as connection, connection.begin():
            yield Transaction(self, connection)

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Turn what the driver raises into LedgerError."""
        try:
            yield
        except DBAPIError as error:
            raise self.explain(error.orig or error) from error
        except self.driver_error as error:
            raise self.explain(error) from error


def as_json(values: Sequence[object] | Mapping[int, object]) -> str:
    """Values as a statement's `{ids}` or `{due}` takes them."""
    return _ENCODER.encode(values)
