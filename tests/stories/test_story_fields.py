"""Every field of a story survives: into its file, out of it, into the index, and out of that in another process."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from dataclasses import MISSING, asdict, fields
from datetime import datetime
from pathlib import Path

from storytree import ZURICH, plant

from digest.model import Status, Story
from digest.stories.folder import FolderSource
from digest.stories.writing import as_fields, serialise

WHOLE = Story(
    id="2022/a",
    file="stories/2022/a.md",
    title="Helping women",
    date=datetime(2022, 2, 14, 9, 30, tzinfo=ZURICH),
    date_only=False,
    kicker="Better Work",
    credit="© Better Work 2022",
    link="https://example.org/a",
    read="Watch the film",
    image="https://example.org/a.jpg",
    image_alt="A woman at work",
    guid="tag:example.org,2022:1",
    topics=("skills", "gender"),
    countries=("PK", "NO"),
    channels=("all-content", "impact"),
    language="pt-BR",
    translation_of="2022/b",
    status=Status.WITHDRAWN,
    embargo=datetime(2022, 2, 15, 9, 30, tzinfo=ZURICH),
    weight=-3,
    lead=True,
    repeat=True,
    corrected=datetime(2022, 3, 2, 9, 30, tzinfo=ZURICH),
    correction="It was Tuesday, not Monday.",
    summary="What *happened*.\n\nAnd then.",
)


def test_every_field_survives_file_index_and_another_process(tmp_path, monkeypatch):
    """Written to a file, parsed, and taken from the index by a process that has never seen the file."""
    defaults = {field.name: None if field.default is MISSING else field.default for field in fields(Story)}
    assert [key for key, value in defaults.items() if getattr(WHOLE, key) == value] == [], "give WHOLE these fields"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("digest.stories.index._YOUNG", -(10**10))
    plant(tmp_path / "stories", {WHOLE.id: serialise(as_fields(WHOLE), WHOLE.summary)})
    index = tmp_path / ".digest" / "stories.db"
    assert list(FolderSource(Path("stories"), zone=ZURICH, language="en", index=index).stories()) == [WHOLE]
    assert _warm(tmp_path) == [{key: repr(value) for key, value in asdict(WHOLE).items()}]


def _warm(root):
    """Every field of every story, from a process that may not parse a file."""
    script = """
        import json
        from dataclasses import asdict
        from pathlib import Path
        from zoneinfo import ZoneInfo
        from digest.stories import frontmatter
        from digest.stories.folder import FolderSource
        frontmatter.parse = None
        source = FolderSource(
            Path("stories"), zone=ZoneInfo("Europe/Zurich"), language="en", index=Path(".digest/stories.db").resolve()
        )
        print(json.dumps([{key: repr(value) for key, value in asdict(one).items()} for one in source.stories()]))
    """
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], cwd=root, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)
