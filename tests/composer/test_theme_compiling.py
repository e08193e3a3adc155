"""A theme is compiled once: the same bytes as the slow way, from a cache that is only ever a short cut."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import pytest
from composer_samples import AUDIENCE, NEWSROOM, NOW, selection, stories, story, theme
from msgspec.structs import replace

from digest.composer import theme as theme_module
from digest.composer.compile import assemble, to_html
from digest.composer.compose import compose
from digest.composer.edition_draft import EditionDraft
from digest.composer.files import builtin, gather, themes, whole
from digest.composer.options import ThemeOptions
from digest.composer.photos import ImageRoute
from digest.composer.sandbox import ThemeEnvironment, run
from digest.composer.theme import load_theme

OPTIONS = ThemeOptions(contents_over=2)


def draft(picked, options):
    return EditionDraft(
        selection=picked, theme=theme(options), newsroom=NEWSROOM, audience=AUDIENCE, options=options, now=NOW,
        route=ImageRoute(), archive_url="https://www.harbour.example/2022-02",
    )  # fmt: skip


def directly(files, values):
    """The slow way: Jinja over the MJML, then MJML, then premailer."""
    source, _ = assemble(files)
    environment = ThemeEnvironment(escape=True)
    template = environment.template(environment.guarded(source, "theme"))
    return to_html(run(template, values, whole("theme"), []))


@pytest.mark.parametrize("language", ["en", "ar"])
@pytest.mark.parametrize("name", themes([]))
def test_the_compiled_theme_gives_the_bytes_of_the_slow_way(name, language):
    """For well-behaved content, with every part of the theme in use, both ways give the same HTML."""
    options = replace(OPTIONS, name=name)
    picked = [
        story(1, image="https://img.example/1.jpg", image_alt="A ship", credit="© Ana"),
        story(0, link="", credit=""),
        story(3, image="https://img.example/2.jpg", credit="© Bo", summary="Two.\n\n- a list\n- with **bold** words"),
        story(5, language="fr", title="Les bateaux", summary="Un mot."),
    ]
    made = draft(selection(*picked, language=language, more=3), options)
    made.cut_to(3)
    lines = {"subject": "February", "preheader": "More"}
    assert made.html(lines) == directly(gather([], name), made.values() | lines)


def test_nothing_of_the_compiling_is_left_behind():
    """No token, no Jinja tag and no specimen shows in what is sent."""
    html = draft(selection(*stories(3)), OPTIONS).html({"subject": "S", "preheader": "P"})
    for trace in ("jx0xj", "jx-specimen", "{%", "{{", "data-premailer"):
        assert trace not in html
    assert html.startswith("<!DOCTYPE html>")


def test_outlooks_comments_come_through_balanced():
    """Every conditional comment that is opened is closed, and the tables in them match."""
    picked = (
        story(0, image="https://img.example/1.jpg"),
        story(1),
        story(2, image="https://img.example/2.jpg"),
        story(3),
    )
    html = draft(selection(*picked), OPTIONS).html({"subject": "S", "preheader": "P"})
    assert html.count("<!--[if mso | IE]>") == html.count("<!--[if") - html.count("<!--[if mso]>") - html.count(
        "<!--[if !mso]>"
    ) - html.count("<!--[if lte mso 11]>")
    assert html.count("<!--[if") == html.count("<![endif]")
    for tag in ("table", "tr", "td"):
        assert html.count(f"<{tag} ") + html.count(f"<{tag}>") == html.count(f"</{tag}>"), tag


def render(made):
    arguments = {"newsroom": NEWSROOM, "audience": AUDIENCE, "options": OPTIONS, "now": NOW}
    return compose(selection(*stories(3)), theme=made, **arguments)


def test_a_cached_theme_is_the_same_theme(tmp_path):
    """What comes from the cache renders the same bytes."""
    first, second = (render(load_theme([], OPTIONS, cache=tmp_path)) for _ in range(2))
    assert first == second == render(load_theme([], OPTIONS))


def test_a_cache_hit_imports_no_compiler(tmp_path):
    """With the theme in the cache neither MJML nor premailer nor YAML nor Markdown's parser is even imported."""
    load_theme([], OPTIONS, cache=tmp_path)
    program = (
        "import sys, pathlib\n"
        "sys.path.insert(0, sys.argv[2])\n"
        "from composer_samples import AUDIENCE, NEWSROOM, NOW, selection, stories\n"
        "from digest.composer.compose import compose\n"
        "from digest.composer.options import ThemeOptions\n"
        "from digest.composer.theme import load_theme\n"
        "options = ThemeOptions(contents_over=2)\n"
        "made = load_theme([], options, cache=pathlib.Path(sys.argv[1]))\n"
        "arguments = {'newsroom': NEWSROOM, 'audience': AUDIENCE, 'options': options, 'now': NOW}\n"
        "compose(selection(*stories(3)), theme=made, **arguments)\n"
        "heavy = ('premailer', 'mjml', 'lxml', 'cssutils', 'yaml', 'markdown_it', 'nh3', 'pydantic', 'sqlalchemy')\n"
        "print([name for name in heavy if name in sys.modules])\n"
    )
    here = os.path.dirname(__file__)  # noqa: PTH120
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path), here], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("damage", [b"", b"x", b"\x00" * 50_000, None])
def test_a_damaged_cache_is_made_anew(tmp_path, damage):
    """A short, empty, random or forged cache file costs a compilation and nothing else."""
    good = render(load_theme([], OPTIONS, cache=tmp_path))
    [path] = tmp_path.glob("theme-*.json")
    kept = path.read_bytes()
    path.write_bytes(kept.replace(b"html_code", b"html_cod3") if damage is None else damage)
    assert render(load_theme([], OPTIONS, cache=tmp_path)) == good
    assert path.read_bytes() == kept


def test_whatever_goes_in_changes_the_key(tmp_path):
    """Options, a newsroom's file, and its words: each change compiles anew."""
    keys = {load_theme([tmp_path], OPTIONS).key, load_theme([tmp_path], replace(OPTIONS, brand="#123456")).key}
    (tmp_path / "locale").mkdir()
    (tmp_path / "locale" / "en.yaml").write_text("view: On the web\n")
    keys.add(load_theme([tmp_path], OPTIONS).key)
    (tmp_path / "default").mkdir()
    (tmp_path / "default" / "contents.mjml.j2").write_text("")
    keys.add(load_theme([tmp_path], OPTIONS).key)
    assert len(keys) == 4


def test_a_theme_is_the_same_wherever_and_with_whatever_it_was_compiled(tmp_path, monkeypatch):
    """Another folder, Python or library compiles anew; what would send the same bytes has the same hash."""
    for place in ("here", "there/deeper"):
        shutil.copytree(builtin() / "default", tmp_path / place / "own")
    own = replace(OPTIONS, name="own")
    here = load_theme([tmp_path / "here"], own)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(theme_module, "_version", lambda name: f"{name}-99")
    monkeypatch.setattr(theme_module.sys.implementation, "cache_tag", "cpython-399")
    there = load_theme([tmp_path / "there" / "deeper"], own)
    assert there.key != here.key
    assert there.hash == here.hash
    assert render(there).fingerprint == render(here).fingerprint


def test_a_theme_that_is_another_has_another_hash(tmp_path):
    """An option, a word, or a part that says something else: what was approved was not this."""
    hashes = {load_theme([], OPTIONS).hash, load_theme([], replace(OPTIONS, brand="#123456")).hash}
    (tmp_path / "locale").mkdir()
    (tmp_path / "locale" / "en.yaml").write_text("view: On the web\n")
    hashes.add(load_theme([tmp_path], OPTIONS).hash)
    (tmp_path / "default").mkdir()
    (tmp_path / "default" / "contents.mjml.j2").write_text("")
    hashes.add(load_theme([tmp_path], OPTIONS).hash)
    assert len(hashes) == 4


def test_a_cache_that_cannot_be_written_does_not_matter(tmp_path):
    """A file where the cache's folder should be: the theme loads all the same."""
    (tmp_path / "cache").write_text("")
    assert load_theme([], OPTIONS, cache=tmp_path / "cache").name == "default"


def test_old_compiled_themes_are_dropped(tmp_path):
    """The cache does not grow without end, and leaves no half-written file."""
    for number in range(10):
        (tmp_path / f"theme-old-{number}.json").write_text("x")
        os.utime(tmp_path / f"theme-old-{number}.json", (number, number))
    load_theme([], OPTIONS, cache=tmp_path)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert len(names) == 8
    assert any(name.startswith("theme-default-") for name in names)
    assert json.loads(next(tmp_path.glob("theme-default-*")).read_bytes().partition(b"\n")[2])["name"] == "default"


def test_the_theme_that_is_used_stays(tmp_path):
    """Others are made meanwhile, as a designer's are at each save: the one that a newsroom goes on using is kept."""
    load_theme([], OPTIONS, cache=tmp_path)
    (used,) = tmp_path.glob("theme-default-*")
    os.utime(used, (1, 1))
    for number in range(8):
        (tmp_path / f"theme-other-{number}.json").write_text("x")
        os.utime(tmp_path / f"theme-other-{number}.json", (2 + number, 2 + number))
    load_theme([], OPTIONS, cache=tmp_path)
    load_theme([], replace(OPTIONS, masthead="plain"), cache=tmp_path)
    assert used.exists()
    assert not (tmp_path / "theme-other-0.json").exists()
