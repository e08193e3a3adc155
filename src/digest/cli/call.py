"""One run of one verb: the newsroom it is about, the moment it believes in, and where its results go."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import sys
from functools import cached_property
from typing import TYPE_CHECKING

from msgspec import Struct

from digest.cli.output import Output
from digest.errors import DigestError, LedgerError, NoLedger, UsageError
from digest.period import KINDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from digest.cli.flags import Common, EditionFlags, When
    from digest.errors import Fault
    from digest.ledger.ledger import SqlLedger
    from digest.model import Edition
    from digest.newsroom.newsroom import Newsroom
    from digest.period import Period
    from digest.sending.engines import Engine


_SHOWN = 3  # editions in a message
_ONE_EDITION = frozenset({"archive"})  # verbs that know no --month


class Call(Struct, frozen=True, eq=False, dict=True):
    """What a verb's body works with. Nothing is opened before it is asked for."""

    common: Common
    skip_bad: bool = False  # leave story files with mistakes out, instead of refusing them

    @cached_property
    def out(self) -> Output:
        """Where results go. Colours only on a terminal, and not when NO_COLOR is set (no-color.org)."""
        common = self.common
        colour = sys.stdout.isatty() and not common.no_color and not os.environ.get("NO_COLOR")
        return Output(quiet=common.quiet, verbose=common.verbose, colour=colour, json=common.json)

    @cached_property
    def newsroom(self) -> Newsroom:
        """The newsroom of -c, or the nearest one. Raises UsageError, ConfigError."""
        from digest.newsroom.newsroom import open_newsroom

        return dataclasses.replace(open_newsroom(self.common.config, os.environ), skip_bad=self.skip_bad)

    @property
    def unfilled(self) -> tuple[Fault, ...]:
        """The values of config.yaml that are still placeholders, and secrets that are not here."""
        from digest.config.unfilled import unfilled

        setup = self.newsroom.sending_setup
        return (*unfilled(self.newsroom.config.document), *setup.missing_password(), *setup.missing_leave_secret())

    def tell_exposed(self) -> None:
        """Warn of each secret's file that others can read."""
        for fault in self.newsroom.sending_setup.exposed_secrets():
            self.out.warn(str(fault))

    @cached_property
    def engine(self) -> Engine:
        """What hands out the mails, by send.engine."""
        if self.newsroom.config.settings.send.engine == "procrastinate":
            from digest.fleet.engine import FleetEngine

            return FleetEngine()
        from digest.sending.engines import LocalEngine

        return LocalEngine()

    @contextlib.contextmanager
    def ledger(self, *, create: bool = True) -> Iterator[SqlLedger]:
        """The newsroom's ledger, open for as long as the block runs. Raises LedgerError.

        Of one that is asked what it knows, and is not there or new, it is said as of a send: archive/ may know more.
        """
        from digest.sending.rounds import demand_known

        try:
            ledger = self.newsroom.sending_setup.ledger(create=create)
        except NoLedger as none:
            demand_known(self.newsroom, none)
            raise
        with contextlib.closing(ledger):
            if not create:
                demand_known(self.newsroom, ledger)
            yield ledger

    @contextlib.contextmanager
    def known_ledger(self, without: Callable[[LedgerError], None] | None = None) -> Iterator[SqlLedger | None]:
        """The ledger; None where nothing was ever sent from here, and none is made. Raises LedgerError.

        With `without`, also None where it cannot be had for another reason: `without` is told which.
        """
        try:
            ledger = self.newsroom.sending_setup.ledger(create=False)
        except LedgerError as error:
            if without is not None:
                without(error)
            elif not isinstance(error, NoLedger):
                raise
            yield None
            return
        with contextlib.closing(ledger):
            yield ledger

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
        """The period that the flags name. Raises UsageError when they name none."""
        return when.period(self.now, self.newsroom.config.newsroom.timezone)

    def span(self, when: When) -> Period | None:
        """The period that the flags name, or None."""
        return when.optional(self.now, self.newsroom.config.newsroom.timezone)

    def editions(self, chosen: EditionFlags) -> tuple[Edition, ...]:
        """The editions that are asked for, of the audiences of config.yaml. Raises UsageError."""
        chosen.demand_one_way()
        if not chosen.named:
            return self.newsroom.editions(self.period(chosen), chosen.audience, chosen.language)
        return tuple(dict.fromkeys(each for name in chosen.named for each in self._of_name(name)))

    def edition_named(self, text: str) -> Edition:
        """The edition of an id like `2022-02/everyone/en`; the language may be left out. Raises UsageError."""
        return self.newsroom.edition(*self._parts(text))

    def _parts(self, text: str) -> list[str]:
        """The period, audience and maybe language in an edition's id. Raises UsageError, with what to type instead."""
        parts = text.strip("/").split("/")
        if len(parts) in (2, 3):
            return parts
        first = next(iter((*self.newsroom.config.with_readers, *self.newsroom.config.audiences)))
        message = f"{text!r} is not an edition; write it like 2022-02/{first}"
        if len(parts) == 1:
            with contextlib.suppress(DigestError):
                kind, command = self.newsroom.period(text).kind, f"digest {self.common.verb}"
                message = f"{text!r} is a {kind}, and no edition; type: {command} {text}/{first}"
                if kind in KINDS and self.common.verb not in _ONE_EDITION:
                    message += f", or for all audiences: {command} --{kind} {text}"
        raise UsageError(message)

    def _of_name(self, text: str) -> tuple[Edition, ...]:
        period, audience, *language = self._parts(text)
        if language:
            return (self.newsroom.edition(period, audience, *language),)
        return self.newsroom.editions(self.newsroom.period(period), [audience])

    def known(self, ledger: SqlLedger, chosen: EditionFlags) -> tuple[Edition, ...]:
        """The editions asked for that the ledger knows, whatever became of their audiences and languages since.

        All of them when nothing is said. Raises UsageError.
        """
        chosen.demand_one_way()
        names = [mailing.edition for mailing in ledger.mailings()]
        if chosen.named:
            wanted: set[str] = set()
            for text in chosen.named:
                period, audience, *language = self._parts(text)
                called = [(period, each, *language) for each in ledger.names(audience)]
                wanted |= {name for name in names if tuple(name.split("/")[: 2 + len(language)]) in called} or {
                    each.id for each in self._of_name(text)
                }
        else:
            span = self.span(chosen)
            audiences = [name for each in chosen.audience for name in ledger.names(each)]
            wanted = {name for name in names if _fits(name, span, audiences, chosen.language)}
            if span and not wanted:
                wanted = {each.id for each in self.editions(chosen)}
        return tuple(self.newsroom.edition_of(name) for name in names if name in wanted)

    @contextlib.contextmanager
    def begun(
        self, chosen: EditionFlags, *, unfinished: bool = False, or_cancelled: bool = False
    ) -> Iterator[tuple[tuple[Edition, ...], SqlLedger]]:
        """The editions asked for that were frozen, at least one, and the ledger.

        With `unfinished`, only those of which mails are left, and `or_cancelled`. Raises UsageError; AlreadySent when
        none is left.
        """
        from digest.delivery import MailingStatus
        from digest.sending.freeze import finished, refuse_finished

        with self.ledger(create=False) as ledger:
            if not (chosen.named or chosen.described):
                message = f"say which edition: {_examples(ledger)}, or --month and --audience"
                raise UsageError(message)
            editions = self.known(ledger, chosen)
            if not editions:
                message = f"{self._asked(chosen)} was never sent: there is nothing to settle, pause or go on with"
                raise UsageError(message)
            if unfinished:
                off = {each.edition for each in ledger.mailings() if each.standing is MailingStatus.CANCELLED}
                left = tuple(
                    each for each in editions if (or_cancelled and each.id in off) or not finished(ledger, each.id)
                )
                if not left:
                    refuse_finished(ledger, editions[0].id)
                editions = left
            yield editions, ledger

    def _asked(self, chosen: EditionFlags) -> str:
        """What was asked for, in editions where config.yaml has them."""
        if not chosen.named and self.span(chosen) is None:
            return chosen.again()
        return ", ".join(each.id for each in self.editions(chosen))


def _fits(name: str, span: Period | None, audiences: Sequence[str], tag: str) -> bool:
    period, audience, language = name.split("/")
    return (span is None or period == span.id) and (not audiences or audience in audiences) and tag in ("", language)


def _examples(ledger: SqlLedger) -> str:
    """Editions to choose from: those of which mails are left, else any."""
    from digest.sending.freeze import finished

    names = [mailing.edition for mailing in ledger.mailings()]
    left = [name for name in names if not finished(ledger, name)]
    return " or ".join((left or names or ["2022-02/everyone/en"])[:_SHOWN])
