"""Make a newsroom that can be built at once: `digest init DIR`, and say what is left for a person to fill in.

It copies the sample newsroom that digest ships (config, stories, readers) and the default theme. It never writes into
a folder that already has something of the same name, and writes nothing at all when one file would be in the way.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from digest import files, yamlfile
from digest.config.unfilled import unfilled
from digest.errors import UsageError
from digest.mail.address import canonical
from digest.newsroom import newsroom_id, own_secret
from digest.smtp.providers import PROVIDERS
from digest.text.cleaning import one_line
from digest.text.language import checked

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# The last are what a kill leaves of a file, a list of readers even.
_IGNORE = b"build/\npublic/\n.digest/\n.digest-*.tmp\n"
_CONFIG = Path("config.yaml")
_SECRET = Path(own_secret.FILE)
_SAMPLES = "ILO Newsroom"  # whose newsroom the sample is


class Blank(Struct, frozen=True, kw_only=True):
    """Something that a person must fill in. `where` is `config.yaml:9: newsroom.url`, or a file."""

    where: str
    what: str


class StarterResult(Struct, frozen=True, kw_only=True):
    """A new newsroom: its files, and what of them is still the sample's."""

    files: tuple[Path, ...]
    blanks: tuple[Blank, ...]


def make(
    folder: Path,
    *,
    name: str = "",
    contact: str = "",
    theme: bool = True,
    archive_url: str = "",
    empty: bool = False,
    language: str = "",
    feed: str = "",
    provider: str = "",
) -> StarterResult:
    """Write a newsroom into `folder`. Raises UsageError when one of its files is there already.

    What is sent is published at `archive_url`; without one the settings for that are there as comments. An `empty` one
    has one audience, and no sample's stories or readers; `feed` is a source of it, `provider` its relay.
    """
    if language:
        try:
            checked(language)
        except ValueError as error:
            raise UsageError(str(error)) from None
    try:
        contact = contact and canonical(contact)
    except ValueError as error:
        message = f"--contact {contact!r} is not a mail address: {error}"
        raise UsageError(message) from None
    if provider and provider not in PROVIDERS:
        message = f"there is no provider {provider!r}{yamlfile.did_you_mean(provider, PROVIDERS)}"
        raise UsageError(message)
    wanted = dict(_wanted(theme=theme))
    if empty:
        wanted = dict(_emptied(wanted))
    shown = name or _name_of(folder)
    config = _named(wanted[_CONFIG].decode(), _values(shown, contact))
    config = config.replace(f"title: All {_SAMPLES} content", f"title: {_quoted(f'All {shown} content')}")
    config = _chosen(_archived(config, archive_url), language=language, feed=feed, provider=provider)
    wanted[_CONFIG] = config.encode()
    if taken := sorted(str(path) for path in wanted if (folder / path).exists()):
        message = f"{folder}: {taken[0]} is there already; name a new or empty folder"
        raise UsageError(message)
    with files.writing(folder):
        for path, data in wanted.items():
            files.write_whole(folder / path, data, mode=own_secret.MODE if path == _SECRET else None)
    return StarterResult(
        files=tuple(folder / path for path in wanted),
        blanks=tuple(_blanks(folder, config, named=bool(name), provider=provider, empty=empty)),
    )


def web_address(text: str) -> str:
    """The address that was typed, or nothing. Raises UsageError for what is none."""
    if text and not re.fullmatch(r"https?://[^\s/?#\"']+[^\s?#\"']*", text):
        message = f"{text!r} is not a web address; write it out, like https://news.example.org"
        raise UsageError(message)
    return text


def feed_address(text: str, folder: Path) -> str:
    """The feed that was typed as config.yaml in `folder` names it. Raises UsageError for what is none, and no file."""
    path = Path(os.path.expanduser(text))  # noqa: PTH111 - pathlib's raises where `~name` has no home
    if not text or "://" in text:
        return web_address(text)
    if not path.is_file():
        message = f"{text!r} is neither a web address, like https://news.example.org/feed, nor a file that is there"
        raise UsageError(message)
    return os.path.relpath(path.resolve(), folder.resolve())


def _name_of(folder: Path) -> str:
    """What a newsroom is called that was given no name: as its folder is."""
    name = one_line(re.sub(r"[-_.]+", " ", folder.resolve().name))
    if not name or "@" in name:  # a sender's name must not look like an address
        return "Newsroom"
    return name.title() if name.islower() else name


def _values(name: str, contact: str) -> Mapping[str, str]:
    """What the sample's keys say in a newsroom of that name: nothing in it stays the sample newsroom's own."""
    return {
        "name": name,
        "contact": contact or "newsroom@example.org",
        "url": "https://www.example.org/newsroom",
        "postal_address": f"[{name}: street, postcode, town and country]",
    }


def _blanks(folder: Path, config: str, *, named: bool, provider: str, empty: bool) -> Iterator[Blank]:
    document = yamlfile.parse(config, str(folder / _CONFIG))
    if not named:
        where = f"{document.where(('newsroom', 'name'))}: newsroom.name"
        yield Blank(where=where, what="is the folder's; write the newsroom's name")
    for fault in unfilled(document):
        if not fault.key.startswith("smtp."):  # of which the next line tells
            yield Blank(where=f"{fault.place}: {fault.key}", what=fault.message)
    relay = PROVIDERS[provider].blank if provider else "your relay; its password goes into $DIGEST_SMTP_PASSWORD"
    yield Blank(where=f"{document.where(('smtp',))}: smtp", what=relay)
    if empty:
        yield Blank(where=str(folder / "recipients/everyone.csv"), what="your readers, a line each")
        return
    yield Blank(where=str(folder / "recipients/everyone.csv"), what="your readers, in place of the six examples")
    yield Blank(where=str(folder / "stories"), what="your stories, in place of the ILO's (see `digest import`)")


def _wanted(*, theme: bool) -> Iterator[tuple[Path, bytes]]:
    sample, templates = _shipped()
    yield Path("config.yaml"), (sample / "config.yaml").read_bytes()
    yield Path(".gitignore"), _IGNORE
    yield Path(newsroom_id.FILE), newsroom_id.as_data(newsroom_id.fresh())
    yield _SECRET, own_secret.fresh()
    shipped = ("stories/**/*.md", "stories/pictures/*", "issues/*/*.yaml", "recipients/*.csv")
    themes = (f"{templates.name}/default/**/*",) if theme else ()
    for base, pattern in (*((sample, each) for each in shipped), *((templates.parent, each) for each in themes)):
        for path in sorted(base.glob(pattern)):
            if path.is_file():
                yield path.relative_to(base), path.read_bytes()


def _emptied(wanted: Mapping[Path, bytes]) -> Iterator[tuple[Path, bytes]]:
    """The same newsroom without the sample's stories and readers, and with the one audience that needs neither."""
    for path, data in wanted.items():
        if path == _CONFIG:
            text = re.sub(r"(?m)^  (?:impact|skills):\n(?:    .*\n)+", "", data.decode())
            yield path, text.encode()
        elif path.parts[0] == "recipients":
            if path.name == "everyone.csv":
                yield path, b"email,name,language\n"
        elif path.parts[0] not in ("stories", "issues"):
            yield path, data
    yield Path("stories/.gitkeep"), b""


def _chosen(config: str, *, language: str, feed: str, provider: str) -> str:
    """The config with a language, a source and a relay of one's own."""
    if language:
        config = re.sub(r"(?m)^(  language: ).*$", lambda found: found[1] + _quoted(language), config, count=1)
    if provider:
        settings = PROVIDERS[provider].settings()
        config = re.sub(r"(?m)^smtp:\n(?:  .*\n)+", lambda _: settings, config)
    if feed:
        config += f"\nsources:\n  - name: feed\n    url: {_quoted(feed)}\n    channel: all-content\n    every: 1 hour\n"
    return config


def _shipped() -> tuple[Path, Path]:
    """The sample newsroom and the templates: inside the package when it is installed, else in the repository."""
    package = Path(__file__).parents[1]
    if (package / "sample").is_dir():
        return package / "sample", package / "templates"
    return package.parents[1], package.parents[1] / "templates"


def _named(config: str, values: Mapping[str, str]) -> str:
    """The sample config with other values in the section newsroom, each quoted so that any text is one YAML value."""

    def line(found: re.Match[str]) -> str:
        value = values.get(found[2])
        return found[0] if value is None else f"{found[1]}{_quoted(value)}"

    return re.sub(r"(?m)^(  (\w+): ).*$", line, config)


def _archived(config: str, url: str) -> str:
    """The sample config with the archive at this address, or with what is said of it as comments."""
    if url:
        return re.sub(r"(?m)^(archive:\n  url: )\S+", lambda found: found[1] + _quoted(url), config)
    config = re.sub(r"(?m)^    archive: public", "    # archive: public", config)
    return re.sub(r"(?m)^archive:\n  url:", "# archive:\n#   url:", config)


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
