"""Values for tests: a newsroom, its audience, a story, some readers, the shortest mail."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from digest.delivery import Outgoing
from digest.model import Audience, NewsroomProfile, Recipient, Story

if TYPE_CHECKING:
    from digest.delivery import Delivery

NEWSROOM = NewsroomProfile(
    name="Harbour Newsroom",
    contact="press@harbour.example",
    sender="digest@harbour.example",
    timezone=ZoneInfo("Europe/Zurich"),
    url="https://www.harbour.example/newsroom",
    postal_address="Quay 4, CH-1200 Geneva",
)
AUDIENCE = Audience(name="everyone", title="All harbour news")


def story(title: str = "Women at work", **values: Any) -> Story:
    """A published story of 14 February 2022; `values` are any of its fields."""
    values.setdefault("id", "-".join(title.lower().split()))
    values.setdefault("date", datetime(2022, 2, 14, tzinfo=UTC))
    return Story(title=title, **values)


def readers(count: int, domain: str = "example.org") -> list[Recipient]:
    """So many recipients: `reader1@example.org` and so on."""
    return [Recipient(address=f"reader{number}@{domain}", name=f"Reader {number}") for number in range(1, count + 1)]


def plain_mail(delivery: Delivery) -> Outgoing:
    """The shortest mail to a reader: a `build` for tests that are not about mails."""
    data = f"From: digest@example.org\r\nTo: {delivery.address}\r\nSubject: Digest\r\n\r\nHello\r\n".encode()
    return Outgoing(delivery=delivery.id, sender="digest@example.org", recipient=delivery.address, data=data)
