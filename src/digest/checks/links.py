"""Links in stories and in the finished HTML: relative, http, doubled, unsafe, disguised, private, tracking.

What is wrong with an address is decided in `web_address`; here it is found where it stands: `story.link`, the links of
a summary's Markdown, and the HTML's own. An address that a story wrote is reported at the story, not again in the HTML.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from digest.checks.context import Check, Hit, check
from digest.checks.web_address import faults
from digest.model import Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from digest.checks.context import CheckContext
    from digest.model import Story

# Inline links `[text](url "title")`, reference definitions `[a]: url` and autolinks `<https://…>`.
_MARKDOWN_LINK = re.compile(
    r"(?<!!)\[[^\]\n]*\]\(\s*(?:<([^>\n]*)>|([^\s)]*(?:\([^\s)]*\)[^\s)]*)*))"
    r"|^ {0,3}\[[^\]\n]+\]:\s*(\S+)|<((?:https?|mailto|javascript|data|file|ftp):[^>\s]*)>",
    re.MULTILINE | re.IGNORECASE,
)

# Code: severity, why, what is found.
_KINDS = {
    "link-malformed": (
        Severity.ERROR,
        "An address that no browser can read opens nothing.",
        "An empty link, a blank or an invisible character in it, no host, an impossible port.",
    ),
    "link-relative": (
        Severity.ERROR,
        "A mail has no address of its own, so a relative link leads nowhere.",
        "A link without scheme; a story's path is fine where the newsroom has a url to put before it.",
    ),
    "link-unsafe": (
        Severity.ERROR,
        "Links that run something or open a file are stripped, or dangerous.",
        "`javascript:`, `data:`, `file:` and every scheme but https, http, mailto and tel.",
    ),
    "link-doubled-host": (
        Severity.ERROR,
        "Two addresses pasted together lead to an error page.",
        "`https://x.org/https://…`, `https://https://…`, `https://x.org/x.org/…`; web archives are let be.",
    ),
    "link-disguised": (
        Severity.ERROR,
        "An address with a user name in it shows one site and opens another.",
        "`https://ilo.org@elsewhere.example/`.",
    ),
    "link-private": (
        Severity.ERROR,
        "Readers cannot reach a machine that is only in the newsroom's network.",
        "localhost, names without a dot or under .local and .internal, addresses that are not global.",
    ),
    "link-lookalike": (
        Severity.WARNING,
        "A name that mixes scripts may be somebody else's, made to be mistaken.",
        "Host names with Latin and Cyrillic or Greek letters in one part, or only letters that look Latin.",
    ),
    "link-long": (
        Severity.WARNING,
        "Very long addresses are cut by some programs and then lead nowhere.",
        "More than 2,000 characters.",
    ),
    "link-http": (
        Severity.INFO,
        "An unencrypted page can be read and changed on its way to the reader.",
        "A link with http.",
    ),
    "link-tracking": (
        Severity.INFO,
        "This digest follows nobody, and neither should its links.",
        "utm_…, fbclid and other parameters that only tell who clicked where.",
    ),
}


def written(story: Story) -> Iterator[tuple[str, str]]:
    """The links that a story wrote: (key, address), the story's own first."""
    if story.link:
        yield "link", story.link
    for found in _MARKDOWN_LINK.finditer(story.summary):
        if address := next((group for group in found.groups() if group is not None), ""):
            yield "summary", address


def _finder(code: str, finds: str) -> Callable[[CheckContext], Iterator[Hit]]:
    def find(context: CheckContext) -> Iterator[Hit]:
        return (hit for found, hit in context.once(link_faults) if found == code)

    find.__doc__ = finds
    return find


def link_faults(context: CheckContext) -> tuple[tuple[str, Hit], ...]:
    """Every fault of every link, with the code of the check that reports it."""
    return tuple(_link_faults(context))


def _link_faults(context: CheckContext) -> Iterator[tuple[str, Hit]]:
    reported: set[str] = set()
    based = bool(context.newsroom.url)
    for story in context.stories:
        for key, url in written(story):
            for found, message in faults(url):
                # The composer makes a plain relative path absolute with the newsroom's url.
                if not (found == "link-relative" and based and re.match(r"[/?][^/]", url)):
                    yield found, Hit(context.place(story, key), message)
            reported.add(url.strip())
    if context.document is None:
        return
    for element in context.document.elements:
        href = element.attributes.get("href", "#")
        if element.tag != "a" or context.is_slot(href) or href.startswith("#") or href.strip() in reported:
            continue
        reported.add(href.strip())
        for found, message in faults(href):
            yield found, Hit(f"html:{element.line}", message)


LINK_CHECKS: tuple[Check, ...] = tuple(
    Check(code=code, severity=severity, scope="rendering", why=why, run=_finder(code, finds))
    for code, (severity, why, finds) in _KINDS.items()
)


@check(
    "text-links", Severity.WARNING, "rendering", "Readers of the text part should get every link, in the same order."
)
def text_links(context: CheckContext) -> Iterator[Hit]:
    """Web links that are in only one of HTML and text, or in another order; slots are left out."""
    if context.rendering is None or context.document is None:
        return
    hrefs = (e.attributes.get("href", "").strip() for e in context.document.elements if e.tag == "a")
    html = [url for url in dict.fromkeys(hrefs) if re.match(r"https?://", url) and not context.is_slot(url)]
    plain = [url for url in dict.fromkeys(_text_urls(context.rendering.text)) if not context.is_slot(url)]
    missing, extra = [url for url in html if url not in plain], [url for url in plain if url not in html]
    for url in missing:
        yield Hit("text", f"{url} is linked in the HTML and not in the text")
    for url in extra:
        yield Hit("html", f"{url} is in the text and not linked in the HTML")
    both = [url for url in html if url in plain]
    for one, two in zip(both, (url for url in plain if url in html), strict=True):
        if one != two:
            yield Hit("text", f"links are in another order than in the HTML: {two} stands where {one} should")
            break


def _text_urls(text: str) -> Iterator[str]:
    for found in re.finditer(r"https?://[^\s<>\"]+", text):
        url = found[0]
        while url[-1] in ".,;:!?'" or (url[-1] == ")" and url.count("(") < url.count(")")):
            url = url[:-1]
        yield url
