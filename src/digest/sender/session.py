"""One SMTP session: mails go one after another over a connection, and each gets its Outcome. It never marks a ledger.

    envelope 1 ─▶ replies ─▶ intent 1 ─▶ body 1, dot, envelope 2 ─▶ dot's reply = outcome 1 ─▶ replies ─▶ intent 2 ─▶ …

With PIPELINING (RFC 2920, 3.1 allows all of this) an envelope is one write, and a body goes out in one write with the
envelope of the next mail, so a mail costs one round trip. Without it, every command waits for its reply.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from digest.delivery import Event, Outcome, Phase
from digest.errors import SendStopped, TransportError
from digest.sender.dialogue import Dialogue
from digest.sender.envelope import objection
from digest.sender.lookahead import Lookahead
from digest.sender.verdict import Heard, Then, verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from digest.delivery import Outgoing
    from digest.sender.connect import Link
    from digest.sender.dialogue import Answer
    from digest.sender.pacing import Pacer
    from digest.sender.settings import SmtpSettings


class SmtpSession:
    """A digest.ports.Session over SMTP. Not shared between threads."""

    def __init__(self, connect: Callable[[], Link], settings: SmtpSettings, pacer: Pacer) -> None:
        self._connect = connect
        self._settings = settings
        self._pacer = pacer
        self._talk = Dialogue(connect(), settings.timeouts)

    def deliver(self, mails: Iterable[Outgoing], intend: Callable[[Outgoing], bool]) -> Iterator[Outcome]:
        """Send mails one after another and yield one Outcome for each, in order. See digest.ports.Session.

        Takes up to three mails from `mails` before the first one's Outcome, so `mails` must not wait for that. An
        error that `mails` raises is raised again when all that was taken has its Outcome. When the pacer says that the
        run is to stop, what was not said yet is given back (RELEASE). Events are those of `verdict.VERDICTS`; RELEASE
        with TransportError means that the session ended before anything was said about these readers.
        """
        taken = Lookahead(mails)
        try:
            yield from self._converse(taken, intend)
        except SendStopped as stop:
            yield from _given_back(taken, str(stop))
            taken.check(stop)
            raise
        taken.check(None)

    def close(self) -> None:
        """Say QUIT where nothing is open, wait a moment for the goodbye, and end the connection. Never raises."""
        talk = self._talk
        if not talk.clean:
            talk.link.wire.abort()  # in the middle of a body, QUIT would be part of it
            return
        talk.say(b"QUIT\r\n")
        talk.hear(Phase.QUIT)
        talk.lost = "we said goodbye"
        talk.link.wire.close()

    def _converse(self, taken: Lookahead, intend: Callable[[Outgoing], bool]) -> Iterator[Outcome]:
        """The conversation: raises SendStopped or TransportError after the Outcome of the mail that met it."""
        said = False  # the first mail's envelope went out with the body before it
        while (mail := taken.first()) is not None:
            if not said:
                if not self._make_ready(mail):
                    yield from _given_back(taken, "the run was stopped before it was said")
                    return
                refusal = objection(mail, self._talk.link)
                if refusal is not None:
                    taken.drop()
                    yield Outcome(
                        delivery=mail.delivery, event=refusal.event, phase=refusal.phase, detail=refusal.detail
                    )
                    if refusal.event is Event.RELEASE:
                        message = f"{self._settings.peer}: {refusal.detail}"
                        raise SendStopped(message)
                    continue
                self._talk.open(mail)
                taken.fetch(2)  # made while the server thinks
            answer = self._talk.hear_envelope()
            said = False
            intended = answer.heard is Heard.YES
            if intended:
                if not intend(mail):
                    taken.drop()
                    yield Outcome(
                        delivery=mail.delivery, event=Event.SUPPRESS, phase=Phase.DATA, detail="not to be mailed"
                    )
                    continue  # after a 354 only closing the connection takes a mail back: make_ready() does
                following = taken.second()
                said = following is not None and self._may_follow(following)
                cut = self._talk.say_body(mail, following if said else None)
                taken.fetch(3 if said else 2)
                answer = cut or self._talk.hear(Phase.DOT)
            taken.drop()
            yield from self._settle(mail, answer, intended=intended)

    def _settle(self, mail: Outgoing, answer: Answer, *, intended: bool) -> Iterator[Outcome]:
        """The Outcome that follows from an answer, and what it means for the session."""
        found = verdict(answer.phase, answer.heard, intended=intended)
        assert found.event is not None
        yield Outcome(
            delivery=mail.delivery, event=found.event, phase=answer.phase, code=answer.code, detail=answer.detail
        )
        if found.then is Then.STOP:
            if answer.phase is Phase.MAIL and answer.heard is Heard.NEVER:
                what, hint = f"the server refuses the sender {mail.sender}", "newsroom.from and what the relay allows"
            else:
                what, hint = "the server does not let us send", "smtp.username and smtp.tls"
            message = f"{self._settings.peer}: {what}: {answer}; check {hint}"
            raise SendStopped(message)
        if found.then is Then.OVER or self._talk.lost:
            message = f"{self._settings.peer}: {self._talk.lost or answer} ({answer.phase.value})"
            raise TransportError(message)
        self._talk.reset_due = found.then is Then.RESET

    def _make_ready(self, mail: Outgoing) -> bool:
        """Wait for this mail's turn, on a connection that is fit for it. False when the run is to stop."""
        domain = mail.recipient.rpartition("@")[2]
        while (seconds := self._pacer.ask(domain)) > 0.0:
            if not self._pacer.wait(seconds):
                return False
        talk = self._talk
        # The server may have left while nothing was said (an idle time-out): that is no failure of this mail.
        if self._worn_out(talk.link.carried) or not talk.clean or talk.link.wire.heard():
            self.close()
            self._talk = Dialogue(self._connect(), self._settings.timeouts)
        return True

    def _may_follow(self, mail: Outgoing) -> bool:
        """Whether this mail's envelope can go out with the body before it."""
        link = self._talk.link
        return (
            link.pipelining
            and not self._worn_out(link.carried)
            and objection(mail, link) is None
            and self._pacer.ask(mail.recipient.rpartition("@")[2]) <= 0.0
        )

    def _worn_out(self, carried: int) -> bool:
        return 0 < self._settings.messages_per_connection <= carried


def _given_back(taken: Lookahead, detail: str) -> Iterator[Outcome]:
    """RELEASE for every mail that was taken and whose turn had not come."""
    for mail in taken.rest():
        yield Outcome(delivery=mail.delivery, event=Event.RELEASE, phase=Phase.MAIL, detail=detail)
