"""Which edition a verb is about: said by its name or by flags, with every verb, and never both ways at once."""

from __future__ import annotations

import json

import pytest

from digest.cli.call import Call
from digest.cli.flags import Common
from digest.errors import UsageError

NAME = "2022-02/everyone/en"
FLAGS = ("--month", "2022-02", "-a", "everyone", "-l", "en")
LIVE = ("--live", "--yes", "--eml", "out")
BEFORE = ("stories", "build", "check", "preview", "approve", "send")
ALL = (*BEFORE, "status", "resume", "pause", "cancel", "thaw", "resolve")


@pytest.fixture
def begun(newsroom):
    """A newsroom that has mailed two of an edition's readers."""
    assert newsroom("send", NAME, *LIVE, "--limit", "2").code == 75
    return newsroom


@pytest.mark.parametrize(
    "verb",
    [("stories", "--explain"), ("build",), ("check",), ("send",), ("send", "--to", "me@example.org", "--eml", "t")],
)
def test_a_name_and_flags_are_one(newsroom, verb):
    """What a name gets is what the flags get, for verbs about editions that were not sent."""
    named = newsroom(verb[0], NAME, *verb[1:])
    flagged = newsroom(verb[0], *FLAGS, *verb[1:])
    assert (named.code, named.err) == (flagged.code, flagged.err) == (0, "")
    again = "--month 2022-02 --audience everyone --language en"
    assert named.out == flagged.out.replace(again, NAME)
    assert NAME in named.out


@pytest.mark.parametrize("which", [(NAME,), FLAGS])
def test_an_edition_on_its_way_is_named_either_way(begun, sink, which):
    """Status, pause, resume, resolve and cancel take both, and so does approve."""
    assert begun("status", *which).code == 75
    assert begun("pause", *which).out.startswith(f"{NAME} is paused")
    assert begun("status", *which).out.startswith(f"{NAME}: 2 accepted, 4 waiting, paused")
    assert "nobody is in doubt" in begun("resolve", *which, "--sent", "--all").out
    assert begun("resume", *which, "--yes").code == 0
    assert len(sink.mails) == 4
    assert begun("cancel", *which, "--yes").code == 4
    assert begun("thaw", *which, "--yes").code == 1
    begun("build", NAME)
    assert begun("approve", *which, "--by", "Ana").code == 0


def test_addresses_stand_behind_either(begun):
    """`resolve` tells an address from an edition, whichever way the edition is said."""
    said = [begun("resolve", *which, "ann@example.org", "--sent") for which in ((NAME,), FLAGS)]
    assert said[0] == said[1]
    assert f"ann@example.org is not held in {NAME}" in said[0].err


def test_a_period_is_every_edition_of_it(newsroom):
    """Without an audience the flags mean all of a period's editions that are on their way, each told."""
    newsroom.edit("config.yaml", "title: Skills", "title: Skills\n    recipients: {csv: recipients/everyone.csv}")
    assert newsroom("send", NAME, "2022-02/skills", *LIVE, "--limit", "1").code == 75
    paused = newsroom("pause", "--month", "2022-02")
    assert [line.split()[0] for line in paused.out.splitlines()] == [NAME, "2022-02/skills/en"]
    off = newsroom("cancel", "--month", "2022-02", "-a", "skills", "--yes")
    assert off.out.startswith("2022-02/skills/en is called off: 5 readers")
    assert newsroom("resume", "--month", "2022-02", "--yes", "--eml", "out").code == 2  # resume knows no --eml
    standing = {row["edition"]: row["standing"] for row in json.loads(newsroom("status", "--json").out)}
    assert standing == {NAME: "paused", "2022-02/skills/en": "cancelled"}


def test_one_that_is_paused_is_said_before_another_goes(newsroom):
    """Of several that are sent at once: nobody is asked, and nothing goes by half."""
    newsroom.edit("config.yaml", "title: Skills", "title: Skills\n    recipients: {csv: recipients/everyone.csv}")
    assert newsroom("send", NAME, "2022-02/skills", *LIVE, "--limit", "1").code == 75
    newsroom("pause", "2022-02/skills")
    before = newsroom("status", NAME).out
    refused = newsroom("send", NAME, "2022-02/skills", *LIVE)
    assert (refused.code, refused.out) == (2, "")
    assert "2022-02/skills/en is paused; when it may go on: digest resume 2022-02/skills/en" in refused.err
    assert newsroom("status", NAME).out == before


def test_a_round_is_all_its_languages(newsroom):
    """Without its language a name means every language of the audience."""
    newsroom.edit("config.yaml", "title: Skills", "title: Skills\n    languages: [en, fr]")
    built = newsroom("build", "2022-02/skills", "--json")
    assert [row["edition"] for row in json.loads(built.out)] == ["2022-02/skills/en", "2022-02/skills/fr"]


@pytest.mark.parametrize("flags", [("--month", "2022-03"), ("-a", "skills"), ("-l", "fr")])
def test_saying_it_both_ways_is_one_clear_line(begun, flags):
    """A name with a flag beside it is refused by every verb, whether they agree or not, and names what to leave out."""
    for verb in ALL:
        done = begun(verb, NAME, *flags, *(("--sent", "--all") if verb == "resolve" else ()))
        (line,) = done.lines
        assert done.code == 2, verb
        assert line.startswith(f"digest: {NAME} says which edition; leave out --"), verb
        assert line.endswith(f" {flags[1]}, or say it by flags alone"), verb


def test_saying_nothing_names_what_there_is(begun):
    """A verb that changes what is on its way never guesses which: it names what could be meant."""
    refused = (2, [f"digest: say which edition: {NAME}, or --month and --audience"])
    verbs = ("resume", "pause", "cancel", "thaw")
    answers = {verb: begun(verb) for verb in verbs}
    assert {verb: (done.code, done.lines) for verb, done in answers.items()} == dict.fromkeys(verbs, refused)


def test_readers_are_settled_an_edition_at_a_time(newsroom):
    """`resolve` over several editions is refused with their names: a reader can be in each."""
    newsroom.edit("config.yaml", "title: Skills", "title: Skills\n    recipients: {csv: recipients/everyone.csv}")
    newsroom("send", "--month", "2022-02", *LIVE, "--limit", "1")
    done = newsroom("resolve", "--month", "2022-02", "--sent", "--all")
    assert (done.code, f"name one of {NAME}, 2022-02/skills/en" in done.err) == (2, True)


@pytest.mark.parametrize(
    "verb", ["build", "check", "send", "stories", "approve", "preview", "status", "pause", "cancel"]
)
def test_a_period_for_an_edition_is_answered_with_what_to_type(newsroom, verb):
    """A month where an edition is asked for is one line, with the command for one audience and that for all."""
    if verb in ("status", "pause", "cancel"):
        newsroom("send", "2022-02/everyone/en", "--live", "--yes", "--limit", "1", "--eml", "out")
    done = newsroom(verb, "2022-02")
    assert (done.code, len(done.lines)) == (2, 1)
    assert done.lines[0] == (
        f"digest: '2022-02' is a month, and no edition; type: digest {verb} 2022-02/everyone, "
        f"or for all audiences: digest {verb} --month 2022-02"
    )
    quarter = newsroom(verb, "2022-Q1").err
    assert f"'2022-Q1' is a quarter, and no edition; type: digest {verb} 2022-Q1/everyone" in quarter
    assert "write it like 2022-02/everyone" in newsroom(verb, "february").err


def test_what_to_type_is_of_the_verb_that_was_typed(newsroom):
    """Two verbs at once in one process each name themselves: which one was typed is not kept for all of them."""
    config = newsroom.root / "config.yaml"
    calls = [Call(Common(config=config, verb=verb)) for verb in ("check", "archive")]
    for call in calls:
        with pytest.raises(UsageError, match=f"type: digest {call.common.verb} 2022-02/everyone"):
            call.edition_named("2022-02")
