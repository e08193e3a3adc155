"""When a run that nobody accepts should stop: a decision over outcomes, and nothing else."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from digest.delivery import Event, Outcome, Phase
from digest.sending.decisions import FIRST, FIRST_UNKNOWN, about_us, reason_to_stop
from digest.smtp.verdict import concern


def refusal(code=554, phase=Phase.DOT, detail="5.7.1 spam", event=Event.REFUSE):
    about = concern(phase, code, detail)
    return Outcome(delivery=1, event=event, phase=phase, code=code, detail=detail, about=about)


def test_the_same_refusal_for_the_first_readers():
    """The fifth reader who is refused in the same way stops the run, in the server's words; the fourth does not."""
    assert reason_to_stop([refusal()] * (FIRST - 1)) == ""
    said = reason_to_stop([refusal()] * FIRST)
    assert "first 5 readers" in said
    assert "554 5.7.1 spam" in said


def test_different_refusals():
    """Readers who are refused for different reasons are different readers."""
    mixed = [refusal(550 + number, detail=f"5.7.{number}") for number in range(FIRST + 3)]
    assert reason_to_stop(mixed) == ""


def test_dead_mailboxes():
    """A list may begin with mailboxes that no longer exist: it takes more of those."""
    dead = refusal(550, Phase.RCPT, "5.1.1 <a@example.org>: user unknown")
    assert reason_to_stop([dead] * FIRST) == ""
    assert reason_to_stop([dead] * FIRST_UNKNOWN)
    assert reason_to_stop([refusal(550, Phase.RCPT, "no such user")] * FIRST)


def test_about_the_sender():
    """One refusal of the sender is enough: no reader was named yet."""
    said = reason_to_stop([refusal(550, Phase.MAIL, "5.7.1 not your domain")])
    assert "refuses us (mail)" in said
    assert "not your domain" in said
    assert not about_us(refusal(550, Phase.RCPT))


def test_mails_that_cannot_be_made():
    """A mistake in the template hits everybody: it stops the run like a refusal."""
    failed = refusal(0, Phase.CONNECT, "slot 'city' has no value")
    assert "impossible to write a mail for" in reason_to_stop([failed] * FIRST)


@given(st.integers(0, 40))
def test_never(count):
    """With 0 no number of refusals stops the run."""
    assert reason_to_stop([refusal()] * count, first=0, unknown=0) == ""
