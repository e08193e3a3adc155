"""Readers from a database, streamed: one SELECT whose columns are named as in the CSV file.

The database is only read: its session is read-only where it knows such a thing, and what ran is always rolled back. No
message shows the URL's password or options. Never opens a connection before the first reader is asked for.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from digest.errors import Fault, FaultyInput, UsageError
from digest.recipients import columns
from digest.recipients.columns import BadRow
from digest.recipients.rows import RowReader, row_fault, stopped_once
from digest.text.urls import database_url, without_secrets

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sqlalchemy import URL, Connection, CursorResult

    from digest.model import InactiveReader, Recipient
    from digest.recipients.columns import Columns

BATCH = 1_000  # rows that a server-side cursor fetches at a time
_SELECT = re.compile(r"(?>(?:\s|--[^\n]*\n|/\*.*?\*/)*)\(*\s*(?:select|with|values|table)\b", re.IGNORECASE | re.DOTALL)


class SqlSource:
    """An audience's readers in a database. `url` is SQLAlchemy's; `name` is what messages call it.

    Raises UsageError for a URL that cannot be read or a query that is no SELECT.
    """

    def __init__(self, url: str, query: str, *, name: str = "") -> None:
        self._url = _parsed(url)
        self._query = query
        self.name = name or shown_url(url)
        if not _SELECT.match(query):
            message = f"{self.name}: the query must be a SELECT; a list of readers is only read"
            raise UsageError(message)

    def __repr__(self) -> str:
        """Without the password, wherever it is printed."""
        return f"SqlSource({self.name!r})"

    def merge_fields(self) -> tuple[str, ...]:
        """The columns of the list's own; its rows are asked for where one may be a status. Raises FaultyInput."""
        with self._result() as result:
            named = self._header(result)
        return (self.columns() if named.statuses else named).merge_fields

    def columns(self) -> Columns:
        """Which column is what, by the names and the values of what may be a status. Raises FaultyInput."""
        with self._result() as result:
            return self._header(result).settled(_cells(row) for row in result)

    def unread(self) -> tuple[str, ...]:
        """Nothing: a query has no other parts."""
        return ()

    def recipients(self) -> Iterator[Recipient | InactiveReader | Fault]:
        """Every row as a Recipient, as an InactiveReader where it says so itself, or as a Fault that counts from 1.

        Raises FaultyInput when the database or the query fails, or its columns cannot be a list of readers.
        """
        with self._result() as result:
            known = self._header(result)
            if not known.statuses:  # once is enough
                yield from self._understood(result, known)
                return
        yield from stopped_once(partial(self._rows, self.columns()))

    def _rows(self, known: Columns) -> Iterator[Recipient | InactiveReader | Fault]:
        with self._result() as result:
            yield from self._understood(result, known)

    def _understood(self, result: CursorResult[Any], known: Columns) -> Iterator[Recipient | InactiveReader | Fault]:
        understand = RowReader(known)
        for number, row in enumerate(result, start=1):
            try:
                yield understand.one(_cells(row))
            except BadRow as bad:
                key = f"row {number}, {bad.key}" if bad.key else f"row {number}"
                yield row_fault(bad, file=self.name, key=key)

    def _header(self, result: CursorResult[Any]) -> Columns:
        try:
            return columns.header(list(result.keys()))
        except BadRow as bad:
            message = str(bad).replace("; the first line must name them", "; the query must name them")
            raise FaultyInput([Fault(file=self.name, key=bad.key, message=message)]) from None

    @contextmanager
    def _result(self) -> Iterator[CursorResult[Any]]:
        with (
            self._failures_named(),
            self._connected() as connection,
            connection.exec_driver_sql(self._query) as result,  # closed here, or its server-side cursor stays open
        ):
            yield result

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        from sqlalchemy import create_engine
        from sqlalchemy.pool import NullPool

        backend = self._url.get_backend_name()
        file = self._url.database or ""
        if (
            backend == "sqlite"
            and file not in ("", ":memory:")
            and not file.startswith("file:")
            and not Path(file).is_file()
        ):
            message = f"the database {file} is not there; opening it would make an empty one"
            raise FaultyInput([Fault(file=self.name, message=message)])
        # no_parameters: a % or a : in the query means itself
        options: dict[str, Any] = {"stream_results": True, "yield_per": BATCH, "no_parameters": True}
        if backend == "postgresql":
            options["postgresql_readonly"] = True
        engine = create_engine(self._url, poolclass=NullPool, hide_parameters=True)
        with engine.connect().execution_options(**options) as connection:
            if backend == "sqlite":
                connection.exec_driver_sql("PRAGMA query_only = ON").close()
            try:
                yield connection
            finally:
                connection.rollback()

    @contextmanager
    def _failures_named(self) -> Iterator[None]:
        from sqlalchemy.exc import DBAPIError, SQLAlchemyError

        try:
            yield
        except (SQLAlchemyError, ModuleNotFoundError) as error:
            told = error.orig if isinstance(error, DBAPIError) and error.orig else error
            reason = (str(told).strip() or type(told).__name__).splitlines()[0]
            message = f"the list cannot be read: {self._without_secrets(reason)}"
            raise FaultyInput([Fault(file=self.name, message=message)]) from None

    def _without_secrets(self, text: str) -> str:
        said = [self._url.password, *(value for key, value in self._url.query.items() if "pass" in key.lower())]
        for secret in filter(None, map(str, said)):
            text = text.replace(secret, "***")
        return without_secrets(text)


def shown_url(url: str) -> str:
    """The URL as it may be shown: `postgresql://digest:***@db/crm`, and without options, which can hold secrets.

    Raises UsageError for a URL that cannot be read, without showing it.
    """
    return _parsed(url).set(query={}).render_as_string(hide_password=True)


def _parsed(url: str) -> URL:
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        return make_url(database_url(url))
    except (ArgumentError, ValueError):  # whose words may quote the URL, password and all
        message = "the database's URL cannot be read; write it like postgresql://user@host/database"
        raise UsageError(message) from None


def _cells(row: Iterable[object]) -> list[str]:
    return [value if value.__class__ is str else _cell(value) for value in row]


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, list | tuple | set | frozenset):
        return ";".join(_cell(one) for one in value)
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).decode("utf-8", "surrogateescape")
    return str(value)
