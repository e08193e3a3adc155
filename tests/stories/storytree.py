"""Make story files and folders of them, for any test that needs some."""

from __future__ import annotations

import os
from zoneinfo import ZoneInfo

ZURICH = ZoneInfo("Europe/Zurich")


def story_text(title="A story", date="2022-02-14", summary="What happened.", **fields):
    """The text of a story file; keyword arguments are written as they are, one key a line."""
    lines = [f"{key}: {value}" for key, value in {"title": title, "date": date, **fields}.items() if value is not None]
    return "---\n" + "".join(f"{line}\n" for line in lines) + f"---\n\n{summary}\n"


def plant(root, files, *, age=3600):
    """Write `files` (path below root without `.md` -> text, bytes, or keywords for story_text), `age` seconds old."""
    for name, content in files.items():
        path = root / f"{name}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, dict):
            content = story_text(**content)  # noqa: PLW2901
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        if age:
            moment = path.stat().st_mtime_ns - age * 10**9
            os.utime(path, ns=(moment, moment))
    return root
