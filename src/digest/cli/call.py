"""One run of one verb: the newsroom it is about, the moment it believes in, and where its results go."""

from __future__ import annotations

import dataclasses
import os
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from digest.cli.output import Output, output
from digest.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

    from digest.cli.flags import Common, When, Which
    from digest.ledger.ledger import SqlLedger
    from digest.model import Edition
    from digest.newsroom.newsroom import Newsroom
    from digest.period import Period
    from digest.sending.engines import Engine


def _local() -> Engine:
    from digest.sending.engines import LocalEngine

    return LocalEngine()


def _fleet() -> Engine:
    from digest.fleet.engine import FleetEngine

    return FleetEngine()


ENGINES: Mapping[str, Callable[[], Engine]] = {"local": _local, "procrastinate": _fleet}  # by send.engine


@dataclass(frozen=True)
class Call:
    """What a verb's body works with. Nothing is opened before it is asked for."""

    common: Common

    @cached_property
    def out(self) -> Output:
        """Where results go."""
        return output(quiet=self.common.quiet, verbose=self.common.verbose, no_color=self.common.no_color)

    @cached_property
    def newsroom(self) -> Newsroom:
        """The newsroom of -c, or the nearest one. Raises UsageError, ConfigError."""
        from digest.newsroom.newsroom import open_newsroom

        return open_newsroom(self.common.config, os.environ)

    def skipping_bad(self, skip: bool) -> Call:
        """The same call, in which story files with mistakes are left out instead of refused."""
        if skip:
            self.__dict__["newsroom"] = dataclasses.replace(self.newsroom, skip_bad=True)
        return self

    @cached_property
    def engine(self) -> Engine:
        """What hands out the mails, by send.engine."""
        return ENGINES[self.newsroom.config.settings.send.engine]()

    @contextmanager
    def ledger(self, *, create: bool = True) -> Iterator[SqlLedger]:
        """The newsroom's ledger, open for as long as the block runs. Raises LedgerError."""
        ledger = self.newsroom.sending_setup.ledger(create=create)
        try:
            yield ledger
        finally:
            ledger.close()

    @cached_property
    def now(self) -> datetime:
        """The moment of --now, of SOURCE_DATE_EPOCH, or of the clock; aware. Raises UsageError."""
        from datetime import datetime

        text = self.common.now
        if not text:
            return self.newsroom.now()
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            message = f"--now {text!r} is not a time; write it like 2022-03-01T09:00 or 2022-03-01T09:00+01:00"
            raise UsageError(message) from None
        return moment if moment.tzinfo else moment.replace(tzinfo=self.newsroom.config.newsroom.timezone)

    def demand_clock(self, repeated: str) -> None:
        """Let readers be mailed at a time that is not the clock's only when it was said twice. Raises UsageError."""
        from datetime import UTC, datetime, timedelta

        clock = datetime.now(UTC)
        if abs(self.now - clock) <= timedelta(hours=36):
            return
        said = self.common.now or self.newsroom.environ["SOURCE_DATE_EPOCH"]
        if repeated != said:
            name = f"--now {said}" if self.common.now else f"SOURCE_DATE_EPOCH={said}"
            message = (
                f"{name} is {abs(self.now - clock).days} days from the clock ({clock:%Y-%m-%d %H:%M} UTC), and readers "
                f"would be mailed as if it were then; leave it out, or say --yes-now {said} too"
            )
            raise UsageError(message)

    def period(self, when: When) -> Period:
        """The period that the flags name."""
        return when.period(self.now, self.newsroom.config.newsroom.timezone)

    def editions(self, when: When, which: Which) -> tuple[Edition, ...]:
        """The editions that the flags name."""
        return self.newsroom.editions(self.period(when), which.audience, which.language)

    def edition_named(self, text: str) -> Edition:
        """The edition of an id like `2022-02/everyone/en`; the language may be left out. Raises UsageError."""
        parts = text.split("/")
        if len(parts) not in (2, 3):
            message = f"{text!r} is not an edition; write it like 2022-02/everyone/en"
            raise UsageError(message)
        return self.newsroom.edition(*parts)

    @contextmanager
    def known(self, name: str, *, unfinished: bool = False) -> Iterator[tuple[Edition, SqlLedger]]:
        """An edition that the ledger knows, and the ledger. Raises UsageError; AlreadySent for one that is finished."""
        from digest.sending.freeze import frozen_as

        if name.count("/") != 2:  # noqa: PLR2004 - period, audience, language
            name = self.edition_named(name).id
        with self.ledger(create=False) as ledger:
            known = ledger.mailing(name)  # what was sent is found whatever became of its audience and languages
            edition = self.newsroom.edition_of(name) if known else frozen_as(ledger, self.edition_named(name))
            if ledger.mailing(edition.id) is None:
                message = f"{edition.id} was never sent: there is nothing to settle, pause or go on with"
                raise UsageError(message)
            if unfinished:
                from digest.sending.freeze import refuse_finished

                refuse_finished(ledger, edition.id)
            yield edition, ledger
