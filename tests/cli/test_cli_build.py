"""`digest build` as a person uses it: what is there afterwards, what is said, and what is refused."""

from __future__ import annotations

import email
import email.policy
import hashlib
import json
import re
import subprocess
import sys
from importlib.metadata import version
from itertools import product
from string import ascii_lowercase

import pytest

from digest.checks.bulk_sender import BULK

FEBRUARY = ("build", "--month", "2022-02")
EVERYONE = "build/2022-02/everyone/en"


def manifest(newsroom, folder=EVERYONE):
    return json.loads((newsroom.root / folder / "manifest.json").read_bytes())


def test_a_month_is_built_for_every_audience(newsroom):
    """The first command of the README makes three editions, says what it made, and what to open next."""
    done = newsroom(*FEBRUARY)
    assert done.code == 0, done.err
    for name, stories in (("everyone", 5), ("impact", 1), ("skills", 4)):
        assert re.search(rf"2022-02/{name}/en\s+{stories}\s", done.out)
        for part in ("index.html", "digest.txt", "digest.eml", "manifest.json"):
            assert (newsroom.root / "build/2022-02" / name / "en" / part).stat().st_size
    assert "index.html in a browser" in done.out


def test_a_year_holds_its_thirteen_stories(newsroom):
    """--year 2021 has the thirteen stories of 2021, grouped by month."""
    assert newsroom("build", "--year", "2021", "--audience", "everyone").code == 0
    stories = manifest(newsroom, "build/2021/everyone/en")["stories"]
    assert len(stories) == 13
    assert all(story["id"].startswith("2021-") for story in stories)


def test_the_mail_opens_with_its_headers(newsroom):
    """digest.eml has the text first, then HTML with its pictures; it is 7-bit with CRLF and no long line."""
    newsroom(*FEBRUARY)
    data = (newsroom.root / EVERYONE / "digest.eml").read_bytes()
    mail = email.message_from_bytes(data, policy=email.policy.default)
    assert mail["Reply-To"] == "newsroom@ilo.org"
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "multipart/related"]
    related = [part.get_content_maintype() for part in list(mail.iter_parts())[1].iter_parts()]
    assert related == ["text", *["image"] * 4]
    assert data.isascii()
    assert b"\n" not in data.replace(b"\r\n", b"")
    assert max(map(len, data.split(b"\r\n"))) <= 998
    for header in (
        "From",
        "Subject",
        "Date",
        "Message-ID",
        "List-Id",
        "List-Unsubscribe",
        "Precedence",
        "MIME-Version",
    ):
        assert len(mail.get_all(header)) == 1, header
    text = mail.get_body(("plain",)).get_content()
    html = mail.get_body(("html",)).get_content()
    for story in manifest(newsroom)["stories"]:
        words = story["title"].split()
        assert " ".join(words[:3]) in re.sub(r"\s+", " ", text)
        assert " ".join(words[:3]) in html


def test_the_manifest_tells_what_is_in_the_folder(newsroom):
    """Sizes and hashes are those of the files, and the stories have their reasons."""
    newsroom(*FEBRUARY)
    account = manifest(newsroom)
    for name, facts in account["files"].items():
        data = (newsroom.root / EVERYONE / name).read_bytes()
        assert (len(data), hashlib.sha256(data).hexdigest()) == (facts["bytes"], facts["sha256"])
    assert {story["why"] for story in account["stories"]} == {"in-period"}
    assert account["versions"]["digest"] == version("newsroom-digest")


def test_same_input_same_bytes(newsroom):
    """Two builds at one --now are the same to the byte, and so are two under one SOURCE_DATE_EPOCH."""

    def parts():
        return {path.name: path.read_bytes() for path in (newsroom.root / EVERYONE).iterdir()}

    newsroom(*FEBRUARY)
    first = parts()
    newsroom(*FEBRUARY)
    assert parts() == first
    newsroom.monkeypatch.setenv("SOURCE_DATE_EPOCH", "1646121600")
    newsroom(*FEBRUARY, now=None)
    third = parts()
    newsroom(*FEBRUARY, now=None)
    assert parts() == third


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ((), "say which period"),
        (("--month", "2022-13"), "'2022-13' is not a month"),
        (("--month", "2022-02", "--year", "2022"), "more than one period"),
        (("--since", "2022-02-01"), "go together"),
        (("--last", "fortnight"), "write one of month"),
        (("--month", "2022-02", "--audience", "evryone"), "did you mean 'everyone'"),
        (("--month", "2022-02", "--language", "fr"), "languages"),
        (("--mnth", "2022-02"), "--mnth"),
    ],
)
def test_a_slip_of_the_hand_is_one_line(newsroom, flags, said):
    """A mistake on the command line is one clear line, exit code 2, and writes nothing."""
    done = newsroom("build", *flags)
    assert done.code == 2
    assert len(done.lines) == 1
    assert said in done.err
    assert not (newsroom.root / "build").exists()


def test_now_must_be_a_time(newsroom):
    """--now that is no time is refused; a time without a zone is the newsroom's."""
    done = newsroom(*FEBRUARY, "--now", "soon")
    assert (done.code, len(done.lines)) == (2, 1)
    newsroom(*FEBRUARY, "--now", "2022-03-01T09:00")
    assert "Date: Tue, 01 Mar 2022 09:00:00 +0100" in (newsroom.root / EVERYONE / "digest.eml").read_text()


def test_all_mistakes_of_all_files_come_at_once(newsroom):
    """Three bad stories are told in one go, by file, line and key, and no edition is half built."""
    newsroom.story("one", date="2022-02-30")
    newsroom.story("two", titel="x")
    newsroom.write("stories/three.md", "---\ntitle: x\ndate: 2022-02-01\ntitle: y\n---\n")
    done = newsroom(*FEBRUARY)
    assert done.code == 2
    assert {line.split(": ")[1] for line in done.lines} == {
        "stories/one.md:3",
        "stories/two.md:4",
        "stories/three.md:4",
    }
    assert not (newsroom.root / "build").exists()


def test_skip_bad_leaves_them_out_by_name(newsroom):
    """With --skip-bad the rest is built, and each file that was left out is named."""
    newsroom.story("one", date="2022-02-30")
    done = newsroom(*FEBRUARY, "--skip-bad")
    assert done.code == 0
    assert "left out: stories/one.md:3" in done.err


def test_an_empty_month_is_no_mail_and_an_exit_code(newsroom):
    """A month without stories ends with 3, says so for each edition, and makes no mail."""
    done = newsroom("build", "--month", "2020-01")
    assert done.code == 3
    assert "nothing to send" in done.err
    assert not list((newsroom.root / "build").rglob("*.eml"))


def test_a_thin_month_is_carried_over(empty):
    """One story where two are needed waits, and comes with the next month as 'also from'."""
    empty.story("alone", topics="skills", date="2022-02-10")
    empty.story("next", topics="skills", date="2022-03-10")
    empty.story("other", topics="skills", date="2022-03-11")
    assert empty("build", "--month", "2022-02", "--audience", "skills").code == 3
    assert empty("build", "--month", "2022-03", "--audience", "skills", now="2022-04-01").code == 0
    stories = manifest(empty, "build/2022-03/skills/en")["stories"]
    assert [(story["id"], story["why"]) for story in stories] == [
        ("other", "in-period"), ("next", "in-period"), ("alone", "carried-over"),
    ]  # fmt: skip
    assert "February" in (empty.root / "build/2022-03/skills/en/digest.txt").read_text()


def test_a_late_story_comes_with_the_next_month(newsroom):
    """A story of January that was added after January was built is offered in February as late."""
    assert newsroom("build", "--month", "2022-01", "--audience", "everyone", now="2022-02-01").code == 0
    newsroom.story("forgotten", date="2022-01-20")
    newsroom(*FEBRUARY)
    found = {story["id"]: story["why"] for story in manifest(newsroom)["stories"]}
    assert found["forgotten"] == "late"
    assert len(found) == 6


def test_the_editors_hand_is_reproducible(newsroom):
    """Pin, skip and order in the overrides file decide, and a name that is no story is refused with its file."""
    ids = [story["id"] for story in (newsroom(*FEBRUARY), manifest(newsroom))[1]["stories"]]
    newsroom.write("overrides/2022-02/everyone.yaml", f"skip: [{ids[0]}]\norder: [{ids[4]}]\npin: [{ids[3]}]\n")
    assert newsroom(*FEBRUARY).code == 0
    assert [story["id"] for story in manifest(newsroom)["stories"]] == [ids[4], ids[3], ids[1], ids[2]]
    newsroom.write("overrides/2022-02/everyone.yaml", "skip: [no-such-story]\n")
    done = newsroom(*FEBRUARY)
    assert done.code == 2
    assert "no-such-story" in done.err
    assert "overrides/2022-02/everyone.yaml" in done.err


def test_a_withdrawn_story_vanishes(newsroom):
    """What the newsroom withdraws is gone from the next build."""
    name = "2022-02-10-strengthening-digital-tvet-in-ukraine"
    assert (newsroom.root / f"stories/{name}.md").exists()
    newsroom.edit(f"stories/{name}.md", "---\ntitle", "---\nstatus: withdrawn\ntitle")
    newsroom(*FEBRUARY)
    assert name not in {story["id"] for story in manifest(newsroom)["stories"]}


def test_a_story_cannot_run_anything(newsroom):
    """Template code, markup and scripts in a story are letters in the mail."""
    nasty = "{{ config.smtp.password }} <script>alert(1)</script> {% include '/etc/passwd' %}"
    newsroom.story("nasty", title=f'"{nasty}"', summary=f"{nasty}\n\n</mj-text><mj-raw><!--[if mso]>")
    assert newsroom(*FEBRUARY).code in (0, 1)
    html = (newsroom.root / EVERYONE / "index.html").read_text()
    assert "<script" not in html
    assert "{{ config.smtp.password }} &lt;script&gt;" in html
    assert "root:" not in html


def test_a_check_that_finds_an_error_ends_with_one(newsroom):
    """An image that is missing is an error that names the story; the files are there to be looked at."""
    newsroom.story("photo", image="images/none.jpg", image_alt="A photo", credit="© Nobody 2022")
    done = newsroom(*FEBRUARY)
    assert done.code == 1
    assert "photo" in done.out
    assert (newsroom.root / EVERYONE / "index.html").exists()


def test_json_is_for_programs(newsroom):
    """--json prints the manifests and nothing else."""
    done = newsroom(*FEBRUARY, "--json")
    assert [each["edition"] for each in json.loads(done.out)] == [
        "2022-02/everyone/en", "2022-02/impact/en", "2022-02/skills/en",
    ]  # fmt: skip


def test_quiet_says_nothing(newsroom):
    """-q leaves the terminal alone when all is well."""
    assert newsroom(*FEBRUARY, "-q").out == ""


def test_a_folder_that_cannot_be_written_is_said(newsroom):
    """A file where the folder should be is one line, and what was there stays."""
    newsroom.write("build", "not a folder")
    done = newsroom(*FEBRUARY)
    assert done.code == 1
    assert len(done.lines) == 1
    assert "could not be written" in done.err


def test_a_failed_write_leaves_the_old_edition_whole(newsroom):
    """When the disk is full in the middle, the edition that was there before is still there, to the byte."""
    newsroom(*FEBRUARY)
    before = {path.name: path.read_bytes() for path in (newsroom.root / EVERYONE).iterdir()}
    newsroom.edit("config.yaml", "name: ILO Newsroom", "name: Other Newsroom")
    # A real limit of the system: no file of this process may be longer than 3,000 bytes.
    code = (
        "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000));"
        "from digest.cli import main; main(['build', '--month', '2022-02', '--audience', 'everyone'])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=newsroom.root, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert "unchanged" in done.stderr
    assert {path.name: path.read_bytes() for path in (newsroom.root / EVERYONE).iterdir()} == before
    assert [path.name for path in (newsroom.root / "build/2022-02/everyone").iterdir()] == ["en"]


def test_a_build_loads_only_what_it_runs(newsroom):
    """What knows blocks, schedules, mails that were sent or a list's rows stays out of a build that asks none."""
    code = (
        "import sys\n"
        "from digest.cli import main\n"
        "try:\n    main()\n"
        "finally:\n"
        "    idle = ('blocks.kinds', 'issues.block_reader', 'config.schedule_lines', 'editions.sent_edition',\n"
        "            'recipients.csvfile', 'delivery')\n"
        "    print([name for name in idle if f'digest.{name}' in sys.modules], file=sys.stderr)\n"
    )
    command = [sys.executable, "-c", code, *FEBRUARY, "--quiet", "--now", "2022-03-01T09:00"]
    done = subprocess.run(command, cwd=newsroom.root, capture_output=True, text=True, check=True)
    assert done.stderr == "[]\n"


def test_a_list_of_bulk_is_read_however_short_its_addresses(newsroom):
    """5,000 readers at one provider, in few bytes each: the build says what their provider wants."""
    readers = [f"{one}{two}{three}@aol.de\n" for one, two, three in product(ascii_lowercase, repeat=3)][:BULK]
    newsroom.write("recipients/everyone.csv", "email\n" + "".join(readers))

    done = newsroom(*FEBRUARY, "--audience", "everyone", "-v")

    assert "the list has 5,000 readers or more at Yahoo and AOL" in done.out + done.err


def test_another_folder_changes_nothing(newsroom):
    """Run from elsewhere with -c, the same files are found and the build goes below the newsroom."""
    from digest.cli.app import main

    newsroom.monkeypatch.chdir("/")
    with pytest.raises(SystemExit) as ended:
        main([*FEBRUARY, "-c", str(newsroom.root / "config.yaml"), "-q"])
    assert ended.value.code == 0
    assert (newsroom.root / EVERYONE / "digest.eml").exists()


def test_an_override_that_names_no_story_is_told_with_its_line(newsroom):
    """A misspelt id in an overrides file: file, line, place in it, and the nearest story."""
    newsroom.write("overrides/2022-02/everyone.yaml", "skip: []\npin:\n  - 2022-02-10-strengthening-digital-tvet\n")

    done = newsroom("build", "--month", "2022-02", "--audience", "everyone")

    name = "2022-02-10-strengthening-digital-tvet"
    said = f"{name!r} cannot be used, stories/{name}.md: is not there, did you mean '{name}-in-ukraine'?"
    assert done.code == 2
    assert done.lines == [f"digest: overrides/2022-02/everyone.yaml:3: pin[0]: {said}"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("evryone.yaml", "is named after no audience of config.yaml, did you mean 'everyone'?"),
        ("everyone.yml", "is not read; rename it to everyone.yaml"),
    ],
)
def test_an_editors_hand_is_never_passed_over_because_of_its_files_name(newsroom, name, said):
    """A file in the period's folder that no audience would read stops the build, and says how it should be named."""
    newsroom.write(f"overrides/2022-02/{name}", "skip: [2022-02-25-digitally-and-financially-empowered]\n")

    done = newsroom("build", "--month", "2022-02", "--audience", "everyone")

    assert (done.code, done.lines) == (2, [f"digest: overrides/2022-02/{name}: {said}"])


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("theme:\n", "mail: {subject: '{{ edition.nme }}'}\ntheme:\n", r"config\.yaml:\d+: mail\.subject: "),
        (
            "    group_by: month\n",
            "    preheader: '{{ edition'\n",
            r"config\.yaml:\d+: audiences\.everyone\.preheader: ",
        ),
        (
            '  brand: "#1e2dbe"',
            "  name: defalt",
            r"config\.yaml:\d+: theme\.name: there is no theme 'defalt', did you mean 'default'\?",
        ),
    ],
)
def test_a_setting_that_fails_when_it_is_used_is_named(newsroom, old, new, said):
    """A subject that cannot be filled and a theme that is not there lead back to config.yaml."""
    text = (newsroom.root / "config.yaml").read_text(encoding="utf-8")
    newsroom.write("config.yaml", text.replace(old, new, 1))

    done = newsroom("build", "--month", "2022-02", "--audience", "everyone")

    assert (done.code, len(done.lines)) == (2, 1)
    assert re.search(said, done.lines[0])


def test_a_newsroom_from_a_stranger_brings_no_program(newsroom):
    """Compiled themes are code, and are kept in the user's own cache: none is in the newsroom, none is read there."""
    cache = newsroom.root / "home"
    newsroom.monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    assert newsroom(*FEBRUARY, "-q").code == 0
    (kept,) = (cache / "digest/themes").glob("theme-*")
    planted = newsroom.root / ".digest/themes"
    planted.mkdir(parents=True)
    (planted / kept.name).write_bytes(kept.read_bytes().replace(b"html_code", b"html_cose"))
    kept.unlink()
    assert newsroom(*FEBRUARY, "-q").code == 0
    assert kept.exists()  # made anew: what was planted was not looked at


def test_the_example_leaves_by_the_link_that_readers_get(newsroom):
    """An address with a sign in it that links read otherwise is spelled as in real mails."""
    newsroom.edit("config.yaml", "contact: newsroom@ilo.org", "contact: news&more@ilo.org")
    assert newsroom("build", "--month", "2022-02", "--audience", "everyone").code == 0
    text = (newsroom.root / "build/2022-02/everyone/en/digest.txt").read_text()
    assert "mailto:news%26more@ilo.org?subject=unsubscribe%20everyone" in text
    assert "mailto:news&more" not in text
