"""The senders that run in Python, each in a process of its own: `python clients.py WAY PORT MAILS CONNECTIONS`.

Each makes a mail of its own for every reader and sends it; it prints the seconds from the first mail's making to the
last one's acceptance. Ways: `digest` (end to end, with the durable ledger and early intents),
`smtplib` (threads that keep their connections, mails made before the clock starts), `aiosmtplib` (the same), `naive`
(for each reader an EmailMessage, a connection of smtplib and a committed row of SQLite).
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import sys
import tempfile
import threading
import time
from pathlib import Path

SENDER = "digest@harbour.example"


def main() -> None:
    way, port, mails, connections = sys.argv[1], *map(int, sys.argv[2:5])
    print(json.dumps({"seconds": WAYS[way](port, mails, connections)}))


def digest(port: int, mails: int, connections: int) -> float:
    from benchmarks.mail import DATE, LETTERHEAD, rendering, values
    from digest.delivery import NO_FIELDS, Outgoing
    from digest.ledger.opening import open_ledger
    from digest.mail.message_id import message_id
    from digest.mail.template import MailTemplate
    from digest.model import Recipient
    from digest.sending.engines import send_edition
    from digest.smtp.relay_settings import SmtpSettings
    from digest.smtp.transport import SmtpTransport

    edition = "2022-02/everyone/en"
    template = MailTemplate.compile(rendering(), LETTERHEAD, date=DATE)

    def outgoing(delivery):
        fields = json.loads(delivery.fields) if delivery.fields != NO_FIELDS else {}
        reader = Recipient(address=delivery.address, name=delivery.name, fields=fields)
        data = template.join(reader, values(delivery.id, reader), delivery.message_id)
        return Outgoing(delivery=delivery.id, sender=SENDER, recipient=delivery.address, data=data, dotless=True)

    def identify(address):
        return message_id(edition, address, domain="harbour.example", secret=b"benchmark")

    people = [Recipient(address=f"reader{n}@example.org", name=f"Reader {n}") for n in range(mails)]
    settings = SmtpSettings(host="127.0.0.1", port=port, tls="none", connections=connections)
    with tempfile.TemporaryDirectory() as folder:
        ledger = open_ledger(f"sqlite:///{folder}/ledger.db", newsroom="bench")
        ledger.freeze(edition, "content", people, message_id=identify)
        start = time.perf_counter()
        send_edition(ledger, SmtpTransport(settings), outgoing, edition=edition, connections=connections, ahead=True)
        seconds = time.perf_counter() - start
        sent = {str(state): count for state, count in ledger.counts(edition).items()}
        ledger.close()
    assert sent == {"sent": mails}, sent
    return seconds


def prepared(mails: int) -> list[tuple[str, bytes]]:
    """Mails for the peers, of the same size, each its reader's own."""
    body = b"".join(
        b"A line of the newsroom, as quoted-printable has it, of about 76 octets. =E2=80=93 ok\r\n" for _ in range(420)
    )
    head = (
        "From: {0}\r\nTo: reader{1}@example.org\r\nSubject: Digest\r\nMessage-ID: <{1}@x>\r\nMIME-Version: 1.0\r\n\r\n"
    )
    return [(f"reader{n}@example.org", head.format(SENDER, n).encode() + body) for n in range(mails)]


def with_smtplib(port: int, mails: int, connections: int) -> float:
    import smtplib

    work = iter(prepared(mails))
    lock = threading.Lock()

    def one() -> None:
        client = smtplib.SMTP("127.0.0.1", port, local_hostname="localhost")
        while True:
            with lock:
                mail = next(work, None)
            if mail is None:
                break
            client.sendmail(SENDER, [mail[0]], mail[1])
        client.quit()

    return _threads(one, connections)


def with_aiosmtplib(port: int, mails: int, connections: int) -> float:
    import aiosmtplib

    work = iter(prepared(mails))

    async def one() -> None:
        client = aiosmtplib.SMTP(
            hostname="127.0.0.1", port=port, start_tls=False, use_tls=False, local_hostname="localhost"
        )
        await client.connect()
        for address, data in work:
            await client.sendmail(SENDER, [address], data)
        await client.quit()

    async def every() -> float:
        start = time.perf_counter()
        await asyncio.gather(*(one() for _ in range(connections)))
        return time.perf_counter() - start

    return asyncio.run(every())


def naive(port: int, mails: int, _connections: int) -> float:
    """What one writes first: for each reader a connection, an EmailMessage, and a row that is committed."""
    import smtplib
    from email.message import EmailMessage

    text = "A line of the newsroom – as it is written.\n" * 200
    html = "<p>" + text * 3 + "</p>"
    with tempfile.TemporaryDirectory() as folder:
        ledger = sqlite3.connect(Path(folder) / "sent.db")
        ledger.execute("CREATE TABLE sent (address TEXT)")
        start = time.perf_counter()
        for number in range(mails):
            mail = EmailMessage()
            mail["From"], mail["To"], mail["Subject"] = SENDER, f"reader{number}@example.org", "Digest"
            mail.set_content(text)
            mail.add_alternative(html, subtype="html")
            with smtplib.SMTP("127.0.0.1", port, local_hostname="localhost") as client:
                client.send_message(mail)
            with ledger:
                ledger.execute("INSERT INTO sent VALUES (?)", (mail["To"],))
        seconds = time.perf_counter() - start
        ledger.close()
        return seconds


def _threads(work, count: int) -> float:
    threads = [threading.Thread(target=work) for _ in range(count)]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - start


WAYS = {
    "digest": digest,
    "smtplib": with_smtplib,
    "aiosmtplib": with_aiosmtplib,
    "naive": naive,
}

if __name__ == "__main__":
    main()
