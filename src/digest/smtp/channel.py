"""A connection as a conversation needs it: paced, renewed when it is worn out or left, and judged after each answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from digest.delivery import Event, Outcome, Phase
from digest.errors import SendStopped, TransportError
from digest.smtp.envelope import objection
from digest.smtp.protocol import Dialogue
from digest.smtp.verdict import ReplyClass, SessionAction, verdict

if TYPE_CHECKING:
    from collections.abc import Callable

    from digest.delivery import Outgoing
    from digest.smtp.connect import Connected
    from digest.smtp.pacing import Pacer
    from digest.smtp.protocol import PhaseReply
    from digest.smtp.settings import SmtpSettings


class Channel:
    """The dialogue of the moment, in `talk`, and what puts another in its place."""

    def __init__(self, connect: Callable[[], Connected], settings: SmtpSettings, pacer: Pacer) -> None:
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
        """The Outcome of a mail that this server cannot even be asked to take, and the reason to stop, if it is one."""
        found = objection(mail, self.talk.link)
        if found is None:
            return None
        outcome = Outcome(delivery=mail.delivery, event=found.event, phase=found.phase, detail=found.detail)
        stop = SendStopped(f"{self._settings.peer}: {found.detail}") if found.event is Event.RELEASE else None
        return outcome, stop

    def judge(self, mail: Outgoing, answer: PhaseReply, *, intended: bool) -> tuple[Outcome, SendStopped | None]:
        """The Outcome that follows from an answer, and the error with which the session ends, if it does."""
        found = verdict(answer.phase, answer.heard, intended=intended)
        assert found.event is not None
        outcome = Outcome(
            delivery=mail.delivery, event=found.event, phase=answer.phase, code=answer.code, detail=answer.detail
        )
        self.talk.reset_due = found.then is SessionAction.RESET
        peer = self._settings.peer
        if found.then is SessionAction.STOP:
            if answer.phase is Phase.MAIL and answer.heard is ReplyClass.NEVER:
                what, hint = f"the server refuses the sender {mail.sender}", "newsroom.from and what the relay allows"
            else:
                what, hint = "the server does not let us send", "smtp.username and smtp.tls"
            return outcome, SendStopped(f"{peer}: {what}: {answer}; check {hint}")
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
