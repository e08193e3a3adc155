"""Where reports lie: one file, an mbox, a Maildir, or a folder on an IMAP server. Read first, mark as done later.

A mail is marked only when what it says was carried out, so that a crash in between reads it again (settling twice
changes nothing). What a person must look at is left as it was. Nothing is ever deleted, moved elsewhere or answered.

On an IMAP server (RFC 9051) unseen mails are read, and marked as seen when settled. Off loopback there is no way
without TLS and a checked certificate; the password crosses nowhere in clear and is in no message. Each step has a time
limit, and sizes are asked for before bodies.
"""

from __future__ import annotations

import base64
import contextlib
import imaplib
import re
import ssl
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import unquote, urlsplit

from msgspec import Struct

from digest.errors import DigestError, Fault, FaultyInput, TransportError, UsageError
from digest.text.urls import is_loopback

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

MAX_MAIL = 10_000_000  # bytes; a larger one is no report
PATIENCE = 60.0  # seconds for each answer
BATCH = 200  # mails marked with one command
_PORTS = {"imaps": 993, "imap": 143}
_SIZE = re.compile(rb"RFC822\.SIZE (\d+)")
_SEEN = re.compile(r":2,[A-Za-z]*S")


class Letter(Struct, frozen=True, kw_only=True):
    """One mail in a mailbox. `key` is what the mailbox calls it; `data` is empty for one that is too large."""

    key: str
    data: bytes


class Mailbox(Protocol):
    """A place with mails that were not dealt with yet."""

    def letters(self) -> Iterator[Letter]:
        """Those that were not marked as done, streamed."""
        ...

    def done(self, keys: Iterable[str]) -> None:
        """Mark these as done, so that letters() does not give them again."""
        ...


def is_imap(where: str) -> bool:
    """Whether it names a folder on an IMAP server."""
    return re.match(r"imaps?://", where, re.IGNORECASE) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImapLogin:
    """A password, or what gives access tokens (XOAUTH2): asked again with one that has expired, it gives another."""

    password: str = field(default="", repr=False)
    token: Callable[[str], str] | None = field(default=None, repr=False)


@contextmanager
def open_mailbox(where: str, *, login: ImapLogin | None = None, ca_file: str = "") -> Iterator[Mailbox]:
    """Open a file, an mbox, a Maildir or `imaps://user@host/folder`. Raises FaultyInput, UsageError, TransportError.

    `login` is for IMAP: a password never stands in `where`. `ca_file` is for a server whose certificate the system
    does not know.
    """
    if is_imap(where):
        with Imap.connect(where, login or ImapLogin(), ca_file) as server:
            yield server
        return
    path = Path(where)
    if (path / "new").is_dir() and (path / "cur").is_dir():
        yield MaildirSource(path)
    elif path.is_file():
        yield MailFile(path)
    else:
        what = "is neither a file nor a Maildir (no new/ and cur/ in it)" if path.exists() else "is not there"
        raise FaultyInput([Fault(file=where, message=f"{what}; name a mail, an mbox, a Maildir or imaps://user@host")])


class MailFile:
    """A file with one mail, or an mbox with many (RFC 4155). It is never changed: reading it again changes nothing."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def letters(self) -> Iterator[Letter]:
        """Each mail, by the line on which it begins. Raises FaultyInput."""
        lines: list[bytes] = []
        size, start, number, blank, mbox = 0, 1, 0, True, False
        try:
            with self._path.open("rb") as file:
                while line := file.readline(MAX_MAIL):
                    number += 1
                    if blank and line.startswith(b"From "):
                        if lines:
                            yield self._letter(start, lines, size)
                        lines, size, start, mbox = [], 0, number, True
                        continue
                    blank = line in (b"\n", b"\r\n")
                    size += len(line)
                    if size <= MAX_MAIL:
                        lines.append(line.removeprefix(b">") if mbox and re.match(rb">+From ", line) else line)
        except OSError as error:
            message = f"cannot be read: {error.strerror}"
            raise FaultyInput([Fault(file=str(self._path), message=message)]) from None
        if lines or size:
            yield self._letter(start, lines, size)

    def done(self, keys: Iterable[str]) -> None:
        """Nothing: the file is somebody's copy."""

    def _letter(self, line: int, lines: list[bytes], size: int) -> Letter:
        return Letter(key=f"{self._path}:{line}", data=b"".join(lines) if size <= MAX_MAIL else b"")


class MaildirSource:
    """A Maildir: what is in new/, or in cur/ without the flag S, is unread. Done means cur/ with the flag S."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def letters(self) -> Iterator[Letter]:
        """Each unread mail, by its path below the Maildir. Raises FaultyInput for one that cannot be read."""
        for folder in ("new", "cur"):
            for file in sorted((self._path / folder).iterdir()):
                if file.name.startswith(".") or _SEEN.search(file.name) or not file.is_file():
                    continue
                try:
                    data = file.read_bytes() if file.stat().st_size <= MAX_MAIL else b""
                except FileNotFoundError:
                    continue  # somebody else has read it meanwhile, and moved it
                except OSError as error:
                    message = f"cannot be read: {error.strerror}"
                    raise FaultyInput([Fault(file=str(file), message=message)]) from None
                yield Letter(key=f"{folder}/{file.name}", data=data)

    def done(self, keys: Iterable[str]) -> None:
        """Move to cur/ with the flag S. One that is gone meanwhile is somebody else's. Raises FaultyInput."""
        for key in keys:
            file = self._path / key
            name, _, flags = file.name.partition(":2,")
            target = self._path / "cur" / f"{name}:2,{''.join(sorted({*flags, 'S'}))}"
            try:
                file.rename(target)
            except FileNotFoundError:
                continue
            except OSError as error:
                message = f"cannot be marked as read: {error.strerror}; it will be read again, which changes nothing"
                raise FaultyInput([Fault(file=str(file), message=message)]) from None


class ImapMailbox(Struct, frozen=True, kw_only=True):
    """What an IMAP URL names. `imap:` means STARTTLS, or clear text on loopback where the server has no TLS."""

    scheme: str
    user: str
    host: str
    port: int
    folder: str

    @property
    def shown(self) -> str:
        """The place as it may stand in a message."""
        return f"{self.scheme}://{self.user}@{self.host}:{self.port}/{self.folder}"

    @property
    def is_loopback(self) -> bool:
        """Whether the server is this machine, so that nobody can listen on the way."""
        return is_loopback(self.host)


def place(url: str) -> ImapMailbox:
    """Read `imaps://user@host[:port]/folder` (folder INBOX when empty). Raises UsageError, without showing secrets."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        message = "the IMAP address cannot be read; write it like imaps://bounces@mail.example.org/INBOX"
        raise UsageError(message) from None
    if parts.password is not None:
        message = "the IMAP address holds a password; put it into the environment instead"
        raise UsageError(message)
    user, folder = unquote(parts.username or ""), unquote(parts.path.strip("/")) or "INBOX"
    if not user or not parts.hostname:
        message = "the IMAP address names no user or no host; write it like imaps://bounces@mail.example.org/INBOX"
        raise UsageError(message)
    if any(not letter.isprintable() for letter in user + folder):
        message = "the IMAP address has a control character in it"
        raise UsageError(message)
    scheme = parts.scheme.lower()
    return ImapMailbox(scheme=scheme, user=user, host=parts.hostname, port=port or _PORTS[scheme], folder=folder)


class Imap:
    """An open folder. Raises TransportError (try later) when the server fails, UsageError when it refuses us."""

    def __init__(self, where: ImapMailbox, login: ImapLogin, ca_file: str) -> None:
        self._where = where
        self._login = login
        self._ca_file = ca_file
        self._token = ""
        self._validity = ""  # UIDs mean the same as long as this does (RFC 9051, 2.3.1.1)
        self._server: imaplib.IMAP4 | None = None

    @classmethod
    @contextmanager
    def connect(cls, url: str, login: ImapLogin, ca_file: str = "") -> Iterator[Imap]:
        """Connect, secure, log in, select; log out at the end."""
        where = place(url)
        opened = cls(where, login, ca_file)
        try:
            opened._open()
            yield opened
        except DigestError:
            raise
        except ssl.SSLError as error:
            reason = getattr(error, "verify_message", "") or error.reason or type(error).__name__
            message = f"{where.shown}: TLS failed: {reason}; for a certificate of your own give its ca_file"
            raise TransportError(message) from None
        except (OSError, imaplib.IMAP4.error) as error:
            words = _clean(str(error), login.password, opened._token) or type(error).__name__
            message = f"{where.shown}: {words}; try again later"
            raise TransportError(message) from None
        finally:
            if opened._server is not None:
                _goodbye(opened._server)

    def _open(self) -> None:
        where = self._where
        self._server = _connected(where, self._ca_file)
        if self._login.token is None:
            _log_in(self._server, where, self._login.password)
        else:
            self._token = _log_in_by_token(self._server, where, self._login.token, self._token)
        # imaplib quotes no folder names; a quoted string takes all but these two as they are.
        quoted = _in_utf7(where.folder).replace("\\", "\\\\").replace('"', '\\"')
        status, answer = self._server.select(f'"{quoted}"')
        _must(status, answer, UsageError, f"{where.shown}: no such folder")
        validity = _told(self._server.response("UIDVALIDITY")[1] or [])
        if self._validity not in ("", validity):
            message = f"{where.shown}: the folder was made anew meanwhile; try again"
            raise TransportError(message)
        self._validity = validity

    def letters(self) -> Iterator[Letter]:
        """Each unseen mail, by its UID. Reading does not mark it (BODY.PEEK)."""
        found = self._asked("SEARCH", "UNSEEN")
        for uid in (found[0] or b"").split():
            name = uid.decode("ascii")
            sizes = self._asked("FETCH", name, "(RFC822.SIZE)")
            size = next((int(match[1]) for line in sizes if (match := _SIZE.search(_raw(line)))), 0)
            if size > MAX_MAIL:
                yield Letter(key=name, data=b"")
                continue
            parts = self._asked("FETCH", name, "(BODY.PEEK[])")
            data = next((part[1] for part in parts if isinstance(part, tuple)), None)
            if data is not None:  # else somebody has expunged it meanwhile
                yield Letter(key=name, data=data)

    def done(self, keys: Iterable[str]) -> None:
        """Mark as \\Seen."""  # noqa: D301 - the flag is spelled so
        uids = list(keys)
        for start in range(0, len(uids), BATCH):
            self._asked("STORE", ",".join(uids[start : start + BATCH]), "+FLAGS.SILENT", r"(\Seen)")

    def _asked(self, command: str, *arguments: str) -> list[Any]:
        assert self._server is not None, "connect() opens it"
        try:
            status, answer = self._server.uid(command, *arguments)
        except imaplib.IMAP4.abort:
            if self._login.token is None:
                raise
            # A token lives for an hour at most, and servers end what it opened: once more, with another one. Each of
            # these commands may be said twice.
            _goodbye(self._server)
            self._open()
            status, answer = self._server.uid(command, *arguments)
        _must(status, answer, TransportError, f"{self._where.shown}: {command} was refused, try again later")
        return answer


def _in_utf7(folder: str) -> str:
    """A folder's name as IMAP spells it (RFC 3501, 5.1.3): `Rückläufer` is `R&APw-ckl&AOQ-ufer`.

    A name that is spelled so already stays: it is ASCII, and that is how servers show it.
    """
    if folder.isascii():
        return re.sub(r"&(?![A-Za-z0-9+,]*-)", "&-", folder)
    return re.sub(r"&|[^\x20-\x7e]+", _shifted, folder)


def _shifted(found: re.Match[str]) -> str:
    letters = "" if found[0] == "&" else base64.b64encode(found[0].encode("utf-16-be")).decode()
    return f"&{letters.rstrip('=').replace('/', ',')}-"


def _connected(where: ImapMailbox, ca_file: str) -> imaplib.IMAP4:
    try:
        context = ssl.create_default_context(cafile=ca_file or None)
    except (OSError, ssl.SSLError) as error:
        message = f"{ca_file}: is no file of certificates: {error.strerror or error}"
        raise UsageError(message) from None
    if where.scheme == "imaps":
        return imaplib.IMAP4_SSL(where.host, where.port, ssl_context=context, timeout=PATIENCE)
    server = imaplib.IMAP4(where.host, where.port, timeout=PATIENCE)
    try:
        _secure(server, where, context)
    except BaseException:
        _goodbye(server)
        raise
    return server


def _secure(server: imaplib.IMAP4, where: ImapMailbox, context: ssl.SSLContext) -> None:
    if "STARTTLS" in server.capabilities:
        server.starttls(context)
    elif not where.is_loopback:
        message = f"{where.shown}: the server offers no TLS, and a password never crosses in clear; use imaps://"
        raise UsageError(message)


def _log_in(server: imaplib.IMAP4, where: ImapMailbox, password: str) -> None:
    if any(not letter.isprintable() for letter in password):
        message = f"{where.shown}: the password has a control character in it"
        raise UsageError(message)
    server.debug = 0  # its trace would show the password
    try:
        server.login(where.user, password)
    except imaplib.IMAP4.abort:
        raise
    except imaplib.IMAP4.error as error:
        message = f"{where.shown}: the login was refused: {_clean(str(error), password)}"
        raise UsageError(message) from None
    except UnicodeEncodeError:
        message = f"{where.shown}: the user or the password is not ASCII, which this server's LOGIN does not take"
        raise UsageError(message) from None


def _log_in_by_token(server: imaplib.IMAP4, where: ImapMailbox, give: Callable[[str], str], used: str) -> str:
    """Log in by XOAUTH2. Returns the token that was good; one that was `used` before may have expired meanwhile."""
    server.debug = 0  # its trace would show the token
    token = give("")
    if "AUTH=XOAUTH2" not in server.capabilities:
        message = f"{where.shown}: the server offers no XOAUTH2; leave bounces.token_command out, and use a password"
        raise UsageError(message)
    if not isinstance(server.sock, ssl.SSLSocket) and not where.is_loopback:
        message = f"{where.shown}: a token never crosses in clear; use imaps://"
        raise UsageError(message)
    for again in (token == used, False):
        answers = iter([f"user={where.user}\1auth=Bearer {token}\1\1".encode()])
        try:
            server.authenticate("XOAUTH2", partial(_next_answer, answers))
        except imaplib.IMAP4.abort:
            raise
        except imaplib.IMAP4.error as error:
            if again:
                token = give(token)
                continue
            message = f"{where.shown}: the login by token was refused: {_clean(str(error), token)}"
            raise UsageError(message) from None
        break
    return token


def _next_answer(answers: Iterator[bytes], _challenge: bytes) -> bytes:
    """What XOAUTH2 says to a challenge: the token, then nothing, after which the server says what is wrong with it."""
    return next(answers, b"")


def _goodbye(server: imaplib.IMAP4) -> None:
    """Say LOGOUT and close. What was marked stays marked, so a failure here is nothing."""
    try:
        server.logout()
    except (OSError, imaplib.IMAP4.error):
        with contextlib.suppress(OSError):  # the socket may be gone already
            server.shutdown()


def _must(status: str, answer: list[Any], kind: type[DigestError], message: str) -> None:
    if status != "OK":
        message += f": {_told(answer)}"
        raise kind(message)


def _told(answer: list[Any]) -> str:
    return " ".join(_raw(line).decode("utf-8", "replace") for line in answer if line)[:200]


def _raw(line: Any) -> bytes:
    return line[0] if isinstance(line, tuple) else line or b""


def _clean(text: str, *secrets: str) -> str:
    text = text.removeprefix("b'").removesuffix("'")
    for secret in filter(None, secrets):
        text = text.replace(secret, "***")
    return text.splitlines()[0][:200] if text else ""
