"""Quoted-printable: any text survives it, and no line of it tempts a server to change anything (FAULTS 20)."""

from __future__ import annotations

import quopri
import re

from hypothesis import example, given
from hypothesis import strategies as st
from mail_reference import encode

from digest.mail.quoted import around, piece

FRAGMENTS = st.sampled_from(
    [
        "\n",
        ".",
        "..",
        "From ",
        "From",
        " ",
        "\t",
        "=",
        "=20",
        "é",
        "汉字",
        "👨‍👩‍👧",
        "-- ",
        "a",
        "x" * 74,
        "y" * 75,
        "z" * 76,
        "é" * 30,
        "word " * 20,
        "~",
        "\x00",
        "\x1b",
        "\x7f",
        "\x85",
        "\u2028",
        "<p>",
        "\n.\n",
        "\nFrom \n",
    ]
)
TEXTS = st.lists(st.one_of(FRAGMENTS, st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=5)))
TEXTS = TEXTS.map("".join)


@given(TEXTS)
@example("." * 200)
@example("From " * 40)
@example("From \n")
@example("x" * 75 + ".y")
@example("x" * 75 + "From y")
@example("é" * 13 + "xé" * 13)
def test_any_text_comes_back_from_lines_that_nothing_on_the_way_changes(text):
    """At most 76 octets of printable ASCII, no blank at the end, no dot or `From ` at the start; it decodes back."""
    encoded = piece(text)
    assert quopri.decodestring(encoded).decode() == text.replace("\n", "\r\n")
    for line in encoded.split(b"\r\n"):
        assert len(line) <= 76
        assert re.fullmatch(rb"(?:[\t -<>-~]|=[0-9A-F]{2})*=?", line)
        assert not line.startswith((b".", b"From "))
        assert not line.endswith((b" ", b"\t"))


@given(TEXTS)
def test_no_character_is_split_between_two_lines(text):
    """Each line decodes by itself: the octets of one character stay together."""
    for line in piece(text).split(b"\r\n"):
        quopri.decodestring(line.removesuffix(b"=")).decode()


@given(TEXTS)
def test_the_fast_encoder_is_the_plain_one(text):
    """The encoder that works by slices writes what the one that works by characters writes."""
    assert piece(text) == encode(text)


@given(st.lists(TEXTS, min_size=1, max_size=5), st.data())
def test_pieces_joined_are_the_whole_encoded_in_one_go(literals, data):
    """Cut at slots of any value, the empty one too, encoded apart and joined: the bytes of one pass over all of it."""
    literals[-1] += "\n"
    values = data.draw(
        st.lists(TEXTS.map(lambda text: " ".join(text.split())), min_size=len(literals) - 1, max_size=len(literals) - 1)
    )
    whole, slots = literals[0], []
    for value, literal in zip(values, literals[1:], strict=True):
        slots.append((len(whole), len(whole) + len(value)))
        whole += value + literal
    first, *rest = around(literals)
    joined = first + b"".join(piece(value) + literal for value, literal in zip(values, rest, strict=True))
    assert joined == encode(whole, slots)
    assert quopri.decodestring(joined).decode() == whole.replace("\n", "\r\n")
    assert max(map(len, joined.split(b"\r\n"))) <= 76


def test_what_a_line_may_not_begin_with_is_escaped():
    """FAULTS 20: `From ` becomes =46rom (mbox leaves it alone), a dot =2E (SMTP leaves it alone), a last blank =20."""
    assert piece(".\n..\nFrom x\nfrom\nFromage\nend \n\t\n") == (
        b"=2E\r\n=2E.\r\n=46rom x\r\nfrom\r\nFromage\r\nend=20\r\n=09\r\n"
    )


def test_one_line_of_a_megabyte_takes_no_megabytes_per_line():
    """A body without a single line end is encoded in linear work, not in slices of what is left."""
    encoded = piece("é" * 500_000)
    assert quopri.decodestring(encoded).decode() == "é" * 500_000
