"""The page as it is really served: its own server in a thread, on a free port, made as the verb makes it."""

from __future__ import annotations

import re
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import TYPE_CHECKING

import httpx
import pytest

from digest.cli.call import Call
from digest.cli.flags import Common
from digest.cli.preview import preview_state
from digest.preview import server
from digest.preview.live import Live
from digest.preview.state import ViewRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, BrowserContext, Page

NOW = "2022-03-01T09:00"
QUESTION = ".asked-"  # begins the names of files that ask the watchers
# What the page was told of last: it is noted before the page's own listeners hear of it.
TOLD = """window.EventSource = class extends EventSource {
  constructor(...given) {
    super(...given);
    for (const name of ['hello', 'change']) this.addEventListener(name, ({ data }) => { window.told = data; });
  }
};"""
RESTING = "/static/mark.svg"
STORY = """---
title: {title}
date: {date}
kicker: {kicker}
link: https://www.example.org/{name}
---

{summary}
"""


@dataclass
class Shown:
    """A newsroom's folder and the page that shows it, served as soon as its address is asked for.

    So what a test writes first is there before anybody watches. What it writes later is whole at once, and told.
    """

    root: Path
    access: server.PageAccess | None = None
    live: Watched | None = None
    serve: Callable[[], object] | None = None

    @property
    def served(self) -> server.PageAccess:
        if self.access is None and self.serve:
            self.serve()
        assert self.access
        return self.access

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.served.port}"

    @property
    def token(self) -> str:
        return self.served.token

    def write(self, path: str, text: str) -> Path:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        whole = file.with_name(f".digest-{file.name}.tmp")
        whole.write_text(text, encoding="utf-8")
        whole.replace(file)
        if self.live:
            self.live.catch_up()
        return file

    def story(self, name: str, **values: str) -> Path:
        given = {"title": name.title(), "date": "2022-02-14", "kicker": "News", "summary": "A few words."} | values
        return self.write(f"stories/{name}.md", STORY.format(name=name, **given))

    def edit(self, path: str, old: str, new: str) -> None:
        text = (self.root / path).read_text(encoding="utf-8")
        assert old in text
        self.write(path, text.replace(old, new))

    def get(self, path: str, **query: str) -> httpx.Response:
        return httpx.get(self.url + path, params=query, timeout=30)

    def post(self, path: str, body: object, **headers: str) -> httpx.Response:
        ours = {"Origin": self.url, "X-Digest-Token": self.token}
        return httpx.post(self.url + path, json=body, headers={**ours, **headers}, timeout=30)


class Watched(Live):
    """The server's own watchers, which say in a test when they have told of all that was written until now.

    Each is asked with files of this test's where it watches: what was written before one of them is told before it.
    """

    def __init__(self, root, changed):
        super().__init__(root, changed)
        self.places, self.asked, self.answered = (root, root / "stories"), 0, set()

    async def _tell(self, *given, watch_filter, **how):
        await super()._tell(*given, watch_filter=lambda *each: QUESTION in each[1] or watch_filter(*each), **how)

    def wake(self, paths):
        others = [path for path in paths if not path.name.startswith(QUESTION)]
        if others or not paths:
            super().wake(others)
        self.answered |= {path.name for path in paths}

    def catch_up(self):
        begun, asked = time.monotonic(), []
        while not (self._watched == self._present() and self._answers(asked)):
            assert time.monotonic() < begun + 30
            time.sleep(0.02)
        for question in asked:
            question.unlink()

    def _answers(self, asked):
        """Whether each has told of a question. One more is put to each: between two watchers nobody hears any."""
        for place in self.places:
            self.asked += 1
            asked.append(place / f"{QUESTION}{self.asked}")
            asked[-1].touch()
        for _ in range(30):
            if {each.parent for each in asked if each.name in self.answered} == {*self.places}:
                return True
            time.sleep(0.02)
        return False


def settle(root: Path) -> None:
    """Wait until no file is so new that a server which begins now tells its pages of it: they would be drawn twice."""
    newest = max(path.lstat().st_ctime for path in (root, *root.rglob("*")))
    time.sleep(max(0.0, newest + 0.025 - time.time()))


@contextmanager
def serving(
    shown: Shown, host: str = "127.0.0.1", keys: dict[str, str] | None = None, port: int = 0, first: str = "2022-02"
) -> Iterator[server.PageAccess]:
    common = Common(config=shown.root / "config.yaml", now=NOW)
    state = preview_state(Call(common), ViewRequest(period=first))
    ready = threading.Event()
    settle(shown.root)
    live: list[Watched] = []
    with server.bound("127.0.0.1", port) as (listener, bound), pytest.MonkeyPatch.context() as patch:
        access = server.PageAccess(host=host, port=bound.port, token=bound.token, keys=keys or {})
        patch.setattr(server, "Live", lambda *given: live.append(Watched(*given)) or live[0])
        running = server.server_of(state, access, ready.set)
        thread = threading.Thread(target=running.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            assert ready.wait(30)
            shown.access, shown.live = access, live[0]
            yield access
        finally:
            shown.live = None
            running.should_exit = True
            thread.join(30)
    assert not thread.is_alive()


@lru_cache(maxsize=2)
def _context(browser: Browser, *, bypass_csp: bool, touch: bool) -> BrowserContext:
    """The one context of a browser for the pages of its tests, with a blank page: each other is one more tab.

    A new context is a new process, and the first page of one a new window, with all that a Chromium draws around it.
    """
    context = browser.new_context(bypass_csp=bypass_csp, has_touch=touch, is_mobile=touch)
    context.new_page()
    return context


@contextmanager
def opened(
    browser: Browser,
    shown: Shown,
    width: int = 1280,
    query: str = "",
    expected: str = "",
    *,
    color_scheme: str = "light",
    bypass_csp: bool = False,
    touch: bool = False,
) -> Iterator[Page]:
    """The page, loaded and listening for changes. A script's error that was not `expected` fails the test.

    Of what it stores in its browser, or a test asks of its context, nothing is left to the next one.
    """
    context = _context(browser, bypass_csp=bypass_csp, touch=touch)
    page = context.new_page()
    _REQUESTS[page] = Requests(page, shown)
    page.add_init_script(TOLD)
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda said: problems.append(said.text) if said.type == "error" else None)
    try:
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=color_scheme)
        page.goto(f"{shown.url}/?{query}")
        page.wait_for_selector("html[data-live=yes]")
        yield page
    finally:
        del _REQUESTS[page]
        everything = {"origin": shown.url, "storageTypes": "all"}
        context.new_cdp_session(page).send("Storage.clearDataForOrigin", everything)
        context.clear_cookies()
        context.unroute_all()
        for each in context.pages[1:]:
            each.close()
    refused = "Failed to load resource: the server responded with a status of 4"  # the page says what was refused
    surprises = [each for each in problems if refused not in each and not (expected and re.search(expected, each))]
    assert surprises == []


class Requests:
    """How many a page has made of its server, and which are not answered yet; its stream of changes never is.

    What `rest` asks for is not counted.
    """

    def __init__(self, page, shown):
        self.shown, self.count, self.open = shown, 0, set()
        page.on("request", self.made)
        page.on("requestfinished", self.ended)
        page.on("requestfailed", self.ended)

    def made(self, request):
        if request.url.startswith(self.shown.url) and not request.url.endswith(("/api/events", RESTING)):
            self.count += 1
            self.open.add(request)

    def ended(self, request):
        self.open.discard(request)


_REQUESTS: dict[Page, Requests] = {}


def settled(page):
    """What was changed so far is answered and drawn, and nothing more is asked for: each thing stays in its place."""
    made = _REQUESTS[page]
    if live := made.shown.live:
        live.catch_up()
        until(page, lambda: page.evaluate("window.told") == live.seen)
    for _ in range(400):
        before = made.count
        page.evaluate("() => new Promise((done) => setTimeout(done, 300))")  # what is typed is asked for after 250
        rest(page)
        if not made.open and before == made.count:
            break
    else:
        raise AssertionError([made.count, *(each.url for each in made.open)])


class Late:
    """Answers that are kept back until `come()`: the first `count` of those asked for at this address, or all.

    The question itself is late; with `early`, only its answer is, which says what was so when it was asked.
    Nothing else is on its way when it begins, but what another one keeps: else it would keep an answer from before.
    """

    def __init__(self, page, address, count=0, *, early=False):
        settled(page)
        self.page, self.count, self.kept, self.requests, self.seen = page, count, [], set(), 0
        self.open, self.early = False, early
        route(page, re.compile(address), self.keep)

    def keep(self, route):
        self.seen += 1
        if self.open or (self.count and self.seen > self.count):
            route.continue_()
        else:
            self.requests.add(route.request)
            answer = {"response": route.fetch()} if self.early else {}
            self.kept.append(partial(route.fulfill if self.early else route.continue_, **answer))

    def asked(self, count=1):
        until(self.page, lambda: len(self.kept) >= count)

    def come(self):
        """All that was asked for by now, one at least, is answered, or wanted by nobody any more, and drawn."""
        self.asked()
        kept, self.kept, self.open = self.kept, [], True
        for go in kept:
            go()
        until(self.page, lambda: self.requests.isdisjoint(_REQUESTS[self.page].open))
        rest(self.page)


def route(page, address, handler, **how):
    """From now on, requests to this address are the handler's. Chromium tells a page so a moment after its answer."""
    page.route(address, handler, **how)
    taken = []
    page.route("**/routed", lambda request: (taken.append(request), request.fulfill()))
    until(page, lambda: page.evaluate("() => fetch('/routed').then(() => true)") and taken)
    page.unroute("**/routed")


def until(page, there):
    """What the page asks for on its own is there: it is kept, or answered, by a function of the test's."""
    for _ in range(800):
        if there():
            break
        page.wait_for_timeout(25)
    assert there()


def rest(page):
    """What was answered so far is drawn, and what was asked for so far is counted."""
    page.evaluate(f"() => fetch('{RESTING}').then((next) => next.text())")
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
