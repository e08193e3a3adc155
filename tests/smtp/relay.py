"""A real Postfix of a test's own: its configuration, queue, log and mailboxes in one folder, on loopback, port 0.

It is started and stopped through its own configuration directory, so the system's Postfix, if one runs, is not touched.
Each reader whom it is told of has a Maildir, named after the local part at `readers.test`. It sends nothing to anywhere
else. Needs root, as Postfix's master does.
"""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

from freeport import free_port
from needed import needs

if TYPE_CHECKING:
    from collections.abc import Iterable

    from authority import Issued

MAIN = """
compatibility_level = 3.6
myhostname = relay.test
mydomain = relay.test
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
queue_directory = {root}/queue
data_directory = {root}/data
command_directory = {command_directory}
daemon_directory = {daemon_directory}
mail_owner = {mail_owner}
setgid_group = {setgid_group}
maillog_file = {root}/log/mail.log
maillog_file_prefixes = {root}/log
alias_maps =
alias_database =
local_recipient_maps =
virtual_mailbox_domains = readers.test
virtual_mailbox_base = {root}/boxes
virtual_mailbox_maps = texthash:{root}/etc/readers
default_transport = discard
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
virtual_mailbox_limit = 0
smtpd_peername_lookup = no
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_tls_cert_file = {certificate}
smtpd_tls_key_file = {key}
smtpd_tls_security_level = encrypt
smtpd_client_connection_rate_limit = 0
smtpd_client_connection_count_limit = 0
smtpd_client_message_rate_limit = 0
{extra}
"""
MASTER = """
127.0.0.1:{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
local unix - n n - - local
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


class Postfix:
    """Use as a context manager. `port` is where it listens."""

    def __init__(self, issued: Issued, readers: Iterable[str], extra: str = "") -> None:
        self.program = needs(shutil.which("postfix", path=f"{os.environ.get('PATH', '')}:/usr/sbin"), "Postfix")
        needs("root" if os.geteuid() == 0 else None, "root, as whom Postfix's master runs,")
        self.root = Path(tempfile.mkdtemp(prefix="postfix-"))
        self.root.chmod(0o755)
        self.port = free_port()
        self._write(issued, readers, extra)

    def _write(self, issued: Issued, readers: Iterable[str], extra: str) -> None:
        for name in ("etc", "queue", "data", "boxes", "log"):
            (self.root / name).mkdir()
        owner = pwd.getpwnam(self._default("mail_owner"))
        nobody = pwd.getpwnam("nobody")
        os.chown(self.root / "data", owner.pw_uid, owner.pw_gid)
        os.chown(self.root / "boxes", nobody.pw_uid, nobody.pw_gid)
        values = {
            name: self._default(name)
            for name in ("command_directory", "daemon_directory", "mail_owner", "setgid_group")
        }
        etc = self.root / "etc"
        certificate, key = etc / "relay.pem", etc / "relay.key"
        certificate.write_bytes(issued.certificate.read_bytes())
        key.write_bytes(issued.key.read_bytes())
        key.chmod(0o600)
        (etc / "readers").write_text("".join(f"{name}@readers.test {name}/\n" for name in readers))
        (etc / "master.cf").write_text(MASTER.format(port=self.port))
        (etc / "main.cf").write_text(
            MAIN.format(
                root=self.root,
                certificate=certificate,
                key=key,
                uid=nobody.pw_uid,
                gid=nobody.pw_gid,
                extra=extra,
                **values,
            )
        )

    @staticmethod
    def _default(name: str) -> str:
        postconf = needs(shutil.which("postconf", path=f"{os.environ.get('PATH', '')}:/usr/sbin"), "Postfix")
        return subprocess.run([postconf, "-dh", name], capture_output=True, text=True, check=True).stdout.strip()

    def __enter__(self) -> Self:
        try:
            self._postfix("start")
            self._wait_for(self._listens, "does not listen")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._postfix("stop", check=False)
        shutil.rmtree(self.root, ignore_errors=True)

    def _postfix(self, verb: str, *, check: bool = True) -> None:
        command = [self.program, "-c", str(self.root / "etc"), verb]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        if check and done.returncode:
            message = f"postfix {verb}: {done.stderr}{self.log()}"
            raise RuntimeError(message)

    def _listens(self) -> bool:
        with socket.socket() as probe:
            probe.settimeout(1)
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def _wait_for(self, true, what: str) -> None:
        for _ in range(1200):
            if true():
                return
            time.sleep(0.05)
        message = f"Postfix {what}: {self.log()[-2000:]}"
        raise RuntimeError(message)

    def log(self) -> str:
        path = self.root / "log" / "mail.log"
        return path.read_text() if path.exists() else ""

    def wait_until_delivered(self, count: int) -> None:
        """Until the queue manager has let go of so many mails, however each one ended."""
        self._wait_for(lambda: self.log().count(": removed\n") >= count, f"did not deliver {count} mails")

    def mailboxes(self) -> dict[str, list[bytes]]:
        """Each reader's mails, with CRLF line ends again, as they crossed the wire."""
        return {
            box.name: [path.read_bytes().replace(b"\n", b"\r\n") for path in sorted((box / "new").iterdir())]
            for box in sorted((self.root / "boxes").iterdir())
        }
