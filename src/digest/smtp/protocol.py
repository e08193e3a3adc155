"""Saying and hearing over one link: which replies are owed, and whether the link can carry another mail.

It turns a lost connection into an Answer, so that every way a mail can end goes through the one table in `verdict`.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from digest.delivery import Phase
from digest.smtp.envelope import END, ENVELOPE, dotted, envelope
from digest.smtp.socket import Lost
from digest.smtp.verdict import ReplyClass, hear

if TYPE_CHECKING:
    from digest.delivery import Outgoing
    from digest.smtp.connect import Connected
    from digest.smtp.replies import Reply
    from digest.smtp.settings import Timeouts

BLOCK = 64 * 1024
LAST_WORDS = 2.0  # seconds for the rest of a reply that interrupted us


@dataclass(frozen=True, slots=True)
class PhaseReply:
    """What came back in a phase: its kind, and the reply, or why there was none that could be used."""

    phase: Phase
    heard: ReplyClass
    reply: Reply | None
    trouble: str = ""

    @property
    def code(self) -> int:
        """The reply's code, 0 when there was none."""
        return self.reply.code if self.reply else 0

    @property
    def detail(self) -> str:
        """The server's words, or ours."""
        return self.trouble or (self.reply.text if self.reply else "")

    def __str__(self) -> str:
        """What a person would quote."""
        return self.trouble or str(self.reply)


class Dialogue:
    """One link's conversation. `lost` says why it cannot go on, and is empty while it can."""

    def __init__(self, link: Connected, timeouts: Timeouts) -> None:
        self.link = link
        self.lost = ""
        self.reset_due = False
        self._seconds = {phase: timeouts.of(phase) for phase in Phase}
        self._owed = 0  # replies to what was said
        self._in_body = False  # a 354 was heard, and no dot was said since
        self._steps: list[tuple[Phase, bytes]] = []

    @property
    def clean(self) -> bool:
        """Whether nothing is open: no reply owed, no body half said."""
        return not (self.lost or self._owed or self._in_body)

    def say(self, line: bytes, replies: int = 1) -> None:
        """Say commands. When that fails, the hearing that follows finds why, and a server's last words if any."""
        self._owed += replies
        with contextlib.suppress(Lost):
            self.link.wire.write((line,), self._seconds[Phase.BODY])

    def hear(self, phase: Phase) -> PhaseReply:
        """The reply that is owed next."""
        try:
            reply = self.link.wire.read(self._seconds[phase])
        except Lost as lost:
            self.lost = str(lost)
            return PhaseReply(phase, ReplyClass.NOTHING, None, self.lost)
        self._owed -= 1
        heard = hear(phase, reply)
        if heard is ReplyClass.CLOSING:
            self.lost = str(reply)
        elif heard is ReplyClass.NOTHING:
            self.lost = f"this answers no {phase.value.upper()}: {reply}"
            return PhaseReply(phase, heard, reply, self.lost)
        return PhaseReply(phase, heard, reply)

    def open(self, mail: Outgoing) -> None:
        """Say a mail's envelope; without PIPELINING each line awaits its turn in hear_envelope()."""
        lines = self._envelope(mail)
        if lines:
            self.say(lines, 0)

    def hear_envelope(self) -> PhaseReply:
        """The yes to DATA, or else the first answer that is no yes.

        Every reply that is owed is heard, so that none is taken for another's.
        """
        refusal: PhaseReply | None = None
        offered = False  # the server took the reader
        for phase, line in self._steps:
            if not self.link.pipelining:
                if refusal is not None:
                    break
                self.say(line + b"\r\n")
            answer = self.hear(phase)
            if refusal is None and answer.heard is not ReplyClass.YES:
                refusal = answer
            if self.lost:
                break
            offered = offered or (phase is Phase.RCPT and answer.heard is ReplyClass.YES)
        else:
            if refusal is None:
                return self._begin_body(answer)
            if answer.heard is ReplyClass.YES:
                self._decline_body(offered=offered)
        assert refusal is not None
        return refusal

    def say_body(self, mail: Outgoing, following: Outgoing | None) -> PhaseReply | None:
        """Say the body, the dot, and the envelope that follows, in one write. An Answer when the dot never left.

        "Left" means that the kernel took it: from then on the mail may arrive whatever becomes of the connection.
        """
        data, end = (mail.data, END) if mail.dotless else dotted(mail.data)
        dot = len(data) + end.index(b".")
        seconds = self._seconds[Phase.BODY] * (1 + len(data) // BLOCK)
        wire = self.link.wire
        self._owed += 1
        lines = self._envelope(following) if following is not None else b""
        try:
            if not wire.write((data, end + lines), seconds, silent_until=dot + 1):
                return self._cut_short("the server spoke in the middle of the body", LAST_WORDS)
        except Lost as lost:
            if wire.handed <= dot:
                return self._cut_short(str(lost), 0.0)
        self._in_body = False
        return None

    def _envelope(self, mail: Outgoing) -> bytes:
        """Begin a transaction: its steps, and what of it is said at once."""
        phases: tuple[Phase, ...] = ENVELOPE
        lines = [*envelope(mail, self.link), b"DATA"]
        if self.reset_due:
            phases, lines = (Phase.RSET, *phases), [b"RSET", *lines]
            self.reset_due = False
        self._steps = list(zip(phases, lines, strict=True))
        self.link.carried += 1
        if not self.link.pipelining:
            return b""
        self._owed += len(lines)
        return b"\r\n".join(lines) + b"\r\n"

    def hand_over(self, parts: tuple[bytes, bytes], replies: int) -> str:
        """Say a whole mail at once. Empty when the kernel took all of it, else why not: then no mail can arrive."""
        self._owed += replies
        seconds = self._seconds[Phase.BODY] * (1 + len(parts[1]) // BLOCK)
        try:
            self.link.wire.write(parts, seconds)
        except Lost as lost:
            whole = self.link.wire.handed >= len(parts[0]) + len(parts[1])
            return "" if whole else str(lost)
        return ""

    def _begin_body(self, answer: PhaseReply) -> PhaseReply:
        """The server waits for the body: unless it said more than it was asked, and its answers may be shifted."""
        if self.link.wire.pending:
            self.lost = "the server spoke out of turn"
            return PhaseReply(Phase.DATA, ReplyClass.NOTHING, None, self.lost)
        self._in_body = True
        return answer

    def _decline_body(self, *, offered: bool) -> None:
        """A 354 although the envelope was refused: say a lone dot (RFC 2920, 3.1), whatever comes back.

        Not where the reader was accepted: there it could bring an empty mail, so the connection is given up.
        """
        self._in_body = True
        if offered:
            self.lost = "the server wants a body after it refused the sender"
            return
        self.say(b".\r\n")
        self._in_body = False
        self.hear(Phase.DOT)

    def _cut_short(self, reason: str, seconds: float) -> PhaseReply:
        """The body ends before its dot. The server may have said why."""
        self.lost = reason
        try:
            reply = self.link.wire.read(seconds)
        except Lost:
            return PhaseReply(Phase.BODY, ReplyClass.NOTHING, None, reason)
        self.lost = str(reply)
        return PhaseReply(Phase.BODY, hear(Phase.BODY, reply), reply)
