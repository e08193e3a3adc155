"""What a newsroom's editions are sent with: its readers' lists, its relay, its key, its ledger, its secrets.

Secrets are read here, from the environment or from a file, and go straight into the part that
needs them: none is kept, printed or put into an error.
"""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass, field
from importlib.util import find_spec
from shlex import quote
from typing import TYPE_CHECKING

from digest.distribution import installing
from digest.errors import ConfigError, Fault, UsageError
from digest.files import typed
from digest.newsroom import newsroom_id, own_secret
from digest.yamlfile import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from digest.config.load import Config
    from digest.config.sections import ConditionSection
    from digest.ledger.ledger import SqlLedger
    from digest.ledger.sharing import SharedLedger
    from digest.mail.dkim import Signer
    from digest.model import Audience
    from digest.newsroom.token_command import TokenCommand
    from digest.recipients.csvfile import CsvSource
    from digest.recipients.segments import Condition, Segment
    from digest.recipients.sql import SqlSource
    from digest.smtp.relay_settings import SmtpSettings

MAX_SECRET = 10_000
# In a database's address; a key in one, `sslkey=`, is a file.
_PASSWORD = re.compile(r"://[^/@?]*:[^/@?]+@|[?&](?:(?:ssl)?password|passwd|pwd)=[^&]", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True, eq=False)
class SendingSetup:
    """Makes each part of sending from a newsroom's config."""

    config: Config
    environ: Mapping[str, str] = field(repr=False)  # holds secrets

    def source(self, audience: Audience) -> CsvSource | SqlSource:
        """Where the audience's readers come from. Raises UsageError when config.yaml names no list."""
        section = self.config.settings.audiences[audience.name].recipients
        if section is None:
            message = f"audience {audience.name!r} has no recipients; give it a list: recipients: {{csv: FILE}}"
            raise UsageError(message)
        if section.sql:
            from digest.recipients.sql import SqlSource

            url = self.environ.get(section.sql.url_env, "") if section.sql.url_env else section.sql.url
            if not url:
                raise self._fault(("audiences", audience.name, "recipients", "sql"), "no URL: give url, or set url_env")
            return SqlSource(url, section.sql.query, name=f"the query of audience {audience.name}")
        from digest.recipients.csvfile import CsvSource

        return CsvSource(self.config.path(section.csv), name=section.csv)

    def segment(self, audience: Audience) -> Segment:
        """Which readers of its list the audience takes. Raises ConfigError for a column that the list does not have."""
        from digest.recipients.segments import Segment

        section = self.config.settings.audiences[audience.name].recipients
        if section is None:
            return Segment()
        only, excepted = (
            tuple(self._condition(audience, key, column, part) for column, part in parts.items())
            for key, parts in (("only", section.only), ("except", section.except_))
        )
        segment = Segment(topics=section.topics, only=only, excepted=excepted)
        if segment.only or segment.excepted:
            known = self.source(audience).columns()
            columns = known.merge_fields
            for key, column in segment.unknown(columns):
                said = f"the list has no such column{did_you_mean(column, columns)}"
                if column in {known.keys[status.place] for status in known.statuses}:
                    said = "this column says who is on the list, and is heeded without being asked; take it out here"
                raise self._fault(("audiences", audience.name, "recipients", key, column), said)
        return segment

    def _condition(self, audience: Audience, key: str, column: str, part: ConditionSection) -> Condition:
        from digest.recipients.columns import BadRow
        from digest.recipients.rows import language_named
        from digest.recipients.segments import Condition
        from digest.text.merge import field_name

        name, values = field_name(column), part.any_of
        if name == "language":  # said as a list may say it
            try:
                values = tuple(map(language_named, values))
            except BadRow as error:
                raise self._fault(("audiences", audience.name, "recipients", key, column), str(error)) from None
        return Condition(column=name, values=values, **part.model_dump(exclude={"any_of"}))

    def csv_file(self, audience: Audience, task: str) -> Path:
        """The audience's CSV file, to be edited. Raises UsageError for a list that digest only reads."""
        section = self.config.settings.audiences[audience.name].recipients
        if section is None or not section.csv:
            message = f"the readers of {audience.name!r} are not in a CSV file; digest cannot {task} there"
            raise UsageError(message)
        return self.config.path(section.csv)

    def ledger(self, *, create: bool = True) -> SqlLedger:
        """The newsroom's ledger, opened and examined; made when there never was one. Raises LedgerError."""
        from digest.ledger.opening import open_ledger

        send = self.config.settings.send
        url = self.environ.get(send.ledger_env, "") if send.ledger_env else send.ledger
        name = self.config.newsroom.name
        formerly = {audience.name: audience.was for audience in self.config.audiences.values() if audience.was}
        ledger = open_ledger(
            url,
            root=self.config.root,
            newsroom=name,
            create=create,
            faulty=self._faulty_ledger,
            formerly=formerly,
            identity=newsroom_id.read(self.config.root),
        )
        if send.engine == "procrastinate":
            self._share(ledger)
        return ledger

    def _faulty_ledger(self, message: str) -> Fault:
        """The fault where the URL was given: in the file with its line, or in the environment."""
        if variable := self.config.settings.send.ledger_env:
            missing = "is not set; send.ledger_env names it" if not self.environ.get(variable) else message
            return Fault(file=f"environment {variable}", message=missing)
        return self.config.document.fault(("send", "ledger"), message)

    def _share(self, ledger: SqlLedger) -> None:
        """Make the ledger a fleet's. Raises UsageError without the extra, LedgerError when it is no PostgreSQL."""
        try:
            from digest.ledger.sharing import join

            if find_spec("procrastinate") is None:
                raise ImportError  # noqa: TRY301 - as if it had been imported
        except ImportError:
            ledger.close()
            message = f"send.engine procrastinate needs more than is installed here; {installing('fleet')}"
            raise UsageError(message) from None
        try:
            join(ledger)
        except BaseException:
            ledger.close()
            raise

    def rates(self) -> tuple[float, dict[str, float]]:
        """Mails a second: the relay's limit, and those of domains; 0 is none. Needs no secret. Raises ConfigError."""
        from digest.mail.address import folded_domain
        from digest.smtp.rates import parse_rate

        part, faults = self.config.settings.smtp, list[Fault]()
        rate, per_domain = 0.0, dict[str, float]()
        try:
            rate = parse_rate(part.rate) if part.rate else 0.0
        except ValueError as error:
            faults.append(self.config.document.fault(("smtp", "rate"), str(error)))
        for domain, limit in part.per_domain.items():
            try:
                per_domain[folded_domain(domain)] = parse_rate(limit)
            except ValueError as error:
                faults.append(self.config.document.fault(("smtp", "per_domain", domain), str(error)))
        if faults:
            raise ConfigError(faults)
        return rate, per_domain

    def smtp(self) -> SmtpSettings:
        """How to reach the relay. Raises ConfigError for settings that contradict each other, or a missing password."""
        from digest.smtp.relay_settings import SmtpSettings, Timeouts

        part = self.config.settings.smtp
        command = self._token_command("smtp", part.token_command) if part.username else None
        password = self.secret(part.password_env, part.password_file) if part.username and not command else ""
        if part.username and not (password or command):
            raise ConfigError(self.missing_password())
        token = part.auth == "xoauth2"
        rate, per_domain = self.rates()
        try:
            return SmtpSettings(
                host=part.host,
                port=part.port,
                tls=part.tls,
                username=part.username,
                password="" if token else password,
                oauth_token=password if token else "",
                token=command,
                auth=part.auth,
                local_hostname=part.helo,
                ca_file=str(self.config.path(part.ca_file)) if part.ca_file else "",
                connections=part.connections,
                rate=rate,
                per_domain=per_domain,
                messages_per_connection=part.messages_per_connection,
                timeouts=Timeouts.each(part.timeout) if part.timeout else Timeouts(),
                bdat=part.bdat,
                window=part.window,
            )
        except ValueError as error:
            raise self._fault(("smtp",), str(error)) from None

    def signer(self) -> Signer | None:
        """What signs the mails, or None when the relay does. Raises ConfigError: never an unsigned send instead."""
        part = self.config.settings.dkim
        if part.signer == "relay":
            return None
        from digest.mail.dkim import load_signer

        path = self.config.path(part.key_file)
        try:
            key = path.read_bytes()
        except OSError as error:
            raise self._fault(("dkim", "key_file"), f"{path} cannot be read: {error.strerror}") from None
        return load_signer(key, domain=part.domain, selector=part.selector, file=str(path))

    def unsubscribe_secrets(self) -> tuple[str, ...]:
        """The secrets of unsubscribe links, newest first; several, split by blanks, while one is replaced."""
        part = self.config.settings.unsubscribe
        named = tuple(self.secret(part.secret_env, part.secret_file, "utf-8").split())
        if named or part.secret_file or not (self.config.root / own_secret.FILE).exists():
            return named
        return tuple(self.secret("", own_secret.FILE, "utf-8").split())

    def unsound_leave_url(self) -> tuple[Fault, ...]:
        """Why links to leave, below unsubscribe.url, must not go out. Empty when they may, and where it is not set."""
        from digest.recipients.tokens import unsubscribe_problems

        part = self.config.settings.unsubscribe
        problems = unsubscribe_problems(part.url, allow_local=part.allow_local) if part.url else ()
        return tuple(self.config.document.fault(("unsubscribe", "url"), problem) for problem in problems)

    def missing_leave_secret(self) -> tuple[Fault, ...]:
        """The secret that links to leave are signed with, where they are to go out and it is not there."""
        part = self.config.settings.unsubscribe
        if not part.url or self.unsubscribe_secrets():
            return ()
        message = f"needs a secret: set {part.secret_env}, or secret_file, to 32 random characters"
        return (self.config.document.fault(("unsubscribe",), message),)

    def missing_password(self) -> tuple[Fault, ...]:
        """The relay's password, where it is asked for one and it is not there."""
        part = self.config.settings.smtp
        if not part.username or part.token_command or self.secret(part.password_env, part.password_file):
            return ()
        message = f"needs its password: {_how_to_set(part.password_env, part.password_file, 'smtp.password')}"
        return (self.config.document.fault(("smtp", "username"), message),)

    def demand_sound(self) -> None:
        """Raise ConfigError for what a live send would refuse of how mails leave, and readers; secrets aside."""
        faults = list(self.unsound_leave_url())
        try:
            self.rates() if self.missing_password() else self.smtp()
        except ConfigError as error:
            faults += error.faults
        if faults:
            raise ConfigError(faults)

    def settle_secret(self, ledger: SqlLedger | SharedLedger, *, make: bool, believe: bool = True) -> str:
        """See to it that the secret is the one of this ledger's mails; `make` one where there never was any.

        What the environment or a file that config.yaml names says is believed, and becomes the ledger's; returns what a
        person should hear of that. Not with `believe` False: a worker is one of many, and a person set its secret long
        ago. A fleet, and links to a `digest serve`, need a secret that is named: it must be the same on all machines.
        Raises ConfigError.
        """
        part, send = self.config.settings.unsubscribe, self.config.settings.send
        known, secrets = ledger.mark(own_secret.MARK), self.unsubscribe_secrets()
        if not secrets and not known and make and not (part.url or part.secret_file or send.engine != "local"):
            own_secret.make(self.config.root)
            secrets = self.unsubscribe_secrets()
        marks = [own_secret.mark(secret) for secret in secrets]
        if known in marks or not (known or marks):
            return ""
        named = bool(part.secret_file or self.environ.get(part.secret_env))
        if known and not (named and secrets):
            what = "is not" if secrets else "is empty; it is" if part.secret_file else "is missing; it is"
            message = (
                f"{part.secret_file or own_secret.FILE} {what} the secret of the mails that this ledger knows; copy it "
                "from where they were sent, or from a backup"
            )
            message += "" if part.secret_file else f", or set ${part.secret_env}"
            raise self._fault(("unsubscribe",), message)
        if known and not believe:
            message = (
                "this machine's secret is not that of the mails that the ledger knows: readers could not leave by its "
                "links; give it the one of the machine that ran `digest send`"
            )
            raise self._fault(("unsubscribe",), message)
        ledger.set_mark(own_secret.MARK, marks[-1])
        return known and (
            "the secret is another than that of the mails so far: their links to leave lead nowhere; to keep them, "
            "name both secrets, the new one first and a blank between"
        )

    def demand_secrets(self, why: str) -> tuple[str, ...]:
        """The same, where there must be one. Raises UsageError with why, and how to set one."""
        if found := self.unsubscribe_secrets():
            return found
        part = self.config.settings.unsubscribe
        if part.secret_file:
            message = f"{part.secret_file} is empty: without the secret {why}; write one into it: openssl rand -hex 32"
        else:
            name = part.secret_env
            message = (
                f"{name} is not set: without it {why}; set it, the same wherever digest runs: "
                f"export {name}=$(openssl rand -hex 32), or name a file with it: unsubscribe: {{secret_file: …}}"
            )
        raise UsageError(message)

    def secret(self, variable: str, file: str, encoding: str = "utf-8-sig") -> str:
        """A secret from its file or its environment variable; empty when there is none. Raises ConfigError.

        A byte order mark is no part of a password. To what signs links to leave it is: mails went out with it.
        """
        if not file:
            return self.environ.get(variable, "").strip("\r\n")  # Kubernetes keeps the line's end of `echo | base64`
        path = self.config.path(file)
        try:
            text = path.read_bytes()[:MAX_SECRET].decode(encoding).strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not text"
            raise ConfigError([Fault(file=str(path), message=f"this secret cannot be read: {reason}")]) from None
        return text

    def imap_login(self) -> tuple[str, TokenCommand | None]:
        """The password for IMAP, or what gives tokens. Raises ConfigError where neither is to be had, naming both."""
        part = self.config.settings.bounces
        if command := self._token_command("bounces", part.token_command):
            return "", command
        if password := self.secret(part.password_env, part.password_file):
            return password, None
        how = _how_to_set(part.password_env, part.password_file, "bounces.password")
        key = "password_file" if part.password_file else "password_env"
        raise self._fault(("bounces", key), f"IMAP needs its password: {how}, or give bounces.token_command")

    def _token_command(self, section: str, command: str) -> TokenCommand | None:
        from digest.newsroom.token_command import TokenCommand

        key = f"{section}.token_command"
        return TokenCommand(command, key=key, folder=self.config.root, environ=self.environ) if command else None

    def exposed_secrets(self) -> tuple[Fault, ...]:
        """Passwords in config.yaml, files with secrets that others here can read: they are said, and used all the same.

        OpenDKIM and ssh refuse such a file, Postfix warns. Here refusing would halt an edition that is due, and what
        Kubernetes mounts is open to everybody in its pod unless somebody says otherwise.
        """
        settings = self.config.settings
        passwords = settings.smtp.password_file, settings.bounces.password_file
        named = (*passwords, settings.unsubscribe.secret_file, settings.dkim.key_file, own_secret.FILE)
        addresses: dict[tuple[str, ...], str] = {("send", "ledger"): settings.send.ledger}
        for name, part in settings.audiences.items():
            sql = part.recipients and part.recipients.sql
            addresses["audiences", name, "recipients", "sql", "url"] = sql.url if sql else ""
        document = self.config.document
        known = (
            document.fault(
                path, f"holds a password, as this file must not; name a variable with all of it: {path[-1]}_env"
            )
            for path, address in addresses.items()
            if _PASSWORD.search(address) and not document.origin(path)
        )
        return (
            *known,
            *(
                Fault(
                    file=str(path),
                    message=f"has mode {mode:o}: others can read this secret; chmod 600 {quote(str(path))}",
                )
                for path in dict.fromkeys(typed(self.config.path(name)) for name in named if name)
                if (mode := _mode(path)) & (stat.S_IRGRP | stat.S_IROTH)
            ),
        )

    def _fault(self, path: tuple[str, ...], message: str) -> ConfigError:
        return ConfigError([self.config.document.fault(path, message)])


def _mode(path: Path) -> int:
    """Who may do what with the file; 0 where it is not there, and on Windows, where such bits mean nothing."""
    try:
        return 0 if os.name == "nt" else stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return 0


def _how_to_set(variable: str, file: str, key: str) -> str:
    """What a person does about a secret that is not there; `key` is its setting, without `_env` or `_file`."""
    return f"write it into {file} ({key}_file)" if file else f"set ${variable} ({key}_env), or name a file: {key}_file"
