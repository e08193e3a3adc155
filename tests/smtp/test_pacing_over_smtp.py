"""The pacer's word on a connection: a mail goes when its turn has come, whatever would fit on the wire before."""

from __future__ import annotations

import pytest
from faultserver import FULL, FaultServer
from smtprun import mails, settings

from digest.delivery import Event
from digest.smtp.transport import SmtpTransport


class Turns:
    """A pacer that gives one turn for each wait."""

    def __init__(self):
        self.left, self.waits = 1, []

    def ask(self, _domain):
        if not self.left:
            return 0.5
        self.left -= 1
        return 0.0

    def wait(self, seconds):
        self.waits.append(seconds)
        self.left = 1
        return True


@pytest.mark.parametrize("manner", [{}, {"bdat": True, "window": 4}])
def test_a_mail_whose_turn_has_not_come_does_not_follow_another_unasked(manner):
    """Its envelope would fit behind the mail before it; it waits for its turn all the same."""
    turns = Turns()
    with FaultServer(extensions=(*FULL, "CHUNKING")) as server:
        session = SmtpTransport(settings(server, **manner), turns).open()
        outcomes = [outcome.event for outcome in session.deliver(mails(3), lambda _: True)]
        session.close()
    assert outcomes == [Event.ACCEPT] * 3
    assert turns.waits == [0.5, 0.5]
