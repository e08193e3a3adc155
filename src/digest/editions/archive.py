"""Keep what an edition's readers get, from the first mail to the last: the rendering, in the archive.

    Build ─keep─▶ archive/2022-02/everyone/en/ (the built files and rendering.json) ─recall─▶ Rendering

A story edited between two runs changes nothing that is frozen: a resumed run sends what the first one sent. It never
holds a reader's name or address. Reading back checks the fingerprint, so a changed file is noticed. Beside it stands
which ledger knows the readers, so that a ledger lost with its whole folder is noticed too.
"""

from __future__ import annotations

import base64
import dataclasses
import json
import shutil
from typing import TYPE_CHECKING

from digest import files
from digest.editions import build_folder
from digest.errors import LedgerError
from digest.model import InlineImage, Rendering
from digest.newsroom.history import folder
from digest.newsroom.paths import ARCHIVE

if TYPE_CHECKING:
    from pathlib import Path

    from digest.editions.builder import Build
    from digest.model import Edition
    from digest.newsroom.newsroom import Newsroom

PART = "rendering.json"
LEDGER = "ledger.json"


def keep(newsroom: Newsroom, build: Build) -> Path:
    """Write the build and its rendering into the archive. Returns the folder; raises DigestError when it cannot."""
    rendering = build.rendering
    assert rendering is not None, "an edition without a rendering is not sent"
    data = as_data(rendering)
    kept = dataclasses.replace(build, parts={**build.parts, PART: data})
    return build_folder.write(newsroom, kept, newsroom.root / ARCHIVE)


def as_data(rendering: Rendering) -> bytes:
    """A rendering as bytes, from which `from_data` makes the same one."""
    return build_folder.as_json(
        {
            "edition": rendering.edition.id,
            "subject": rendering.subject,
            "preheader": rendering.preheader,
            "direction": rendering.direction,
            "nonce": rendering.nonce,
            "slots": sorted(rendering.slots),
            "html": rendering.html,
            "text": rendering.text,
            "images": [
                {"cid": i.cid, "media_type": i.media_type, "data": base64.b64encode(i.data).decode()}
                for i in rendering.images
            ],
        }
    )


def from_data(data: bytes, edition: Edition) -> Rendering:
    """The rendering that `as_data` wrote. Raises ValueError, KeyError or TypeError for what it did not write."""
    found = json.loads(data)
    return Rendering(
        edition=edition,
        subject=found["subject"],
        preheader=found["preheader"],
        direction=found["direction"],
        nonce=found["nonce"],
        slots=frozenset(found["slots"]),
        html=found["html"],
        text=found["text"],
        images=tuple(
            InlineImage(cid=i["cid"], media_type=i["media_type"], data=base64.b64decode(i["data"]))
            for i in found["images"]
        ),
    )


def recall(archive: Path, edition: Edition, fingerprint: str) -> Rendering:
    """The rendering that was frozen with this fingerprint. Raises LedgerError when it is gone or was changed."""
    path = folder(archive, edition) / PART
    try:
        rendering = from_data(path.read_bytes(), edition)
    except (OSError, ValueError, KeyError, TypeError):
        message = (
            f"{edition.id}: {path} is missing or damaged, and it holds what the readers so far have got; put it back "
            f"from your backup, or call the rest off with `digest cancel {edition.id}`"
        )
        raise LedgerError(message) from None
    if rendering.fingerprint != fingerprint:
        message = (
            f"{edition.id}: {path} is not what the readers so far have got (its hash is not the ledger's); put it "
            f"back from your backup, or call the rest off with `digest cancel {edition.id}`"
        )
        raise LedgerError(message)
    return rendering


def forget(archive: Path, edition: Edition) -> None:
    """Take an edition out of the archive again: nobody was there to get it."""
    shutil.rmtree(folder(archive, edition), ignore_errors=True)


def begin(archive: Path, edition: Edition, place: str, ledger: str) -> None:
    """Write down which ledger knows this edition's readers, before the first mail. Raises LedgerError."""
    path = folder(archive, edition) / LEDGER
    data = build_folder.as_json({"place": place, "ledger": ledger})
    try:
        if not path.exists() or path.read_bytes() != data:
            files.write_whole(path, data)
    except OSError as error:
        message = f"{path}: {(error.strerror or str(error)).lower()}; nothing more was sent"
        raise LedgerError(message) from None


def begun_elsewhere(archive: Path, edition: Edition, place: str) -> str:
    """The place of another ledger with which this edition was begun; empty when it never was.

    Raises LedgerError when it was begun with the ledger of this very place: then that one is lost, and the new one
    in its place would mail everybody again.
    """
    home = folder(archive, edition)
    try:
        before = str(json.loads((home / LEDGER).read_bytes())["place"])
    except FileNotFoundError:
        return ""
    except (OSError, ValueError, KeyError, TypeError):
        before = place
    if before == place:
        message = (
            f"{edition.id} was begun before, says {home / LEDGER}, but the ledger {place} knows nothing of it: put "
            f"the ledger back from a backup. To mail all its readers, again where they have it, move {home} away"
        )
        raise LedgerError(message)
    return before
