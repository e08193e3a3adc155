"""What programs read: with --json each verb prints one document, of the shape that docs/json says, whatever happens."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from digest.cli.app import app, load

pytestmark = pytest.mark.archived

ROOT = Path(__file__).parents[2]
FEBRUARY = ("--month", "2022-02")
EDITION = "2022-02/everyone/en"
LIVE = ("--live", "--yes", "--eml", "out")
# Commands in the order of a month, each with its exit code.
MONTH = [
    (("config",), 0),
    (("config", "--schema"), 0),
    (("config", "--new-id"), 0),
    (("completion", "zsh"), 0),
    (("new", "Harbour reopens"), 0),
    (("stories",), 0),
    (("stories", *FEBRUARY, "--explain"), 0),
    (("import", "page.txt"), 0),
    (("sources",), 0),
    (("sources", "--without", "press", *FEBRUARY, "--by", "Ana"), 0),
    (("build", *FEBRUARY), 0),
    (("build", "--month", "2019-02"), 3),
    (("check", *FEBRUARY), 0),
    (("check", *FEBRUARY, "--sarif"), 0),
    (("check", "--explain", "link-twice"), 0),
    (("stories", "--month", "2019-02"), 0),
    (("approve", *FEBRUARY, "--by", "Ana"), 0),
    (("approve", EDITION, "--show"), 0),
    (("send", *FEBRUARY, "-a", "everyone", "-a", "skills"), 0),
    (("send", "--month", "2019-02", "-a", "everyone"), 3),
    (("send", EDITION, "--to", "me@example.org", "--eml", "tests"), 0),
    (("send", *FEBRUARY, *LIVE, "--limit", "2"), 75),
    (("send", EDITION), 0),
    (("status",), 75),
    (("status", EDITION, "--html", "page.html"), 75),
    (("resolve", EDITION, "ann@example.org", "--sent"), 1),
    (("pause", *FEBRUARY), 0),
    (("cancel", "2022-02/skills", "--yes"), 0),
    (("thaw", "2022-02/skills", "--yes"), 1),
    (("resume", EDITION, "--yes"), 0),
    (("schedule",), 0),
    (("schedule", "--install", "cron"), 0),
    (("run", "--dry-run"), 0),
    (("run",), 0),
    (("bounces", "bounce.eml"), 0),
    (("subscribers", "list", "-a", "everyone"), 0),
    (("subscribers", "add", "-a", "everyone", "new@example.org"), 0),
    (("subscribers", "suppress", "new@example.org"), 0),
    (("subscribers", "suppressed"), 0),
    (("subscribers", "unsuppress", "new@example.org", "--because", "a mistake"), 0),
    (("subscribers", "export", "-a", "everyone"), 0),
    (("subscribers", "remove", "-a", "everyone", "new@example.org"), 0),
    (("subscribers", "import", "-a", "everyone", "recipients/everyone.csv"), 0),
    (("theme", "new", "harbour"), 0),
    (("theme", "check", "harbour"), 0),
    (("init", "mine"), 0),
    (("archive", "--out", "public"), 0),
]
SERVE = {"serve": ("--port", "0"), "preview": ("--port", "0", "--no-open")}
NEVER_ENDS_HERE = {"worker": "it needs a fleet's PostgreSQL; its document is one line"}


def name_of(command):
    return "-".join(command[:2]) if command[0] in ("subscribers", "theme") else command[0]


def validator(name):
    schema = json.loads((ROOT / "docs" / "json" / f"{name}.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def verbs():
    from typer.main import get_command

    load()
    for name, command in get_command(app).commands.items():
        yield from [f"{name}-{each}" for each in command.commands] if hasattr(command, "commands") else [name]


def test_each_verb_has_its_schema():
    """Every verb of the program has a schema in docs/json, as docs/schemas.py writes it, and no other has."""
    files = {path.stem for path in (ROOT / "docs" / "json").glob("*.json")}
    assert files == set(verbs())
    done = subprocess.run([sys.executable, ROOT / "docs" / "schemas.py", "--check"], check=False)
    assert done.returncode == 0, "run: python docs/schemas.py"
    assert files <= {name_of(command) for command, _ in MONTH} | SERVE.keys() | NEVER_ENDS_HERE.keys()


def objects(schema):
    """Every schema of an object, however deep, that is no name for one."""
    if isinstance(schema, list):
        for each in schema:
            yield from objects(each)
    elif isinstance(schema, dict):
        if schema.get("type") == "object":
            yield schema
        for each in schema.values():
            yield from objects(each)


@pytest.mark.parametrize("name", sorted(set(verbs())))
def test_no_schema_is_loose(name):
    """Each object has all of its keys and no other, or is a map whose values have a shape, or says why it is open."""
    schema = json.loads((ROOT / "docs" / "json" / f"{name}.json").read_text(encoding="utf-8"))
    for each in objects(schema):
        if each["additionalProperties"] is False:
            assert sorted(each["required"]) == sorted(each["properties"])
        else:
            assert isinstance(each["additionalProperties"], dict) or each["$comment"]


def test_a_month_in_documents(newsroom, sink):
    """Every command of a month prints one document, which its schema knows, and its exit code is what it was."""
    newsroom.monkeypatch.setenv("DIGEST_UNSUBSCRIBE_SECRET", "k" * 40)
    newsroom.edit("config.yaml", "title: Skills", "title: Skills\n    recipients: {csv: recipients/everyone.csv}")
    newsroom.write(
        "config.yaml",
        (newsroom.root / "config.yaml").read_text()
        + "\nschedule: [{period: month, audiences: [everyone]}]\n"
        + "sources: [{name: press, url: page.txt, channel: all-content}]\n",
    )
    newsroom.write("page.txt", (ROOT / "tests/importing/data/all-content.txt").read_text(encoding="utf-8"))
    newsroom.write("bounce.eml", "From: a@example.org\nSubject: Out of office\nAuto-Submitted: auto-replied\n\nAway.\n")
    for command, code in MONTH:
        done = newsroom(*command, "--json")
        assert done.code == code, (command, done)
        document = json.loads(done.out)
        validator(name_of(command)).validate(document)
        assert ("error" in document) == (command[0] == "thaw"), (command, document)
    assert len([to for to, _ in sink.mails if to != "newsroom@ilo.org"]) == 4  # beside the report to the newsroom


@pytest.mark.parametrize("name", sorted(set(verbs())))
def test_a_refusal_is_a_document(newsroom, name):
    """A flag that a verb does not know and a broken config.yaml are documents too, with the lines of standard error."""
    words = name.split("-", 1)
    done = newsroom(*words, "--no-such-flag", "--json")
    assert done.code == 2
    document = json.loads(done.out)
    validator(name).validate(document)
    assert document == {"error": {"exit_code": 2, "lines": [line.removeprefix("digest: ") for line in done.lines]}}


def test_mistakes_of_a_file_are_lines_of_one_document(newsroom):
    """All mistakes of config.yaml come in one document, a line each."""
    newsroom.edit("config.yaml", "  language: en", "  language: en\n  nmae: x\n  pone: y")
    done = newsroom("status", "--json")
    lines = json.loads(done.out)["error"]["lines"]
    assert (done.code, len(lines)) == (2, 2)
    assert lines == [line.removeprefix("digest: ") for line in done.lines]


def test_what_went_before_a_refusal_is_told(newsroom):
    """One edition goes out and the next is refused: the document has the first, the exit code is the refusal's."""
    newsroom.edit("config.yaml", "title: Skills", "title: Skills\n    recipients: {csv: recipients/none.csv}")
    done = newsroom("send", *FEBRUARY, *LIVE, "--json")
    rows = json.loads(done.out)
    validator("send").validate(rows)
    assert done.code == 2
    assert [(row["edition"], row["sent"]) for row in rows] == [(EDITION, 6)]


@pytest.mark.parametrize("verb", SERVE)
def test_what_serves_says_where_in_one_document(newsroom, verb):
    """`serve` and `preview` print their document when they begin, with the port they took."""
    with subprocess.Popen(
        [sys.executable, "-c", "from digest.cli import main; main()", verb, *SERVE[verb], "--json"],
        cwd=newsroom.root,
        env={**os.environ, "DIGEST_UNSUBSCRIBE_SECRET": "k" * 40},
        stdout=subprocess.PIPE,
        text=True,
    ) as serving:
        assert serving.stdout is not None
        text, document = "", None
        while document is None:
            text += serving.stdout.readline()
            try:
                document = json.loads(text)
            except ValueError:
                continue
        serving.terminate()
        assert serving.stdout.read() == ""
    validator(verb).validate(document)
    assert "http://127.0.0.1:" in text


def test_a_watch_has_no_document(newsroom):
    """What never ends takes no --json, and says so."""
    done = newsroom("run", "--watch", "--json", now=None)
    assert (done.code, "--json" in done.err) == (2, True)
