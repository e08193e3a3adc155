"""Our dataclass is the standard library's in all that a program can see."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
from dataclasses import field
from functools import cached_property

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest import values

THEIRS, OURS = dataclasses.dataclass, values.dataclass


def made(decorate, **options):
    """The same class, by either decorator."""

    @decorate(**options)
    class Thing:
        """A thing."""

        name: str
        count: int = 0
        tags: tuple[str, ...] = ()
        extra: dict[str, int] = field(default_factory=dict, compare=False, repr=False)

        @property
        def shout(self):
            return self.name.upper()

    return Thing


@OURS(frozen=True, slots=True, kw_only=True)
class Kept:
    """A value at the top of a module, where pickle finds it."""

    name: str
    parts: list[int] = field(default_factory=list)


@OURS(frozen=True, kw_only=True)
class Open:
    """A value with a dictionary of its own."""

    name: str

    @cached_property
    def long(self):
        return self.name * 2


OPTIONS = [
    {"frozen": True, "slots": True, "kw_only": True},
    {"frozen": True, "kw_only": True},
    {"slots": True, "kw_only": True},
    {"slots": True},
    {"frozen": True},
    {"slots": True, "kw_only": True, "eq": False},
    {},
]


@pytest.mark.parametrize("options", OPTIONS)
@given(st.text(), st.integers(), st.lists(st.text()), st.text(), st.integers())
def test_values_are_equal_hashed_and_shown_as_the_library_s(options, name, count, tags, other, number):
    """Equality, hash, repr, replace and asdict agree with the library's, for every combination of options."""
    results = []
    for decorate in (THEIRS, OURS):
        kind = made(decorate, **options)
        one = kind(name=name, count=count, tags=tuple(tags))
        two = kind(name=other, count=number, extra={"x": 1})
        same = kind(name=name, count=count, tags=tuple(tags), extra={"not": 1})
        hashed = hash(one) == hash(same) if kind.__hash__ else None
        changed = dataclasses.replace(one, count=7)
        results.append(
            (repr(one), one == two, one == same, one == name, hashed, dataclasses.asdict(two), changed.count, one.shout)
        )
    assert results[0] == results[1]


@pytest.mark.parametrize("options", OPTIONS)
def test_classes_look_alike(options):
    """Signature, fields, slots, doc and parameters are the library's."""
    theirs, ours = made(THEIRS, **options), made(OURS, **options)
    found, expected = (inspect.signature(kind).parameters.values() for kind in (ours, theirs))
    assert [(p.name, p.kind, p.default is p.empty) for p in found] == [
        (p.name, p.kind, p.default is p.empty) for p in expected
    ]
    assert [one.name for one in dataclasses.fields(ours)] == [one.name for one in dataclasses.fields(theirs)]
    assert getattr(ours, "__slots__", None) == getattr(theirs, "__slots__", None)
    assert ours.__doc__ == theirs.__doc__
    assert ours.__init__.__annotations__ == theirs.__init__.__annotations__
    assert (ours.__hash__ is None) == (theirs.__hash__ is None)
    assert ours.__dataclass_params__.frozen == theirs.__dataclass_params__.frozen
    assert ours.__match_args__ == theirs.__match_args__


@pytest.mark.parametrize("options", [one for one in OPTIONS if one.get("frozen")])
def test_a_frozen_value_refuses_every_change(options):
    """Setting and deleting raise FrozenInstanceError with the library's words, for names that are no fields too."""
    said = []
    for decorate in (THEIRS, OURS):
        one = made(decorate, **options)(name="a")
        for change in (lambda one=one: setattr(one, "name", "b"), lambda one=one: delattr(one, "name")):
            with pytest.raises(dataclasses.FrozenInstanceError) as refused:
                change()
            said.append(str(refused.value))
        assert one.name == "a"
    assert said[:2] == said[2:]


def test_what_a_factory_makes_belongs_to_one_value():
    """Two values share no list that a factory made, and a given one is taken as it is."""
    one, two, mine = Kept(name="a"), Kept(name="a"), [1]
    one.parts.append(1)
    assert two.parts == []
    assert Kept(name="a", parts=mine).parts is mine


def test_values_are_copied_and_pickled():
    """A frozen value with slots survives copying and pickling."""
    one = Kept(name="a", parts=[1])
    assert pickle.loads(pickle.dumps(one)) == copy.copy(one) == copy.deepcopy(one) == one


def test_a_value_without_slots_may_remember():
    """A cached property works on a frozen value that has no slots."""
    one = Open(name="a")
    assert one.long is one.long
    assert one == Open(name="a")


@pytest.mark.parametrize("arguments", [{}, {"name": "a", "nme": 1}])
def test_wrong_arguments_are_refused(arguments):
    """A missing or unknown field is a TypeError, as with any function."""
    with pytest.raises(TypeError):
        Kept(**arguments)
    with pytest.raises(TypeError):
        Kept("a")


def test_what_is_not_supported_is_loud():
    """__post_init__, fields that are not given, and options of the library that are missing here raise TypeError."""
    with pytest.raises(TypeError, match="__post_init__"):

        @OURS(frozen=True)
        class Later:
            name: str

            def __post_init__(self):
                """Do nothing."""

    with pytest.raises(TypeError, match="no plain field"):

        @OURS(frozen=True)
        class Hidden:
            name: str = field(init=False)

    with pytest.raises(TypeError):
        OURS(order=True)


def test_a_value_that_holds_itself_can_be_shown():
    """A circle ends in dots."""
    one = Kept(name="a")
    one.parts.append(one)
    assert repr(one) == "Kept(name='a', parts=[...])"
