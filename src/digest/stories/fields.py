"""The schema of a story file's front matter, for pydantic.

Dates are checked for their type only: `frontmatter.read_date` reads them.

Heavy to import (pydantic): only what parses a story file imports it.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from digest.model import Status, story_id
from digest.text.characters import checked_line, filled
from digest.text.countries import country
from digest.text.language import spelled
from digest.text.urls import SCHEME


def _several(value: Any) -> Any:
    """One text stands for a list of one; a list in which something is said twice says it once."""
    if isinstance(value, str):
        if "," in value:
            message = f"{value!r} looks like several; write them as a list: [{value}]"
            raise ValueError(message)
        return [value]
    return value


def _once(values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))


def _web_address(text: str) -> str:
    if any(character.isspace() for character in text):
        message = "holds a blank; an address has none (write %20)"
        raise ValueError(message)
    if (found := SCHEME.match(text)) and found[1].lower() not in ("http", "https"):
        message = f"the scheme {found[1]}: is not safe in a mail; use an https address"
        raise ValueError(message)
    return text


def _picture(text: str) -> str:
    return _web_address(text) if SCHEME.match(text) else text  # a file's name may have blanks


Line = Annotated[str, AfterValidator(checked_line)]
Word = Annotated[Line, AfterValidator(filled)]
Words = Annotated[tuple[Word, ...], BeforeValidator(_several), AfterValidator(_once)]
Address = Annotated[Line, AfterValidator(_web_address)]
Picture = Annotated[Line, AfterValidator(_picture)]


class StoryFields(BaseModel):
    """What may stand in the front matter, in the order in which it is written."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: Word = Field(description="The headline.")
    date: Word = Field(
        description="The day it was published, or a time with its zone. It decides in which period the story is."
    )
    kicker: Line = Field("", description="The short line over the title that names its series or programme.")
    credit: Line = Field("", description="Whose photo it is.")
    link: Address = Field("", description="Where the whole story stands; the newsroom's url completes a relative one.")
    read: Line = Field("", description="The words of its link, instead of “Read the story”: Watch the film.")
    image: Picture = Field("", description="The photo: an https address, or a file's path in the newsroom.")
    image_alt: Line = Field("", description="What the photo shows, for who does not see it.")
    topics: Words = Field((), description="What it is about, in words of your own; audiences select by them.")
    countries: Annotated[
        tuple[Annotated[Word, AfterValidator(country)], ...], BeforeValidator(_several), AfterValidator(_once)
    ] = Field((), description="The countries it is about, by their two letters (ISO 3166).")
    channels: Words = Field((), description="The listings in which you show it; audiences select by them.")
    language: Annotated[Word, AfterValidator(spelled)] | None = Field(
        None, description="Its language, as a tag (en, pt-BR); the newsroom's if not set."
    )
    translation_of: Annotated[Line, AfterValidator(story_id)] = Field(
        "", description="The id of the story that it translates."
    )
    guid: Line = Field("", description="The source's own id of it, by which an import finds it again.")
    status: Status = Field(
        Status.PUBLISHED, description="draft: not yet for anybody. published. withdrawn: was published, must vanish."
    )
    embargo: Word | None = Field(None, description="Not before this time, with its zone.")
    weight: Annotated[int, Field(ge=-1_000_000, le=1_000_000)] = Field(0, description="More stands earlier.")
    lead: bool = Field(False, description="true puts it on top.")  # noqa: FBT003
    repeat: bool = Field(
        False,  # noqa: FBT003
        description="true lets it go to an audience again, where two periods overlap.",
    )
    corrected: Word | None = Field(
        None, description="The day, or the time, on which it was corrected after it had been sent."
    )
    correction: Line = Field("", description="What was wrong and what is right, for who reads it in the archive.")


# Names that Hugo, Jekyll, Pelican and feeds use for what is called otherwise here, or kept elsewhere.
FOREIGN = {
    "summary": "goes below the front matter, as Markdown",
    "description": "goes below the front matter, as Markdown",
    "body": "goes below the front matter, as Markdown",
    "tags": "is called topics here",
    "categories": "is called topics or channels here",
    "draft": "is written `status: draft` here",
    "url": "is called link here",
    "lang": "is called language here",
    "country": "is called countries here",
    "topic": "is called topics here",
    "channel": "is called channels here",
    "id": "is the file's path; a source's own id is called guid here",
}
