"""What a reply means for the reader and for the session: one table, phase x what was heard. Pure.

Two rules made it. A reader is marked only by words about that reader or that mail; words about us, or about the
connection, give the mail back (`release`) and end the session. And a mail is in doubt only when its final dot may have
reached the server and no answer to it came.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct

from digest.delivery import Event, Phase
from digest.smtp.refusals import BUSY_READER

if TYPE_CHECKING:
    from digest.smtp.replies import Reply

CLOSING, MUST_LOG_IN, STORAGE = 421, 530, 552


class ReplyClass(StrEnum):
    """What came back."""

    YES = "yes"  # the reply that the phase hopes for: 2xx, or 354 to DATA
    LATER = "later"  # 4xx
    NEVER = "never"  # 5xx
    CLOSING = "closing"  # 421: the server leaves (RFC 5321, 3.8)
    UNWELCOME = "unwelcome"  # 530: we should have logged in or spoken TLS, so it is not about a reader
    NOTHING = "nothing"  # closed, reset, silent for too long, or not SMTP


class SessionAction(StrEnum):
    """What becomes of the session."""

    GO_ON = "go_on"
    RESET = "reset"  # RSET before the next mail
    OVER = "over"  # TransportError: another connection may do
    STOP = "stop"  # SendStopped: another connection would hear the same


class Verdict(Struct, frozen=True):
    """The event for the ledger (None: the mail goes on), and what becomes of the session."""

    event: Event | None
    then: SessionAction


_NEXT = Verdict(None, SessionAction.GO_ON)
_GIVE_BACK = Verdict(Event.RELEASE, SessionAction.OVER)
_TRY_LATER = Verdict(Event.DEFER, SessionAction.RESET)
_REFUSED = Verdict(Event.REFUSE, SessionAction.RESET)
_CUT_SHORT = Verdict(Event.DEFER, SessionAction.OVER)
_ABOUT_US = Verdict(Event.RELEASE, SessionAction.STOP)

VERDICTS: dict[tuple[Phase, ReplyClass], Verdict] = {
    # MAIL names the sender, never the reader: a 5xx burns nobody. A silence defers, so that a mail which kills the
    # connection each time cannot stand in front of the others for ever; a 421 is the server's own limit.
    (Phase.MAIL, ReplyClass.YES): _NEXT,
    (Phase.MAIL, ReplyClass.LATER): _TRY_LATER,
    (Phase.MAIL, ReplyClass.NEVER): _ABOUT_US,
    (Phase.MAIL, ReplyClass.CLOSING): _GIVE_BACK,
    (Phase.MAIL, ReplyClass.UNWELCOME): _ABOUT_US,
    (Phase.MAIL, ReplyClass.NOTHING): _CUT_SHORT,
    (Phase.RCPT, ReplyClass.YES): _NEXT,
    (Phase.RCPT, ReplyClass.LATER): _TRY_LATER,
    (Phase.RCPT, ReplyClass.NEVER): _REFUSED,
    (Phase.RCPT, ReplyClass.CLOSING): _CUT_SHORT,
    (Phase.RCPT, ReplyClass.UNWELCOME): _ABOUT_US,
    (Phase.RCPT, ReplyClass.NOTHING): _CUT_SHORT,
    (Phase.DATA, ReplyClass.YES): _NEXT,
    (Phase.DATA, ReplyClass.LATER): _TRY_LATER,
    (Phase.DATA, ReplyClass.NEVER): _REFUSED,
    (Phase.DATA, ReplyClass.CLOSING): _CUT_SHORT,
    (Phase.DATA, ReplyClass.UNWELCOME): _ABOUT_US,
    (Phase.DATA, ReplyClass.NOTHING): _CUT_SHORT,
    # The server spoke, or left, while the body was being written, and the dot never left. A yes before the end is none.
    (Phase.BODY, ReplyClass.YES): _CUT_SHORT,
    (Phase.BODY, ReplyClass.LATER): _CUT_SHORT,
    (Phase.BODY, ReplyClass.NEVER): Verdict(Event.REFUSE, SessionAction.OVER),
    (Phase.BODY, ReplyClass.CLOSING): _CUT_SHORT,
    (Phase.BODY, ReplyClass.UNWELCOME): Verdict(Event.DEFER, SessionAction.STOP),
    (Phase.BODY, ReplyClass.NOTHING): _CUT_SHORT,
    # After the dot an explicit no is a no. No answer is no knowledge.
    (Phase.DOT, ReplyClass.YES): Verdict(Event.ACCEPT, SessionAction.GO_ON),
    (Phase.DOT, ReplyClass.LATER): Verdict(Event.DEFER, SessionAction.GO_ON),
    (Phase.DOT, ReplyClass.NEVER): Verdict(Event.REFUSE, SessionAction.GO_ON),
    (Phase.DOT, ReplyClass.CLOSING): _CUT_SHORT,
    (Phase.DOT, ReplyClass.UNWELCOME): Verdict(Event.DEFER, SessionAction.STOP),
    (Phase.DOT, ReplyClass.NOTHING): Verdict(Event.DOUBT, SessionAction.OVER),
    # RSET stands before the next mail, about which nothing was said yet.
    (Phase.RSET, ReplyClass.YES): _NEXT,
    (Phase.RSET, ReplyClass.LATER): _GIVE_BACK,
    (Phase.RSET, ReplyClass.NEVER): _GIVE_BACK,
    (Phase.RSET, ReplyClass.CLOSING): _GIVE_BACK,
    (Phase.RSET, ReplyClass.UNWELCOME): _GIVE_BACK,
    (Phase.RSET, ReplyClass.NOTHING): _GIVE_BACK,
}


def hear(phase: Phase, reply: Reply) -> ReplyClass:
    """Which kind of reply this is in this phase."""
    kind = reply.code // 100
    if kind == 2:  # noqa: PLR2004 - the digits are the protocol's
        return ReplyClass.NOTHING if phase is Phase.DATA else ReplyClass.YES  # a 250 to DATA answers something else
    if kind == 3:  # noqa: PLR2004
        return ReplyClass.YES if phase is Phase.DATA else ReplyClass.NOTHING
    if reply.code == CLOSING:
        return ReplyClass.CLOSING
    if reply.code == MUST_LOG_IN:
        return ReplyClass.UNWELCOME
    # RFC 5321, 4.5.3.1.10: an old way of saying "too many for now"; 552 5.2.2 says it plainly
    too_many = phase is Phase.RCPT and reply.code == STORAGE and not reply.status
    for_now = kind == 4 or too_many or BUSY_READER.search(reply.text)  # noqa: PLR2004
    return ReplyClass.LATER if for_now else ReplyClass.NEVER


def verdict(phase: Phase, heard: ReplyClass, *, intended: bool = False) -> Verdict:
    """What it means. A mail whose intent is on disk cannot be given back as if nothing had been: it is deferred."""
    found = VERDICTS[phase, heard]
    if intended and found.event is Event.RELEASE:
        return Verdict(Event.DEFER, found.then)
    return found
