"""The life of one delivery (one recipient in one edition), as one table.

    planned ─claim─▶ claimed ─intent─▶ sending ─┬─ accepted ─▶ sent
       ▲                │ release              ├─ try later, or lost before the dot ─▶ deferred ─claim─▶ claimed
       ├────────────────┘                      ├─ refused for good ─▶ refused
       └─ release ── the body never began ─────┴─ lost after the dot, or found after a crash ─▶ in_doubt

`in_doubt` is left only by a person's word or the relay's log (`settle_sent`, `settle_resend`). Pure: this module holds
the table and one function over it. It never touches a database, a clock or a socket.
"""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class State(StrEnum):
    """Where a delivery stands. The value is what the ledger stores."""

    PLANNED = "planned"  # frozen into the edition, nobody works on it
    CLAIMED = "claimed"  # one sender has it under a lease; nothing was said to the server
    SENDING = "sending"  # the intent is durable; from here on the mail may arrive
    SENT = "sent"  # the server said 250 after the dot
    DEFERRED = "deferred"  # surely not accepted; to be tried again after a while
    REFUSED = "refused"  # surely not accepted, and it would not be another time
    IN_DOUBT = "in_doubt"  # may have been accepted: held for a person, or for the relay's log
    SUPPRESSED = "suppressed"  # left, bounced or complained before the mail went
    CANCELLED = "cancelled"  # a person called the edition off before the mail went


class Event(StrEnum):
    """What can happen to a delivery."""

    CLAIM = "claim"  # a sender takes it under a lease
    RELEASE = "release"  # the sender gives it back before any byte of the body, or its lease ran out before any intent
    INTEND = "intend"  # the intent is committed; the body's dot may follow
    ACCEPT = "accept"  # 2xx after the dot
    DEFER = "defer"  # 4xx at any phase, or the connection was lost before the dot
    REFUSE = "refuse"  # 5xx about this recipient or this content
    DOUBT = "doubt"  # the connection was lost after the dot, or the sender died with a durable intent
    SUPPRESS = "suppress"  # found suppressed at the last moment
    CANCEL = "cancel"  # a person called it off
    SETTLE_SENT = "settle_sent"  # a person or the relay's log says: it was accepted
    SETTLE_RESEND = "settle_resend"  # a person or the relay's log says: it was not, send it


TRANSITIONS: dict[tuple[State, Event], State] = {
    (State.PLANNED, Event.CLAIM): State.CLAIMED,
    (State.PLANNED, Event.SUPPRESS): State.SUPPRESSED,
    (State.PLANNED, Event.CANCEL): State.CANCELLED,
    (State.CLAIMED, Event.RELEASE): State.PLANNED,
    (State.CLAIMED, Event.INTEND): State.SENDING,
    (State.CLAIMED, Event.DEFER): State.DEFERRED,
    (State.CLAIMED, Event.REFUSE): State.REFUSED,
    (State.CLAIMED, Event.SUPPRESS): State.SUPPRESSED,
    (State.SENDING, Event.ACCEPT): State.SENT,
    (State.SENDING, Event.DEFER): State.DEFERRED,
    (State.SENDING, Event.REFUSE): State.REFUSED,
    (State.SENDING, Event.DOUBT): State.IN_DOUBT,
    (State.SENDING, Event.RELEASE): State.PLANNED,  # its intent was asked for early, and its turn never came
    (State.DEFERRED, Event.CLAIM): State.CLAIMED,
    (State.DEFERRED, Event.SUPPRESS): State.SUPPRESSED,
    (State.DEFERRED, Event.CANCEL): State.CANCELLED,
    (State.DEFERRED, Event.REFUSE): State.REFUSED,  # tried for as long as the edition allows
    (State.IN_DOUBT, Event.SETTLE_SENT): State.SENT,
    (State.IN_DOUBT, Event.SETTLE_RESEND): State.PLANNED,
    (State.REFUSED, Event.SETTLE_RESEND): State.PLANNED,
}

_CLOSING = 421  # the server leaves (RFC 5321, 3.8)
NO_FIELDS = "{}"
EVERYWHERE = "*"  # the scope of a suppression that holds for every audience
MAILED = (State.SENT, State.IN_DOUBT)  # a reader has it, or may have it
FINAL = frozenset({State.SENT, State.REFUSED, State.SUPPRESSED, State.CANCELLED})


def step(state: State, event: Event) -> State:
    """The state after `event`. Raises ValueError for a pair the table does not have: that is a bug, never data."""
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        message = f"a delivery that is {state} cannot {event}"
        raise ValueError(message) from None


class Delivery(Struct, frozen=True, kw_only=True):
    """One row of the ledger. `id` is the ledger's number for it; `attempts` counts claims that reached the server."""

    id: int
    edition: str
    address: str
    name: str = ""
    language: str = ""
    fields: str = NO_FIELDS  # the recipient's other values as JSON, frozen with the audience
    state: State = State.PLANNED
    attempts: int = 0
    message_id: str = ""
    code: int = 0  # the server's last reply code, 0 when there was none
    detail: str = ""  # the server's words, or ours when it said none
    next_try: float = 0.0  # seconds since the epoch, for a deferred one
    changed: float = 0.0  # seconds since the epoch


class MailingStatus(StrEnum):
    """Whether an edition in the ledger may be sent. Whether it is finished is computed from its deliveries."""

    OPEN = "open"
    WAITING = "waiting"  # its readers are frozen, its content is not ready yet
    PAUSED = "paused"  # a person holds it back; it can go on
    CANCELLED = "cancelled"  # a person called it off; what had not gone will not go


class Mailing(Struct, frozen=True, kw_only=True):
    """One edition as the ledger froze it: which content, when, and whether it may be sent."""

    edition: str
    content: str  # the rendering's fingerprint: every reader gets this and nothing else; empty while it waits
    standing: MailingStatus = MailingStatus.OPEN
    frozen: float = 0.0  # seconds since the epoch
    duplicates: int = 0  # rows of the list that named a reader again


class Outgoing(Struct, frozen=True, kw_only=True):
    """A mail about to go: one envelope, one recipient. `data` is the finished message, CRLF, without the final dot.

    `data` is already safe for DATA: no line begins with a dot (RFC 5321, 4.5.2 is moot), none exceeds 998 octets.
    """

    delivery: int
    sender: str
    recipient: str
    data: bytes
    dotless: bool = False  # its maker vouches for the first of these, so that nobody looks through it again


class Suppression(Struct, frozen=True, kw_only=True):
    """An address that must not be mailed. `scope` is an audience or `*`; `reason` is one word (`unsubscribed`)."""

    address: str
    scope: str
    reason: str  # unsubscribed | bounced | complained | manual
    detail: str = ""
    since: float = 0.0  # seconds since the epoch


class Phase(StrEnum):
    """The step of an SMTP session in which something happened (RFC 5321, 3 and 4.5.3.2)."""

    CONNECT = "connect"
    BANNER = "banner"
    EHLO = "ehlo"
    STARTTLS = "starttls"
    AUTH = "auth"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    BODY = "body"  # from 354 to the last byte before the dot
    DOT = "dot"  # from the dot to its reply
    RSET = "rset"
    QUIT = "quit"


class Concern(StrEnum):
    """Whom an answer is about. Only the transport can tell; whoever sends by it asks for nothing else."""

    MAIL = "mail"  # this reader, or this mail: the next one may have another answer
    MAILBOX = "mailbox"  # there is no such mailbox
    POLICY = "policy"  # who we are or what we send, in the judgement of whoever refused this mail
    LIMIT = "limit"  # how much or how fast we send: later the same mail may be taken
    CONNECTIONS = "connections"  # over how many connections we send: over fewer it may be taken
    US = "us"  # said before any reader was named: all would hear the same


class Outcome(Struct, frozen=True, kw_only=True):
    """What became of one Outgoing: the event for the ledger, with the server's code and words and where they fell."""

    delivery: int
    event: Event
    phase: Phase
    code: int = 0
    detail: str = ""
    about: Concern = Concern.MAIL
    wait: float = 0.0  # seconds that the other side asks us to wait, 0: it names no time

    @property
    def answered(self) -> bool:
        """Whether the other side said something about this mail, and stays."""
        return self.code not in (0, _CLOSING)

    @property
    def words(self) -> str:
        """What was said, as a person would quote it."""
        return f"{self.code} {self.detail}" if self.code else self.detail

    @property
    def ours(self) -> bool:
        """Whether this must not be held against the reader."""
        return self.about in (Concern.POLICY, Concern.LIMIT, Concern.CONNECTIONS, Concern.US)

    def resembles(self, other: Outcome) -> bool:
        """Whether both were refused in the same way: by the same code, in the same phase, about the same."""
        return (self.code, self.phase, self.about) == (other.code, other.phase, other.about)
