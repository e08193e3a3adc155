"""Settings: what cannot be meant is refused, and no secret shows."""

from __future__ import annotations

import pytest

from digest.delivery import Phase
from digest.smtp.relay_settings import SmtpSettings, Timeouts
from digest.text.urls import is_loopback


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"host": ""}, "host name"),
        ({"host": "mail example.org"}, "host name"),
        ({"port": 0}, "TCP port"),
        ({"port": 70000}, "TCP port"),
        ({"window": 0}, "at least 1"),
        ({"window": 4}, "bdat"),
        ({"password": "x"}, "username"),
        ({"oauth_token": "x"}, "username"),
        ({"username": "x"}, "password or a token"),
        ({"local_hostname": "a b"}, "EHLO"),
        ({"local_hostname": "b\u00fccher.test"}, "EHLO"),
        ({"connections": 0}, "at least 1"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(values, words):
    """Each says what is wrong."""
    with pytest.raises(ValueError, match=words):
        SmtpSettings(**values)


def test_secrets_are_in_no_repr():
    """A password or token is shown by neither repr nor str."""
    shown = SmtpSettings(username="u", password="hunter2", oauth_token="ya29.tok")
    assert "hunter2" not in repr(shown) + str(shown)
    assert "ya29" not in repr(shown) + str(shown)


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("localhost", True),
        ("LOCALHOST.", True),
        ("mail.localhost", True),
        ("127.0.0.1", True),
        ("127.8.9.10", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("::ffff:10.0.0.1", False),
        ("10.0.0.1", False),
        ("localhost.example.org", False),
        ("127.0.0.1.example.org", False),
        ("0.0.0.0", False),
    ],
)
def test_loopback_is_this_machine_and_nothing_that_looks_like_it(host, loopback):
    """Clear text is allowed for these only."""
    assert is_loopback(host) is loopback


def test_one_time_can_be_given_for_all_phases():
    """`smtp.timeout` shortens every wait, and never lengthens the goodbye."""
    times = Timeouts.each(7.0)
    assert {times.of(phase) for phase in Phase if phase is not Phase.QUIT} == {7.0}
    assert times.connect == 7.0
    assert times.quit == 2.0


def test_every_phase_has_a_time():
    """RFC 5321, 4.5.3.2 is kept: ten minutes for the reply to the dot, five for RCPT, and so on."""
    times = Timeouts()
    assert all(times.of(phase) > 0 for phase in Phase)
    assert [times.of(phase) for phase in (Phase.BANNER, Phase.MAIL, Phase.RCPT, Phase.DATA, Phase.BODY, Phase.DOT)] == [
        300, 300, 300, 120, 180, 600,
    ]  # fmt: skip
