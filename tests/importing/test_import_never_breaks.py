"""Whatever a source holds, the newsroom works afterwards: no traceback, no file that the next command cannot read."""

from __future__ import annotations

import contextlib
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from newsdesk import CASES
from test_import_cases import rss, sheet

from digest.errors import DigestError, ImportFailed
from digest.importing import formats, importer, provenance
from digest.importing import plan as planning
from digest.importing.source import Source
from digest.stories.folder import FolderSource

ZURICH = ZoneInfo("Europe/Zurich")
DATA = Path(__file__).parent / "data"
SEEDS = [
    *(path.read_bytes() for path in sorted([*CASES.iterdir(), *DATA.iterdir()]) if path.is_file()),
    rss(("A & B", "<description>&lt;p&gt;Words&lt;/p&gt;</description>")).encode("utf-16"),
    b'{"version": "https://jsonfeed.org/version/1.1", "items": [{"title": "A", "date_published": "2022-02-14"}]}',
    sheet(["title", "date", "link"], ["A", "2022-02-14", "https://e.org/1"]),
]
# Bytes that mean something somewhere.
TOKENS = [
    *(
        b"\x00",
        b"\xff",
        b"\x85",
        b"\xe2\x80\xa8",
        b"\xe2\x80\xae",
        b"\xef\xbb\xbf",
        b"\xed\xa0\x80",
        b"\xf0\x9f\x9a\x80",
    ),
    *(b"<", b">", b"&", b"]]>", b"<![CDATA[", b"<!--", b"<!ENTITY a 'b'>", b"&#0;", b"&#xD800;", b"&#8238;", b"&lrm;"),
    *(b"---\n", b"\n", b"\r", b"\t", b": ", b" #", b"'", b'"', b"{{", b"../", b"javascript:", b"0000-00-00", b"9" * 40),
]
MUTATION = st.tuples(
    st.integers(0, 10**6), st.integers(0, 40), st.one_of(st.sampled_from(TOKENS), st.binary(max_size=12))
)


def mutated(data, changes):
    for place, length, piece in changes:
        place %= len(data) + 1  # noqa: PLW2901
        data = data[:place] + piece + data[place + length :]
    return data


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(range(len(SEEDS))), st.lists(MUTATION, max_size=8), st.booleans())
def test_no_source_leaves_a_newsroom_that_fails(tmp_path_factory, seed, changes, again):
    """Sources of every format with bytes changed at random: refused in one line, or stories that can all be read."""
    folder = tmp_path_factory.mktemp("stories")
    for data in (SEEDS[seed], mutated(SEEDS[seed], changes)) if again else (mutated(SEEDS[seed], changes),):
        with contextlib.suppress(ImportFailed):
            take(folder, data)
    found = FolderSource(folder, zone=ZURICH, language="en")
    stories = found.stories()  # raises StoryError for a file that cannot be read
    assert all(story.title.strip() for story in stories)
    provenance.load(folder)


def take(folder, data):
    """Read, plan and write, as `digest import` does."""
    listing = formats.read(Source(name="source", data=data, zone=ZURICH, language="en"))
    existing = FolderSource(folder, zone=ZURICH, language="en").stories()
    plan = planning.plan([listing], existing, lambda story: importer.text_of(folder, story), provenance.load(folder))
    importer.insist(plan, force=True)
    importer.apply(plan, folder)


@pytest.mark.parametrize("kind", sorted(formats.FORMATS))
def test_a_format_that_is_said_wrongly_is_refused_or_read(kind):
    """Whatever the bytes are: never with another error than ours."""
    for data in SEEDS:
        with contextlib.suppress(DigestError):
            formats.read(Source(name="source", data=data, zone=ZURICH, language="en"), kind)
