"""What content is hashed to: the same for what says the same, also after a version that knows more fields."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from datetime import datetime
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
from msgspec import Struct, field

from digest.editions import approval
from digest.errors import ApprovalError
from digest.model import Status, Story, content_hash

STORY = Story(id="a", title="A", date=datetime(2022, 2, 14, tzinfo=ZoneInfo("UTC")), topics=("water",))


@dataclass(frozen=True, slots=True, kw_only=True)
class LaterStory(Story):
    mood: str = ""


def test_a_field_that_is_new_voids_nothing_and_one_that_says_something_does():
    """A story of a later version has the same hash until somebody uses the new field."""
    later = LaterStory(**{each.name: getattr(STORY, each.name) for each in fields(Story)})
    assert content_hash(later) == content_hash(STORY)
    assert content_hash(replace(later, mood="good")) != content_hash(STORY)
    assert content_hash((later, "x")) != content_hash((STORY, "y"))


class Setting(Struct, frozen=True, kw_only=True):
    name: str
    places: dict[str, int] = field(default_factory=dict)
    mood: str = "calm"
    size: int


def test_of_a_struct_what_differs_from_its_defaults_counts_by_its_name():
    """Whether it is made anew or not, and wherever among those that must be given a default stands."""
    assert content_hash(Setting(name="", size=0)) == content_hash({"name": "", "size": 0})
    assert content_hash(Setting(name="a", size=1, places={})) == content_hash({"name": "a", "size": 1})
    changed = Setting(name="a", size=1, places={"b": 2}, mood="")
    assert content_hash(changed) == content_hash({"name": "a", "size": 1, "places": {"b": 2}, "mood": ""})


@pytest.mark.parametrize("change", [{"weight": 1}, {"status": Status.DRAFT}, {"embargo": STORY.date}, {"summary": "."}])
def test_every_field_counts_but_where_the_file_lies(change):
    """Whatever a story says changes its hash; the path as it was typed does not."""
    assert content_hash(replace(STORY, **change)) != content_hash(STORY)
    assert content_hash(replace(STORY, file="stories/a.md")) == content_hash(STORY)


def test_an_approval_of_an_older_version_says_so(tmp_path):
    """It is void once, since hashes are other ones, and not because somebody changed something."""
    path = tmp_path / "en.json"
    path.write_text(
        '{"edition": "e", "fingerprint": "f", "inputs": {"theme": "t"}, "signatures": [{"who": "Ana", "when": "-"}]}'
    )
    account = {"fingerprint": "g", "inputs": {"theme": "u"}}
    with pytest.raises(ApprovalError, match="approved with an older version of digest"):
        approval.judge(approval.load(path), "e", account, "required")
    signed = approval.sign(approval.load(path), "e", account, "Ben", SimpleNamespace(isoformat=lambda: "now"))
    assert [each.who for each in signed.signatures] == ["Ben"]
    approval.judge(signed, "e", account, "required")
