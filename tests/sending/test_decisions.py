"""When a run that nobody accepts should stop: a decision over outcomes, and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.delivery import Event, Outcome, Phase
from digest.sending.decisions import FIRST, FIRST_UNKNOWN, Refusal, about_us, reason_to_stop
from digest.smtp.refusals import concern


def refusal(code=554, phase=Phase.DOT, detail="5.7.1 spam", event=Event.REFUSE, domain=""):
    about = concern(phase, code, detail)
    outcome = Outcome(delivery=1, event=event, phase=phase, code=code, detail=detail, about=about)
    return Refusal(outcome=outcome, domain=domain)


def test_the_same_refusal_for_the_first_readers():
    """The fifth reader who is refused in the same way stops the run, in the server's words; the fourth does not."""
    assert reason_to_stop([refusal()] * (FIRST - 1)) == ""
    said = reason_to_stop([refusal()] * FIRST)
    assert "first 5 readers of this run" in said
    assert "554 5.7.1 spam" in said
    assert "digest subscribers suppress ADDRESS" in reason_to_stop([refusal(550, detail="Nope")] * FIRST), "the way on"


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
    assert not about_us(refusal(550, Phase.RCPT).outcome)


def test_mails_that_cannot_be_made():
    """A mistake in the template hits everybody: it stops the run like a refusal."""
    failed = refusal(0, Phase.CONNECT, "slot 'city' has no value")
    assert "impossible to write a mail for" in reason_to_stop([failed] * FIRST)


@given(st.integers(0, 40))
def test_never(count):
    """With 0 no number of refusals stops the run."""
    assert reason_to_stop([refusal()] * count, first=0, unknown=0) == ""


LIMITS = (
    "5.4.5 Daily user sending limit exceeded",
    "Domain example.org has exceeded the max emails per hour (100/100 (100%)) allowed. Message discarded.",
    "5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException; Failed to process message",
    "5.1.1 203.0.113.222 has sent to too many recipients this hour",
)
POLICIES = (
    "5.7.1 Message refused by policy",
    "5.7.1 Service unavailable; client [203.0.113.7] blocked using zen.example.net",
    "5.7.606 Access denied, banned sending IP [198.51.100.222]",
    "5.7.26 This mail has been blocked because the sender is unauthenticated",
    "5.3.4 message too big",
)
READERS = (
    "5.2.2 Over quota",
    "5.2.2 The recipient's inbox is out of storage space and over its quota",
    "5.7.1 looks like spam",
    "<policy@example.org>: no such user",
)


@pytest.mark.parametrize("words", LIMITS)
def test_a_limit_on_what_we_send(words):
    """One answer is enough, whoever was accepted before: everybody after it would hear the same."""
    assert words in reason_to_stop([refusal(550, Phase.RCPT, words)], proven=True)


@pytest.mark.parametrize("words", POLICIES)
def test_our_standing(words):
    """Two readers of two domains are enough; of one domain, which may judge for itself, five."""
    refusals = [refusal(550, Phase.DOT, words, domain=domain) for domain in ("a.example", "b.example")]
    assert reason_to_stop(refusals[:1], proven=True) == ""
    assert words in reason_to_stop(refusals, proven=True)
    assert reason_to_stop(refusals[:1] * (FIRST - 1), proven=True) == ""
    assert words in reason_to_stop(refusals[:1] * FIRST, proven=True)


@pytest.mark.parametrize("words", READERS)
def test_what_is_about_a_reader(words):
    """Words of a reader's mailbox, or of this mail, are no reason to stop for one or two."""
    refusals = [refusal(552, Phase.RCPT, words, domain=domain) for domain in ("a.example", "b.example")]
    assert not any(each.outcome.ours for each in refusals)
    assert reason_to_stop(refusals, proven=True) == ""


@pytest.mark.parametrize(
    ("detail", "enough"), [("what you say", FIRST), ("5.1.1 who?", FIRST_UNKNOWN), ("5.2.1 off", FIRST_UNKNOWN)]
)
def test_the_same_words_after_somebody_was_accepted(detail, enough):
    """So many readers in a row, of at least two domains; a domain that refuses all its readers stops nothing."""
    alike = [refusal(550, Phase.RCPT, detail, domain=f"{number % 2}.example") for number in range(enough)]
    assert reason_to_stop(alike[1:], proven=True) == ""
    assert detail in reason_to_stop(alike, proven=True)
    alone = [refusal(550, Phase.RCPT, detail, domain="one.example")] * (enough * 3)
    assert reason_to_stop(alone, proven=True) == ""
