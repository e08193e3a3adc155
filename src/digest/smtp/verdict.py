"""What a reply means for the reader and for the session: one table, phase x what was heard. Pure.

Two rules made it. A reader is marked only by words about that reader or that mail; words about us, or about the
connection, give the mail back (`release`) and end the session. And a mail is in doubt only when its final dot may have
reached the server and no answer to it came.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from digest.delivery import Event, Phase

if TYPE_CHECKING:
    from digest.smtp.replies import Reply

CLOSING, MUST_LOG_IN, STORAGE = 421, 530, 552


class Heard(StrEnum):
    """What came back."""

    YES = "yes"  # the reply that the phase hopes for: 2xx, or 354 to DATA
    LATER = "later"  # 4xx
    NEVER = "never"  # 5xx
    CLOSING = "closing"  # 421: the server leaves (RFC 5321, 3.8)
    UNWELCOME = "unwelcome"  # 530: we should have logged in or spoken TLS, so it is not about a reader
    NOTHING = "nothing"  # closed, reset, silent for too long, or not SMTP


class Then(StrEnum):
    """What becomes of the session."""

    GO_ON = "go_on"
    RESET = "reset"  # RSET before the next mail
    OVER = "over"  # TransportError: another connection may do
    STOP = "stop"  # SendStopped: another connection would hear the same


@dataclass(frozen=True, slots=True)
class Verdict:
    """The event for the ledger (None: the mail goes on), and what becomes of the session."""

    event: Event | None
    then: Then


_NEXT = Verdict(None, Then.GO_ON)
_GIVE_BACK = Verdict(Event.RELEASE, Then.OVER)
_TRY_LATER = Verdict(Event.DEFER, Then.RESET)
_REFUSED = Verdict(Event.REFUSE, Then.RESET)
_CUT_SHORT = Verdict(Event.DEFER, Then.OVER)
_ABOUT_US = Verdict(Event.RELEASE, Then.STOP)

VERDICTS: dict[tuple[Phase, Heard], Verdict] = {
    # MAIL names the sender, never the reader: a 5xx burns nobody. A silence defers, so that a mail which kills the
    # connection each time cannot stand in front of the others for ever; a 421 is the server's own limit.
    (Phase.MAIL, Heard.YES): _NEXT,
    (Phase.MAIL, Heard.LATER): _TRY_LATER,
    (Phase.MAIL, Heard.NEVER): _ABOUT_US,
    (Phase.MAIL, Heard.CLOSING): _GIVE_BACK,
    (Phase.MAIL, Heard.UNWELCOME): _ABOUT_US,
    (Phase.MAIL, Heard.NOTHING): _CUT_SHORT,
    (Phase.RCPT, Heard.YES): _NEXT,
    (Phase.RCPT, Heard.LATER): _TRY_LATER,
    (Phase.RCPT, Heard.NEVER): _REFUSED,
    (Phase.RCPT, Heard.CLOSING): _CUT_SHORT,
    (Phase.RCPT, Heard.UNWELCOME): _ABOUT_US,
    (Phase.RCPT, Heard.NOTHING): _CUT_SHORT,
    (Phase.DATA, Heard.YES): _NEXT,
    (Phase.DATA, Heard.LATER): _TRY_LATER,
    (Phase.DATA, Heard.NEVER): _REFUSED,
    (Phase.DATA, Heard.CLOSING): _CUT_SHORT,
    (Phase.DATA, Heard.UNWELCOME): _ABOUT_US,
    (Phase.DATA, Heard.NOTHING): _CUT_SHORT,
    # The server spoke, or left, while the body was being written, and the dot never left. A yes before the end is none.
    (Phase.BODY, Heard.YES): _CUT_SHORT,
    (Phase.BODY, Heard.LATER): _CUT_SHORT,
    (Phase.BODY, Heard.NEVER): Verdict(Event.REFUSE, Then.OVER),
    (Phase.BODY, Heard.CLOSING): _CUT_SHORT,
    (Phase.BODY, Heard.UNWELCOME): Verdict(Event.DEFER, Then.STOP),
    (Phase.BODY, Heard.NOTHING): _CUT_SHORT,
    # After the dot an explicit no is a no. No answer is no knowledge.
    (Phase.DOT, Heard.YES): Verdict(Event.ACCEPT, Then.GO_ON),
    (Phase.DOT, Heard.LATER): Verdict(Event.DEFER, Then.GO_ON),
    (Phase.DOT, Heard.NEVER): Verdict(Event.REFUSE, Then.GO_ON),
    (Phase.DOT, Heard.CLOSING): _CUT_SHORT,
    (Phase.DOT, Heard.UNWELCOME): Verdict(Event.DEFER, Then.STOP),
    (Phase.DOT, Heard.NOTHING): Verdict(Event.DOUBT, Then.OVER),
    # RSET stands before the next mail, about which nothing was said yet.
    (Phase.RSET, Heard.YES): _NEXT,
    (Phase.RSET, Heard.LATER): _GIVE_BACK,
    (Phase.RSET, Heard.NEVER): _GIVE_BACK,
    (Phase.RSET, Heard.CLOSING): _GIVE_BACK,
    (Phase.RSET, Heard.UNWELCOME): _GIVE_BACK,
    (Phase.RSET, Heard.NOTHING): _GIVE_BACK,
}


def hear(phase: Phase, reply: Reply) -> Heard:
    """Which kind of reply this is in this phase."""
    kind = reply.code // 100
    if kind == 2:  # noqa: PLR2004 - the digits are the protocol's
        return Heard.NOTHING if phase is Phase.DATA else Heard.YES  # a 250 to DATA answers something else
    if kind == 3:  # noqa: PLR2004
        return Heard.YES if phase is Phase.DATA else Heard.NOTHING
    if reply.code == CLOSING:
        return Heard.CLOSING
    if reply.code == MUST_LOG_IN:
        return Heard.UNWELCOME
    if phase is Phase.RCPT and reply.code == STORAGE and not reply.status:
        return Heard.LATER  # RFC 5321, 4.5.3.1.10: an old way of saying "too many for now"; 552 5.2.2 says it plainly
    return Heard.LATER if kind == 4 else Heard.NEVER  # noqa: PLR2004


def verdict(phase: Phase, heard: Heard, *, intended: bool = False) -> Verdict:
    """What it means. A mail whose intent is on disk cannot be given back as if nothing had been: it is deferred."""
    found = VERDICTS[phase, heard]
    if intended and found.event is Event.RELEASE:
        return Verdict(Event.DEFER, found.then)
    return found
