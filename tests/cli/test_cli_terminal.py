"""What strangers wrote reaches a terminal as words: no code of theirs is obeyed, wherever it comes from."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

import digest
from digest.cli.output import Output, tell
from digest.model import Finding, Severity

EVIL = "a\x1b]0;owned\x07\x1b[2J\x9b31m\x08b\u202ec\u2066d"
CODES = ("\x1b", "\x07", "\x08", "\x9b", "\u202e", "\u2066")


def test_every_way_to_print_takes_the_codes_out(capsys):
    """Lines, tables, findings and complaints hold the words, and nothing that a terminal obeys."""
    out = Output(verbose=True)
    out.line(EVIL)
    out.table(["name", EVIL], [[EVIL, "x\ny"]])
    out.findings([Finding(code="placeholder", severity=Severity.ERROR, where=EVIL, message=EVIL)])
    tell(f"{EVIL}\n{EVIL}")
    said, told = capsys.readouterr()
    assert not any(code in said + told for code in CODES)
    assert "abcd" in said
    assert len(said.splitlines()) == 1 + 2 + 1
    assert told.splitlines() == ["digest: abcd", "digest: abcd"]


def test_our_own_colours_stay(capsys):
    """A finding's severity is painted; what it says is not."""
    Output(colour=True).findings([Finding(code="x", severity=Severity.ERROR, where="", message="\x1b[31mred")])
    assert capsys.readouterr().out == "  \x1b[31merror  \x1b[0m  x: red\n"


def test_json_keeps_every_character_and_shows_no_code(capsys):
    """Programs read back exactly what was there; a terminal sees escapes."""
    Output().data({EVIL: EVIL})
    said = capsys.readouterr().out
    assert not any(code in said for code in CODES)
    assert json.loads(said) == {EVIL: EVIL}


@pytest.mark.parametrize("name", ["config.yaml", "stories/2022-02-14-evil.md", "overrides/2022-02/everyone.yaml"])
def test_a_key_that_holds_codes_is_named_without_them(newsroom, name):
    """A mistake in a file that somebody sent is told with its file, and rewrites no screen."""
    file = newsroom.root / name
    file.parent.mkdir(parents=True, exist_ok=True)
    key = '"a\\e]0;owned\\a\\e[2Jb": 1\n'
    before = file.read_text(encoding="utf-8") if file.exists() else ""
    story = f"---\ntitle: x\ndate: 2022-02-14\n{key}---\n"
    file.write_text(story if file.suffix == ".md" else f"{before}\n{key}", encoding="utf-8")
    done = newsroom.shell("build", "--month", "2022-02", "--audience", "everyone")
    assert done.code != 0
    assert not any(code in done.out + done.err for code in CODES)
    assert name.rpartition("/")[2] in done.err


def test_nothing_is_printed_anywhere_else():
    """The verbs print through `digest.cli.output` only; the version, the help and exported rows are ours to print."""
    allowed = {("app.py", "echo"), ("app.py", "print"), ("subscribers.py", "write")}
    found = set()
    for path in (Path(digest.__file__).parent).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                owner = ast.unparse(node.func).rpartition(".")[0]
                printing = (name, owner) == ("print", "") or (name, owner) == ("echo", "typer")
                if printing or (name == "write" and owner in ("sys.stdout", "sys.stderr")):
                    found.add((path.name, name))
    assert found - {("output.py", "print")} == allowed
