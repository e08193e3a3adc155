"""The sample newsroom's pictures are drawn by a script that is in the repository, and are what it draws."""

from __future__ import annotations

import runpy
from pathlib import Path

from PIL import Image, ImageChops

ROOT = Path(__file__).parents[2]


def test_the_pictures_are_what_the_script_draws(tmp_path):
    """Drawn again, each is the same to the eye: no picture was edited by hand, and none is somebody else's."""
    script = runpy.run_path(str(ROOT / "tools/illustrations.py"))
    kept = {path.stem for path in (ROOT / "stories/pictures").iterdir()}
    assert kept == set(script["DRAWN"])
    script["main"].__globals__["PICTURES"] = tmp_path / "pictures"
    script["main"]()
    for name in kept:
        now, then = (
            Image.open(folder / f"{name}.png").convert("RGB")
            for folder in (tmp_path / "pictures", ROOT / "stories/pictures")
        )
        worst = max(high for _, high in ImageChops.difference(now, then).getextrema())
        assert worst <= 8, name
