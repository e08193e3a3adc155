"""The digest as we ship it has no errors and no false alarms: real stories, both themes, and hard cases."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import pytest
from check_subjects import AUDIENCE, JPEG, NEWSROOM, ZONE, subject
from msgspec import structs

import digest
from digest.checks.document import read
from digest.checks.registry import run
from digest.composer.compose import compose
from digest.composer.options import ThemeOptions
from digest.composer.theme import load_theme
from digest.model import Edition, Overrides, Severity, Story
from digest.newsroom import paths
from digest.period import parse
from digest.selection.selector import select
from digest.stories.folder import FolderSource

ROOT = Path(digest.__file__).parent.parent.parent
NOW = dt.datetime(2022, 3, 1, 9, tzinfo=ZONE)
# What the real listings are rightly told: these pages are served without encryption, the subject names the lead story
# in full, and every mail is plainer somewhere.
EXPECTED = {"link-http", "client-degrades", "subject-long"}


@pytest.fixture(scope="module", params=["default", "quiet"])
def themed(request):
    options = ThemeOptions(name=request.param)
    return options, load_theme([ROOT / "templates"], options)


@pytest.fixture(scope="module")
def stories():
    source = FolderSource(ROOT / "stories", zone=ZONE, language="en", index=None)
    return source.stories()


def examined(themed, stories, month="2022-02", language="en", audience=AUDIENCE, **changes):
    options, theme = themed
    edition = Edition(period=parse(month, ZONE), audience=audience.name, language=language)
    chosen = select(stories, edition=edition, audience=audience, now=NOW, overrides=Overrides())
    made = compose(
        chosen,
        theme=theme,
        newsroom=changes.get("newsroom", NEWSROOM),
        audience=audience,
        options=options,
        now=NOW,
        archive_url="https://news.ilo.org/archive",
        read_image=lambda path: paths.inside(ROOT, path),
    )
    changes = {"read_file": _held, "carried": True} | changes
    return subject(selection=chosen, rendering=made, audience=audience, **changes), made


def _held(path: str) -> bytes | None:
    try:
        return paths.inside(ROOT, path)
    except OSError:
        return None


def loud(found):
    return {(f.code, f.where, f.message) for f in found if f.severity is not Severity.INFO and f.code not in EXPECTED}


@pytest.mark.parametrize("month", ["2022-02", "2021"])
def test_the_newsrooms_own_stories_make_a_sound_digest(themed, stories, month):
    """Five stories of a month and thirteen of a year: nothing that a person should mend but what is truly so."""
    made, rendering = examined(themed, stories, month, audience=structs.replace(AUDIENCE, group_by="month"))
    assert loud(run(made, composed=rendering.findings)) == set()


def test_our_own_html_is_well_formed(themed, stories):
    """What the themes write needs no browser's repairs."""
    _, rendering = examined(themed, stories, "2021")
    assert read(rendering.html).errors == ()


@pytest.mark.parametrize("language", ["fr", "es", "ar"])
def test_other_languages_are_sound_too(themed, language):
    """Translated words, mirrored direction and foreign headlines trip nothing."""
    titles = {"fr": "Renforcer la formation en ligne", "es": "Más formación digital", "ar": "تعزيز التدريب الرقمي"}
    told = [_story(n, title=f"{titles[language]} {n}", language=language) for n in range(1, 6)]
    audience = structs.replace(AUDIENCE, languages=(language,))
    made, rendering = examined(themed, told, language=language, audience=audience)
    assert loud(run(made, composed=rendering.findings)) == set()


def test_forty_stories_with_photos_are_sound(themed):
    """Contents, photos with credits and a long tail give no finding but about the size."""
    told = [
        _story(n, image=f"https://www.ilo.org/photo-{n}.jpg", image_alt=f"Worker {n} at a loom", credit=f"© Person {n}")
        for n in range(1, 41)
    ]
    made, rendering = examined(themed, told, audience=structs.replace(AUDIENCE, group_by="kicker"))
    assert {code for code, _, _ in loud(run(made, composed=rendering.findings))} <= {"size-cut", "html-near-clip"}


def test_hostile_stories_cannot_make_the_html_unsound(themed):
    """Markup, styles and templates in a story reach neither the structure nor a script, and are told at the story."""
    told = [
        _story(1, title="</td></table><script>alert(1)</script>", summary="<div style='position:fixed'><b>x"),
        _story(2, title="{{ config }} {% raw %}", summary="[x](javascript:alert(1)) <img src=x onerror=y>"),
        _story(3, title="]]></mj-text><!--[if mso]>", kicker="<style>@import url(http://e.example/x)</style>"),
    ]
    made, rendering = examined(themed, told)
    found = {(f.code, f.where.partition(":")[0]) for f in run(made, composed=rendering.findings)}
    assert not {code for code, where in found if where == "html"} - {"client-degrades"}
    assert ("link-unsafe", told[1].file) in found


def test_a_local_photo_is_checked_by_its_bytes(themed):
    """A photo that the newsroom holds is read through the hand that was given."""
    told = [_story(1, image="photos/ada.jpg", image_alt="Ada at her loom", credit="© Ada 2022"), _story(2)]
    made, _ = examined(themed, told, read_file={"photos/ada.jpg": JPEG[:2]}.get)
    assert "image-broken" in {finding.code for finding in run(made)}


def _story(number: int, **changes) -> Story:
    sound = Story(
        id=f"2022-02-{number:02}",
        file=f"stories/2022-02-{number:02}.md",
        title=f"Number {number} of many headlines that a newsroom writes",
        date=dt.datetime(2022, 2, 1 + number % 27, tzinfo=ZONE),
        kicker="Skills stories" if number % 2 else "Better Work programme",
        link=f"https://www.ilo.org/story/{number}",
        summary="Home-based women workers learn **financial literacy**, and perhaps most importantly, self-advocacy.",
        language="en",
    )
    return replace(sound, **changes)


def test_findings_name_the_newsroom_where_it_is_wrong(themed, stories):
    """A newsroom that sends from a look-alike name is told, whatever the edition."""
    made, _ = examined(themed, stories, newsroom=structs.replace(NEWSROOM, sender_name="ceo@bank.com"))
    assert "from-spoof" in {finding.code for finding in run(made)}
