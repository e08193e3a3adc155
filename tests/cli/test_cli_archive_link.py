"""The link to an edition's page: its own address, in both parts of the mail, and only where there will be a page."""

from __future__ import annotations

import json
import os
import pty
import sys

import pytest
import yaml

pytestmark = pytest.mark.archived

ADDRESS = "https://news.example.org/2022-02/everyone/en/"
FEBRUARY = ("--month", "2022-02", "--audience", "everyone")
BUILT = "build/2022-02/everyone/en"


def test_the_link_is_the_editions_own_address_in_both_parts(newsroom):
    """It is known before anything is sent, the same for all readers, and leads to no page of all editions."""
    assert newsroom("build", *FEBRUARY).code == 0
    assert f'href="{ADDRESS}"' in (newsroom.root / BUILT / "index.html").read_text()
    assert f"View in browser: {ADDRESS}\n" in (newsroom.root / BUILT / "digest.txt").read_text()


def test_an_old_newsroom_goes_on_without_the_link_and_is_told(newsroom):
    """Where nobody ever said whether anything is published, the mail has no dead link; build, plan and run say so."""
    newsroom.edit("config.yaml", "    archive: public", "    # archive: public")
    newsroom.edit("config.yaml", "\nsmtp:", "\nschedule: [{period: month, audiences: [everyone]}]\nsmtp:")
    said = "archive.url is set, and nothing of this audience is published, so the mail goes without the link"
    built = newsroom("build", *FEBRUARY)
    assert built.code == 0
    assert "archive-unpublished" in built.out
    assert said in built.out
    assert "news.example.org" not in (newsroom.root / BUILT / "index.html").read_text()
    assert said in newsroom("send", *FEBRUARY).err


def test_run_says_so_too_when_nobody_is_there_to_type(newsroom, sink):
    """What a schedule sends goes without the link, and the newsroom can read why, with the edition's name."""
    newsroom.edit("config.yaml", "    archive: public", "    # archive: public")
    newsroom.edit(
        "config.yaml",
        "\nsmtp:",
        "\nschedule: [{period: month, on: day 1, at: '09:00', audiences: [everyone]}]\nsmtp:",
    )
    newsroom("run", now="2022-02-20T09:00")
    done = newsroom("run", now="2022-03-01T09:30")
    said = "2022-02/everyone/en: archive.url is set, and nothing of this audience is published"
    assert done.err.count(said) == 1, done.err
    assert sink.mails
    assert not (newsroom.root / "public").exists()


def test_an_audience_that_is_not_published_is_no_news(newsroom):
    """`archive: none` was said: no warning, and no link."""
    newsroom.edit("config.yaml", "    archive: public", "    archive: none")
    built = newsroom("build", *FEBRUARY)
    assert "archive" not in built.out
    assert "news.example.org" not in (newsroom.root / BUILT / "digest.txt").read_text()


def test_a_published_audience_needs_an_address(newsroom):
    """Pages, feeds and mails name it in full, so a mistake is told with its line before anything is made."""
    newsroom.edit("config.yaml", "archive:\n  url: https://news.example.org", "archive:\n  index: true")
    done = newsroom("build", *FEBRUARY)
    assert done.code == 2
    assert "audiences.everyone.archive: needs the address at which public/ will be served" in done.err


def test_what_is_sent_is_kept_for_its_page_without_any_reader(newsroom):
    """Stories as they were, order, titles and an id that never changes; no reader's name, address or slot."""
    assert newsroom("send", *FEBRUARY, "--live", "--yes", "--eml", "outbox").code == 0
    home = newsroom.root / "archive/2022-02/everyone/en"
    kept = json.loads((home / "edition.json").read_text())
    assert kept["id"] == "tag:example.org,2022:digest/2022-02/everyone/en"
    assert kept["subject"] == "All ILO Newsroom content: February 2022"
    assert [len(group["stories"]) for group in kept["groups"]] == [5]
    assert "@" not in (home / "edition.json").read_text()
    assert "slot-" not in (home / "edition.json").read_text()


def test_a_subject_with_a_readers_name_is_not_kept(newsroom):
    """What differs per reader has no place on a page for all."""
    newsroom.edit("config.yaml", "\nsmtp:", "\nmail: {subject: 'For {{ reader.name }}: news'}\nsmtp:")
    assert newsroom("send", *FEBRUARY, "--live", "--yes", "--eml", "outbox").code == 0
    kept = json.loads((newsroom.root / "archive/2022-02/everyone/en/edition.json").read_text())
    assert kept["subject"] == ""


def test_init_publishes_where_it_is_told_to_and_else_leaves_comments(newsroom):
    """A script is asked nothing: what could be published stands there as comments; an address switches it on."""
    assert newsroom("init", "quiet", now=None).code == 0
    config = yaml.safe_load((newsroom.root / "quiet/config.yaml").read_text())
    assert "archive" not in config
    assert "archive" not in config["audiences"]["everyone"]
    assert "# archive: public" in (newsroom.root / "quiet/config.yaml").read_text()
    assert newsroom("init", "loud", "--archive", "https://issues.harbour.example/", now=None).code == 0
    config = yaml.safe_load((newsroom.root / "loud/config.yaml").read_text())
    assert config["archive"]["url"] == "https://issues.harbour.example/"
    assert config["audiences"]["impact"]["archive"] == "public"
    assert newsroom("init", "wrong", "--archive", "issues.harbour.example", now=None).code == 2
    assert not (newsroom.root / "wrong").exists()
    assert "public/" in (newsroom.root / "loud/.gitignore").read_text().split()


def typed(newsroom, folder: str, answer: str) -> str:
    """`digest init FOLDER` on a terminal, where a person types the answer to what it asks; gives what they saw."""
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(newsroom.root)
        os.execv(sys.executable, [sys.executable, "-c", "from digest.cli import main; main()", "init", folder])
    shown, answered = b"", False
    while True:
        try:
            data = os.read(terminal, 65536)
        except OSError:  # the other side is closed
            break
        if not data:
            break
        shown += data
        if not answered and b"read on the web" in shown:
            answered = True
            os.write(terminal, answer.encode() + b"\n")
    os.close(terminal)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0, shown.decode()
    return shown.decode()


def test_init_asks_a_person_where_past_editions_will_be_read(newsroom):
    """On a terminal: an address switches the archive on, and no answer leaves what could be published as comments."""
    assert "Where will past editions be read on the web" in typed(
        newsroom, "answered", "https://issues.harbour.example"
    )
    config = yaml.safe_load((newsroom.root / "answered/config.yaml").read_text())
    assert config["archive"]["url"] == "https://issues.harbour.example"
    assert config["audiences"]["everyone"]["archive"] == "public"
    assert "Where will past editions be read on the web" in typed(newsroom, "silent", "")
    text = (newsroom.root / "silent/config.yaml").read_text()
    assert "archive" not in yaml.safe_load(text)
    assert "# archive: public" in text
    assert "# archive:\n#   url:" in text
