"""What messages say: where, what is wrong, what there is, and nothing that is not so."""

from __future__ import annotations

import json
import os

import pytest

from digest.text.counting import counted

EDITION = "2022-02/everyone/en"


def line_of(newsroom, text):
    lines = (newsroom.root / "config.yaml").read_text().splitlines()
    return next(number for number, line in enumerate(lines, 1) if text in line)


@pytest.mark.parametrize("key", ["subject", "preheader"])
def test_a_name_that_a_template_does_not_have(newsroom, key):
    """A wrong name in subject or preheader is told with its line, and with the names that there are."""
    newsroom.edit("config.yaml", "\ntheme:\n", f"\nmail:\n  {key}: '{{{{ stories|length }}}} stories'\n\ntheme:\n")
    done = newsroom("build", EDITION)
    known = "edition, issue, newsroom, reader, theme, words"
    said = f"config.yaml:{line_of(newsroom, key)}: mail.{key}: 'stories' is undefined; known here: {known}"
    assert (done.code, done.lines) == (2, [f"digest: {said}"])


def test_an_audiences_own_subject_has_its_line(newsroom):
    """The audience's own line is named, and a slip of the finger gets the nearest name."""
    newsroom.edit("config.yaml", "    title: Skills\n", "    title: Skills\n    subject: '{{ edtion.title }}'\n")
    (line,) = newsroom("build", "2022-02/skills/en").lines
    where = f"config.yaml:{line_of(newsroom, 'edtion')}: audiences.skills.subject"
    assert line == f"digest: {where}: 'edtion' is undefined, did you mean 'edition'?"


def test_a_logo_that_is_not_there(newsroom):
    """Its line is named by the checks, and by `config` when it is asked."""
    newsroom.edit("config.yaml", "\ntheme:\n", "\ntheme:\n  logo: pictures/none.png\n")
    place = f"config.yaml:{line_of(newsroom, 'none.png')}: theme.logo: "
    assert place in newsroom("check", EDITION).out
    done = newsroom("config")
    assert (done.code, len(done.lines)) == (2, 1)
    assert done.err.startswith(f"digest: {place}")


def test_an_approval_names_what_must_be_mended(newsroom):
    """Who approves an edition with an error is told of it, and not that it may go."""
    newsroom.edit("config.yaml", "\ntheme:\n", "\ntheme:\n  logo: pictures/none.png\n")
    newsroom("build", EDITION)
    done = newsroom("approve", EDITION, "--by", "Ana")
    assert "must be mended before it is sent: image-missing: config.yaml:" in done.out
    assert "it may go" not in done.out
    (status,) = json.loads(newsroom("approve", EDITION, "--show", "--json").out)
    assert len(status["errors"]) == 1


@pytest.fixture
def nobody(newsroom):
    """Whoever runs this is a number, as in many a container: without a name, and without a home."""
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME", "HOME", "XDG_CONFIG_HOME"):
        newsroom.monkeypatch.delenv(name, raising=False)
    for name in ("getuid", "geteuid"):
        newsroom.monkeypatch.setattr(os, name, lambda: 54_321)


@pytest.mark.usefixtures("nobody")
def test_who_has_no_name_on_this_machine_approves_by_one(newsroom):
    """An approval is somebody's: without --by, and without a name, one line says what to type."""
    newsroom("build", EDITION)
    done = newsroom("approve", EDITION)
    assert (done.code, done.lines) == (
        2, ["digest: this machine has no name for who runs this; say who approves: --by NAME"],
    )  # fmt: skip
    assert newsroom("approve", EDITION, "--by", "Ana").code == 0


@pytest.mark.usefixtures("nobody")
def test_who_has_no_home_hears_where_units_go(newsroom):
    """Where systemd looks for a user's units is below a home, or where a variable says."""
    newsroom.write("config.yaml", (newsroom.root / "config.yaml").read_text() + "\nschedule: [{on: day 1}]\n")
    done = newsroom("schedule", "--install", "systemd")
    assert (done.code, len(done.lines), "set XDG_CONFIG_HOME" in done.err) == (2, 1, True)


@pytest.mark.parametrize("path", ["~/readers.csv", "~nosuchuser/readers.csv"])
@pytest.mark.usefixtures("nobody")
def test_a_list_in_nobodys_home_is_not_there(newsroom, path):
    """A `~` that stands for no home is named as it was typed, as a file that is missing."""
    newsroom.edit("config.yaml", "recipients/everyone.csv", path)
    done = newsroom("send", EDITION)
    assert (done.code, len(done.lines), path in done.err) == (2, 1, True), done.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("subscribers", "list"), "--audience is missing: whose readers; see `digest subscribers list --help`"),
        (("new",), "TITLE is missing: the story's title, in quotes; see `digest new --help`"),
        (("new", "Water", "comes", "back"), "'comes back' is more than `digest new` takes; put quotes around a text"),
        (("send", "--eml"), "--eml wants a value behind it"),
        (("schedule", "--install", "launchd"), "--install: 'launchd' is not one of "),
    ],
)
def test_what_was_left_out_or_typed_too_much_is_named_as_one_types_it(newsroom, arguments, said):
    """An option by its long name, a value by what it is, in words of ours."""
    done = newsroom(*arguments, now=None)
    assert (done.code, len(done.lines)) == (2, 1)
    assert done.err.startswith(f"digest: {said}")


def test_a_word_for_a_month_is_a_word_for_each_of_its_editions(newsroom):
    """One without stories, or signed before, or changed since, is named and keeps none from being signed."""
    newsroom.edit("config.yaml", "  everyone:\n", "  everyone:\n    languages: [fr, en]\n")
    newsroom("build", "--month", "2022-02")
    assert newsroom("approve", EDITION, "--by", "Ana").code == 0
    done = newsroom("approve", "--month", "2022-02", "--by", "Ana")
    assert (done.code, done.lines) == (2, [
        "digest: 2022-02/everyone/fr: nothing to approve: no stories",
        f"digest: {EDITION}: Ana has approved this already; a second word must be another person's",
    ])  # fmt: skip
    for name in ("impact", "skills"):
        assert f"2022-02/{name}/en: " in done.out
    done = newsroom("approve", "2022-02/everyone", "--by", "Bob")
    assert (done.code, done.lines) == (0, ["digest: 2022-02/everyone/fr: nothing to approve: no stories"])
    assert newsroom("approve", "2022-02/everyone/fr", "--by", "Bob").code == 3


def test_a_plan_does_not_contradict_itself(newsroom):
    """An edition without stories is no plan for six mails; one with an error is not said to be ready."""
    done = newsroom("send", "--month", "2019-02", "-a", "everyone")
    assert (done.code, done.out.strip()) == (3, "2019-02/everyone/en: nothing to send: no stories")
    newsroom.edit("config.yaml", "\ntheme:\n", "\ntheme:\n  logo: pictures/none.png\n")
    assert "to send: mend what is named above, then add --live" in newsroom("send", EDITION).out


def test_lifting_tells_whether_the_reader_is_mailed_now(newsroom):
    """After `unsuppress` each audience says so: mailed, not on its list, or still held back and by what."""
    newsroom("subscribers", "suppress", "ana@example.org", "-a", "everyone")
    done = newsroom("subscribers", "unsuppress", "ana@example.org")
    assert "for all audiences" in done.out
    assert "still held back for everyone: manual" in done.out
    assert "; to lift that, ask with --audience everyone" in done.out
    assert "  everyone: not mailed: " in done.out
    newsroom.write("recipients/everyone.csv", "email\nana@example.org\n")
    done = newsroom("subscribers", "unsuppress", "ana@example.org", "-a", "everyone", "--because", "asked")
    assert done.out.endswith("  everyone: is mailed\n")
    assert "  everyone: not mailed: not on its list\n" in newsroom("subscribers", "unsuppress", "new@example.org").out


def test_notes_are_counted(newsroom):
    """Findings that are no more than notes are counted by `build`, and shown with -v."""
    done = newsroom("build", EDITION)
    assert "notes beside: -v shows them" in done.out
    shown = newsroom("build", EDITION, "-v")
    assert "  info " in shown.out
    assert "notes beside" not in shown.out


def test_what_editions_share_is_said_and_counted_once(newsroom):
    """A placeholder of config.yaml is one thing to mend, however many editions show it; each edition still names it."""
    shown = newsroom("build", "--month", "2022-02", "-v").out
    placeholder = "address-placeholder: config.yaml:7: newsroom.from: is still the placeholder"
    assert shown.count(placeholder) == 1
    infos = sum(line.startswith("  info ") for line in shown.splitlines())
    assert f"{infos} notes beside" in newsroom("build", "--month", "2022-02").out
    assert shown.count("findings that stand above") == 2
    checked = newsroom("check", "--month", "2022-02", "-v").out
    assert checked.count(placeholder) == 1
    assert checked.count("findings that stand above") == 2
    data = json.loads(newsroom("check", "--month", "2022-02", "--json").out)
    assert {row["edition"] for row in data if row["message"].startswith("newsroom.from")} == {
        "2022-02/everyone/en", "2022-02/impact/en", "2022-02/skills/en",
    }  # fmt: skip


def test_an_error_that_editions_share_is_counted_once(newsroom):
    """One wrong line of a story is one error to mend, though two editions have the story."""
    values = {"date": "2022-02-28", "link": "http://10.0.0.1/x", "credit": "X"}
    newsroom.story("broken", channels="[impact-and-people]", topics="[skills]", **values)
    built = newsroom("build", "--month", "2022-02")
    assert sum("broken.md" in line for line in built.out.splitlines()) == built.err.count("error") == 1, built
    assert "built, but 1 error must be mended" in built.err
    assert "digest: 1 error; " in newsroom("check", "--month", "2022-02").err


@pytest.mark.archived
def test_what_is_wrong_with_a_list_is_said_once_for_all_its_languages(newsroom):
    """The editions of an audience's languages share its list: a plan of them names a bad row once."""
    newsroom.edit("config.yaml", "  everyone:\n", "  everyone:\n    languages: [en, fr]\n")
    newsroom.edit("config.yaml", "    archive: public", "    # archive: public")
    newsroom.write(
        "recipients/everyone.csv",
        "email,language,status\na@example.org,en,\nnobody,fr,\nc@example.org,fr,unsubscribed\n",
    )
    newsroom.story("pont", date="2022-02-20", language="fr")
    plan = newsroom("send", "--month", "2022-02", "-a", "everyone")
    assert plan.err.count("nobody") == 1, plan
    assert plan.err.count("archive.url is set") == 1
    assert plan.out.count("by the list itself not to be mailed") == 1


def test_a_dry_run_names_files_as_they_lie(newsroom):
    """The diff of an import has paths that can be copied: below stories/, as they are in the newsroom."""
    newsroom.write("page.html", "<html><body><article><h2>New</h2><time>2022-02-03</time></article></body></html>")
    feed = (
        '<rss version="2.0"><channel><title>x</title><item><title>New ship</title><guid>1</guid>'
        "<pubDate>Thu, 03 Feb 2022 09:00:00 +0100</pubDate><description>It came.</description></item></channel></rss>"
    )
    newsroom.write("feed.xml", feed)
    done = newsroom("import", "feed.xml", "--dry-run")
    assert "+++ b/stories/2022-02-03-new-ship.md" in done.out


@pytest.mark.parametrize(
    ("count", "words"), [(0, "0 stories"), (1, "1 story"), (2, "2 stories"), (1234, "1,234 stories")]
)
def test_one_is_one(count, words):
    """A count has its noun in the right number."""
    assert counted(count, "story", "stories") == words


def test_a_plan_says_that_nobody_has_approved(newsroom):
    """Where a live send would be refused for want of an approval, its plan does not say that --live is all it takes."""
    newsroom.edit("config.yaml", "\nsend:\n", "\nsend:\n  approval: required\n")
    plan = newsroom("send", EDITION)
    refused = newsroom("send", EDITION, "--live", "--yes", "--eml", "out")
    assert (plan.code, refused.code) == (0, 5)
    assert refused.err.removeprefix("digest: ").strip() in plan.err
    assert "mend what is named above, then add --live" in plan.out
    (row,) = json.loads(newsroom("send", EDITION, "--json").out)
    assert row["unapproved"] in plan.err
    newsroom("build", EDITION)
    newsroom("approve", EDITION, "--by", "Ana")
    assert "to send: add --live" in newsroom("send", EDITION).out


def test_sheets_of_a_list_that_are_not_read_are_named(newsroom):
    """A workbook is its first sheet: plan, import, list and export name the others, but for empty ones."""
    from openpyxl import Workbook

    book = Workbook()
    book.active.append(("email", "name"))
    book.active.append(("ann@example.org", "Ann"))
    book.create_sheet("Old readers").append(("zoe@example.org", "Zoe"))
    book.create_sheet("Empty")
    book.save(newsroom.root / "recipients" / "list.xlsx")
    said = "recipients/list.xlsx: the sheet 'Old readers' is not read; the first is the list"
    done = newsroom("subscribers", "import", "-a", "everyone", "recipients/list.xlsx", "--dry-run")
    assert said in done.out
    newsroom.edit("config.yaml", "recipients/everyone.csv", "recipients/list.xlsx")
    plan = newsroom("send", EDITION).out
    assert said in plan
    assert "1 mail x" in plan
    assert "Empty" not in plan
    for verb in ("list", "export"):
        done = newsroom("subscribers", verb, "-a", "everyone")
        assert done.err == f"digest: {said}\n"
        assert "ann@example.org" in done.out
        assert "zoe@example.org" not in done.out
        assert json.loads(newsroom("subscribers", verb, "-a", "everyone", "--json").out)["notes"] == [said]


def test_what_was_not_tried_is_said(newsroom):
    """Without --network, `check` says in one line what it did not look at; it is no finding."""
    line = "Links, pictures on the web and DNS were not tried: --network does."
    assert newsroom("check", "2022-02/everyone/en").out.splitlines()[-1] == line
    assert newsroom("check", "2022-02/everyone/en", "-q").out == ""
    assert "network" not in newsroom("check", "2022-02/everyone/en", "--json").out


@pytest.mark.archived
@pytest.mark.parametrize(
    "arguments", [("build",), ("check",), ("send",), ("run",), ("run", "--dry-run"), ("schedule",)]
)
def test_quiet_says_errors_only(newsroom, sink, arguments):
    """What is worth a look is told, and no error: with -q nothing of it is. Here nobody said whether to publish."""
    newsroom.edit("config.yaml", "    archive: public                      #", "    #")
    newsroom.write("config.yaml", (newsroom.root / "config.yaml").read_text() + "\nschedule: [{on: day 1}]\n")
    newsroom("run", now="2022-02-15T09:00")
    which = () if arguments[0] in ("run", "schedule") else ("--month", "2022-02", "--audience", "everyone")
    moment = "2022-03-01T10:00" if arguments == ("run",) else "2022-03-01T08:00"
    done = newsroom(*arguments, *which, "-q", now=moment)
    assert (done.code, done.out, done.err) == (0, "", "")
    assert bool(sink.mails) == (arguments == ("run",))


@pytest.mark.archived
def test_without_quiet_it_is_said(newsroom, sink):
    """The same run without -q says that the archive is not linked, on standard error, and sends."""
    newsroom.edit("config.yaml", "    archive: public                      #", "    #")
    newsroom.write("config.yaml", (newsroom.root / "config.yaml").read_text() + "\nschedule: [{on: day 1}]\n")
    newsroom("run", now="2022-02-15T09:00")
    done = newsroom("run", now="2022-03-01T10:00")
    assert "2022-02/everyone/en: archive.url is set, and nothing of this audience is published" in done.err
    assert sink.mails
