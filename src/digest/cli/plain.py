"""Take texts and paths from the command line as they are.

typer lets pydantic convert every value, the ones that nobody gave too, and pydantic takes longer to import than all
else that a build of something unchanged needs. A text is a text already, and so is what stands for a path. Numbers and
choices that were given still go typer's way, with its messages.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from typer.core import TyperCommand, TyperGroup

if TYPE_CHECKING:
    from typer import Context

    Command = TyperCommand
else:
    Command = object


class _Plain(Command):
    """A command whose parameters need no validator for what is plain."""

    def get_params(self, ctx: Any) -> list[Any]:
        """The parameters, `--help` among them, with converters of ours."""
        parameters = super().get_params(ctx)
        for parameter in parameters:
            # Where typer keeps its own converter once it has made it. If a later typer looks elsewhere, it makes its
            # own: the same values, a little later.
            parameter._runtime_param = _Converter(parameter)  # type: ignore[attr-defined]  # noqa: SLF001
        return parameters


class PlainCommand(_Plain, TyperCommand):
    """A verb, whose plain values need no validator."""


class PlainGroup(_Plain, TyperGroup):
    """Verbs below a word, with as little."""


class _Converter:
    """Converts one parameter's values: those that are what they should be at once, all others by typer's converter."""

    def __init__(self, parameter: Any) -> None:
        described = parameter.type_descriptor
        self._described = described
        self._many = parameter.multiple or parameter.nargs == -1
        self._texts = described.annotation in (str, list[str])
        self._paths = described.annotation is Path

    def coerce(self, value: Any, param: Any, ctx: Context) -> Any:
        """The value for the verb. Raises typer.BadParameter."""
        if value is None:
            return () if self._many else None
        if self._many:
            if not value or (self._texts and all(type(each) is str for each in value)):
                return list(value)
        elif self._paths and type(value) is str:
            return Path(value)
        elif type(value) is self._described.annotation:
            return value
        from typer._coercion import build_runtime_param

        return build_runtime_param(self._described).coerce(value, param=param, ctx=ctx)
