"""A newsroom with a schedule, a real SMTP server that keeps what it is given, and `digest` as a machine runs it."""

from __future__ import annotations

import email
import email.policy
import http.server
import os
import shutil
import subprocess
import sys
import threading
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from mailsink import AnyPort, Sink

ROOT = Path(__file__).parents[2]
CONTACT = "newsroom@ilo.org"
READERS = 6
COMMAND = [sys.executable, "-c", "from digest.cli import main; main()"]


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str


def pretending(arguments: tuple[str, ...], now: str) -> list[str]:
    """The flags that make it this time, for those that mail readers too."""
    mails = arguments[0] in ("resume", "run", "worker") or "--live" in arguments
    return ["--now", now, *(["--yes-now", now] if mails else [])]


@dataclass
class Newsroom:
    root: Path
    capsys: pytest.CaptureFixture[str]
    monkeypatch: pytest.MonkeyPatch
    started: list[subprocess.Popen] = field(default_factory=list)

    def __call__(self, *arguments: str, now: str = "") -> Done:
        from digest.cli.app import main

        self.monkeypatch.chdir(self.root)
        self.capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([*arguments, *(pretending(arguments, now) if now else [])])
        out, err = self.capsys.readouterr()
        return Done(ended.value.code, out, err)

    def run(self, now: str, *more: str) -> Done:
        return self("run", *more, now=now)

    def process(self, *arguments: str, program: str = COMMAND[-1], **more) -> subprocess.Popen:
        if "--now" in arguments:
            arguments = (*arguments, "--yes-now", arguments[arguments.index("--now") + 1])
        made = subprocess.Popen(
            [*COMMAND[:-1], program, *arguments],
            cwd=self.root,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **more,
        )
        self.started.append(made)
        return made

    def schedule(self, *lines: str, send: str = "") -> None:
        """Write these lines as the schedule, in the place of the one that was there."""
        file = self.root / "config.yaml"
        text = file.read_text(encoding="utf-8").partition("\nschedule:")[0].rstrip("\n")
        rules = "".join(f"  - {{{line}}}\n" for line in lines)
        file.write_text(f"{text}\n{send}\nschedule:\n{rules}", encoding="utf-8")

    def append(self, text: str) -> None:
        with (self.root / "config.yaml").open("a", encoding="utf-8") as file:
            file.write(text)

    def edit(self, path: str, old: str, new: str) -> None:
        file = self.root / path
        text = file.read_text(encoding="utf-8")
        assert old in text
        file.write_text(text.replace(old, new), encoding="utf-8")

    def story(self, name: str, day: str) -> None:
        text = f"---\ntitle: {name}\ndate: {day}\ntopics: [skills]\n---\n\nA summary of a few words.\n"
        (self.root / "stories" / f"{name}.md").write_text(text, encoding="utf-8")


@pytest.fixture
def newsroom(tmp_path, capsys, monkeypatch, request):
    """The repository's own newsroom, copied, due on the first working day of each month at nine.

    It has its public archive for tests that are marked `archived`.
    """
    for name in [name for name in os.environ if name.startswith("DIGEST_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("DIGEST_SEND__PATIENCE", "0")
    monkeypatch.setenv("DIGEST_SEND__RELAY_PATIENCE", "0")
    for name in ("config.yaml", "stories", "recipients"):
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, tmp_path / name)
    made = Newsroom(tmp_path, capsys, monkeypatch)
    if not request.node.get_closest_marker("archived"):
        config = tmp_path / "config.yaml"
        config.write_text(config.read_text("utf-8").replace("archive: public", "archive: none"), "utf-8")
    made.schedule("audiences: [everyone]")
    yield made
    for each in made.started:  # a test that fails leaves no program behind
        if each.poll() is None:
            each.kill()
            each.communicate()


class NewsroomSink(Sink):
    """A server that tells the newsroom's own mails from the readers'."""

    port = 0

    @property
    def readers(self) -> Counter[str]:
        """How many mails each reader got."""
        return Counter(to for to, _ in self.mails if to != CONTACT)

    @property
    def notices(self) -> list[email.message.EmailMessage]:
        return [email.message_from_bytes(data, policy=email.policy.default) for to, data in self.mails if to == CONTACT]

    @property
    def subjects(self) -> list[str]:
        return [mail["Subject"] for mail in self.notices]


@pytest.fixture
def sink(newsroom):
    """A server on loopback, and a newsroom that knows it."""
    handler = NewsroomSink()
    controller = AnyPort(handler, hostname="127.0.0.1", port=0, data_size_limit=None)
    controller.start()
    handler.port = controller.port
    for name, value in (("HOST", "127.0.0.1"), ("PORT", str(controller.port)), ("TLS", "none")):
        newsroom.monkeypatch.setenv(f"DIGEST_SMTP__{name}", value)
    yield handler
    controller.stop()


class Asked(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.asked.append((self.command, self.path, body))
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_POST = do_GET  # noqa: N815

    def log_message(self, *_):
        pass


@pytest.fixture
def web():
    """A web server on loopback that keeps what it is asked: (method, path, body)."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Asked)
    server.asked, server.status = [], 200
    server.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()
