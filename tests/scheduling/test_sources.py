"""Sources that are read by themselves: once an hour and before each build, and never a thin month without a word."""

from __future__ import annotations

import http.server
import json
import threading
from datetime import datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

ZURICH = ZoneInfo("Europe/Zurich")
DUE = "2022-03-01T09:00"


class Feed:
    """A real server with an RSS feed that can be changed, emptied, broken, and asked what it was asked."""

    def __init__(self):
        self.days = [3, 10, 17]
        self.titles = {}
        self.status = 200
        self.wait = ""  # what it says in Retry-After
        self.stuck = False  # says for ever that nothing changed
        self.asked = []
        feed = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                feed.asked.append({name.lower() for name in self.headers})
                data = feed.text().encode()
                etag = f'"{hash(data)}"'
                status = feed.status
                if status == 200 and feed.stuck and "If-None-Match" in self.headers:
                    status = 304
                if status == 200 and self.headers.get("If-None-Match") == etag:
                    status = 304
                self.send_response(status)
                self.send_header("ETag", etag)
                if feed.wait:
                    self.send_header("Retry-After", feed.wait)
                self.send_header("Content-Type", "application/rss+xml")
                body = data if status == 200 else b""
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/feed"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def text(self):
        items = "".join(
            f"<item><title>{self.titles.get(day, f'Story of the {day}th')}</title>"
            f"<link>https://www.example.org/{day}</link><guid>https://www.example.org/{day}</guid>"
            f"<pubDate>{format_datetime(datetime(2022, 2, day, 9, tzinfo=ZURICH))}</pubDate>"
            f"<description>Some words.</description></item>"
            for day in self.days
        )
        return f'<?xml version="1.0"?><rss version="2.0"><channel><title>News</title>{items}</channel></rss>'

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def feed():
    made = Feed()
    yield made
    made.close()


@pytest.fixture
def fed(newsroom, sink, feed):  # noqa: ARG001 - its relay
    """A newsroom without stories of its own for February but those that its source brings, `everyone` taking all."""
    for file in (newsroom.root / "stories").glob("2022-02-*.md"):
        file.unlink()
    newsroom.append(f"sources: [{{name: press, url: '{feed.url}', channel: press}}]\nimport: {{allow_private: true}}\n")
    return newsroom


def state(newsroom):
    return json.loads((newsroom.root / ".digest/sources.json").read_text())["sources"]["press"]


def test_a_run_reads_its_sources_before_it_builds(fed, feed, sink):
    """What came an hour ago is read again when the edition is due: its last story goes out with it."""
    assert fed.run("2022-02-20T10:00").code == 0
    feed.days.append(28)
    done = fed.run(DUE)
    assert (done.code, done.err) == (0, "")
    assert "source press: 1 new, 0 changed, 4 in all" in done.out
    assert "2022-02/everyone/en: 4 stories, 6 accepted" in done.out
    assert set(sink.readers.values()) == {1}


def test_an_unchanged_source_costs_a_question(fed, feed):
    """ETag: the second time nothing comes; within its interval it is not even asked; a correction is taken."""
    fed.run("2022-02-20T10:00")
    fed.run("2022-02-20T10:30")
    assert len(feed.asked) == 1
    fed.run("2022-02-20T11:00")
    assert (len(feed.asked), "if-none-match" in feed.asked[1]) == (2, True)
    assert (state(fed)["items"], state(fed)["trouble"]) == (3, "")
    feed.titles[10] = "A better title"
    assert "source press: 0 new, 1 changed, 3 in all" in fed.run("2022-02-20T12:00").out


def test_a_server_that_says_for_ever_that_nothing_changed_hides_no_story(fed, feed):
    """Last-Modified of 1970, a cache that is never emptied: it is asked for all once a day, and before each build."""
    feed.stuck = True
    fed.run("2022-02-20T10:00")
    feed.days.append(20)
    assert "source press: 0 new, 0 changed, 3 in all" in fed.run("2022-02-20T12:00").out
    assert "source press: 1 new, 0 changed, 4 in all" in fed.run("2022-02-21T10:00").out
    fed.run("2022-03-01T08:30")
    feed.days.append(28)
    done = fed.run(DUE)
    assert "source press: 1 new, 0 changed, 5 in all" in done.out
    assert "2022-02/everyone/en: 5 stories" in done.out


def test_a_source_that_is_to_be_read_otherwise_is_read_anew(fed, feed):
    """Its bytes are what they were, and yet its stories are in another channel, or language: then nothing is old."""
    fed.run("2022-02-20T10:00")
    fed.edit("config.yaml", "channel: press}", "channel: desk, language: fr}")
    done = fed("import")
    assert "press: 0 new, 3 changed, 3 in all" in done.out
    (story, *_) = (fed.root / "stories").glob("2022-02-*.md")
    assert "language: fr\n" in story.read_text()
    assert "desk" in story.read_text()
    fed("import")
    assert ["if-none-match" in asked for asked in feed.asked] == [False, False, True]


def test_a_sources_language_is_a_tag(fed):
    """One line, with its place."""
    fed.edit("config.yaml", "channel: press}", "language: french}")
    done = fed("config")
    assert (done.code, len(done.err.splitlines())) == (2, 1)
    assert "sources[0].language: 'french' is no language tag" in done.err


def test_an_edition_waits_for_its_source(fed, feed, sink):
    """A feed that is down when the month is due: told once a day, and the edition goes when the feed is back."""
    fed.run("2022-02-20T10:00")
    feed.status = 503
    for clock in ("09:00", "09:20", "11:00"):
        done = fed.run(f"2022-03-01T{clock}")
        assert (done.code, "Traceback" in done.err) == (6, False)
    assert "it waits for its stories: press: " in done.out
    assert not sink.readers
    assert sink.subjects == ["February 2022, everyone has NOT gone out: it waits for a source of its stories"]
    text = sink.notices[0].get_body(("plain",)).get_content()
    assert "digest sources --without NAME --month 2022-02 --by YOUR-NAME" in text
    fed.run("2022-03-02T09:30")
    assert len(sink.notices) == 2
    feed.status, feed.days = 200, [3, 10, 17, 28]
    assert fed.run("2022-03-02T11:00").code == 0
    assert set(sink.readers.values()) == {1}
    assert "4 stories" in sink.subjects[-1]


def test_a_failing_source_is_asked_less_and_less_often(fed, feed):
    """5, 10, 20, 40 minutes, and then at its own interval."""
    feed.status, now = 500, datetime(2022, 2, 20, 10, tzinfo=ZURICH)
    asked = []
    for _ in range(300):
        before = len(feed.asked)
        fed.run(now.isoformat())
        if len(feed.asked) > before:
            asked.append(now)
        if len(asked) == 7:
            break
        now += timedelta(minutes=5)
    waits = [(later - earlier) // timedelta(minutes=1) for earlier, later in pairwise(asked)]
    assert waits == [5, 10, 20, 40, 60, 60]


@pytest.mark.parametrize(
    ("wait", "asked"),
    [("7200", [0, 120]), ("9" * 9, [0, 1440]), ("Wed, 21 Oct 2026 07:28:00 GMT", [0, 5]), ("-5", [0, 5])],
)
def test_a_server_that_asks_to_be_left_alone_is(fed, feed, wait, asked):
    """Retry-After, in seconds, a day at most: who asks again before is often shut out for longer. A person may ask."""
    feed.status, feed.wait, now, seen = 429, wait, datetime(2022, 2, 20, 10, tzinfo=ZURICH), []
    for minutes in (0, 4, 5, 60, 119, 120, 1439, 1440):
        before = len(feed.asked)
        fed.run((now + timedelta(minutes=minutes)).isoformat())
        seen += [minutes] if len(feed.asked) > before else []
    assert seen[:2] == asked
    feed.status = 200
    assert "press: 3 new" in fed("import").out


def test_a_source_that_shrinks_holds_the_edition_and_is_told(fed, feed, sink):
    """Far fewer stories than last time are no empty month: told at once, held when due, taken by a person's word."""
    feed.days = list(range(1, 28))
    fed.run("2022-02-20T10:00")
    feed.days = [3]
    done = fed.run("2022-02-28T12:00")
    assert (done.code, "source press: " in done.err) == (0, True)
    assert sink.subjects == ["The source press cannot be read"]
    assert fed.run(DUE).code == 6
    assert not sink.readers
    assert fed("import", "--force", now=DUE).code == 0
    assert fed.run("2022-03-01T09:10").code == 0
    assert set(sink.readers.values()) == {1}


def test_a_persons_word_lets_the_edition_go_without(fed, feed, sink):
    """`sources --without` writes a file that the next run hears: for this period, and no other."""
    fed.run("2022-02-20T10:00")
    feed.status = 503
    assert fed.run(DUE).code == 6
    waived = fed("sources", "--without", "press", "--month", "2022-02", "--by", "Ana", now="2022-03-01T09:05")
    assert (waived.code, "approvals/2022-02/source-press.json" in waived.out) == (0, True)
    assert json.loads((fed.root / "approvals/2022-02/source-press.json").read_text())["by"] == "Ana"
    assert fed.run("2022-03-01T09:10").code == 0
    assert set(sink.readers.values()) == {1}
    fed.story("of-march", "2022-03-10")
    assert fed.run("2022-04-01T09:00").code == 6


def test_an_audience_that_does_not_take_the_channel_goes(fed, feed, sink):
    """A source holds only the editions whose rule may take what it brings."""
    fed.edit("config.yaml", "  impact:\n    title: Impact and people\n",
             "  impact:\n    title: Impact and people\n    recipients: {csv: impact.csv}\n")  # fmt: skip
    (fed.root / "impact.csv").write_text("email\nimpact@example.org\n")
    fed.edit("config.yaml", "audiences: [everyone]", "audiences: [everyone, impact]")
    (fed.root / "stories/own.md").write_text(
        "---\ntitle: Own\ndate: 2022-02-10\nchannels: [impact-and-people]\n---\n\nSome words.\n"
    )
    fed.run("2022-02-20T10:00")
    feed.status = 503
    assert fed.run(DUE).code == 6
    assert sink.readers == {"impact@example.org": 1}


def test_a_source_that_was_never_read_holds_too(fed, feed, sink):
    """The first try fails: an edition that would be built of old files alone waits."""
    feed.status = 500
    fed.story("old", "2022-02-10")
    fed.run("2022-02-20T10:00")
    assert fed.run(DUE).code == 6
    assert not sink.readers


def test_import_without_a_source_reads_all_of_them(fed):
    """Each alone: one that fails is named, the others are read, and the exit code says that one failed."""
    fed.edit("config.yaml", "sources: [", "sources: [{name: gone, url: gone.csv}, ")
    trial = fed("import", "--dry-run", now="2022-02-20T10:00")
    assert (trial.code, list((fed.root / "stories").glob("2022-02-*.md"))) == (6, [])
    done = fed("import", now="2022-02-20T10:00")
    assert done.code == 6
    assert "digest: gone: gone.csv: cannot be read: No such file or directory" in done.err
    assert "press: 3 new, 0 changed, 3 in all" in done.out
    listed = fed("sources", now="2022-02-20T10:00").out.splitlines()
    assert [line.split()[0] for line in listed] == ["source", "gone", "press"]
    assert "2022-02-20 10:00" in listed[2]
    facts = json.loads(fed("sources", "--json", now="2022-02-20T10:00").out)
    assert [(fact["name"], fact["stories"], bool(fact["trouble"])) for fact in facts] == [
        ("gone", 0, True),
        ("press", 3, False),
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("sources", "--without", "pres", "--month", "2022-02", "--by", "Ana"), "there is no source 'pres', did you"),
        (("sources", "--without", "press", "--month", "2022-02"), "--without takes the word of a person: --by NAME"),
        (("sources", "--without", "press", "--by", "Ana"), "say which period"),
        (
            ("import", "--channel", "x"),
            "--channel, --format, --language, --topics, --base and --sheet go with a SOURCE",
        ),
        (("import", "--base", "https://example.org"), "--base and --sheet go with a SOURCE"),
    ],
)
def test_what_cannot_be_is_one_line(fed, arguments, message):
    """With what to do."""
    done = fed(*arguments, now=DUE)
    assert (done.code, message in done.err, "Traceback" in done.err) == (2, True, False)


def test_two_sources_of_one_name_are_refused(fed):
    """As a person could not tell them apart."""
    fed.edit("config.yaml", "sources: [", "sources: [{name: press, url: a.csv}, ")
    done = fed("sources", now=DUE)
    assert (done.code, "there is another source called 'press'; rename one" in done.err) == (2, True)


def test_a_damaged_record_is_no_trouble(fed, sink):
    """What was known of the sources is only a convenience: they are read again."""
    fed.run("2022-02-20T10:00")
    (fed.root / ".digest/sources.json").write_text("{")
    assert fed.run(DUE).code == 0
    assert set(sink.readers.values()) == {1}
