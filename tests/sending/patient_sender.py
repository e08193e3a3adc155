"""A sender to a relay that takes its time, run as a script by the tests of signals: FOLDER SECONDS-PER-MAIL."""

from __future__ import annotations

import contextlib
import json
import sys
import time
import warnings
from pathlib import Path

from digest.errors import DigestError
from digest.ledger.opening import open_ledger
from digest.sending.engines import send_edition
from digest.sending.stopping import signals
from digest.testing import MemoryTransport, plain_mail, readers

EDITION = "2022-02/everyone/en"


class PatientTransport(MemoryTransport):
    """Says whose mail is with it, and takes its time: those of several connections at once."""

    def __init__(self, seconds):
        super().__init__()
        self.seconds = seconds

    def arrive(self, mail):
        sys.stdout.write(f"{mail.recipient}\n")
        sys.stdout.flush()
        time.sleep(self.seconds)
        super().arrive(mail)


def main():
    folder, seconds = Path(sys.argv[1]), float(sys.argv[2])
    with signals() as stopping, contextlib.ExitStack() as stack:
        try:
            ledger = open_ledger("sqlite:///ledger.db", newsroom="ILO Newsroom", root=folder)
            stack.callback(ledger.close)
            ledger.freeze(EDITION, "hash", readers(40))
            report = send_edition(
                ledger, PatientTransport(seconds), plain_mail, edition=EDITION, connections=2, stop=stopping.event
            )
        except DigestError as error:
            sys.stderr.write(f"{error}\n")
            return error.exit_code
        counts = {str(state): count for state, count in report.counts.items()}
        sys.stdout.write(json.dumps({"counts": counts, "interrupted": report.interrupted}) + "\n")
        return stopping.exit_code or report.exit_code


if __name__ == "__main__":
    warnings.simplefilter("error")
    sys.exit(main())
