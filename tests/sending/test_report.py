"""The report of an edition as a page: complete, self-contained, and safe whatever the relay says."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest

from digest.delivery import Delivery, State
from digest.report import NAMED, Standings, page, sentence

START = 1646121600.0
NOW = datetime(2022, 3, 1, 9, 30, tzinfo=UTC)
COUNTS = {State.SENT: 4103, State.REFUSED: 7, State.DEFERRED: 12, State.IN_DOUBT: 1, State.SUPPRESSED: 20}


def standings(**more):
    values = {
        "edition": "2022-02/everyone/en",
        "title": "All ILO Newsroom content",
        "counts": COUNTS,
        "timeline": [(1646121600.0 + 10 * n, State.SENT, 100 + n) for n in range(30)]
        + [(1646121650.0, State.REFUSED, 7)],
        "domains": {
            "gmail.com": {State.SENT: 3000, State.DEFERRED: 12},
            "example.org": {State.SENT: 1103, State.REFUSED: 7},
        },
        "refusals": {(550, "5.1.1 No such user"): 6, (552, "5.2.2 Mailbox full"): 1},
    }
    return Standings(**{**values, **more})


def held(state=State.REFUSED, detail="5.1.1 No such user"):
    return [Delivery(id=1, edition="e", address="ana@example.org", state=state, code=550, detail=detail)]


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.seen = [], []

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))
        if tag not in {"meta", "i", "rect", "text"}:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag in self.open:
            while self.open.pop() != tag:
                pass


def test_the_page_says_what_became_of_everybody():
    """Counts, domains, reasons and every held address are on the page, and it is whole HTML."""
    html = page(standings(), held(), NOW)
    for words in (
        "4,103 accepted",
        "7 refused",
        "gmail.com",
        "5.1.1 No such user",
        "ana@example.org",
        "2022-03-01 09:30",
    ):
        assert words in html
    tags = Tags()
    tags.feed(html)
    assert tags.open == []
    assert sum(tag == "svg" for tag, _ in tags.seen) == 4


def test_the_page_needs_nothing_from_anywhere():
    """No script, no font, no picture, no link: the file can be mailed and opened on a plane."""
    html = page(standings(), held(), NOW)
    assert not re.search(r"<script|<link|<img|url\(|https?://", html)


@pytest.mark.parametrize("state", NAMED)
def test_a_relays_words_are_text(state):
    """A server that answers with markup gets it shown, not run."""
    nasty = '<script>alert(1)</script>" onload="x'
    html = page(standings(refusals={(550, nasty): 1}), held(state, nasty), NOW)
    assert "<script" not in html
    assert 'onload="x' not in html


def test_bars_are_as_long_as_their_numbers():
    """In the bar of all readers, widths are in the ratio of the counts."""
    counts = {State.SENT: 300, State.REFUSED: 100}
    html = page(standings(counts=counts, timeline=[], domains={}, refusals={}), [], NOW)
    widths = [float(width) for width in re.findall(r'<rect [^>]*width="([\d.]+)"', html)]
    assert widths[0] / widths[1] == pytest.approx(3, rel=0.01)


def test_an_edition_without_readers_is_said_in_words():
    """Nothing frozen, nothing drawn, and no division by nothing."""
    assert sentence({}) == "no readers"
    html = page(standings(counts={}, timeline=[], domains={}, refusals={}), [], NOW)
    assert "<svg" not in html
    assert "Nobody is held" in html
