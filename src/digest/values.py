"""`dataclass`, made in a third of the time: a command makes eighty such classes before it does anything.

The standard library writes and compiles six functions for every frozen class. Here only `__init__` is written for each,
as it runs most often; the others are shared and ask the class for its fields. What comes out is a dataclass to
`fields`, `replace`, `asdict`, `copy` and `pickle`, and is equal, hashed, shown and refused as the library's would be.
Unsupported is loud: `__post_init__`, `InitVar` and `init=False` are the library's own, and raise TypeError here.
"""

from __future__ import annotations

import dataclasses
import sys
from operator import attrgetter
from reprlib import recursive_repr
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from dataclasses import dataclass as dataclass  # noqa: PLC0414 - to a type checker it is the library's
else:

    def dataclass(cls: type | None = None, /, **options: bool) -> Any:
        """Take `frozen`, `slots`, `kw_only` and `eq`, as the library's decorator does. Raises TypeError for others."""
        return _decorate(**options) if cls is None else _decorate(**options)(cls)


_ABSENT = object()  # stands for the value that a field's factory makes


def _decorate(
    *, frozen: bool = False, slots: bool = False, kw_only: bool = False, eq: bool = True
) -> Callable[[type], type]:
    def make(cls: type) -> type:
        own = vars(cls)
        plain: Any = dataclasses.dataclass(init=False, repr=False, eq=False, kw_only=kw_only, slots=slots)(cls)
        methods: dict[str, Any] = {"__init__": _init(plain, frozen=frozen), "__repr__": _showing(plain)}
        if eq:
            methods |= _comparing(plain, frozen=frozen)
        if frozen:
            methods |= {"__setattr__": _refuse_set, "__delattr__": _refuse_delete}
            if slots:
                methods |= {"__getstate__": _state, "__setstate__": _restore}
            plain.__dataclass_params__.frozen = True
        for name, method in methods.items():
            if name not in own:
                setattr(plain, name, method)
        made: type = plain
        return made

    return make


def _init(cls: Any, *, frozen: bool) -> Any:
    """Write and compile `__init__`."""
    names: dict[str, Any] = {"_absent": _ABSENT, "_set": object.__setattr__}
    parameters, lines = [], []
    if hasattr(cls, "__post_init__"):
        message = f"{cls.__qualname__} has __post_init__: take the dataclass of the standard library"
        raise TypeError(message)
    for one in cls.__dataclass_fields__.values():
        if not one.init or one._field_type is not dataclasses._FIELD:  # type: ignore[attr-defined]  # noqa: SLF001
            message = f"{cls.__qualname__}.{one.name} is no plain field: take the dataclass of the standard library"
            raise TypeError(message)
        name, default = one.name, ""
        value = name
        if one.default is not dataclasses.MISSING:
            names[f"_default_{name}"], default = one.default, f"=_default_{name}"
        elif one.default_factory is not dataclasses.MISSING:
            names[f"_new_{name}"], default = one.default_factory, "=_absent"
            value = f"_new_{name}() if {name} is _absent else {name}"
        parameters.append(name + default)
        lines.append(f"  _set(self,{name!r},{value})" if frozen else f"  self.{name}={value}")
    star = ["*"] if parameters and all(one.kw_only for one in cls.__dataclass_fields__.values()) else []
    head = ",".join(["self", *star, *parameters])
    body = "\n".join(lines) or "  pass"
    made_by: dict[str, Any] = {}
    source = f"def make({','.join(names)}):\n def __init__({head}):\n{body}\n return __init__"
    exec(source, vars(sys.modules[cls.__module__]), made_by)  # noqa: S102 - written from the names of the class's fields
    made = made_by["make"](**names)
    made.__qualname__ = f"{cls.__qualname__}.__init__"
    made.__annotations__ = {one.name: one.type for one in cls.__dataclass_fields__.values()} | {"return": None}
    return made


def _comparing(cls: Any, *, frozen: bool) -> dict[str, Any]:
    compared = [one.name for one in cls.__dataclass_fields__.values() if one.compare]
    values: Callable[[Any], Any] = attrgetter(*compared) if compared else lambda _: ()

    def __eq__(self: Any, other: object) -> bool:  # noqa: N807 - it becomes the class's
        return values(self) == values(other) if other.__class__ is self.__class__ else NotImplemented

    def __hash__(self: Any) -> int:  # noqa: N807
        return hash(values(self))

    return {"__eq__": __eq__, "__hash__": __hash__ if frozen else None}


def _showing(cls: Any) -> Callable[[Any], str]:
    names = [one.name for one in cls.__dataclass_fields__.values() if one.repr]

    @recursive_repr()
    def __repr__(self: Any) -> str:  # noqa: N807
        shown = ", ".join([f"{name}={getattr(self, name)!r}" for name in names])
        return f"{self.__class__.__qualname__}({shown})"

    return __repr__


def _refuse_set(self: Any, name: str, value: object) -> None:  # noqa: ARG001 - as Python calls it
    message = f"cannot assign to field {name!r}"
    raise dataclasses.FrozenInstanceError(message)


def _refuse_delete(self: Any, name: str) -> None:  # noqa: ARG001
    message = f"cannot delete field {name!r}"
    raise dataclasses.FrozenInstanceError(message)


def _state(self: Any) -> list[Any]:
    return [getattr(self, one.name) for one in dataclasses.fields(self)]


def _restore(self: Any, state: list[Any]) -> None:
    for one, value in zip(dataclasses.fields(self), state, strict=True):
        object.__setattr__(self, one.name, value)
