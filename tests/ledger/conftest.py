"""Ledgers of every kind: in memory, a SQLite file, and a real PostgreSQL that starts once for each worker."""

from __future__ import annotations

import itertools
import os
from typing import TYPE_CHECKING

import pytest

import realpostgres
from digest.testing import MemoryLedger

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a real PostgreSQL. Where it is missing, skip; where everything must run (CI=true), fail."""
    with realpostgres.running(tmp_path_factory.mktemp("runtime")) as server:
        yield server.get_uri()


@pytest.fixture
def postgres_schema(postgres: str) -> Iterator[str]:
    """A schema of this test's own."""
    import psycopg

    schema = f"digest_{os.getpid()}_{next(_NUMBERS)}"
    yield schema
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(f'DROP SCHEMA IF EXISTS "{schema}" CASCADE')


def _opened(kind: str, request: pytest.FixtureRequest, folder: Path) -> object:
    from digest.ledger.opening import open_ledger

    if kind == "memory":
        return MemoryLedger()
    if kind == "sqlite":
        return open_ledger("sqlite:///ledger.db", newsroom="ILO Newsroom", root=folder)
    url = request.getfixturevalue("postgres")
    schema = request.getfixturevalue("postgres_schema")
    opened = open_ledger(url, newsroom="ILO Newsroom", witnesses=folder / "sent", schema=schema)
    if kind == "fleet":
        from digest.ledger.sharing import join

        join(opened)
    return opened


@pytest.fixture(params=["memory", "sqlite", "postgres", "fleet"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[object]:
    """An empty ledger, of each kind in turn."""
    opened = _opened(request.param, request, tmp_path)
    yield opened
    opened.close()


@pytest.fixture(params=["sqlite", "postgres", "fleet"])
def stored(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[object]:
    """An empty ledger in a database, of each kind in turn: what people and reports ask is asked of these."""
    opened = _opened(request.param, request, tmp_path)
    yield opened
    opened.close()
