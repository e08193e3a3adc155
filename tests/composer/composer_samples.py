"""Stories, a newsroom and short cuts for the composer's tests. Nothing here asserts."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from functools import cache

from msgspec import structs

from digest.composer.compose import compose
from digest.composer.options import ThemeOptions
from digest.composer.theme import Theme, load_theme
from digest.model import Edition, Group, Rendering, Selection, Story
from digest.period import parse
from digest.testing import AUDIENCE
from digest.testing import NEWSROOM as HARBOUR

ZURICH = HARBOUR.timezone
NOW = datetime(2022, 3, 1, 9, tzinfo=ZURICH)
NEWSROOM = structs.replace(HARBOUR, postal_address="Quay 4\nCH-1200 Geneva")
TITLES = (
    "Dockers learn to weld under water",
    "A new school on the southern quay opens its doors to forty apprentices",
    "Ferries run on sunlight from the first of March",
    "What the storm taught us about warehouses, and what it did not",
    "Women captains tell how they got their ships",
)
SUMMARIES = (
    "Twelve dockers spent the winter in a tank. They come out with a trade that pays, and with stories.",
    "The school teaches what ships need now: batteries, sails and software.",
    "The first ferry took no oil on board. The second follows in May, “if the sun holds”, the company says.",
    "Roofs flew, pallets swam. An engineer explains which bolts held.",
    "Four captains, four ways to the bridge.",
)


def story(number: int = 0, **changes: object) -> Story:
    made = Story(
        id=f"2022-02-1{number % 10}-story-{number}",
        file=f"stories/2022-02-1{number % 10}-story-{number}.md",
        title=TITLES[number % len(TITLES)],
        date=datetime(2022, 2, 10 + number % 10, tzinfo=ZURICH),
        kicker="On the quay" if number % 2 else "",
        credit="© Ana Lúcia / Harbour" if number % 3 == 0 else "",
        link=f"https://www.harbour.example/news/{number}" if number % 4 != 2 else "",
        summary=SUMMARIES[number % len(SUMMARIES)],
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def stories(count: int, **changes: object) -> tuple[Story, ...]:
    return tuple(story(number, **changes) for number in range(count))


def selection(*chosen: Story, period: str = "2022-02", language: str = "en", **changes: object) -> Selection:
    edition = Edition(period=parse(period, ZURICH), audience="everyone", language=language)
    made = Selection(edition=edition, groups=(Group(key="", stories=chosen),) if chosen else ())
    return structs.replace(made, **changes)


@cache
def theme(options: ThemeOptions = ThemeOptions()) -> Theme:  # noqa: B008 - frozen
    return load_theme([], options)


def render(picked: Selection, options: ThemeOptions = ThemeOptions(), **changes: object) -> Rendering:  # noqa: B008
    arguments: dict = {"newsroom": NEWSROOM, "audience": AUDIENCE, "now": NOW, "options": options}
    return compose(picked, theme=theme(options), **(arguments | changes))
