"""What Babel said is kept on disk: the next process says the same without Babel, and damage is only slower."""

from __future__ import annotations

import subprocess
import sys
from datetime import date
from zoneinfo import ZoneInfo

import pytest

from digest.composer import i18n
from digest.composer.i18n import Answers
from digest.composer.options import ThemeOptions
from digest.composer.theme import load_theme
from digest.period import parse

ZONE = ZoneInfo("Europe/Zurich")
SAY = """
import sys
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo
from digest.composer.options import ThemeOptions
from digest.composer.theme import load_theme
from digest.period import parse
theme = load_theme([], ThemeOptions(), cache=Path(sys.argv[1]))
words = theme.wording(sys.argv[2])
zone = ZoneInfo("Europe/Zurich")
periods = [parse(text, zone) for text in ("2022-02", "2022-Q1", "2021", "2022-W07")]
said = [words.period(one) for one in periods] + [words.also_from(periods[0], one) for one in periods[:2]]
said += [words.day(date(2022, 2, 14)), words.heading("PK", "country", zone), words.direction]
said += [words.count("stories", number) for number in (0, 1, 2, 5, 11, 100)]
theme.save_cache()
print("\\n".join([str("babel" in sys.modules), *said]))
"""


def said(folder, language):
    """Whether Babel was imported, and what a new process says."""
    command = [sys.executable, "-c", SAY, str(folder), language]
    shown = subprocess.run(command, check=True, capture_output=True, encoding="utf-8").stdout
    first, *lines = shown.splitlines()
    return first == "True", lines


@pytest.mark.parametrize("language", ["en", "ar", "zh-Hant", "tlh"])
def test_the_next_process_says_the_same_without_babel(tmp_path, language):
    """Dates, periods, plurals, countries and direction come from disk the second time, word for word."""
    asked, first = said(tmp_path, language)
    again, second = said(tmp_path, language)
    assert (asked, again) == (True, False)
    assert first == second


@pytest.mark.parametrize("junk", [b"", b"{}", b"0\n{}", "digest"])
def test_damage_is_as_good_as_nothing(tmp_path, junk):
    """A file that is cut, forged or changed by one letter is not believed, and is written anew."""
    _, first = said(tmp_path, "fr")
    (path,) = tmp_path.glob("cldr-*.json")
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b"14", b"15", 1) if junk == "digest" else junk)
    asked, second = said(tmp_path, "fr")
    assert asked
    assert second == first
    assert path.read_bytes() == whole


def test_a_folder_that_cannot_be_written_changes_nothing(tmp_path):
    """Where nothing can be kept, everything is said all the same."""
    (tmp_path / "file").write_text("in the way")
    theme = load_theme([], ThemeOptions(), cache=tmp_path / "file")
    assert theme.wording("fr").period(parse("2022-02", ZONE)) == "Février 2022"
    theme.save_cache()


def test_without_a_cache_nothing_is_written(tmp_path, monkeypatch):
    """A theme that was loaded without a cache keeps nothing."""
    monkeypatch.chdir(tmp_path)
    theme = load_theme([], ThemeOptions())
    theme.wording("fr").day(date(2022, 2, 14))
    theme.save_cache()
    assert not list(tmp_path.rglob("*"))


def test_the_answers_have_an_end(tmp_path, monkeypatch):
    """A file has a bounded number of answers, and each is asked for once as long as it is known."""
    monkeypatch.setattr(i18n, "_MOST", 3)
    path, asked = tmp_path / "cldr-x.json", []
    answers = Answers(path)
    for number in (1, 1, 2, 3, 4):
        assert answers.get(f"n {number}", lambda number=number: asked.append(number) or str(number)) == str(number)
    assert asked == [1, 2, 3, 4]
    answers.save()
    assert Answers(path).get("n 4", lambda: "forgotten") == "4"
    assert Answers(path).get("n 1", lambda: "forgotten") == "forgotten"


def test_nothing_new_writes_nothing(tmp_path):
    """Answers that were all known leave the file as it is."""
    path = tmp_path / "cldr-x.json"
    first = Answers(path)
    first.get("a", lambda: "b")
    first.save()
    before = path.stat().st_mtime_ns
    second = Answers(path)
    second.get("a", lambda: "c")
    second.save()
    assert path.stat().st_mtime_ns == before
