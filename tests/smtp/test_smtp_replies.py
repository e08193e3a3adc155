"""Replies: what is one, what is not, and that none can be without end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.delivery import Phase
from digest.smtp.replies import MAX_BYTES, MAX_LINES, NotSmtp, Reply, parse_reply
from digest.smtp.verdict import ReplyClass, hear


def parse(data: bytes):
    return parse_reply(bytearray(data), 0, len(data))


def reply(data: bytes) -> Reply:
    found = parse(data)
    assert found is not None
    return found[0]


@pytest.mark.parametrize(
    ("data", "code", "text", "status"),
    [
        (b"250 2.0.0 Ok: queued as 4F\r\n", 250, "2.0.0 Ok: queued as 4F", "2.0.0"),
        (b"250\r\n", 250, "", ""),
        (b"250\n", 250, "", ""),
        (b"354 go\n", 354, "go", ""),
        (b"550-5.1.1 no such\r\n550 5.1.1 reader\r\n", 550, "5.1.1 no such reader", "5.1.1"),
        (b"550 4.1.1 a status of another class\r\n", 550, "4.1.1 a status of another class", ""),
        (b"550 5.1.1000 not a status\r\n", 550, "5.1.1000 not a status", ""),
        ("450 réessayez\r\n".encode(), 450, "réessayez", ""),
        (b"450 caf\xe9\r\n", 450, "caf�", ""),
    ],
)
def test_a_reply_gives_its_code_words_and_status(data, code, text, status):
    """One line or several, CRLF or LF, with or without an enhanced status, become a code and words."""
    found = reply(data)
    assert (found.code, found.text, found.status) == (code, text, status)


@pytest.mark.parametrize(
    "data",
    [
        b"hello\r\n",
        b"25\r\n",
        b"2500 x\r\n",
        b"150 x\r\n",
        b"650 x\r\n",
        b"250-a\r\n550 b\r\n",
        b"550-a\r\n250 b\r\n",
        b"250-a\r\nb\r\n",
        b"\r\n",
        b" 250 x\r\n",
        b"+250 x\r\n",
        b"HTTP/1.1 400 Bad Request\r\n",
        b"\x16\x03\x01\x02\n",
    ],
)
def test_what_is_no_reply_is_refused(data):
    """Lines without a code, with codes of two classes, or with a code outside 200 to 599 are not SMTP."""
    with pytest.raises(NotSmtp):
        parse(data)


def test_a_reply_without_end_is_bounded():
    """Neither a line nor a list of lines may go on for ever."""
    with pytest.raises(NotSmtp, match="bytes"):
        parse(b"250 " + b"x" * MAX_BYTES)
    with pytest.raises(NotSmtp, match="lines"):
        parse(b"250-x\r\n" * (MAX_LINES + 1))


def test_words_cannot_steer_a_terminal_or_fill_a_page():
    """Escapes, controls, line and bidi marks are taken out, and a long text is cut."""
    text = reply("550 \x1b[2Jred\x07 \u202eevil\u2028line\x85 \r more\r\n".encode()).text
    assert text == "?[2Jred? ?evil?line? ? more"
    assert len(reply(b"550 " + b"y" * 5000 + b"\r\n").text) == 400


LINE = st.binary(max_size=40).map(lambda data: data.replace(b"\n", b"").replace(b"\r", b""))


@given(st.integers(200, 599), st.lists(LINE, min_size=1, max_size=6), st.integers(0, 400), LINE)
def test_a_reply_is_the_same_however_it_arrives(code, lines, cut, rest):
    """A part of a reply is never taken for it, and what follows it is left alone."""
    marks = [b"-"] * (len(lines) - 1) + [b" "]
    data = b"".join(b"%d%s%s\r\n" % (code, mark, line) for mark, line in zip(marks, lines, strict=True))
    if cut < len(data):
        assert parse(data[:cut]) is None
    found = parse(data + rest)
    assert found is not None
    assert (found[0].code, found[1]) == (code, len(data))
    assert len(found[0].lines) == len(lines)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_reply_a_part_or_an_error(data):
    """Nothing that a server says makes the parser fail in another way, or read past the end."""
    try:
        found = parse(data)
    except NotSmtp:
        return
    if found is not None:
        assert 200 <= found[0].code <= 599
        assert found[1] <= len(data)
        assert found[0].text.isprintable()


@pytest.mark.parametrize(
    ("phase", "data", "heard"),
    [
        (Phase.RCPT, b"251 will forward\r\n", ReplyClass.YES),
        (Phase.DATA, b"354 go\r\n", ReplyClass.YES),
        (Phase.DATA, b"250 Ok\r\n", ReplyClass.NOTHING),
        (Phase.DOT, b"354 go\r\n", ReplyClass.NOTHING),
        (Phase.RCPT, b"450 4.2.0 greylisted\r\n", ReplyClass.LATER),
        (Phase.RCPT, b"452 4.2.2 full\r\n", ReplyClass.LATER),
        (Phase.RCPT, b"552 too many\r\n", ReplyClass.LATER),
        (Phase.RCPT, b"552 5.2.2 over quota\r\n", ReplyClass.NEVER),
        (Phase.DOT, b"552 too big\r\n", ReplyClass.NEVER),
        (Phase.RCPT, b"421 4.7.0 too fast\r\n", ReplyClass.CLOSING),
        (Phase.MAIL, b"530 5.7.0 Must issue a STARTTLS command first\r\n", ReplyClass.UNWELCOME),
    ],
)
def test_a_code_is_heard_by_its_phase(phase, data, heard):
    """The same code means yes in one phase and nothing in another; 552, 530 and 421 have their own meaning."""
    assert hear(phase, reply(data)) is heard


def test_codes_of_one_class_are_one_answer():
    """Servers that ask a filter behind them mix codes: of one class they say the same, and the last one counts."""
    data = bytearray(b"554-5.6.0 a\r\n550 5.6.0 b\r\n")
    reply, end = parse_reply(data, 0, len(data))
    assert (reply.code, reply.text, end) == (550, "5.6.0 a b", len(data))
