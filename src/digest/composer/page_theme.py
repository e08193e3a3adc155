"""What public pages take from a theme: its colours in light and dark, its logo and fonts, and its words.

    folders + options ─▶ theme.yaml, locale/*.yaml ─▶ PageTheme

No template is read, so a mistake in one closes no page.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field

from digest.composer.i18n import DEFAULT, PAGE, Wording
from digest.composer.settings import catalogues, colours
from digest.composer.theme import theme_files
from digest.model import language_tags

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from digest.composer.i18n import Catalogue
    from digest.composer.options import ThemeOptions


class PageTheme(Struct, frozen=True, kw_only=True, eq=False):
    """A theme as pages on the web see it. `colours` are by name: `ink` by day, `ink_dark` in dark mode."""

    colours: Mapping[str, str]
    options: ThemeOptions
    catalogues: Mapping[str, Catalogue]
    _wordings: dict[str, Wording] = field(default_factory=dict)

    def wording(self, languages: Iterable[str]) -> Wording:
        """The words of the first of `languages` in which pages have any, by exact tag, then by broader ones."""
        offered = (tag for language in languages for tag in language_tags(language))
        chosen = next((tag for tag in offered if self._speaks(tag)), DEFAULT)
        if chosen not in self._wordings:  # as many as there are catalogues, whatever a browser asks for
            self._wordings[chosen] = Wording(chosen, self.catalogues)
        return self._wordings[chosen]

    def _speaks(self, tag: str) -> bool:
        return any(key.startswith(PAGE) for key in self.catalogues.get(tag, ()))


def load_page_theme(folders: Sequence[Path], options: ThemeOptions) -> PageTheme:
    """Read what pages need of the theme that `options` names. Raises ThemeError with every fault."""
    files = theme_files(folders, options)
    palette, _ = colours(files, options)
    return PageTheme(colours=palette, options=options, catalogues=catalogues(files))
