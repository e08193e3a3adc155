"""The reference says what the program knows: every setting with an example that is taken, every key, check, value."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from zoneinfo import ZoneInfo

import pytest
import yaml
from pages import PAGES, ROOT

from digest.checks.registry import Policy
from digest.composer.edition_view import EditionView, GroupView, NewsroomView, PlaceView, RunView
from digest.composer.story_view import StoryView
from digest.config.load import load as load_config
from digest.config.sections import ConditionSection, Settings
from digest.model import STORY_KEYS
from digest.stories.frontmatter import parse

DOCS = ROOT / "docs"
sys.path.insert(0, str(DOCS))
import reference  # noqa: E402 - the script beside the pages


@pytest.mark.parametrize("script", ["verbs.py", "reference.py", "issue_files.py"])
def test_the_pages_are_what_the_program_says(script):
    """Those that are made from the program; the script writes them anew."""
    command = [sys.executable, DOCS / script, "--check"]
    done = subprocess.run(command, env={**os.environ, "COLUMNS": "100"}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"run: python docs/{script}; {done.stderr}"


def shown():
    """(keys on the way, key, its row) of every setting."""
    example = yaml.load((DOCS / "example-config.yaml").read_text(encoding="utf-8"), yaml.BaseLoader)
    for place in reference.places(Settings, (), example):
        for key, info in reference.keys(place.model):
            yield place, key, info


def test_the_example_is_a_newsroom_and_has_every_key():
    """docs/example-config.yaml goes through the real loader, and no key is missing in it."""
    config = load_config(DOCS / "example-config.yaml", {})
    Policy.parse({code: (part.severity, part.reason) for code, part in config.settings.checks.items()})
    missing = [
        f"{place.heading}: {key}"
        for place, key, _ in shown()
        if not isinstance(place.example, dict) or key not in place.example
    ]
    assert missing == []


def test_every_setting_has_its_meaning():
    """A setting without a description would be a row without words."""
    silent = [
        f"{place.heading}: {key}"
        for place, key, info in shown()
        if not info.description and not reference.section(info.annotation)[0]
    ]
    assert silent == []


def test_every_environment_name_is_one(tmp_path):
    """Each variable that the page names, set to the example's value, is where that setting comes from."""
    small = {
        "newsroom": {"name": "N", "contact": "n@harbour.example", "from": "n@harbour.example", "timezone": "UTC"},
        "audiences": {"name": {"title": "T"}},
    }
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump(small), encoding="utf-8")
    environ = {}
    for place, key, info in shown():
        held = reference.section(info.annotation)[0]
        if (name := reference.environment_name((*place.path, key))) and (held is None or held is ConditionSection):
            environ[name] = reference.flow(place.example[key])
    del environ["DIGEST_AUDIENCES__NAME__RECIPIENTS__CSV"]  # a list has one home, and here that is the database
    config = load_config(file, environ)
    assert set(config.document.origins.values()) == {f"environment {name}" for name in environ}


def test_the_story_has_every_key():
    """docs/example-story.md is read as a story, and says all that a story can say."""
    data = (DOCS / "example-story.md").read_bytes()
    story, faults = parse(data, story_id="a", file="a.md", zone=ZoneInfo("Europe/Lisbon"), language="en")
    assert faults == ()
    assert [key for key in STORY_KEYS if f"\n{key}: " not in data.decode()] == []
    assert story.summary


@pytest.mark.parametrize("view", [EditionView, GroupView, NewsroomView, PlaceView, RunView, StoryView])
def test_every_value_of_a_template_is_listed(view):
    """templates/README.md names each field that a theme sees."""
    named = set(re.findall(r"\w+", PAGES["templates/README.md"]))
    fields = set(view.__struct_fields__)
    assert fields - named == set()


def test_every_exit_code_is_explained():
    """Each code of the reference has a row that says what to do."""
    codes = re.findall(r"^\| `(\d+)` \|", PAGES["docs/exit-codes.md"].partition("## Errors")[0], re.MULTILINE)
    told = PAGES["docs/trouble.md"].partition("## By exit code")[2].partition("\n## ")[0]
    assert [code for code in codes if not re.search(rf"^\| [\d, ]*\b{code}\b", told, re.MULTILINE)] == []


def test_every_event_is_shown():
    """docs/hooks.md has what each hook hears."""
    from digest.config.sections import HooksSection

    events = [key for key in HooksSection.model_fields if key != "timeout"]
    assert [event for event in events if f'"event": "{event}"' not in PAGES["docs/hooks.md"]] == []


def test_what_failed_hooks_hear_is_what_sent_hooks_hear():
    """The JSON that no session of the page prints has the fields of the one that does."""
    shown = re.search(r"```json\n(.*?)```", PAGES["docs/hooks.md"], re.DOTALL)
    sent = re.search(r'^\{.*"event": "sent".*\}$', PAGES["docs/hooks.md"], re.MULTILINE)
    failed, told = json.loads(shown[1]), json.loads(sent[0])
    assert failed.keys() == told.keys()
    assert failed["editions"][0].keys() == told["editions"][0].keys()


def test_every_class_and_colour_is_one():
    """What docs/look.md names of the default theme stands in it."""
    page = PAGES["docs/look.md"].partition("## Classes")[2]
    head = (ROOT / "templates/default/head.mjml.j2").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`[^|]+) \|", page, re.MULTILINE) + re.findall(r"\| [^|]+(`plain[^|]+) \|", page)
    classes = {name for row in rows for name in re.findall(r"`([a-z-]+)`", row)}
    assert len(classes) > 15
    assert {name for name in classes if f".{name}" not in head} == set()
    colours = re.findall(r"`([a-z_]+)`", page.partition("The names of colours")[2].partition("What else")[0])
    known = head + (ROOT / "templates/default/theme.yaml").read_text(encoding="utf-8")
    assert [name for name in colours if name not in known] == []
