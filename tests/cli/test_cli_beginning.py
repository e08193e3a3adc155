"""Beginning: a newsroom of one's own, empty or from a feed, in a language, with a relay; and its first story."""

from __future__ import annotations

import functools
import http.server
import json
import os
import shutil
import sys
import threading

import pytest

from digest.smtp.providers import PROVIDERS
from digest.yamlfile import parse

FEED = """<?xml version="1.0"?><rss version="2.0"><channel><title>Harbour</title><link>https://harbour.example/</link>
<item><title>Harbour reopens</title><link>https://harbour.example/1</link><guid>https://harbour.example/1</guid>
<pubDate>Mon, 14 Feb 2022 09:00:00 +0100</pubDate><description>After the repairs.</description></item>
</channel></rss>"""


def entered(newsroom, folder):
    return type(newsroom)(newsroom.root / folder, newsroom.capsys, newsroom.monkeypatch)


def test_what_is_to_be_pasted_is_in_quotes(newsroom):
    """A folder with blanks in its name is one folder to the shell, too."""
    assert "Next: cd 'My News' && digest build" in newsroom("init", "My News", now=None).out


def test_an_empty_newsroom_holds_nothing_of_the_sample(newsroom):
    """--empty makes one audience, no story and no reader; it is sound, and its first story is built and planned."""
    done = newsroom("init", "mine", "--empty", "--name", "Harbour News", "--contact", "news@harbour.example", now=None)
    assert (done.code, done.err) == (0, "")
    assert 'Next: cd mine && digest new "Title"' in done.out
    mine = entered(newsroom, "mine")
    assert not list(mine.root.glob("stories/**/*.md"))
    assert (mine.root / "recipients/everyone.csv").read_text() == "email,name,language\n"
    assert "ILO" not in (mine.root / "config.yaml").read_text()
    assert mine("config").code == 0
    assert mine("build", "--month", "2022-02").code == 3
    mine("new", "Harbour reopens", "--date", "2022-02-14")
    (story,) = mine.root.glob("stories/*.md")
    mine.edit(f"stories/{story.name}", "status: draft\n", "")
    assert mine("build", "--month", "2022-02").code == 0


def test_a_story_begins_as_a_draft_that_nobody_is_sent(newsroom):
    """`new` writes a file named after day and title, which stays out of every edition until it is no draft."""
    done = newsroom("new", "Harbour reopens: a first ship", "--kicker", "Ports", "--topics", "skills, ports")
    path = "stories/2022-03-01-harbour-reopens-a-first-ship.md"
    assert done.out.startswith(f"{path}: write its summary")
    data = parse((newsroom.root / path).read_text().split("---")[1], "").data
    assert data == {
        "title": "Harbour reopens: a first ship", "date": "2022-03-01", "kicker": "Ports",
        "topics": ["skills", "ports"], "status": "draft",
    }  # fmt: skip
    assert "draft" in newsroom("stories", "--month", "2022-03", "-a", "everyone", "--explain").out
    assert newsroom("new", "Harbour reopens: a first ship").out.startswith(path.replace(".md", "-2.md"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["", "--date", "2022-02-14"], "title"),
        (["A", "--date", "2022-02-31"], "date"),
        (["A", "--language", "english!"], "language"),
    ],
)
def test_a_story_with_a_mistake_is_not_begun(newsroom, arguments, said):
    """What no story may say is one line with its key, and no file."""
    before = set(newsroom.root.glob("stories/*"))
    done = newsroom("new", *arguments)
    assert (done.code, len(done.lines)) == (2, 1)
    assert f"the new story: {said}: " in done.err
    assert set(newsroom.root.glob("stories/*")) == before


@pytest.mark.parametrize("name", PROVIDERS)
def test_a_provider_is_written_into_the_config(newsroom, name):
    """--provider writes the relay's settings, which config.yaml takes, and says what is to be filled in."""
    done = newsroom("init", "mine", "--provider", name, now=None)
    assert PROVIDERS[name].fill_in in done.out
    mine = entered(newsroom, "mine")
    shown = mine("config", "--print").out
    assert f"smtp.host  {PROVIDERS[name].host}" in " ".join(shown.split()).replace("smtp.host ", "smtp.host  ")
    assert "localhost" not in (mine.root / "config.yaml").read_text()


def test_microsoft_wants_a_token_and_no_password(newsroom):
    """Where passwords are no longer taken, the config has a command for tokens, and the limits that there are."""
    done = newsroom("init", "mine", "--provider", "microsoft365", now=None)
    config = (newsroom.root / "mine/config.yaml").read_text().partition("\nsmtp:\n")[2].partition("\n\n")[0]
    assert all(line in config for line in ("  token_command: ", "  connections: 3\n", "  rate: 30/min\n"))
    assert "password" not in config
    assert "$DIGEST_SMTP_PASSWORD" not in done.out


@pytest.mark.parametrize("contact", ["a b@example.org", "nobody", "Ana <ana@example.org>"])
def test_a_contact_that_is_no_address_begins_nothing(newsroom, contact):
    """It would be a newsroom that no other verb opens."""
    done = newsroom("init", "fresh", "--contact", contact)
    assert (done.code, len(done.lines)) == (2, 1)
    assert f"--contact {contact!r} is not a mail address: " in done.err
    assert not (newsroom.root / "fresh").exists()


def test_language_and_slips_of_the_finger(newsroom):
    """--language is the newsroom's; what is no language and no provider is one line, and nothing is written."""
    newsroom("init", "mine", "--empty", "--language", "fr", now=None)
    assert "language: 'fr'" in (newsroom.root / "mine/config.yaml").read_text()
    for arguments, said in ((("--language", "français!"), "like en, fr"), (("--provider", "googel"), "mean 'google'")):
        done = newsroom("init", "other", *arguments, now=None)
        assert (done.code, len(done.lines), said in done.err) == (2, 1, True)
        assert not (newsroom.root / "other").exists()


def test_a_feed_that_cannot_be_had_leaves_a_sound_newsroom(newsroom):
    """--from-feed writes the feed as a source; when it cannot be read that is told, and `digest import` tries again."""
    done = newsroom("init", "mine", "--from-feed", "https://127.0.0.1:9/feed", now=None)
    assert done.code == 6
    assert "digest import" in done.err
    assert "Next: cd mine && digest import" in done.out
    assert "To fill in before readers are mailed:\n  mine/config.yaml:5: newsroom.name" in done.out
    told = json.loads(newsroom("init", "other", "--from-feed", "https://127.0.0.1:9/feed", "--json", now=None).out)
    assert "other/config.yaml:7: newsroom.from" in [blank["where"] for blank in told["fill_in"]]
    mine = entered(newsroom, "mine")
    assert mine("config").code == 0
    assert "url: 'https://127.0.0.1:9/feed'" in (mine.root / "config.yaml").read_text()


def test_a_feed_in_a_file_is_read_from_where_it_lies(newsroom):
    """--from-feed takes a file, too: config.yaml names it as seen from its own folder, and it can be read again."""
    newsroom.write("www/feed.xml", FEED)
    assert newsroom("init", "rooms/mine", "--from-feed", "www/feed.xml", now=None).code == 0
    mine = entered(newsroom, "rooms/mine")
    assert len(list(mine.root.glob("stories/*harbour-reopens.md"))) == 1
    assert "url: '../../www/feed.xml'" in (mine.root / "config.yaml").read_text()
    assert mine("import").code == 0
    done = newsroom("init", "other", "--from-feed", "www/fed.xml", now=None)
    assert (done.code, len(done.lines)) == (2, 1)
    assert "'www/fed.xml' is neither a web address" in done.err
    assert not (newsroom.root / "other").exists()


def test_a_feeds_stories_are_there_at_once(newsroom, monkeypatch):
    """--from-feed reads the feed into the new newsroom, from a server that the test lets through."""
    newsroom.write("www/feed", FEED)
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(newsroom.root / "www"))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("DIGEST_IMPORT__ALLOW_PRIVATE", "true")
    try:
        done = newsroom("init", "mine", "--from-feed", f"http://127.0.0.1:{server.server_port}/feed", now=None)
    finally:
        server.shutdown()
        server.server_close()
    assert done.code == 0, done.err
    assert len(list((newsroom.root / "mine/stories").glob("*harbour-reopens.md"))) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="names are text there")
def test_a_folder_whose_name_is_no_text(newsroom, tmp_path_factory):
    """A name in Latin-1, as an old disk has it, is a newsroom's folder like another."""
    there = tmp_path_factory.mktemp("old") / os.fsdecode("Café".encode("latin-1"))
    shutil.copytree(newsroom.root, there)
    newsroom.root = there
    month = ("--month", "2022-02", "--audience", "everyone")
    for arguments in (
        ("build", *month),
        ("send", *month, "--live", "--yes", "--eml", "out"),
        ("status",),
    ):
        done = newsroom(*arguments)
        assert done.code == 0, (arguments, done.err)
    watched = newsroom("preview", "--no-open", "--port", "0")
    assert (watched.code, len(watched.lines), "not UTF-8; rename it" in watched.err) == (2, 1, True)
