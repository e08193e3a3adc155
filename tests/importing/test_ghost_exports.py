"""What Ghost exports becomes stories: posts as they are, drafts as drafts, and nothing from behind a wall."""

from __future__ import annotations

import json
from zoneinfo import ZoneInfo

import pytest
from newsdesk import Desk

from digest.errors import ImportFailed
from digest.importing import formats
from digest.importing.source import Source

ZURICH = ZoneInfo("Europe/Zurich")
SITE = "https://news.example.org"
POSTS = [
    {
        "id": "1",
        "uuid": "6a7f0c9e-0000-4000-8000-000000000001",
        "title": "Wells & <schools>",
        "slug": "wells",
        "html": '<p>Three villages have <strong>water</strong>.</p><img src="__GHOST_URL__/content/images/b.jpg">',
        "custom_excerpt": "Water again.\n\nAfter two years.",
        "feature_image": "__GHOST_URL__/content/images/a.jpg",
        "status": "published",
        "type": "post",
        "visibility": "public",
        "published_at": "2022-02-14T08:30:00.000Z",
    },
    {
        "id": "2",
        "uuid": "6a7f0c9e-0000-4000-8000-000000000002",
        "title": "For members",
        "slug": "members",
        "html": "<p>Free words.</p><!--members-only--><p>Secret words.</p>",
        "status": "published",
        "type": "post",
        "visibility": "paid",
        "published_at": "2022-02-15T08:30:00.000Z",
    },
    {
        "id": "3",
        "title": "All for members",
        "slug": "all-members",
        "html": "<p>Secret words.</p>",
        "plaintext": "Secret words.",
        "status": "sent",
        "uuid": "6a7f0c9e-0000-4000-8000-000000000003",
        "type": "post",
        "visibility": "members",
        "published_at": "2022-02-16T08:30:00.000Z",
    },
    {
        "id": "4",
        "title": "Begun",
        "slug": "begun",
        "html": '<p>Words.</p><a href="__GHOST_URL__/wells/">there</a>',
        "status": "draft",
        "type": "post",
        "published_at": None,
        "created_at": "2022-02-17T08:30:00.000Z",
        "canonical_url": "https://elsewhere.example.com/begun",
    },
    {"id": "5", "title": "About", "slug": "about", "html": "<p>Us</p>", "status": "published", "type": "page"},
]
TABLES = {
    "posts": POSTS,
    "posts_meta": [
        {
            "post_id": "1",
            "feature_image_alt": "A well",
            "feature_image_caption": "<span>Photo: R. Okello</span>",
        }
    ],
    "tags": [
        {"id": "t1", "name": "Water & health", "visibility": "public"},
        {"id": "t2", "name": "#hidden", "visibility": "internal"},
        {"id": "t3", "name": "Schools"},
    ],
    "posts_tags": [
        {"post_id": "1", "tag_id": "t3", "sort_order": 1},
        {"post_id": "1", "tag_id": "t1", "sort_order": 0},
        {"post_id": "1", "tag_id": "t2", "sort_order": 2},
    ],
    "settings": [{"key": "title", "value": "Village News"}, {"key": "locale", "value": "fr"}],
}
EXPORT = {"db": [{"meta": {"exported_on": 1_645_000_000_000, "version": "5.80.0"}, "data": TABLES}]}


def read(data=EXPORT, base=SITE + "/"):
    text = data if isinstance(data, bytes) else json.dumps(data).encode()
    source = Source(name="ghost.json", data=text, base=base, zone=ZURICH, language="en")
    assert formats.detect(source) == "ghost"
    return formats.read(source)


def test_posts_become_stories():
    """Title, day, excerpt, public tags in order, feature picture with its words and credit, link, uuid and language."""
    listing = read()
    story = listing.items[0]
    assert listing.title == "Village News"
    assert (story.title, story.link) == ("Wells & <schools>", f"{SITE}/wells/")
    assert story.date.isoformat() == "2022-02-14T09:30:00+01:00"
    assert story.summary == "Water again.\n\nAfter two years."
    assert (story.topics, story.language) == (("water-health", "schools"), "fr")
    assert (story.image, story.image_alt) == (f"{SITE}/content/images/a.jpg", "A well")
    assert (story.credit, story.guid) == ("Photo: R. Okello", "6a7f0c9e-0000-4000-8000-000000000001")
    assert not listing.faults
    assert listing.notes == ("ghost.json: 1 of kind 'page' are no posts; not read",)


def test_nothing_comes_from_behind_a_wall():
    """Of posts for members or for who pays: what stands before the wall, and where there is no wall, no words."""
    _, paid, members, _ = read().items
    assert paid.summary == "Free words."
    assert (members.summary, members.link) == ("", f"{SITE}/email/6a7f0c9e-0000-4000-8000-000000000003/")
    assert "Secret" not in repr(read())


def test_drafts_stay_drafts():
    """What waits is for nobody yet; it is dated by the day it was begun, and its canonical address is its link."""
    story = read().items[3]
    assert (story.status, story.link) == ("draft", "https://elsewhere.example.com/begun")
    assert story.date.isoformat() == "2022-02-17T09:30:00+01:00"
    assert story.summary.endswith(f"[there]({SITE}/wells/)")


def test_without_the_sites_address_there_are_no_links_and_it_is_said():
    """An export does not say where its site is; nothing is guessed."""
    listing = read(base="")
    assert [item.link for item in listing.items[:3]] == ["", "", ""]
    assert listing.items[0].image == ""
    assert "does not say its site's address, so its posts have no links; --base https://… gives it" in listing.notes[1]


def test_the_oldest_exports_are_read_too():
    """`meta` and `data` at the top, pages by a number, times in milliseconds."""
    post = {"id": 1, "title": "Old", "slug": "old", "html": "<p>Words.</p>", "page": 0, "status": "published"}
    posts = [{**post, "published_at": 1_644_827_400_000}, {**post, "page": 1}]
    listing = read({"meta": {"exported_on": 1, "version": "003"}, "data": {"posts": posts}})
    (story,) = listing.items
    assert (story.title, story.date.isoformat()) == ("Old", "2022-02-14T09:30:00+01:00")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b'{"db": [', "is not JSON"),
        (b'{"db": []}', "no Ghost export"),
        (b'{"db": [1]}', "no Ghost export"),
        (b'{"db": [{"data": {"posts": {}}}]}', "no Ghost export"),
    ],
)
def test_what_is_no_export_is_refused(data, reason):
    """In one line with its reason."""
    with pytest.raises(ImportFailed, match=reason):
        read(data)


@pytest.mark.parametrize("odd", [None, [], "x", {"id": [], "title": 7, "html": {}, "published_at": 10**30}])
def test_odd_rows_stop_no_other(odd):
    """A row of another shape is passed over or named; the others go on, whatever the tables hold."""
    tables = {**TABLES, "posts": [odd, *POSTS], "tags": odd, "posts_meta": [odd], "settings": [odd]}
    assert [item.title for item in read({"db": [{"data": tables}]}).items][-1] == "Begun"


def test_an_export_is_imported_once(tmp_path, monkeypatch):
    """Through the program: four stories with the address that was said, and a second run changes nothing."""
    desk = Desk(tmp_path, monkeypatch)
    desk.write("ghost.json", json.dumps(EXPORT).encode())
    first = desk("import", "ghost.json", "--base", SITE)
    assert (first.code, first.out.splitlines()[-1]) == (0, "4 new, 0 changed, 0 unchanged")
    assert {story.link for story in desk.stories()} >= {f"{SITE}/wells/", f"{SITE}/members/"}
    assert desk("import", "ghost.json", "--base", SITE).out.splitlines()[-1] == "0 new, 0 changed, 4 unchanged"
    assert desk("import", "ghost.json", "--base", "news").code == 2
