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


@pytest.fixture(params=["memory", "sqlite", "postgres", "fleet"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[object]:
    """An empty ledger, of each kind in turn."""
    from digest.ledger.opening import open_ledger

    if request.param == "memory":
        opened = MemoryLedger()
    elif request.param == "sqlite":
        opened = open_ledger("sqlite:///ledger.db", newsroom="ILO Newsroom", root=tmp_path)
    else:
        url = request.getfixturevalue("postgres")
        schema = request.getfixturevalue("postgres_schema")
        opened = open_ledger(url, newsroom="ILO Newsroom", witnesses=tmp_path / "sent", schema=schema)
        if request.param == "fleet":
            from digest.ledger.sharing import join

            join(opened)
    yield opened
    opened.close()
