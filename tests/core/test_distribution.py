"""What is installed, and in which version, as pip says it."""

from __future__ import annotations

from importlib import metadata

import pytest

from digest.distribution import version


@pytest.mark.parametrize("name", ["newsroom-digest", "jinja2", "mjml-python", "Markdown_It.Py", "nh3", "pyyaml"])
def test_a_version_is_what_the_metadata_say(name):
    """However the name is spelled, and wherever on the path the folder is."""
    assert version(name) == metadata.version(name)


def test_what_is_not_installed_has_no_version():
    """Not even that of a distribution whose name begins alike."""
    with pytest.raises(metadata.PackageNotFoundError):
        version("newsroom")
