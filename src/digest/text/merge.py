"""What differs per reader, as names of slots: a value, an expression of values and words, a branch for some readers.

    name · field.city · =["or","field.city",["text","there"]] · if["not","field.vip"] … else … end

The composer writes these names, the mail room reads them, and an edition's archive keeps them: they are plain text, and
JSON where they are more than a value's name. A condition holds when its value is not empty.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from digest.model import slot_token

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from digest.model import Rendering

ELSE, END = "else", "end"
FIELD = "field."

# A value's name; ("text", words); ("or", one, other); ("upper" | "lower" | "title" | "spaced", one); in conditions also
# ("not", one) and ("and", one, other).
Expression = str | tuple[Any, ...]


def field_name(column: str) -> str:
    """A column as templates and lists name it: `CITY` and `city` are one, and `First name` is `first_name`."""
    return re.sub(r"\W+", "_", " ".join(column.split()).casefold()).strip("_")


def slot_name(expression: Expression) -> str:
    """The name of the slot that shows an expression."""
    return expression if isinstance(expression, str) else "=" + _dumped(expression)


def branch_name(condition: Expression) -> str:
    """The name of the slot that begins what only some readers get; `ELSE` and `END` follow."""
    return "if" + _dumped(condition)


def _dumped(expression: Expression) -> str:
    return json.dumps(expression, ensure_ascii=False, separators=(",", ":"))


@lru_cache(maxsize=1024)
def expression(slot: str) -> Expression:
    """The expression that a slot shows, or the condition of a branch."""
    if slot.startswith("="):
        return _frozen(json.loads(slot[1:]))
    return _frozen(json.loads(slot[2:])) if is_branch(slot) else slot


def _frozen(value: Any) -> Expression:
    return tuple(map(_frozen, value)) if isinstance(value, list) else str(value)


def is_branch(slot: str) -> bool:
    """Tell whether the slot of this name begins a branch."""
    return slot.startswith(('if"', "if["))


def needed(slots: Iterable[str]) -> frozenset[str]:
    """The values that a reader must have for these slots."""
    return frozenset(value for slot in slots if slot not in (ELSE, END) for value in _values(expression(slot)))


def _values(found: Expression) -> Iterable[str]:
    if isinstance(found, str):
        return (found,)
    return () if found[0] == "text" else (value for part in found[1:] for value in _values(part))


def evaluate(found: Expression, values: Mapping[str, str]) -> str:
    """What an expression shows to a reader with these values."""
    match found:
        case str():
            return values[found]
        case ("text", words):
            return str(words)
        case ("or", one, other):
            text = evaluate(one, values)
            return text if text.strip() else evaluate(other, values)
        case (kind, one):
            text = evaluate(one, values)
            return _CASES[kind](text) if kind in _CASES else text
    raise AssertionError(found)


def titled(text: str) -> str:
    """Each word with a capital: `ana de SOUZA` is `Ana De Souza`, and `o'neil` is `O'neil` as in templates."""
    return re.sub(r"[^\s([{<-]+", lambda word: word[0][:1].upper() + word[0][1:].lower(), text)


_CASES = {"upper": str.upper, "lower": str.lower, "title": titled}


def holds(condition: Expression, values: Mapping[str, str]) -> bool:
    """Whether a reader with these values gets what stands under the condition."""
    match condition:
        case ("not", one):
            return not holds(one, values)
        case ("and", one, other):
            return holds(one, values) and holds(other, values)
        case ("or", one, other):
            return holds(one, values) or holds(other, values)
        case _:
            return bool(evaluate(condition, values).strip())


def may_be_empty(found: Expression) -> bool:
    """Tell whether a reader may see nothing of it."""
    match found:
        case ("text", words):
            return not str(words).strip()
        case ("or", one, other):
            return may_be_empty(one) and may_be_empty(other)
        case ("upper" | "lower" | "title", one):
            return may_be_empty(one)
        case _:
            return found not in ("unsubscribe_url", "address")


def spaced(texts: Mapping[str, str], nonce: str, slots: Collection[str]) -> tuple[dict[str, str], frozenset[str]]:
    """The texts with the blank before a value and a comma put into the slot, and the slots that they then have more.

    `Dear {{ reader.name }},` is `Dear,` to a reader who gave no name.
    """
    made, more = dict(texts), set[str]()
    for slot in slots:
        if slot in (ELSE, END) or is_branch(slot) or not may_be_empty(expression(slot)):
            continue
        name = slot_name(("spaced", expression(slot)))
        pattern = re.compile(rf" {re.escape(slot_token(nonce, slot))}(?=[,.;:!?])")
        for part, text in made.items():
            made[part], count = pattern.subn(slot_token(nonce, name), text)
            more |= {name} if count else set()
    return made, frozenset(more)


def shown(text: str, nonce: str, slots: Iterable[str]) -> str:
    """`text` as it is shown to the newsroom, on a terminal or in a manifest: `Good morning, [name]`."""
    for slot in slots:
        if slot in (ELSE, END) or is_branch(slot):
            words = " | " if slot == ELSE else ""
        else:
            words = "[" + ", ".join(value.removeprefix(FIELD) for value in sorted(needed([slot]))) + "]"
            words = f" {words}" if expression(slot)[0] == "spaced" else words
        text = text.replace(slot_token(nonce, slot), words)
    return text


def shown_subject(rendering: Rendering) -> str:
    """A rendering's subject as the newsroom reads it."""
    return shown(rendering.subject, rendering.nonce, rendering.slots)
