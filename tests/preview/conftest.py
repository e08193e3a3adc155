"""A newsroom to be looked at, copied from the repository's own, its theme compiled once."""

from __future__ import annotations

import shutil
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect
from previewed import Shown, serving

from digest.editions.builder import build_edition

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
expect.set_options(timeout=20_000)  # milliseconds: what is shown is asked for, not how soon, on a busy machine too


@pytest.fixture(scope="session")
def built_once(tmp_path_factory) -> Path:
    """The repository's own newsroom with its theme compiled, to be copied."""
    from digest.newsroom.newsroom import open_newsroom

    root = tmp_path_factory.mktemp("newsroom")
    for name in ("config.yaml", "stories", "recipients"):
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, root / name)
    newsroom = open_newsroom(root / "config.yaml", {})
    build_edition(newsroom, newsroom.edition("2022-02", "everyone"))
    return root


@pytest.fixture
def folder(built_once, tmp_path, monkeypatch) -> Shown:
    """A newsroom that nobody serves yet."""
    root = tmp_path / "newsroom"
    shutil.copytree(built_once, root)
    monkeypatch.chdir(root)
    return Shown(root)


@pytest.fixture
def shown(folder) -> Iterator[Shown]:
    """A newsroom that is served on this machine, from the first question on."""
    with ExitStack() as closing:
        folder.serve = lambda: closing.enter_context(serving(folder))
        yield folder


@pytest.fixture(scope="module")
def served(built_once, tmp_path_factory) -> Iterator[Shown]:
    """One newsroom that is served for all tests of a module that write nothing into it."""
    root = tmp_path_factory.mktemp("served") / "newsroom"
    shutil.copytree(built_once, root)
    newsroom = Shown(root)
    with serving(newsroom):
        yield newsroom
