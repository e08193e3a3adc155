"""Read which mails a relay accepted from its own log, so that what is in doubt can be settled by a fact.

    log lines ─▶ Message-IDs that the relay took responsibility for (RFC 5321, 4.2.5)

Postfix: `cleanup` names the Message-ID of a queue id while the mail still comes in, and `qmgr` says "queue active" for
that queue id only once it is whole and on disk; only both together count. Exim: the `<=` line with `id=` is written
when it accepts. Pure: it is handed lines. Silence is never a refusal: a mail that is not found stays in doubt.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# Whatever an instance is called; with RFC 5424 the process stands apart. `<>`: the mail has no Message-ID.
_POSTFIX_ID = re.compile(r"/cleanup(?:\[\d+\]:| \d+ - -) (?P<queue>\w+): message-id=<?(?P<id>[^\s<>]*)")
_POSTFIX_ACTIVE = re.compile(r"/[no]?qmgr(?:\[\d+\]:| \d+ - -) (?P<queue>\w+): from=.*\(queue active\)")
_EXIM = re.compile(r"(?P<queue>[0-9A-Za-z]{6}-[0-9A-Za-z]{6,11}-[0-9A-Za-z]{2,4}) <= .*?\bid=(?P<id>[^\s<>]+)")
MAX_LINE = 4_096  # characters; a longer line is none of a relay's, and would take the square of its length
MAX_OPEN = 1_000_000  # queue ids remembered at a time; a log of a million mails in flight is no log


def accepted(lines: Iterable[str]) -> Iterator[str]:
    """The Message-IDs (without angle brackets) of mails that the relay accepted, in the order of the log."""
    coming: dict[str, str] = {}
    for line in lines:
        if len(line) > MAX_LINE:
            continue
        if found := _POSTFIX_ID.search(line):
            if len(coming) >= MAX_OPEN:
                coming.pop(next(iter(coming)))
            coming[found["queue"]] = found["id"]
        elif found := _POSTFIX_ACTIVE.search(line):
            # A queue id is used again for another mail; its Message-ID counts once.
            if message_id := coming.pop(found["queue"], ""):
                yield message_id
        elif found := _EXIM.search(line):
            yield found["id"]
