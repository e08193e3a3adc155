"""Mails by DATA (RFC 5321): one body in flight, and with PIPELINING the next envelope behind it.

    envelope 1 ─▶ replies ─▶ intent 1 ─▶ body 1, dot, envelope 2 ─▶ dot's reply = outcome 1 ─▶ replies ─▶ intent 2 ─▶ …

With PIPELINING (RFC 2920, 3.1 allows all of this) an envelope is one write, and a body goes out in one write with the
envelope of the next mail, so a mail costs one round trip. Where the answer is far away, the next mail's intent is made
durable while it travels (`announce` allows that). Without PIPELINING, every command waits for its reply. When a
connection dies, at most one mail of it is in doubt.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from digest.delivery import Event, Outcome, Phase
from digest.smtp.verdict import ReplyClass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from digest.delivery import Outgoing
    from digest.smtp.lookahead import Lookahead
    from digest.smtp.protocol import Channel

FAR = 0.002  # seconds to an answer; what takes longer leaves time for a commit of one's own


def converse(
    channel: Channel, taken: Lookahead, intend: Callable[[Outgoing], bool], announce: Callable[[Outgoing], None] | None
) -> Iterator[Outcome]:
    """Send until there is no mail, or the run is to stop; what is left in `taken` then was not spoken of.

    Raises SendStopped or TransportError after the Outcome of the mail that met it.
    """
    said = False  # the first mail's envelope went out with the body before it
    early: bool | None = None  # what intend() said of it meanwhile
    away = 0.0  # how long the last answer to a dot took
    while (mail := taken.first()) is not None:
        if not said:
            if not channel.make_ready(mail):
                return
            refused = channel.object_to(mail)
            if refused is not None:
                taken.drop()
                yield refused[0]
                if refused[1] is not None:
                    raise refused[1]
                continue
            channel.talk.open(mail)
            taken.fetch(2)  # made while the server thinks
        talk = channel.talk
        answer = talk.hear_envelope()
        granted, said, early = early, False, None
        intended = answer.heard is ReplyClass.YES
        if intended:
            if granted is False or (granted is None and not intend(mail)):
                taken.drop()
                yield withheld(mail, Phase.DATA)
                continue  # after a 354 only closing the connection takes a mail back: make_ready() does that
            following = _following(channel, taken)
            said = following is not None
            soon = following if announce is not None else None
            if soon is not None and announce is not None:
                announce(soon)
            cut = talk.say_body(mail, following)
            began = time.monotonic()
            taken.fetch(3 if said else 2)
            early = intend(soon) if soon is not None and cut is None and away > FAR else None
            answer = cut or talk.hear(Phase.DOT)
            away = time.monotonic() - began
        taken.drop()
        outcome, error = channel.judge(mail, answer, intended=intended)
        yield outcome
        if error is not None:
            raise error


def _following(channel: Channel, taken: Lookahead) -> Outgoing | None:
    """The next mail, if its envelope can be said before this one has its answer."""
    mail = taken.second()
    return mail if mail is not None and channel.may_follow(mail) else None


def withheld(mail: Outgoing, phase: Phase) -> Outcome:
    """The Outcome of a mail whose intent was refused at the last moment."""
    return Outcome(delivery=mail.delivery, event=Event.SUPPRESS, phase=phase, detail="not to be mailed any more")
