"""What an unchanged config.yaml said is remembered: the same settings, and never the settings of another file."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import pytest

from digest.config import load, remembered
from digest.errors import ConfigError

CONFIG = """\
newsroom:
  name: Harbour Newsroom
  contact: press@harbour.example
  from: digest@harbour.example
  timezone: Europe/Zurich
audiences:
  everyone: {title: All, select: {topics: [skills]}, languages: [en, fr], recipients: {csv: readers.csv}}
smtp: {rate: 50/s, per_domain: {gmail.com: 20/s}}
import: {selectors: {www.harbour.example: {item: li}}}
checks: {credit-missing: {severity: info, reason: no photos}}
schedule: [{period: month, on: last day, at: "08:30", catch_up: 12 hours}]
"""


@pytest.fixture
def room(tmp_path):
    (tmp_path / ".digest").mkdir()
    (tmp_path / "config.yaml").write_text(CONFIG)
    return tmp_path


def read(room, environ=None):
    return load.load(room / "config.yaml", environ or {}, cache=".digest")


def plain(value):
    """Sections as dictionaries, all the way down."""
    if hasattr(value, "model_dump"):
        return {name: plain(each) for name, each in value}
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    return tuple(map(plain, value)) if isinstance(value, tuple) else value


def test_what_is_remembered_is_what_was_read(room):
    """Every section, every value and its type, and what is written out for JSON."""
    first, second = read(room), read(room)
    assert isinstance(second.settings, remembered.Remembered)
    assert not isinstance(first.settings, remembered.Remembered)
    assert plain(second.settings) == plain(first.settings)
    assert (second.newsroom, second.audiences) == (first.newsroom, first.audiences)
    for how in ({}, {"include": {"newsroom", "smtp"}}, {"exclude_defaults": True}):
        dumps = [config.settings.model_dump(by_alias=True, mode="json", **how) for config in (first, second)]
        assert dumps[0] == dumps[1], how
    assert second.document.fault(("smtp", "rate"), "x").line == first.document.fault(("smtp", "rate"), "x").line


def test_a_changed_file_is_read_anew(room):
    """One letter is enough, and a mistake is told as ever."""
    read(room)
    (room / "config.yaml").write_text(CONFIG.replace("last day", "first day"))
    assert read(room).settings.schedule[0].on == "first day"
    (room / "config.yaml").write_text(CONFIG.replace("rate:", "rat:"))
    with pytest.raises(ConfigError, match="did you mean 'rate'"):
        read(room)


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"key": 1}', "null"])
def test_a_damaged_memory_is_none(room, damage):
    """It is made anew, and nobody notices."""
    first = read(room)
    (room / ".digest" / "config.json").write_text(damage)
    assert plain(read(room).settings) == plain(first.settings)


def test_a_memory_that_somebody_edited_is_none(room):
    """The checksum tells."""
    read(room)
    file = room / ".digest" / "config.json"
    kept = json.loads(file.read_text())
    kept["settings"]["section"]["smtp"]["section"]["host"] = "evil.example"
    file.write_text(json.dumps(kept))
    assert read(room).settings.smtp.host == "localhost"


def test_what_the_environment_says_is_neither_kept_nor_missed(room):
    """An override counts at once, and its value (a password, maybe) is not written to the disk."""
    read(room)
    settings = read(room, {"DIGEST_SEND__LEDGER": "postgresql://digest:hush@db/x"}).settings
    assert settings.send.ledger.endswith("@db/x")
    assert "hush" not in (room / ".digest" / "config.json").read_text()
    assert read(room).settings.send.ledger.startswith("sqlite")


def test_without_the_folder_for_caches_nothing_is_written(room):
    """A newsroom that was only looked at stays as it was."""
    (room / ".digest").rmdir()
    read(room)
    assert sorted(path.name for path in room.iterdir()) == ["config.yaml"]


def test_only_its_owner_may_read_it(room):
    """It holds what config.yaml holds, which may be for few eyes."""
    read(room)
    assert (room / ".digest" / "config.json").stat().st_mode & 0o077 == 0


def test_a_build_of_what_did_not_change_imports_no_validator_and_no_compiler(tmp_path):
    """pydantic, YAML, MJML and premailer stay on the disk when config, stories and theme are as they were."""
    (tmp_path / "config.yaml").write_text(CONFIG.replace("select: {topics: [skills]}, languages: [en, fr], ", ""))
    (tmp_path / "stories").mkdir()
    (tmp_path / "stories" / "a.md").write_text("---\ntitle: A\ndate: 2022-02-14\n---\nWords.\n")
    program = (
        "import sys\n"
        "from digest.cli import main\n"
        "try:\n    main(['build', '--month', '2022-02'])\n"
        "except SystemExit as end:\n    code = end.code\n"
        "heavy = {'pydantic', 'yaml', 'mjml', 'premailer', 'cssutils', 'rich', 'sqlalchemy', 'httpx', 'lxml'}\n"
        "print(code, sorted(heavy & set(sys.modules)), file=sys.stderr)\n"
    )
    command = [sys.executable, "-c", program]

    def build():
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stderr.splitlines()[-1]

    assert "'pydantic', 'yaml'" in build()
    time.sleep(2.1)  # the stories' index does not trust files that are younger than two seconds
    build()
    assert build() == "0 []"
