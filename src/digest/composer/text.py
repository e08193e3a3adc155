"""Finish the text part: what the text template made, put in order for mail programs and terminals.

The text template sets the same stories as the HTML, from the same values; it is never converted from HTML. Lines are
wrapped by the template's filters (72 columns); this module only guards what no template may get wrong.
"""

from __future__ import annotations

import re

from digest.composer.clean import multiline

_BLANKS = re.compile(r"\n{4,}")
_GLUE = str.maketrans({"\u00a0": " ", "\u202f": " "})  # no-break spaces have done their work in wrapping


def finish(text: str) -> str:
    r"""No blanks at line ends, at most two blank lines in a row, one `\n` at the end, and no forged signature.

    A line of `-- ` begins a signature (RFC 3676, 4.3): mail programs hide what follows. Two dashes take its place.
    """
    lines = [line.rstrip() for line in multiline(text).translate(_GLUE).split("\n")]
    lines = ["\u2013\u2013" if line == "--" else line for line in lines]
    return _BLANKS.sub("\n\n\n", "\n".join(lines)).strip("\n") + "\n"
