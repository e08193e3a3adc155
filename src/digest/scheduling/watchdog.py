"""Report each run of the schedule to a monitoring service, so that silence is noticed there (a dead man's switch).

A good run asks URL, a failed one URL/fail with the reason (as healthchecks.io and its kin understand). It tells nothing
else, tries twice, and what the watchdog answers changes nothing but a warning.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from digest.errors import FetchError, UsageError

if TYPE_CHECKING:
    from threading import Event

_TIMEOUT = 10.0
_TRIES = 2
_NO_SUCCESS = 300  # the first HTTP status that is not a success
_MOST = 10_000  # characters of the reason


def check(url: str) -> None:
    """Refuse what is no web address. Raises UsageError."""
    if not url.startswith(("https://", "http://")) or not urlsplit(url).hostname:
        message = f"--ping {url!r} is not a web address; write it out, like https://hc-ping.com/…"
        raise UsageError(message)


def ping(url: str, failure: str = "", stop: Event | None = None) -> str:
    """Report a good run, or a failed one with its reason. Returns a warning when the watchdog could not be told.

    `stop` ends the wait for its answer.
    """
    from digest.fetching.fetch import notify

    parts = urlsplit(url)
    if failure:
        url = urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/fail"))
    problem = ""
    for _ in range(_TRIES):
        try:
            data = failure[:_MOST].encode() if failure else None
            status = notify(url, data=data, timeout=_TIMEOUT, stop=stop, by_proxy=True)
        except FetchError as error:
            problem = str(error)
            continue
        if status < _NO_SUCCESS:
            return ""
        problem = f"it answered {status}"
    return f"the watchdog at {parts.hostname} was not told: {problem}"
