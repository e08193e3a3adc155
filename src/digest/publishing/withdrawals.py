"""Editions that were withdrawn as a whole: a record of each, a file to commit, `withdrawn/2022-02/everyone/en.yaml`.

Its page says since when and why, and nothing of what it held. Whoever removes the file brings the edition back.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from msgspec import Struct

from digest import files, yamlfile
from digest.errors import Fault, FaultyInput
from digest.files import typed
from digest.text.scalar import quoted

if TYPE_CHECKING:
    from pathlib import Path

    from digest.model import Edition

FOLDER = "withdrawn"
_KEYS = ("on", "because")
_DEEP = 3  # 2022-02/everyone/en.yaml


class Withdrawal(Struct, frozen=True, kw_only=True):
    """Since when an edition is withdrawn, and why, in words for its readers."""

    on: date
    because: str


def path_of(root: Path, edition: Edition) -> Path:
    """Where an edition's record lies in a newsroom's folder."""
    return root / FOLDER / edition.period.id / edition.audience / f"{edition.language}.yaml"


def withdraw(root: Path, edition: Edition, withdrawal: Withdrawal) -> Path:
    """Write the record, whole. Raises DigestError when the disk refuses."""
    path = path_of(root, edition)
    text = f"on: {withdrawal.on}\nbecause: {quoted(withdrawal.because)}\n"
    with files.writing(path):
        files.write_whole(path, text.encode())
    return path


def files_in(root: Path) -> list[Path]:
    """Every YAML file that somebody put where the records lie."""
    return sorted(path for path in (root / FOLDER).rglob("*.y*ml") if path.is_file())


def name_of(path: Path) -> str:
    """Of which edition a file's place says that it is withdrawn."""
    return "/".join((*path.parts[-3:-1], path.stem))


def load(root: Path) -> dict[str, Withdrawal]:
    """Every record, by its edition's id. Raises FaultyInput for files that are none, all of them at once."""
    faults: list[Fault] = []
    found: dict[str, Withdrawal] = {}
    for path in files_in(root):
        if len(path.relative_to(root / FOLDER).parts) != _DEEP or path.suffix != ".yaml":
            continue
        document = yamlfile.parse(path.read_text("utf-8", errors="replace"), str(typed(path)))
        faults += document.faults
        faults += [
            document.fault((key,), f"is no key here{yamlfile.did_you_mean(str(key), _KEYS)}")
            for key in document.data
            if key not in _KEYS
        ]
        try:
            day = date.fromisoformat(str(document.data.get("on", "")))
        except ValueError:
            faults.append(document.fault(("on",), "is no day; write it like 2022-03-14"))
            continue
        words = " ".join(str(document.data.get("because", "")).split())
        if not words:
            faults.append(document.fault(("because",), "is missing; say why, its page shows it"))
        found[name_of(path)] = Withdrawal(on=day, because=words)
    if faults:
        raise FaultyInput(faults)
    return found
