"""A real Dovecot of the tests' own: one user, a Maildir, TLS, two free ports of loopback; ended by its own handle."""

from __future__ import annotations

import getpass
import grp
import mailbox
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Self

from authority import Authority
from freeport import free_port
from needed import needs

USER = "bounces"
CONFIG = """
base_dir = {base}/run
log_path = {base}/log
protocols = imap
listen = 127.0.0.1
ssl = yes
ssl_cert = <{certificate}
ssl_key = <{key}
disable_plaintext_auth = yes
login_trusted_networks =
default_internal_user = {internal}
default_internal_group = {internal_group}
default_login_user = {login}
mail_location = maildir:{base}/mail/%u
first_valid_uid = 0
mail_uid = {user}
mail_gid = {group}
mail_privileged_group =
state_dir = {base}/state
ssl_dh =
{passdb}
userdb {{
  driver = static
  args = uid={user} gid={group} home={base}/mail/%u
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {plain}
  }}
  inet_listener imaps {{
    port = {port}
    ssl = yes
  }}
}}
auth_failure_delay = 0
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  chroot =
}}
"""
BY_PASSWORD = """
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {base}/users
}}
"""
BY_TOKEN = """
auth_mechanisms = xoauth2
passdb {{
  driver = oauth2
  mechanisms = xoauth2
  args = {base}/oauth2.conf.ext
}}
"""
# RFC 7662: Dovecot posts the token, and asks in the answer for `active` and whose it is.
OAUTH2 = """
introspection_mode = post
introspection_url = {introspection}
username_attribute = username
active_attribute = active
active_value = true
"""


class Dovecot:
    """Logs `bounces` in with a `password`, or by XOAUTH2 with what the server at `introspection` calls active."""

    def __init__(self, folder: Path, *, password: str = "", introspection: str = "") -> None:
        self.program = needs(shutil.which("dovecot", path=f"{os.environ['PATH']}:/usr/sbin"), "Dovecot (dovecot-imapd)")
        authority = Authority(folder)
        issued = authority.issue("dovecot", "localhost", "127.0.0.1")
        self.ca_file = str(authority.ca_file)
        own, own_group = getpass.getuser(), grp.getgrgid(os.getgid()).gr_name
        users = {"internal": own, "internal_group": own_group, "login": own, "user": own, "group": own_group}
        if os.getuid() == 0:  # Dovecot runs nothing as root; its package brings users of its own
            users = {"internal": "dovecot", "internal_group": "dovecot", "login": "dovenull", "user": "nobody"}
            users["group"] = grp.getgrgid(pwd.getpwnam("nobody").pw_gid).gr_name
        self.owner = (users["user"], users["group"])
        self.base = Path(tempfile.mkdtemp(prefix="digest-dovecot-"))  # pytest's own folders are closed to those users
        self.base.chmod(0o755)
        ports = {"plain": free_port(), "port": free_port()}
        self.url = f"imaps://{USER}@localhost:{ports['port']}"
        self.starttls_url = f"imap://{USER}@localhost:{ports['plain']}"
        (self.base / "mail").mkdir()
        shutil.chown(self.base / "mail", *self.owner)
        (self.base / "users").write_text(f"{USER}:{{PLAIN}}{password}\n")
        (self.base / "oauth2.conf.ext").write_text(OAUTH2.format(introspection=introspection))
        passdb = (BY_TOKEN if introspection else BY_PASSWORD).format(base=self.base)
        tls = {"certificate": issued.certificate, "key": issued.key}
        config = CONFIG.format(base=self.base, passdb=passdb, **tls, **users, **ports)
        (self.base / "dovecot.conf").write_text(config)
        self._port = ports["port"]

    def __enter__(self) -> Self:
        self._server = subprocess.Popen([self.program, "-F", "-c", self._config], stderr=subprocess.PIPE)
        try:
            self._wait()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._server.terminate()
        self._server.wait(20)
        self._server.stderr.close()
        shutil.rmtree(self.base)

    @property
    def _config(self) -> Path:
        return self.base / "dovecot.conf"

    def _wait(self) -> None:
        deadline = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", self._port), 1).close()
            except OSError:
                assert self._server.poll() is None, self._server.stderr.read().decode()
                assert time.monotonic() < deadline, self.log()
                time.sleep(0.05)
            else:
                return

    def log(self) -> str:
        """What it wrote down."""
        return (self.base / "log").read_text()

    def fill(self, mails: list[bytes]) -> Path:
        """The user's Maildir made anew, with these mails that nobody has seen."""
        folder = self.base / "mail" / USER
        shutil.rmtree(folder, ignore_errors=True)
        box = mailbox.Maildir(folder)
        for mail in mails:
            box.add(mail)
        for path in (folder, *folder.rglob("*")):
            shutil.chown(path, *self.owner)
        return folder

    def hang_up(self) -> None:
        """End the user's sessions, as a server does when the token that opened them has expired."""
        program = needs(shutil.which("doveadm", path=f"{os.environ['PATH']}:/usr/bin"), "doveadm (dovecot-core)")
        subprocess.run([program, "-c", self._config, "kick", USER], check=True, capture_output=True, timeout=20)
