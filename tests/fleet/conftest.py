"""A real PostgreSQL for the fleet's tests, a relay, and a newsroom that workers share."""

from __future__ import annotations

import itertools
import os
from typing import TYPE_CHECKING

import pytest
from fleetparts import Fleet, Sink

import realpostgres

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def fleet_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a server that starts once for each process of tests."""
    with realpostgres.running(tmp_path_factory.mktemp("runtime")) as server:
        yield server.get_uri()


@pytest.fixture
def database(fleet_server: str) -> Iterator[str]:
    """The URL of a database of this test's own."""
    import psycopg
    from sqlalchemy.engine import make_url

    name = f"fleet_{os.getpid()}_{next(_NUMBERS)}"
    with psycopg.connect(fleet_server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    yield make_url(fleet_server).set(database=name).render_as_string(hide_password=False)
    with psycopg.connect(fleet_server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink() as running:
        yield running


@pytest.fixture
def fleet(tmp_path: Path, database: str, sink: Sink) -> Iterator[Fleet]:
    made = Fleet(tmp_path, database, sink)
    yield made
    made.end()
