"""A newsroom may rule on any code, and must say why."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from check_subjects import codes, files, pictured, story, subject

import digest
from digest.checks.registry import CHECKS, COMPOSED, Policy, explain, run
from digest.errors import ConfigError, UsageError
from digest.model import Finding, Severity

TROUBLE = subject(pictured(credit=""), story(2, link="http://www.ilo.org/a"))


def test_a_code_can_be_raised_lowered_and_silenced():
    """Each ruling changes what is heard, and nothing else."""
    policy = Policy.parse({"credit-missing": ("off", "agency photos"), "link-http": ("error", "house rule")})
    before = {f.code: f.severity for f in run(TROUBLE)}
    after = {f.code: f.severity for f in run(TROUBLE, policy=policy)}
    assert before["link-http"] is Severity.INFO
    assert after == {code: level for code, level in before.items() if code != "credit-missing"} | {
        "link-http": Severity.ERROR
    }


def test_a_mistake_in_the_policy_is_said_with_what_was_meant():
    """Unknown codes, unknown words and missing reasons are all named at once."""
    with pytest.raises(ConfigError) as caught:
        Policy.parse({"credit-mising": ("off", "x"), "link-http": ("loud", "x"), "alt-missing": ("off", " ")})
    lines = str(caught.value).splitlines()
    assert lines[0] == "config.yaml: checks.credit-mising: is no check, did you mean 'credit-missing'?"
    assert "'loud' is none of error, warning, info, off" in lines[1]
    assert "checks.alt-missing.reason: is empty" in lines[2]


def test_findings_of_the_composer_follow_the_policy_too():
    """What was found while composing is ruled on like the rest, and told once."""
    policy = Policy.parse({"size-cut": ("info", "we know")})
    made = Finding(code="size-cut", severity=Severity.WARNING, where="2022-02/everyone/en", message="3 stories cut")
    heard = run(subject(), policy=policy, composed=[made, made])
    assert [one.severity for one in heard if one.code == "size-cut"] == [Severity.INFO]


def test_what_the_composer_says_is_left_out_where_a_check_says_it_with_the_line():
    """One missing photo is one finding; the composer's word about another story stays."""
    told = pictured(image="photos/gone.jpg")
    source = b"---\nimage: photos/gone.jpg\n---\n"
    examined = subject(told, read_file=files(**{told.file: source}))
    made = [
        Finding(code="image-missing", severity=Severity.ERROR, where=told.file, message="cannot be read here"),
        Finding(code="image-missing", severity=Severity.ERROR, where="stories/other.md", message="cannot be read here"),
    ]
    heard = [one.where for one in run(examined, composed=made) if one.code == "image-missing"]
    assert heard == [f"{told.file}:2", "stories/other.md"]


def test_every_code_that_the_composer_uses_is_known_here():
    """A newsroom can rule on, and ask about, everything that it is told."""
    room = Path(digest.__file__).parent / "composer"
    used = {code for file in room.glob("*.py") for code in re.findall(r'code="([a-z-]+)"', file.read_text("utf-8"))}
    assert used
    assert used - {*CHECKS, *COMPOSED} == set()
    assert all(explain(code).startswith(f"{code} (") for code in used)


@pytest.mark.parametrize("code", CHECKS)
def test_every_check_explains_itself(code):
    """The explanation has the code, a sentence of why that ends in a full stop, and what is found."""
    lines = explain(code).splitlines()
    assert lines[0].startswith(f"{code} (")
    assert lines[1].endswith(".")
    assert CHECKS[code].why.count(". ") == 0
    assert any(line.startswith("Finds: ") and "partial" not in line for line in lines)


def test_an_unknown_code_is_explained_by_its_neighbour():
    """`--explain` with a typing mistake says what was meant."""
    with pytest.raises(UsageError, match="did you mean 'alt-missing'"):
        explain("alt-mising")


def test_an_unknown_mail_client_is_refused_by_name():
    """A filter that names no client says which there are."""
    with pytest.raises(UsageError, match="'gmial' is no mail client that the table knows; known: aol, "):
        run(subject(clients=("gmial",)))


def test_network_checks_run_only_on_request():
    """Without `network` nothing outside is asked, even when the ways are there."""
    assert not {code for code in codes(TROUBLE) if CHECKS[code].scope == "network"}
