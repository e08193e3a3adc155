"""What mkdocs.yml calls: pages of the site that stand elsewhere in the repository, and links that lead to such files.

A page links to `../CONTRIBUTING.md` as it lies on disk, so that the link is right wherever the file is read. On the
site that is the page `repository/CONTRIBUTING.md`.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING

from mkdocs.structure.files import File

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
PREFIX = "repository"
OUTSIDE = (
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "SECURITY.md",
    "benchmarks/README.md",
    "benchmarks/RESULTS.md",
    "benchmarks/charts",
    "examples",
    "templates/README.md",
)
_LINK = re.compile(r"(\]\()([^)#\s:]+)((?:#[^)\s]*)?\))")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add what pages link to outside docs/."""
    for name in OUTSIDE:
        place = ROOT / name
        for path in sorted(place.rglob("*")) if place.is_dir() else [place]:
            if path.is_file():
                inside = f"{PREFIX}/{path.relative_to(ROOT).as_posix()}"
                files.append(File.generated(config, inside, abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001 - mkdocs names them
    """Lead links that leave docs/, or that come from outside it, to where the file is on the site."""
    uri = page.file.src_uri
    folder = posixpath.dirname(f"docs/{uri}" if not uri.startswith(PREFIX) else uri.removeprefix(f"{PREFIX}/"))

    def led(link: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(folder, link[2]))
        if (ROOT / target).is_dir():
            target = next((name for name in (f"{target}/README.md",) if (ROOT / name).is_file()), target)
        inside = target.removeprefix("docs/") if target.startswith("docs/") else f"{PREFIX}/{target}"
        return link[1] + posixpath.relpath(inside, posixpath.dirname(uri) or ".") + link[3]

    return _LINK.sub(led, markdown)


def on_post_page(output: str, page: Page, config: MkDocsConfig) -> str:  # noqa: ARG001 - mkdocs names them
    """Name the dialog of the search, which Material leaves without a name for who hears the page."""
    return output.replace(
        'data-md-component="search" role="dialog"', 'data-md-component="search" role="dialog" aria-label="Search"'
    )
