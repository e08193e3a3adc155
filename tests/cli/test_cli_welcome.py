"""`digest` alone: what to do next here, at each point of a newsroom's first month."""

from __future__ import annotations

EDITION = "2022-02/everyone/en"


def step(newsroom):
    done = newsroom(now=None)
    assert (done.code, done.err) == (0, "")
    (line,) = [line for line in done.out.splitlines() if line.startswith("Next: ")]
    return line.removeprefix("Next: ").partition("  (")[0]


def test_each_step_leads_to_the_next(newsroom, sink):
    """From a folder with stories to a month that is sent, what it says next is what comes next."""
    assert step(newsroom) == f"digest build {EDITION}"
    newsroom("build", EDITION)
    assert step(newsroom) == f"digest send {EDITION}"
    newsroom.edit("config.yaml", "  engine: local", "  engine: local\n  approval: required")
    newsroom("build", EDITION)
    assert step(newsroom) == f"digest preview {EDITION}"
    newsroom("approve", EDITION, "--by", "Ana")
    assert step(newsroom) == f"digest send {EDITION}"
    newsroom("send", EDITION, "--live", "--yes", "--limit", "2", "--eml", "out")
    assert step(newsroom) == f"digest resume {EDITION}"
    assert "paused" not in newsroom(now=None).out
    newsroom("pause", EDITION)
    assert f"{EDITION}: paused, 2 accepted, 4 waiting" in newsroom(now=None).out
    newsroom("resume", EDITION, "--yes")
    assert len(sink.mails) == 4
    assert step(newsroom) == 'digest new "Title"'


def test_the_next_period_is_of_the_kind_that_is_scheduled(newsroom):
    """A weekly newsroom is not led to a month that would take the stories of four weeks."""
    config = (newsroom.root / "config.yaml").read_text("utf-8")
    newsroom.write("config.yaml", f"{config}\nschedule: [{{period: week, audiences: [everyone]}}]\n")
    assert step(newsroom) == "digest build 2022-W08/everyone/en"


def test_a_month_that_is_running_is_not_what_comes_next(newsroom):
    """Its issue would lack what is yet to come: the newest month that is over is next, and after it the waiting."""
    newsroom.story("march", date="2022-03-01")
    newsroom.monkeypatch.setenv("SOURCE_DATE_EPOCH", "1646128800")  # 1 March 2022, 10:00 UTC
    assert step(newsroom) == f"digest build {EDITION}"
    newsroom("send", EDITION, "--live", "--yes", "--eml", "out")
    assert step(newsroom) == 'digest new "Title"'


def test_a_language_without_stories_is_waited_for_by_nothing(newsroom):
    """It was led to for ever: nothing can be sent in it, so a month whose other languages went is sent."""
    newsroom.edit("config.yaml", "  everyone:\n", "  everyone:\n    languages: [en, fr]\n")
    newsroom("send", "2022-02/everyone", "--live", "--yes", "--eml", "out")
    assert step(newsroom) == 'digest new "Title"'


def test_the_state_is_told_beside_it(newsroom):
    """Two lines say whose newsroom it is and how far its newest month is."""
    out = newsroom(now=None).out.splitlines()
    assert out[0] == "ILO Newsroom: 19 stories, the newest of 2022-02-25"
    assert out[1] == f"{EDITION}: not built, not sent"
    assert out[-1] == "Help: digest --help, and digest VERB --help"


def test_without_a_story_the_way_to_one(empty):
    """A newsroom without stories is told how to write or bring in the first."""
    assert step(empty) == 'digest new "Title"'


def test_without_a_newsroom_the_way_to_one(newsroom, tmp_path_factory):
    """Outside any newsroom it says how to make one."""
    newsroom.root = tmp_path_factory.mktemp("nowhere")
    assert step(newsroom) == "digest init harbour"


def test_a_mistake_is_told_as_ever(newsroom):
    """A mistake in config.yaml is one line with its place."""
    newsroom.edit("config.yaml", "  language: en", "  langage: en")
    done = newsroom(now=None)
    assert (done.code, len(done.lines)) == (2, 1)
    assert "config.yaml:" in done.err


def test_a_ledger_that_cannot_be_opened_is_not_taken_for_none(newsroom):
    """A damaged ledger is named; it is no newsroom from which nothing was ever sent."""
    newsroom("send", EDITION, "--live", "--yes", "--eml", "out")
    newsroom.write(".digest/ledger.db", "no database")
    done = newsroom(now=None)
    assert (done.code, done.out) == (1, "")
    assert "ledger.db" in done.err
    assert "Traceback" not in done.err
