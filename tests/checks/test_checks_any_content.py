"""No check ever raises, whatever stories, themes and mails contain."""

from __future__ import annotations

import datetime as dt

from check_subjects import EDITION, MAIL, NONCE, ZONE, html, past, selection, story, subject, text
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.checks.registry import run
from digest.model import Rendering

WORDS = st.one_of(
    st.text(max_size=60),
    st.sampled_from(["TK", "=?utf-8?q?x?=", "\x1b[2J", "{{ x }}", "\ud800", "https://[", "javascript:x", "\u202e"]),
)
STORIES = st.builds(
    story,
    st.integers(1, 5),
    title=WORDS,
    kicker=WORDS,
    credit=WORDS,
    link=WORDS,
    image=WORDS,
    image_alt=WORDS,
    summary=WORDS,
    topics=st.lists(WORDS, max_size=2).map(tuple),
    date=st.datetimes(dt.datetime(2, 1, 1), dt.datetime(9998, 12, 30)).map(lambda when: when.replace(tzinfo=ZONE)),  # noqa: DTZ001
)
STYLES = st.text(alphabet="abcrgb#.%:;{}()!0123456789- /*'\"@", max_size=80)


@settings(max_examples=60)
@given(
    stories=st.lists(STORIES, max_size=4),
    style=STYLES,
    inline=STYLES,
    extra=WORDS,
    size=st.sampled_from(["", "width='1'", 'width="x"', "href='https://x/'"]),
    data=st.binary(max_size=40),
    mail=st.one_of(st.binary(max_size=80), st.just(MAIL)),
)
def test_any_content_is_examined_to_the_end(stories, style, inline, extra, size, data, mail):
    """Arbitrary stories, styles, markup, files and mails give findings, and twice the same."""
    after = f'<p style="{inline}">{extra}</p><img src="{extra}" {size}><a href="{extra}" {size}>{extra}</a><td>{extra}'
    examined = {
        "selection": selection(stories),
        "rendering": Rendering(
            edition=EDITION,
            subject=extra,
            preheader=inline,
            html=html(stories, style=style, after=after),
            text=text(stories) + extra,
            nonce=NONCE,
        ),
        "mail": mail,
        "read_file": lambda _path: data,
        "history": [past("2022-01", *(one.id for one in stories))],
    }
    assert run(subject(**examined)) == run(subject(**examined))


@settings(max_examples=60)
@given(st.text(max_size=300))
def test_any_html_is_examined_to_the_end(source):
    """The HTML part may be any text at all."""
    run(subject(rendering=Rendering(edition=EDITION, subject="", preheader="", html=source, text=source, nonce=NONCE)))


def test_a_very_long_title_is_examined():
    """5,000 characters are too long, and no more than that."""
    found = {finding.code for finding in run(subject(story(title="x" * 5000)))}
    assert "title-long" in found
