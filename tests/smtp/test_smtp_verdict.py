"""The table of verdicts: whole, legal for the ledger, and true to its two rules."""

from __future__ import annotations

import itertools

import pytest

from digest.delivery import Event, Phase, State, step
from digest.smtp.verdict import VERDICTS, ReplyClass, SessionAction, verdict

PHASES = (Phase.MAIL, Phase.RCPT, Phase.DATA, Phase.BODY, Phase.DOT, Phase.RSET)
CASES = list(itertools.product(PHASES, ReplyClass, (False, True)))


def test_the_table_has_every_phase_of_a_mail_and_everything_that_can_be_heard():
    """No pair is left to chance."""
    assert set(VERDICTS) == set(itertools.product(PHASES, ReplyClass))


@pytest.mark.parametrize(("phase", "heard", "intended"), CASES)
def test_every_verdict_is_a_step_that_the_ledger_knows(phase, heard, intended):
    """With or without a durable intent, the event is one that the state table has."""
    if phase in {Phase.BODY, Phase.DOT}:
        intended = True  # nothing of a body is said without
    found = verdict(phase, heard, intended=intended)
    if found.event is not None:
        step(State.SENDING if intended else State.CLAIMED, found.event)
    else:
        assert (heard, found.then) == (ReplyClass.YES, SessionAction.GO_ON)


def test_only_a_yes_to_the_dot_is_an_acceptance_and_only_silence_after_it_is_a_doubt():
    """No other pair may count a mail as sent, or hold it for a person."""
    assert [pair for pair, found in VERDICTS.items() if found.event is Event.ACCEPT] == [(Phase.DOT, ReplyClass.YES)]
    assert [pair for pair, found in VERDICTS.items() if found.event is Event.DOUBT] == [(Phase.DOT, ReplyClass.NOTHING)]


def test_nobody_is_refused_for_what_is_about_us():
    """A 5xx to MAIL, and a 530 anywhere, mark no reader and stop the run."""
    for pair in [
        (Phase.MAIL, ReplyClass.NEVER),
        *((phase, ReplyClass.UNWELCOME) for phase in PHASES if phase is not Phase.RSET),
    ]:
        assert VERDICTS[pair].then is SessionAction.STOP
        assert VERDICTS[pair].event in {Event.RELEASE, Event.DEFER}
