"""What many tests share: a real Chromium, and how Hypothesis tries things."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from needed import needs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

# What whoever runs the tests has set is not the tests' own: settings of a newsroom, a proxy (what tests ask is on
# loopback), files that only they may read (Postfix runs as other users).
for _name in list(os.environ):
    if _name.lower().endswith("_proxy") or (_name.startswith("DIGEST_") and _name != "DIGEST_SCREENSHOTS"):
        del os.environ[_name]
# Some hundred tests start `digest` as a program of its own: without compiled modules, it compiles itself each time.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
os.umask(0o022)
# What nohup ignores is ignored by all that tests start, too. A handler is not: they heed it, and we outlive a terminal.
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN or "PYTEST_XDIST_WORKER" in os.environ:
    signal.signal(signal.SIGHUP, lambda *_: None)

# What tests write goes where no disk is waited for, if there is such a place: the ledger and the files of a mail are
# synced to it some thirty times for each send. A killed process leaves its files there too, and no test cuts the power.
MEMORY = Path("/dev/shm")
NEEDED = 2 << 30  # bytes: several times what the largest tests leave there for each other


def _has_room(folder: Path) -> bool:
    """Whether tests can write there as much as they want, and run it: hooks are programs."""
    if not os.access(folder, os.W_OK):
        return False
    found = os.statvfs(folder)
    return not found.f_flag & os.ST_NOEXEC and found.f_bavail * found.f_frsize > NEEDED


if "TMPDIR" not in os.environ and _has_room(MEMORY):
    os.environ["TMPDIR"] = str(MEMORY)
    tempfile.tempdir = None  # pytest has asked already, and keeps what it heard

# What digest caches for its user goes beside pytest's own cache, not into the home of whoever runs the tests.
os.environ["XDG_CACHE_HOME"] = str(Path(__file__).parents[1] / ".pytest_cache" / "xdg")

# No test asserts a duration: on a busy machine each example may take as long as it takes. And fixtures of a test serve
# all of its examples, which know it.
settings.register_profile(
    "digest", deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
settings.load_profile("digest")


def pytest_xdist_auto_num_workers() -> int:
    """Half as many processes more than there are cores: a tenth of the time, tests wait for relays and workers."""
    return (os.cpu_count() or 1) * 3 // 2


CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of the system's Chromium; where it is installed, of the one that draws no window around a page.

    It is the same engine, of the same source package, and takes less than half of the processor's time.
    """
    names = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
    found = next((path for name in names if (path := shutil.which(name))), None)
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
