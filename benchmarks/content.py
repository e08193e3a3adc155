"""The newsroom that all benchmarks write about: stories of a common size, an edition of so many of them.

The facts are made up and say nothing; only their sizes matter: headlines of 60 letters, summaries of three
sentences, a photo with every second story.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from digest.model import Edition, Group, Selection, Story
from digest.period import parse
from digest.testing import AUDIENCE, NEWSROOM

ZONE = NEWSROOM.timezone
NOW = datetime(2022, 3, 1, 9, tzinfo=ZONE)
START = datetime(2022, 2, 1, 9, tzinfo=ZONE)
TITLES = (
    "Dockers learn to weld under water and come out with a trade",
    "A new school on the southern quay opens to forty apprentices",
    "Ferries run on sunlight from the first of March, if it shines",
    "What the storm taught us about warehouses, and what it did not",
)
SUMMARY = (
    "Twelve dockers spent the winter in a tank. They come out with a trade that pays, with stories, and with cold "
    "fingers. “Décent work”, says one of them, “is work that you can tell at home.”"
)


def story(number: int) -> Story:
    """A published story of February 2022."""
    return Story(
        id=f"2022-02-{number % 28 + 1:02}-story-{number}",
        file=f"stories/2022-02-{number % 28 + 1:02}-story-{number}.md",
        title=f"{TITLES[number % len(TITLES)]} ({number})",
        date=START + timedelta(days=number % 28),
        kicker="On the quay" if number % 3 == 0 else "",
        credit="© Ana Lúcia / Harbour" if number % 2 == 0 else "",
        link=f"https://www.harbour.example/news/{number}",
        image=f"https://www.harbour.example/photos/{number}.jpg" if number % 2 == 0 else "",
        image_alt=f"Two dockers in a tank, on photo {number}" if number % 2 == 0 else "",
        summary=SUMMARY,
    )


def selection(count: int) -> Selection:
    """The edition of February with so many stories, in one group."""
    edition = Edition(period=parse("2022-02", ZONE), audience=AUDIENCE.name, language="en")
    chosen = tuple(story(number) for number in range(count))
    return Selection(edition=edition, groups=(Group(key="", stories=chosen),))


def source(number: int) -> str:
    """The same story as a file."""
    one = story(number)
    photo = f"image: {one.image}\nimage_alt: {one.image_alt}\n" if one.image else ""
    return (
        f"---\ntitle: {one.title}\ndate: {one.date:%Y-%m-%d}\nkicker: {one.kicker}\ncredit: {one.credit}\n"
        f"link: {one.link}\n{photo}topics: [skills]\nchannels: [all-content]\n---\n{one.summary}\n"
    )


CONFIG = """\
newsroom:
  name: Harbour Newsroom
  contact: press@harbour.example
  from: digest@harbour.example
  url: https://www.harbour.example/newsroom
  timezone: Europe/Zurich
  postal_address: Quay 4, CH-1200 Geneva
audiences:
  everyone: {title: All harbour news, recipients: {csv: readers.csv}}
smtp: {host: 127.0.0.1, port: 2525, tls: none}
"""
