"""A real file system of a few kilobytes, for what happens when a disk is full. Nothing here asserts."""

from __future__ import annotations

import os
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def mounted(size: str) -> Iterator[Path]:
    """A folder on a disk of its own, as large as `size` (`256k`, `12m`), where that may be mounted; else skip.

    Where everything must run (CI=true, as root), fail instead.
    """
    folder = Path(tempfile.mkdtemp(prefix="digest-small-"))
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], capture_output=True, check=False
    )
    if done.returncode:
        folder.rmdir()
        if os.environ.get("CI") == "true" and os.geteuid() == 0:
            pytest.fail(f"cannot mount a small disk: {done.stderr.decode()}")
        pytest.skip("only root can mount a small disk")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)
        folder.rmdir()
