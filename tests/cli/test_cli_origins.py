"""What is found in the HTML part names its element, and the line of the story, issue, setting or template behind it."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from digest.composer import compile as compiling
from digest.composer import trace
from digest.composer.options import ThemeOptions
from digest.composer.theme import load_theme
from digest.composer.trace import marked_theme

ROOT = Path(__file__).parents[2]
EDITION = "2022-02/everyone/en"
STORY = "stories/2022-02-14-a-story.md"


@pytest.fixture
def one_story(empty):
    """A newsroom with one story, and the theme as its own files."""
    shutil.copytree(ROOT / "templates", empty.root / "templates")
    empty.story("2022-02-14-a-story", kicker="News", image_alt="A hall", link="https://example.org/a")
    return empty


def found(newsroom, code):
    """The findings of a code, as programs get them."""
    told = json.loads(newsroom("check", EDITION, "--json").out)
    return [finding for finding in told if finding["code"] == code]


def line_of(newsroom, path, text):
    lines = (newsroom.root / path).read_text(encoding="utf-8").splitlines()
    return f"{path}:{next(number for number, line in enumerate(lines, 1) if text in line)}"


def test_a_link_in_a_summary_is_led_to_its_line(one_story):
    """Of the story's text it is the line that has the link, not the first."""
    text = "The first paragraph.\n\nThe second one has [here](https://example.org/second) a link."
    one_story.story("2022-02-14-a-story", summary=text)
    (finding,) = found(one_story, "link-text")
    assert finding["where"] == line_of(one_story, STORY, "[here]")
    assert finding["element"].startswith('<a href="https://example.org/second"')
    assert re.fullmatch(r"html:\d+:\d+", finding["html"])


def test_a_link_without_words_is_led_to_the_title(one_story):
    """What the template shows of a story is led to that field."""
    one_story.story("2022-02-14-a-story", title="Here", link="https://example.org/a")
    wheres = {finding["where"] for finding in found(one_story, "link-text")}
    assert line_of(one_story, STORY, "title:") in wheres


def test_a_links_own_words_are_led_to_their_line(one_story):
    """Where a story says the words of its link, and they say nothing, its own line is told; else the theme's."""
    template = "templates/default/story.mjml.j2"
    one_story.edit(template, 'aria-label="{{ words.labelled|fill(name=story.read) }} {{ story.title }}"', "")
    one_story.edit(template, ">{{ story.read }}<", ">{{ story.own_read or 'here' }}<")
    (finding,) = found(one_story, "link-text")
    assert finding["where"] == line_of(one_story, template, "own_read or")
    one_story.edit(template, "{{ story.own_read or 'here' }}", "{{ story.read }}")
    one_story.story("2022-02-14-a-story", link="https://example.org/a", read="here")
    (finding,) = found(one_story, "link-text")
    assert finding["where"] == line_of(one_story, STORY, "read:")


def test_a_link_in_a_block_is_led_to_the_block(one_story):
    """The issue's file, and the line at which the block begins."""
    text = "blocks:\n  - kind: divider\n  - kind: letter\n    text: Write to us [here](https://example.org/write).\n"
    one_story.write("issues/2022-02/everyone.yaml", text)
    (finding,) = found(one_story, "link-text")
    assert finding["where"] == line_of(one_story, "issues/2022-02/everyone.yaml", "kind: letter")


def test_a_settings_address_is_led_to_the_setting(one_story):
    """What config.yaml says of the newsroom is mended there."""
    one_story.edit("config.yaml", "\n  contact: ", "\n  social: {Forum: 'http://127.0.0.1/forum'}\n  contact: ")
    (finding,) = found(one_story, "link-private")
    assert finding["where"] == f"{line_of(one_story, 'config.yaml', 'social:')}: newsroom.social"
    assert "127.0.0.1" in finding["element"]


@pytest.mark.parametrize("theme", ["default", "quiet"])
def test_the_themes_own_element_is_led_to_its_line(one_story, theme):
    """Static words of a template have their line, whatever MJML made of them, and however often they are shown."""
    one_story.edit("config.yaml", "\ntheme:\n", f"\ntheme:\n  name: {theme}\n")
    file, line = {
        "default": ("templates/default/footer.mjml.j2", '<p class="label">{{ words.media_contact }}</p>'),
        "quiet": ("templates/quiet/theme.mjml.j2", '<p class="meta">{{ words.why|fill(title=edition.title) }}'),
    }[theme]
    one_story.edit(file, line, f'<table class="odd"><tr><td>x</td></tr></table>\n{line}')
    (finding,) = found(one_story, "table-role")
    assert finding["where"] == line_of(one_story, file, 'class="odd"')
    assert finding["element"] == '<table class="odd">'


def test_an_element_filled_by_stories_names_the_line_and_the_story(one_story):
    """The same line of the theme is shown for many stories; the element says for which."""
    one_story.edit("templates/default/story.mjml.j2", '<div class="summary">', '<div onclick="x()" class="summary">')
    (finding,) = found(one_story, "html-active")
    assert finding["where"] == line_of(one_story, "templates/default/story.mjml.j2", "onclick")
    assert finding["element"].endswith(f" of {STORY}")


def test_the_rule_of_a_style_sheet_is_led_to_its_line(one_story):
    """A style sheet is in the head, far from any tag."""
    head = "templates/default/head.mjml.j2"
    media = "@media (prefers-color-scheme: dark) {"
    one_story.edit(head, media, f".pinned {{ position: fixed; }}\n{media}")
    (finding,) = found(one_story, "html-overlay")
    assert finding["where"] == line_of(one_story, head, ".pinned")
    assert re.fullmatch(r"html:\d+", finding["html"])


def test_people_read_it_in_one_line(one_story):
    """The line, the element, what is wrong, and where in the HTML."""
    one_story.story("2022-02-14-a-story", summary="It says so [here](https://example.org/b).")
    out = one_story("check", EDITION).out
    pattern = rf'link-text: {STORY}:\d+: <a href="https://example.org/b" …>: “here” does not .* \(html:\d+:\d+\)'
    assert re.search(pattern, out)


def test_sarif_opens_the_file_and_relates_the_html(one_story):
    """A code host shows the finding in the story, and knows the made page."""
    one_story.story("2022-02-14-a-story", summary="It says so [here](https://example.org/b).")
    log = json.loads(one_story("check", EDITION, "--sarif").out)
    (result,) = [each for each in log["runs"][0]["results"] if each["ruleId"] == "link-text"]
    (place,), (made,) = result["locations"], result["relatedLocations"]
    assert place["physicalLocation"]["artifactLocation"]["uri"] == STORY
    assert place["physicalLocation"]["region"]["startLine"] == int(
        line_of(one_story, STORY, "[here]").rpartition(":")[2]
    )
    assert made["physicalLocation"]["artifactLocation"]["uri"] == f"build/{EDITION}/index.html"
    assert result["message"]["text"].startswith('<a href="https://example.org/b"')


def test_a_theme_that_counts_its_own_letters_is_told_of_the_html_alone(one_story):
    """Where the marks would change what the theme does, nothing is said to come from anywhere."""
    one_story.edit(
        "templates/default/footer.mjml.j2",
        '<p class="small foot">',
        "{% set named %}{{ edition.title }}{% endset %}<table><tr><td>{{ named|length }}</td></tr></table>\n"
        '      <p class="small foot">',
    )
    (finding,) = found(one_story, "table-role")
    assert (finding["where"], finding["element"]) == (finding["html"], "<table>")


def test_titles_alone_are_led_back_too(one_story):
    """An edition that was cut to its size is composed again as it was cut."""
    one_story.edit("config.yaml", "layout: auto", "layout: full")
    for number in range(20):
        one_story.story(f"2022-02-1{number % 9}-{number:02}", summary="word " * 2000)
    one_story.story("2022-02-01-last", title="Here", link="https://example.org/last")
    told = json.loads(one_story("check", EDITION, "--json").out)
    assert "size-cut" in {finding["code"] for finding in told}
    wheres = {finding["where"] for finding in told if finding["code"] == "link-text"}
    assert "stories/2022-02-01-last.md:2" in wheres


def test_what_readers_get_stays_as_it_is(one_story):
    """A finding costs the mail nothing: no mark is in what is built."""
    one_story.story("2022-02-14-a-story", summary="It says so [here](https://example.org/b).")
    one_story("build", EDITION)
    for part in ("index.html", "digest.txt", "digest.eml"):
        data = (one_story.root / "build" / EDITION / part).read_text(encoding="utf-8")
        assert "\ue000" not in data
        assert "jx_mark" not in data


def test_a_theme_is_marked_once_and_anew_when_it_changes(one_story):
    """The desk opens the newsroom anew at each save: only another theme is compiled with marks again."""
    folders, options = [one_story.root / "templates"], ThemeOptions()

    def key():
        return marked_theme(options, load_theme(folders, options)).key

    first = key()
    assert key() == first
    one_story.edit("templates/default/footer.mjml.j2", '<p class="small foot">', '<p class="small foot odd">')
    assert key() != first


def test_a_marked_theme_is_kept_for_the_next_command(one_story, tmp_path, monkeypatch):
    """It takes a second to make, so the next build finds it beside the theme; a damaged one is made anew."""
    folders, options = [one_story.root / "templates"], ThemeOptions()
    theme = load_theme(folders, options, cache=tmp_path)
    first = marked_theme(options, theme)
    made = []
    weave = compiling.woven
    monkeypatch.setattr(compiling, "woven", lambda *given: made.append(given) or weave(*given))
    trace._compiled.cache_clear()  # as in another process
    assert marked_theme(options, theme).sources == first.sources
    assert made == []
    (kept,) = tmp_path.glob("marks-*.json")
    kept.write_bytes(kept.read_bytes()[:-9])
    trace._compiled.cache_clear()
    assert marked_theme(options, theme).sources == first.sources
    assert len(made) == 1


@pytest.mark.parametrize("since", ["{{ 1 + }}", "<p>Quite another footer.</p>"])
def test_a_theme_that_changed_since_marks_what_it_was(one_story, tmp_path, since):
    """Whoever looks at the last good mail asks whose words they are; and what is kept is of the theme it names."""
    folders, options, footer = [one_story.root / "templates"], ThemeOptions(), "templates/default/footer.mjml.j2"
    theme, good = load_theme(folders, options, cache=tmp_path), (one_story.root / footer).read_text(encoding="utf-8")
    (one_story.root / footer).write_text(since, encoding="utf-8")
    sources = marked_theme(options, theme).sources
    (one_story.root / footer).write_text(good, encoding="utf-8")
    trace._compiled.cache_clear()
    assert sources == marked_theme(options, load_theme(folders, options)).sources
    assert sources == marked_theme(options, load_theme(folders, options, cache=tmp_path)).sources
