r"""What may stand in a line of text that others see: the one rule, for headers, slot values and plain text alike.

The rule: terminal escapes, byte order marks and the nine bidirectional controls that reorder their neighbours
(U+202A-202E, U+2066-2069) vanish; any run of blanks, tabs, line ends (U+0085, U+2028 and U+2029 too), NUL and other
C0 and C1 controls becomes one blank; blanks of any kind at the ends go; half a surrogate pair becomes U+FFFD.
All else stays: joiners, combining marks, the marks U+200E, U+200F and U+061C that right-to-left text needs.
"""

from __future__ import annotations

import re

_ESCAPES = re.compile(r"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|[\x1b\x9b]\[?[0-?]*[ -/]*[@-~]")
_VANISH = re.compile("[\u202a-\u202e\u2066-\u2069\ufeff]")
_BLANKS = re.compile("[\x00-\x20\x7f-\x9f\u2028\u2029]+")
_HALVES = re.compile("[\ud800-\udfff]")
_TIDY = re.compile("[!-~]+(?: [!-~]+)*")

# In a body, isolates (U+2066-2069) stay: a right-to-left theme sets names and links apart with them.
_VANISH_IN_BODY = re.compile("[\u202a-\u202e\ufeff]")
_LINE_ENDS = re.compile("\r\n|[\r\f\v\x85\u2028\u2029]")
_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_SIGNATURE = re.compile(r"^-- $", re.MULTILINE)


def one_line(text: str) -> str:
    r"""One line for people to read, harmless in a header, in HTML source and on a terminal.

    >>> one_line(" Jobs\r\nBcc: all@example.org\u2028\x1b[31mnow ")
    'Jobs Bcc: all@example.org now'
    """
    if _TIDY.fullmatch(text):
        return text
    text = _HALVES.sub("\ufffd", _VANISH.sub("", _ESCAPES.sub("", text)))
    return _BLANKS.sub(" ", text).strip()


def plain_body(text: str) -> str:
    r"""A text part: lines ended by `\n`, the last one too; no control but the tab, no override, no signature mark.

    A story whose line is `-- ` would make mail programs fold away all that follows; the line loses its blank.
    """
    text = _LINE_ENDS.sub("\n", _ESCAPES.sub("", text))
    text = _HALVES.sub("\ufffd", _VANISH_IN_BODY.sub("", _CONTROLS.sub("", text)))
    text = _SIGNATURE.sub("--", text)
    return text if text.endswith("\n") else text + "\n"


def html_body(html: str) -> str:
    r"""An HTML part: lines ended by `\n`, the last one too, without the controls that HTML does not have."""
    html = _HALVES.sub("\ufffd", _CONTROLS.sub("", html.replace("\r\n", "\n").replace("\r", "\n")))
    return html if html.endswith("\n") else html + "\n"
