"""A sound edition to examine, and small changes that make it unsound: what the tests of the checks are made of."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from zoneinfo import ZoneInfo

from digest.checks.context import CheckContext
from digest.checks.registry import run
from digest.model import Audience, Edition, Group, NewsroomProfile, PastEdition, Rendering, Selection, Story
from digest.period import parse

ZONE = ZoneInfo("Europe/Zurich")
NONCE = "0f3a"
UNSUBSCRIBE = f"slot-{NONCE}-unsubscribe-url-tols"
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF" + b"\0" * 200
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 200

NEWSROOM = NewsroomProfile(
    name="ILO Newsroom",
    contact="newsroom@ilo.org",
    sender="digest@ilo.org",
    timezone=ZONE,
    url="https://www.ilo.org/newsroom",
)
AUDIENCE = Audience(name="everyone", title="All content")
EDITION = Edition(period=parse("2022-02", ZONE), audience="everyone", language="en")


def story(number: int = 1, **changes) -> Story:
    titles = {1: "Helping women workers manage barriers in Pakistan", 2: "Strengthening digital training in Ukraine"}
    sound = Story(
        id=f"2022-02-1{number}-story",
        file=f"stories/2022-02-1{number}-story.md",
        title=titles.get(number, f"A headline like no other, number {number}"),
        date=dt.datetime(2022, 2, 10 + number, tzinfo=ZONE),
        kicker="Skills stories",
        link=f"https://www.ilo.org/story/{number}",
        summary="Home-based women workers learn financial literacy.",
    )
    return replace(sound, **changes)


def pictured(**changes) -> Story:
    picture = {"image": "photos/ada.jpg", "image_alt": "Ada at her loom", "credit": "© Ada Lovelace 2022"}
    return story(**{**picture, **changes})


def html(stories=(), **changes) -> str:
    """A small mail that is right in every way. `changes` replace parts by name."""
    parts = {
        "doctype": "<!doctype html>",
        "html": '<html lang="en" dir="ltr">',
        "style": "a { color: #1e2dbe; } @media (prefers-color-scheme: dark)"
        " { .page { background-color: #101218 !important; color: #f2f3f7 !important; }"
        " .page a { color: #9db0ff !important; } }",
        "title": "ILO Newsroom: February 2022",
        "before": "",
        "h1": "<h1>February 2022</h1>",
        "stories": "".join(
            f'<h2><a href="{one.link}">{one.title}</a></h2><p>{one.summary}</p>'
            if one.link
            else f"<h2>{one.title}</h2>"
            for one in stories
        ),
        "after": "",
        "footer": f'<p><a href="{UNSUBSCRIBE}">Unsubscribe</a></p>',
    } | changes
    return (
        f"{parts['doctype']}\n{parts['html']}\n<head><title>{parts['title']}</title>\n"
        f'<meta name="color-scheme" content="light dark">\n<style>{parts["style"]}</style></head>\n'
        '<body>\n<div class="page" style="background-color:#ffffff;color:#14161c">\n'
        f"{parts['before']}{parts['h1']}\n{parts['stories']}\n{parts['after']}{parts['footer']}</div>\n</body></html>\n"
    )


def text(stories=()) -> str:
    lines = ["FEBRUARY 2022", ""]
    for one in stories:
        lines += [one.title, one.link, ""]
    return "\n".join([*lines, f"Unsubscribe: {UNSUBSCRIBE}", ""])


def rendering(stories=(), **changes) -> Rendering:
    parts = {"html": html(stories), "text": text(stories)} | changes
    return Rendering(
        edition=parts.pop("edition", EDITION),
        subject=parts.pop("subject", "ILO Newsroom: women workers in Pakistan"),
        preheader=parts.pop("preheader", "And digital training in Ukraine."),
        nonce=NONCE,
        **parts,
    )


MAIL = (
    b"From: ILO Newsroom <digest@ilo.org>\r\n"
    b"Reply-To: newsroom@ilo.org\r\n"
    b"To: reader@example.net\r\n"
    b"Subject: ILO Newsroom: women workers in Pakistan\r\n"
    b"Date: Tue, 01 Mar 2022 09:00:00 +0100\r\n"
    b"Message-ID: <2022-02.abc@ilo.org>\r\n"
    b"List-Id: All content <everyone.ilo.org>\r\n"
    b"List-Unsubscribe: <https://news.ilo.org/u/abc>, <mailto:newsroom@ilo.org>\r\n"
    b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
    b"MIME-Version: 1.0\r\n"
    b'Content-Type: multipart/alternative; boundary="=_b"\r\n'
    b"\r\n"
    b"--=_b\r\n"
    b"Content-Type: text/plain; charset=utf-8\r\n"
    b"Content-Transfer-Encoding: quoted-printable\r\n"
    b"\r\n"
    b"FEBRUARY 2022\r\n"
    b"\r\n"
    b"--=_b\r\n"
    b"Content-Type: text/html; charset=utf-8\r\n"
    b"Content-Transfer-Encoding: quoted-printable\r\n"
    b"\r\n"
    b"<p>February 2022</p>\r\n"
    b"\r\n"
    b"--=_b--\r\n"
)


def mailed(old: bytes, new: bytes) -> CheckContext:
    """The sound subject with its mail changed; `old` must be there."""
    assert old in MAIL
    return subject(mail=MAIL.replace(old, new))


def selection(stories, **changes) -> Selection:
    return Selection(edition=EDITION, groups=(Group(key="", stories=tuple(stories)),), **changes)


def files(**given: bytes):
    """A newsroom's folder: by default the one photo that `pictured` names."""
    held = {"photos/ada.jpg": JPEG} | given
    return held.get


def subject(*stories: Story, **changes) -> CheckContext:
    """An edition without fault, of these stories (two sound ones when none are given), with `changes`."""
    told = stories or (story(1), story(2))
    parts = {
        "newsroom": NEWSROOM,
        "audience": AUDIENCE,
        "selection": selection(told),
        "rendering": rendering(told),
        "mail": MAIL,
        "read_file": files(),
        "now": dt.datetime(2022, 3, 1, 9, tzinfo=ZONE),
    } | changes
    return CheckContext(**parts)


def with_html(**changes) -> CheckContext:
    told = (story(1), story(2))
    return subject(*told, rendering=rendering(told, html=html(told, **changes)))


def rendered(**changes) -> CheckContext:
    told = (story(1), story(2))
    return subject(*told, rendering=rendering(told, **changes))


def past(month: str, *ids: str, sent: bool = True, audience: str = "everyone") -> PastEdition:
    return PastEdition(
        edition=Edition(period=parse(month, ZONE), audience=audience, language="en"),
        included=frozenset(ids),
        candidates=frozenset(ids),
        sent=sent,
    )


def codes(examined: CheckContext, **options) -> set[str]:
    return {finding.code for finding in run(examined, **options)}
