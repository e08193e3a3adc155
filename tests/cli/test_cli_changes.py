"""Whatever is changed between two commands, and in whatever order: the promises, kept by the verbs that people type.

Two audiences, three months, a schedule and a relay. The oracle is the mailboxes, and the list as it was at the freeze.
"""

from __future__ import annotations

import contextlib
import csv
import email
import email.policy
import io
import re
import shutil
import tempfile
from collections import Counter
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

from hypothesis import HealthCheck, Phase, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from digest.cli.app import main
from digest.delivery import FINAL, State
from digest.errors import NoLedger
from digest.newsroom.newsroom import open_newsroom
from mailsink import AnyPort, Sink

CONFIG = """\
newsroom:
  name: Harbour Newsroom
  contact: {contact}
  from: digest@harbour.test
  timezone: {zone}
  language: en
  postal_address: Quay 4, Geneva
audiences:
{audiences}smtp: {{host: 127.0.0.1, port: {port}, tls: none}}
send: {{approval: {approval}, patience: 0, relay_patience: 0}}
schedule: [{{period: month, on: first working day, at: "09:00"}}]
"""
AUDIENCE = "  {name}: {{title: {title}, languages: [{languages}], was: [{was}], recipients: {{csv: {file}}}}}\n"
MONTHS = ("2022-01", "2022-02", "2022-03")
LANGUAGES = (("en",), ("en", "fr"), ("fr", "en"), ("fr",))
ENDS = {0, 1, 2, 3, 4, 5, 75}  # docs/exit-codes.md


class ChangedBetweenRuns(RuleBasedStateMachine):
    """`got` is what each reader finds in the mailbox, `frozen` who was on the list when a period was."""

    def __init__(self):
        super().__init__()
        self.root = Path(tempfile.mkdtemp(prefix="digest-changes-")) / "newsroom"
        (self.root / "stories").mkdir(parents=True)
        self.sink = Sink()
        self.relay = AnyPort(self.sink, hostname="127.0.0.1", port=0)
        self.relay.start()
        self.now, self.count, self.read = datetime(2022, 2, 1, 9), 0, 0  # noqa: DTZ001 - the newsroom's own
        self.said = {"contact": "press@harbour.test", "zone": "Europe/Zurich", "approval": "none"}
        self.audiences = {
            title: {"name": title, "title": title, "was": [], "languages": ("en", "fr"), "file": f"{title}.csv"}
            for title in ("alpha", "beta")
        }
        self.called = {title: title for title in self.audiences}  # by every name that it ever had
        self.got, self.frozen, self.contents = Counter(), {}, {}
        self.left = set()
        for title in self.audiences:
            rows = "".join(f"{title}{number}@x.test,{'fr' if number == 2 else ''}\n" for number in range(3))
            (self.root / f"{title}.csv").write_text(f"email,language\nboth@x.test,\n{rows}")
        for month in MONTHS[:2]:
            for language in ("en", "fr"):
                self.story(month, language)
        self.configure()

    def teardown(self):
        self.relay.stop()
        shutil.rmtree(self.root.parent)

    def configure(self):
        parts = [
            AUDIENCE.format(**{**each, "was": ", ".join(each["was"]), "languages": ", ".join(each["languages"])})
            for each in self.audiences.values()
        ]
        text = CONFIG.format(audiences="".join(parts), port=self.relay.port, **self.said)
        (self.root / "config.yaml").write_text(text)

    def story(self, month, language):
        self.count += 1
        (self.root / f"stories/s{self.count}.md").write_text(
            f"---\ntitle: Title {self.count}\ndate: {month}-14\nlanguage: {language}\nlink: https://x.test/{self.count}\n"
            "---\n\nWords.\n"
        )

    def digest(self, *words):
        """A command as it is typed; then the promises are looked at."""
        at = self.now.isoformat()
        mails = words[0] in ("resume", "run") or "--live" in words
        words = (*words, "--now", at, *(("--yes-now", at) if mails else ()))
        out, err = io.StringIO(), io.StringIO()
        with contextlib.chdir(self.root), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                main(list(words))
            except SystemExit as end:
                code = end.code
        note(f"digest {' '.join(words)}: {code}\n{out.getvalue()}{err.getvalue()}")
        assert code in ENDS, code
        assert "Traceback" not in err.getvalue()
        self.look()
        return code, out.getvalue(), err.getvalue()

    def look(self):
        for to, data in self.sink.mails[self.read :]:
            mail = email.message_from_bytes(data, policy=email.policy.default)
            period, name, language, _ = mail["Feedback-ID"].split(":")
            key = (period, self.called[name])
            self.got[to, *key] += 1
            assert self.got[to, *key] == 1, f"{to} has two mails of {key}"
            assert (to, key[1]) not in self.left, f"{to} had left {key}"
            body = re.sub(r"unsubscribe%20[\w-]+", "", mail.get_body(("html",)).get_content()).replace(to, "")
            content = (str(mail["Subject"]), str(mail["Reply-To"]), body)
            assert self.contents.setdefault((*key, language), content) == content, "others of it got something else"
        self.read = len(self.sink.mails)
        rounds = {}
        for edition, delivery in self.rows():
            assert rounds.setdefault(self.key(edition), {}).setdefault(delivery.address, delivery) is delivery
            has = self.got[delivery.address, *self.key(edition)]
            assert has == (delivery.state is State.SENT), delivery
        for key in self.frozen.keys() - rounds.keys():  # it was taken back
            del self.frozen[key]
        for key, readers in rounds.items():
            assert self.frozen.setdefault(key, self.listed(key[1])) == readers.keys()

    def rows(self):
        try:
            ledger = open_newsroom(self.root / "config.yaml", {}).sending_setup.ledger(create=False)
        except NoLedger:
            return []
        with closing(ledger):
            return [(each.edition, row) for each in ledger.mailings() for row in ledger.deliveries(each.edition)]

    def key(self, edition):
        period, name, _ = edition.split("/")
        return period, self.called[name]

    def listed(self, title):
        with (self.root / self.audiences[title]["file"]).open() as file:
            return {row["email"] for row in csv.DictReader(file)}

    def begun(self, data):
        """An edition as the ledger calls it, or all of its languages by the audience's name of today."""
        edition = data.draw(st.sampled_from(sorted({edition for edition, _ in self.rows()})))
        period, title = self.key(edition)
        return data.draw(st.sampled_from([edition, f"{period}/{self.audiences[title]['name']}"]))

    @rule(month=st.sampled_from(MONTHS), one=st.sampled_from(["", "", "alpha", "beta"]),
          language=st.sampled_from(["", "", "en", "fr"]), limit=st.none() | st.integers(1, 3))  # fmt: skip
    def send(self, month, one, language, limit):
        words = ("--audience", self.audiences[one]["name"]) if one else ()
        words += ("--language", language) if language else ()
        code, out, err = self.digest(
            "send", "--month", month, "--live", "--yes", *words, *(("--limit", str(limit)) if limit else ())
        )
        if code in (0, 4) and not one:  # nobody is passed over in silence
            for edition, row in self.rows():
                if edition.startswith(month) and edition.endswith(language):
                    assert row.state in FINAL or edition in out + err, row
        if code in (0, 3, 4) and not one and not language and not limit:
            for title, part in self.audiences.items():
                assert (month, title) in self.frozen or f"{month}/{part['name']}/" in out + err, f"{title} is not named"

    @precondition(lambda self: self.rows())
    @rule(data=st.data(), verb=st.sampled_from(["resume", "resume", "pause", "thaw", "cancel"]))
    def of_one(self, data, verb):
        self.digest(verb, self.begun(data), *(() if verb == "pause" else ("--yes",)))

    @rule(words=st.sampled_from([(), (), ("--held",), ("--dry-run",)]))
    def run(self, words):
        self.digest("run", *words)

    @rule(month=st.sampled_from(MONTHS), title=st.sampled_from(["alpha", "beta"]))
    def skip(self, month, title):
        self.digest("run", "--skip", f"{month}/{self.audiences[title]['name']}")

    @rule(month=st.sampled_from(MONTHS), title=st.sampled_from(["alpha", "beta"]))
    def approve(self, month, title):
        part = self.audiences[title]
        self.digest("build", "--month", month, "--audience", part["name"])
        self.digest("approve", f"{month}/{part['name']}/{part['languages'][0]}", "--by", "Ann Lee")

    @precondition(lambda self: self.rows())
    @rule(data=st.data())
    def status(self, data):
        """It knows of everybody who waits, by whatever name it is asked."""
        asked = data.draw(st.sampled_from(["", self.begun(data)]))
        code, _, _ = self.digest("status", *filter(None, [asked]))
        whole = asked.count("/") == 1
        states = {
            row.state
            for edition, row in self.rows()
            if not asked or (self.key(edition) == self.key(f"{asked}/") if whole else edition == asked)
        }
        assert code == (0 if states <= FINAL else 75)

    @rule(title=st.sampled_from(["alpha", "beta"]), number=st.integers(0, 5), verb=st.sampled_from(["add", "remove"]))
    def change_the_list(self, title, number, verb):
        if verb == "add" or len(self.listed(title)) > 1:
            self.digest("subscribers", verb, f"{title}{number}@x.test", "--audience", self.audiences[title]["name"])

    @rule(title=st.sampled_from(["alpha", "beta"]), number=st.integers(0, 3))
    def leave(self, title, number):
        address = f"{title}{number}@x.test"
        assert self.digest("subscribers", "suppress", address, "--audience", self.audiences[title]["name"])[0] == 0
        self.left.add((address, title))

    @rule(title=st.sampled_from(["alpha", "beta"]))
    def rename(self, title):
        self.count += 1
        part = self.audiences[title]
        part["was"], part["name"] = [*part["was"], part["name"]], f"name{self.count}"
        self.called[part["name"]] = title
        self.configure()

    @rule(title=st.sampled_from(["alpha", "beta"]), languages=st.sampled_from(LANGUAGES))
    def change_the_languages(self, title, languages):
        self.audiences[title]["languages"] = languages
        self.configure()

    @rule(key=st.sampled_from([("contact", "press@harbour.test"), ("contact", "desk@harbour.test"),
                               ("zone", "Pacific/Kiritimati"), ("zone", "Europe/Zurich"),
                               ("approval", "required"), ("approval", "none")]))  # fmt: skip
    def change_the_config(self, key):
        self.said[key[0]] = key[1]
        self.configure()

    @rule(title=st.sampled_from(["alpha", "beta"]))
    def move_the_list(self, title):
        self.count += 1
        part, before = self.audiences[title], self.root / self.audiences[title]["file"]
        part["file"] = f"list{self.count}.csv"
        before.rename(self.root / part["file"])
        self.configure()

    @rule()
    def rename_the_folder(self):
        self.count += 1
        self.root = self.root.rename(self.root.with_name(f"newsroom{self.count}"))

    @rule(data=st.data(), month=st.sampled_from(MONTHS), what=st.sampled_from(["new", "dated anew", "edited", "gone"]))
    def change_a_story(self, data, month, what):
        stories = sorted((self.root / "stories").glob("*.md"))
        if what == "new" or not stories:
            self.story(month, data.draw(st.sampled_from(["en", "fr"])))
            return
        file = data.draw(st.sampled_from(stories))
        text = file.read_text()
        if what == "gone":
            file.unlink()
        else:
            file.write_text(
                re.sub(r"date: .*", f"date: {month}-20", text)
                if what == "dated anew"
                else text.replace("Words.", "Words. More.")
            )

    @rule(days=st.sampled_from([-20, 0, 1, 14, 28]))
    def later(self, days):
        self.now += timedelta(days=days, hours=1)


TestChangedBetweenRuns = ChangedBetweenRuns.TestCase
TestChangedBetweenRuns.settings = settings(
    max_examples=8,
    stateful_step_count=24,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],  # each step is a command: what fails is told as it came
)
