"""Tell every open page that a file changed: a watcher on the newsroom's folders, and a stream of events per page.

Watches what shapes a digest (config, stories, templates, overrides, readers, images), never what digest itself writes.
"""

from __future__ import annotations

import time
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection

FOLDERS = ("stories", "templates", "issues", "overrides", "recipients", "approvals", "images", "photos", "media")
FILES = ("config.yaml",)
HEARTBEAT = 15.0  # seconds; a page that is gone is noticed by then
MOST = 32  # pages that listen at a time
_QUIET = 100  # milliseconds in which changes are taken together
_CLOCK = 20_000_000  # nanoseconds by which a file system's clock may be behind
_IDLE = 500  # milliseconds after which a watcher without news says so


class Live:
    """One watcher, many listeners."""

    def __init__(self, root: Path, changed: Callable[[Collection[Path]], None]) -> None:
        """Watch below `root`; call `changed` with the files that did, before the pages hear of it."""
        self._root = root
        self._changed = changed
        self._wakers: set[anyio.Event] = set()
        self._changes = 0  # so far: a page that was being told of one must not miss the next
        self._listeners = 0
        self._again: anyio.Event | None = None
        self._watched: list[Path] = []
        self._begun = time.time_ns() - _CLOCK
        self.closed = False

    @property
    def seen(self) -> str:
        """How much has changed so far: a page that begins with this misses nothing before its stream begins."""
        return f"{self._begun}-{self._changes}"

    async def watch(self) -> None:
        """Watch until closed. A folder that appears later is watched from then on."""
        from watchfiles import DefaultFilter

        wanted = DefaultFilter(ignore_entity_patterns=(*DefaultFilter.ignore_entity_patterns, r"^\.digest-.*\.tmp$"))
        names = {*FILES, *FOLDERS}
        fresh = True
        while not self.closed:
            # watchfiles ends at once by its event; cancelled, it would wait for seconds.
            again = self._again = anyio.Event()
            folders = self._watched = self._present()
            files = [file for name in FILES if (file := self._root / name).is_file()]
            below = partial(self._tell, folders, folders, fresh, again, watch_filter=wanted)
            # The newsroom's own folder, not what is below it: config.yaml, and folders that appear or go.
            top = partial(self._tell, [self._root], files, fresh, again, recursive=False)
            async with anyio.create_task_group() as tasks:
                if folders:
                    tasks.start_soon(below)
                tasks.start_soon(partial(top, watch_filter=lambda _, path: Path(path).name in names))
            fresh = False

    async def events(self) -> AsyncIterator[str]:
        """The stream for one page (the HTML standard's server-sent events)."""
        if self._listeners >= MOST:
            return
        self._listeners += 1
        try:
            told = self._changes
            yield f"retry: 500\nevent: hello\ndata: {self.seen}\n\n"
            while not self.closed:
                if told == self._changes:
                    await self._next()
                changed, told = told != self._changes, self._changes
                change = f"event: change\ndata: {self.seen}\n\n"
                yield change if changed and not self.closed else ": still here\n\n"
        finally:
            self._listeners -= 1

    def wake(self, paths: Collection[Path]) -> None:
        """Something changed, maybe unknown what: say so to every page. Called in the server's own thread."""
        self._changed(paths)
        self._changes += 1
        self._ring()

    async def _next(self) -> None:
        """Wait for a change, or for as long as a page may go without a sign of life."""
        waker = anyio.Event()
        self._wakers.add(waker)
        with anyio.move_on_after(HEARTBEAT):
            await waker.wait()
        self._wakers.discard(waker)

    def close(self) -> None:
        """End every stream, so that the server can end."""
        self.closed = True
        if self._again is not None:
            self._again.set()
        self._ring()

    def _ring(self) -> None:
        wakers, self._wakers = self._wakers, set()
        for waker in wakers:
            waker.set()

    def _present(self) -> list[Path]:
        return [folder for name in FOLDERS if (folder := self._root / name).is_dir()]

    async def _tell(self, watched: list[Path], known: list[Path], fresh: bool, again: anyio.Event, **how: Any) -> None:
        """Tell of what changes here, until there are other folders to watch."""
        from watchfiles import awatch

        # Between two watchers nobody looks. So the second tells the pages to look once, as soon as it surely watches.
        # The first tells them only where something was written since this server began: mostly nothing was.
        look = not fresh
        async for changes in awatch(
            *watched, debounce=_QUIET, step=20, stop_event=again, rust_timeout=_IDLE, yield_on_timeout=True, **how
        ):
            if fresh:
                look = await anyio.to_thread.run_sync(self._written_since, known)
            if changes or look:
                self.wake([] if look else [Path(path) for _, path in changes])
            fresh = look = False
            # A folder that went and came again is another one.
            if self._present() != self._watched or any(Path(path).name in FOLDERS for _, path in changes):
                again.set()

    def _written_since(self, folders: list[Path]) -> bool:
        """Whether one of these, or of what is below, was written since this began; what cannot be looked at was."""
        paths = chain(folders, *(folder.rglob("*") for folder in folders))
        try:
            return any(path.stat().st_ctime_ns >= self._begun for path in paths)
        except OSError:
            return True
