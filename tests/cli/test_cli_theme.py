"""`digest theme`: a theme of one's own is begun in one step, and tried before readers see it."""

from __future__ import annotations

import json
import shutil

import pytest

from digest.composer.files import builtin

FEBRUARY = ("--month", "2022-02", "--audience", "everyone")


def change(newsroom, file, old, new):
    path = newsroom.root / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


@pytest.mark.parametrize("like", ["default", "quiet"])
def test_a_new_theme_works_at_once(newsroom, like):
    """It begins as the theme that it is like, passes its check, and an edition can be built with it."""
    done = newsroom("theme", "new", "mine", "--like", like)
    assert done.code == 0
    written = {path.name for path in (newsroom.root / "templates/mine").iterdir()}
    own = {path.name for path in (builtin() / like).iterdir()} if like != "default" else {"theme.mjml.j2", "theme.yaml"}
    assert written == own
    assert newsroom("theme", "check", "mine").out == "mine: no mistakes\n"
    newsroom.edit("config.yaml", "theme:\n", f"theme:\n  name: {like}\n")
    page = newsroom.root / "build/2022-02/everyone/en/index.html"
    assert newsroom("build", *FEBRUARY).code == 0
    before = page.read_text()
    newsroom.edit("config.yaml", f"name: {like}", "name: mine")
    assert newsroom("build", *FEBRUARY).code == 0
    assert page.read_text() == before
    assert newsroom("theme", "check").out == "mine: no mistakes\n"


def test_a_theme_that_cannot_be_written_is_one_line(newsroom):
    """A read-only folder, a full disk, a file in the way."""
    newsroom.edit("config.yaml", "theme:\n", "theme:\n  name: quiet\n")
    shutil.rmtree(newsroom.root / "templates", ignore_errors=True)
    newsroom.write("templates", "no folder")
    done = newsroom("theme", "new", "mine")
    assert (done.code, len(done.lines)) == (1, 1)
    assert "templates/mine: cannot be written: " in done.err


def test_a_mistake_that_no_story_of_the_month_would_show_is_found(newsroom):
    """A name that is not there, where a story in another language is cut to its title: file and line, exit code 1."""
    newsroom("theme", "new", "mine")
    source = (builtin() / "default/story.mjml.j2").read_text()
    assert "{% if story.brief %}{% if story.lang %}" in source.splitlines()[4]
    newsroom.write("templates/mine/story.mjml.j2", source.replace("{{ story.lang }}", "{{ story.lnag }}", 1))
    done = newsroom("theme", "check", "mine")
    assert done.code == 1
    assert done.out == "templates/mine/story.mjml.j2:5: story has no 'lnag', did you mean 'lang'?\n"


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("block-number.mjml.j2", "block.figure", "block.figur", ":6: block has no 'figur', did you mean 'figure'?"),
        ("text.txt.j2", "event.line", "event.lin", ":69: row has no 'lin', did you mean 'link'?"),
    ],
)
def test_a_mistake_in_a_block_that_no_issue_has_yet_is_found(newsroom, file, old, new, said):
    """Every kind of block is tried, in both parts."""
    newsroom("theme", "new", "mine")
    shutil.copy(builtin() / "default" / file, newsroom.root / "templates/mine")
    change(newsroom, f"templates/mine/{file}", old, new)
    done = newsroom("theme", "check", "mine")
    assert (done.code, done.out.strip()) == (1, f"templates/mine/{file}{said}")


def test_a_theme_without_a_way_to_leave_is_no_theme(newsroom):
    """A footer that was taken out is said where the theme is tried, not when an edition is to go."""
    newsroom("theme", "new", "mine")
    source = (builtin() / "default/footer.mjml.j2").read_text()
    newsroom.write("templates/mine/footer.mjml.j2", source.replace("reader.unsubscribe_url", "newsroom.url"))
    done = newsroom("theme", "check", "mine")
    assert done.code == 1
    assert "theme.mjml.j2 shows no {{ reader.unsubscribe_url }}, so that nobody could leave" in done.out
    assert "text.txt.j2" not in done.out


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("  line: ", "  line: #10243a\n  rule: ", "colors.line: is empty, since '#' begins a comment"),
        ("  ink: ", "  ink: #10243a\n  ink2: ", "colors.ink: is empty, since '#' begins a comment"),
        ("colors:", "colours:", "colours: is not read, did you mean 'colors'?"),
        ("contrast:", "contrasts:", "contrasts: is not read, did you mean 'contrast'?"),
    ],
)
def test_a_slip_in_the_colours_is_told_where_it_is(newsroom, old, new, said):
    """In theme.yaml, by its line; not in a template of ours that misses the colour."""
    newsroom("theme", "new", "mine")
    change(newsroom, "templates/mine/theme.yaml", old, new)
    assert f": {said}" in newsroom("theme", "check", "mine").out


def test_a_mistake_in_mjml_is_found(newsroom):
    """What does not even compile is told in the same way."""
    newsroom("theme", "new", "mine")
    change(newsroom, "templates/mine/theme.mjml.j2", "<mj-body ", "<mj-boddy ")
    done = newsroom("theme", "check", "mine", "--json")
    assert done.code == 1
    assert any("templates/mine/theme.mjml.j2" in fault for fault in json.loads(done.out)["faults"])


@pytest.mark.parametrize(
    ("name", "like", "said"),
    [
        ("default", "default", "there is a theme default already"),
        ("Mine", "default", "'Mine' is not a folder's name"),
        ("../mine", "default", "'../mine' is not a folder's name"),
        ("mine", "quite", "there is no theme 'quite' to begin with; there are default, quiet"),
    ],
)
def test_a_theme_is_not_begun_over_another_or_out_of_its_folder(newsroom, name, like, said):
    """One line, and nothing is written."""
    done = newsroom("theme", "new", name, "--like", like)
    assert done.code == 2
    assert said in done.err
    assert not (newsroom.root / "templates").exists()


@pytest.mark.parametrize(
    "arguments",
    [(), ("config",), ("theme", "check"), ("check", "2022-02/everyone"), ("send", "2022-02/everyone"),
     ("build", "2022-02/everyone")],
)  # fmt: skip
def test_a_theme_that_is_not_there_is_told_where_it_is_named(newsroom, arguments):
    """Whichever verb one types, a misspelt `theme.name` is told with its line and the name that was meant."""
    newsroom.edit("config.yaml", "\ntheme:\n", "\ntheme:\n  name: quite\n")
    line = (newsroom.root / "config.yaml").read_text().splitlines().index("  name: quite") + 1
    done = newsroom(*arguments, now="2022-03-01T09:00" if arguments and arguments[0] != "theme" else None)
    assert done.code == 2
    assert f"config.yaml:{line}: theme.name: there is no theme 'quite', did you mean 'quiet'?" in done.err


def test_a_theme_of_the_newsrooms_own_is_there(newsroom):
    """A theme in the newsroom's templates/ is as good a name as one that comes with digest."""
    newsroom("theme", "new", "harbour", now=None)
    newsroom.edit("config.yaml", "\ntheme:\n", "\ntheme:\n  name: harbour\n")
    assert newsroom("config").code == 0
