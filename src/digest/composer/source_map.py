"""Where a line of text that was put together comes from: the file and line that a person can open.

    template files ─▶ one text ─▶ Places ─▶ "templates/default/theme.mjml.j2:41"

Pure bookkeeping; it reads no file.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceMap:
    """For each stretch of a text, from `starts` (line numbers, ascending, from 1), its `file` and the `line` there.

    Lines run on from the start of a stretch, unless `fixed`: then a whole stretch stands for one line.
    """

    starts: tuple[int, ...]
    files: tuple[str, ...]
    lines: tuple[int, ...]
    fixed: bool = False

    def find(self, line: int) -> tuple[str, int]:
        """The file and line that line `line` of the text comes from; (file, 0) when it is before the first."""
        index = bisect_right(self.starts, line) - 1
        if index < 0:
            return (self.files[0] if self.files else "template"), 0
        return self.files[index], self.lines[index] + (0 if self.fixed else line - self.starts[index])

    def at_line(self, line: int) -> str:
        """`file:line`, for a message."""
        file, found = self.find(line)
        return f"{file}:{found}" if found else file


def unlined(name: str) -> SourceMap:
    """The places of a text that is in no file of its own: a setting, by its name."""
    return SourceMap(starts=(1,), files=(name,), lines=(0,), fixed=True)


def whole(file: str, line: int = 1) -> SourceMap:
    """The places of a text that is one file, or that begins on `line` of one."""
    return SourceMap(starts=(1,), files=(file,), lines=(line,))
