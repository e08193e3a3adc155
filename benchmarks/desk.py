"""The editor's page: a story saved, until the mail with it is there to be shown.

Run `python -m benchmarks.desk [--quick]`. The sample newsroom is served by the page's own server, in a process of its
own; what the page asks is asked over HTTP: a save of a headline, then the mail that its frame shows. What a browser
needs to paint it is not in the figures. The floor is the same mail asked for again, when nothing has changed.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from itertools import count
from pathlib import Path

import httpx

from benchmarks.harness import Contestant, Table, Target, alone, compete, environment

ROOT = Path(__file__).parents[1]
STORY = "2022-02-25-digitally-and-financially-empowered"
EDITION = {"period": "2022-02", "audience": "everyone", "language": "en"}
SERVER = """
import json, sys, threading
from digest.cli.call import Call
from digest.cli.flags import Common
from digest.cli.preview import preview_state
from digest.preview import server
from digest.preview.state import ViewRequest
from pathlib import Path
call = Call(Common(config=Path(sys.argv[1]) / "config.yaml", now="2022-03-01T09:00"))
with server.bound("127.0.0.1", 0) as (listener, bound):
    access = server.PageAccess(host="127.0.0.1", port=bound.port, token=bound.token, keys={})
    told = lambda: print(json.dumps([access.port, access.token]), flush=True)
    running = server.server_of(preview_state(call, ViewRequest(period="2022-02")), access, told)
    thread = threading.Thread(target=running.run, kwargs={"sockets": [listener]})
    thread.start()
    sys.stdin.read()
    running.should_exit = True
    thread.join()
"""


class Page:
    """What a browser's page asks the server."""

    def __init__(self, port: int, token: str) -> None:
        origin = f"http://127.0.0.1:{port}"
        self._http = httpx.Client(base_url=origin, headers={"Origin": origin, "X-Digest-Token": token}, timeout=60)
        self._number = count()

    def shown(self) -> str:
        """The mail as the frame shows it."""
        return self._http.get("/frame", params=EDITION).raise_for_status().text

    def again(self) -> float:
        """Seconds for the mail of which nothing changed."""
        start = time.perf_counter()
        self.shown()
        return time.perf_counter() - start

    def saved(self) -> float:
        """Seconds from the save of another headline until the mail with it is there."""
        version = self._http.get("/api/story", params={**EDITION, "id": STORY}).raise_for_status().json()["version"]
        title = f"Small firms learn to handle money, part {next(self._number)}"
        body = {**EDITION, "id": STORY, "version": version, "values": {"title": title}}
        start = time.perf_counter()
        self._http.post("/api/story", json=body).raise_for_status()
        html = self.shown()
        seconds = time.perf_counter() - start
        assert title in html, "the mail is not the one that was saved"
        return seconds


def measure(quick: bool) -> list[Table]:
    """One table: a save until its mail is there, and the mail alone."""
    with tempfile.TemporaryDirectory() as folder:
        for name in ("config.yaml", "stories", "recipients", "issues", "templates"):
            source = ROOT / name
            (shutil.copytree if source.is_dir() else shutil.copy)(source, Path(folder) / name)
        command = [sys.executable, "-c", SERVER, folder]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        with subprocess.Popen(command, env=environment(), text=True, **pipes) as server:
            assert server.stdin is not None
            assert server.stdout is not None
            try:
                page = Page(*json.loads(server.stdout.readline()))
                page.saved()  # the theme is compiled by now
                floor = Contestant("the mail asked for again", page.again)
                saved = Contestant("digest: a story saved, and its mail", page.saved)
                compete([floor, saved], 5 if quick else 30)
            finally:
                server.stdin.close()
    title = "A story saved on the editor's page, until its mail is there"
    seconds = Target(what=title, measured=saved.median, at_most=0.3, unit=" s")
    return [Table(title=title, contestants=[floor, saved], limit=floor, piece="save", targets=[seconds])]


if __name__ == "__main__":
    alone(measure, __doc__)
