"""What a newcomer reads first is in plain words: by a list of words that are not, and by the length of sentences."""

from __future__ import annotations

import re

import pytest
from pages import PAGES, without_blocks

FIRST_READ = ["README.md", "docs/index.md", "docs/first-issue.md", "docs/every-month.md"]
LONGEST = 40  # words of a sentence
# Words that people who write programs say to each other. One that cannot be done without stands in the glossary.
JARGON = """
    API argument atomic back-end backend binary BDAT boolean bounce byte-identical cache checkout CLI commit compile
    config container cron CSV daemon dataclass dependency deploy deterministic DKIM DMARC DNS Docker dump endpoint
    engine environment-variable exception feed fingerprint flag freeze front-matter frontend half-open handler hash
    hook HTTP idempotent instance intent interface iterate Jinja JSON Kubernetes ledger lint locale log manifest
    metadata MIME MJML module mutable namespace null object opaque optional overrides parameter parse payload
    pipeline POST PostgreSQL premailer process property proxy query queue regex registry relay render repo
    repository RFC runtime schema script serialize SMTP SPF SQL SQLite stack stderr stdin stdout string
    suppression systemd TLS token transaction UNIX upsert validate virtual-environment webhook worker YAML
"""


def explained() -> set[str]:
    """The words in the glossary's left column."""
    rows = re.findall(r"^\| ([^|]+) \|", PAGES["docs/glossary.md"], re.MULTILINE)
    return {word.strip().lower().replace(" ", "-") for row in rows for word in row.split(",")}


def words_of(page: str) -> str:
    """A page's own words: no blocks, no code, no addresses of links, no tags."""
    text = re.sub(r"`[^`]*`", "CODE", without_blocks(page))
    return re.sub(r"\]\([^)]*\)|<[^>]+>", "", text)


@pytest.mark.parametrize("name", FIRST_READ)
def test_no_jargon_that_the_glossary_does_not_explain(name):
    """A word of the list is either not there, or explained; and the page leads to where."""
    text = words_of(PAGES[name])
    used = {word for word in JARGON.split() if re.search(rf"\b{word.replace('-', '[ -]')}s?\b", text, re.IGNORECASE)}
    assert {word for word in used if word.lower() not in explained()} == set()
    assert not used or "glossary.md" in PAGES[name]


@pytest.mark.parametrize("name", FIRST_READ)
def test_sentences_are_short(name):
    """None has more words than one breath."""
    for paragraph in re.split(r"\n\s*\n|\n(?:[-|#]|\d+\.) ?", words_of(PAGES[name])):
        for sentence in re.split(r"(?<=[.!?:;])\s", paragraph):
            assert len(sentence.split()) <= LONGEST, sentence
