"""Judge a theme's MJML before it is compiled: elements, nesting, attributes, values; each fault with file and line.

    MJML with Jinja swapped for tokens ─▶ tags ─▶ every Fault, with "did you mean"

mrml, which compiles MJML, lets all of this pass in silence and drops what it does not know. Also refused is what a
mail of ours never has: web fonts, style sheets from elsewhere, scripts. MJML is read just far enough to be judged: no
tree is built, and content that is HTML is skipped.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct

from digest.composer.mjml_table import ELEMENTS, EVERYWHERE, ElementRule
from digest.composer.placeholders import TOKEN
from digest.errors import Fault
from digest.text.colour import is_colour
from digest.yamlfile import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    Place = Callable[[int], tuple[str, int]]

_TAG = re.compile(r"<(/?)([A-Za-z][\w:-]*)((?:[^\"'<>]|\"[^\"]*\"|'[^']*')*?)(/?)>")
_ATTRIBUTE = re.compile(r"(?<!\s)\s+([^\s=\"'<>/]+)(?:\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'<>]+)))?")
_SIZE = r"-?\d+(?:\.\d+)?(?:px|%)|0"
_KINDS = {
    "px": (re.compile(r"\d+(?:\.\d+)?px|0"), "pixels, like 20px"),
    "size": (re.compile(_SIZE), "pixels or a share, like 20px or 50%"),
    "sizes": (re.compile(rf"(?:{_SIZE})(?:\s+(?:{_SIZE})){{0,3}}"), "one to four sizes, like 10px 24px"),
    "number": (re.compile(r"\d+"), "a whole number"),
    "line": (re.compile(r"\d+(?:\.\d+)?(?:px|%)?"), "a line height, like 1.4, 140% or 20px"),
    "spacing": (re.compile(r"-?\d*\.?\d+(?:px|em)|0|normal"), "a distance, like 1px or 0.1em"),
}
_NAMED = re.compile(r"[a-z]{3,20}|rgba?\([\d\s.,%]+\)")
_HTML_TAG = re.compile(r"<[a-zA-Z](?:[^\"'<>]|\"[^\"]*\"|'[^']*')*>")
_ANY_TAG = re.compile(r"<(/?)([a-zA-Z][\w:-]*)(?:[^\"'<>]|\"[^\"]*\"|'[^']*')*>")
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_TO_ITS_END = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_CONDITION = re.compile(r"\[if [^\[\]<>]+\]>")
_SPOILT_END = re.compile(r"<!\[endif\]--\s*\S|<!endif")
_VOID = frozenset(
    ("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr")
)
_HTML_INSIDE = frozenset(("mj-button", "mj-navbar-link", "mj-raw", "mj-social-element", "mj-table", "mj-text"))
_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'")

_REFUSED = (
    (re.compile(r"<script\b", re.IGNORECASE), "no mail program runs scripts; remove <script>"),
    (re.compile(r"<link\b[^<>]*stylesheet", re.IGNORECASE), "a mail loads no style sheets; use <mj-style>"),
    (re.compile(r"@import\b", re.IGNORECASE), "a mail loads no style sheets; put the rules into <mj-style>"),
    (re.compile(r"@font-face\b", re.IGNORECASE), "a mail loads no fonts; name fonts that readers have"),
)


def lint(text: str, place: Place) -> list[Fault]:
    """Every fault of an MJML text whose Jinja tags are tokens; `place` gives file and line of an offset."""
    return list(_Lint(text, place).faults())


class _Lint:
    def __init__(self, text: str, place: Place) -> None:
        self.text = text
        self.place = place
        self.open: list[MjmlTag] = []

    def faults(self) -> Iterator[Fault]:
        last = 0
        for tag in tags(self.text):
            yield from self._between(last, tag.offset)
            if isinstance(tag, Mark):
                yield self._fault(tag.offset, tag.message)
                last = tag.offset + 1
                continue
            last = tag.end
            yield from self._close(tag) if tag.closing else self._element(tag)
        for tag in self.open:
            yield self._fault(tag.offset, f"<{tag.name}> is not closed; </{tag.name}> is missing")
        if not re.search(r"<mjml[\s>]", self.text):
            yield self._fault(0, "this is no MJML; a theme begins with <mjml>")

    def _between(self, start: int, end: int) -> Iterator[Fault]:
        """Between MJML's own tags stands nothing: text would be lost, and a Jinja tag would not be found again."""
        found = re.search(r"\S+", self.text[start:end])
        if not found:
            return
        where = start + found.start()
        if TOKEN.search(found[0]):
            yield self._fault(where, "a Jinja tag between MJML's elements; put it into <mj-raw>…</mj-raw>")
        elif self.text.startswith("<!--", where):
            yield self._fault(where, "MJML's compiler stops at a comment here; write it as {# … #}")
        elif not self.text.startswith("<", where):
            yield self._fault(where, f"text between MJML's elements ({found[0][:20]!r}); put it into <mj-text>")

    def _close(self, tag: MjmlTag) -> Iterator[Fault]:
        if self.open and self.open[-1].name == tag.name:
            self.open.pop()
            return
        names = [one.name for one in self.open]
        if tag.name not in names:
            yield self._fault(tag.offset, f"</{tag.name}> closes nothing; remove it")
            return
        while self.open[-1].name != tag.name:
            left = self.open.pop()
            yield self._fault(left.offset, f"<{left.name}> is not closed before </{tag.name}>")
        self.open.pop()

    def _element(self, tag: MjmlTag) -> Iterator[Fault]:
        parent = self.open[-1].name if self.open else ""
        if not tag.empty:
            self.open.append(tag)
        if parent == "mj-attributes":
            yield from self._defaults(tag)
            return
        element = ELEMENTS.get(tag.name)
        if element is None:
            known = (name for name in ELEMENTS if name.startswith("mj-"))
            yield self._fault(tag.offset, f"<{tag.name}> is no MJML element{_near(tag.name, known)}")
            return
        above = ELEMENTS.get(parent)
        if (parent and above and tag.name not in above.children) or (not parent and tag.name != "mjml"):
            yield self._fault(tag.offset, _misplaced(tag.name, parent))
        yield from self._attributes(tag, element)
        yield from self._content(tag)

    def _defaults(self, tag: MjmlTag) -> Iterator[Fault]:
        """Inside mj-attributes: an element's defaults, those of all (mj-all), or a class (mj-class)."""
        if tag.name not in ("mj-all", "mj-class") and tag.name not in ELEMENTS:
            yield self._fault(tag.offset, f"<{tag.name}> is no MJML element{_near(tag.name, [*ELEMENTS, 'mj-all'])}")
            return
        every = {name: kind for element in ELEMENTS.values() for name, kind in element.attributes.items()}
        known = ELEMENTS.get(tag.name)
        element = known or ElementRule(attributes=every | {"name": "text"})
        yield from self._attributes(tag, ElementRule(attributes=element.attributes, computed=element.computed))

    def _attributes(self, tag: MjmlTag, element: ElementRule) -> Iterator[Fault]:
        seen = set()
        for attribute in tag.attributes:
            name = attribute.name
            if TOKEN.search(name):
                yield self._fault(attribute.offset, "a Jinja tag may stand in an attribute's value, not beside it")
                continue
            if name in seen:
                yield self._fault(attribute.offset, f"<{tag.name}> has {name} twice; keep one", name)
            seen.add(name)
            kind = element.attributes.get(name) or EVERYWHERE.get(name)
            if kind is None:
                known = [*element.attributes, *EVERYWHERE]
                yield self._fault(attribute.offset, f"<{tag.name}> takes no {name}{_near(name, known)}", name)
            else:
                yield from self._value(tag, attribute, kind, computed=name in element.computed)
        for name in element.required:
            if name not in seen:
                yield self._fault(tag.offset, f"<{tag.name}> needs {name}", name)

    def _value(self, tag: MjmlTag, attribute: Attribute, kind: str, *, computed: bool) -> Iterator[Fault]:
        value, name = attribute.value, attribute.name
        if value is None:
            yield self._fault(attribute.offset, f'{name} of <{tag.name}> has no value; write {name}="…"', name)
        elif TOKEN.search(value):
            if computed:
                message = f"{name} of <{tag.name}> is worked out when the theme is compiled; write a number"
                yield self._fault(attribute.offset, message, name)
        elif message := _wrong(value.strip(), kind):
            yield self._fault(attribute.offset, f"{name} of <{tag.name}> is {value!r}; {message}", name)

    def _content(self, tag: MjmlTag) -> Iterator[Fault]:
        if tag.name == "mj-font":
            yield self._fault(tag.offset, "a mail loads no fonts (each load tells who opened it); remove <mj-font>")
        for pattern, message in _REFUSED:
            for found in pattern.finditer(tag.inner):
                yield self._fault(tag.inner_offset + found.start(), message)
        yield from self._comments(tag)
        for found in _HTML_TAG.finditer(tag.inner):
            if TOKEN.search(_QUOTED.sub("", found[0])):
                message = "a Jinja tag inside an HTML tag may stand only between the quotes of an attribute"
                yield self._fault(tag.inner_offset + found.start(), message)
        if tag.name in _HTML_INSIDE:
            yield from self._balance(tag)
        if tag.name == "mj-style" and tag.inner.count("{") != tag.inner.count("}"):
            yield self._fault(tag.inner_offset, "the braces of this style sheet do not match")

    def _comments(self, tag: MjmlTag) -> Iterator[Fault]:
        """A comment must be whole: MJML's compiler breaks off, or breaks down, at one that is not."""
        end = 0
        while (at := tag.inner.find("<!--", end)) >= 0:
            end = tag.inner.find("-->", at + 4) + 3
            said = tag.inner[at + 4 : end - 3] if end > 2 else ""  # noqa: PLR2004 - found
            message = ""
            if not said and not tag.inner.startswith("<!---->", at):
                message, end = "this comment has no end (-->)", len(tag.inner)
            elif said.startswith("[if"):
                if not _CONDITION.match(said) or _SPOILT_END.search(said):
                    message = "Outlook's conditions are written <!--[if mso]>…<![endif]-->"
            elif "--" in said:
                message = "a comment may not have -- in it; write — or a blank between"
            if message:
                yield self._fault(tag.inner_offset + at, message)

    def _balance(self, tag: MjmlTag) -> Iterator[Fault]:
        """HTML inside an element must be whole: MJML's compiler stops at what is not, without saying where."""
        text = _TO_ITS_END.sub(lambda found: " " * len(found[0]), tag.inner)
        waiting: list[tuple[str, int]] = []
        at = 0
        while (at := text.find("<", at)) >= 0:
            where = tag.inner_offset + at
            found = _ANY_TAG.match(text, at)
            if not found:
                yield self._fault(where, "this < begins no tag; write &lt;, or close the quotes of an attribute")
                at += 1
                continue
            at = found.end()
            name = found[2].lower()
            if not found[1]:
                if name not in _VOID and not found[0].endswith("/>"):
                    waiting.append((name, where))
            elif waiting and waiting[-1][0] == name:
                waiting.pop()
            else:
                yield self._fault(where, f"</{name}> closes nothing in this <{tag.name}>")
        for name, where in waiting:
            yield self._fault(where, f"<{name}> is not closed in this <{tag.name}>")

    def _fault(self, offset: int, message: str, key: str = "") -> Fault:
        file, line = self.place(offset)
        return Fault(file=file, line=line, key=key, message=message)


def _misplaced(name: str, parent: str) -> str:
    places = sorted(tag for tag, element in ELEMENTS.items() if name in element.children)
    where = f"in <{parent}>" if parent else "at the top"
    return (
        f"<{name}> may not stand {where}; it belongs in {' or '.join(f'<{place}>' for place in places) or 'no other'}"
    )


def _wrong(value: str, kind: str) -> str:
    if kind in ("text", "url"):
        return ""
    if kind == "colour":
        return "" if is_colour(value) or _NAMED.fullmatch(value) else "a colour is written like #1e2dbe"
    if kind in _KINDS:
        pattern, wanted = _KINDS[kind]
        return "" if pattern.fullmatch(value) else f"it takes {wanted}"
    words = kind.split("|")
    return "" if value in words else f"it takes {' or '.join(words)}"


def _near(word: str, known: Iterable[str]) -> str:
    found = did_you_mean(word, known)
    return found if "did you mean" in found else ""


class Attribute(Struct, frozen=True, kw_only=True):
    """One attribute, with the offset of its name. `value` is None when it has none (`<a disabled>`)."""

    name: str
    value: str | None
    offset: int


class MjmlTag(Struct, frozen=True, kw_only=True):
    """One tag of an MJML element. `inner` is the HTML inside, for elements that hold HTML."""

    name: str
    offset: int
    end: int
    closing: bool = False
    empty: bool = False  # <mj-image … />
    attributes: tuple[Attribute, ...] = ()
    inner: str = ""
    inner_offset: int = 0


class Mark(Struct, frozen=True, kw_only=True):
    """Something that cannot be read, at an offset."""

    offset: int
    message: str


def tags(text: str) -> Iterator[MjmlTag | Mark]:
    """Every MJML tag of `text` in order, and what cannot be read. Comments are passed over."""
    at = 0
    while (at := text.find("<", at)) >= 0:
        if text.startswith("<!--", at):
            comment = _COMMENT.match(text, at)
            if not comment:
                yield Mark(offset=at, message="this comment has no end (-->)")
                return
            at = comment.end()
            continue
        found = _TAG.match(text, at)
        if not found:
            yield Mark(offset=at, message="this < begins no tag; write &lt;, or close the quotes of an attribute")
            at += 1
            continue
        name, at = found[2], found.end()
        if found[1]:
            yield MjmlTag(name=name, offset=found.start(), end=at, closing=True)
            continue
        empty = bool(found[4])
        attributes = tuple(_attributes(found[3], found.start(3)))
        known = ELEMENTS.get(name)
        if not empty and known and known.content:
            stop = re.compile(rf"</{re.escape(name)}\s*>").search(text, at)
            if not stop:
                yield Mark(offset=found.start(), message=f"<{name}> is not closed; </{name}> is missing")
                return
            inner = text[at : stop.start()]
            yield MjmlTag(
                name=name,
                offset=found.start(),
                end=stop.end(),
                empty=True,
                attributes=attributes,
                inner=inner,
                inner_offset=at,
            )
            at = stop.end()
            continue
        yield MjmlTag(name=name, offset=found.start(), end=at, empty=empty, attributes=attributes)


def _attributes(text: str, offset: int) -> Iterator[Attribute]:
    for found in _ATTRIBUTE.finditer(text):
        value = next((group for group in found.groups()[1:] if group is not None), None)
        yield Attribute(name=found[1], value=value, offset=offset + found.start(1))
