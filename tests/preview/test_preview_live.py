"""No change is lost: not one between two that a page is told of, not one while a new folder begins to be watched."""

from __future__ import annotations

from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial

import anyio
import pytest
import watchfiles
from previewed import NOW

from digest.cli.call import Call
from digest.cli.flags import Common
from digest.cli.preview import preview_state
from digest.newsroom.newsroom import open_newsroom
from digest.preview.live import Live
from digest.preview.state import PreviewState, ViewRequest


@asynccontextmanager
async def watched(root):
    """What is told of this newsroom: the names of each time."""
    told: list[set[str]] = []
    live = Live(root, lambda paths: told.append({path.name for path in paths}))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(live.watch)
        with anyio.fail_after(20):
            yield told
        live.close()


async def until(there):
    while not there():  # noqa: ASYNC110 - a watcher's other end tells nobody
        await anyio.sleep(0.02)


async def is_watched(folder, told):
    """What is written here is told sooner or later, if somebody watches."""
    folder.mkdir(exist_ok=True)
    while {"a.md"} not in told:
        (folder / "a.md").write_text(str(anyio.current_time()))
        await anyio.sleep(0.3)


def test_a_change_while_a_page_is_being_told_is_told_next(tmp_path):
    """Changes come when the page is not waiting: they are told at once when it asks again, together."""
    live = Live(tmp_path, lambda _: None)

    async def page():
        stream = live.events()
        assert "hello" in await anext(stream)
        live.wake([])
        live.wake([])
        with anyio.fail_after(5):
            assert "change" in await anext(stream)
        live.wake([])
        with anyio.fail_after(5):
            assert "change" in await anext(stream)
        await stream.aclose()

    anyio.run(page)


def test_when_a_folder_appears_the_pages_look_once_more(tmp_path):
    """Between the old watcher and the one that knows the new folder nobody looks; so everybody looks after it."""
    (tmp_path / "stories").mkdir()
    seen: list[float] = []

    async def newsroom():
        looked = anyio.Event()

        def changed(_):
            seen.append(anyio.current_time())
            if len(seen) == 2:  # the folder itself, and the look afterwards
                looked.set()

        live = Live(tmp_path, changed)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(live.watch)
            await anyio.sleep(1.0)
            (tmp_path / "overrides").mkdir()
            with anyio.fail_after(20):
                await looked.wait()
            live.close()

    anyio.run(newsroom)


def test_a_change_before_the_first_watcher_watches_is_told(tmp_path):
    """A story written between the server's first look and its watcher's is seen; else nobody is disturbed."""
    (tmp_path / "stories").mkdir()
    story = tmp_path / "stories" / "a.md"
    story.write_text("before")

    async def told(*, written: bool) -> bool:
        looked = anyio.Event()
        await anyio.sleep(0.05)  # what was made above is older than the server
        live = Live(tmp_path, lambda _: looked.set())
        if written:
            story.write_text("while it began")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(live.watch)
            with anyio.move_on_after(20 if written else 1.5):
                await looked.wait()
            live.close()
        return looked.is_set()

    assert anyio.run(partial(told, written=True))
    assert not anyio.run(partial(told, written=False))


@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize("changed", ["issues", "config.yaml"])
def test_what_appears_or_is_set_before_the_first_watcher_watches_is_told(tmp_path, monkeypatch, there, changed):
    """A newsroom's first issue is saved while the server begins, or a setting is; what is saved next is told, too."""
    (tmp_path / "config.yaml").write_text("")
    if there:
        (tmp_path / "stories").mkdir()
    watch = watchfiles.awatch

    async def late(*paths, **how):
        if changed == "issues":
            (tmp_path / changed).mkdir(exist_ok=True)
        else:
            (tmp_path / changed).write_text("# anew")
        async for changes in watch(*paths, **how):
            yield changes

    async def newsroom():
        await anyio.sleep(0.05)  # what was made above is older than the server
        async with watched(tmp_path) as told:
            await until(lambda: told)
            await is_watched(tmp_path / "issues", told)

    monkeypatch.setattr(watchfiles, "awatch", late)
    anyio.run(newsroom)


def test_a_folder_that_goes_and_comes_again_is_watched(tmp_path):
    """As git changes it between two branches: what is written in the new one is told."""
    (tmp_path / "stories").mkdir()

    async def newsroom():
        async with watched(tmp_path) as told:
            await is_watched(tmp_path / "stories", told)
            (tmp_path / "stories").rename(tmp_path / "old")
            (tmp_path / "stories").mkdir()
            await until(lambda: {"stories"} in told)
            told.clear()
            await is_watched(tmp_path / "stories", told)

    anyio.run(newsroom)


@pytest.mark.parametrize("reading", [1, 2])
def test_what_is_written_while_it_is_read_counts(folder, reading):
    """config.yaml written after it was read and before anybody watches is read again, whichever reading that was."""
    readings = []

    def opened():
        newsroom = open_newsroom(folder.root / "config.yaml", {})
        readings.append(newsroom)
        if len(readings) == reading:
            folder.edit("config.yaml", "name: ILO Newsroom", "name: Harbour News")
        return newsroom

    state = PreviewState(opened, lambda: datetime(2022, 3, 1, 9, tzinfo=UTC), ViewRequest(period="2022-02"))
    state.newsroom()
    assert state.newsroom().config.newsroom.name == "Harbour News"


def test_nobody_is_answered_by_an_older_configuration(folder):
    """config.yaml written a moment ago counts at once, whether a watcher has told of it or not; broken, it is told."""
    state = preview_state(Call(Common(config=folder.root / "config.yaml", now=NOW)), ViewRequest(period="2022-02"))
    asked = ViewRequest(audience="everyone")
    assert len(state.view(asked).build.selection.stories) > 3
    text = (folder.root / "config.yaml").read_text()
    folder.edit("config.yaml", "audiences:\n", "audiences:\n  few: {title: Few, limit: 3}\n")
    assert len(state.view(ViewRequest(audience="few")).build.selection.stories) == 3
    folder.write("config.yaml", text + "colour: red\n")
    assert "colour" in "".join(state.view(asked).errors)
    folder.write("config.yaml", text)
    assert state.view(asked).errors == ()
