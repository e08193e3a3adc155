"""Findings in SARIF 2.1.0 say what the table says."""

from __future__ import annotations

import json
import re

import pytest
from check_subjects import EDITION, pictured, subject, with_html

from digest.checks.registry import run
from digest.checks.sarif import sarif
from digest.model import Finding, Severity

FOUND = [*run(subject(pictured(credit="", image_alt=""))), *run(with_html(after="<script>x</script>"))]
LOG = sarif([(EDITION.id, one) for one in FOUND], version="1.2.3")


def test_a_log_has_one_run_with_its_rules():
    """Each code that occurs is a rule once, and every result points to its own."""
    (one,) = LOG["runs"]
    rules = one["tool"]["driver"]["rules"]
    assert LOG["version"] == "2.1.0"
    assert one["tool"]["driver"]["name"] == "digest"
    assert [rule["id"] for rule in rules] == sorted({finding.code for finding in FOUND})
    for result, finding in zip(one["results"], FOUND, strict=True):
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"] == finding.code
        assert result["level"] in ("error", "warning", "note")
        assert finding.message in result["message"]["text"]
    assert json.loads(json.dumps(LOG)) == LOG


@pytest.mark.parametrize(
    ("where", "uri", "line"),
    [
        ("stories/2022-02-14-a b.md:4", "stories/2022-02-14-a%20b.md", 4),
        ("stories/a.md", "stories/a.md", None),
        ("html:12", f"build/{EDITION.id}/index.html", 12),
        ("text", f"build/{EDITION.id}/digest.txt", None),
        ("mail:Reply-To", f"build/{EDITION.id}/digest.eml", None),
        ("mail:7", f"build/{EDITION.id}/digest.eml", 7),
        ("subject", "config.yaml", None),
        ("dns:_dmarc.ilo.org", "config.yaml", None),
        ("/srv/news/stories/a.md:4", "/srv/news/stories/a.md", 4),
        ("config: newsroom.contact", "config.yaml", None),
        (EDITION.id, "config.yaml", None),
    ],
)
def test_every_place_is_a_file_that_can_be_opened(where, uri, line):
    """Stories, the parts of the edition and the configuration are named as files, with the line when there is one."""
    finding = Finding(code="placeholder", severity=Severity.ERROR, where=where, message="x")
    (result,) = sarif([(EDITION.id, finding)], version="1")["runs"][0]["results"]
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == uri
    assert place.get("region", {}).get("startLine") == line
    assert re.fullmatch(r"[\w./%-]+", uri)


def test_a_fingerprint_outlives_a_moved_line():
    """The same finding two lines further down is the same to a code host."""

    def print_of(where):
        finding = Finding(code="placeholder", severity=Severity.ERROR, where=where, message="on 12 columns")
        return sarif([(EDITION.id, finding)], version="1")["runs"][0]["results"][0]["partialFingerprints"]

    assert print_of("stories/a.md:4") == print_of("stories/a.md:6") != print_of("stories/b.md:4")
