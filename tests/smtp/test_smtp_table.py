"""Eleven phases, eight ways a server can behave in each: what becomes of the reader, the session, and the next run."""

from __future__ import annotations

import pytest
from faultserver import FULL, GARBAGE, Drop, FaultServer, Hang, Reset, Say, Visit, at
from smtpauthority import Authority
from smtprun import QUICK, Told, impatient, mails, tell

from digest.delivery import Event, Phase, State, step
from digest.errors import SendStopped, TransportError

BEHAVIOURS = ("2xx", "4xx", "5xx", "421", "drop", "reset", "hang", "garbage")

# What is said of the reader whose mail met the fault, and how the session ends:
#   word    the session goes on with the next mail      word!   TransportError: another connection may do
#   word!!  SendStopped: another connection would hear the same
# `open` stands for a session that never was: no reader was touched.
TABLE = """
phase      2xx      4xx      5xx       421      drop     reset    hang     garbage
banner     accept   open!    open!!    open!    open!    open!    open!    open!
ehlo       accept   open!    accept    open!    open!    open!    open!    open!
starttls   accept   open!    open!!    open!    open!    open!    open!    open!
auth       accept   open!!   open!!    open!    open!    open!    open!    open!
mail       accept   defer    release!! release! defer!   defer!   defer!   defer!
rcpt       accept   defer    refuse    defer!   defer!   defer!   defer!   defer!
data       accept   defer    refuse    defer!   defer!   defer!   defer!   defer!
body       defer!   defer!   refuse!   defer!   defer!   defer!   defer!   defer!
dot        accept   defer    refuse    defer!   doubt!   doubt!   doubt!   doubt!
rset       accept   release! release!  release! release! release! release! release!
quit       accept   accept   accept    accept   accept   accept   accept   accept
"""
HEADER, *LINES = (line.split() for line in TABLE.strip().splitlines())
ROWS = [
    (Phase(line[0]), behaviour, cell) for line in LINES for behaviour, cell in zip(BEHAVIOURS, line[1:], strict=True)
]

# A run that makes one try: its exit code by the state that it leaves, and what the next run does with the reader.
CONSEQUENCES = {
    State.SENT: (0, "nothing"),
    State.DEFERRED: (75, "sends"),
    State.REFUSED: (1, "nothing"),
    State.IN_DOUBT: (1, "holds"),
}
EXPECTED = {
    "accept": (0, "nothing"),
    "defer": (75, "sends"),
    "refuse": (1, "nothing"),
    "doubt": (1, "holds"),
    "open!": (75, "sends"),
    "open!!": (1, "sends"),
    "release!": (75, "sends"),
    "release!!": (1, "sends"),
}

BIG = 12_000_000  # bytes: more than the kernels on both sides buffer, so that the body is still being said


@pytest.fixture(scope="module")
def authority(tmp_path_factory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


def fault_for(phase: Phase, behaviour: str):
    codes = {"4xx": "451 4.3.0 later", "5xx": "554 5.7.1 never", "421": "421 4.3.2 leaving"}
    if behaviour == "2xx" and phase is not Phase.BODY:
        return None
    if behaviour == "2xx" or (phase is Phase.BODY and behaviour in codes):
        return Say(codes.get(behaviour, "250 2.0.0 early"), then=Hang())
    if behaviour == "421":
        return Say(codes["421"], then=Drop())
    return {"drop": Drop(), "reset": Reset(), "hang": Hang(), "garbage": GARBAGE}.get(behaviour) or Say(
        codes[behaviour]
    )


def script_for(phase: Phase, behaviour: str):
    """The fault at its first chance. RSET is said after an error only, so the reader before gets one."""
    fault = fault_for(phase, behaviour)
    if phase is not Phase.RSET:
        return at(phase, fault, times=1) if fault else lambda _: None

    def script(visit: Visit):
        if visit.phase is Phase.RCPT and visit.recipient.startswith("r0@"):
            return Say("550 5.1.1 nobody")
        return fault if visit.phase is Phase.RSET and visit.count == 1 else None

    return script


def meet(phase: Phase, behaviour: str, authority) -> tuple[Told, FaultServer, int]:
    """One run over three readers against the fault. Returns what was told, the server, and the reader who met it."""
    secure = phase in {Phase.STARTTLS, Phase.AUTH}
    changes = {"timeouts": QUICK}
    if behaviour == "hang":
        changes["timeouts"] = impatient(phase, 0.004 if phase is Phase.BODY else 0.4)  # a block's share of the body
    if secure:
        changes |= {"tls": "starttls", "ca_file": str(authority.ca_file), "username": "u", "password": "a secret"}
    server = FaultServer(
        script_for(phase, behaviour),
        extensions=FULL,
        tls=authority.issue("table", "127.0.0.1").server_context() if secure else None,
        users={"u": "a secret"} if secure else None,
        small_window=phase is Phase.BODY,
    )
    outgoing = mails(1, BIG) + mails(2, start=1) if phase is Phase.BODY else mails(3)
    with server:
        told = tell(server, outgoing, **changes)
    return told, server, int(phase is Phase.RSET)


def state_after(told: Told, reader: int) -> State:
    """Walk the reader through the state table, as the ledger does."""
    state = State.CLAIMED
    if reader in told.intents:
        state = step(state, Event.INTEND)
    return step(state, told.events.get(reader, Event.RELEASE))


@pytest.mark.parametrize(("phase", "behaviour", "cell"), ROWS)
def test_what_a_reader_and_a_session_get_from_each_fault(phase, behaviour, cell, authority):
    """Each of the 88 faults gives the event, the end of the session, the exit code and the next run of the table."""
    told, server, reader = meet(phase, behaviour, authority)
    word, ending = cell.rstrip("!"), {0: None, 1: TransportError, 2: SendStopped}[cell.count("!")]

    assert type(told.error) is (ending or type(None)), told.error
    assert [outcome.delivery for outcome in told.outcomes] == told.taken, "each that was taken has one, in order"
    if word == "open":
        assert not told.taken
    else:
        assert told.events[reader] is Event(word)
    others = {event for delivery, event in told.events.items() if delivery > reader}
    assert others <= ({Event.RELEASE} if ending else {Event.ACCEPT})
    assert not [
        delivery for delivery, event in told.events.items() if event is Event.RELEASE and delivery in told.intents
    ]
    assert not server.seen.violations
    assert (f"r{reader}@readers.test" in {mail.recipient for mail in server.seen.accepted}) == (word == "accept")

    state = state_after(told, reader)
    code, next_run = CONSEQUENCES.get(state) or (ending.exit_code, "sends")
    assert (code, next_run) == EXPECTED[word if word not in {"open", "release"} else cell]


def test_the_table_is_whole():
    """Every phase of a session but the connecting itself is in the table, against every behaviour."""
    assert tuple(HEADER[1:]) == BEHAVIOURS
    assert {phase for phase, _, _ in ROWS} == set(Phase) - {Phase.CONNECT}
    assert len(ROWS) == 88
