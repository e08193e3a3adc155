"""Whatever changes its name, and in whatever order: one mail a reader, period and audience, and no opt-out lost.

A real newsroom with its config, list, themes and SQLite ledger is sent, killed, renamed, translated and restored.
"""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from digest.delivery import EVERYWHERE, Event, State
from digest.errors import AlreadySent, ConfigError, LedgerError, NothingToSend
from digest.newsroom.newsroom import open_newsroom
from digest.recipients.tokens import scope_of
from digest.sending.engines import send_edition
from digest.sending.freeze import freeze
from digest.sending.rounds import frozen_as
from digest.sending.run import Patience
from digest.testing import FlakyTransport, plain_mail

NAMES = ("everyone", "all", "friends")
LANGUAGES = (("en",), ("en", "fr"), ("fr", "en"))
READERS = [f"r{number}@reader.test" for number in range(8)]
NOW = datetime(2022, 4, 1, 9, tzinfo=ZoneInfo("Europe/Zurich"))
AT_ONCE = Patience(budget=0.05, shortest=0.001, longest=0.002, deferred=0.0, ledger=0.1, first=0)
CONFIG = """\
newsroom:
  name: Harbour Newsroom
  contact: press@harbour.test
  from: digest@harbour.test
  timezone: Europe/Zurich
  language: en
  postal_address: Quay 4, Geneva
theme: {{brand: "{brand}"}}
audiences:
  {name}: {{title: News, languages: [{languages}], was: [{was}], recipients: {{csv: readers.csv}}}}
unsubscribe: {{url: "https://leave.harbour.test", allow_local: true, secret_env: DIGEST_UNSUBSCRIBE_SECRET}}
"""
ENVIRON = {"DIGEST_UNSUBSCRIBE_SECRET": "0123456789abcdef0123456789abcdef"}


class ChangingNewsroom(RuleBasedStateMachine):
    """A newsroom of two months. `got` is what each reader finds in the mailbox of each month."""

    def __init__(self):
        super().__init__()
        self.root = Path(tempfile.mkdtemp(prefix="digest-rounds-"))
        self.name, self.was, self.brand = "everyone", (), "#1e2dbe"
        self.languages, self.spoken = ("en", "fr"), dict.fromkeys(READERS, "")
        self.got, self.left, self.bounced = Counter(), set(), set()
        self.frozen = {}  # by period: who was on the list when it was frozen
        self.ledger = None
        for month in ("02", "03"):
            for language in ("en", "fr"):
                story = self.root / f"stories/{language}-{month}.md"
                story.parent.mkdir(exist_ok=True)
                story.write_text(
                    f"---\ntitle: Story {month} {language}\ndate: 2022-{month}-14\nlanguage: {language}\n"
                    f"link: https://harbour.test/{month}/{language}\n---\n\nA summary of a few words.\n"
                )
        self.write_list()
        self.configure()

    def teardown(self):
        self.ledger.close()
        shutil.rmtree(self.root)

    def configure(self):
        """Write config.yaml anew, and open all again, as the next command does."""
        languages = ", ".join(self.languages)
        text = CONFIG.format(brand=self.brand, name=self.name, languages=languages, was=", ".join(self.was))
        (self.root / "config.yaml").write_text(text)
        self.open()

    def open(self):
        if self.ledger is not None:
            self.ledger.close()
        self.newsroom = open_newsroom(self.root / "config.yaml", ENVIRON)
        self.ledger = self.newsroom.sending_setup.ledger()

    def write_list(self):
        rows = "".join(f"{address},{language}\n" for address, language in self.spoken.items())
        (self.root / "readers.csv").write_text(f"email,language\n{rows}")

    def deliver(self, period, address):
        self.got[period, address] += 1
        assert address not in self.left, f"{address} was mailed after leaving"

    @rule(month=st.sampled_from(["2022-02", "2022-03"]), language=st.sampled_from(["en", "fr"]),
          seed=st.integers(0, 9), rate=st.sampled_from([0.0, 0.5]), limit=st.none() | st.integers(1, 3))  # fmt: skip
    def send(self, month, language, seed, rate, limit):
        if language not in self.languages:
            return
        edition = frozen_as(self.ledger, self.newsroom.edition(month, self.name, language))
        try:
            freeze(self.newsroom, self.ledger, edition, NOW)
        except NothingToSend:
            assert month in self.frozen or language not in {"", *self.spoken.values()} or language != self.languages[0]
            return
        if month not in self.frozen:
            self.frozen[month] = set(self.spoken)
        relay = FlakyTransport(seed, rate)
        try:
            send_edition(self.ledger, relay, plain_mail, edition=edition.id, owner="me", connections=1, limit=limit,
                         patience=AT_ONCE)  # fmt: skip
        except AlreadySent:
            assert not relay.sent
        for mail in relay.sent:
            self.deliver(month, mail.recipient)

    @precondition(lambda self: self.frozen)
    @rule(data=st.data(), intended=st.integers(0, 3), arrived=st.integers(0, 3))
    def killed(self, data, intended, arrived):
        """A sender that dies with some mails claimed, intended and arrived."""
        edition = data.draw(st.sampled_from([mailing.edition for mailing in self.ledger.mailings()]))
        with self.ledger.lock(edition, "doomed"):
            self.ledger.recover(edition, NOW.timestamp())
            ids = {row.id: row.address for row in self.ledger.claim(edition, "doomed", 3, NOW.timestamp())}
            asked = list(ids)[:intended]
            unfit = self.ledger.record([(number, Event.INTEND, None) for number in asked], NOW.timestamp(), "doomed")
            for number in [number for number in asked if number not in unfit][:arrived]:
                self.deliver(edition.partition("/")[0], ids[number])
        self.open()

    @rule(name=st.sampled_from(NAMES))
    def rename(self, name):
        if name != self.name:
            self.was = tuple(sorted({*self.was, self.name} - {name}))
            self.name = name
            self.configure()

    @precondition(lambda self: self.frozen and "stranger" not in self.was)
    @rule()
    def rename_untold(self):
        """A rename that is not told is refused before anybody is mailed."""
        told, self.name, self.was = (self.name, self.was), "stranger", ()
        self.configure()
        try:
            freeze(self.newsroom, self.ledger, self.newsroom.edition("2022-02", "stranger", self.languages[0]), NOW)
        except ConfigError as error:
            assert "was never sent" in str(error)  # noqa: PT017 - nothing else may come out of it
        else:
            raise AssertionError
        self.name, self.was = told
        self.configure()

    @rule(languages=st.sampled_from(LANGUAGES))
    def change_the_languages(self, languages):
        self.languages = languages
        self.configure()

    @rule(address=st.sampled_from(READERS), language=st.sampled_from(["", "en", "fr", "fr-CH", "de"]))
    def change_a_reader(self, address, language):
        self.spoken[address] = language
        self.write_list()

    @rule(address=st.sampled_from(READERS))
    def take_a_reader_off(self, address):
        if len(self.spoken) > 1:
            self.spoken.pop(address, None)
            self.write_list()

    @rule(brand=st.sampled_from(["#1e2dbe", "#00563f"]))
    def change_the_theme(self, brand):
        self.brand = brand
        self.configure()

    @rule(month=st.sampled_from(["2022-02", "2022-03"]))
    def restore(self, month):
        """A ledger put back from before a send is refused; with the newest one all goes on."""
        file, kept = self.root / ".digest/ledger.db", self.root / "kept.db"
        self.ledger.close()
        shutil.copy(file, kept)
        self.open()
        before = sum(self.got.values())
        self.send(month, self.languages[0], 0, 0.0, None)
        sent = sum(self.got.values()) > before
        self.ledger.close()
        self.ledger = None
        newest = self.root / "newest.db"
        shutil.copy(file, newest)
        shutil.copy(kept, file)
        try:
            self.open()
        except LedgerError:
            pass
        else:
            assert not sent, "an older ledger was taken for the newest"
            self.ledger.close()
            self.ledger = None
        shutil.copy(newest, file)
        self.open()

    @rule(address=st.sampled_from(READERS), name=st.sampled_from([*NAMES, "gone"]))
    def unsubscribe(self, address, name):
        """By a link that was made under any of the audience's names, or under one that is no more."""
        scope = scope_of(name, self.newsroom.config.audiences)
        self.ledger.suppress(address, scope, "unsubscribed", "by a link", NOW.timestamp())
        self.left.add(address)

    @rule(address=st.sampled_from(READERS))
    def bounce(self, address):
        self.ledger.suppress(address, EVERYWHERE, "bounced", "550 5.1.1", NOW.timestamp())

    @rule(address=st.sampled_from(READERS))
    def mend_the_bounce(self, address):
        self.ledger.unsuppress(address, EVERYWHERE, ["bounced"], NOW.timestamp())

    @invariant()
    def one_mail_a_period(self):
        assert max(self.got.values(), default=0) <= 1, self.got

    @invariant()
    def no_opt_out_lost(self):
        assert self.ledger.suppressed(sorted(self.left), self.name) == self.left

    @invariant()
    def everybody_named(self):
        """Who was on the list at the freeze has one place in the round, and it says what the mailbox says."""
        for period, listed in self.frozen.items():
            rows = [
                row
                for mailing in self.ledger.mailings()
                if mailing.edition.startswith(f"{period}/")
                for row in self.ledger.deliveries(mailing.edition)
            ]
            assert sorted(row.address for row in rows) == sorted(listed)
            for row in rows:
                may_have_it = row.state in (State.SENT, State.IN_DOUBT, State.SENDING)
                assert may_have_it or not self.got[period, row.address], row


TestChangingNewsroom = ChangingNewsroom.TestCase
TestChangingNewsroom.settings = settings(
    max_examples=12,
    stateful_step_count=14,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],  # an edition is built at each send: what fails is told as it came
)
