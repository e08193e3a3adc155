"""Report each run of the schedule to a monitoring service, so that silence is noticed there (a dead man's switch).

A good run asks URL, a failed one URL/fail with the reason (as healthchecks.io and its kin understand). It tells nothing
else, tries twice, and what the watchdog answers changes nothing but a warning.
"""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

from digest.errors import UsageError

_TIMEOUT = 10.0
_TRIES = 2
_NO_SUCCESS = 300  # the first HTTP status that is not a success
_MOST = 10_000  # characters of the reason


def check(url: str) -> None:
    """Refuse what is no web address. Raises UsageError."""
    if not url.startswith(("https://", "http://")) or not urlsplit(url).hostname:
        message = f"--ping {url!r} is not a web address; write it out, like https://hc-ping.com/…"
        raise UsageError(message)


def ping(url: str, failure: str = "") -> str:
    """Report a good run, or a failed one with its reason. Returns a warning when the watchdog could not be told."""
    import httpx

    parts = urlsplit(url)
    if failure:
        url = urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/fail"))
    problem = ""
    for _ in range(_TRIES):
        try:
            answer = httpx.request(
                "POST" if failure else "GET", url, content=failure[:_MOST].encode() if failure else None,
                timeout=_TIMEOUT, follow_redirects=True,
            )  # fmt: skip
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            problem = type(error).__name__
            continue
        if answer.status_code < _NO_SUCCESS:
            return ""
        problem = f"it answered {answer.status_code}"
    return f"the watchdog at {parts.hostname} was not told: {problem}"
