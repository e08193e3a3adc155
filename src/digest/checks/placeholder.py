"""What `digest init` writes for a person to replace: an address in [brackets], and mail addresses that nobody can have.

Pure. The check only warns, because a newsroom is tried out before it is filled in; `unfilled` is what a send to real
readers asks.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from digest.checks.check import Hit, check
from digest.model import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from digest.checks.context import CheckContext
    from digest.model import NewsroomProfile

# RFC 2606, RFC 6761: names for documentation and tests, where nobody reads mail.
_RESERVED = re.compile(r"(?:^|[.@])(?:example\.(?:com|net|org)|example|test|invalid|localhost)\.?$", re.IGNORECASE)
_BRACKETS = re.compile(r"\s*\[.*\]\s*", re.DOTALL)


def nobody_reads(address: str) -> bool:
    """Whether the address is in a domain that is kept for examples and tests.

    >>> [nobody_reads(each) for each in ("a@example.org", "a@mail.example.org", "a@myexample.org", "a@desk.test")]
    [True, True, False, True]
    """
    return _RESERVED.search(address) is not None


def is_placeholder(text: str) -> bool:
    """Whether all of the text stands in brackets, as `[street, postcode and town]`."""
    return _BRACKETS.fullmatch(text) is not None


def unfilled(newsroom: NewsroomProfile) -> Iterator[tuple[str, str]]:
    """Each key of the section newsroom that is still a placeholder, and what it says."""
    for key, address in (("from", newsroom.sender), ("contact", newsroom.contact)):
        if nobody_reads(address):
            yield key, address
    if is_placeholder(newsroom.postal_address):
        yield "postal_address", newsroom.postal_address.strip()


@check(
    "address-placeholder",
    Severity.WARNING,
    "mail",
    "Readers, and in some countries the law, want to know where the newsroom is.",
)
def address_placeholder(subject: CheckContext) -> Iterator[Hit]:
    """A postal address that is still the placeholder of `digest init`. A send to real readers refuses it."""
    text = subject.newsroom.postal_address
    if is_placeholder(text):
        yield Hit("config: newsroom.postal_address", f"is still '{text.strip()[:60]}'; write where the newsroom is")
