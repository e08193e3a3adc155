"""One mail for a reader, a period and an audience, from the command line: languages, names and lists may change."""

from __future__ import annotations

import socket
from collections import Counter
from email import message_from_bytes

import pytest

from digest.ledger.ledger import SqlLedger

CONFIG = """\
newsroom:
  name: Harbour Newsroom
  contact: press@harbour.test
  from: digest@harbour.test
  timezone: Europe/Zurich
  language: en
  postal_address: Quay 4, Geneva
audiences:
  everyone: {title: All harbour news, languages: [en, fr], recipients: {csv: readers.csv}}
unsubscribe: {url: "https://leave.harbour.test", allow_local: true, secret_env: DIGEST_UNSUBSCRIBE_SECRET}
"""
READERS = "email,name,language\nann@reader.test,Ann,en\nbob@reader.test,Bob,fr\ncid@reader.test,Cid,\n"
FEBRUARY = ("send", "--month", "2022-02", "--live", "--yes", "--eml", "out")


@pytest.fixture
def harbour(empty, monkeypatch):
    """A newsroom in two languages, with a story in each."""
    monkeypatch.setenv("DIGEST_UNSUBSCRIBE_SECRET", "0123456789abcdef0123456789abcdef")
    empty.write("config.yaml", CONFIG)
    empty.write("readers.csv", READERS)
    empty.story("women-at-work", language="en", link="https://harbour.test/1")
    empty.story("femmes-au-travail", language="fr", link="https://harbour.test/2")
    return empty


def mailed(newsroom, folder="out"):
    """How many mails each reader has got."""
    files = (newsroom.root / folder).rglob("*.eml")
    return Counter(str(message_from_bytes(file.read_bytes())["To"]).split("<")[-1].split("@")[0] for file in files)


def test_one_language_settles_all(harbour):
    """`--language en` mails the English readers, settles the French ones too, and says that they wait."""
    done = harbour(*FEBRUARY, "--language", "en")
    assert done.code == 0, done.err
    assert mailed(harbour) == {"ann": 1, "cid": 1}
    assert "1 reader of 2022-02/everyone/fr is settled with it, and to wait until that is sent" in done.err
    assert "waiting for the edition to be built" in harbour("status", "2022-02/everyone/fr").out
    assert harbour(*FEBRUARY).code == 0
    assert mailed(harbour) == {"ann": 1, "bob": 1, "cid": 1}


def test_a_readers_language_changed_between_two_runs(harbour):
    """Who was English at the freeze stays so for this month: no second mail, and nobody without one."""
    harbour(*FEBRUARY, "--language", "en")
    harbour.edit("readers.csv", "ann@reader.test,Ann,en", "ann@reader.test,Ann,fr")
    harbour.edit("readers.csv", "bob@reader.test,Bob,fr", "bob@reader.test,Bob,en")
    harbour(*FEBRUARY)
    assert mailed(harbour) == {"ann": 1, "bob": 1, "cid": 1}


def test_a_language_that_comes_later(harbour):
    """`languages: [en]` becomes `[fr, en]` after the month was sent: nobody is mailed again, and that is said."""
    harbour.edit("config.yaml", "languages: [en, fr]", "languages: [en]")
    harbour(*FEBRUARY)
    assert mailed(harbour) == {"ann": 1, "bob": 1, "cid": 1}
    harbour.edit("config.yaml", "languages: [en]", "languages: [fr, en]")
    done = harbour(*FEBRUARY, "--language", "fr")
    assert (done.code, "were settled in 2022-02/everyone/en, without this language; who came" in done.err) == (3, True)
    assert mailed(harbour) == {"ann": 1, "bob": 1, "cid": 1}


def test_one_address_in_two_rows(harbour):
    """Two rows with two languages are one reader and one mail."""
    harbour.write("readers.csv", "email,language\nann@reader.test,en\nANN@reader.test,fr\n")
    assert harbour(*FEBRUARY, "--language", "en").code == 0
    assert mailed(harbour) == {"ann": 1}


def test_each_row_of_the_list_is_told(harbour):
    """The freeze says what became of every row: mailed in which language, suppressed, twice, bad."""
    harbour.write("readers.csv", f"{READERS}BOB@reader.test,Bob,fr\nnobody,N,en\ndan@reader.test,Dan,en\n")
    harbour("subscribers", "suppress", "dan@reader.test", "--audience", "everyone")
    told = "6 rows: 2 2022-02/everyone/en, 1 2022-02/everyone/fr, 1 suppressed, 1 on the list twice, 1 bad"
    assert told in harbour(*FEBRUARY, "--language", "en").out


def test_a_language_without_a_story_is_no_edition(harbour):
    """French readers get the first language's edition in a month without a French story."""
    (harbour.root / "stories/femmes-au-travail.md").unlink()
    assert harbour(*FEBRUARY, "--language", "en").code == 0
    assert mailed(harbour) == {"ann": 1, "bob": 1, "cid": 1}


def test_a_language_with_nothing_to_send_holds_up_no_other_audience(harbour):
    """A month without a French story is a month for everybody else: what has nothing to send is told, and passed."""
    friends = "  friends: {title: Friends, recipients: {csv: friends.csv}}\n"
    harbour.edit("config.yaml", "unsubscribe:", f"{friends}unsubscribe:")
    harbour.write("friends.csv", "email\ndan@reader.test\n")
    (harbour.root / "stories/femmes-au-travail.md").unlink()
    done = harbour(*FEBRUARY)
    assert (done.code, mailed(harbour)) == (0, {"ann": 1, "bob": 1, "cid": 1, "dan": 1})
    assert "2022-02/everyone/fr: nobody to send it to" in done.err
    assert harbour(*FEBRUARY).code == 3


def test_renamed_and_told(harbour):
    """`was` tells a rename: this month is not sent again, who left stays left, and a half-sent edition goes on."""
    harbour(*FEBRUARY, "--language", "en")
    harbour("subscribers", "suppress", "bob@reader.test", "--audience", "everyone")
    harbour.edit("config.yaml", "everyone: {", "all: {was: [everyone], ")
    done = harbour(*FEBRUARY, "--audience", "all")
    assert done.code in (0, 4), done.err
    assert mailed(harbour) == {"ann": 1, "cid": 1}
    march = harbour("send", "--month", "2022-03", "--live", "--yes", "--eml", "out", now="2022-04-01T09:00")
    assert march.code == 3
    harbour.story("march", date="2022-03-14", language="en", link="https://harbour.test/3")
    march = harbour("send", "--month", "2022-03", "--language", "en", "--live", "--yes", "--eml", "march",
                    now="2022-04-01T09:00")  # fmt: skip
    assert march.code == 0, march.err
    assert "1 suppressed" in march.out
    assert harbour("status", "2022-02/everyone/en").code == 0


def test_renamed_and_back(harbour):
    """A rename that is reverted, with the line that told it, mails nobody a second time for its period."""
    assert harbour(*FEBRUARY).code == 0
    harbour.story("march", date="2022-03-14", language="en", link="https://harbour.test/3")
    march = ("send", "--month", "2022-03", "--language", "en", "--live", "--yes", "--eml", "march")
    harbour.edit("config.yaml", "everyone: {", "all: {was: [everyone], ")
    assert harbour(*march, "--audience", "all", now="2022-04-01T09:00").code == 0
    harbour.edit("config.yaml", "all: {was: [everyone], ", "everyone: {")
    refused = harbour(*march, "--audience", "everyone", now="2022-04-02T09:00")
    assert refused.code == 2
    assert "audiences.everyone: was not sent yet, and all, which was, is gone from config.yaml" in refused.err
    harbour.story("april", date="2022-04-14", language="en", link="https://harbour.test/4")
    april = (*march[:2], "2022-04", *march[3:-1], "april", "--audience", "everyone")
    assert harbour(*april, now="2022-05-01T09:00").code == 0  # a period that went to nobody yet needs no word
    assert harbour(*march, "--audience", "everyone", now="2022-05-02T09:00").code == 2
    harbour.edit("config.yaml", "everyone: {", "everyone: {was: [all], ")
    assert harbour(*march, "--audience", "everyone", now="2022-05-02T09:00").code == 4
    assert set(mailed(harbour, "march").values()) == {1}


def test_what_went_under_a_former_name_was_sent_before(harbour):
    """A quarter's edition of the renamed audience does not bring again what its readers got in February."""
    assert harbour(*FEBRUARY, "--language", "en").code == 0
    harbour.edit("config.yaml", "everyone: {", "all: {was: [everyone], ")
    shown = harbour("stories", "--quarter", "2022-Q1", "--audience", "all", "--language", "en", "--explain")
    assert "sent-before" in next(line for line in shown.out.splitlines() if "women-at-work" in line)


def test_renamed_and_not_told(harbour):
    """An audience that was never sent while another vanished is not sent before it is said which it is."""
    harbour(*FEBRUARY)
    harbour.edit("config.yaml", "everyone: {", "all: {")
    refused = harbour(*FEBRUARY, "--audience", "all")
    assert refused.code == 2
    assert "was: [everyone]" in refused.err
    assert "retired: [everyone]" in refused.err
    assert mailed(harbour) == {"ann": 1, "bob": 1, "cid": 1}
    harbour.write("config.yaml", (harbour.root / "config.yaml").read_text() + "retired: [everyone]\n")
    assert harbour(*FEBRUARY[:-1], "new", "--audience", "all").code == 0
    assert mailed(harbour, "new") == {"ann": 1, "bob": 1, "cid": 1}


def test_a_list_that_lost_half_its_readers(harbour):
    """A list far shorter than last month's stops the send; --shrink says that it is whole."""
    harbour.write("readers.csv", "email,name\n" + "".join(f"r{number}@reader.test,R\n" for number in range(60)))
    assert harbour(*FEBRUARY, "--language", "en").code == 0
    harbour.story("march", date="2022-03-14", language="en", link="https://harbour.test/3")
    harbour.write("readers.csv", "email,name\n" + "".join(f"r{number}@reader.test,R\n" for number in range(30)))
    march = ("send", "--month", "2022-03", "--language", "en", "--live", "--yes", "--eml", "march")
    refused = harbour(*march, now="2022-04-01T09:00")
    assert (refused.code, "--shrink" in refused.err) == (1, True)
    assert not (harbour.root / "march").exists() or not any((harbour.root / "march").rglob("*.eml"))
    assert harbour(*march, "--shrink", now="2022-04-01T09:00").code == 0


def test_a_language_taken_away_before_its_edition_was_sent_whole(harbour):
    """What is frozen can be looked at and called off, though config.yaml has its language no more."""
    harbour(*FEBRUARY, "--language", "en")
    harbour.edit("config.yaml", "languages: [en, fr]", "languages: [en]")
    assert "1 waiting" in harbour("status", "2022-02/everyone/fr").out
    assert harbour("cancel", "2022-02/everyone/fr", "--yes").code == 0


def test_a_language_taken_away_is_sent_with_the_period(harbour):
    """A send of the period mails who was settled in it; one of another language alone does not."""
    harbour(*FEBRUARY, "--language", "en")
    harbour.edit("config.yaml", "languages: [en, fr]", "languages: [en]")
    assert harbour(*FEBRUARY, "--language", "en").code == 4
    assert "1 waiting (begun" in harbour("send", "--month", "2022-02").out
    assert harbour(*FEBRUARY).code == 0
    assert (harbour(*FEBRUARY).code, mailed(harbour)) == (4, {"ann": 1, "bob": 1, "cid": 1})


def test_a_month_is_planned_without_counting_the_others(harbour, monkeypatch):
    """Each count goes over all readers of an edition: what was sent in other months is not looked at."""
    harbour(*FEBRUARY)
    counted, count = [], SqlLedger.counts
    monkeypatch.setattr(SqlLedger, "counts", lambda self, name: counted.append(name) or count(self, name))
    harbour("send", "--month", "2022-03", now="2022-04-01T09:00")
    assert counted == []
    harbour("send", "--month", "2022-02")
    assert "2022-02/everyone/en" in counted


@pytest.mark.parametrize("asked", [["2022-02/all"], ["--audience", "all"], ["--month", "2022-02", "--audience", "all"],
                                   ["2022-02/all/fr"]])  # fmt: skip
def test_who_waits_is_named_under_the_audiences_new_name(harbour, asked):
    """`status` knows an edition by all names of its audience, in a language that is gone from config.yaml, too."""
    harbour(*FEBRUARY, "--language", "en")
    harbour.edit("config.yaml", "everyone: {title: All harbour news, languages: [en, fr]",
                 "all: {was: [everyone], title: All harbour news, languages: [en]")  # fmt: skip
    done = harbour("status", *asked)
    assert (done.code, "2022-02/everyone/fr: 1 waiting" in done.out) == (75, True)


def test_what_is_next_knows_what_went_under_a_former_name(harbour):
    """Nobody is told to build a month again that its readers have, nor one in a language that has no readers."""
    (harbour.root / "stories/femmes-au-travail.md").unlink()
    harbour(*FEBRUARY, "--language", "en")
    assert "2022-02: sent" in harbour(now=None).out
    harbour.edit("config.yaml", "everyone: {", "all: {was: [everyone], ")
    assert "2022-02: sent" in harbour(now=None).out


def test_a_language_is_taken_back_after_another_was_mailed(harbour):
    """French readers keep their place and language; only what they get is made anew."""
    harbour(*FEBRUARY, "--language", "en")
    refused = harbour("thaw", "2022-02/everyone/en", "--yes")
    assert (refused.code, "have it" in refused.err) == (1, True)
    with socket.socket() as closed:  # a relay that is away: the edition is frozen, and nobody is mailed
        closed.bind(("127.0.0.1", 0))
        relay = f"smtp: {{host: 127.0.0.1, port: {closed.getsockname()[1]}}}\nsend: {{relay_patience: 1}}\n"
        harbour.write("config.yaml", f"{CONFIG}{relay}")
        failed = harbour("send", "--month", "2022-02", "--live", "--yes", "--language", "fr")
    assert failed.code == 75, failed.err
    assert "waiting for the edition to be built" not in harbour("status", "2022-02/everyone/fr").out
    done = harbour("thaw", "2022-02/everyone/fr", "--yes")
    assert done.code == 0, done.err
    harbour.edit("readers.csv", "ann@reader.test,Ann,en", "ann@reader.test,Ann,fr")
    harbour.edit("stories/femmes-au-travail.md", "title: ", "title: Corrigé ")
    assert harbour(*FEBRUARY, "--language", "fr").code == 0
    assert mailed(harbour) == {"ann": 1, "bob": 1, "cid": 1}
    (french,) = [file for file in (harbour.root / "out").rglob("*.eml") if b"To: Bob" in file.read_bytes()]
    assert "Corrigé" in message_from_bytes(french.read_bytes()).get_payload()[0].get_payload(decode=True).decode()
