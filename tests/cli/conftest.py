"""A newsroom to run verbs in, and `digest` as a person types it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from mailsink import AnyPort, Sink

ROOT = Path(__file__).parents[2]
NOW = "2022-03-01T09:00"


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.err.splitlines()


@dataclass
class Newsroom:
    """A newsroom's folder. Calling it runs `digest` there, in this process; `shell` runs it as a program of its own."""

    root: Path
    capsys: pytest.CaptureFixture[str]
    monkeypatch: pytest.MonkeyPatch

    def __call__(self, *arguments: str, now: str | None = NOW) -> Done:
        from digest.cli.app import main

        self.monkeypatch.chdir(self.root)
        self.capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([*arguments, *(pretending(arguments, now) if now and takes_now(arguments) else [])])
        out, err = self.capsys.readouterr()
        code = ended.value.code
        assert isinstance(code, int)
        return Done(code, out, err)

    def shell(self, *arguments: str, env: dict[str, str] | None = None, stdin: str | None = None) -> Done:
        done = subprocess.run(
            [sys.executable, "-c", "from digest.cli import main; main()", *arguments],
            cwd=self.root,
            env={**os.environ, **(env or {})},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def write(self, path: str, text: str) -> Path:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return file

    def edit(self, path: str, old: str, new: str) -> None:
        file = self.root / path
        text = file.read_text(encoding="utf-8")
        assert old in text
        file.write_text(text.replace(old, new), encoding="utf-8")

    def story(self, name: str, **fields: object) -> Path:
        values = {"title": name.title(), "date": "2022-02-14", **fields}
        summary = values.pop("summary", "A summary of a few words.")
        front = "".join(f"{key}: {value}\n" for key, value in values.items())
        return self.write(f"stories/{name}.md", f"---\n{front}---\n\n{summary}\n")


def takes_now(arguments: tuple[str, ...]) -> bool:
    """Whether it is a verb's own run: help and typing mistakes are not to be told the time."""
    return bool(arguments) and not {"--help", "-h", "--now"} & set(arguments) and not arguments[0].startswith("-")


def pretending(arguments: tuple[str, ...], now: str) -> list[str]:
    """The flags that make it this time, for those that mail readers too."""
    mails = arguments[0] in ("resume", "run", "worker") or "--live" in arguments
    return ["--now", now, *(["--yes-now", now] if mails else [])]


@pytest.fixture
def newsroom(tmp_path, capsys, monkeypatch, request) -> Newsroom:
    """The repository's own newsroom, copied; with its public archive for tests that are marked `archived`."""
    for name in [name for name in os.environ if name.startswith("DIGEST_")]:
        monkeypatch.delenv(name)
    for name in ("config.yaml", "stories", "recipients"):
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, tmp_path / name)
    found = Newsroom(tmp_path, capsys, monkeypatch)
    if not request.node.get_closest_marker("archived"):  # pages and pictures take longer than all else of a small send
        found.edit("config.yaml", "archive: public", "archive: none")
    return found


@pytest.fixture
def empty(newsroom) -> Newsroom:
    """The same newsroom without a story."""
    shutil.rmtree(newsroom.root / "stories")
    (newsroom.root / "stories").mkdir()
    return newsroom


@pytest.fixture
def sink(newsroom):
    """A server on loopback, and a newsroom that knows it."""
    handler = Sink()
    controller = AnyPort(handler, hostname="127.0.0.1", port=0, data_size_limit=None)
    controller.start()
    for name, value in (("HOST", "127.0.0.1"), ("PORT", str(controller.port)), ("TLS", "none")):
        newsroom.monkeypatch.setenv(f"DIGEST_SMTP__{name}", value)
    yield handler
    controller.stop()
