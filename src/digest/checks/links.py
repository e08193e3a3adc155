"""Links in stories and in the finished HTML: relative, http, doubled, unsafe, disguised, private, tracking.

What is wrong with an address is found by looking at it (`faults`), never by asking anybody, wherever it stands:
`story.link`, the links of a summary's Markdown, and the HTML's own. An address that a story wrote is reported at the
story, not again in the HTML.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from digest.checks.context import Check, Hit, check
from digest.model import Severity
from digest.text.urls import LONGEST, SCHEME, bare_addresses, host_of, is_private, is_tracking, resolve, untracked
from digest.text.wrapping import clipped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from urllib.parse import SplitResult

    from digest.checks.context import CheckContext
    from digest.model import Story

# Inline links `[text](url "title")`, reference definitions `[a]: url` and autolinks `<https://…>`.
_MARKDOWN_LINK = re.compile(
    r"(?<!!)\[[^\[\]\n]*\]\(\s*(?:<([^>\n]*)>|([^\s)]*(?:\([^\s)]*\)[^\s)]*)*))"
    r"|^ {0,3}\[[^\]\n]+\]:\s*(\S+)|<((?:https?|mailto|javascript|data|file|ftp):[^<>\s]*)>",
    re.MULTILINE | re.IGNORECASE,
)

_UNBROKEN = re.compile(rf"\S{{1,{LONGEST}}}")
_MAILTO = re.compile(r"mailto:(?:[^@\s?,:;]+@[^@\s?,;]+(?:,[^@\s?,:;]+@[^@\s?,;]+)*(?:\?|$)|\?[\w-]+=)", re.IGNORECASE)
_BLANKS = re.compile('[\u0000-\u0020\u007f-\u00a0\u2028\u2029\u200b\ufeff<>"]')
_LOOKS_LIKE_HOST = re.compile(
    r"(?:www\.|[\w-]+(?:\.[\w-]+)*\.(?:com|org|net|int|edu|gov|info|eu|[a-z]{2})(?=[/?#]|:\d|$))"
)
_DOUBLED = re.compile(
    r"https?:/{0,2}[^/?#]*/{1,2}https?:/|https?:/{0,2}https?(?::|//)|https?://[^/?#]*https?://", re.IGNORECASE
)
# Archives put the archived page's address behind their own, and mean it.
_ARCHIVES = frozenset({"web.archive.org", "archive.org", "archive.ph", "archive.today", "archive.is"})
# Filters that write every link of a mail anew for the one who gets it: with their address, and for a time.
_WRAPPERS = re.compile(
    r"(?:.+\.)?(?:safelinks\.protection\.outlook\.com|urldefense(?:\.proofpoint)?\.com|linkprotect\.cudasvc\.com"
    r"|protect(?:-[a-z]+)?\.mimecast\.com)"
)
# Cyrillic and Greek letters that a reader takes for Latin ones.
_LOOKALIKES = frozenset("асԁеһіјӏорԛѕԝхуүьвмнтк" + "αεικνορτυχ")

# Code: severity, why, what is found.
_KINDS = {
    "link-malformed": (
        Severity.ERROR,
        "An address that no browser can read opens nothing.",
        "An empty link, a blank or an invisible character in it, no host, an impossible port, a mail address.",
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
    "link-wrapped": (
        Severity.WARNING,
        "A link that was copied out of a mail leads through the filter of whoever got that mail, and may name them.",
        "Addresses of Safe Links (Outlook), Proofpoint, Mimecast and Barracuda.",
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
    yield from (("summary", address) for address in _markdown_links(story.summary))


def _markdown_links(text: str) -> Iterator[str]:
    for found in _MARKDOWN_LINK.finditer(text):
        if address := next((group for group in found.groups() if group is not None), ""):
            yield address


def _beside(context: CheckContext) -> Iterator[tuple[str, str]]:
    """The links of what stands beside the stories, each with where it is written."""
    issue = context.selection.issue
    yield from ((issue.places.get("intro", "intro"), url) for url in _markdown_links(issue.intro))
    for block in issue.blocks:
        for row, text in block.said():
            if row.holds == "link":
                yield block.where, text
            elif row.holds == "markdown":
                yield from ((block.where, url) for url in _markdown_links(text))


def _joined(code: str, url: str, based: bool) -> bool:
    """Whether it is a relative path, which the composer makes absolute with the newsroom's url."""
    return code == "link-relative" and based and not url.startswith("//") and not _LOOKS_LIKE_HOST.match(url)


def _in_mail(url: str, home: str) -> set[str]:
    """How an address may be spelled in the mail, where it can stand in one."""
    return {resolve(each, home).url for each in (url, untracked(url))} - {""}


def _finder(code: str, finds: str) -> Callable[[CheckContext], Iterator[Hit]]:
    def find(context: CheckContext) -> Iterator[Hit]:
        return (hit for found, hit in context.once(link_faults) if found == code)

    find.__doc__ = finds
    return find


def link_faults(context: CheckContext) -> tuple[tuple[str, Hit], ...]:
    """Every fault of every link, with the code of the check that reports it."""
    return tuple(_link_faults(context))


def _link_faults(context: CheckContext) -> Iterator[tuple[str, Hit]]:
    reported: set[str] = set()  # as they were written, and what has a fault as the mail spells it, too
    based = bool(context.newsroom.url)
    for story in context.stories:
        for key, url in written(story):
            for found, message in faults(url):
                if not _joined(found, url, based):
                    reported |= _in_mail(url, context.newsroom.url)
                    yield found, Hit(context.place(story, key, words=url), message)
            reported.add(url.strip())
    for where, url in _beside(context):
        for found, message in faults(url):
            # what only follows readers is taken off where the mail is composed
            if found != "link-tracking" and not _joined(found, url, based):
                reported |= _in_mail(url, context.newsroom.url)
                yield found, Hit(where, message)
        reported |= {url.strip(), untracked(url.strip())}
    yield from _faults_of_html(context, reported)


def _faults_of_html(context: CheckContext, reported: set[str]) -> Iterator[tuple[str, Hit]]:
    """The faults of the links that no story and no block wrote: the theme's."""
    for element in context.document.elements:
        href = element.attributes.get("href", "#")
        if element.tag != "a" or context.is_slot(href) or href.startswith("#") or href.strip() in reported:
            continue
        reported.add(href.strip())
        for found, message in faults(href):
            yield found, Hit(element.place, message, "href")


LINK_CHECKS: tuple[Check, ...] = tuple(
    Check(code=code, severity=severity, scope="rendering", why=why, run=_finder(code, finds))
    for code, (severity, why, finds) in _KINDS.items()
)


@check(
    "text-links", Severity.WARNING, "rendering", "Readers of the text part should get every link, in the same order."
)
def text_links(context: CheckContext) -> Iterator[Hit]:
    """Web links that are in only one of HTML and text, or in another order; slots are left out."""
    links = [(e, e.attributes.get("href", "").strip()) for e in context.document.elements if e.tag == "a"]
    html = [url for _, url in links if re.match(r"https?://", url) and not context.is_slot(url)]
    spelled = {url for link, url in links if link.text.strip() == url}  # in the words, which come before their numbers
    plain = [url for url in dict.fromkeys(_text_urls(context.rendering.text, {*html})) if not context.is_slot(url)]
    linked, listed = set(html), set(plain)
    shown = {e.attributes.get("src", "").strip() for e in context.document.elements if e.tag == "img"}
    missing = [url for url in dict.fromkeys(html) if url not in listed]
    # A text links the pictures in its summaries, and has an address in its words as it was typed.
    extra = [url for url in plain if not {url, resolve(url, context.newsroom.url).url} & (linked | shown)]
    for url in missing:
        yield Hit("text", f"{url} is linked in the HTML and not in the text")
    for url in extra:
        if is_private(host_of(url)):
            yield Hit("html", f"{url} leads to where readers cannot come, so it is words and no link")
        else:
            yield Hit("html", f"{url} is in the text and not linked in the HTML")
    # The HTML may have one twice, in a list of contents say: what comes after another in the text comes so there, too.
    rest, before = iter(html), ""
    for url in (url for url in plain if url in linked - spelled):
        if url not in rest:
            yield Hit("text", f"links are in another order than in the HTML: there {url} comes before {before}")
            break
        before = url


def _text_urls(text: str, linked: set[str]) -> Iterator[str]:
    """The addresses in a text; one that is linked may end in what is punctuation elsewhere."""
    for start, end in bare_addresses(text):
        if text[start] == "H":  # a line that is set in capitals
            continue
        whole = _UNBROKEN.match(text, start)
        yield whole[0] if whole and whole[0] in linked else text[start:end]


def faults(url: str) -> Iterator[tuple[str, str]]:
    """Everything wrong with `url`, as (code, sentence), the worst first. An address without fault yields nothing."""
    shown = _short(url)
    address = url.strip(" \t\n\r\f")
    if not address:
        yield "link-malformed", "the link is empty; give an address or remove it"
        return
    scheme = found[1].lower() if (found := SCHEME.match(address)) else ""
    # A telephone number may be written in groups: the composer takes the blanks out.
    if blank := _BLANKS.search("".join(address.split()) if scheme == "tel" else address):
        what = "a blank" if blank[0] == " " else f"U+{ord(blank[0]):04X}"
        yield "link-malformed", f"'{shown}' has {what} in it; write it as %{ord(blank[0]) % 256:02X} or take it out"
    if scheme in ("http", "https"):
        yield from _web(address, shown, scheme)
    elif not scheme or _LOOKS_LIKE_HOST.match(address):  # `example.org:8080/a` has no scheme either
        yield from _without_scheme(address, shown)
    elif scheme == "mailto":
        # Without an address, the reader gives one (RFC 6068, 2): it must then begin a mail with something in it.
        if not _MAILTO.match(address):
            yield (
                "link-malformed",
                f"'{shown}' is no mail address; write mailto:name@example.org, a comma before another",
            )
    elif scheme != "tel":
        yield "link-unsafe", f"'{shown}' is a {scheme}: link, which mail programs remove; use https"
    if len(address) > LONGEST:
        yield "link-long", f"'{shown}' has {len(address)} characters; over {LONGEST} some programs cut it"


def _without_scheme(address: str, shown: str) -> Iterator[tuple[str, str]]:
    if address.startswith("//"):
        yield "link-relative", f"'{shown}' has no scheme, and a mail has none to lend; write https:{shown}"
    elif re.fullmatch(r"[^\s/@:?#]+@[^\s/@:?#]+\.[a-z]{2,}", address, re.IGNORECASE):
        yield "link-malformed", f"'{shown}' is a mail address; write mailto:{shown}"
    elif slip := re.match(r"(https?)[;.]?//(?=.)", address, re.IGNORECASE):
        yield "link-malformed", f"'{shown}' lacks its colon; write {slip[1].lower()}://{shown[slip.end() :]}"
    elif address.startswith("#"):
        yield "link-malformed", f"'{shown}' leads to a place on a page, and names no page"
    elif _LOOKS_LIKE_HOST.match(address):
        yield "link-relative", f"'{shown}' lacks its scheme; write https://{shown}"
    else:
        yield (
            "link-relative",
            f"'{shown}' is relative, and a mail has no address of its own; write it out, with https://",
        )


def _web(address: str, shown: str, scheme: str) -> Iterator[tuple[str, str]]:
    try:
        parts = urlsplit(address)
        host = (parts.hostname or "").rstrip(".")
        port = parts.port
    except ValueError as error:
        yield "link-malformed", f"'{shown}' is no web address: {str(error).lower()}"
        return
    doubled = _is_doubled(address, host, parts)
    if doubled:
        yield "link-doubled-host", f"'{shown}' holds two addresses; keep the second"
    if not host or port == 0 or ".." in host or host.startswith("."):
        if not doubled:
            yield "link-malformed", f"'{shown}' has no host that could exist; write https://host/path"
        return
    if scheme == "http" and not doubled:
        yield "link-http", f"'{shown}' is not encrypted; if the site answers to https, write that"
    if parts.username is not None or parts.password is not None:
        yield "link-disguised", f"'{shown}' shows {parts.username!r} and leads to {host}; remove what is before the @"
    if is_private(host) and not doubled:
        yield "link-private", f"'{shown}' leads to {host}, which readers cannot reach"
    yield from _wrapped(host, parts)
    if told := _lookalike(host):
        yield "link-lookalike", f"'{shown}' leads to {told}"
    if names := sorted({name for name, _ in parse_qsl(parts.query) if is_tracking(name)}):
        yield "link-tracking", f"'{shown}' follows the reader ({', '.join(names)}); remove that from the address"


def _wrapped(host: str, parts: SplitResult) -> Iterator[tuple[str, str]]:
    if _WRAPPERS.fullmatch(host):
        behind = next((value for name, value in parse_qsl(parts.query) if name in ("url", "a", "u")), "the page's own")
        yield "link-wrapped", f"{host} is the filter of somebody's mail; write {_short(behind)}"


def _is_doubled(address: str, host: str, parts: SplitResult) -> bool:
    if host in _ARCHIVES:
        return False
    first = parts.path.lstrip("/").partition("/")[0].lower()
    return bool(_DOUBLED.match(address)) or ("." in host and first == host)


def _lookalike(host: str) -> str:
    """Say what is odd about an international name: letters of two scripts, or of one that mimics Latin."""
    for label in host.split("."):
        text = label
        if label.startswith("xn--"):
            try:
                text = label[4:].encode("ascii").decode("punycode")
            except (UnicodeError, OverflowError):
                return f"{host}, whose part {label!r} cannot be decoded"
        letters = [letter for letter in text if letter.isalpha()]
        scripts = {unicodedata.name(letter, "?").partition(" ")[0] for letter in letters}
        if "LATIN" in scripts and scripts & {"CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE"}:
            return f"{host}, where {text!r} mixes letters of {' and '.join(sorted(scripts)).title()}"
        if (
            letters
            and not text.isascii()
            and all(letter in _LOOKALIKES for letter in letters)
            and host.rpartition(".")[2].isascii()
        ):
            return f"{host}, where {text!r} only looks like Latin letters"
    return ""


def _short(url: str) -> str:
    return clipped("".join(letter if letter.isprintable() else "\ufffd" for letter in url.strip()), 80)
