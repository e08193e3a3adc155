"""Print for people and for programs: lines, tables, JSON, findings, and what went wrong. Colours only for a person.

Every word that a verb says goes through here, and is cleaned here: titles, file names, YAML keys, names in approvals
and what servers answer may hold codes that rewrite a terminal or forge a line. This module formats; it never decides
what is worth saying, and never ends the program.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from digest.text.cleaning import multiline
from digest.text.counting import counted

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from digest.model import Finding

# What JSON need not escape and a terminal obeys: C1 controls, and marks that turn the direction of a line.
_OBEYED = re.compile("[\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
# By the severities' values: the model itself is not loaded for a help text.
_COLOUR = {"error": "31", "warning": "33", "info": "36"}


class Output(Struct, frozen=True, kw_only=True, eq=False):
    """Where a verb's results go. `quiet` drops everything but errors.

    With `json`, one document is all that is printed: `data`. What is for people is not.
    """

    quiet: bool = False
    json: bool = False
    verbose: bool = False
    colour: bool = False
    told: set[object] = field(default_factory=set)

    def line(self, text: str = "") -> None:
        """One line of result."""
        self._print(multiline(text))

    def warn(self, text: str) -> None:
        """What a person should hear beside the result, on standard error; no error, so that `quiet` drops it."""
        if not self.quiet:
            tell(text)

    def is_new(self, fact: object) -> bool:
        """Whether it was not said before; from now on it was. What editions share is said with the first of them."""
        new = fact not in self.told
        self.told.add(fact)
        return new

    def _print(self, text: str) -> None:
        """`text` as it is: clean, and maybe painted."""
        if not (self.quiet or self.json):
            print(text)  # noqa: T201 - this is where printing happens

    def data(self, value: Any) -> None:
        """The result as JSON, for programs: once. `quiet` has no say over it."""
        Printed.documents += 1
        plain = not (sys.stdout.encoding or "").lower().startswith("utf")  # then letters are written as \u00e9
        text = json.dumps(value, ensure_ascii=plain, indent=2)
        print(_OBEYED.sub(lambda found: f"\\u{ord(found[0]):04x}", text))  # noqa: T201

    def table(self, head: Sequence[str], rows: Iterable[Sequence[str]], *, right: Sequence[int] = ()) -> None:
        """Columns under headings; those in `right` are numbers and stand at the right."""
        from digest.text.wrapping import width

        cells = [[multiline(cell).replace("\n", " ") for cell in row] for row in (head, *rows)]
        widths = [max(width(row[column]) for row in cells) for column in range(len(head))]
        for number, row in enumerate(cells):
            padded = (
                _pad(cell, columns, right=column in right)
                for column, (cell, columns) in enumerate(zip(row, widths, strict=True))
            )
            text = "  ".join(padded).rstrip()
            self._print(self._paint(text, "1") if number == 0 else text)

    def to_fill_in(self, lines: Iterable[object]) -> None:
        """What is left for a person to fill in, each on a line; nothing where nothing is."""
        for number, line in enumerate(lines):
            if not number:
                self.line("To fill in before readers are mailed:")
            self.line(f"  {line}")

    def findings(self, found: Iterable[Finding], fresh: Collection[Finding] | None = None) -> None:
        """Each finding on a line: severity, code, where, message. Infos are told only when `verbose`.

        Those that are not `fresh` stand above, under another edition: they are only counted.
        """
        shown = [finding for finding in found if finding.severity.value != "info" or self.verbose]
        told = [finding for finding in shown if fresh is None or finding in fresh]
        for finding in told:
            word = self._paint(f"{finding.severity.value:<7}", _COLOUR[finding.severity.value])
            self._print(f"  {word}  {multiline(f'{finding.code}: {finding.sentence}')}")
        if again := len(shown) - len(told):
            self.line(f"  and {counted(again, 'finding')} that stand above")

    def _paint(self, text: str, code: str) -> str:
        """`text` in a colour, where there are colours."""
        return f"\x1b[{code}m{text}\x1b[0m" if self.colour else text


def tell(text: str) -> None:
    """What a person must know beside the result, or why there is none: on standard error, each line with our name."""
    for line in multiline(text).splitlines():
        print(f"digest: {line}", file=sys.stderr)  # noqa: T201 - this is where errors are told


class Printed:
    """What this process has printed for programs: an error is a document only where there is none yet."""

    documents = 0


def size(octets: int) -> str:
    """A size for people: `23 KB`. 1 KB is 1,024 octets, as Gmail counts its 102."""
    return f"{octets:,} B" if octets < 1024 else f"{octets / 1024:,.0f} KB"  # noqa: PLR2004 - octets in a KB


def duration(seconds: float) -> str:
    """A length of time for people: `4 s`, `12 min`, `3 h 5 min`.

    >>> [duration(n) for n in (0.4, 75, 11100)]
    ['0.4 s', '1 min 15 s', '3 h 5 min']
    """
    if seconds < 10:  # noqa: PLR2004 - where tenths still mean something
        return f"{seconds:.1f} s"
    hours, rest = divmod(round(seconds), 3600)
    minutes, left = divmod(rest, 60)
    parts = [(hours, "h"), (minutes, "min"), (0 if hours else left, "s")]
    return " ".join(f"{count} {unit}" for count, unit in parts if count) or "0 s"


def told_once(editions: Iterable[Sequence[Finding]]) -> list[list[Finding]]:
    """Of each edition's findings those that none before it has: what they share is said and counted once."""
    told: set[object] = set()
    fresh = []
    for findings in editions:
        fresh.append([finding for finding in findings if finding.fact not in told])
        told.update(finding.fact for finding in findings)
    return fresh


def tally(findings: Iterable[Finding]) -> str:
    """`1 error, 2 warnings`, or `none`; infos do not count as something to look at."""
    counts = Counter(finding.severity.value for finding in findings)
    words = ((counts[word], word) for word in ("error", "warning"))
    return ", ".join(counted(count, word) for count, word in words if count) or "none"


def _pad(text: str, columns: int, *, right: bool) -> str:
    from digest.text.wrapping import width

    blanks = " " * (columns - width(text))
    return blanks + text if right else text + blanks
