"""What holds when the world changes around a send: the clock, a name, a list, a folder, a config."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

FEBRUARY = ("--month", "2022-02", "--audience", "everyone")
LIVE = ("send", *FEBRUARY, "--live", "--yes")
LONG_AGO = "2022-03-01T09:00:00+01:00"


class TestTheClock:
    """A time that was typed for a build, or set for a reproducible one, mails no reader by mistake."""

    @pytest.mark.parametrize("verb", [LIVE, ("resume", "2022-02/everyone/en", "--yes"), ("run",), ("worker",)])
    def test_a_time_far_from_the_clock_mails_nobody(self, newsroom, verb):
        """Whatever would mail readers says how far the time is off, and what to do."""
        done = newsroom(*verb, "--now", LONG_AGO, now=None)
        assert done.code == 2
        assert "--now 2022-03-01T09:00:00+01:00 is " in done.err
        assert "--yes-now 2022-03-01T09:00:00+01:00" in done.err

    def test_the_environments_time_too(self, newsroom):
        """SOURCE_DATE_EPOCH is set by build tools, and nobody sees it."""
        newsroom.monkeypatch.setenv("SOURCE_DATE_EPOCH", "1646121600")
        done = newsroom(*LIVE, now=None)
        assert (done.code, "SOURCE_DATE_EPOCH=1646121600 is " in done.err) == (2, True)

    def test_only_the_same_time_repeated_counts(self, newsroom):
        """Another time after --yes-now is a mistake, too."""
        done = newsroom(*LIVE, "--now", LONG_AGO, "--yes-now", "2022-03-02", now=None)
        assert done.code == 2

    def test_files_are_free(self, newsroom):
        """Mails that become files are how one looks at another time."""
        done = newsroom(*LIVE, "--eml", "outbox", "--now", LONG_AGO, now=None)
        assert done.code == 0, done.err

    def test_a_day_off_is_no_pretence(self, newsroom):
        """A clock may be wrong by a zone, and a run may have begun yesterday."""
        near = (datetime.now(UTC) - timedelta(hours=35)).isoformat()
        done = newsroom("run", "--now", near, now=None)
        assert "--yes-now" not in done.err


class TestWhoApproves:
    """A second word is another person's, and what the schedule asks for is asked of everybody."""

    def approved(self, newsroom, *names):
        newsroom("build", *FEBRUARY)
        return [newsroom("approve", "2022-02/everyone/en", "--by", name) for name in names]

    @pytest.mark.parametrize("again", ["ann  lee", "Lee, Ann", "Änn Lee", "Ann Lee <a.l@ilo.org>", "ann.lee@ilo.org"])
    def test_one_person_spelled_two_ways_is_one(self, newsroom, again):
        """Case, blanks, accents, order and an address do not make another person of one."""
        _, second = self.approved(newsroom, "Ann Lee", again)
        assert second.code == 2
        assert "a second word must be another person's" in second.err

    def test_words_of_one_person_in_the_file_count_once(self, newsroom):
        """An approval from before, or one that somebody edited, is judged by the same rule."""
        newsroom.edit("config.yaml", "\nsend:\n", "\nsend:\n  approval: two\n")
        self.approved(newsroom, "Ann Lee")
        file = newsroom.root / "approvals/2022-02/everyone/en.json"
        data = json.loads(file.read_text())
        data["signatures"].append({"who": "LEE, Ann", "when": data["signatures"][0]["when"]})
        file.write_text(json.dumps(data))
        done = newsroom(*LIVE, "--eml", "outbox")
        assert (done.code, "2 people must" in done.err) == (5, True)

    def test_two_people_are_two(self, newsroom):
        """Names that share a word are others'."""
        newsroom.edit("config.yaml", "\nsend:\n", "\nsend:\n  approval: two\n")
        assert [done.code for done in self.approved(newsroom, "Ann Lee", "Bea Lee")] == [0, 0]
        assert newsroom(*LIVE, "--eml", "outbox").code == 0

    def test_what_the_schedule_demands_binds_a_send_by_hand(self, newsroom):
        """An edition that waits for approval at night is not sent past it in the morning."""
        newsroom.edit("config.yaml", "\nsmtp:", "\nschedule: [{audiences: [everyone], approval: required}]\nsmtp:")
        done = newsroom(*LIVE, "--eml", "outbox")
        assert (done.code, "nobody has approved it" in done.err) == (5, True)
        self.approved(newsroom, "Ann Lee")
        assert newsroom(*LIVE, "--eml", "outbox").code == 0

    def test_a_line_for_other_editions_demands_nothing_of_these(self, newsroom):
        """A year's edition that needs two people leaves the month's as its own line has it."""
        lines = "[{audiences: [everyone]}, {audiences: [everyone], period: year, on: day 5, approval: two}]"
        newsroom.edit("config.yaml", "\nsmtp:", f"\nschedule: {lines}\nsmtp:")
        assert newsroom(*LIVE, "--eml", "outbox").code == 0
