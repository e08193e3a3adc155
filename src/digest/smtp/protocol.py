"""What is said and heard for one mail: the envelope, the replies that are owed, and the connection that carries both.

    Channel (paced, renewed, judged) ─▶ Dialogue (one connection: what was said, which replies are owed) ─▶ Wire

A lost connection becomes a PhaseReply too, so that every way in which a mail can end goes through the one table in
`verdict`. What cannot be said at all is objected to.
"""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING

from msgspec import Struct

from digest.delivery import Concern, Event, Outcome, Phase
from digest.errors import RelayLimit, SendStopped, TransportError
from digest.smtp.refusals import GREETING, TOO_BIG, asked_wait, concern
from digest.smtp.socket import Lost
from digest.smtp.verdict import ReplyClass, SessionAction, hear, verdict

if TYPE_CHECKING:
    from collections.abc import Callable

    from digest.delivery import Outgoing
    from digest.smtp.connect import Connected
    from digest.smtp.rates import Pacing
    from digest.smtp.relay_settings import SmtpSettings, Timeouts
    from digest.smtp.replies import Reply

# An address ends a command's path with ">" and its line with CRLF, so these would let it say more than itself.
UNSAYABLE = re.compile(r"[\x00-\x20\x7f<>]")
ENVELOPE = (Phase.MAIL, Phase.RCPT, Phase.DATA)
CRLF = b"\r\n"
END = b".\r\n"  # after a body that ends with CRLF
BLOCK = 64 * 1024
_ABOUT_ALL = (Concern.LIMIT, Concern.CONNECTIONS)
_NAME_YOURSELF = "; set smtp.helo to a full name of yours"
LAST_WORDS = 2.0  # seconds for the rest of a reply that interrupted us


def objection(mail: Outgoing, link: Connected) -> Outcome | None:
    """The Outcome of a mail that this server cannot even be asked to take, or None.

    RELEASE: it is about all of them, so the run stops; REFUSE: about this reader.
    """
    event, phase = Event.RELEASE, Phase.MAIL
    if UNSAYABLE.search(mail.sender):
        detail = f"the sender {mail.sender!r} is no address"
    elif not link.smtputf8 and not mail.sender.isascii():
        detail = f"the sender {mail.sender} needs SMTPUTF8 (RFC 6531), which the server does not offer"
    elif link.size and len(mail.data) > link.size:
        detail = f"the mail has {len(mail.data):,} bytes, the server takes {link.size:,} at most"
    else:
        event, phase = Event.REFUSE, Phase.RCPT
        if not mail.recipient or UNSAYABLE.search(mail.recipient):
            detail = "this is no address that SMTP can say"
        elif not link.smtputf8 and not mail.recipient.isascii():
            detail = "the address needs SMTPUTF8 (RFC 6531), which the server does not offer"
        else:
            return None
    return Outcome(delivery=mail.delivery, event=event, phase=phase, detail=detail)


def envelope(mail: Outgoing, link: Connected) -> list[bytes]:
    """The lines MAIL and RCPT, without line ends. SIZE (RFC 1870) and SMTPUTF8 (RFC 6531) where they are offered."""
    size = f" SIZE={len(mail.data)}" if link.declares_size else ""
    utf8 = "" if mail.recipient.isascii() and mail.sender.isascii() else " SMTPUTF8"
    return [f"MAIL FROM:<{mail.sender}>{size}{utf8}".encode(), f"RCPT TO:<{mail.recipient}>".encode()]


def dotted(data: bytes) -> tuple[bytes, bytes]:
    r"""The body as DATA wants it, and its end with the final dot (RFC 5321, 4.5.2).

    Our own mails have no line that begins with a dot, so nothing is copied; a stranger's is made safe.

    >>> dotted(b"a\r\n.b\r\n")
    (b'a\r\n..b\r\n', b'.\r\n')
    """
    if data.rfind(b"\r\n.") >= 0 or data.startswith(b"."):  # rfind takes half the time of "in"
        data = data.replace(b"\r\n.", b"\r\n..")
        data = b"." + data if data.startswith(b".") else data
    return data, END if data.endswith(CRLF) else CRLF + END


class PhaseReply(Struct, frozen=True):
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
        """Say the body, the dot, and the envelope that follows, in one write. An answer when the dot never left.

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


class Channel:
    """The dialogue of the moment, in `talk`, and what puts another in its place."""

    def __init__(self, connect: Callable[[], Connected], settings: SmtpSettings, pacer: Pacing) -> None:
        self._connect = connect
        self._settings = settings
        self._pacer = pacer
        self.talk = Dialogue(connect(), settings.timeouts)

    def make_ready(self, mail: Outgoing) -> bool:
        """Wait for this mail's turn, on a connection that is fit for it. False when the run is to stop.

        Raises TransportError or SendStopped when a new connection is needed and cannot be had.
        """
        domain = mail.recipient.rpartition("@")[2]
        while (seconds := self._pacer.ask(domain)) > 0.0:
            if not self._pacer.wait(seconds):
                return False
        # The server may have left while nothing was said (an idle time-out): that is no failure of this mail.
        if self._worn_out() or not self.talk.clean or self.talk.link.wire.heard():
            self.close()
            self.talk = Dialogue(self._connect(), self._settings.timeouts)
        return True

    def may_follow(self, mail: Outgoing) -> bool:
        """Whether this mail can be spoken of before the one ahead of it has its answer."""
        return (
            self.talk.link.pipelining
            and not self._worn_out()
            and objection(mail, self.talk.link) is None
            and self._pacer.ask(mail.recipient.rpartition("@")[2]) <= 0.0
        )

    def object_to(self, mail: Outgoing) -> tuple[Outcome, SendStopped | None] | None:
        """The objection to a mail, if there is one, and the reason to stop, if it is one."""
        outcome = objection(mail, self.talk.link)
        if outcome is None:
            return None
        stop = SendStopped(f"{self._settings.peer}: {outcome.detail}") if outcome.event is Event.RELEASE else None
        return outcome, stop

    def judge(self, mail: Outgoing, answer: PhaseReply, *, intended: bool) -> tuple[Outcome, SendStopped | None]:
        """The Outcome that follows from an answer, and the error with which the session ends, if it does."""
        found = verdict(answer.phase, answer.heard, intended=intended)
        assert found.event is not None
        refused = found.event in (Event.REFUSE, Event.DEFER)
        outcome = Outcome(
            delivery=mail.delivery,
            event=found.event,
            phase=answer.phase,
            code=answer.code,
            detail=answer.detail + (_NAME_YOURSELF if refused and GREETING.search(answer.detail) else ""),
            about=concern(answer.phase, answer.code, answer.detail),
            wait=asked_wait(answer.detail) if answer.code else 0.0,
        )
        self.talk.reset_due = found.then is SessionAction.RESET
        peer = self._settings.peer
        if answer.heard is ReplyClass.UNWELCOME and self._settings.token and self.talk.link.carried > 1:
            # It took our mails before: the token has expired, and a new connection logs in with another.
            return outcome, TransportError(f"{peer}: {answer} ({answer.phase.value})")
        if found.then is SessionAction.STOP:
            if outcome.about is Concern.LIMIT:
                return outcome, RelayLimit(f"{peer}: the server takes no more of our mails for now: {answer}")
            if TOO_BIG.search(answer.detail):
                what, hint = f"the server takes no mail of {len(mail.data):,} bytes", "what it allows, or cut the mail"
            elif GREETING.search(answer.detail):
                what, hint = "the server refuses our greeting", "smtp.helo: a full name of yours"
            elif answer.phase is Phase.MAIL and answer.heard is ReplyClass.NEVER:
                what, hint = f"the server refuses the sender {mail.sender}", "newsroom.from and what the relay allows"
            else:
                what, hint = "the server does not let us send", "smtp.username and smtp.tls"
            return outcome, SendStopped(f"{peer}: {what}: {answer}; check {hint}")
        if outcome.about in _ABOUT_ALL and found.event is Event.DEFER:  # what was taken ahead would hear the same
            return outcome, TransportError(f"{peer}: {answer} ({answer.phase.value})")
        if found.then is SessionAction.OVER or self.talk.lost:
            return outcome, TransportError(f"{peer}: {self.talk.lost or answer} ({answer.phase.value})")
        return outcome, None

    def close(self) -> None:
        """Say QUIT where nothing is open, wait a moment for the goodbye, and end the connection. Never raises."""
        talk = self.talk
        if not talk.clean:
            talk.link.wire.abort()  # in the middle of a body, QUIT would be part of it
            return
        talk.say(b"QUIT\r\n")
        talk.hear(Phase.QUIT)
        talk.lost = "we said goodbye"
        talk.link.wire.close()

    def _worn_out(self) -> bool:
        return 0 < self._settings.messages_per_connection <= self.talk.link.carried
