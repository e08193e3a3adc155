"""How the relays that many newsrooms use are reached: name, port, encryption, and what their user name is.

What each allows a sender, and how its domain is set up, changes and is said in its own pages; nothing here asks them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Mapping


class Provider(Struct, frozen=True, kw_only=True):
    """One relay's `smtp:` section. `fill_in` says what a person puts in the place of the words in [brackets]."""

    host: str
    username: str
    fill_in: str
    port: int = 587
    tls: str = "starttls"
    connections: int = 0  # at most so many at a time; 0: as config.yaml has it by default
    rate: str = ""
    token_command: str = ""  # in a password's place

    def settings(self) -> str:
        """It as the lines of config.yaml."""
        values: dict[str, str | int] = {
            "host": self.host,
            "port": self.port,
            "tls": self.tls,
            "username": self.username,
            "connections": self.connections,
            "rate": self.rate,
            "token_command": self.token_command,
        }
        lines = [f"  {key}: {_scalar(value)}\n" for key, value in values.items() if value]
        if not self.token_command:
            lines.append("  password_env: DIGEST_SMTP_PASSWORD   # secrets are never in this file\n")
        return "smtp:\n" + "".join(lines)

    @property
    def blank(self) -> str:
        """What a person fills in, and where the secret goes."""
        return self.fill_in if self.token_command else f"{self.fill_in}; its password goes into $DIGEST_SMTP_PASSWORD"


def _scalar(value: str | int) -> str:
    return f'"{value}"' if isinstance(value, str) and value.startswith("[") else str(value)


PROVIDERS: Mapping[str, Provider] = {
    "google": Provider(
        host="smtp-relay.gmail.com",
        username="[the account's address]",
        connections=2,
        fill_in="Google Workspace's SMTP relay, allowed in the Admin console: the account; its app password",
    ),
    "microsoft365": Provider(
        host="smtp.office365.com",
        username="[the mailbox's address]",
        connections=3,
        rate="30/min",
        token_command="[a command that prints an access token]",  # noqa: S106 - a command, and no secret
        fill_in="the mailbox for which SMTP AUTH is allowed; a command of yours that prints an OAuth access token",
    ),
    "ses": Provider(
        host="[email-smtp.REGION.amazonaws.com]",
        username="[the SMTP user name]",
        fill_in="the region of your Amazon SES, and SMTP credentials made there (not the account's access key)",
    ),
    "postmark": Provider(
        host="smtp-broadcasts.postmarkapp.com",
        username="[the broadcast stream's access key]",
        fill_in="the access key of a broadcast stream; its secret key is the password",
    ),
    "brevo": Provider(
        host="smtp-relay.brevo.com",
        username="[the SMTP login]",
        fill_in="the login of Brevo's page SMTP & API; an SMTP key is the password",
    ),
    "mailgun": Provider(
        host="smtp.mailgun.org",
        username="[postmaster@ your domain at Mailgun]",
        fill_in="a login of your domain at Mailgun; in its EU region the host is smtp.eu.mailgun.org",
    ),
    "own": Provider(
        host="[your relay's name]",
        username="[the user name, or take this line out]",
        fill_in="the relay of your house; take username out where it asks for none",
    ),
}
