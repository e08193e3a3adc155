"""An audience's title: one text for all its languages, or `{en: …, fr: …}`, one for each.

Pure. The schema takes both forms; that each language has its title is asked here, of the raw data, so that it is told
together with every other mistake, on the line where it stands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from digest.errors import Fault
    from digest.yamlfile import Document


def faults(document: Document) -> Iterator[Fault]:
    """A language without a title, a title without a language."""
    audiences = document.data.get("audiences")
    newsroom = document.data.get("newsroom")
    own = newsroom.get("language", "en") if isinstance(newsroom, dict) else "en"
    for name, part in (audiences if isinstance(audiences, dict) else {}).items():
        title = part.get("title") if isinstance(part, dict) else None
        if not isinstance(title, dict) or not title:
            continue
        wanted = _listed(part.get("languages")) or [own]
        for language in wanted:
            if language not in title:
                message = f"has no title in {language!r}, one of its languages; add {language}: …"
                yield document.fault(("audiences", name, "title"), message)
        for language in title:
            if language not in wanted:
                message = (
                    f"is none of the audience's languages ({', '.join(map(str, wanted))}); add it there, or drop it"
                )
                yield document.fault(("audiences", name, "title", language), message)


def _listed(value: Any) -> list[Any]:
    return [value] if isinstance(value, str) else value if isinstance(value, list) else []
