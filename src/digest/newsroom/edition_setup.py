"""What a newsroom's editions are made with: theme, checks, pictures, and what a mail says of its sender.

Made from config.yaml alone, each part when it is first asked for. It knows nothing of stories, editions or readers.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import quote

from msgspec import Struct
from msgspec.structs import replace

from digest.errors import ConfigError, RenderError, ThemeError
from digest.model import Finding, Severity
from digest.newsroom import paths
from digest.yamlfile import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime
    from pathlib import Path

    from digest.checks.context import Online
    from digest.checks.registry import Policy
    from digest.composer.options import ThemeOptions
    from digest.composer.page_theme import PageTheme
    from digest.composer.photos import Photo
    from digest.composer.theme import Theme
    from digest.composer.trace import MarkedTheme, Trace
    from digest.config.load import Config
    from digest.mail.sender_identity import SenderIdentity
    from digest.model import Audience, Edition, Rendering, Selection

UNPUBLISHED = "archive-unpublished"


class EditionSetup(Struct, frozen=True, kw_only=True, eq=False, dict=True):
    """The settings of one newsroom, turned into the things that they describe."""

    config: Config
    environ: Mapping[str, str]

    @cached_property
    def options(self) -> ThemeOptions:
        """The theme's settings, its logo as the mail refers to it. Loading the theme says what is wrong with them."""
        from digest.composer.options import ThemeOptions

        section = self.config.settings.theme
        given = {name: value for name, value in section.model_dump().items() if value not in (None, "")}
        return ThemeOptions(**(given | {"logo": self.logo.src}))

    @cached_property
    def logo(self) -> Photo:
        """How the logo travels: as a story's photo does, but never by the archive, since all audiences share it."""
        from digest.composer.options import ThemeOptions
        from digest.composer.photos import ImageRoute, Photo
        from digest.composer.recompress import Box

        section = self.config.settings.theme
        if not section.logo:
            return Photo()
        options = ThemeOptions(images=section.images, image_base_url=section.image_base_url)
        box = Box(width=section.logo_width, height=section.logo_width)
        return ImageRoute.choose(options, self.image, self._cache).place(section.logo, box)

    @property
    def _cache(self) -> Path | None:
        return paths.theme_cache(self.environ)

    @property
    def carries(self) -> bool:
        """Whether the files of stories travel in mails.

        Where they do not, `image_base_url` serves them: the archive has no file before the first mail goes.
        """
        from digest.composer.photos import ImageRoute

        return ImageRoute.choose(self.options, self.image, None).carry

    @cached_property
    def theme(self) -> Theme:
        """The compiled theme, from the cache when nothing changed. Raises ThemeError, ConfigError."""
        from digest.composer.theme import load_theme

        self.demand_theme()
        return load_theme([self.config.root / "templates"], self.options, cache=self._cache)

    @cached_property
    def page_theme(self) -> PageTheme:
        """What public pages take from the theme. Raises ThemeError, ConfigError."""
        from digest.composer.page_theme import load_page_theme

        self.demand_theme()
        return load_page_theme([self.config.root / "templates"], self.options)

    @cached_property
    def policy(self) -> Policy:
        """How loud each check is to be. Raises ConfigError for a code that does not exist."""
        from digest.checks.registry import Policy

        given = {code: (part.severity, part.reason) for code, part in self.config.settings.checks.items()}
        try:
            return Policy.parse(given)
        except ConfigError as error:
            document = self.config.document
            raise ConfigError(
                document.fault(tuple(each.key.split(".")), each.message) for each in error.faults
            ) from None

    def compose(self, selection: Selection, audience: Audience, now: datetime) -> Rendering:
        """Compose the selection for the audience. Raises ThemeError, RenderError."""
        rendering = self._composed(selection, audience, now, self.theme)
        findings = (*rendering.findings, *self._unpublished(selection.edition))
        return replace(rendering, findings=findings)

    @cached_property
    def _marked_theme(self) -> MarkedTheme:
        from digest.composer.trace import marked_theme

        return marked_theme(self.options, self.theme)

    def trace(self, selection: Selection, audience: Audience, now: datetime, rendering: Rendering) -> Trace | None:
        """What wrote each place of the HTML that was composed of this; None where it cannot be told."""
        try:
            marked = self._composed(selection, audience, now, self._marked_theme.theme, rendering.cut)
        except (RenderError, ThemeError):
            return None  # its marks take steps and room, too, of which there are only so many
        return self._marked_theme.trace(marked.html, rendering.html)

    def _composed(
        self, selection: Selection, audience: Audience, now: datetime, theme: Theme, cut: int | None = None
    ) -> Rendering:
        from digest.composer.compose import compose

        settings = self.config.settings
        try:
            return compose(
                selection,
                theme=theme,
                cut=cut,
                newsroom=self.config.newsroom,
                audience=audience,
                options=self.options,
                now=now,
                subject=settings.mail.subject,
                preheader=settings.mail.preheader,
                read_image=self.image,
                logo=self.logo,
                archive_url=self.page_url(selection.edition),
            )
        except RenderError as error:
            raise RenderError(self.config.placed(str(error))) from None

    def demand_theme(self) -> None:
        """Raise ConfigError for the name of a theme that is not there."""
        from digest.composer.files import themes

        name, known = self.config.settings.theme.name, themes([self.config.root / "templates"])
        if name not in known:
            message = f"there is no theme {name!r}{did_you_mean(name, known)}"
            raise ConfigError([self.config.document.fault(("theme", "name"), message)])

    def demand_logo(self) -> None:
        """Raise ConfigError for a logo that is a file, and is not there."""
        logo = self.config.settings.theme.logo
        if logo and "://" not in logo and not logo.startswith("//") and self.logo.src == "":
            path = ("theme", "logo")
            message = f"{logo!r} is no picture that is there; put the file in the newsroom's folder"
            raise ConfigError([self.config.document.fault(path, message)])

    def demand_links(self) -> None:
        """Raise ConfigError for addresses of config.yaml that the checks of a mail would take for an error as links."""
        from digest.checks.links import faults
        from digest.checks.registry import CHECKS

        found = [
            self.config.document.fault(path, message)
            for path, url in self._links()
            if url
            for code, message in faults(url)
            if not self.policy.silences(code)
            if (self.policy.rulings[code] if code in self.policy.rulings else CHECKS[code]).severity is Severity.ERROR
        ]
        if found:
            raise ConfigError(found)

    def _links(self) -> Iterator[tuple[tuple[str, ...], str]]:
        """The addresses to which a mail leads, by their place in config.yaml."""
        settings = self.config.settings
        yield ("newsroom", "url"), settings.newsroom.url
        yield from ((("newsroom", "social", name), url) for name, url in settings.newsroom.social.items())
        yield from ((("audiences", name, "more_url"), part.more_url) for name, part in settings.audiences.items())
        yield ("theme", "image_base_url"), settings.theme.image_base_url
        yield ("archive", "url"), settings.archive.url
        yield ("archive", "subscribe_url"), settings.archive.subscribe_url

    def published(self, audience: str) -> bool:
        """Whether what is sent to this audience, under whatever former name, stands in the public archive."""
        known = self.config.known_audience(audience)
        return known is not None and self.config.settings.audiences[known.name].archive == "public"

    def page_url(self, edition: Edition) -> str:
        """The address of the edition's own page in the public archive; empty where there is none."""
        base = self.config.settings.archive.url
        return f"{base.rstrip('/')}/{page_path(edition)}" if base and self.published(edition.audience) else ""

    def _unpublished(self, edition: Edition) -> Iterator[Finding]:
        """The archive has an address, and nobody ever said whether it is to have this audience's editions."""
        audience, settings = self.config.audience(edition.audience).name, self.config.settings
        if settings.archive.url and "archive" not in settings.audiences[audience].model_fields_set:
            message = (
                "archive.url is set, and nothing of this audience is published, so the mail goes without the link to "
                f"its page; write `archive: public` under audiences.{audience}, or `archive: none`"
            )
            where = self.config.document.where(("audiences", audience))
            yield Finding(code=UNPUBLISHED, severity=Severity.WARNING, where=where, message=message)

    def identity(self, audience: Audience, edition: Edition, *, own_mailto: bool = False) -> SenderIdentity:
        """What every mail to this audience says of itself; with `own_mailto`, each names its reader's own mailto."""
        from digest.mail.sender_identity import SenderIdentity, feedback_id

        newsroom, settings = self.config.newsroom, self.config.settings
        return SenderIdentity(
            sender=newsroom.sender,
            sender_name=newsroom.sender_name,
            reply_to=audience.contact,
            list_id=f"{audience.name}.{self.list_domain}",
            list_name=audience.title,
            unsubscribe_mailto=settings.unsubscribe.mailto or newsroom.contact,
            unsubscribe_own_mailto=own_mailto,
            unsubscribe_https=settings.unsubscribe.url.startswith("https://"),  # RFC 8058 knows no other
            feedback_id=feedback_id(edition.period.id, audience.name, edition.language, self.list_domain),
            message_id_domain=newsroom.sender.rpartition("@")[2],
            organization=newsroom.name,
            headers=self._headers(audience),
            envelope=settings.newsroom.bounces_to or "",
            verp=settings.bounces.verp,
        )

    def _headers(self, audience: Audience) -> tuple[tuple[str, str], ...]:
        """Further header fields: those of the relay, and the audience's, which take the place of one of that name."""
        settings = self.config.settings
        wanted = (*settings.smtp.headers.items(), *settings.audiences[audience.name].headers.items())
        return tuple({name.lower(): (name, value) for name, value in wanted}.values())

    @property
    def list_domain(self) -> str:
        """The domain in which List-Ids and the ids of feeds are."""
        return self.config.settings.mail.list_domain or self.config.newsroom.sender.rpartition("@")[2]

    def example(self, audience: Audience) -> dict[str, str]:
        """Slot values for the copy that belongs to no reader."""
        from digest.recipients import tokens

        unsubscribe = self.config.settings.unsubscribe
        mailto = tokens.plain_mailto(unsubscribe.mailto or self.config.newsroom.contact, audience.name)
        return {
            "name": "",
            "address": f"reader@{self.config.newsroom.sender.rpartition('@')[2]}",
            "unsubscribe_mailto": mailto,
            "unsubscribe_url": tokens.example_url(unsubscribe.url) if unsubscribe.url else mailto,
        }

    def online(self) -> Online:
        """The ways out for checks that need a network: pages and images with the import's guards, DNS, SpamAssassin."""
        from digest.checks.context import Online, WebAnswer
        from digest.fetching.fetch import ask

        settings = self.config.settings

        def fetch(url: str) -> WebAnswer:
            answer = ask(url, timeout=settings.imports.timeout, allow_private=settings.imports.allow_private)
            return WebAnswer(status=answer.status, content_type=answer.content_type, data=answer.data)

        host, _, port = settings.mail.spamd.rpartition(":")
        return Online(fetch=fetch, spamd=(host, int(port)) if host else None)

    def image(self, name: str) -> bytes:
        """The bytes of a file that a story names by a path inside the newsroom. Raises OSError when there is none."""
        return paths.inside(self.config.root, name)

    def read_image(self, name: str) -> bytes | None:
        """The same; None when there is none."""
        try:
            return self.image(name)
        except OSError:
            return None


def page_path(edition: Edition) -> str:
    """The folder of an edition's page below the archive's address: `2022-02/everyone/en/`."""
    return quote(f"{edition.id}/")
