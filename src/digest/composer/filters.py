"""The filters that themes may use: Jinja's harmless ones, those of ours that set text, and bounds on what grows.

Each takes and returns text or values; none reads anything but its arguments. A filter that could make an endless text
(`center`, `format`, `indent`), that is never the same twice (`random`), or that switches escaping off (`safe`) is not
here.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import markupsafe
from jinja2 import pass_context, pass_eval_context
from jinja2.filters import FILTERS as DEFAULT_FILTERS
from markupsafe import Markup, escape

from digest.composer import i18n, merge_fields
from digest.text.wrapping import COLUMNS, shorten, width, wrap

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from jinja2.nodes import EvalContext
    from jinja2.runtime import Context

LOOK_EVERY = 64  # steps between two looks at the clock and at what was written
LARGEST = 16 * 1024 * 1024  # characters in one text, and in one rendering
LONGEST_RANGE = 10_000

_JINJAS = (
    "abs",
    "batch",
    "capitalize",
    "count",
    "d",
    "default",
    "e",
    "escape",
    "first",
    "float",
    "int",
    "items",
    "last",
    "length",
    "list",
    "lower",
    "map",
    "max",
    "min",
    "reject",
    "rejectattr",
    "reverse",
    "round",
    "select",
    "selectattr",
    "slice",
    "sort",
    "string",
    "striptags",
    "sum",
    "title",
    "trim",
    "truncate",
    "unique",
    "upper",
    "urlencode",
)
LONGEST_LIST = 100_000  # a year of a large newsroom has some thousand stories
TOO_LONG = f"this makes more than {LARGEST // (1024 * 1024)} MB of text"


# What MarkupSafe 3 makes its Markup of: the same, without an object for each word.
_plainly: Callable[[str], str] = getattr(markupsafe, "_escape_inner", lambda text: str(escape(text)))


class BudgetError(Exception):
    """A template did more work, or made more text, than any digest needs."""


def bounded(value: Any) -> Any:
    """The value, unless it is a text longer than LARGEST, or a list of more than LONGEST_LIST. Raises BudgetError."""
    if isinstance(value, str) and len(value) > LARGEST:
        raise BudgetError(TOO_LONG)
    if isinstance(value, (list, tuple)) and len(value) > LONGEST_LIST:
        message = f"this makes a list of more than {LONGEST_LIST:,}"
        raise BudgetError(message)
    return value


def limited_range(*numbers: int) -> range:
    """`range()` of at most LONGEST_RANGE numbers. Raises BudgetError."""
    found = range(*numbers)
    try:
        long = len(found)
    except OverflowError:
        long = LONGEST_RANGE + 1
    if long > LONGEST_RANGE:
        message = f"range{numbers} is too long, at most {LONGEST_RANGE} numbers"
        raise BudgetError(message)
    return found


def escaped(value: object) -> str:
    """What `markupsafe.escape` gives, but words stay plain words: what is written out or joined needs no Markup."""
    if type(value) is str:
        return _plainly(value)
    return value if type(value) is Markup else str(value) if type(value) is int else escape(value)


@pass_context
def _steps(context: Context, items: Iterable[Any]) -> Iterable[Any]:
    """`items`, each for one step of the rendering's budget: a few are paid at once, which is most of the work saved."""
    try:
        count = len(items)  # type: ignore[arg-type]
    except TypeError:  # what a generator yields is not known beforehand
        count = LOOK_EVERY + 1
    if count:
        budget = context.parent["_budget"]
        if count > LOOK_EVERY:
            return _one_by_one(budget, items)
        budget.steps -= count
        if budget.looked - budget.steps >= LOOK_EVERY:
            budget.look()
    return items


def _one_by_one(budget: Any, items: Iterable[Any]) -> Iterator[Any]:
    for item in items:
        budget.spend()
        yield item


@pass_eval_context
def _joined(context: EvalContext, parts: list[Any]) -> str:
    """`a ~ b`: escaped as Jinja would, which is where one of them is markup, and no longer than LARGEST."""
    texts: list[Any] = [part if isinstance(part, str) else str(part) for part in parts]
    if sum(map(len, texts)) > LARGEST:
        raise BudgetError(TOO_LONG)
    if context.autoescape and Markup in map(type, texts):
        return Markup(bounded("".join(map(escaped, texts))))  # noqa: S704 - each is escaped
    return "".join(texts)


@pass_eval_context
def _join(context: EvalContext, items: Iterable[Any], separator: str = "") -> str:
    texts: list[Any] = []
    for item in items:
        texts.extend((separator, item))
    return _joined(context, texts[1:])


def _batch(items: Iterable[Any], size: int, filler: Any = None) -> Iterator[list[Any]]:
    return DEFAULT_FILTERS["batch"](items, len(limited_range(size)) or 1, filler)  # type: ignore[no-any-return]


def _slice(items: Iterable[Any], count: int, filler: Any = None) -> Iterator[list[Any]]:
    return DEFAULT_FILTERS["slice"](items, len(limited_range(count)) or 1, filler)  # type: ignore[no-any-return]


def _replace(text: str, old: str, new: str) -> str:
    if len(text) + text.count(old) * len(new) > LARGEST:
        raise BudgetError(TOO_LONG)
    return text.replace(old, new)


def _fill(text: str, **values: object) -> str:
    """Put values where `{name}` stands in one of the theme's words."""
    for value in values.values():
        if isinstance(value, str) and len(text) + len(value) * text.count("{") > LARGEST:
            raise BudgetError(TOO_LONG)
    return i18n.fill(text, **values)


def _wrap(text: object, first: str = "", rest: str | None = None) -> str:
    """Set a paragraph in 72 columns; `first` begins its first line, `rest` (or blanks) the others."""
    return wrap(str(text), COLUMNS, first, rest)


def _rule(mark: str) -> str:
    """A line of `mark` across all 72 columns."""
    return mark[:1] * COLUMNS


@lru_cache(maxsize=512)
def _underline(text: str, mark: str = "-") -> str:
    """The text with a line of `mark` under it, as wide as its widest line."""
    return f"{text}\n{mark[:1] * min(COLUMNS, max(map(width, text.split(chr(10)))))}"


_OURS: dict[str, Callable[..., Any]] = {
    "_bounded": bounded,
    "_joined": _joined,
    "_steps": _steps,
    "batch": _batch,
    "fill": _fill,
    "join": _join,
    "replace": _replace,
    "rule": _rule,
    "shorten": shorten,
    "slice": _slice,
    "underline": _underline,
    "wrap": _wrap,
}

FILTERS = {
    name: merge_fields.keeping_tokens(name, function)
    for name, function in ({name: DEFAULT_FILTERS[name] for name in _JINJAS} | _OURS | merge_fields.FILTERS).items()
}
