"""The seams: small Protocols between the rooms that decide and the rooms that do.

Each has a real part in its own room and a fake in `digest.testing`, and both pass the same conformance tests. This
module holds no code that runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from digest.delivery import Delivery, Event, Mailing, Outcome, Outgoing, State, Suppression
    from digest.errors import Fault
    from digest.model import InactiveReader, Recipient


class RecipientSource(Protocol):
    """Where an audience's readers come from. Streams: a million rows take no more memory than ten."""

    def recipients(self) -> Iterator[Recipient | InactiveReader | Fault]:
        """Every row as a Recipient, as an InactiveReader where the list says so itself, or as a Fault when it is bad.

        In the list's order; duplicates are not removed.
        """
        ...

    def unread(self) -> tuple[str, ...]:
        """What stands beside the list and is nobody's reader, for a person: the other sheets of a workbook."""
        ...


class Suppressions(Protocol):
    """The addresses that must not be mailed, kept in the ledger's database. They beat every list.

    `scope` is an audience's name, or `*` for every audience (hard bounces, complaints). Addresses are compared without
    regard to case.
    """

    def suppressed(self, addresses: Sequence[str], audience: str) -> frozenset[str]:
        """Those of `addresses` (canonical, as given) that must not be mailed for this audience."""
        ...

    def suppress(self, address: str, scope: str, reason: str, detail: str, now: float) -> bool:
        """Add one, durably. Reasons stand side by side; returns False when this one was there already."""
        ...

    def unsuppress(
        self, address: str, scope: str, reasons: Collection[str], now: float, because: str = ""
    ) -> Sequence[Suppression]:
        """Lift those of `reasons` that hold for this scope, and remember when and why. Returns what was lifted."""
        ...

    def reasons(self, address: str) -> Sequence[Suppression]:
        """All that keeps this address from being mailed, by scope, then reason."""
        ...

    def suppressions(self) -> Iterator[Suppression]:
        """All of them, by address, streamed."""
        ...


class Ledger(Protocol):
    """The record of what was sent to whom. Every method is one transaction, durable when it returns.

    Safe to use from many threads. Times are seconds since the epoch. Raises LedgerError, saying what is wrong and how
    to go on, when the record cannot be read or written (LedgerBusy when somebody else holds it).
    """

    def lock(self, edition: str, owner: str) -> AbstractContextManager[None]:
        """Be the edition's only sender while inside. Raises LedgerBusy, naming the other. A crash frees the lock."""
        ...

    def recover(self, edition: str, now: float) -> Mapping[State, int]:
        """Put right what a dead sender left: claimed becomes planned, sending becomes in_doubt. Returns counts.

        For whoever holds the lock: then every other sender is dead.
        """
        ...

    def claim(
        self,
        edition: str,
        owner: str,
        limit: int,
        now: float,
        only: str = "",
        *,
        without: Collection[str] = (),
        after: int = 0,
    ) -> Sequence[Delivery]:
        """Take up to `limit` deliveries that are planned, or deferred and due, in a stable order, under a lease.

        With `only`, this address and no other; without readers of the domains in `without`, where the caller knows that
        up to the id `after` nobody else is planned. An edition that is paused or cancelled gives none.
        """
        ...

    def record(
        self, events: Sequence[tuple[int, Event, Outcome | None]], now: float, owner: str = ""
    ) -> frozenset[int]:
        """Apply events to deliveries in one durable transaction, each delivery's in order.

        An event that does not fit the delivery's state is not applied, and its delivery's id is returned: for an
        INTEND this means that the mail must not go. That is so when the address is suppressed by now (the delivery
        then becomes suppressed), when the edition was paused or cancelled (it is given back, or cancelled), and when
        another sender than `owner` has it. An ACCEPT that comes late, for a delivery held in doubt, settles it.
        """
        ...

    def expire(self, edition: str, now: float, *, age: float, attempts: int) -> int:
        """Refuse what is deferred and was tried at least `attempts` times, the last `age` seconds after the freeze."""
        ...

    def mailing(self, edition: str) -> Mailing | None:
        """What is known of this edition, None when it was never frozen."""
        ...

    def next_try(self, edition: str, now: float) -> float | None:
        """When the first of what is still to be sent is due (not before `now`); None when nothing is."""
        ...

    def counts(self, edition: str) -> Mapping[State, int]:
        """How many deliveries are in each state; states with none are left out."""
        ...

    def witness(self, edition: str, now: float) -> None:
        """Bring the second record beside the ledger up to date, by which a lost or older ledger is noticed."""
        ...


class DomainPacing(Protocol):
    """Which domains have a rate of their own, and when one of their mails may go: so that the others need not wait."""

    @property
    def domains(self) -> Collection[str]:
        """The domains that have one, in lower case."""
        ...

    def offer(self, domain: str) -> float:
        """0.0 when a mail to this domain, handed out now, finds a turn (it is kept for it); else seconds until then."""
        ...


class Session(Protocol):
    """One open channel to where mails go. Not shared between threads."""

    def deliver(
        self,
        mails: Iterable[Outgoing],
        intend: Callable[[Outgoing], bool],
        announce: Callable[[Outgoing], None] | None = None,
    ) -> Iterator[Outcome]:
        """Send mails one after another and yield one Outcome for each, in order.

        `intend(mail)` is called for each mail when only the body is left to say, before any byte of it: it returns
        when the intent is durable, or False when the mail must not go (then the session abandons it and yields
        SUPPRESS). With `announce`, intents may come earlier: it is called for a mail whose turn comes soon, and from
        then on a commit for another one can make that intent durable, or intend() be called; so a crash leaves this
        mail in doubt too. Raises TransportError or SendStopped when the channel is lost or refused as a whole; mails
        that were taken from `mails` by then have had their Outcome yielded, none is left unsaid.
        """
        ...

    def close(self) -> None:
        """Say goodbye without waiting long. Never raises: what was accepted stays accepted."""
        ...


class Transport(Protocol):
    """A way for mails to leave. Adding one: docs/adding-a-transport.md."""

    @property
    def shared(self) -> bool:
        """Whether several machines may send by it at once, so that a fleet may; what is of this machine may not."""
        ...

    @property
    def connections(self) -> int:
        """How many sessions a run should use at once."""
        ...

    @property
    def pacing(self) -> DomainPacing | None:
        """Who knows of the rates of domains; None where there are none."""
        ...

    def open(self) -> Session:
        """A new session, ready for mail. Raises TransportError (try later) or SendStopped (do not)."""
        ...
