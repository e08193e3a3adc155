"""What many tests share: a real Chromium, and one rule for parts that may be absent.

On a laptop a test whose part is missing (a browser, Postfix) is skipped and says so. In CI that would hide a hole, so
there it fails: `needs()` is the one place that decides.
"""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-sync",
]


def needs(program: str | None, what: str) -> str:
    """Return `program` when it is there; otherwise skip, or fail where everything must run (`CI=true`)."""
    if program:
        return program
    message = f"{what} is not installed"
    if os.environ.get("CI") == "true":
        pytest.fail(message)
    pytest.skip(message)


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of the system's Chromium."""
    found = next(
        (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
    )
    return needs(found, "Chromium (apt-get install chromium)")


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """A headless Chromium, one per test module. Module scope, so that its event loop ends before others begin."""
    with launch(chromium) as running:
        yield running


@contextmanager
def launch(path: str) -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=CHROMIUM_FLAGS)
        try:
            yield running
        finally:
            running.close()
