"""An empty newsroom to import into, through the same door as `digest import`."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

CASES = Path(__file__).parent / "data" / "cases"
CONFIG = """newsroom:
  name: Agency
  contact: news@example.org
  from: digest@example.org
  timezone: Europe/Zurich
  language: en
  postal_address: 1 Street, 1200 Geneva
audiences:
  everyone: {title: All, recipients: {csv: recipients.csv}}
"""


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Report:
    counts: tuple[int, int, int]
    faults: list[str]
    notes: list[str]
    data: dict


class Desk:
    def __init__(self, root, monkeypatch):
        self.root = root
        monkeypatch.chdir(root)
        self.write("config.yaml", CONFIG)
        self.write("recipients.csv", "email\nana@example.org\n")

    def write(self, name, content):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def __call__(self, *arguments):
        """Run `digest` here."""
        from digest.cli.app import main

        out, err = io.StringIO(), io.StringIO()
        code = 0
        with redirect_stdout(out), redirect_stderr(err):
            try:
                main(list(arguments))
            except SystemExit as ended:
                code = ended.code or 0
        return Ran(code, out.getvalue(), err.getvalue())

    def take(self, *sources, options=()):
        """Import case files by name, or texts of feeds."""
        names = []
        for number, source in enumerate(sources):
            if isinstance(source, str) and (CASES / source).name == source and (CASES / source).exists():
                names.append(self.write(source, (CASES / source).read_bytes()).name)
            else:
                names.append(self.write(f"source-{number}.xml", source).name)
        ran = self("import", *names, "--json", *options)
        assert ran.code == 0, ran.err
        data = json.loads(ran.out)
        return Report((len(data["new"]), len(data["changed"]), data["unchanged"]), data["faults"], data["notes"], data)

    def stories(self):
        """The stories as the newsroom reads them, by date."""
        from digest.newsroom.newsroom import open_newsroom

        return list(open_newsroom(self.root / "config.yaml").stories.stories())
