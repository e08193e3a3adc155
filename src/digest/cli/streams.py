"""Keep a verb's work going when nobody can read what it says: `| head`, a closed terminal, a full disk under `> FILE`.

What is printed may be lost then; what was asked for is done all the same, and the exit code tells how it ended. This
module never decides what is printed.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from typing import TYPE_CHECKING, TextIO, cast

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

# The reader has had enough, or the terminal is gone: nobody is there who would want to hear that.
_LEFT = (errno.EPIPE, errno.EIO)


class Steady(io.FileIO):
    """A descriptor to write to, which fails without interrupting the one who writes. `lost` is why words were lost."""

    lost: OSError | None = None

    def write(self, data: ReadableBuffer) -> int:
        """Write, or drop it all; the first reason that is worth telling is kept."""
        try:
            return super().write(data)
        except OSError as error:
            if error.errno not in _LEFT:
                self.lost = self.lost or error
            return memoryview(data).nbytes


def steady(stream: TextIO | None, descriptor: int) -> TextIO:
    """`stream` over a Steady descriptor; over nothing at all when it was closed before we began (`>&-`)."""
    if stream is None:
        # Kept open on purpose: it is this process's stdout or stderr from here on.
        return open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123
    try:
        if stream.fileno() != descriptor:
            return stream
    except (OSError, ValueError):
        return stream  # not a file: somebody caught our output in memory
    text = cast("io.TextIOWrapper", stream)
    return io.TextIOWrapper(
        io.BufferedWriter(Steady(descriptor, "w", closefd=False)),
        encoding=text.encoding,
        errors="backslashreplace",  # an ASCII terminal shows é as \xe9
        line_buffering=True,  # what serves or waits is read in a journal while it runs
    )


def install() -> None:
    """Make this process's stdout and stderr steady."""
    sys.stdout, sys.stderr = steady(sys.stdout, 1), steady(sys.stderr, 2)


def why_lost() -> str:
    """Why words on stdout were lost although somebody may still want them (a full disk); empty when none were."""
    sys.stdout.flush()
    raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    return str(raw.lost.strerror) if isinstance(raw, Steady) and raw.lost else ""
