"""Stress cases: an edition's stories and reader made as hard on the theme as real life can be.

Nothing of it is ever written or sent. Pure: stories in, stories out.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from msgspec import Struct

from digest.model import Recipient

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from digest.model import Story

FORTY = 40
ARABIC = "ar"
_TITLE = "تمكين المرأة العاملة من خلال المهارات الرقمية والتعلم مدى الحياة في جميع أنحاء المنطقة"
_SUMMARY = (
    "يساعد البرنامج الشباب على اكتساب مهارات جديدة، ويدعم **العمل اللائق** للجميع في عام 2022 (منظمة العمل الدولية)."
)
_KICKER = "برنامج العمل الأفضل"


class Case(Struct, frozen=True, kw_only=True):
    """One stress case. `stories` changes the stories, `reader` is who reads; either may be none."""

    title: str
    stories: Callable[[Sequence[Story]], Sequence[Story]] | None = None
    reader: Recipient | None = None
    language: str = ""


def _forty(stories: Sequence[Story]) -> Sequence[Story]:
    if not stories:
        return stories
    rounds = range(-(-FORTY // len(stories)))
    many = [
        replace(story, id=f"{story.id}-{turn}" if turn else story.id, guid="") for turn in rounds for story in stories
    ]
    return many[:FORTY]


def _arabic(stories: Sequence[Story]) -> Sequence[Story]:
    return [
        replace(story, title=f"{_TITLE} ({number})", summary=_SUMMARY, kicker=_KICKER if story.kicker else "",
                credit="تصوير: م. حسن" if story.credit else "", language=ARABIC)
        for number, story in enumerate(stories, 1)
    ]  # fmt: skip


CASES = {
    "long-name": Case(
        title="the longest name",
        reader=Recipient(
            address="wolfeschlegelsteinhausenbergerdorff.von.und.zu.hohenlohe@subscriptions.international.example.org",
            name="Hubert Blaine Wolfeschlegelsteinhausenbergerdorff-Featherstonehaugh von und zu Hohenlohe-Langenburg",
        ),
    ),
    "no-name": Case(title="no name", reader=Recipient(address="r@example.org")),
    "arabic": Case(
        title="Arabic", stories=_arabic, language=ARABIC, reader=Recipient(address="r@example.org", name="محمد الأحمد")
    ),
    "forty": Case(title="40 stories", stories=_forty),
    "no-summary": Case(title="empty summaries", stories=lambda all_: [replace(s, summary="") for s in all_]),
    "no-images": Case(title="no images", stories=lambda all_: [replace(s, image="", image_alt="") for s in all_]),
}
