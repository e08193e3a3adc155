"""The table of 88: eleven phases of a session against eight ways in which a server can behave in each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from faultserver import FULL, GARBAGE, Drop, FaultServer, Hang, Reset, Say, Visit, at
from smtprun import QUICK, impatient

from digest.delivery import Phase

if TYPE_CHECKING:
    from authority import Authority

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
auth       accept   open!    open!!    open!    open!    open!    open!    open!
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

BIG = 12_000_000  # bytes: more than the kernels on both sides buffer, so that the body is still being said


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


def met_by(phase: Phase, behaviour: str, authority: Authority) -> tuple[FaultServer, dict[str, Any]]:
    """A server with this fault, and the settings with which to meet it."""
    secure = phase in {Phase.STARTTLS, Phase.AUTH}
    changes: dict[str, Any] = {"timeouts": QUICK}
    if behaviour == "hang":
        changes["timeouts"] = impatient(phase, 0.004 if phase is Phase.BODY else 0.7)  # a block's share of the body
    if secure:
        changes |= {"tls": "starttls", "ca_file": str(authority.ca_file), "username": "u", "password": "a secret"}
    server = FaultServer(
        script_for(phase, behaviour),
        extensions=FULL,
        tls=authority.issue("table", "127.0.0.1").server_context() if secure else None,
        users={"u": "a secret"} if secure else None,
        small_window=phase is Phase.BODY,
    )
    return server, changes


def victim(phase: Phase) -> int:
    """The reader whose mail meets the fault: the first, but for RSET, which is said after an error."""
    return int(phase is Phase.RSET)
