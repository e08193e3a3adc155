"""When a deferred reader is tried again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from digest.delivery import Event, Outcome, Phase
from digest.ledger import backoff


def outcome(code, phase=Phase.RCPT):
    return Outcome(delivery=1, event=Event.DEFER, phase=phase, code=code)


@given(code=st.sampled_from([0, 421, 450, 452, 550, 554]), delivery=st.integers(1, 2**40), attempts=st.integers(1, 999))
def test_bounded_and_growing(code, delivery, attempts):
    """A delay is positive, never above the cap with its jitter, and the plain part never shrinks with the tries."""
    now, later = (backoff.delay(outcome(code), delivery=delivery, attempts=tries) for tries in (attempts, attempts + 1))
    assert 0 < now <= backoff.LONGEST
    assert later * (1 + backoff.JITTER) >= now


@given(delivery=st.integers(1, 2**40), attempts=st.integers(1, 50))
def test_reproducible(delivery, attempts):
    """The same past gives the same future."""
    first = backoff.delay(outcome(450), delivery=delivery, attempts=attempts)
    assert first == backoff.delay(outcome(450), delivery=delivery, attempts=attempts)


def test_a_broken_connection_is_tried_at_once_and_greylisting_after_minutes():
    """A connection that broke says nothing about the reader; a 4xx asks for time; a 5xx of ours waits for a person."""
    assert backoff.delay(outcome(0), delivery=7, attempts=1) < 2
    assert backoff.delay(outcome(421), delivery=7, attempts=1) < 2
    assert 300 <= backoff.delay(outcome(450), delivery=7, attempts=1) <= 330
    assert 60 <= backoff.delay(outcome(550), delivery=7, attempts=1) <= 66
    assert backoff.delay(None, delivery=7, attempts=1) < 2


def test_readers_do_not_come_back_together():
    """Readers who were deferred in one moment are spread."""
    delays = {round(backoff.delay(outcome(450), delivery=number, attempts=1), 3) for number in range(1, 101)}
    assert len(delays) > 95


def test_every_5xx_is_a_never():
    """From the first of them on: what is not held against a reader waits a minute, not the time that a 4xx asks for."""
    first, last = (backoff.delay(outcome(code), delivery=1, attempts=1) for code in (500, 599))
    assert first == last < backoff.delay(outcome(499), delivery=1, attempts=1)
