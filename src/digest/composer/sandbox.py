"""Run templates that anyone may have written: no way out to Python, no endless work, and errors with file and line.

    template ─guarded()─▶ code ─run()─▶ text │ RenderError "file:line: what is wrong"

Templates see values that this package made for them (classes marked with `template_value`), words and numbers; names
are read, never private ones. Every turn of a loop and every call takes a step of a budget, and every text that grows
has a bound. Story content is data: nothing in it is ever read as a template.
"""

from __future__ import annotations

import re
import sys
import time
from types import BuiltinMethodType, MethodType
from typing import TYPE_CHECKING, Any, TypeVar, cast

from jinja2 import StrictUndefined, Template, TemplateError, TemplateSyntaxError, UndefinedError, nodes
from jinja2.compiler import CodeGenerator, Frame
from jinja2.runtime import LoopContext
from jinja2.sandbox import SandboxedEnvironment
from jinja2.visitor import NodeTransformer

from digest.composer import merge_fields
from digest.composer.filters import FILTERS, LARGEST, LOOK_EVERY, TOO_LONG, BudgetError, bounded, escaped, limited_range
from digest.errors import RenderError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from types import CodeType, TracebackType

    from jinja2.runtime import Context

    from digest.composer.files import SourceMap

    T = TypeVar("T", bound=type)

STEPS = 200_000  # turns of loops and calls in one rendering; 500 stories take about 5,000
SECONDS = 20.0  # a rendering takes milliseconds
_AT_ONCE = 16  # parts of a piece
_LARGE = 65_536  # characters of a piece after which it is looked at how many there are
_OF_DICTS = frozenset(dir(dict))
_TEXT_METHODS = frozenset(
    (
        "capitalize",
        "endswith",
        "lower",
        "lstrip",
        "removeprefix",
        "removesuffix",
        "rstrip",
        "split",
        "startswith",
        "strip",
        "title",
        "upper",
    )
)
_values: set[type] = set()
_attributes: set[str] = set()  # of any of them


def template_value(kind: T) -> T:
    """Mark a class of ours whose public attributes templates may read. A class decorator."""
    _values.add(kind)
    _attributes.update(name for name in dir(kind) if not name.startswith("_"))
    return kind


template_value(merge_fields.ReaderView)
template_value(LoopContext)


class Budget:
    """What one rendering may still spend."""

    __slots__ = ("counted", "deadline", "looked", "parts", "size", "steps")

    def __init__(self, parts: list[str]) -> None:
        """Watch over a rendering that collects its pieces in `parts`."""
        self.steps = self.looked = STEPS
        self.deadline = time.monotonic() + SECONDS
        self.parts = parts
        self.counted = self.size = 0

    def spend(self) -> None:
        """Take one step. Raises BudgetError when no steps, no time or no room are left."""
        self.steps -= 1
        if self.looked - self.steps >= LOOK_EVERY:
            self.look()

    def look(self) -> None:
        """Look at what was spent. Raises BudgetError."""
        self.looked = self.steps
        if self.steps <= 0:
            message = f"this takes more than {STEPS} steps; is there a loop without end?"
            raise BudgetError(message)
        if time.monotonic() > self.deadline:
            message = f"this takes more than {SECONDS:.0f} seconds"
            raise BudgetError(message)
        self.size += sum(map(len, self.parts[self.counted :]))
        self.counted = len(self.parts)
        if self.size > LARGEST:
            raise BudgetError(TOO_LONG)


class ThemeEnvironment(SandboxedEnvironment):
    """Jinja as themes get it: strict, without a loader (nothing can be included at run time), and on a budget."""

    values = _values
    escaped = staticmethod(escaped)
    intercepted_binops = frozenset({"+", "*", "**", "%"})

    def __init__(self, *, escape: bool, lines: bool = False) -> None:
        """`escape` for HTML; `lines` drops the line of a block tag that stands alone, as plain text needs it."""
        super().__init__(
            autoescape=escape,
            undefined=StrictUndefined,
            trim_blocks=lines,
            lstrip_blocks=lines,
            keep_trailing_newline=True,
        )
        self.filters = FILTERS.copy()
        self.tests = {
            name: merge_fields.keeping_tokens(f"is {name}", cast("Callable[..., Any]", test))
            for name, test in self.tests.items()
        }
        self.globals = {name: self.globals[name] for name in ("cycler", "dict", "joiner", "namespace")}
        self.globals["range"] = limited_range

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Of texts and lists only methods that cannot double them; of everything else what Jinja deems safe."""
        if isinstance(obj, list) and attr == "extend":
            return False
        if isinstance(obj, str):
            return attr in _TEXT_METHODS
        return super().is_safe_attribute(obj, attr, value)

    def wrap_str_format(self, value: Any) -> None:  # noqa: ARG002 - Jinja's hook
        """Jinja would let `str.format` through, guarded; it pads without end, so is_safe_attribute() refuses it."""
        return

    def getattr(self, obj: Any, attribute: str) -> Any:
        """`obj.attribute`: quickly for our own values and for words, by Jinja's rules for all others."""
        if type(obj) is dict and attribute in obj and attribute not in _OF_DICTS:
            return obj[attribute]
        if type(obj) is str and attribute in _TEXT_METHODS:
            return getattr(obj, attribute)
        if type(obj) in _values:  # _Guard has refused private names
            try:
                return getattr(obj, attribute)
            except AttributeError:
                return self.undefined(hint=_unknown(type(obj), attribute), obj=obj, name=attribute)
        return super().getattr(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """`obj[argument]`, but no part of a text in which something differs per reader."""
        if merge_fields.has_token(obj):
            merge_fields.refuse("[…]", obj)
        return super().getitem(obj, argument)

    def call(self, context: Context, obj: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Call something from a template: one step, and what comes back is bounded."""
        context.parent["_budget"].spend()
        ours = obj.__class__ is MethodType and obj.__self__.__class__ in _values
        if not ours and merge_fields.has_token(text := getattr(obj, "__self__", None)):
            merge_fields.refuse(f".{obj.__name__}()", text)
        if ours or obj.__class__ is BuiltinMethodType:
            kwargs.pop("_block_vars", None)  # such a method wants none of what Jinja would look for
            kwargs.pop("_loop_vars", None)
            return bounded(obj(*args, **kwargs))
        return bounded(super().call(context, obj, *args, **kwargs))

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Arithmetic that could fill the memory, only on what is small."""
        most = 64 if operator == "**" else 1_000_000
        if operator in ("*", "**") and not (_is_small(left, 1_000_000) and _is_small(right, most)):
            message = f"{operator} is for small numbers here"
            raise BudgetError(message)
        if operator == "%" and isinstance(left, str):
            message = "% formats no text here; put the parts next to each other"
            raise BudgetError(message)
        return bounded(super().call_binop(context, operator, left, right))

    @staticmethod
    def concat(parts: Iterable[str]) -> str:
        """What a macro, a block or `{% set %}…{% endset %}` wrote, as one text. Raises BudgetError."""
        parts = list(parts)
        if sum(map(len, parts)) > LARGEST:
            raise BudgetError(TOO_LONG)
        return "".join(parts)

    def guarded(self, source: str | nodes.Template, name: str) -> CodeType:
        """Compile a template in which everything that repeats or grows counts. Raises TemplateSyntaxError.

        A syntax tree that is handed in is rewritten.
        """
        tree = self.parse(source, name, name) if isinstance(source, str) else source
        code: CodeType = self.compile(_Guard().visit(tree), name, name)
        return code

    def fields(self, source: str) -> list[tuple[str, int]]:
        """The columns of the recipients' list that a template names, each with its line."""
        return list(merge_fields.fields_named(self.parse(source)))

    def template(self, code: CodeType) -> Template:
        """The template that `code` (of guarded()) makes."""
        return Template.from_code(self, code, self.globals)


class _Generator(CodeGenerator):
    """Writes Python for templates; a public attribute of our own values is read without a detour.

    What stands between two tags goes in a few pieces to where the rendering collects them.
    """

    def write_commons(self) -> None:
        super().write_commons()
        self.writeline("values = environment.values")
        self.writeline("escape = environment.escaped")
        self.writeline("budget = context.parent['_budget']")
        self.writeline("written = budget.parts")

    def visit_Output(self, node: nodes.Output, frame: Frame) -> None:  # noqa: N802 - visitors are named after nodes
        if frame.buffer is not None or frame.block:  # a macro's, or a block's, which `self.name()` may want elsewhere
            super().visit_Output(node, frame)
            return
        finalize = self._make_finalize()
        for parts in _pieces(node.nodes):
            if not parts[1:] and isinstance(parts[0], nodes.TemplateData):
                self.writeline(f"written.append({parts[0].data!r})")
                continue
            self.writeline("piece = ''.join((", node)
            self.indent()
            for part in parts:
                self.newline(part)
                if isinstance(part, nodes.TemplateData):
                    self.write(repr(part.data))
                else:
                    self._output_child_pre(part, frame, finalize)
                    self.visit(part, frame)
                    self._output_child_post(part, frame, finalize)
                self.write(",")
            self.outdent()
            self.writeline("))")
            self.writeline("written.append(piece)")
            self.writeline(f"if len(piece) > {_LARGE}: budget.look()")

    def visit_Getattr(self, node: nodes.Getattr, frame: Frame) -> None:  # noqa: N802
        if not isinstance(node.node, nodes.Name) or node.attr not in _attributes:
            super().visit_Getattr(node, frame)
            return
        name = frame.symbols.ref(node.node.name)
        self.write(f"({name}.{node.attr} if {name}.__class__ in values else ")
        super().visit_Getattr(node, frame)
        self.write(")")


def _pieces(parts: list[nodes.Expr]) -> Iterator[list[nodes.Expr]]:
    """What is written together, a few values at a time; before a part that asks the loop, which then looks ahead."""
    piece: list[nodes.Expr] = []
    for part in parts:
        if piece and (len(piece) == _AT_ONCE or any(each.name == "loop" for each in part.find_all(nodes.Name))):
            yield piece
            piece = []
        piece.append(part)
    if piece:
        yield piece


ThemeEnvironment.code_generator_class = _Generator


class _Guard(NodeTransformer):
    """Writes the budget into a template's syntax tree, and what is decided per reader."""

    def __init__(self) -> None:
        self.per_reader = merge_fields.PerReader(self)

    def visit(self, node: nodes.Node, *args: Any, **kwargs: Any) -> Any:
        rewritten = self.per_reader.rewritten(node)
        return super().visit(node, *args, **kwargs) if rewritten is None else rewritten

    def visit_Name(self, node: nodes.Name) -> nodes.Node:  # noqa: N802 - visitors are named after their nodes
        if node.name.startswith("_"):
            message = f"{node.name} is private; names here begin with a letter"
            raise TemplateSyntaxError(message, node.lineno)
        return node

    def visit_Getattr(self, node: nodes.Getattr) -> nodes.Node:  # noqa: N802
        if node.attr.startswith("_"):
            message = f"{node.attr} is private"
            raise TemplateSyntaxError(message, node.lineno)
        return self.generic_visit(node)

    def visit_Getitem(self, node: nodes.Getitem) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        if isinstance(node.arg, nodes.Slice):  # Jinja asks no environment for these
            node.node = nodes.Filter(node.node, "_whole", [], [], None, None, lineno=node.lineno)
        return node

    def visit_For(self, node: nodes.For) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        node.iter = nodes.Filter(node.iter, "_steps", [], [], None, None, lineno=node.lineno)
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        parts = nodes.List(node.nodes, lineno=node.lineno)
        return nodes.Filter(parts, "_joined", [], [], None, None, lineno=node.lineno)

    def visit_AssignBlock(self, node: nodes.AssignBlock) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        node.filter = nodes.Filter(node.filter, "_bounded", [], [], None, None, lineno=node.lineno)
        return node

    def visit_Include(self, node: nodes.Node) -> nodes.Node:  # noqa: N802
        message = "templates are not put together here; in a theme use <mj-include path=…>"
        raise TemplateSyntaxError(message, node.lineno)

    visit_Import = visit_FromImport = visit_Extends = visit_Include  # noqa: N815


def run(template: Template, values: Mapping[str, Any], places: SourceMap, parts: list[str]) -> str:
    """Render `template` piece by piece into `parts`, and return them joined.

    Raises RenderError with the file and line of the template for anything that goes wrong in it.
    """
    budget = Budget(parts)
    context = template.new_context({**values, "_budget": budget})
    try:
        try:
            for piece in template.root_render_func(context):  # those of blocks; all others come by themselves
                parts.append(piece)  # noqa: PERF402 - others are written in between
            budget.look()
        except Exception:  # noqa: BLE001 - whatever it is, Jinja puts the template's lines into its traceback
            template.environment.handle_exception()
    except RecursionError:
        message = f"{_where(sys.exc_info()[2], template, places)}: a macro calls itself without end"
        raise RenderError(message) from None
    except (TemplateError, BudgetError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        said = str(error) or type(error).__name__
        if isinstance(error, UndefinedError) and (name := re.fullmatch(r"'(\w+)' is undefined", said)):
            from digest.yamlfile import did_you_mean

            said += did_you_mean(name[1], (known for known in values if not known.startswith("_")))
        message = f"{_where(error.__traceback__, template, places)}: {said}"
        raise RenderError(message) from None
    finally:
        # A context and the macros in it hold each other, and with them all views: let go of them now, not at some later
        # collection.
        context.parent.clear()
        context.vars.clear()
    return "".join(parts)


def _unknown(kind: type, attribute: str) -> str:
    from digest.yamlfile import did_you_mean

    known = [name for name in dir(kind) if not name.startswith("_")]
    name = kind.__name__.removesuffix("View").removesuffix("Context").lower()
    return f"{name} has no {attribute!r}{did_you_mean(attribute, known)}"


def _where(traceback: TracebackType | None, template: Template, places: SourceMap) -> str:
    """The innermost line of the template that the traceback passed through; Jinja has put its own lines into it."""
    line = 0
    while traceback:
        if traceback.tb_frame.f_code.co_filename == template.filename:
            line = traceback.tb_lineno
        traceback = traceback.tb_next
    return places.at_line(line)


def _is_small(value: Any, most: int) -> bool:
    return isinstance(value, int | float) and abs(value) <= most
