"""No change is lost: not one between two that a page is told of, not one while a new folder begins to be watched."""

from __future__ import annotations

import anyio

from digest.preview.live import Live


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
