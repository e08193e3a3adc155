"""Rates: read, kept over any ten seconds, shared by threads, each domain on its own, and ended by a stop."""

from __future__ import annotations

import threading
from bisect import bisect_left

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.smtp.rates import Pacing, parse_rate


@pytest.mark.parametrize(
    ("text", "rate"),
    [("50/s", 50), ("600/min", 10), ("3600/h", 1), ("86400/d", 1), (" 0.5 / s ", 0.5), ("90/Minute", 1.5)],
)
def test_a_rate_is_read_as_mails_a_second(text, rate):
    """A number per second, minute, hour or day."""
    assert parse_rate(text) == pytest.approx(rate)


@pytest.mark.parametrize("text", ["", "50", "/s", "0/s", "-1/s", "50/fortnight", "1e3/s", "inf/s", "٥/s", "5/s/s"])
def test_what_is_no_rate_is_refused_with_an_example(text):
    """The error says what to write."""
    with pytest.raises(ValueError, match="50/s"):
        parse_rate(text)


class Clock:
    """Time that passes when somebody waits."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def send_for(pacing: Pacing, clock: Clock, seconds: float, domains: list[str]) -> list[tuple[float, str]]:
    """What one eager sender gets through in this time, domain after domain."""
    sent, end = [], clock.now + seconds
    while clock.now < end:
        domain = domains[len(sent) % len(domains)]
        lack = pacing.ask(domain)
        if lack <= 0:
            sent.append((clock.now, domain))
        else:
            clock.now += lack
    return sent


def most_in_ten_seconds(times: list[float]) -> int:
    return max(bisect_left(times, start + 10) - number for number, start in enumerate(times))


@settings(max_examples=50)
@given(st.floats(0.2, 100), st.lists(st.floats(0, 30), max_size=5))
def test_no_ten_seconds_have_more_than_the_rate_and_five_percent(rate, pauses):
    """Whatever pauses there were, nothing is saved up but a quarter of a second; and the rate is reached."""
    clock = Clock()
    pacing = Pacing(rate, clock=clock)
    times: list[float] = []
    for pause in [*pauses, 0.0]:
        clock.now += pause
        times += [time for time, _ in send_for(pacing, clock, 12, ["a.test"])]
    assert most_in_ten_seconds(times) <= rate * 10 * 1.05 + 1
    assert len(times) >= int(rate * 12)


def test_a_domain_has_its_own_limit_and_both_limits_hold():
    """A limited domain is held to its own rate, whatever its case, and all together to the relay's."""
    clock = Clock()
    pacing = Pacing(10, {"slow.test": 2}, clock=clock)
    sent = send_for(pacing, clock, 20, ["Slow.test", "fast.test", "other.test"])
    assert 39 <= sum(domain == "Slow.test" for _, domain in sent) <= 42
    pacing = Pacing(10, {"slow.test": 2}, clock=clock)
    assert 199 <= len(send_for(pacing, clock, 20, ["fast.test", "other.test"])) <= 204


def test_what_a_slow_domain_waits_for_is_not_taken_from_the_others():
    """Asking for a domain that has no token takes none from the relay's bucket."""
    clock = Clock()
    pacing = Pacing(1, {"slow.test": 0.001}, clock=clock)
    assert pacing.ask("slow.test") == 0.0
    clock.now += 1
    assert pacing.ask("slow.test") > 900
    assert pacing.ask("fast.test") == 0.0


def test_no_limit_never_waits():
    """Without a rate, and for a domain without one, a mail may always go."""
    pacing = Pacing(0, {"slow.test": 1, "free.test": 0})
    assert [pacing.ask("fast.test") for _ in range(1000)] == [0.0] * 1000
    assert pacing.ask("free.test") == pacing.ask("free.test") == 0.0


def test_threads_share_one_limit():
    """Sixteen threads that ask at the same moment get no more tokens than one would."""
    pacing = Pacing(1, clock=lambda: 5.0)
    got: list[float] = []
    threads = [threading.Thread(target=lambda: got.append(pacing.ask("a.test"))) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got)[:2] == [0.0, 1.0]


def test_a_stop_ends_the_wait():
    """Who waits for an hour is told at once that the run ends."""
    stop = threading.Event()
    pacing = Pacing(1, stop=stop)
    assert pacing.wait(0.001)
    threading.Timer(0.05, stop.set).start()
    assert not pacing.wait(3600)
