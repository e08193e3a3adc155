"""A theme's files are found once, and nothing that leads out of its folder is."""

from __future__ import annotations

import pytest

from digest.composer.files import gather


def theme(root, name="mine"):
    folder = root / "templates" / name
    folder.mkdir(parents=True)
    (folder / "theme.mjml.j2").write_text("<mjml></mjml>")
    return folder


@pytest.mark.parametrize("name", ["mine", "default"])
def test_the_fallback_is_read_once(tmp_path, name):
    """A newsroom's file stands before ours, under the default theme's name too, and what it lacks is ours."""
    theme(tmp_path, name)
    files = gather([tmp_path / "templates"], name).files
    assert files["theme.mjml.j2"].text == "<mjml></mjml>"
    assert "text.txt.j2" in files
    assert [one for one in files if "#" in one] == []


def test_links_that_lead_out_are_not_followed(tmp_path):
    """A linked file outside, and a file in a linked folder, are no templates; a link within the theme is one."""
    folder = theme(tmp_path)
    (tmp_path / "secret.j2").write_text("secret")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "part.j2").write_text("secret")
    (folder / "out.j2").symlink_to(tmp_path / "secret.j2")
    (folder / "linked").symlink_to(tmp_path / "outside")
    (folder / "inside.j2").symlink_to(folder / "theme.mjml.j2")
    files = gather([tmp_path / "templates"], "mine").files
    assert files["inside.j2"].text == "<mjml></mjml>"
    assert not any("secret" in one.text for one in files.values())
