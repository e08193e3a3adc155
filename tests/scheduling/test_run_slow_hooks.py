"""A run that waits for somebody who drips for ever: SIGTERM ends it, and what was told is not told again."""

from __future__ import annotations

import signal
import threading

from drip import dripping

NOW = "2022-03-01T09:00"


def test_sigterm_ends_a_run_that_waits_for_a_webhook(newsroom, sink):
    """The hook was tried and is not tried again; the edition went out once, and the newsroom hears of it later."""
    with dripping(b"HTTP/1.1 200 OK\r\nX-Slow: ") as server:
        server.most = 100_000
        asked = threading.Event()
        server.on_first = asked.set
        newsroom.append(f"hooks: {{sent: '{server.url}/hook', timeout: 600}}\n")
        run = newsroom.process("run", "--now", NOW)
        assert asked.wait(120), run.poll()
        run.send_signal(signal.SIGTERM)
        run.communicate(timeout=120)
        assert run.returncode == 128 + signal.SIGTERM
        assert set(sink.readers.values()) == {1}
        done = newsroom.run(NOW)
        assert done.code == 0, done.err
        assert len(server.asked) == 1
    assert set(sink.readers.values()) == {1}
    assert len(sink.notices) == 1


def test_sigterm_ends_a_run_that_waits_for_a_source(newsroom, sink):
    """A feed that drips is no failure of the feed when we were asked to end, and nothing goes out without it."""
    with dripping(b"HTTP/1.1 200 OK\r\nContent-Type: application/rss+xml\r\n\r\n") as server:
        server.most = 100_000
        asked = threading.Event()
        server.on_first = asked.set
        newsroom.append(f"sources: [{{name: news, url: '{server.url}/feed'}}]\n")
        newsroom.append("import: {allow_private: true, timeout: 600}\n")
        run = newsroom.process("run", "--now", NOW)
        assert asked.wait(120), run.poll()
        run.send_signal(signal.SIGTERM)
        _, told = run.communicate(timeout=120)
    assert run.returncode == 128 + signal.SIGTERM, told
    assert sink.mails == []
    assert not (newsroom.root / ".digest/sources.json").exists()
