"""What differs per reader, as templates see it: each value is a slot, a token that `mail/` replaces.

A slot is spelled with the edition's nonce, which no story can know; see `model.slot_token`.
"""

from __future__ import annotations

from digest.composer.sandbox import template_value
from digest.model import slot_token


@template_value
class ReaderView:
    """What differs per reader. Each value is a slot: a token that `mail/` replaces, escaped for where it stands."""

    __slots__ = ("_nonce", "_used", "field")

    def __init__(self, nonce: str) -> None:
        self._nonce = nonce
        self._used: set[str] = set()
        self.field = FieldsView(self)

    @property
    def name(self) -> str:
        """The reader's name, maybe empty."""
        return self._slot("name")

    @property
    def address(self) -> str:
        """The reader's address."""
        return self._slot("address")

    @property
    def unsubscribe_url(self) -> str:
        """Where this reader leaves."""
        return self._slot("unsubscribe_url")

    def _slot(self, name: str) -> str:
        self._used.add(name)
        return slot_token(self._nonce, name)

    def _slots(self, *texts: str) -> frozenset[str]:
        """The slots that occur in `texts`."""
        texts = tuple(sorted(texts, key=len))  # the text part has most of them, and is searched in no time
        return frozenset(name for name in self._used if any(slot_token(self._nonce, name) in text for text in texts))


class FieldsView:
    """A reader's other values: `reader.field.city` or `reader.field["city"]`."""

    __slots__ = ("_reader",)

    def __init__(self, reader: ReaderView) -> None:
        self._reader = reader

    def __getitem__(self, name: str) -> str:
        """The slot of the value called `name` (a column of the recipients' file)."""
        return self._reader._slot(f"field.{name}")  # noqa: SLF001 - one value in two classes
