"""What holds when the world changes around a send: the clock, a name, a list, a folder, a config."""

from __future__ import annotations

import email
import email.policy
import json
import re
import shutil
import subprocess
import sys
import threading
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
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


def seen(data):
    """What a reader sees of the sender, and how they may leave."""
    mail = email.message_from_bytes(data, policy=email.policy.default)
    found = {name: str(mail[name]) for name in ("From", "Reply-To", "List-Unsubscribe", "Organization", "List-Id")}
    leave, token = re.subn(r"(?<=subject=unsubscribe%20)[^>]+", "TOKEN", found["List-Unsubscribe"])
    assert token == 1  # each reader's own
    return {**found, "List-Unsubscribe": leave}


class TestFrozenWhole:
    """Who is left gets what the others got: the sender and the way to leave, too."""

    @pytest.fixture(autouse=True)
    def leaving(self, newsroom):
        """Readers leave by a mailbox of its own."""
        newsroom.edit("config.yaml", "\nsmtp:", "\nunsubscribe: {mailto: leave@ilo.org}\nsmtp:")

    def half(self, newsroom):
        """Three of six readers have it; then the newsroom moves house."""
        assert newsroom(*LIVE, "--limit", "3").code == 75
        newsroom.edit("config.yaml", "leave@ilo.org", "leave@new.example")
        newsroom.edit("config.yaml", "  contact: newsroom@ilo.org", "  contact: desk@new.example")
        newsroom.edit("config.yaml", "  name: ILO Newsroom", "  name: The New Newsroom")

    def test_the_sender_is_as_it_was_frozen(self, newsroom, sink):
        """From, Reply-To, List-Unsubscribe, Organization and List-Id are the first readers'; that is said."""
        self.half(newsroom)
        done = newsroom("resume", "2022-02/everyone/en", "--yes")
        assert (done.code, len(sink.mails)) == (0, 6)
        assert len({tuple(seen(data).items()) for _, data in sink.mails}) == 1
        assert "settings changed since it was frozen" in done.err

    def test_the_issue_file_is_as_it_was_frozen(self, newsroom, sink):
        """Subject, blocks and pins of then go to who is left, though the file says otherwise now, or is gone."""
        file = newsroom.write(
            "issues/2022-02/everyone.yaml",
            "subject: The subject of then\nblocks:\n  - {kind: letter, text: A letter of then}\n"
            "  - {kind: button, label: Label of then, link: https://example.org/then}\n",
        )
        assert newsroom(*LIVE, "--limit", "2").code == 75
        file.write_text(file.read_text().replace("of then", "of today").replace("/then", "/today"))
        assert newsroom("resume", "2022-02/everyone/en", "--yes").code == 0
        assert sorted(sink.readers.values()) == [1] * 6
        for _, data in sink.mails:
            mail = email.message_from_bytes(data, policy=email.policy.default)
            assert mail["Subject"] == "The subject of then"
            for part in (mail.get_body(("plain",)), mail.get_body(("html",))):
                text = part.get_content()
                assert ("A letter of then" in text, "Label of then" in text, "/then" in text) == (True, True, True)
                assert "today" not in text

    def test_an_issue_file_that_was_broken_since_holds_nobody_up(self, newsroom, sink):
        """Nobody who waits depends on it any more."""
        file = newsroom.write("issues/2022-02/everyone.yaml", "subject: The subject of then\n")
        assert newsroom(*LIVE, "--limit", "2").code == 75
        file.write_text("subject: [\n")
        assert newsroom("resume", "2022-02/everyone/en", "--yes").code == 0
        subjects = {email.message_from_bytes(data, policy=email.policy.default)["Subject"] for _, data in sink.mails}
        assert (subjects, len(sink.mails)) == ({"The subject of then"}, 6)

    @pytest.mark.usefixtures("sink")
    def test_where_nothing_changed_nothing_is_said(self, newsroom):
        """A run that goes on with what it would make anyway has no note."""
        assert newsroom(*LIVE, "--limit", "3").code == 75
        done = newsroom("resume", "2022-02/everyone/en", "--yes")
        assert (done.code, done.err) == (0, "")

    def test_as_configured_gives_the_rest_todays(self, newsroom, sink):
        """It is the one way; both contents are in the archive, and a later run goes on with the new one."""
        self.half(newsroom)
        first = newsroom("resume", "2022-02/everyone/en", "--yes", "--as-configured")
        assert (first.code, sorted(sink.readers.values())) == (0, [1] * 6)
        old, new = (seen(sink.mails[at][1]) for at in (0, -1))
        assert (old["Reply-To"], new["Reply-To"]) == ("newsroom@ilo.org", "desk@new.example")
        assert "leave%40new.example" in new["List-Unsubscribe"] or "leave@new.example" in new["List-Unsubscribe"]
        kept = newsroom.root / "archive/2022-02/everyone/en"
        assert len([*kept.glob("rendering*.json")]) == 2

    def test_a_key_that_signs_another_domain_says_the_way_on(self, newsroom, sink):
        """From and its key moved to another domain: the frozen From cannot be signed, and both ways on are said."""
        assert newsroom(*LIVE, "--limit", "3").code == 75
        subprocess.run(["openssl", "genrsa", "-out", newsroom.root / "k.pem", "2048"], check=True, capture_output=True)
        newsroom.edit("config.yaml", "from: digest@example.org", "from: digest@new.example")
        key = "dkim: {signer: digest, domain: new.example, selector: s, key_file: k.pem}\nsend:\n"
        newsroom.edit("config.yaml", "send:\n", key)
        refused = newsroom("resume", "2022-02/everyone/en", "--yes")
        assert (refused.code, "--as-configured" in refused.lines[-1]) == (2, True)
        assert newsroom("resume", "2022-02/everyone/en", "--yes", "--as-configured").code == 0
        assert sorted(sink.readers.values()) == [1] * 6

    def test_as_configured_must_be_approved_as_such(self, newsroom, sink):
        """An approval of what the others got says nothing of what the rest would get."""
        newsroom.edit("config.yaml", "\nsend:\n", "\nsend:\n  approval: required\n")
        newsroom("build", *FEBRUARY)
        newsroom("approve", "2022-02/everyone/en", "--by", "Ann")
        self.half(newsroom)
        refused = newsroom("resume", "2022-02/everyone/en", "--yes", "--as-configured")
        assert (refused.code, "void" in refused.err, len(sink.mails)) == (5, True, 3)
        newsroom("build", *FEBRUARY)
        newsroom("approve", "2022-02/everyone/en", "--by", "Ann")
        assert newsroom("resume", "2022-02/everyone/en", "--yes", "--as-configured").code == 0
        assert sorted(sink.readers.values()) == [1] * 6

    def test_an_edition_of_an_older_version_goes_on(self, newsroom, sink):
        """Its archive has no sender, and the ledger its rendering's hash: it goes on as it would have."""
        assert newsroom(*LIVE, "--limit", "3").code == 75
        file = newsroom.root / "archive/2022-02/everyone/en/rendering.json"
        kept = json.loads(file.read_text())
        fingerprint = json.loads(file.with_name("manifest.json").read_text())["fingerprint"]
        del kept["identity"], kept["unsubscribe_url"]
        file.write_text(json.dumps(kept))
        database = newsroom.root / ".digest/ledger.db"
        code = (
            "import sqlite3, sys\n"
            "with sqlite3.connect(sys.argv[1]) as ledger:\n"
            "    ledger.execute('UPDATE editions SET content = ?', sys.argv[2:])\n"
        )
        subprocess.run([sys.executable, "-c", code, database, fingerprint], check=True)
        assert newsroom("resume", "2022-02/everyone/en", "--yes").code == 0
        assert sorted(sink.readers.values()) == [1] * 6

    def test_a_language_that_is_gone_from_the_config_goes_on(self, newsroom, sink):
        """What was frozen is sent to its end, whatever config.yaml says of its audience today."""
        assert newsroom(*LIVE, "--limit", "3").code == 75
        newsroom.edit("config.yaml", "  everyone:\n", "  everyone:\n    languages: [fr]\n")
        assert newsroom("resume", "2022-02/everyone/en", "--yes").code == 0
        assert sorted(sink.readers.values()) == [1] * 6


class TestTakenBack:
    """An edition of which nobody was mailed is not lost to its mistakes."""

    def nobody_mailed(self, newsroom, sink):
        """Frozen, and the relay took nothing."""
        sink.answers = dict.fromkeys(("a@example.org", "b@example.org"), "451 4.3.0 later")
        newsroom(*LIVE)
        assert not sink.mails

    def test_what_was_taken_back_is_made_anew(self, newsroom, sink):
        """A story that was mended, and a reader who came, are in the new one."""
        readers = newsroom.write("recipients/everyone.csv", "email\na@example.org\nb@example.org\n")
        self.nobody_mailed(newsroom, sink)
        (story, *_) = (newsroom.root / "stories").glob("2022-02-14-*.md")
        newsroom.edit(f"stories/{story.name}", "title: ", "title: New ")
        readers.write_text(f"{readers.read_text()}late@example.org\n")
        done = newsroom("thaw", "2022-02/everyone/en", "--yes")
        assert (done.code, "2022-02/everyone/en" in done.out) == (0, True)
        assert not (newsroom.root / "archive/2022-02/everyone/en").exists()
        sink.answers = {}
        assert newsroom(*LIVE).code == 0
        assert "late@example.org" in sink.readers
        assert b"New " in sink.mails[0][1]

    def test_once_somebody_has_it_it_stays(self, newsroom, sink):
        """The readers who are left get what that one got."""
        newsroom(*LIVE, "--limit", "1")
        done = newsroom("thaw", "2022-02/everyone/en", "--yes")
        assert (done.code, "1 reader has it" in done.err) == (1, True)
        assert newsroom("resume", "2022-02/everyone/en", "--yes").code == 0
        assert sorted(sink.readers.values()) == [1] * 6

    def test_what_was_paused_is_said_to_be_so_no_more(self, newsroom, sink):
        """Whoever stopped it may think that it is stopped still, and the schedule would send it."""
        newsroom.write("recipients/everyone.csv", "email\na@example.org\nb@example.org\n")
        self.nobody_mailed(newsroom, sink)
        newsroom("pause", "2022-02/everyone/en")
        assert "no longer paused" in newsroom("thaw", "2022-02/everyone/en", "--yes").err

    def test_killed_while_it_was_taken_back(self, newsroom, sink):
        """The ledger has let it go, the archive not yet: it is made anew all the same."""
        newsroom.write("recipients/everyone.csv", "email\na@example.org\nb@example.org\n")
        self.nobody_mailed(newsroom, sink)
        kept = newsroom.root / "archive/2022-02/everyone/en"
        shutil.copytree(kept, newsroom.root / "old")
        assert newsroom("thaw", "2022-02/everyone/en", "--yes").code == 0
        shutil.copytree(newsroom.root / "old", kept)
        sink.answers = {}
        assert newsroom(*LIVE).code == 0
        assert sorted(sink.readers.values()) == [1, 1]

    @pytest.mark.usefixtures("sink")
    def test_without_yes_a_script_changes_nothing(self, newsroom):
        """As for everything that cannot be undone."""
        newsroom(*LIVE, "--limit", "1")
        assert newsroom("thaw", "2022-02/everyone/en").code == 2

    def test_what_was_called_off_before_anybody_had_it_was_not_sent(self, newsroom, sink):
        """Its stories have not been sent before: a later edition may take them."""
        newsroom.write("recipients/everyone.csv", "email\na@example.org\nb@example.org\n")
        self.nobody_mailed(newsroom, sink)
        assert newsroom("cancel", "2022-02/everyone/en", "--yes").code == 0
        done = newsroom("stories", "--quarter", "2022-Q1", "--audience", "everyone", "--explain")
        assert "sent-before" not in done.out
        assert "2022-02: called off\n" in newsroom().out

    @pytest.mark.parametrize("verb", ["thaw", "cancel"])
    def test_one_that_an_older_version_called_off(self, newsroom, sink, verb):
        """It left the edition in the archive, and its stories as sent: taken back, they are free again.

        A cancel that is killed leaves the same, and is ended by the same command.
        """
        newsroom.write("recipients/everyone.csv", "email\na@example.org\nb@example.org\n")
        self.nobody_mailed(newsroom, sink)
        kept = newsroom.root / "archive/2022-02/everyone/en"
        shutil.copytree(kept, newsroom.root / "old")
        newsroom("cancel", "2022-02/everyone/en", "--yes")
        shutil.copytree(newsroom.root / "old", kept)
        asked = ("stories", "--quarter", "2022-Q1", "--audience", "everyone", "--explain")
        assert "sent-before" in newsroom(*asked).out
        assert "was called off: 2 called off" in newsroom("pause", "2022-02/everyone/en").err
        assert newsroom(verb, "2022-02/everyone/en", "--yes").code == 0
        assert "sent-before" not in newsroom(*asked).out

    @pytest.mark.usefixtures("sink")
    def test_what_was_called_off_halfway_was_sent(self, newsroom):
        """Some have had its stories, and are not sent them again."""
        newsroom(*LIVE, "--limit", "1")
        assert newsroom("cancel", "2022-02/everyone/en", "--yes").code == 0
        done = newsroom("stories", "--quarter", "2022-Q1", "--audience", "everyone", "--explain")
        assert "sent-before" in done.out


class TestTwoAtOnce:
    """Archive and ledger are written as one, whoever else is at it."""

    def test_one_that_had_built_earlier_spoils_nothing(self, newsroom, monkeypatch):
        """Two sends meet, a story was edited in between: what the archive keeps is what the ledger says."""
        from digest.editions import archive
        from digest.newsroom.newsroom import open_newsroom
        from digest.sending import freeze

        slow, go_on = threading.Event(), threading.Event()
        real = freeze.build_edition

        def build_edition(room, edition, *, now):
            build = real(room, edition, now=now)
            if threading.current_thread().name == "first":
                slow.set()
                assert go_on.wait(60)
            return build

        monkeypatch.setattr(freeze, "build_edition", build_edition)
        failures = []

        def send():
            room = open_newsroom(newsroom.root / "config.yaml", {})
            ledger = room.sending_setup.ledger()
            try:
                freeze.freeze(room, ledger, room.edition("2022-02", "everyone"), datetime.fromisoformat(LONG_AGO))
            except Exception as error:  # noqa: BLE001 - told below
                failures.append(error)
            finally:
                ledger.close()

        first, second = (threading.Thread(target=send, name=name) for name in ("first", "second"))
        first.start()
        assert slow.wait(60)
        (story, *_) = (newsroom.root / "stories").glob("2022-02-14-*.md")
        newsroom.edit(f"stories/{story.name}", "title: ", "title: New ")
        second.start()
        second.join(2)  # it would be through by now, if nothing kept it
        go_on.set()
        first.join()
        second.join()
        room = open_newsroom(newsroom.root / "config.yaml", {})
        with closing(room.sending_setup.ledger()) as ledger:
            frozen = ledger.mailing("2022-02/everyone/en").content
        archive.recall(newsroom.root / "archive", room.edition("2022-02", "everyone"), frozen)
        assert failures == []


class TestMailsAsFiles:
    """What was accepted is on the disk, whatever is written there later."""

    def test_another_edition_replaces_no_file(self, newsroom):
        """Two audiences in one call, and a month after a month, in one folder: as many files as were accepted."""
        newsroom.edit("config.yaml", "  skills:\n", "  skills:\n    recipients: {csv: recipients/everyone.csv}\n")
        both = ("send", "--month", "2022-02", "--audience", "everyone", "--audience", "skills", "--live", "--yes")
        done = newsroom(*both, "--eml", "outbox")
        assert (done.code, len([*(newsroom.root / "outbox").glob("*.eml")])) == (0, 12)
        newsroom.story("march", date="2022-03-10")
        done = newsroom("send", "--month", "2022-03", "--audience", "everyone", "--live", "--yes", "--eml", "outbox")
        assert (done.code, len([*(newsroom.root / "outbox").glob("*.eml")])) == (0, 18)


class TestColumnsThatAreNotThere:
    """Nothing fails after the freeze that could be known before: a column that the list does not have."""

    @pytest.fixture(autouse=True)
    def theme(self, newsroom):
        """The newsroom's own theme names a column in its text part; the list has `city`."""
        shutil.copytree(ROOT / "templates/default", newsroom.root / "templates/default")
        text = newsroom.root / "templates/default/text.txt.j2"
        text.write_text(f"{text.read_text()}\n{{{{ reader.field.membership }}}} {{{{ reader.field.CITY }}}}\n")
        newsroom.write("recipients/everyone.csv", "email,City\na@example.org,Bern\nb@example.org,Genf\n")

    def said(self, newsroom):
        lines = (newsroom.root / "templates/default/text.txt.j2").read_text().splitlines()
        number = next(at for at, line in enumerate(lines, 1) if "membership" in line)
        return f"text.txt.j2:{number}", "this list has: city"

    def test_build_and_check_say_file_line_and_what_the_list_has(self, newsroom):
        """A column is matched without case, so only the one that is missing is told; the build fails."""
        for verb in (("build", *FEBRUARY), ("check", *FEBRUARY)):
            done = newsroom(*verb)
            assert done.code == 1
            assert all(words in done.out for words in self.said(newsroom))
            assert "reader.field.city" not in done.out.lower().replace("this list has: city", "")

    def test_plan_test_mail_and_live_send_say_so_and_freeze_nothing(self, newsroom, sink):
        """The plan warns; a test mail and a live send are refused, and nobody is frozen."""
        plan = newsroom("send", *FEBRUARY)
        refused = [newsroom("send", *FEBRUARY, "--to", "you@example.org"), newsroom(*LIVE)]
        for done in (plan, *refused):
            assert all(words in done.err for words in self.said(newsroom)), done.err
        assert [done.code for done in refused] == [1, 1]
        assert sink.mails == []
        assert newsroom("status").code == 3

    def test_a_column_that_is_added_is_enough(self, newsroom, sink):
        """Mended in the list, everything goes."""
        rows = "email,City,Membership\na@example.org,Bern,gold\nb@example.org,Genf,\n"
        newsroom.write("recipients/everyone.csv", rows)
        assert newsroom("build", *FEBRUARY).code == 0
        assert newsroom(*LIVE).code == 0
        assert len(sink.mails) == 2

    def test_a_list_that_cannot_be_read_is_a_note(self, newsroom):
        """A build does not need the readers; the plan does."""
        (newsroom.root / "recipients/everyone.csv").unlink()
        done = newsroom("build", *FEBRUARY, "-v")
        assert (done.code, "list-unread" in done.out) == (0, True)
        assert newsroom("send", *FEBRUARY).code == 2

    def test_no_policy_silences_it(self, newsroom):
        """It would only move the failure behind the freeze."""
        newsroom.edit("config.yaml", "\nsmtp:", "\nchecks: {field-unknown: {severity: 'off', reason: x}}\nsmtp:")
        assert newsroom("check", *FEBRUARY).code == 1
