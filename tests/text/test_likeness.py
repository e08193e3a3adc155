"""What is compared without case and accents is one, whoever compares it."""

from __future__ import annotations

import pytest

from digest.editions.approval import _person
from digest.recipients.columns import folded


@pytest.mark.parametrize("spelled", ["Zoë", "ZOE", "zoé", "𝐙𝐨𝐞", "Ｚｏｅ", "ⓏⓄⒺ"])
def test_a_name_is_one_however_its_letters_are_drawn(spelled):
    """Also where a letter has a small one only when it is plain: in lists, and of people who approve."""
    assert folded(spelled) == "zoe"
    assert _person(spelled) == {"zoe"}
