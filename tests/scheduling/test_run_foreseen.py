"""`digest run --dry-run` and `digest schedule` say what a run does: each situation is foreseen, run, and compared."""

from __future__ import annotations

import json
import shutil

import pytest
from test_run_due import begin

DUE = "2022-03-01T09:05"
EDITION = "2022-02/everyone/en"
BY_HAND = ("send", "--month", "2022-02", "-a", "everyone", "--live", "--yes")


def unapproved(newsroom):
    newsroom.schedule("audiences: [everyone], approval: required")


def approved_and_changed(newsroom):
    newsroom.schedule("audiences: [everyone], approval: required")
    newsroom("build", EDITION, now="2022-02-28T10:00")
    newsroom("approve", EDITION, "--by", "Ana", now="2022-02-28T10:00")
    newsroom.story("a-late-one", "2022-02-20")


def sent_by_hand(newsroom):
    assert newsroom(*BY_HAND, now="2022-02-28T18:00").code == 0


def a_check_fails(newsroom):
    newsroom.edit("config.yaml", "\ntheme:\n", "\ntheme:\n  logo: pictures/none.png\n")


def no_stories(newsroom):
    shutil.rmtree(newsroom.root / "stories")
    (newsroom.root / "stories").mkdir()


def a_broken_story(newsroom):
    (newsroom.root / "stories" / "2022-02-03-broken.md").write_text(
        "---\ntitle: x\ndate: never\n---\n", encoding="utf-8"
    )


def no_list(newsroom):
    (newsroom.root / "recipients" / "everyone.csv").unlink()


def nobody_on_the_list(newsroom):
    (newsroom.root / "recipients" / "everyone.csv").write_text("email\n", encoding="utf-8")


def no_password(newsroom):
    newsroom.monkeypatch.setenv("DIGEST_SMTP__USERNAME", "digest")


def links_that_lead_nowhere(newsroom):
    newsroom.monkeypatch.setenv("DIGEST_UNSUBSCRIBE_SECRET", "k" * 40)
    newsroom.monkeypatch.setenv("DIGEST_UNSUBSCRIBE__URL", "https://localhost:8080")


SITUATIONS = [
    unapproved, approved_and_changed, sent_by_hand, a_check_fails, no_stories, a_broken_story, no_list,
    nobody_on_the_list, no_password, links_that_lead_nowhere,
]  # fmt: skip


@pytest.mark.parametrize("situation", SITUATIONS)
def test_what_is_foreseen_is_what_happens(newsroom, sink, situation):
    """The same kind and the same sentence, for programs and for people; and no mail before the run."""
    begin(newsroom)
    situation(newsroom)
    before = len(sink.mails)
    foreseen = newsroom.run(DUE, "--dry-run")
    (told,) = json.loads(newsroom.run(DUE, "--dry-run", "--json").out)["due"]
    planned = newsroom("schedule", now=DUE).out
    assert len(sink.mails) == before
    (done,) = json.loads(newsroom.run(DUE, "--json").out)
    assert told["state"] == done["state"]
    (edition,), (came,) = told["editions"], done["editions"]
    assert edition["message"] == came["message"]
    for shown in (foreseen.out, planned):
        assert edition["message"].removeprefix("nothing was sent: ") in shown
        assert "would send it now" not in shown


def test_what_would_go_says_to_how_many(newsroom, sink):
    """Nothing stands in its way: its stories, its readers; and so it goes."""
    begin(newsroom)
    line = f"{EDITION}: it was due 5 minutes ago: `digest run` would send it now: 5 stories, to 6 readers"
    assert line in newsroom.run(DUE, "--dry-run").out
    assert line in newsroom("schedule", now=DUE).out
    assert newsroom.run(DUE).code == 0
    assert set(sink.readers.values()) == {1}


def test_the_first_look_makes_no_ledger(newsroom):
    """Where nothing was ever sent, neither verb makes a ledger, and nobody is missing from the count."""
    assert "to 6 readers" in newsroom.run(DUE, "--dry-run").out
    assert newsroom("schedule", now=DUE).code == 0
    assert not (newsroom.root / ".digest/ledger.db").exists()


def test_what_was_begun_goes_on(newsroom, sink):
    """Some have it already: the others are said to get it, approved or not."""
    begin(newsroom)
    assert newsroom(*BY_HAND, "--limit", "2", now="2022-02-28T18:00").code in (0, 75)
    unapproved(newsroom)
    out = newsroom.run(DUE, "--dry-run").out
    assert "`digest run` would send it now: 2 accepted, 4 waiting" in out
    assert newsroom.run(DUE).code == 0
    assert set(sink.readers.values()) == {1}


def test_held_and_sent_by_hand_is_not_held(newsroom, sink):
    """What is long past and went out by hand is neither said to be held nor to be sent by hand again."""
    begin(newsroom)
    late = "2022-03-14T09:00"
    assert "`digest run --skip 2022-02/everyone`" in newsroom.run(late, "--dry-run").out
    sent_by_hand(newsroom)
    out = newsroom.run(late, "--dry-run").out
    assert "--skip" not in out
    assert "would only report it, as nothing of it is left to send: 5 stories, 6 accepted" in out
    (told,) = json.loads(newsroom.run(late, "--dry-run", "--json").out)["due"]
    assert (told["held"], told["state"]) == ("", "sent")
    assert newsroom.run(late).code == 0
    assert set(sink.readers.values()) == {1}


def test_what_went_out_ahead_of_its_time_is_shown_and_not_called_for(newsroom, sink):
    """Sent by hand the day before: the schedule says so, and nobody is asked to approve it."""
    newsroom.schedule("audiences: [everyone], approval: required")
    begin(newsroom)
    newsroom("build", EDITION, now="2022-02-28T10:00")
    newsroom("approve", EDITION, "--by", "Ana", now="2022-02-28T10:00")
    sent_by_hand(newsroom)
    newsroom.story("a-late-one", "2022-02-20")  # the approval holds no more, and nobody needs it
    planned = newsroom("schedule", now="2022-02-28T19:00").out
    assert "sent already" in next(line for line in planned.splitlines() if line.startswith("2022-02/everyone "))
    before = len(sink.subjects)
    assert newsroom.run("2022-03-01T01:00").code == 0
    assert len(sink.subjects) == before


def test_many_that_are_held_are_not_named_one_by_one(newsroom, sink):
    """A machine that was off for a year: the first ones, how many more, and where all of them are; by mail as well."""
    newsroom.schedule("audiences: [everyone], period: week, on: monday, catch_up: 1 day")
    begin(newsroom)
    done = newsroom.run("2023-02-20T08:00")
    held = [line for line in done.out.splitlines() if "longer ago than catch_up allows" in line]
    (more,) = [line for line in done.out.splitlines() if line.startswith("and ")]
    whole = newsroom.run("2023-02-20T08:00", "--dry-run").out.splitlines()
    every = [line for line in whole if "longer ago than catch_up allows" in line]
    assert len(held) == 20
    assert more == f"and {len(every) - 20} more editions are held; all of them: digest run --dry-run"
    assert len(every) > 40
    (notice,) = [mail for mail in sink.notices if "have NOT gone out" in mail["Subject"]]
    text = notice.get_body(("plain",)).get_content()
    assert text.count("longer ago than catch_up allows") == 20
    assert more in " ".join(text.split())
    planned = newsroom("schedule", now="2023-02-20T08:00").out
    assert f"and {len(every) - 10} more editions are due" in planned
