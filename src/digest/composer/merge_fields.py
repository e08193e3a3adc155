"""What differs per reader, as templates see it: values that nobody knows yet, and branches on them.

    {{ reader.name or "friend" }} ─▶ MergeValue ─▶ a slot: a token that `mail/` replaces, escaped for where it stands
    {% if reader.field.city %}…{% else %}…{% endif %} ─▶ both, between tokens: `mail/` leaves each reader one of them

`or`, `default`, `upper`, `lower`, `title`, and in conditions `not`, `and`, `or` are decided per reader. Whatever else
would touch such a value is refused with the line, since it would touch the token: slots are cut out, never searched.
"""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, NoReturn

from jinja2 import TemplateRuntimeError, TemplateSyntaxError, nodes
from jinja2.filters import FILTERS as DEFAULT_FILTERS
from markupsafe import Markup
from msgspec import Struct

from digest.model import slot_token
from digest.text.merge import ELSE, END, FIELD, Expression, branch_name, field_name, slot_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from jinja2.visitor import NodeTransformer

    from digest.composer.files import SourceMap

VALUES = ("address", "name", "unsubscribe_url")
_TOKENS_END = "-tols"
_HOW = 'write {{ reader.name or "…" }}, |default("…"), |upper, |lower, |title, or {% if reader.name %}…{% endif %}'
# Filters that leave a token in a text whole.
_PASSING = frozenset(("_bounded", "_joined", "_steps", "default", "e", "escape", "fill", "join", "string", "wrap"))
_BY_CASE = ("upper", "lower", "title")


class FieldUse(Struct, frozen=True, kw_only=True):
    """A reader's own value that a template names: `field` is a column's name, where the template says so."""

    field: str
    file: str
    line: int

    @classmethod
    def at(cls, places: SourceMap, field: str, line: int) -> FieldUse:
        """The use in a line of a text that `places` knows the origin of."""
        file, number = places.find(line)
        return cls(field=field, file=file, line=number)


class MergeValue:
    """A value, an expression or a condition that is worked out for each reader when the mail is made."""

    __slots__ = ("expression", "reader")

    def __init__(self, reader: ReaderView, expression: Expression) -> None:
        self.reader = reader
        self.expression = expression

    def __str__(self) -> str:
        """The token of its slot. Raises TemplateRuntimeError for a condition, which has no text."""
        if isinstance(self.expression, tuple) and self.expression[0] in ("not", "and"):
            self._refuse()
        return self.reader.slot(slot_name(self.expression))

    def __html__(self) -> str:
        """The same in HTML: the value is escaped when it is known."""
        return str(self)

    def __repr__(self) -> str:
        """What a message calls it."""
        return f"reader.{self.expression}" if isinstance(self.expression, str) else "a reader's value"

    def _refuse(self, *_: object) -> NoReturn:
        message = f"{self!r} differs per reader and is decided when a mail is made; {_HOW}"
        raise TemplateRuntimeError(message)

    __bool__ = __len__ = __iter__ = __contains__ = __getitem__ = __call__ = _refuse
    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __hash__ = _refuse
    __add__ = __radd__ = __mul__ = __rmul__ = __mod__ = __rmod__ = __sub__ = __int__ = __float__ = _refuse


class ReaderView:
    """The reader of this mail. `field` holds the columns of the recipients' list."""

    __slots__ = ("_nonce", "used")

    def __init__(self, nonce: str) -> None:
        self._nonce = nonce
        self.used: set[str] = set()

    @property
    def field(self) -> FieldsView:
        """The columns of the recipients' list, by name."""
        return FieldsView(self)

    @property
    def name(self) -> MergeValue:
        """The reader's name, maybe empty."""
        return MergeValue(self, "name")

    @property
    def address(self) -> MergeValue:
        """The reader's address."""
        return MergeValue(self, "address")

    @property
    def unsubscribe_url(self) -> MergeValue:
        """Where this reader leaves."""
        return MergeValue(self, "unsubscribe_url")

    def slot(self, name: str) -> str:
        """The token of a slot, which is then used."""
        self.used.add(name)
        return slot_token(self._nonce, name)

    def slots_in(self, *texts: str) -> frozenset[str]:
        """The slots that occur in `texts`: sought from their ends, where most of them are."""
        tokens = {name: slot_token(self._nonce, name) for name in self.used}
        return frozenset(name for name, token in tokens.items() if any(text.rfind(token) >= 0 for text in texts))


class FieldsView:
    """A reader's other values: `reader.field.city` or `reader.field["First name"]`."""

    __slots__ = ("_reader",)

    def __init__(self, reader: ReaderView) -> None:
        self._reader = reader

    def __getitem__(self, name: str) -> MergeValue:
        """The value called `name`, as `field_name` spells it."""
        return MergeValue(self._reader, FIELD + name)


def reader_node(node: nodes.Node) -> nodes.Node | None:
    """What a template's `reader.…` is read as; None for any other node. Raises TemplateSyntaxError.

    Columns are named in the template itself, so that a list that lacks one is found before anybody is mailed.
    """
    match node:
        case nodes.Getattr(node=nodes.Getattr() as fields, attr=column) if _is_fields(fields):
            return nodes.Getitem(fields, nodes.Const(field_name(column)), "load", lineno=node.lineno)
        case nodes.Getitem(node=nodes.Getattr() as fields, arg=nodes.Const(value=str(column))) if _is_fields(fields):
            return nodes.Getitem(fields, nodes.Const(field_name(column)), "load", lineno=node.lineno)
        case nodes.Getitem(node=nodes.Getattr() as fields) if _is_fields(fields):
            message = 'the column is not named here; write reader.field["its name"]'
        case nodes.Getattr() if _is_fields(node):
            message = "reader.field is no value; name a column, as in reader.field.city"
        case nodes.Getattr(node=nodes.Name(name="reader"), attr=name) if name in VALUES:
            return node
        case nodes.Getattr(node=nodes.Name(name="reader"), attr=name):
            from digest.yamlfile import did_you_mean

            message = f"reader has no {name!r}{did_you_mean(name, (*VALUES, 'field'))}"
        case nodes.Name(name="reader"):
            message = "reader is no value; write reader.name, reader.address or reader.field.city"
        case _:
            return None
    raise TemplateSyntaxError(message, node.lineno)


def fields_named(tree: nodes.Template) -> Iterator[tuple[str, int]]:
    """Every column that a template names, with its line. `tree` is as the template was written."""
    for node in tree.find_all((nodes.Getattr, nodes.Getitem)):
        read = reader_node(node) if _is_fields(getattr(node, "node", node)) else None
        if isinstance(read, nodes.Getitem) and isinstance(read.arg, nodes.Const):
            yield str(read.arg.value), node.lineno


def _is_fields(node: nodes.Node) -> bool:
    return (
        isinstance(node, nodes.Getattr)
        and node.attr == "field"
        and isinstance(node.node, nodes.Name)
        and node.node.name == "reader"
    )


def _mentions(node: nodes.Node) -> bool:
    """Tell whether an expression asks for something of the reader's."""
    return (isinstance(node, nodes.Name) and node.name == "reader") or any(
        name.name == "reader" for name in node.find_all(nodes.Name)
    )


class PerReader:
    """How the nodes of a template are rewritten that ask for something of the reader's. For a NodeTransformer."""

    def __init__(self, transformer: NodeTransformer) -> None:
        self.transformer = transformer

    def rewritten(self, node: nodes.Node) -> nodes.Node | list[nodes.Node] | None:
        """What `node` becomes; None when it is not one of these. Raises TemplateSyntaxError for what is not decided."""
        if (read := reader_node(node)) is not None:
            return read
        match node:
            case nodes.If() if any(_mentions(branch.test) for branch in (node, *node.elif_)):
                return self._branches(node)
            case nodes.Or() | nodes.And() if _mentions(node):
                return self._filtered("_either" if isinstance(node, nodes.Or) else "_both", node.left, node.right)
            case nodes.Not() if _mentions(node):
                return self._filtered("_not", node.node)
            case nodes.Compare() | nodes.Test() if _mentions(node):
                message = (
                    f"a reader's value is not compared; {{% if reader.name %}} asks whether it is empty. Or {_HOW}"
                )
            case nodes.CondExpr() if _mentions(node.test):
                message = "write {% if reader.name %}…{% else %}…{% endif %} for what only some readers get"
            case _:
                return None
        raise TemplateSyntaxError(message, node.lineno)

    def _filtered(self, name: str, *parts: nodes.Expr) -> nodes.Filter:
        visited = [self.transformer.visit(part) for part in parts]
        return _filter(nodes.List(visited, lineno=parts[0].lineno), name)

    def _branches(self, node: nodes.If) -> list[nodes.Node]:
        """Both branches, one after the other, each between tokens; `elif` is an `if` in the `else`."""
        for outer in (nodes.Assign, nodes.AssignBlock):
            if found := next(iter(_within(node, outer)), None):
                message = "what is set for some readers would be set for all; write the words where they are needed"
                raise TemplateSyntaxError(message, found.lineno)
        otherwise = node.else_
        if node.elif_:
            first, *rest = node.elif_
            otherwise = [nodes.If(first.test, first.body, rest, node.else_, lineno=first.lineno)]
        test = self.transformer.visit(node.test)
        body, otherwise = ([*_visited(self.transformer, part)] for part in (node.body, otherwise))
        return [
            nodes.Output([_filter(test, "_mark", "")], lineno=node.lineno),
            nodes.If(_filter(test, "_takes", ""), body, [], [], lineno=node.lineno),
            nodes.Output([_filter(test, "_mark", ELSE)], lineno=node.lineno),
            nodes.If(_filter(test, "_takes", ELSE), otherwise, [], [], lineno=node.lineno),
            nodes.Output([_filter(test, "_mark", END)], lineno=node.lineno),
        ]


def _within(node: nodes.If, kind: type[nodes.Node]) -> Iterator[nodes.Node]:
    for part in (*node.body, *node.else_, *(inner for branch in node.elif_ for inner in branch.body)):
        if isinstance(part, kind):
            yield part
        yield from part.find_all(kind)


def _visited(transformer: NodeTransformer, body: list[nodes.Node]) -> Iterator[nodes.Node]:
    for part in body:
        visited = transformer.visit(part)
        yield from visited if isinstance(visited, list) else [visited]


def _filter(node: nodes.Expr, name: str, *arguments: object) -> nodes.Filter:
    return nodes.Filter(node, name, [*map(nodes.Const, arguments)], [], None, None, lineno=node.lineno)


def keeping_tokens(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """A filter that refuses what differs per reader, unless it leaves tokens whole. Raises TemplateRuntimeError."""
    if name in _PASSING or name in FILTERS:
        return function

    @wraps(function)
    def kept(*arguments: Any, **named: Any) -> Any:
        for argument in arguments:
            _demand_common(f"|{name}", argument)
        return function(*arguments, **named)

    return kept


def refuse(what: str, value: object) -> NoReturn:
    """Raise TemplateRuntimeError for something that would change a token."""
    shown = repr(value) if isinstance(value, MergeValue) else "a text with a reader's value in it"
    message = f"{what} cannot be used on {shown}, which differs per reader; {_HOW}"
    raise TemplateRuntimeError(message)


def has_token(value: object) -> bool:
    """Tell whether a text has something in it that differs per reader."""
    return isinstance(value, str) and _TOKENS_END in value


def _demand_common(what: str, value: object) -> None:
    """Refuse `what` where it would change a token: on what differs per reader, whole or in part."""
    if isinstance(value, MergeValue) or has_token(value):
        refuse(what, value)


def _whole(value: object) -> object:
    """The value, of which a part will be taken. Raises TemplateRuntimeError where that would cut a token."""
    _demand_common("[…]", value)
    return value


def _words(value: object) -> Expression:
    """What stands in for a value: another one, or words that are known."""
    if isinstance(value, MergeValue):
        return value.expression
    if has_token(value) or not isinstance(value, str | int | float | None):
        refuse("or", value)
    if isinstance(value, Markup):
        return ("text", value.unescape())
    return ("text", str(value) if value else "")


def _default(value: Any, default_value: Any = "", boolean: bool = False) -> Any:
    if isinstance(value, MergeValue):
        return MergeValue(value.reader, ("or", value.expression, _words(default_value)))
    return DEFAULT_FILTERS["default"](value, default_value, boolean)


def _case(name: str) -> Callable[[Any], Any]:
    def cased(value: Any) -> Any:
        if isinstance(value, MergeValue):
            return MergeValue(value.reader, (name, value.expression))
        if has_token(value):
            refuse(f"|{name}", value)
        return DEFAULT_FILTERS[name](value)

    return cased


def _either(parts: list[Any]) -> Any:
    one, other = parts
    if isinstance(one, MergeValue):
        return MergeValue(one.reader, ("or", one.expression, _words(other)))
    return one or other


def _both(parts: list[Any]) -> Any:
    one, other = parts
    if isinstance(one, MergeValue):
        also = other.expression if isinstance(other, MergeValue) else ("text", "yes" if other else "")
        return MergeValue(one.reader, ("and", one.expression, also))
    return one and other


def _not(parts: list[Any]) -> Any:
    (one,) = parts
    return MergeValue(one.reader, ("not", one.expression)) if isinstance(one, MergeValue) else not one


def _mark(test: Any, name: str) -> str:
    """The token of the slot where a branch on `test` begins, or where its `name` stands."""
    return test.reader.slot(name or branch_name(test.expression)) if isinstance(test, MergeValue) else ""


def _takes(test: Any, name: str) -> bool:
    """Whether the branch that follows the mark of this name is written: both, where `test` differs per reader."""
    return isinstance(test, MergeValue) or bool(test) is not bool(name)


FILTERS: dict[str, Callable[..., Any]] = {
    "_both": _both,
    "_either": _either,
    "_mark": _mark,
    "_not": _not,
    "_takes": _takes,
    "_whole": _whole,
    "d": _default,
    "default": _default,
    **{name: _case(name) for name in _BY_CASE},
}
