"""One rule for parts that may be absent.

On a laptop a test whose part is missing (a browser, Postfix, a mail parser) is skipped and says so. In CI that would
hide a hole, so there it fails: `needs()` is the one place that decides.
"""

from __future__ import annotations

import os

import pytest


def needs(program: str | None, what: str) -> str:
    """Return `program` when it is there; otherwise skip, or fail where everything must run (`CI=true`)."""
    if program:
        return program
    message = f"{what} is not installed"
    if os.environ.get("CI") == "true":
        pytest.fail(message)
    pytest.skip(message)
