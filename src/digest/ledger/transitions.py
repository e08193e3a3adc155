"""The state table as the ledger applies it: for each event, the state it leads to and the states it fits.

Pure, and derived from `delivery.TRANSITIONS`, so that the SQL and the memory ledger cannot say otherwise. One event
more fits here: an ACCEPT that comes late, for a delivery that was meanwhile held in doubt, ends the doubt.
"""

from __future__ import annotations

from digest.delivery import TRANSITIONS, Event, State

TARGET: dict[Event, State] = {event: state for (_, event), state in TRANSITIONS.items()}
SOURCES: dict[Event, frozenset[State]] = {
    event: frozenset(state for state, each in TRANSITIONS if each is event)
    | ({State.IN_DOUBT} if event is Event.ACCEPT else frozenset())
    for event in Event
}

# What the server, or the end of the connection, said about a try: these count as attempts.
TRIES = frozenset({Event.ACCEPT, Event.DEFER, Event.REFUSE, Event.DOUBT})
WAITING = frozenset({State.PLANNED, State.DEFERRED})  # may be claimed
AT_WORK = frozenset({State.CLAIMED, State.SENDING})  # a sender has them

FOUND_SENDING = "its sender stopped between the intent and the answer: it may have been accepted"
_LENGTH = 500


def words(text: str) -> str:
    """A server's words as they are stored: one line, no control characters, of bounded length."""
    if len(text) <= _LENGTH and text.isprintable() and "  " not in text and text == text.strip():
        return text  # nearly all are, and this is done for every mail
    line = " ".join("".join(character if character.isprintable() else " " for character in text).split())
    return line if len(line) <= _LENGTH else f"{line[: _LENGTH - 1]}…"


def audience_of(edition: str) -> str:
    """The audience in an edition's id, which is what a suppression's scope names: `2022-02/everyone/en`."""
    parts = edition.split("/")
    return parts[1] if len(parts) > 1 else ""


def round_of(edition: str) -> str:
    """The round of an edition: its id without the language, `2022-02/everyone`."""
    return edition.rpartition("/")[0] or edition


def reason(detail: str, address: str) -> str:
    """A server's words without the reader's address, so that the same reason reads the same for all."""
    for named in (address, address.casefold()):
        detail = detail.replace(f"<{named}>", "").replace(named, "")
    return " ".join(detail.split()).lstrip(":, ")
