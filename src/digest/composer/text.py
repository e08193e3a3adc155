"""Finish the text part: what the text template made, put in order for mail programs and terminals.

The text template sets the same stories as the HTML, from the same values; it is never converted from HTML. Lines are
wrapped by the template's filters (72 columns); this module only guards what no template may get wrong.
"""

from __future__ import annotations

import re

_TRAILING = re.compile(r"[ \t]+\n")


def finish(text: str) -> str:
    r"""No blanks at line ends, at most two blank lines in a row, one `\n` at the end, and no forged signature.

    A line of `-- ` begins a signature (RFC 3676, 4.3): mail programs hide what follows. Two dashes take its place.
    """
    if " \n" in text or ("\t" in text and "\t\n" in text):
        text = _TRAILING.sub("\n", text)
    while "\n\n\n\n" in text:
        text = text.replace("\n\n\n\n", "\n\n\n")
    while "\n--\n" in text:
        text = text.replace("\n--\n", "\n\u2013\u2013\n")
    return text.strip("\n") + "\n"
