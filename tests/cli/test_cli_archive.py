"""`digest archive`: what was sent, as a folder for any web server; corrections, withdrawals, nothing of any reader."""

from __future__ import annotations

import hashlib
import http.server
import io
import json
import os
import re
import shutil
import threading
import unicodedata
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from digest.editions.archive import PAGE
from digest.publishing import public_folder, sent_editions

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.archived

FEBRUARY = ("--month", "2022-02", "--audience", "everyone")
EDITION = "2022-02/everyone/en"
BETTER_WORK = "stories/2022-02-14-helping-women-workers-manage-cultural.md"
ATOM = "{http://www.w3.org/2005/Atom}"

BLOCKS = """\
blocks:
  - {kind: letter, text: Dear all, name: Ana Silva, role: Editor}
  - {kind: number, figure: 160 million, text: children work., source: ILO}
  - kind: events
    title: What comes
    events: [{date: 2022-03-08, title: Forum, place: Geneva}]
  - kind: links
    title: Read on
    links: [{title: Paper, link: "https://example.org/paper"}]
  - {kind: image, image: pictures/desk.jpg, alt: A desk, credit: digest}
  - {kind: notice, label: correction, text: It was six.}
  - {kind: sponsor, name: ACME, title: Buy, text: Things, link: "https://example.org/buy", link_text: To the shop}
"""


def send(newsroom, month: str = "2022-02", audience: str = "everyone"):
    year, number = map(int, month.split("-"))
    now = f"{year + number // 12}-{number % 12 + 1:02}-01T09:00"
    done = newsroom("send", "--month", month, "--audience", audience, "--live", "--yes", "--eml", "outbox", now=now)
    assert done.code == 0, done.err
    return done


def public(newsroom, path: str = "") -> Path:
    return newsroom.root / "public" / path


def page(newsroom, edition: str = EDITION) -> str:
    return public(newsroom, f"{edition}/index.html").read_text(encoding="utf-8")


def files(folder: Path) -> dict[str, bytes]:
    """What a web server would hand out: all but hidden files."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.startswith(".")
    }


def entries(newsroom, path: str = "everyone/en/feed.atom") -> list[ET.Element]:
    return ET.parse(public(newsroom, path)).getroot().findall(f"{ATOM}entry")


def add_line(newsroom, story: str, *lines: str) -> None:
    newsroom.edit(story, "\n---\n", "".join(f"\n{line}" for line in lines) + "\n---\n")


def photo(newsroom, name: str, *, width: int = 1600, colour: str = "teal") -> None:
    path = newsroom.root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (width, width * 2 // 3), colour).save(path, exif=_located())


def pictured(newsroom, alt: str) -> None:
    """The lead's drawing gives way to the photo."""
    newsroom.edit(BETTER_WORK, "image: stories/pictures/sewing.png", "image: images/port.jpg")
    file = newsroom.root / BETTER_WORK
    file.write_text(re.sub(r"(?m)^image_alt: .*", f"image_alt: {alt}", file.read_text()))


def _located() -> Image.Exif:
    """What a camera writes: who, and where."""
    exif = Image.Exif()
    exif[0x013B] = "Ann Photographer ann@camera.test"
    return exif


class TestWhatIsPublished:
    """Only what was sent, to an audience that says so, and the moment the first reader has it."""

    def test_sending_publishes(self, newsroom):
        """The address in the mail leads to the page, the lists name it, and nothing more has to be typed."""
        send(newsroom)
        assert "Helping Women Workers Manage" in page(newsroom)
        for path in ("index.html", "everyone/index.html", "everyone/en/index.html"):
            assert 'href="' in public(newsroom, path).read_text()
            assert "2022-02/everyone/en/" in public(newsroom, path).read_text(), path

    @pytest.mark.parametrize("out", ["config.yaml", "config.yaml/public"])
    def test_a_file_in_the_place_of_its_folder_is_one_line(self, newsroom, out):
        """It is left as it is."""
        send(newsroom)
        before = (newsroom.root / "config.yaml").read_bytes()
        done = newsroom("archive", "--out", out)
        assert (done.code, len(done.lines)) == (1, 1)
        assert f"{out}: cannot be written: Not a directory" in done.err
        assert (newsroom.root / "config.yaml").read_bytes() == before

    def test_what_was_only_built_or_frozen_is_not(self, newsroom):
        """A build, an approval, or a send that reached nobody shows the world nothing."""
        newsroom("build", *FEBRUARY)
        newsroom.monkeypatch.setenv("DIGEST_SEND__RELAY_PATIENCE", "0")
        done = newsroom("send", *FEBRUARY, "--live", "--yes")  # no relay is there
        assert done.code == 75
        assert (newsroom.root / "archive/2022-02/everyone/en/edition.json").exists()
        newsroom("archive")
        assert not public(newsroom, EDITION).exists()

    @pytest.mark.usefixtures("sink")
    def test_the_page_is_there_when_the_first_reader_has_the_mail(self, newsroom):
        """Not only when the last has it: a send may take hours, and the link is in every mail."""
        assert newsroom("send", *FEBRUARY, "--live", "--yes", "--limit", "1").code == 75
        assert "Helping Women Workers Manage" in page(newsroom)

    def test_an_audience_that_is_switched_off_takes_its_files_with_it(self, newsroom):
        """Pages, lists, feeds and pictures go; what belongs to others, and what is not ours, stays."""
        photo(newsroom, "images/port.jpg")
        pictured(newsroom, "A port")
        send(newsroom)
        send(newsroom, "2022-01")
        public(newsroom, "robots.txt").write_text("User-agent: *\n")
        assert any(path.startswith("img/") for path in files(public(newsroom)))
        newsroom.edit("config.yaml", "    archive: public                ", "    archive: none                ")
        assert newsroom("archive").code == 0
        assert set(files(public(newsroom))) == {"robots.txt"}

    def test_a_folder_with_somebody_elses_files_is_refused(self, newsroom):
        """`--out` into a web root that holds another site writes and removes nothing there."""
        send(newsroom)
        newsroom.write("site/index.html", "mine")
        done = newsroom("archive", "--out", "site")
        assert done.code == 2
        assert "site is not empty, and not made by `digest archive`" in done.err
        assert files(newsroom.root / "site") == {"index.html": b"mine"}

    def test_a_page_of_somebody_else_in_the_folder_stays(self, newsroom):
        """Also one at an address like those of lists and editions: only what was written is removed."""
        send(newsroom)
        theirs = ("imprint/index.html", "blog/en/index.html", "2022/a/b/index.html", "robots.txt")
        for path in theirs:
            newsroom.write(f"public/{path}", "theirs")
        newsroom.edit("config.yaml", "archive: public", "archive: none")
        assert newsroom("archive").code == 0
        assert {path for path in files(public(newsroom)) if "everyone" in path} == set()
        assert [path for path in theirs if not public(newsroom, path).exists()] == []

    def test_what_a_killed_run_wrote_goes_when_it_is_not_wanted_any_more(self, newsroom, monkeypatch):
        """What is ours was written down before it was there, whatever else was lost."""
        send(newsroom, "2022-01")
        write = public_folder.files.write_whole

        class KilledError(BaseException):
            pass

        def until_a_list(path, data, **values):
            if path.name == "feed.json":
                raise KilledError
            write(path, data, **values)

        monkeypatch.setattr(public_folder.files, "write_whole", until_a_list)
        with pytest.raises(KilledError):
            newsroom("archive", "--out", "elsewhere")
        monkeypatch.setattr(public_folder.files, "write_whole", write)
        assert (newsroom.root / "elsewhere/2022-01/everyone/en/index.html").exists()
        newsroom.edit("config.yaml", "archive: public", "archive: none")
        shutil.rmtree(newsroom.root / ".digest", ignore_errors=True)
        newsroom("archive", "--out", "elsewhere")
        assert files(newsroom.root / "elsewhere") == {}

    def test_a_folder_of_an_older_version_is_kept_up_to_date(self, newsroom):
        """It has no list of what is ours: that is known by its paths, once."""
        send(newsroom)
        public(newsroom, ".digest-archive").write_text("Made by `digest archive`.\n")
        newsroom.edit("config.yaml", "archive: public", "archive: none")
        newsroom("archive")
        assert files(public(newsroom)) == {}

    def test_pictures_behind_a_link_go_as_others_do(self, newsroom):
        """A folder for them on a larger disk: what was withdrawn is not there any more, either."""
        photo(newsroom, "images/port.jpg")
        pictured(newsroom, "A port")
        send(newsroom)
        shutil.move(public(newsroom, "img"), newsroom.root / "large")
        public(newsroom, "img").symlink_to(newsroom.root / "large")
        assert newsroom("archive").out.startswith("public: 0 files written, 0 removed")
        newsroom.edit("config.yaml", "archive: public", "archive: none")
        newsroom("archive")
        assert list((newsroom.root / "large").iterdir()) == []

    def test_an_audience_that_is_renamed_keeps_its_addresses_and_its_feeds_their_ids(self, newsroom):
        """Bookmarks and feeds go on at the old ones; search engines are led to the new ones."""
        send(newsroom)
        before = files(public(newsroom))
        ids = [ET.fromstring(before[f"{place}feed.atom"]).findtext(f"{ATOM}id") for place in ("", "everyone/en/")]
        newsroom.edit("config.yaml", "  everyone:\n", "  friends:\n    was: [everyone, ../out, No name]\n")
        assert newsroom("archive").code == 0
        assert not (newsroom.root / "out").exists()
        after = files(public(newsroom))
        assert before.keys() <= after.keys()
        for path in (path for path in after if path.startswith("friends/")):
            assert after[path] == after[path.replace("friends", "everyone", 1)]
        assert [ET.fromstring(after[f"{place}feed.atom"]).findtext(f"{ATOM}id") for place in ("", "friends/en/")] == ids
        assert b"/friends/en/<" in after["sitemap.xml"]
        assert b"/everyone/en/<" not in after["sitemap.xml"].replace(f"/{EDITION}/".encode(), b"")

    def test_the_id_of_the_feed_of_all_stays_when_its_first_editions_leave_it(self, newsroom):
        """Else each new year would be another feed."""
        send(newsroom, "2021-10")
        before = ET.parse(public(newsroom, "feed.atom")).getroot().findtext(f"{ATOM}id")
        newsroom.edit("config.yaml", "archive:\n  url:", "archive:\n  feed_items: 1\n  url:")
        send(newsroom)
        assert len(entries(newsroom, "feed.atom")) == 1
        assert ET.parse(public(newsroom, "feed.atom")).getroot().findtext(f"{ATOM}id") == before

    @pytest.mark.parametrize("others", [("2022-01",), ()])
    def test_the_page_of_an_edition_that_cannot_be_read_stays(self, newsroom, others):
        """With its pictures, run after run, until it is withdrawn."""
        photo(newsroom, "images/port.jpg")
        pictured(newsroom, "A port")
        for month in (*others, "2022-02"):
            send(newsroom, month)
        shown, pictures = page(newsroom), set(public(newsroom, "img").iterdir())
        (newsroom.root / f"archive/{EDITION}/{PAGE}").write_text("{")
        for _run in range(2):
            shutil.rmtree(newsroom.root / ".digest/", ignore_errors=True)
            assert "put it back from your backup" in newsroom("archive").err
            assert page(newsroom) == shown
            assert set(public(newsroom, "img").iterdir()) == pictures
            assert public(newsroom, "style.css").exists()
        newsroom("archive", "--withdraw", EDITION, "--because", "The figures were wrong.")
        assert not public(newsroom, f"{EDITION}/index.html").exists()

    def test_folders_that_are_no_editions_are_passed_over_and_named(self, newsroom):
        """A path unlike period/audience/language is never published, whatever lies in it."""
        send(newsroom)
        newsroom.write("archive/2022-02/everyone/en old/edition.json", "{}")
        newsroom.write("archive/drafts/everyone/en/edition.json", "{}")
        done = newsroom("archive")
        assert "en old is no edition's" in done.err
        assert "archive/drafts/everyone/en is no edition's" in done.err
        assert not public(newsroom, "drafts").exists()

    def test_without_a_published_audience_it_says_how(self, newsroom):
        """One line, and no folder."""
        newsroom.edit("config.yaml", "    archive: public", "    # archive: public")
        done = newsroom("archive")
        assert done.code == 2
        assert "write `archive: public` under an audience" in done.err
        assert not public(newsroom).exists()


class TestNeutral:
    """Nobody in particular is spoken to, and nothing of anybody can be found."""

    def test_no_reader_slot_or_token_is_in_any_public_byte(self, newsroom):
        """Not a reader's address, not the example's, no greeting, no way to leave, nothing a camera wrote."""
        newsroom.monkeypatch.setenv("DIGEST_UNSUBSCRIBE_SECRET", "0123456789abcdef0123456789abcdef")
        newsroom.edit("config.yaml", "\nsmtp:", "\nunsubscribe: {url: https://news.example.org}\n"
                      "mail: {subject: 'For {{ reader.name }}', preheader: '{{ reader.address }}'}\nsmtp:")  # fmt: skip
        photo(newsroom, "images/port.jpg")
        pictured(newsroom, "A port")
        send(newsroom)
        readers = re.findall(r"\S+@[\w.-]+", (newsroom.root / "recipients/everyone.csv").read_text())
        shown = files(public(newsroom))
        assert len(readers) == 6
        assert len(shown) > 12
        for path, data in shown.items():
            for secret in (*readers, "reader@example.org", "ann@camera.test", "slot-", "-tols", "/u/", "nsubscribe",
                           "[name]", "[address]", "Sent to"):  # fmt: skip
                assert secret.split(",")[0].encode() not in data, (path, secret)
        assert "<h1>February 2022</h1>" in page(newsroom)
        assert "All ILO Newsroom content: February 2022" in page(newsroom)

    def test_how_to_subscribe_stands_in_place_of_how_to_leave(self, newsroom):
        """The page that the newsroom names, or else its contact."""
        send(newsroom)
        assert 'href="mailto:newsroom@ilo.org"' in page(newsroom)
        newsroom.edit("config.yaml", "archive:\n", "archive:\n  subscribe_url: https://www.ilo.org/subscribe\n")
        newsroom("archive")
        assert 'class="button" href="https://www.ilo.org/subscribe">Subscribe</a>' in page(newsroom)


class TestAsItWasSent:
    """The page shows what readers got, not what the stories say today."""

    def test_a_story_edited_or_deleted_since_changes_nothing(self, newsroom):
        """Nor does a new title of the audience, or another theme option that is no look."""
        send(newsroom)
        before = page(newsroom)
        newsroom.edit(BETTER_WORK, "title: Helping Women", "title: Hindering Women")
        (newsroom.root / "stories/2022-02-25-digitally-and-financially-empowered.md").unlink()
        assert newsroom("archive").code == 0
        assert page(newsroom) == before

    def test_a_story_that_breaks_today_changes_nothing_and_is_named(self, newsroom):
        """A file with a mistake may be a takedown that somebody meant: its pages stay, and the mistake is told."""
        send(newsroom)
        before = page(newsroom)
        newsroom.write(BETTER_WORK, "no front matter")
        done = newsroom("archive")
        assert (done.code, page(newsroom)) == (2, before)
        assert f"{BETTER_WORK}:1: a story file begins with a line ---" in done.err

    def test_check_build_and_status_name_what_changed_since(self, newsroom):
        """A story that was sent and edited is no accident that nobody sees; a correction settles it."""
        send(newsroom)
        assert "changed since" not in newsroom("status").out
        newsroom.edit(BETTER_WORK, "title: Helping Women", "title: Hindering Women")
        line = f"title: changed since it was sent in {EDITION}; if that was a mistake, tell its readers"
        for verb in (("check", *FEBRUARY), ("build", *FEBRUARY), ("build", "--month", "2022-03", "-a", "everyone")):
            shown = newsroom(*verb).out
            assert (f"{BETTER_WORK}:2: {line}" in shown) is (verb[2] == "2022-02"), verb
        assert f"  {BETTER_WORK}: {line}" in newsroom("status").out
        add_line(newsroom, BETTER_WORK, "corrected: 2022-03-02")
        assert "changed since" not in newsroom("check", *FEBRUARY).out
        assert "changed since" not in newsroom("status").out
        newsroom.edit(BETTER_WORK, "\ncorrected: 2022-03-02", "\nstatus: withdrawn")
        assert "is withdrawn; add the day: `corrected: DATE`" in newsroom("check", *FEBRUARY).out

    def test_run_shows_a_correction_without_being_asked(self, newsroom):
        """With nothing due, the archive still follows the stories."""
        newsroom.edit("config.yaml", "\nsmtp:", "\nschedule: [{period: month, audiences: [everyone]}]\nsmtp:")
        newsroom("run", now="2022-02-20T09:00")
        send(newsroom)
        add_line(newsroom, BETTER_WORK, "corrected: 2022-03-02", "correction: It is a course.")
        newsroom("run", now="2022-03-20T09:00")
        assert "It is a course." in page(newsroom)

    def test_a_correction_shows_at_once_with_its_day_and_moves_the_entry_once(self, newsroom):
        """The story as it is now, the note on top of it; in feeds `updated` moves, id and `published` do not."""
        send(newsroom)
        send(newsroom, "2022-01")
        (before,) = [entry for entry in entries(newsroom) if "2022-02" in entry.findtext(f"{ATOM}id")]
        others = [
            ET.tostring(entry)
            for entry in entries(newsroom)
            if entry.findtext(f"{ATOM}id") != before.findtext(f"{ATOM}id")
        ]
        newsroom.edit(BETTER_WORK, "title: Helping Women", "title: Supporting Women")
        add_line(newsroom, BETTER_WORK, "corrected: 2022-03-02", "correction: They are supported.")
        assert newsroom("archive").code == 0
        assert '<p class="note" role="note">Corrected on 2 March 2022: They are supported.</p>' in page(newsroom)
        assert "Supporting Women Workers Manage" in page(newsroom)
        (after,) = [entry for entry in entries(newsroom) if "2022-02" in entry.findtext(f"{ATOM}id")]
        assert after.findtext(f"{ATOM}id") == before.findtext(f"{ATOM}id")
        assert after.findtext(f"{ATOM}published") == before.findtext(f"{ATOM}published") == "2022-03-01T09:00:00+01:00"
        assert after.findtext(f"{ATOM}updated") == "2022-03-02T00:00:00+01:00"
        assert "They are supported." in after.findtext(f"{ATOM}content")
        again = [
            ET.tostring(entry)
            for entry in entries(newsroom)
            if entry.findtext(f"{ATOM}id") != after.findtext(f"{ATOM}id")
        ]
        assert again == others

    def test_what_was_corrected_before_it_was_sent_is_no_news(self, newsroom):
        """Its readers got it right: no note, and `updated` is when it was published."""
        add_line(newsroom, BETTER_WORK, "corrected: 2022-02-20", "correction: The name of a town.")
        send(newsroom)
        assert "Corrected" not in page(newsroom)
        (entry,) = entries(newsroom)
        assert entry.findtext(f"{ATOM}updated") == entry.findtext(f"{ATOM}published")

    def test_a_withdrawn_story_leaves_its_title_and_day_and_nothing_else(self, newsroom):
        """Words, link, credit and picture are gone, from the page, the feeds, the cards and the folder of pictures."""
        photo(newsroom, "images/port.jpg")
        pictured(newsroom, "A port at dawn")
        send(newsroom)
        assert "A port at dawn" in page(newsroom)
        newsroom.edit(BETTER_WORK, "\n---\n", "\nstatus: withdrawn\ncorrected: 2022-03-05\n---\n")
        assert newsroom("archive").code == 0
        shown = page(newsroom)
        assert "Helping Women Workers Manage" in shown
        assert '<p class="meta withdrawn">Withdrawn on 5 March 2022</p>' in shown
        for gone in ("Few women in Pakistan", "A port at dawn", "Better Work programme"):
            assert gone not in shown
            assert gone not in public(newsroom, "everyone/en/feed.json").read_text()
        assert not any(path.endswith(".jpg") for path in files(public(newsroom)))
        (entry,) = entries(newsroom)
        assert entry.findtext(f"{ATOM}updated") == "2022-03-05T00:00:00+01:00"

    def test_the_inboxs_line_goes_with_the_story_that_it_is_of(self, newsroom):
        """What teased a story that is withdrawn is in no description of the page and in no feed."""
        config = (newsroom.root / "config.yaml").read_text("utf-8")
        newsroom.write("config.yaml", f"{config}\nmail: {{preheader: Few women work there}}\n")
        send(newsroom)
        assert "Few women work there" in page(newsroom)
        newsroom.edit(BETTER_WORK, "\n---\n", "\nstatus: withdrawn\ncorrected: 2022-03-05\n---\n")
        assert newsroom("archive").code == 0
        pages = [file for file in public(newsroom).rglob("*") if file.suffix in (".html", ".json", ".atom")]
        assert pages
        assert not [file for file in pages if "Few women work there" in file.read_text("utf-8")]

    def test_a_slip_brings_nothing_back_that_was_taken_away(self, newsroom):
        """A mistake in the file of a withdrawn story, or its loss, leaves its page, feeds and pictures as they are."""
        photo(newsroom, "images/port.jpg")
        pictured(newsroom, "A port at dawn")
        send(newsroom)
        newsroom.edit(BETTER_WORK, "\n---\n", "\nstatus: withdrawn\ncorrected: 2022-03-05\n---\n")
        assert newsroom("archive").code == 0
        before = files(public(newsroom))
        newsroom.edit(BETTER_WORK, "status: withdrawn", "status: withdrawm")
        done = newsroom("archive")
        assert (done.code, files(public(newsroom))) == (2, before)
        assert f"{BETTER_WORK}:" in done.err
        assert "status: 'withdrawm'" in done.err
        assert "its pages say what they said before" in done.err
        (newsroom.root / BETTER_WORK).unlink()
        done = newsroom("archive")
        assert (done.code, files(public(newsroom))) == (0, before)
        assert "is gone; pages say what it said, that it was corrected or withdrawn" in done.err
        shutil.rmtree(public(newsroom))  # and without any memory but the archive's own
        for memory in (newsroom.root / ".digest").glob("public-*.json"):
            memory.unlink()
        assert newsroom("archive").code == 0
        assert files(public(newsroom)) == before

    def test_a_slip_in_one_story_keeps_no_other_on_the_web(self, newsroom):
        """Another story of the edition, and the edition itself, can be withdrawn all the same."""
        send(newsroom)
        newsroom.edit(BETTER_WORK, "\n---\n", "\nstatus: withdrawm\n---\n")
        other = "stories/2022-02-25-digitally-and-financially-empowered.md"
        newsroom.edit(other, "\n---\n", "\nstatus: withdrawn\ncorrected: 2022-03-05\n---\n")
        assert newsroom("archive").code == 2
        assert '<p class="meta withdrawn">Withdrawn on 5 March 2022</p>' in page(newsroom)
        assert newsroom("archive", "--withdraw", EDITION, "--because", "Wrong figures").code == 2
        assert "Wrong figures" in page(newsroom)
        assert "Helping Women Workers" not in page(newsroom)

    def test_a_takedown_holds_for_a_name_with_combining_accents(self, newsroom):
        """A file from another disk, whose é is two characters, is the story of its id."""
        name = unicodedata.normalize("NFD", "2022-02-20-été")
        newsroom.story(name, date="2022-02-20", title="An evening in summer")
        send(newsroom)
        assert "An evening in summer" in page(newsroom)
        newsroom.edit(f"stories/{name}.md", "\n---\n", "\nstatus: withdrawn\ncorrected: 2022-03-05\n---\n")
        done = newsroom("archive")
        assert (done.code, done.err) == (0, "")
        assert '<p class="meta withdrawn">Withdrawn on 5 March 2022</p>' in page(newsroom)

    def test_a_correction_stays_while_its_file_cannot_be_read(self, newsroom):
        """What readers were told stays told; with the file in order again, its page says what it says."""
        send(newsroom)
        newsroom.edit(BETTER_WORK, "\n---\n", "\ncorrected: 2022-03-02\ncorrection: It was six.\n---\n")
        assert newsroom("archive").code == 0
        assert "It was six." in page(newsroom)
        newsroom.edit(BETTER_WORK, "corrected: 2022-03-02", "corrected: 2 March")
        assert newsroom("archive").code == 2
        assert "It was six." in page(newsroom)
        newsroom.edit(
            BETTER_WORK, "corrected: 2 March\ncorrection: It was six.", "corrected: 2022-03-02\ncorrection: Seven."
        )
        assert newsroom("archive").code == 0
        assert "Seven." in page(newsroom)

    def test_a_mistake_in_a_first_takedown_is_no_success(self, newsroom):
        """The story is still on the web: whoever wanted it gone hears so."""
        send(newsroom)
        newsroom.edit(BETTER_WORK, "\n---\n", "\nstatus: withdrawm\n---\n")
        done = newsroom("archive")
        assert (done.code, "status: 'withdrawm'" in done.err) == (2, True)
        assert json.loads(newsroom("archive", "--json").out)["written"] == []

    def test_an_edition_of_an_older_version_has_a_page_and_says_what_it_is_made_of(self, newsroom):
        """Its archive knows only which stories it had: they are taken as they are now, once, and that is said once."""
        send(newsroom)
        home = newsroom.root / "archive" / EDITION
        for name in ("edition.json", "sent.json"):
            (home / name).unlink()
        shutil.rmtree(public(newsroom))
        done = newsroom("archive")
        assert done.code == 0
        assert f"{EDITION}: was sent by a version that kept less for its page" in done.err
        assert "Helping Women Workers Manage" in page(newsroom)
        assert newsroom("archive").err == ""
        assert json.loads((home / "sent.json").read_text())["first"]  # by the ledger


class TestWithdrawnEditions:
    """An edition that was withdrawn as a whole: its address does not die, and says so."""

    def test_its_page_says_so_and_holds_nothing_else(self, newsroom):
        """A record to commit; page, lists and feeds say it; nginx and `serve` learn which addresses are gone."""
        send(newsroom)
        send(newsroom, "2022-01")
        done = newsroom(
            "archive", "--withdraw", EDITION, "--because", "The figures were wrong.", now="2022-03-08T12:00"
        )
        assert done.code == 0, done.err
        record = newsroom.root / "withdrawn/2022-02/everyone/en.yaml"
        assert record.read_text() == "on: 2022-03-08\nbecause: The figures were wrong.\n"
        shown = page(newsroom)
        assert "Withdrawn on 8 March 2022" in shown
        assert "The figures were wrong." in shown
        assert '<meta name="robots" content="noindex">' in shown
        for path, data in files(public(newsroom)).items():
            assert b"Helping Women" not in data, path
        assert public(newsroom, "gone.txt").read_text() == f"{EDITION}/\n"
        assert (
            f"location = /{EDITION}/ {{ error_page 410 /{EDITION}/index.html; return 410; }}"
            in public(newsroom, "gone.conf").read_text()
        )
        assert EDITION not in public(newsroom, "sitemap.xml").read_text()
        entry = next(entry for entry in entries(newsroom) if "2022-02" in entry.findtext(f"{ATOM}id"))
        assert entry.findtext(f"{ATOM}updated") == "2022-03-08T00:00:00+01:00"
        record.unlink()
        newsroom("archive")
        assert "Helping Women" in page(newsroom)

    @pytest.mark.parametrize(
        ("flags", "said"),
        [
            (("--withdraw", EDITION), "go together"),
            (("--because", "A reason"), "go together"),
            (("--withdraw", "2021-05/everyone/en", "--because", "A reason"), "2021-05/everyone/en was never sent"),
        ],
    )
    def test_a_withdrawal_names_an_edition_that_was_sent_and_why(self, newsroom, flags, said):
        """One line, and no record."""
        send(newsroom)
        done = newsroom("archive", *flags)
        assert (done.code, said in done.err) == (2, True)
        assert not (newsroom.root / "withdrawn").exists()

    def test_its_subject_goes_too(self, newsroom):
        """What an editor put into the subject is of what is gone: from the title, feeds and the search."""
        newsroom.write("issues/2022-02/everyone.yaml", "subject: Who reads the contract aloud\n")
        send(newsroom)
        assert "Who reads the contract aloud" in page(newsroom)
        newsroom("archive", "--withdraw", EDITION, "--because", "The figures were wrong.")
        for path, data in files(public(newsroom)).items():
            assert b"contract aloud" not in data, path

    def test_an_edition_is_withdrawn_by_its_audiences_name_of_today(self, newsroom):
        """It lies where its former name says, and so does the record."""
        send(newsroom)
        newsroom.edit("config.yaml", "  everyone:\n", "  friends:\n    was: [everyone]\n")
        done = newsroom("archive", "--withdraw", "2022-02/friends/en", "--because", "The figures were wrong.")
        assert (done.code, "withdrawn/2022-02/everyone/en.yaml: commit it" in done.out) == (0, True)
        assert public(newsroom, "gone.txt").read_text() == f"{EDITION}/\n"

    @pytest.mark.parametrize("name", ["2022-02/everyone/en.yml", "2022-02/everybody/en.yaml", "2022-02.yaml"])
    def test_a_record_that_withdraws_nothing_is_named(self, newsroom, name):
        """Whoever wrote it believes that something is gone."""
        send(newsroom)
        newsroom.write(f"withdrawn/{name}", "on: 2022-03-08\nbecause: A reason\n")
        assert f"withdrawn/{name} withdraws nothing" in newsroom("archive").err

    def test_a_record_with_a_mistake_is_told_by_line_and_changes_nothing(self, newsroom):
        """Nobody is withdrawn, and nothing comes back, by a slip of the keyboard."""
        send(newsroom)
        before = files(public(newsroom))
        newsroom.write("withdrawn/2022-02/everyone/en.yaml", "on: yesterday\nbecuse: A reason\n")
        done = newsroom("archive")
        assert done.code == 2
        assert "withdrawn/2022-02/everyone/en.yaml:1: on: is no day" in done.err
        assert "becuse" in done.err
        assert files(public(newsroom)) == before


class TestPictures:
    """Served by the hash of their bytes, sized, and as they were sent."""

    def test_a_picture_that_vanishes_or_is_replaced_is_still_the_one_that_was_sent(self, newsroom):
        """A copy was taken when the edition was published, and lies beside what was sent."""
        photo(newsroom, "images/port.jpg", colour="teal")
        pictured(newsroom, "A port")
        send(newsroom)
        before = {path: data for path, data in files(public(newsroom)).items() if path.endswith(".jpg")}
        assert [Image.open(io.BytesIO(before[path])).width for path in sorted(before)] == [1280, 480]
        photo(newsroom, "images/port.jpg", colour="red")
        shutil.rmtree(public(newsroom))
        newsroom("archive")
        assert {path: data for path, data in files(public(newsroom)).items() if path.endswith(".jpg")} == before
        (newsroom.root / "images/port.jpg").unlink()
        shutil.rmtree(public(newsroom))
        newsroom("archive")
        assert {path: data for path, data in files(public(newsroom)).items() if path.endswith(".jpg")} == before

    @pytest.mark.parametrize("clear", [False, True])
    def test_a_drawing_of_few_colours_stays_one_and_small(self, newsroom, clear):
        """In full colour its copies would be several times as large as the picture itself."""
        drawing = Image.effect_noise((1280, 800), 60).quantize(16)
        target = io.BytesIO()
        drawing.save(target, "PNG", optimize=True, **({"transparency": 0} if clear else {}))
        (newsroom.root / "stories/pictures/sewing.png").write_bytes(target.getvalue())
        send(newsroom)
        name = hashlib.sha256(target.getvalue()).hexdigest()[:20]
        small, large = (public(newsroom, f"img/{name}-{width}.png") for width in (480, 1280))
        for file in (small, large):
            with Image.open(file) as copy:
                assert (copy.mode, "transparency" in copy.info) == ("P", clear)
        assert small.stat().st_size < large.stat().st_size <= len(target.getvalue()) * 1.05

    def test_a_place_for_them_that_cannot_be_written_is_one_line(self, newsroom):
        """And the next run goes on."""
        photo(newsroom, "images/port.jpg")
        pictured(newsroom, "A port")
        newsroom.write("archive/pictures", "no folder")
        send(newsroom)
        done = newsroom("archive")
        assert (done.code, len(done.lines)) == (1, 1)
        assert "archive/pictures: cannot be written: File exists; run `digest archive` again then" in done.err
        (newsroom.root / "archive/pictures").unlink()
        assert newsroom("archive").code == 0

    def test_what_is_no_picture_is_left_out_and_named_once(self, newsroom):
        """A page goes without it; sending is not stopped for it."""
        newsroom.write("images/port.jpg", "this is no JPEG")
        pictured(newsroom, "A port")
        newsroom.edit("config.yaml", "\ntheme:", "\nchecks: {image-broken: {severity: off, reason: a test}}\ntheme:")
        done = send(newsroom)
        assert "the picture images/port.jpg: it is no picture that can be read" in done.err
        assert "A port" not in page(newsroom)


class PictureServer:
    """A server on loopback with one picture; `status` is what it answers, `asked` how often it was."""

    def __init__(self) -> None:
        self.status, self.asked = 200, 0
        data = io.BytesIO()
        Image.new("RGB", (1600, 1000), "navy").save(data, "JPEG")
        server = self

        class Answer(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.asked += 1
                self.send_response(server.status)
                self.send_header("Content-Length", str(len(data.getvalue())))
                self.end_headers()
                self.wfile.write(data.getvalue())

            def log_message(self, *_: object) -> None:
                pass

        self._http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        self.url = f"http://127.0.0.1:{self._http.server_port}/port.jpg"
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def close(self) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()


def from_elsewhere(newsroom, url: str) -> None:
    """The lead's picture is at this address on loopback, where no reader's mail program could fetch it."""
    unreachable = "checks: {image-unsafe: {severity: off, reason: a test}}"
    newsroom.edit("config.yaml", "\ntheme:", f"\nimport: {{allow_private: true}}\n{unreachable}\ntheme:")
    newsroom.edit(BETTER_WORK, "image: stories/pictures/sewing.png", f"image: {url}")


@pytest.fixture
def elsewhere(newsroom) -> Iterator[PictureServer]:
    """A server of pictures that the newsroom may ask, and the lead's picture on it."""
    server = PictureServer()
    from_elsewhere(newsroom, server.url)
    yield server
    server.close()


def shown_picture(newsroom) -> re.Match[str] | None:
    """The picture of the lead on the page: its file, and its size."""
    lead = page(newsroom).partition('<article class="story lead')[2].partition("</article>")[0]
    assert "Helping Women Workers Manage" in lead
    return re.search(r'<img src="\.\./\.\./\.\./img/(\S+)"[^>]* width="(\d+)" height="(\d+)"', lead)


class TestPicturesFromElsewhere:
    """A picture that lies on another server is fetched once, when its edition is published."""

    def test_it_is_kept_by_its_hash_and_sized(self, newsroom, elsewhere):
        """The page shows the copy, and asks its server for nothing."""
        send(newsroom)
        picture = shown_picture(newsroom)
        assert picture is not None
        assert re.fullmatch(r"[0-9a-f]{20}-1280\.jpg", picture[1])
        assert (picture[2], picture[3]) == ("1280", "800")
        with Image.open(public(newsroom, f"img/{picture[1]}")) as copy:
            assert copy.size == (1280, 800)
        assert elsewhere.url.encode() not in b"".join(files(public(newsroom)).values())
        assert elsewhere.asked == 1

    def test_one_that_vanished_since_is_still_shown(self, newsroom, elsewhere):
        """The copy stays, also when the folder is made anew, and nobody asks again."""
        send(newsroom)
        before = files(public(newsroom))
        elsewhere.status = 404
        shutil.rmtree(public(newsroom))
        done = newsroom("archive")
        assert (done.code, done.err) == (0, "")
        assert files(public(newsroom)) == before
        assert elsewhere.asked == 1

    def test_one_that_cannot_be_had_is_said_once_and_asked_for_again_by_name(self, newsroom, elsewhere):
        """Sending is not stopped for it; `run` does not repeat it; `archive` tries again, and then it is there."""
        newsroom.edit("config.yaml", "\nsmtp:", "\nschedule: [{period: month, audiences: [everyone]}]\nsmtp:")
        newsroom("run", now="2022-02-20T09:00")
        elsewhere.status = 503
        done = send(newsroom)
        said = f"{EDITION}: the picture {elsewhere.url}: its server answers 503; its page goes without it"
        assert done.err.count(said) == 1, done.err
        assert shown_picture(newsroom) is None
        asked = elsewhere.asked
        assert said not in newsroom("run", now="2022-03-20T09:00").err
        assert elsewhere.asked == asked
        elsewhere.status = 200
        assert newsroom("archive").err == ""
        assert shown_picture(newsroom) is not None

    def test_one_whose_server_is_away_is_linked_where_a_page_may_link_it(self, newsroom):
        """An https address stands in the page as it is, without a size that nobody knows."""
        away = "https://127.0.0.1:9/port.jpg"
        from_elsewhere(newsroom, away)
        done = send(newsroom)
        assert done.err.count(f"{EDITION}: the picture {away}: ") == 1, done.err
        assert "its page links it where it is" in done.err
        assert f'<img src="{away}" alt=' in page(newsroom)

    def test_an_address_of_this_network_is_refused_unless_it_may_be_asked(self, newsroom, elsewhere):
        """A story from a feed can make no machine ask what only it can reach."""
        newsroom.edit("config.yaml", "import: {allow_private: true}", "import: {allow_private: false}")
        done = send(newsroom)
        assert f"the picture {elsewhere.url}: " in done.err
        assert elsewhere.asked == 0
        assert shown_picture(newsroom) is None


class TestAgain:
    """Run again, it writes nothing; anywhere else, it writes the same."""

    def test_the_same_input_gives_the_same_bytes(self, newsroom):
        """In one run after another, or all at once into a new folder."""
        photo(newsroom, "images/port.jpg")
        pictured(newsroom, "A port")
        for month in ("2021-12", "2022-01", "2022-02"):
            send(newsroom, month)
        assert newsroom("archive").out.startswith("public: 0 files written, 0 removed")
        assert newsroom("archive", "--out", "elsewhere").code == 0
        assert files(newsroom.root / "elsewhere") == files(public(newsroom))

    def test_what_somebody_touched_is_put_right(self, newsroom):
        """A file that was edited or deleted by hand comes back."""
        send(newsroom)
        before = files(public(newsroom))
        public(newsroom, "everyone/en/feed.json").unlink()
        public(newsroom, f"{EDITION}/index.html").write_text("defaced")
        assert newsroom("archive").out.startswith("public: 2 files written")
        assert files(public(newsroom)) == before

    def test_a_picture_that_somebody_touched_is_put_right(self, newsroom):
        """Whatever stands in its place: other bytes, as many of them, a link to elsewhere."""
        photo(newsroom, "images/port.jpg")
        pictured(newsroom, "A port")
        send(newsroom)
        before = files(public(newsroom))
        first, second = sorted(public(newsroom, "img").iterdir())[:2]
        first.write_bytes(first.read_bytes()[::-1])
        second.rename(newsroom.root / "moved")
        second.symlink_to(newsroom.root / "moved")
        assert newsroom("archive").out.startswith("public: 2 files written")
        assert not second.is_symlink()
        assert files(public(newsroom)) == before

    def test_a_template_that_fails_leaves_everything_as_it_was(self, newsroom):
        """All is made before anything is written; the mistake is told with file and line."""
        send(newsroom)
        before = files(public(newsroom))
        newsroom.write("templates/archive/index.html.j2", "<!DOCTYPE html>\n{{ nonsense.at.all }}\n")
        done = newsroom("archive")
        assert done.code == 2
        assert "templates/archive/index.html.j2:2" in done.err
        assert files(public(newsroom)) == before

    def test_a_new_edition_touches_its_neighbours_and_what_lists_it(self, newsroom):
        """Other editions' files are not written again."""
        for month in ("2021-10", "2021-12", "2022-01"):
            send(newsroom, month)
        stamps = {path: public(newsroom, path).stat().st_mtime_ns for path in files(public(newsroom))}
        send(newsroom)
        kept = {path for path, stamp in stamps.items() if public(newsroom, path).stat().st_mtime_ns == stamp}
        assert {"2021-10/everyone/en/index.html", "2021-12/everyone/en/index.html", "style.css"} <= kept
        assert "2022-01/everyone/en/index.html" not in kept  # it has a later issue now


class TestBlocks:
    def test_an_editors_words_stand_on_the_page_and_in_the_feed(self, newsroom):
        """What an issue says beside its stories was sent, too: each kind of block, with its pictures of our own."""
        photo(newsroom, "pictures/desk.jpg")
        newsroom.write("issues/2022-02/everyone.yaml", BLOCKS)
        send(newsroom)
        (entry,) = entries(newsroom)
        for html in (page(newsroom), entry.find(f"{ATOM}content").text):
            for words in ("Dear all", "Ana Silva", "160 million", "Forum", "Paper", "Advertisement", "Correction"):
                assert words in html
            assert html.index("Dear all") < html.index("160 million") < html.index("To the shop")
            assert re.search(r'src="[^"]*img/[0-9a-f]+-1280\.jpg"[^>]* alt="A desk"', html)

    def test_their_pictures_say_their_size(self, newsroom):
        """What is below does not move when one is loaded late."""
        photo(newsroom, "pictures/desk.jpg", width=600)
        portraits = "  - {kind: quote, text: So it is, name: Ana Silva, portrait: pictures/desk.jpg}\n"
        newsroom.write("issues/2022-02/everyone.yaml", BLOCKS + portraits)
        send(newsroom)
        shown = re.findall(r'<img src="(\S+)" alt="(A desk|)" width="600" height="400" loading="lazy">', page(newsroom))
        assert [alt for _address, alt in shown] == ["", "A desk"]
        for address, _alt in shown:
            assert (public(newsroom, EDITION) / address).is_file()

    def test_they_stay_as_they_were_sent(self, newsroom):
        """An issue file that is edited or deleted afterwards changes nothing that was published."""
        newsroom.write("issues/2022-02/everyone.yaml", BLOCKS)
        photo(newsroom, "pictures/desk.jpg")
        send(newsroom)
        before = page(newsroom)
        newsroom.edit("issues/2022-02/everyone.yaml", "Dear all", "Dear none")
        assert newsroom("archive").code == 0
        assert page(newsroom) == before


def test_a_bug_in_the_archive_keeps_no_mail_from_going(newsroom, monkeypatch):
    """It is shown whole, and everybody has their mail."""

    def broken(*_args, **_options):
        message = "by chance"
        raise ZeroDivisionError(message)

    monkeypatch.setattr("digest.publishing.publisher.publish", broken)
    done = send(newsroom)
    assert "for a bug of digest: Traceback" in done.err
    assert len(list((newsroom.root / "outbox").rglob("*.eml"))) == 6


def test_what_is_written_while_the_archive_is_made_is_read_by_the_next(newsroom, monkeypatch):
    """What was kept of an edition may be replaced just after it was read: the next run does not take it for known."""
    send(newsroom)
    for memory in (newsroom.root / ".digest").glob("public-*.json"):
        memory.unlink()
    recall, recalled = sent_editions.recall, []

    def interrupted(newsroom, record, note):
        sent = recall(newsroom, record, note)
        os.utime(record.home / PAGE, ns=(0, 10**18 + len(recalled)))
        recalled.append(record.edition.id)
        return sent

    monkeypatch.setattr(sent_editions, "recall", interrupted)
    assert newsroom("archive").code == 0
    assert recalled == [EDITION]
    monkeypatch.setattr(sent_editions, "recall", lambda *given: recalled.append("again") or recall(*given))
    assert newsroom("archive").code == 0
    assert newsroom("archive").code == 0
    assert recalled == [EDITION, "again"]


def test_a_ledger_that_cannot_be_opened_halts_the_schedule_and_not_the_archive(newsroom):
    """Pages of what was sent need it for little, and say that they went without; what is due cannot be told."""
    newsroom.write("config.yaml", (newsroom.root / "config.yaml").read_text() + "\nschedule: [{on: day 1}]\n")
    send(newsroom)
    newsroom.write(".digest/ledger.db", "no database")
    done = newsroom("archive")
    assert done.code == 0
    assert "only what is known without it is published" in done.err
    refused = newsroom("schedule")
    assert (refused.code, refused.out) == (1, "")
    assert "ledger.db" in refused.err


def test_a_logo_that_mails_carry_is_a_file_of_the_pages(newsroom):
    """`theme.logo: images/logo.png` is shown on every page, though in the mail it is no address of the web."""
    data = io.BytesIO()
    Image.new("RGB", (320, 80), "#1e2dbe").save(data, "PNG")
    (newsroom.root / "images").mkdir()
    (newsroom.root / "images/our logo.png").write_bytes(data.getvalue())
    newsroom.edit("config.yaml", "theme:\n", "theme:\n  logo: images/our logo.png\n")
    send(newsroom)
    page = public(newsroom, f"{EDITION}/index.html").read_text("utf-8")
    (name,) = set(re.findall(r'src="(?:\.\./)+img/([^"]+-320\.png)"', page))
    assert public(newsroom, f"img/{name}").read_bytes() == data.getvalue()
    assert "cid:" not in page
