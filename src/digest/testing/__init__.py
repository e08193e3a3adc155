"""Fakes that tests and users share: a ledger and a transport in memory, one that fails, and values to fill them.

    ledger = MemoryLedger()
    ledger.freeze("2022-02/everyone/en", "hash", readers(3))
    send_edition(ledger, MemoryTransport(), plain_mail, edition="2022-02/everyone/en", owner="a test")

Public API. The memory ledger passes the same conformance tests as the real ones, and keeps nothing when the process
ends. Nothing here touches a file, a clock or a socket.
"""

from __future__ import annotations

from digest.testing.memory_ledger import MemoryLedger
from digest.testing.memory_transport import ACCEPTED, FlakyTransport, MemoryTransport, ScriptedReply
from digest.testing.values import AUDIENCE, NEWSROOM, plain_mail, readers, story

__all__ = [
    "ACCEPTED",
    "AUDIENCE",
    "NEWSROOM",
    "FlakyTransport",
    "MemoryLedger",
    "MemoryTransport",
    "ScriptedReply",
    "plain_mail",
    "readers",
    "story",
]
