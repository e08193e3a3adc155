"""Mails by BDAT (RFC 3030): nothing waits for a 354, so several mails can be in flight on one connection.

    intent 1 ─▶ mail 1 ─▶ intent 2 ─▶ mail 2 ─▶ … up to the window … ─▶ replies 1 = outcome 1 ─▶ intent n ─▶ mail n ─▶ …

The price: a mail's body follows its envelope unasked, so when the connection dies, every mail in flight is in doubt.
Each mail begins with RSET while answers are owed, as the one before it may have left a transaction open.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from msgspec import Struct

from digest.delivery import Phase
from digest.smtp.data import withheld
from digest.smtp.protocol import ENVELOPE, PhaseReply, envelope
from digest.smtp.verdict import ReplyClass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from digest.delivery import Outcome, Outgoing
    from digest.errors import SendStopped
    from digest.smtp.lookahead import Lookahead
    from digest.smtp.protocol import Channel, Dialogue


class Flight(Struct, kw_only=True):
    """A mail on its way: said whole, or in part (`cut` says why), or not at all (then `ending` has its Outcome)."""

    mail: Outgoing
    phases: tuple[Phase, ...] = ()
    cut: str = ""
    ending: tuple[Outcome, SendStopped | None] | None = None

    @property
    def is_last(self) -> bool:
        """Whether nothing may be said after it."""
        return bool(self.cut) or (self.ending is not None and self.ending[1] is not None)


def converse(channel: Channel, taken: Lookahead, intend: Callable[[Outgoing], bool], window: int) -> Iterator[Outcome]:
    """Send until there is no mail, or the run is to stop; what is left in `taken` then was not spoken of.

    Raises SendStopped or TransportError after the Outcome of every mail in flight.
    """
    flying: deque[Flight] = deque()
    error: SendStopped | None = None
    while True:
        if error is None:
            _launch(channel, taken, intend, flying, window)
        if not flying:
            break
        taken.fetch(len(flying) + 1)  # made while the server thinks
        flight = flying.popleft()
        taken.drop()
        ending = flight.ending or channel.judge(flight.mail, _hear(channel.talk, flight), intended=True)
        error = error or ending[1]
        yield ending[0]
    if error is not None:
        raise error


def _launch(
    channel: Channel, taken: Lookahead, intend: Callable[[Outgoing], bool], flying: deque[Flight], window: int
) -> None:
    """Say mails until the window is full, or the next one must wait for an answer, for its turn, or for ever."""
    while len(flying) < window and (mail := taken.at(len(flying))) is not None:
        if flying:
            if flying[-1].is_last or not channel.may_follow(mail):
                return
        elif not channel.make_ready(mail):
            return
        ending = channel.object_to(mail)
        if ending is None and not intend(mail):
            ending = withheld(mail, Phase.MAIL), None
        if ending is not None:
            flying.append(Flight(mail=mail, ending=ending))
        else:
            flying.append(_say(channel.talk, mail, reset=bool(flying)))


def _say(talk: Dialogue, mail: Outgoing, *, reset: bool) -> Flight:
    """Say a whole mail in one write."""
    lines = [*envelope(mail, talk.link), f"BDAT {len(mail.data)} LAST".encode()]
    phases: tuple[Phase, ...] = (*ENVELOPE[:2], Phase.DOT)
    if reset or talk.reset_due:
        lines.insert(0, b"RSET")
        phases = (Phase.RSET, *phases)
        talk.reset_due = False
    talk.link.carried += 1
    head = b"\r\n".join([*lines, b""])
    return Flight(mail=mail, phases=phases, cut=talk.hand_over((head, mail.data), len(lines)))


def _hear(talk: Dialogue, flight: Flight) -> PhaseReply:
    """What came of a mail in flight. Every reply that is owed is heard, so that none is taken for another's."""
    if flight.cut:
        talk.lost = talk.lost or flight.cut
        return PhaseReply(Phase.BODY, ReplyClass.NOTHING, None, flight.cut)
    refusal: PhaseReply | None = None
    answer = PhaseReply(Phase.DOT, ReplyClass.NOTHING, None, talk.lost)
    for phase in flight.phases:
        if talk.lost:
            break
        answer = talk.hear(phase)
        if refusal is None and answer.heard is not ReplyClass.YES and phase is not Phase.RSET:
            refusal = answer
    if refusal is not None and refusal.heard is not ReplyClass.NOTHING:
        if answer.phase is Phase.DOT and answer.heard is ReplyClass.YES:
            talk.lost = "the server took a body after it had refused its envelope"
            return PhaseReply(Phase.DOT, ReplyClass.NOTHING, answer.reply, talk.lost)
        return refusal
    if talk.lost:
        return PhaseReply(Phase.DOT, ReplyClass.NOTHING, answer.reply, talk.lost)
    return answer
