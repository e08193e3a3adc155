"""Escape texts for HTML as Jinja does, each once: an edition says a headline several times, a month in many editions.

    a plain text ─▶ Markup, from memory where it was asked for before

Pure. The memory is bounded, and nothing is kept that is long.
"""

from __future__ import annotations

from markupsafe import Markup, escape

_SHORT, _MANY = 1_000, 10_000  # characters of a text that is kept, and how many are


class Escaped(dict[str, Markup]):
    """What `markupsafe.escape` makes of a text, by the text. Look up plain texts only: a Markup is equal to one."""

    def __missing__(self, text: str) -> Markup:
        """Escape a text that was not asked for before."""
        made = escape(text)
        if len(text) <= _SHORT:
            if len(self) >= _MANY:
                self.clear()
            self[text] = made
        return made


ESCAPED = Escaped()
