"""What a worker shows to those who watch it: `/healthz` for whoever restarts it, `/metrics` for Prometheus.

Two pages and nothing else; neither names a reader. Text exposition format 0.0.4.
"""

from __future__ import annotations

import threading
from collections import Counter
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from digest.delivery import State
    from digest.fleet.chunks import Chunk

TEXT = "text/plain; version=0.0.4; charset=utf-8"


class FleetCounts:
    """What a worker has done since it began. Safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.outcomes: Counter[State] = Counter()
        self.chunks = 0
        self.failures = 0
        self.seconds = 0.0

    def add(self, chunk: Chunk) -> None:
        """Count a chunk."""
        with self._lock:
            self.outcomes.update(chunk.outcomes)
            self.chunks += 1
            self.failures += chunk.stopped is not None
            self.seconds += chunk.seconds


def exposition(
    tally: FleetCounts, *, version: str, beat_age: float, editions: Mapping[str, Mapping[State, int]]
) -> str:
    """The page of metrics. `beat_age` is the seconds since the last beat, `editions` the open ones' counts."""
    lines = [
        "# HELP digest_worker_info The program that runs here.",
        "# TYPE digest_worker_info gauge",
        f'digest_worker_info{{version="{_label(version)}"}} 1',
        "# HELP digest_worker_beat_age_seconds Since the database was last told that this worker lives.",
        "# TYPE digest_worker_beat_age_seconds gauge",
        f"digest_worker_beat_age_seconds {beat_age:.3f}",
        "# HELP digest_worker_mails_total Answers about mails of this worker, by what became of them.",
        "# TYPE digest_worker_mails_total counter",
        *(f'digest_worker_mails_total{{outcome="{state}"}} {n}' for state, n in sorted(tally.outcomes.items())),
        "# HELP digest_worker_chunks_total Chunks that this worker took.",
        "# TYPE digest_worker_chunks_total counter",
        f"digest_worker_chunks_total {tally.chunks}",
        "# HELP digest_worker_chunk_failures_total Those of them that ended early.",
        "# TYPE digest_worker_chunk_failures_total counter",
        f"digest_worker_chunk_failures_total {tally.failures}",
        "# HELP digest_worker_busy_seconds_total Time spent on chunks.",
        "# TYPE digest_worker_busy_seconds_total counter",
        f"digest_worker_busy_seconds_total {tally.seconds:.3f}",
        "# HELP digest_deliveries Readers of the unfinished editions, by state, in the whole fleet.",
        "# TYPE digest_deliveries gauge",
    ]
    for edition, counts in sorted(editions.items()):
        lines += [f'digest_deliveries{{edition="{_label(edition)}",state="{s}"}} {n}' for s, n in counts.items()]
    return "\n".join(lines) + "\n"


def _label(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


@contextmanager
def serving(host: str, port: int, metrics: Callable[[], str], healthy: Callable[[], str]) -> Iterator[int]:
    """Answer for as long as the block runs; yields the port. `healthy` says what is wrong, or nothing.

    Raises OSError when the port cannot be had.
    """

    class Pages(BaseHTTPRequestHandler):
        timeout = 10  # a slow client holds a thread, not for ever
        server_version, sys_version = "digest", ""

        def do_GET(self) -> None:
            if self.path == "/metrics":
                self._say(200, TEXT, metrics())
            elif self.path == "/healthz":
                trouble = healthy()
                self._say(503 if trouble else 200, "text/plain; charset=utf-8", f"{trouble or 'ok'}\n")
            else:
                self._say(404, "text/plain; charset=utf-8", "there is /metrics and /healthz\n")

        def _say(self, status: int, kind: str, text: str) -> None:
            body = text.encode()
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
            """Say nothing: whoever watches asks every few seconds."""

    server = ThreadingHTTPServer((host, port), Pages)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.2}, name="monitor")
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
