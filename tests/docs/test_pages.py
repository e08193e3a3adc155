"""Every page is run: console sessions print what they show, settings and stories are taken, links lead somewhere."""

from __future__ import annotations

import ast
import posixpath
import re
import shlex
import subprocess
import sys
from zoneinfo import ZoneInfo

import pytest
import yaml
from pages import (
    PAGES,
    ROOT,
    Shell,
    blocks,
    environment,
    headings,
    laid_over,
    matches,
    newsroom,
    put,
    sessions,
    without_blocks,
)
from typer.main import get_command

from digest import errors
from digest.checks.registry import Policy
from digest.cli.app import app, load
from digest.config.load import load as load_config
from digest.config.sections import Settings
from digest.issues import issue_file
from digest.stories.frontmatter import parse
from freeport import free_port

SECTIONS = {info.alias or name for name, info in Settings.model_fields.items()}


def having(*languages: str) -> list[str]:
    return [name for name, text in PAGES.items() if any(block.language in languages for block in blocks(text))]


@pytest.mark.parametrize("name", having("console"))
def test_every_console_session_prints_what_it_shows(name, tmp_path):
    """The commands of a page, in order, in a fresh copy of the sample newsroom or, if it says so, in an empty folder.

    Before each, the files that the page has shown with their names so far are written.
    """
    text = PAGES[name]
    shell = Shell(tmp_path if "<!-- begins in an empty folder -->" in text else newsroom(tmp_path))
    try:
        for block in blocks(text):
            if block.title:
                put(block, shell.folder())
            for command, shown in sessions(block.text) if block.language == "console" else ():
                printed = shell.run(command)
                if shown.strip() == "…":  # which stands for anything but a refusal
                    assert not re.search("^digest: ", printed, re.MULTILINE), f"$ {command}\n{printed}"
                assert matches(shown, printed), f"$ {command}\n--- {name} says\n{shown}\n--- it prints\n{printed}"
    finally:
        shell.close()


def test_a_relay_on_this_machine_takes_a_whole_send(tmp_path):
    """What docs/relays.md says of trying it out, typed in its order: every reader's mail is caught, its links local."""
    shown = PAGES["docs/relays.md"].partition("## Trying it out on this machine")[2].partition("\n## ")[0]
    catcher, copy, settings, sending = [block for block in blocks(shown) if block.language in ("sh", "yaml")]
    port = str(free_port())
    (tmp_path / "own").mkdir()
    shell = Shell(newsroom(tmp_path / "own"))
    try:
        command = catcher.text.splitlines()[-1].replace("2525", port).replace("python ", "python -u ")
        shell.run(f"{command} > ../caught.txt 2>&1 &")
        shell.run(f"until (echo > /dev/tcp/127.0.0.1/{port}) 2>/dev/null; do sleep 0.1; done")
        shell.run(copy.text)
        assert shell.folder().name == "trial"
        put(settings._replace(text=settings.text.replace("2525", port)), shell.folder())
        secret, relay, send, serve = sending.text.splitlines()
        shell.run(f"unset SOURCE_DATE_EPOCH; {secret}")
        assert "ready for mail; nothing was sent" in shell.run(relay)
        assert "6 accepted" in shell.run(send)
        assert serve == "digest serve"
    finally:
        shell.close()
    mails = (tmp_path / "caught.txt").read_text(encoding="utf-8").split("MESSAGE FOLLOWS")[1:]
    assert ["http://localhost:8025/u/" in mail for mail in mails] == [True] * 6


def kind_of(block) -> str:
    """What a block of YAML is: `config`, `story`, `issue`, or the file that its title names."""
    keys = set(yaml.load(block.text, yaml.BaseLoader) or ())
    if keys <= SECTIONS:
        return "config"
    if {"title", "date"} <= keys:
        return "story"
    return "issue" if keys <= set(issue_file.KEYS) else block.title


@pytest.mark.parametrize("name", having("yaml"))
def test_every_setting_story_and_issue_is_taken(name, tmp_path):
    """What a page shows in YAML goes through the reader of such files; what is none of ours names its file."""
    sample = yaml.load((ROOT / "config.yaml").read_text(encoding="utf-8"), yaml.BaseLoader)
    for block in (block for block in blocks(PAGES[name]) if block.language == "yaml"):
        match kind_of(block):
            case "config":
                file = tmp_path / "config.yaml"
                whole = laid_over(sample, yaml.load(block.text, yaml.BaseLoader))
                file.write_text(yaml.safe_dump(whole, allow_unicode=True), encoding="utf-8")
                config = load_config(file, {})
                Policy.parse({code: (part.severity, part.reason) for code, part in config.settings.checks.items()})
            case "story":
                data = f"---\n{block.text}---\n".encode()
                _, faults = parse(data, story_id="shown", file=name, zone=ZoneInfo("Europe/Zurich"), language="en")
                assert faults == ()
            case "issue":
                file = tmp_path / "issue.yaml"
                file.write_text(block.text, encoding="utf-8")
                issue_file.read(file)
            case other:
                assert other, f"{name}: what is this?\n{block.text}"


@pytest.mark.parametrize("name", having("python"))
def test_every_python_example_runs(name, tmp_path):
    """As it stands, in the sample newsroom."""
    newsroom(tmp_path)
    for block in blocks(PAGES[name]):
        if block.language == "python" and not block.title:
            subprocess.run([sys.executable, "-c", block.text], cwd=tmp_path, env=environment(), check=True, timeout=120)


@pytest.mark.parametrize("name", sorted(PAGES))
def test_every_link_leads_somewhere(name):
    """Files are there, and so are the headings in them."""
    text = without_blocks(PAGES[name])
    targets = re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`\n]*`", "", text)) + re.findall(
        r'(?:src|href)="([^"]+)"', text
    )
    for target in targets:
        if re.match(r"https?:|mailto:", target):
            continue
        path, _, anchor = target.partition("#")
        file = posixpath.normpath(posixpath.join(posixpath.dirname(name), path)) if path else name
        assert (ROOT / file).exists(), f"{name}: {target}"
        if anchor:
            assert anchor in headings(PAGES[file]), f"{name}: {target}"


def commands(text: str) -> list[str]:
    """Every `digest …` that a page would have one type: in sessions, in shell blocks, between backticks."""
    typed = [command for block in blocks(text) for command, _ in sessions(block.text) if block.language == "console"]
    typed += [line for block in blocks(text) if block.language == "sh" for line in block.text.splitlines()]
    parts = [part for line in typed for part in re.split(r"&&|\|\||[|;]", line)]
    spans = re.findall(r"`(digest [^`]+)`", without_blocks(text).replace("\n", " "))
    found = (re.search(r"(?:^|[\s/])(digest [a-z].*)", part) for part in parts)
    return [hit[1] for hit in found if hit] + spans


@pytest.mark.parametrize("name", [name for name in PAGES if name != "CHANGELOG.md"])
def test_every_command_is_one_that_there_is(name):
    """Verbs and options that a page names exist, whether the page runs them or not."""
    load()
    root = get_command(app)
    for typed in commands(PAGES[name]):
        words = shlex.split(typed.replace("'", " "), comments=True)[1:]
        at = root
        while words and hasattr(at, "commands") and not words[0].startswith("-"):
            verb = words.pop(0)
            assert verb in at.commands, f"{name}: {typed}"
            at = at.commands[verb]
        known = {option for each in at.params for option in (*each.opts, *each.secondary_opts)} | {"--help", "-h"}
        if hasattr(at, "commands"):
            known |= {"--version"}
        for word in words:
            if re.match(r"--?[a-z]", word):
                assert word.partition("=")[0] in known, f"{name}: {typed}"


def test_every_verb_is_explained():
    """A verb that is only in the reference, and in no page that tells when one wants it, is one that nobody finds."""
    load()
    told = "\n".join(text for name, text in PAGES.items() if name not in ("docs/verbs.md", "CHANGELOG.md"))
    assert [verb for verb in get_command(app).commands if f"digest {verb}" not in told] == []


def explained(heading: str, cell: str) -> list[str]:
    """The first cells of the table below a heading of docs/trouble.md."""
    table = PAGES["docs/trouble.md"].partition(f"## {heading}")[2].partition("\n## ")[0]
    return re.findall(rf"^\| {cell} \|", table, re.MULTILINE)


def test_every_exit_code_is_explained():
    """Those of the errors, and those of an end that is none; exit-codes.md has the same."""
    codes = {kind.exit_code for kind in refusals()} | {0, 130, 143}
    told = {int(code) for cell in explained("By exit code", r"([\d, ]+)") for code in cell.split(",")}
    assert told == codes
    assert {int(code) for code in re.findall(r"^\| `(\d+)` \|", PAGES["docs/exit-codes.md"], re.MULTILINE)} == codes


def refusals() -> set[type[errors.DigestError]]:
    """Every kind of refusal; their common parent, which is none, left out."""
    kinds = {kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.DigestError)}
    return kinds - {errors.DigestError}


# Whose mistakes are gathered one by one, and raised by whoever gathered them: of which files the room reads them.
GATHERED = {"config": "ConfigError", "stories": "StoryError", "issues": "IssueError", "composer": "ThemeError"}


def test_every_kind_of_refusal_is_explained_by_a_message():
    """docs/trouble.md quotes at least one of each error, from a function that raises it, or from its own class."""
    quoted = explained("By message", r"`([^`]+)`")
    told = {"FaultyInput"}  # a file, a line and a key: said above the table
    for file in (ROOT / "src/digest").rglob("*.py"):
        room = file.relative_to(ROOT / "src/digest").parts[0]
        for function in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(function, ast.FunctionDef | ast.ClassDef):
                continue
            inside = list(ast.walk(function))
            words = [node.value for node in inside if isinstance(node, ast.Constant) and isinstance(node.value, str)]
            if any(message in text for text in words for message in quoted):
                told |= {
                    node.func.id for node in inside if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
                }
                told |= {GATHERED.get(room, ""), function.name}  # an error may word itself
    assert {kind.__name__ for kind in refusals()} - told == set()


def test_every_message_that_is_explained_is_one():
    """What docs/trouble.md quotes stands in the program, word for word."""
    quoted = explained("By message", r"`([^`]+)`")
    assert len(quoted) > 10
    source = "\n".join(file.read_text(encoding="utf-8") for file in (ROOT / "src").rglob("*.py"))
    assert [words for words in quoted if words not in source] == []


def test_every_task_runs_what_is_there():
    """Each script that the Makefile names exists, and each tool is one that the extras install."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    scripts = re.findall(r"(?:docs|tools|\.ci)/[\w.]+", makefile)
    assert len(scripts) > 5
    assert [script for script in scripts if not (ROOT / script).exists()] == []
    named = set(re.findall(r"\.venv/bin/([\w-]+)", makefile)) - {"python", "pip"}
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert [tool for tool in named if f'"{tool.replace("lint-imports", "import-linter")}>=' not in project] == []
