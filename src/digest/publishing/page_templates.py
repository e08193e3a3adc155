"""The templates of the public pages, and what every page has round its content: the newsroom, its logo, its theme.

The templates are templates/archive/*.j2, run as a theme's are; colours and fonts are the theme's. A newsroom's own come
first, file by file. Pure but for reading the templates.
"""

from __future__ import annotations

from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from msgspec import Struct, structs

from digest.composer.files import builtin, read_template, whole
from digest.composer.i18n import direction
from digest.composer.sandbox import ThemeEnvironment, run, template_value
from digest.composer.summary import Markdown
from digest.errors import Fault, ThemeError
from digest.model import content_hash
from digest.newsroom.edition_setup import page_path
from digest.text.cleaning import one_line
from digest.text.urls import resolve

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jinja2 import Template

    from digest.composer.i18n import Wording
    from digest.composer.theme import Theme
    from digest.model import Edition
    from digest.newsroom.newsroom import Newsroom

FOLDER = "archive"  # of the templates
PAGES = ("edition.html.j2", "index.html.j2", "style.css.j2", "search.js")
IMAGES = "img"
_SHADES = {"body": "ink", "soft": "ink", "line": "soft", "tint": "page", "accent": "ink", "band": "accent"}


@lru_cache(maxsize=16)  # the same few make all pages
def _template(text: str, file: str, *, escape: bool) -> Template:
    from jinja2 import TemplateSyntaxError

    environment = ThemeEnvironment(escape=escape, lines=True)
    try:
        return environment.template(environment.guarded(text, file))
    except TemplateSyntaxError as error:
        message = error.message or "this is not Jinja"
        raise ThemeError([Fault(file=file, line=error.lineno, message=message)]) from None


@template_value
class PageLink(Struct, kw_only=True):
    """Another page: its address seen from this one, the absolute one, and what it is called in its own language."""

    href: str
    url: str
    label: str
    language: str
    dir: str
    locale: str = ""
    current: bool = False


class PageTemplates(Struct, frozen=True, kw_only=True, dict=True):
    """The templates of a newsroom's pages. Raises ThemeError for what is no Jinja, RenderError for one that fails."""

    newsroom: Newsroom
    logo: str = ""  # its file below img/, or its address elsewhere

    @cached_property
    def base(self) -> str:
        """The archive's address, with a slash at its end."""
        return self.newsroom.config.settings.archive.url.rstrip("/") + "/"

    @cached_property
    def theme(self) -> Theme:
        """The newsroom's theme; Markdown without a mail's inline styles."""
        return structs.replace(self.newsroom.edition_setup.theme, markdown=Markdown({}))

    @cached_property
    def sources(self) -> dict[str, tuple[str, str]]:
        """Each template's text, with the name by which a person would open it."""
        found: dict[str, tuple[str, str]] = {}
        for name in PAGES:
            own, ours = (root / FOLDER / name for root in (self.newsroom.root / "templates", builtin()))
            file = own if own.is_file() else ours
            found[name] = read_template(file).text, str(file)
        return found

    @cached_property
    def stamp(self) -> str:
        """A hash of all that every page has in common."""
        settings = self.newsroom.config.settings
        return content_hash(
            {
                "templates": {name: text for name, (text, _file) in self.sources.items()},
                "theme": self.theme.hash,
                "logo": self.logo,
                "newsroom": self.newsroom.config.newsroom,
                "archive": settings.archive.model_dump(mode="json"),
                "audiences": {name: each.titles or each.title for name, each in self.newsroom.config.audiences.items()},
                "contacts": {name: each.contact for name, each in self.newsroom.config.audiences.items()},
            }
        )

    def filled(self, name: str, values: Mapping[str, Any], *, escape: bool = True) -> bytes:
        """A template of this name, filled. Raises RenderError."""
        text, file = self.sources[name]
        page = run(_template(text, file, escape=escape), values, whole(file), [])
        return f"{page.strip()}\n".encode()

    def style(self) -> bytes:
        """The style sheet of all pages."""
        constants = self.theme.constants
        look: dict[str, Any] = {"heading_font": constants["heading_font"], "body_font": constants["body_font"]}
        for scheme in ("", "_dark"):
            for name in ("ink", "page", "sheet", "band", "on_band", "on_band_soft", *_SHADES):
                value = constants.get(f"{name}{scheme}")
                look[f"{name}{scheme}"] = value or look.get(f"{_SHADES.get(name, name)}{scheme}") or constants["ink"]
        return self.filled("style.css.j2", {"look": look}, escape=False)

    def script(self) -> bytes:
        """What makes the search work."""
        return self.sources["search.js"][0].encode()

    def frame(self, wording: Wording, *, depth: int, path: str) -> dict[str, Any]:
        """What every page has round its content."""
        newsroom, archive = self.newsroom.config.newsroom, self.newsroom.config.settings.archive
        constants = self.theme.constants
        return {
            "language": wording.language,
            "dir": wording.direction,
            "words": wording.catalogue,
            "newsroom": {
                "name": one_line(newsroom.name),
                "url": resolve(newsroom.url).url if newsroom.url else "",
                "address_lines": [line.strip() for line in newsroom.postal_address.splitlines() if line.strip()],
            },
            "logo": self._logo(depth),
            "logo_width": constants.get("logo_width") or 160,
            "logo_alt": constants.get("logo_alt") or one_line(newsroom.name),
            "root": "../" * depth or "./",
            "url": f"{self.base}{path}",
            "base": self.base,
            "indexed": archive.index,
            "subscribe": archive.subscribe_url,
            "locale": wording.regional_tag,
        }

    def _logo(self, depth: int) -> str:
        """The logo's address seen from a page so many folders deep; empty when there is none."""
        return self.logo if not self.logo or "://" in self.logo else f"{'../' * depth}{IMAGES}/{self.logo}"

    def link(self, edition: Edition, depth: int) -> PageLink:
        """An edition's page as one sees it from a page so many folders deep."""
        path, wording = page_path(edition), self.theme.wording(edition.language)
        return PageLink(
            href=f"{'../' * depth}{path}",
            url=f"{self.base}{path}",
            label=wording.period(edition.period),
            language=edition.language,
            dir=direction(edition.language),
            locale=wording.regional_tag,
        )

    def called(self, language: str) -> str:
        """A language by its own name: `français`, `português (Brasil)`."""
        from babel import Locale, UnknownLocaleError

        try:
            return str(Locale.parse(language, sep="-").get_display_name() or language)
        except (UnknownLocaleError, ValueError):
            return language

    def year(self, year: int, language: str) -> str:
        """A year as the language writes it."""
        from digest.period import parse

        return self.theme.wording(language).period(parse(f"{year:04}", self.newsroom.config.newsroom.timezone))
