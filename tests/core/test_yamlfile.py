"""YAML as people write it: every mistake with its line, nothing guessed, no bomb."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field

from digest.yamlfile import parse, validate


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")
    colour: str = "red"
    size: int = 1


class Outer(BaseModel):
    model_config = ConfigDict(extra="forbid")
    title: str
    flag: bool = False
    parts: dict[str, Inner] = Field(default_factory=dict)
    rows: tuple[Inner, ...] = ()
    sender: str = Field("", alias="from")


def faults(text, first_line=1):
    return [str(fault) for fault in validate(Outer, parse(text, "f.yaml", first_line=first_line))[1]]


@pytest.mark.parametrize("word", ["no", "on", "12:30", "2022-14-02", "1e3", "0o17", "=", "1_000", ".nan"])
def test_a_word_means_itself(word):
    """What YAML 1.1 would turn into a number, a truth or a date stays the text that was typed."""
    assert parse(f"title: {word}", "f").data == {"title": word}


def test_every_fault_is_told_at_once_with_its_line():
    """Wrong values, unknown and missing keys of one file come together, in the order of their lines."""
    text = "flag: perhaps\nparts:\n  a: {colour: red, sise: 2}\n  b:\n    size: many\nform: x\n"
    assert faults(text) == [
        "f.yaml:1: title: is missing, give it a value",
        "f.yaml:1: flag: 'perhaps' is neither true nor false",
        "f.yaml:3: parts.a.sise: is not a key here, did you mean 'size'?",
        "f.yaml:5: parts.b.size: 'many' is not a number",
        "f.yaml:6: form: is not a key here, did you mean 'from'?",
    ]


def test_lines_are_the_files_own():
    """Front matter that begins on line 2 of its file is told with that file's lines."""
    assert faults("title: x\nrows:\n- {size: y}\n", first_line=2) == ["f.yaml:4: rows[0].size: 'y' is not a number"]


def test_a_key_given_twice_is_refused():
    """The second of two equal keys is named with the line of the first; neither wins in silence."""
    assert faults("title: a\nflag: true\ntitle: b\n") == ["f.yaml:3: title: is given twice, first on line 1; keep one"]


def test_an_empty_key_is_as_if_it_were_not_there():
    """`flag:` with nothing after it means the default, not an empty text."""
    model, found = validate(Outer, parse("title: x\nflag:\nparts: ~\nfrom: ''\n", "f"))
    assert not found
    assert model == Outer(title="x")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("title: !!python/object/apply:os.system [ls]", "tags like"),
        ("title: x\n\tflag: true", "with blanks"),
        ("- a\n- b", "expected keys and values"),
        ("title: [a", "not YAML"),
        ("title: \x00", "not YAML"),
        ("[a]: b", "a key is a word"),
        ("title: *nobody", "not YAML"),
    ],
)
def test_what_is_no_plain_mapping_is_refused(text, said):
    """Tags, tabs, lists, broken syntax, NUL and odd keys are each refused in words, and nothing is run."""
    document = parse(text, "f.yaml")
    assert any(said in str(fault) for fault in document.faults)
    assert all(fault.line for fault in document.faults)


@pytest.mark.parametrize("text", ["title: [a\n", "- a\n", "title: Skills: a path\n"])
def test_of_what_cannot_be_read_only_that_is_said(text):
    """Where a file is no YAML at all, nothing is told to be missing from it."""
    assert len(faults(text)) == 1


def test_a_colon_in_a_value_is_told_how_to_be_written():
    """The commonest slip in a headline has its remedy beside it."""
    (fault,) = faults("title: Skills: a path\n")
    assert fault.startswith("f.yaml:1: this is not YAML:")
    assert fault.endswith("put quotes around a value that holds a colon: 'Skills: a path'")


@pytest.mark.parametrize(
    "text", ["title: [Video] The boats", 'title: "She said "hello""', "- title: @harbour speaks", "title: - and so on"]
)
def test_a_text_that_begins_with_a_sign_of_yamls_is_told_what_to_do(text):
    """Whoever writes a headline knows no YAML."""
    (fault,) = parse(f"{text}\n", "f.yaml").faults
    assert str(fault).endswith("; put single quotes around the whole text, and write those in it twice")


def test_an_alias_bomb_is_refused_quickly():
    """Nine levels of ten aliases each would be a billion values: refused after the first fifty thousand."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    document = parse("\n".join(lines), "f.yaml")
    assert any("aliases" in str(fault) for fault in document.faults)


def test_a_value_of_the_wrong_shape_is_said_in_words():
    """A mapping where a text belongs, and a text where keys belong, are told without pydantic's words."""
    assert faults("title: {a: b}\nparts: none\n") == [
        "f.yaml:1: title: expected one text here",
        "f.yaml:2: parts: expected keys and values here",
    ]


@given(
    st.dictionaries(st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1), st.text(min_size=1), max_size=5)
)
def test_what_yaml_writes_is_read_back(data):
    """Any mapping of texts that PyYAML can write comes back as it was."""
    assert parse(yaml.safe_dump(data, allow_unicode=True, default_style='"'), "f").data == data


@given(st.text())
def test_no_text_makes_it_raise(text):
    """Whatever a file holds, the result is data or faults."""
    parse(text, "f.yaml")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("title: T\nparts: {a: {size:2}}", "2: parts.a.size:2: wants a blank behind its colon: size: 2"),
        ("title: T\nparts:\n  a:\n  b: {size: 2}", "3: parts.a: is empty, give it a value"),
        ("title: T\nflagg:\n", "2: flagg: is not a key here, did you mean 'flag'?"),
        ("title: &Us and them", "1: title: '&Us' is no text to YAML; put quotes around the whole text"),
        ("title: T\nfrom: &Co\n", "2: from: '&Co' is no text to YAML; put quotes around the whole text"),
        ("title: T\nfrom: !Now\n", "2: from: tags like !Now are not used here, remove it, or put quotes"),
        ("title: T\n\xa0from: x", "2: \xa0from: begins with U+00A0, which is no blank to YAML; type blanks"),
        ("title: T\nrows: &r [{size: 1}]\nparts:\n  <<: {a: {size: 1}}\n", "4: parts.<<: merges nothing here"),
    ],
)
def test_nothing_that_was_written_is_left_out_in_silence(text, said):
    """`{country:CH}`, an empty entry, a first word that YAML takes for a mark: they were as if never written."""
    assert faults(text)[0].startswith(f"f.yaml:{said}")


def test_an_empty_key_has_its_default_and_an_anchor_that_is_used_its_value():
    """What is meant by them is still taken."""
    text = "title: R&D & more\nflag:\nrows: [&one {size: 2}, *one]\nfrom: &a 'x?a=1&b=2'"
    outer, told = validate(Outer, parse(text, "f"))
    assert told == []
    assert outer
    assert (outer.flag, [row.size for row in outer.rows]) == (False, [2, 2])


@pytest.mark.parametrize(
    ("text", "line", "hint"),
    [
        (
            "title: T\nparts:\n  a: {}\n\xa0 b: {}\n  c: {}",
            4,
            "U+00A0 is no blank to it, though it looks like one; type a blank",
        ),
        ("title:\xa0T\nfrom: x", 1, "U+00A0 is no blank"),
        (
            "title: T\nfrom:x\nflag: no",
            2,
            "write `key: value`, a blank behind the colon, and behind the dash of a list",
        ),
        ("title: T\nrows:\n-a\nflag: no", 3, "write `key: value`"),
        (
            "title: T\n from: x",
            2,
            "keys of one section begin in one column, and a text that holds a colon wants quotes",
        ),
        ("from: 'Dossier:\xa0eau'\ntitle: Skills: a path", 2, "put quotes around a value that holds a colon"),
        ("title: Skills: a path", 1, "put quotes around a value that holds a colon: 'Skills: a path'"),
        ("rows: {size:[1]}", 1, "write a blank behind each colon"),
        ("title: T\n<<<<<<< HEAD\nfrom: x\n=======\nfrom: y\n>>>>>>> b", 2, "is git's mark of a conflict"),
    ],
)
def test_what_is_no_yaml_is_told_on_its_own_line_with_what_is_mostly_meant(text, line, hint):
    """The line after the one with the slip was named, in words that nobody who writes a list of readers knows."""
    (told,) = faults(text)
    assert told.startswith(f"f.yaml:{line}: this is not YAML: ")
    assert hint in told
