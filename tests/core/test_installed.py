"""The versions that manifests name."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

import pytest

from digest.newsroom.installed import versions

NAMES = ("digest", "jinja2", "mjml-python", "premailer", "markdown-it-py", "nh3", "babel")


def test_versions_are_those_that_the_packages_say_of_themselves():
    """The folders' names say what the packages' own records say."""
    assert versions(NAMES) == {name: version(name) for name in NAMES}


def test_a_package_without_a_folder_is_asked_for_by_its_record(monkeypatch):
    """Where no folder is found, the slow way answers."""
    monkeypatch.setattr("sys.path", ["/nowhere"])
    with pytest.raises(PackageNotFoundError):
        versions(["there-is-no-such-package"])
