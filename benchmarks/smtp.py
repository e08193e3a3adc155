"""Mails a second, from the making of each mail to its acceptance, over 1, 4 and 16 connections.

Run `python -m benchmarks.smtp [--quick]`. digest goes end to end, with send.early_intents: it claims readers in the
durable ledger, makes each mail, commits each intent before the final dot, and records each answer. smtp-source sends
one canned mail and records nothing; smtplib and aiosmtplib send mails that were made before the clock starts. All send
to the same smtp-sink, at once and then over a line with 20 ms for a round trip. Times are by the clock, and in turns.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import peers, relay
from benchmarks.harness import Contestant, Table, Target, alone, compete, environment, ratio

if TYPE_CHECKING:
    from collections.abc import Callable

ROUND_TRIP = 0.020
CLIENTS = Path(__file__).with_name("clients.py")
OURS, SOURCE, SMTPLIB = "digest, end to end, early intents", "Postfix smtp-source", "smtplib, threads"
NODEMAILER, NAIVE = "nodemailer, pool", "naive: EmailMessage, a connection and a commit each"


def measure(quick: bool) -> list[Table]:
    """A table for each number of connections, then those over a slow line."""
    rounds = 2 if quick else 5
    tables = []
    with relay.sink() as port:
        for connections in (1, 4, 16):
            if quick and connections == 16:
                continue
            tables.append(_near(port, connections, rounds, 1000 if quick else 12_000))
        with relay.slow_line(port, ROUND_TRIP) as far:
            each = 40 if quick else 200
            tables += [_far(far, count, min(rounds, 3), each * count) for count in ((1,) if quick else (1, 16))]
    return tables


def _near(port: int, connections: int, rounds: int, mails: int) -> Table:
    # So many that connecting and starting threads is a small part, and that all take about as long.
    shares = {OURS: 1.0, SOURCE: 1.0, SMTPLIB: 0.25, "aiosmtplib": 0.1, NODEMAILER: 0.08, NAIVE: 0.02}
    found = _contestants(port, connections, {name: int(mails * share) for name, share in shares.items()})
    compete(list(found.values()), rounds)
    targets = []
    if connections == 4:
        what = "end to end, 4 connections, speed to"
        why = WHY
        if SOURCE in found:
            measured = ratio(found[SOURCE], found[OURS])
            targets.append(Target(what=f"{what} smtp-source", measured=measured, at_least=1, why=why))
        if NODEMAILER in found:
            measured = ratio(found[NODEMAILER], found[OURS])
            targets.append(Target(what=f"{what} nodemailer's pool", measured=measured, at_least=4, why=why))
        measured = ratio(found[NAIVE], found[OURS])
        targets.append(Target(what=f"{what} the naive way", measured=measured, at_least=25, why=why))
    title = f"SMTP, 35 KB, {connections} connection{'s' * (connections > 1)}, smtp-sink"
    return Table(
        title=title, contestants=list(found.values()), limit=found.get(SOURCE), peer=found[SMTPLIB], targets=targets
    )


WHY = ""


def _far(port: int, connections: int, rounds: int, mails: int) -> Table:
    found = _contestants(port, connections, {OURS: mails, SOURCE: mails // 2, SMTPLIB: mails, NODEMAILER: mails // 2})
    compete(list(found.values()), rounds)
    targets = [
        Target(
            what=f"20 ms a round trip, {connections} connection{'s' * (connections > 1)}, speed to smtplib",
            measured=ratio(found[SMTPLIB], found[OURS]),
            at_least=3.8,
        )
    ]
    title = f"SMTP, 35 KB, {connections} connection{'s' * (connections > 1)}, 20 ms a round trip"
    return Table(
        title=title,
        contestants=list(found.values()),
        limit=found.get(SOURCE),
        peer=found[SMTPLIB],
        targets=targets,
        notes=[
            "smtp-sink does not offer CHUNKING, so nothing goes by BDAT here, and digest waits for each mail's 354."
        ],
    )


def _contestants(port: int, connections: int, mails: dict[str, int]) -> dict[str, Contestant]:
    here = [sys.executable, "-m", "benchmarks.clients"]
    clients = {
        OURS: [*here, "digest"],
        SMTPLIB: [*here, "smtplib"],
        NAIVE: [*here, "naive"],
        "aiosmtplib": [str(peers.python()), str(CLIENTS), "aiosmtplib"],
    }
    if place := peers.node():
        clients[NODEMAILER] = ["node", str(place / "nodemailer.mjs")]
    turns = {
        name: _client([*command, str(port), str(mails[name]), str(connections)], mails[name])
        for name, command in clients.items()
        if name in mails
    }
    if (program := peers.postfix("smtp-source")) and SOURCE in mails:
        turns[SOURCE] = _source(program, port, mails[SOURCE], connections)
    return {name: Contestant(name, turns[name]) for name in mails if name in turns}


def _client(command: list[str], mails: int) -> Callable[[], float]:
    given = environment()

    def turn() -> float:
        shown = subprocess.run(command, env=given, check=True, capture_output=True, text=True).stdout
        return float(json.loads(shown)["seconds"]) / mails

    return turn


def _source(program: str, port: int, mails: int, connections: int) -> Callable[[], float]:
    size = 35 * 1024
    command = [program, "-d", "-s", str(connections), "-m", str(mails), "-l", str(size)]
    command += ["-f", "digest@harbour.example", "-t", "reader@example.org", f"127.0.0.1:{port}"]

    def turn() -> float:
        start = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return (time.perf_counter() - start) / mails

    return turn


if __name__ == "__main__":
    alone(measure, __doc__)
