"""Every way in which digest can refuse, as one tree.

    DigestError                     exit code
    ├── UsageError                  2   what was typed cannot be done
    │   ├── PeriodError             2   "2022-13" is no month
    │   └── EditionPaused           2   a person holds the edition back
    ├── FaultyInput                 2   files with mistakes: all of them at once, each with file, line, key
    │   ├── ConfigError             2   config.yaml
    │   ├── StoryError              2   story files
    │   ├── IssueError              2   an issue file, or an overrides file
    │   └── ThemeError              2   templates
    ├── RenderError                 2   a template that fails on this content: file, line
    ├── ImportFailed                6   a source that gave nothing, or far less than last time
    │   ├── SourceShrank            6   a source that gave far less than last time: a person may insist
    │   └── FetchError              6   a source that could not be fetched
    ├── EditConflict                1   a file that changed since it was read to be edited
    ├── CheckFailed                 1   a check found an error
    ├── NothingToSend               3   no story, or no reader, for this edition
    ├── AlreadySent                 4   nothing is left to do
    ├── ApprovalError               5   the approval is missing or void
    ├── LedgerError                 1   the ledger is damaged, another newsroom's, or newer than the program
    │   ├── NoLedger                1   there is none yet: nothing was ever sent from here
    │   └── LedgerBusy              75  somebody else is sending this edition, or holds the file
    └── SendStopped                 1   the server's answer is about us, not about one reader
        └── TransportError          75  no connection could be had; to be tried again
            └── RelayLimit          75  the server takes no more of our mails for now

A `DigestError` is a person's to mend: it is printed as one line (a `FaultyInput` as one line per fault) without a
traceback. Anything else that is raised is a bug, and shows its traceback. This module imports nothing of digest.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterable


class DigestError(Exception):
    """Something a person can mend. `str(error)` is one line: what is wrong, and what to do."""

    exit_code = 1


class UsageError(DigestError):
    """What was asked for on the command line cannot be done."""

    exit_code = 2


class PeriodError(UsageError):
    """A period that cannot be read, or that does not exist."""


class EditionPaused(UsageError):
    """A person holds the edition back: nothing of it goes until it is resumed."""


class Fault(Struct, frozen=True, kw_only=True):
    """One mistake in one file, where a person can find it.

    `line` counts from 1; 0 means "the file as a whole". `key` is a dotted path (`audiences.everyone.limit`), or empty.
    """

    file: str
    line: int = 0
    key: str = ""
    message: str

    @property
    def place(self) -> str:
        """`file:line`, or the file."""
        return f"{self.file}:{self.line}" if self.line else self.file

    def __str__(self) -> str:
        """`file:line: key: what is wrong, what to do`; the parts that are not known are left out."""
        return f"{self.place}: {self.key}: {self.message}" if self.key else f"{self.place}: {self.message}"


_EXAMPLES = 3  # of many rows with one mistake


def gathered(faults: Iterable[Fault]) -> list[str]:
    r"""The faults for a person: the same mistake of many rows once, with its count and where the first of them are.

    >>> bad = [Fault(file="l.csv", line=line, key="email", message=f"'{line}' has no @") for line in range(2, 396)]
    >>> print(*gathered([*bad, Fault(file="l.csv", line=9, message="a quote is never closed")]), sep="\\n")
    l.csv: email: 394 rows like these: 2: '2' has no @; 3: '3' has no @; 4: '4' has no @
    l.csv:9: a quote is never closed
    """
    alike: dict[tuple[str, str, str], list[Fault]] = {}
    for fault in faults:
        kind = re.sub(r"'(?:[^'\\]|\\.)*'|\"[^\"]*\"|\d+", "…", fault.message)
        alike.setdefault((fault.file, re.sub(r"^row \d+(, )?", "", fault.key), kind), []).append(fault)
    lines: list[str] = []
    for (file, key, _kind), same in alike.items():
        if len(same) <= _EXAMPLES:
            lines += map(str, same)
            continue
        shown = "; ".join(f"{each.line or each.key.partition(',')[0]}: {each.message}" for each in same[:_EXAMPLES])
        lines.append(f"{file}: {key + ': ' if key else ''}{len(same):,} rows like these: {shown}")
    return lines


class FaultyInput(DigestError):
    """Files with mistakes in them. `faults` has every one of them, in the order of the files and lines."""

    exit_code = 2

    def __init__(self, faults: Iterable[Fault]) -> None:
        """Hold `faults`, of which there is at least one."""
        self.faults = tuple(faults)
        super().__init__("\n".join(map(str, self.faults)))


class ConfigError(FaultyInput):
    """config.yaml, or the environment that overrides it, has mistakes."""


class StoryError(FaultyInput):
    """Story files have mistakes."""


class IssueError(FaultyInput):
    """An issue file has mistakes, or an overrides file as there were before."""


class ThemeError(FaultyInput):
    """A theme's files have mistakes: MJML, Jinja or their mix."""


class RenderError(DigestError):
    """A template failed on this content (an undefined name, a loop without end). The message has file and line."""

    exit_code = 2


class ImportFailed(DigestError):
    """A source gave nothing, or far less than the last time: never taken for an empty month."""

    exit_code = 6


class SourceShrank(ImportFailed):
    """A source gave far less than the last time: a person says whether it really has."""


class FetchError(ImportFailed):
    """A source could not be fetched: refused address, too large, too slow, too many redirects, an error status."""

    def __init__(self, message: str, *, wait: int = 0) -> None:
        super().__init__(message)
        self.wait = wait  # seconds for which its server asks to be left alone


class EditConflict(DigestError):
    """A file changed since the one who wants to write it read it: nothing was written."""


class CheckFailed(DigestError):
    """A check found an error."""


class NothingToSend(DigestError):
    """No story or no reader for this edition."""

    exit_code = 3


class AlreadySent(DigestError):
    """The edition is finished: nothing is left to do."""

    exit_code = 4


class ApprovalError(DigestError):
    """The approval is missing, or what was approved has changed."""

    exit_code = 5


class LedgerError(DigestError):
    """The ledger is damaged, belongs to another newsroom, or is newer than this program. Says how to mend it."""


class NoLedger(LedgerError):
    """There is no ledger yet, and nothing says that there ever was one."""

    def __init__(self, place: str) -> None:
        super().__init__(f"{place}: there is no ledger yet; the first `digest send --live` makes it")
        self.place = place  # where it would be


class LedgerBusy(LedgerError):
    """Another sender works on this edition, or holds the ledger's file."""

    exit_code = 75


class SendStopped(DigestError):
    """The server refuses us, not one reader (sender, authentication, certificate, content): the run stops."""

    held = False  # each further try would cost readers, so only a person lets it go on


class TransportError(SendStopped):
    """No connection could be had, or none that lasts. Nobody is marked; it is tried again later."""

    crowded = False  # the server has enough connections of ours

    exit_code = 75


class RelayLimit(TransportError):
    """The server takes no more of our mails for now. Nobody is marked; the rest goes later as it is."""
