"""robots.txt: the rules of RFC 9309, and where they count: for pages that a schedule reads, and for nothing else."""

from __future__ import annotations

import http.server
import re
import threading
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from newsdesk import Desk

from digest.fetching.robots import forbidding
from digest.importing import sources
from digest.newsroom.newsroom import open_newsroom

NOW = datetime(2022, 2, 20, 10, tzinfo=ZoneInfo("Europe/Zurich"))
PAGE = b"<html lang=en><body><ul><li><h3><a href=/a>A story</a></h3><time>14 February 2022</time></ul></body></html>"
FEED = (
    b"<rss version='2.0'><channel><title>F</title><item><title>A story</title><link>https://x.example/a</link>"
    b"<pubDate>Mon, 14 Feb 2022 09:00:00 GMT</pubDate></item></channel></rss>"
)
EVERYBODY = "User-agent: *\nDisallow: /"


@pytest.mark.parametrize(
    ("text", "path", "rule"),
    [
        ("", "/news", ""),
        (EVERYBODY, "/news", "robots.txt:2: Disallow: /"),
        ("User-agent: *\nDisallow:", "/news", ""),
        (f"{EVERYBODY}\nAllow: /news", "/news/a", ""),
        ("User-agent: *\nAllow: /news\nDisallow: /news", "/news", ""),
        ("User-agent: *\nAllow: /\nDisallow: /news/ # not this", "/news/", "robots.txt:3: Disallow: /news/"),
        (f"{EVERYBODY}\n\nUser-agent: Digest\nAllow: /", "/news", ""),
        (f"User-agent: digest\n\nCrawl-delay: 5\n\n{EVERYBODY}", "/news", "robots.txt:6: Disallow: /"),
        ("User-agent: other\nUser-agent: DIGEST\nDisallow: /n", "/news", "robots.txt:3: Disallow: /n"),
        ("User-agent: Digest/1.0\nDisallow: /n", "/news", "robots.txt:2: Disallow: /n"),
        ("User-agent: other\nDisallow: /\nUser-agent: digest\nDisallow: /x", "/news", ""),
        ("User-agent: digest\nDisallow: /x\n\nUser-agent: digest\nDisallow: /n", "/news", "robots.txt:5: Disallow: /n"),
        ("\ufeffuser-agent:*\r\ndisallow:/*?page=\r\n", "/news?page=2", "robots.txt:2: disallow:/*?page="),
        ("User-agent: *\nDisallow: /*.pdf$", "/a.pdf", "robots.txt:2: Disallow: /*.pdf$"),
        ("User-agent: *\nDisallow: /*.pdf$", "/a.pdf?x", ""),
        ("User-agent: *\nDisallow: /caf%C3%A9", "/café/a", "robots.txt:2: Disallow: /caf%C3%A9"),
        ("Disallow: /", "/news", ""),
        ("<html><body>Not found</body></html>", "/news", ""),
    ],
)
def test_the_longest_rule_of_our_group_counts(text, path, rule):
    """Ours before everybody's, several groups as one, `*` and `$`, allowing where two are as long."""
    assert forbidding(text, path) == rule


@given(st.text(alphabet="ab/*$", max_size=12), st.text(alphabet="ab/", max_size=12))
def test_patterns_mean_what_a_regular_expression_would_say(pattern, path):
    """Property: the same answer, without one whose time could grow beyond the text's length."""
    expression = "".join(".*" if char == "*" else re.escape(char) for char in pattern.removesuffix("$"))
    matches = re.match(expression + (r"\Z" if pattern.endswith("$") else ""), f"/{path}") is not None
    assert bool(forbidding(f"User-agent: *\nDisallow: {pattern}", f"/{path}")) == (matches and pattern != "")


class Site:
    """A real site with a page, a feed and a robots.txt that can change, and what it was asked for."""

    def __init__(self):
        self.robots, self.status, self.asked = "", 200, []
        site = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                site.asked.append(self.path)
                robots = self.path == "/robots.txt"
                kind, data = ("text/html", PAGE) if self.path == "/news" else ("application/rss+xml", FEED)
                kind, data = ("text/plain", site.robots.encode()) if robots else (kind, data)
                self.send_response(site.status if robots else 200)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def since(self):
        asked, self.asked = self.asked, []
        return asked


@pytest.fixture
def site():
    made = Site()
    yield made
    made.server.shutdown()
    made.server.server_close()
    made.thread.join()


@pytest.fixture
def reading(site, tmp_path, monkeypatch):
    """Read the newsroom's one source as the schedule does, some hours after NOW, or as a person does."""
    Desk(tmp_path, monkeypatch)
    config = yaml.safe_load((tmp_path / "config.yaml").read_text())

    def read(path, hours=0, *, by_hand=False, **options):
        source = {"name": "press", "url": site.url + path, **options}
        config.update({"sources": [source], "import": {"allow_private": True}})
        (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
        newsroom = open_newsroom(tmp_path / "config.yaml", {})
        (report,) = sources.refresh(newsroom, NOW + timedelta(hours=hours), everything=by_hand)
        return report

    return read


def test_a_page_that_is_forbidden_is_left_alone_and_the_rule_is_named(site, reading):
    """Once it is known, only robots.txt is asked for, until it allows; the story comes then."""
    site.robots = EVERYBODY
    trouble = reading("/news").state.trouble
    assert "/news: robots.txt:2: Disallow: / forbids that programs read it by themselves" in trouble
    assert "User-agent: digest" in trouble
    assert "`robots: ignore` at the source press" in trouble
    site.since()
    assert reading("/news", 1).state.forbidden
    assert site.since() == ["/robots.txt"]
    site.robots += "\nUser-agent: digest\nAllow: /news"
    report = reading("/news", 2)
    assert (report.state.trouble, report.state.new, report.state.forbidden) == ("", 1, False)


def test_an_allowed_page_asks_once_a_day(site, reading):
    """A site without a robots.txt forbids nothing, and is not asked at each reading."""
    site.status = 404
    assert [reading("/news", hours).state.trouble for hours in (0, 1, 23, 25)] == [""] * 4
    assert site.since() == ["/news", "/robots.txt", "/news", "/news", "/news", "/robots.txt"]


def test_a_site_that_does_not_say_is_asked_again(site, reading):
    """Where robots.txt fails, nobody knows; the source is in trouble, and nothing is taken."""
    site.status = 503
    trouble = reading("/news").state.trouble
    assert "/robots.txt: the server answered 503" in trouble
    assert "forbids" not in trouble


def test_feeds_and_what_a_person_does_are_never_asked_about(site, reading):
    """A feed is there for programs; who names an address is no crawler; and `ignore` is a newsroom's own word."""
    site.robots = EVERYBODY
    assert reading("/feed").state.new == 1
    assert reading("/news", by_hand=True).state.trouble == ""
    assert reading("/news", 1, robots="ignore").state.trouble == ""
    assert "/robots.txt" not in site.since()
