"""The pages that people read, and what stands in them: code blocks by language, console sessions, links, headings."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import yaml

ROOT = Path(__file__).parents[2]
PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for path in sorted([*ROOT.glob("*.md"), ROOT / "templates/README.md", *(ROOT / "docs").rglob("*.md")])
    if path.name != "example-story.md"
}
SAMPLE = ("config.yaml", "stories", "recipients", "issues")
_FENCE = re.compile(
    r"^(?P<indent> *)```(?P<language>\w+)(?P<attributes>[^\n]*)\n(?P<text>.*?)^(?P=indent)```$",
    re.DOTALL | re.MULTILINE,
)
_MARK = "7f3a--end--"


class Block(NamedTuple):
    """A fenced block: its language, the file that its title names, its text."""

    language: str
    title: str
    text: str


def blocks(page: str) -> list[Block]:
    """Every fenced block of a page's text, in order."""
    found = []
    for fence in _FENCE.finditer(page):
        title = re.search(r'title="([^"]*)"', fence["attributes"])
        text = re.sub(rf"^{fence['indent']}", "", fence["text"], flags=re.MULTILINE)
        found.append(Block(fence["language"], title[1] if title else "", text))
    return found


def without_blocks(page: str) -> str:
    """A page's text without its fenced blocks."""
    return _FENCE.sub("", page)


def headings(page: str) -> set[str]:
    """The anchors of a page's headings, as Python-Markdown and GitHub make them of plain words."""
    found: list[str] = []
    for text in re.findall(r"^#+ (.+?)\s*$", without_blocks(page), re.MULTILINE):
        anchor = re.sub(r"[\s-]+", "-", re.sub(r"[^\w\s-]", "", re.sub(r"[`*]", "", text)).strip().lower())
        same = found.count(anchor)
        found.append(f"{anchor}_{same}" if same else anchor)
    return set(found)


def newsroom(folder: Path) -> Path:
    """A copy of the repository's own newsroom, as a fresh clone has it."""
    for name in SAMPLE:
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, folder / name)
    return folder


def environment() -> dict[str, str]:
    """What a page's commands run in: the digest under test, first working day of March 2022, no colours."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    kept = {key: value for key, value in os.environ.items() if not key.startswith("DIGEST_")}
    return {**kept, "PATH": path, "NO_COLOR": "1", "COLUMNS": "100", "SOURCE_DATE_EPOCH": "1646121600"}


def sessions(block: str) -> list[tuple[str, str]]:
    """`$ command` lines, those that go on after `> ` with them, each with the output that follows."""
    found: list[tuple[str, str]] = []
    for line in block.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], ""))
        elif found:
            command, output = found[-1]
            if line.startswith("> ") and not output:
                found[-1] = (f"{command}\n{line[2:]}", "")
            else:
                found[-1] = (command, f"{output}{line}\n")
    return found


def matches(shown: str, printed: str) -> bool:
    """What is printed is what is shown; a line `…` stands for any lines, `…` in a line for any text."""
    pattern = "".join(
        r"(?:.*\n)*?" if line.strip() == "…" else ".*?".join(map(re.escape, line.rstrip().split("…"))) + r"[ ]*\n"
        for line in shown.splitlines()
    )
    return re.fullmatch(pattern, printed if printed.endswith("\n") or not printed else printed + "\n") is not None


class Shell:
    """One bash in which a page's commands run, so that what one leaves (a folder, a variable) the next one has."""

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            ["bash"],
            cwd=folder,
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, command: str) -> str:
        """What the command prints on both of its outputs, as a terminal shows it."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(f"{{ {command}\n}} </dev/null\nended=$?; echo; echo {_MARK}; (exit $ended)\n")
        self.process.stdin.flush()
        lines: list[str] = []
        for line in self.process.stdout:
            if line == f"{_MARK}\n":
                return "".join(lines)[:-1]  # without the line end before the mark
            lines.append(line)
        message = f"bash ended in {command!r}:\n{''.join(lines)}"
        raise AssertionError(message)

    def folder(self) -> Path:
        """Where it stands."""
        return Path(self.run("pwd").strip())

    def close(self) -> None:
        """End it, and what it started in the background."""
        assert self.process.stdin
        self.process.stdin.write("kill $(jobs -p) 2>/dev/null; exit\n")
        self.process.stdin.close()
        self.process.wait(30)
        assert self.process.stdout
        self.process.stdout.close()


def put(block: Block, folder: Path) -> None:
    """Write the file that a block's title names, as who reads the page does; keys of config.yaml are laid over it."""
    file = folder / block.title
    if file.name == "config.yaml" and file.exists():
        text = file.read_text(encoding="utf-8")
        merged = laid_over(yaml.load(text, yaml.BaseLoader), yaml.load(block.text, yaml.BaseLoader))
        file.write_text(yaml.safe_dump(merged, allow_unicode=True, sort_keys=False), encoding="utf-8")
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(block.text, encoding="utf-8")


def laid_over(below: object, above: object) -> object:
    """Mappings joined key by key; everything else is replaced."""
    if isinstance(below, dict) and isinstance(above, dict):
        return {**below, **{key: laid_over(below.get(key), value) for key, value in above.items()}}
    return above
