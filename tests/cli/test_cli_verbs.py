"""The other verbs of a newsroom: stories, import, config, init, check, approve; and how the program speaks."""

from __future__ import annotations

import json
import os
import shutil
from importlib.metadata import version
from pathlib import Path

import pytest

LISTINGS = Path(__file__).parents[1] / "importing" / "data"
EDITION = "2022-02/everyone/en"


def test_explain_tells_every_story_and_its_one_rule(newsroom):
    """--explain lists all nineteen stories: five in, and each of the others with the rule that decided."""
    done = newsroom("stories", "--month", "2022-02", "--audience", "everyone", "--explain", "--json")
    rows = json.loads(done.out)
    assert len(rows) == 19
    assert sum(row["included"] for row in rows) == 5
    assert {row["rule"] for row in rows} == {"in-period", "outside-period"}
    plain = newsroom("stories", "--month", "2022-02", "--audience", "everyone", "--explain")
    assert "2022-02/everyone/en: 5 in, 14 out" in plain.out


def test_stories_are_listed(newsroom):
    """Without --explain the stories of a period are listed, or all of them."""
    assert len(json.loads(newsroom("stories", "--json").out)) == 19
    assert len(json.loads(newsroom("stories", "--year", "2021", "--json").out)) == 13


def test_the_two_real_listings_are_nineteen_stories(empty):
    """Both pages imported into an empty newsroom give 19 stories; again gives no change."""
    pages = [str(LISTINGS / name) for name in ("all-content.txt", "impact-and-people.txt")]
    for page in pages:
        assert empty("import", page).code == 0
    assert len(list((empty.root / "stories").glob("*.md"))) == 19
    before = {path: path.read_bytes() for path in (empty.root / "stories").iterdir()}
    for page in pages:
        done = empty("import", page)
        assert "0 new, 0 changed" in done.out
    assert {path: path.read_bytes() for path in (empty.root / "stories").iterdir()} == before
    assert len(json.loads(empty("stories", "--month", "2022-02", "--json").out)) == 5


def test_a_dry_run_shows_a_diff_and_writes_nothing(empty):
    """--dry-run prints what would be written, as a diff."""
    done = empty("import", "--dry-run", str(LISTINGS / "all-content.txt"))
    assert "+title: Strengthening digital TVET in Ukraine" in done.out
    assert "10 would be new" in done.out
    assert not list((empty.root / "stories").iterdir())


def test_a_page_without_stories_is_a_loud_error(empty):
    """An import that finds nothing ends with 6, and keeps what it read as evidence."""
    empty.write("page.html", "<html><body><h1>We have moved</h1></body></html>")
    done = empty("import", "page.html")
    assert done.code == 6
    (kept,) = (empty.root / ".digest/evidence").iterdir()
    assert str(kept.relative_to(empty.root)) in done.err
    assert kept.read_text() == "<html><body><h1>We have moved</h1></body></html>"


def test_a_page_that_lost_most_of_its_stories_is_a_loud_error(empty):
    """Far fewer items than the last time from the same source ends with 6; --force takes them."""
    page = empty.root / "page.txt"
    shutil.copy(LISTINGS / "all-content.txt", page)
    assert empty("import", "page.txt").code == 0
    text = page.read_text(encoding="utf-8")
    page.write_text(text[: text.index("  2. Skills stories")], encoding="utf-8")
    done = empty("import", "page.txt")
    assert (done.code, "--force" in done.err) == (6, True)
    assert empty("import", "page.txt", "--force").code == 0


def test_a_hand_edited_field_is_kept(empty):
    """What a person wrote into a story stays, and a source that says otherwise later is shown."""
    page = empty.root / "page.txt"
    shutil.copy(LISTINGS / "all-content.txt", page)
    empty("import", "page.txt")
    name = "2022-02-10-strengthening-digital-tvet-in-ukraine"
    empty.edit(f"stories/{name}.md", "kicker: Skills stories", "kicker: Our own kicker")
    text = page.read_text(encoding="utf-8")
    at = text.index("Strengthening digital TVET")
    page.write_text(text[:at].rpartition("Skills stories")[0] + "New series\n\n    " + text[at:], encoding="utf-8")
    done = empty("import", "page.txt")
    assert "Our own kicker" in (empty.root / f"stories/{name}.md").read_text()
    assert "kept" in done.out
    assert "New series" in done.out


def test_standard_input_is_a_source(newsroom):
    """`-` reads standard input."""
    text = (LISTINGS / "impact-and-people.txt").read_text(encoding="utf-8")
    shutil.rmtree(newsroom.root / "stories")
    (newsroom.root / "stories").mkdir()
    done = newsroom.shell("import", "-", "--channel", "piped", stdin=text)
    assert "10 new" in done.out, done.err
    assert "channels: [piped]" in next((newsroom.root / "stories").glob("2022-02-25*")).read_text()


@pytest.mark.parametrize("source", ["file:///etc/passwd", "http://127.0.0.1:9/", "http://[::1]/", "gopher://x/"])
def test_private_addresses_and_odd_schemes_are_refused(empty, source):
    """Nothing on this machine or behind its firewall is fetched, and no scheme but http(s)."""
    done = empty("import", source)
    assert done.code in (2, 6)
    assert len(done.lines) == 1
    assert not list((empty.root / "stories").iterdir())


def test_config_says_what_is_in_force(newsroom):
    """`config` checks, --print tells each value's source, --schema is JSON."""
    assert "no mistakes" in newsroom("config").out
    newsroom.monkeypatch.setenv("DIGEST_SMTP__HOST", "mx.example.org")
    assert "environment DIGEST_SMTP__HOST" in newsroom("config", "--print").out
    assert json.loads(newsroom("config", "--schema").out)["properties"]["newsroom"]


def test_a_mistake_in_config_stops_every_verb(newsroom):
    """A misspelt key is told with its line and the nearest word, and nothing is done."""
    newsroom.edit("config.yaml", "  timezone:", "  timezon:")
    for verb in (("build", "--month", "2022-02"), ("stories",), ("config",)):
        done = newsroom(*verb)
        assert done.code == 2
        assert "config.yaml:9: newsroom.timezon: is not a key here, did you mean 'timezone'?" in done.err


def test_init_makes_a_newsroom_that_builds(newsroom):
    """`digest init DIR` and the command it prints work, and a second init in the same place touches nothing."""
    done = newsroom("init", "mine", "--name", "Harbour News: Today", "--contact", "desk@example.org", now=None)
    assert done.code == 0, done.err
    assert "cd mine && digest build --month 2022-02" in done.out
    newsroom.monkeypatch.chdir(newsroom.root / "mine")
    made = type(newsroom)(newsroom.root / "mine", newsroom.capsys, newsroom.monkeypatch)
    assert made("build", "--month", "2022-02").code == 0
    text = (made.root / "build/2022-02/everyone/en/digest.eml").read_text()
    assert "Reply-To: desk@example.org" in text
    assert "Harbour News: Today" in text
    before = (made.root / "config.yaml").read_bytes()
    again = newsroom("init", "mine", now=None)
    assert (again.code, len(again.lines)) == (2, 1)
    assert (made.root / "config.yaml").read_bytes() == before


def test_init_keeps_nothing_of_the_samples_newsroom(newsroom):
    """A newsroom of one's own name has placeholders where the sample had its own facts, and each is listed once."""
    done = newsroom("init", "mine", "--name", "Harbour News", now=None)
    config = (newsroom.root / "mine/config.yaml").read_text()
    assert "ILO" not in config
    assert "ilo.org" not in config
    assert "Morillons" not in config
    listed = done.out.partition("To fill in before readers are mailed:\n")[2].splitlines()
    assert [line.split(": ")[1] for line in listed[:5]] == [
        "newsroom.contact", "newsroom.from", "newsroom.url", "newsroom.postal_address", "smtp",
    ]  # fmt: skip
    lines = config.splitlines()
    for line in listed[:4]:
        file, number, key = line.split(":")[:3]
        assert lines[int(number) - 1].startswith(f"  {key.strip().removeprefix('newsroom.')}: "), (file, line)
    assert "recipients/everyone.csv" in listed[5]
    assert "stories" in listed[6]
    told = json.loads(newsroom("init", "other", "--json", now=None).out)
    assert [blank["where"].split(": ")[-1] for blank in told["fill_in"]][:2] == ["newsroom.name", "newsroom.contact"]


def test_no_real_reader_is_mailed_with_a_placeholder(newsroom):
    """Examples may be sent to examples; the first real reader stops it before anybody is frozen, with file and line."""
    newsroom("init", "mine", "--name", "Harbour News", now=None)
    made = type(newsroom)(newsroom.root / "mine", newsroom.capsys, newsroom.monkeypatch)
    send = ("send", "--month", "2022-02", "--audience", "everyone", "--live", "--yes", "--eml", "out")
    assert "newsroom.postal_address: is still the placeholder" in made("check", "--month", "2022-02").out
    made.write("recipients/everyone.csv", "email\nann@example.org\nben@harbour-news.eu\n")
    done = made(*send)
    assert done.code == 2
    assert done.lines[0] == (
        "digest: 2022-02/everyone/en: ben@harbour-news.eu is a real reader, "
        "and nobody is mailed before all of this is filled in"
    )
    assert [line.split(": ")[1:3] for line in done.lines[1:]] == [
        ["config.yaml:6", "newsroom.contact"],
        ["config.yaml:7", "newsroom.from"],
        ["config.yaml:8", "newsroom.url"],
        ["config.yaml:11", "newsroom.postal_address"],
    ]
    made.edit("config.yaml", "digest@example.org", "digest@harbour-news.eu")
    made.edit("config.yaml", "newsroom@example.org", "newsroom@harbour-news.eu")
    made.edit("config.yaml", "www.example.org", "www.harbour-news.eu")
    assert "newsroom.postal_address: is still the placeholder [Harbour News: street" in made(*send).err
    assert not list(made.root.glob("out/*"))
    made.edit("config.yaml", "'[Harbour News: street, postcode, town and country]'", "1 Quay, Harbour")
    assert made(*send).code == 0
    assert len(list((made.root / "out").glob("*.eml"))) == 2
    assert "placeholder" not in made("check", "--month", "2022-02", "-v").out


def test_init_can_be_changed_by_its_own_theme(newsroom):
    """The theme that init copies is the newsroom's to change, and the change is seen."""
    newsroom("init", "mine", now=None)
    made = type(newsroom)(newsroom.root / "mine", newsroom.capsys, newsroom.monkeypatch)
    part = made.root / "templates/default/text.txt.j2"
    part.write_text("OUR OWN WORDS\n" + part.read_text(encoding="utf-8"), encoding="utf-8")
    assert made("build", "--month", "2022-02", "--audience", "everyone").code == 0
    assert "OUR OWN WORDS" in (made.root / "build/2022-02/everyone/en/digest.txt").read_text()


def test_check_tells_and_explains(newsroom):
    """`check` lists findings, --json and --sarif are for programs, --strict fails on warnings, --explain explains."""
    newsroom.story("photo", image="images/none.jpg", image_alt="A photo", credit="© Nobody 2022")
    done = newsroom("check", "--month", "2022-02", "--audience", "everyone")
    assert done.code == 1
    found = json.loads(newsroom("check", "--month", "2022-02", "--audience", "everyone", "--json").out)
    errors = [each for each in found if each["severity"] == "error"]
    assert errors
    assert json.loads(newsroom("check", "--month", "2022-02", "--sarif").out)["version"] == "2.1.0"
    explained = newsroom("check", "--explain", errors[0]["code"], now=None)
    assert (explained.code, errors[0]["code"] in explained.out) == (0, True)
    assert newsroom("check", "--explain", "no-such-code", now=None).code == 2


def test_a_check_can_be_made_quieter_with_a_reason(newsroom):
    """config.yaml lowers a check, with a reason; a code that does not exist is refused."""
    newsroom.story("photo", image="images/none.jpg", image_alt="A photo", credit="© Nobody 2022")
    found = json.loads(newsroom("check", "--month", "2022-02", "--audience", "everyone", "--json").out)
    code = next(each["code"] for each in found if each["severity"] == "error")
    newsroom.write(
        "config.yaml",
        (newsroom.root / "config.yaml").read_text() + f"checks:\n  {code}: {{severity: info, reason: a test}}\n",
    )
    assert newsroom("check", "--month", "2022-02", "--audience", "everyone").code == 0
    newsroom.edit("config.yaml", f"  {code}:", "  no-such-check:")
    assert newsroom("check", "--month", "2022-02").code == 2


def test_approval_holds_until_something_changes(newsroom):
    """What was built is signed; a change of a story voids it and is named; building and signing again mends it."""
    newsroom("build", "--month", "2022-02")
    assert newsroom("approve", EDITION, "--by", "Ana").code == 0
    assert "holds" in newsroom("approve", EDITION, "--show").out
    name = "2022-02-10-strengthening-digital-tvet-in-ukraine"
    newsroom.edit(f"stories/{name}.md", "title: Strengthening", "title: Stronger")
    shown = newsroom("approve", EDITION, "--show").out
    assert f"void, as this changed since: story {name}" in shown
    refused = newsroom("approve", EDITION, "--by", "Ana")
    assert (refused.code, "digest build" in refused.err) == (5, True)
    newsroom("build", "--month", "2022-02")
    assert newsroom("approve", EDITION, "--by", "Ana").code == 0


def test_two_people_must_be_two(newsroom):
    """`approval: two` wants a second person; the same one twice is refused."""
    newsroom.edit("config.yaml", "  engine: local", "  engine: local\n  approval: two")
    newsroom("build", "--month", "2022-02")
    assert "2 people must" in newsroom("approve", EDITION, "--by", "Ana").out
    assert newsroom("approve", EDITION, "--by", "ana").code == 2
    assert "holds" in newsroom("approve", EDITION, "--by", "Ben").out


def test_what_was_changed_after_the_build_is_not_signed(newsroom):
    """A file of the build that was edited by hand is noticed."""
    newsroom("build", "--month", "2022-02")
    newsroom.edit("build/2022-02/everyone/en/index.html", "February", "March")
    done = newsroom("approve", EDITION, "--by", "Ana")
    assert (done.code, "index.html was changed" in done.err) == (5, True)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["biuld"], 2, "did you mean 'build'"),
        (["build", "--help"], 0, ""),
        (["approve", "2022-02"], 2, "type: digest approve 2022-02/everyone"),
        (["status"], 1, "no ledger yet"),
        (["subscribers", "add", "-a", "everyone", "a@@b"], 2, "more than one @"),
    ],
)
def test_the_program_speaks_in_lines(newsroom, arguments, code, said):
    """Whatever is typed, the answer is a line and an exit code, never a traceback."""
    done = newsroom(*arguments)
    assert (done.code, said in done.err) == (code, True), done.err
    assert "Traceback" not in done.err
    assert len(done.lines) <= 1


def test_without_a_newsroom_the_way_is_shown(newsroom, tmp_path_factory):
    """Outside any newsroom the message says how to make one."""
    newsroom.root = tmp_path_factory.mktemp("nowhere")
    done = newsroom("build", "--month", "2022-02")
    assert (done.code, "digest init" in done.err) == (2, True)


def test_a_closed_pipe_is_no_error(newsroom):
    """`digest stories | head -1` ends quietly."""
    import subprocess
    import sys

    command = f"{sys.executable} -c 'from digest.cli import main; main()' config --print | head -1"
    done = subprocess.run(
        ["bash", "-c", command], cwd=newsroom.root, env=dict(os.environ), capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    assert done.stdout.startswith("setting")


def test_the_version_is_told(newsroom):
    """--version prints the installed version and does nothing else."""
    done = newsroom("--version")
    assert (done.code, done.out, done.err) == (0, f"digest {version('newsroom-digest')}\n", "")
