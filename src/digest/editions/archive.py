"""Keep what an edition's readers get, from the first mail to the last: rendering, sender and way to leave.

    Build, EditionContent ─keep─▶ archive/2022-02/everyone/en/ (built files, rendering.json) ─recall─▶ EditionContent
                                └▶ edition.json: what its public page is made of (see sent_edition)

A story or a setting edited between two runs changes nothing that is frozen: a resumed run sends what the first one
sent. It never holds a reader's name or address. Reading back checks the fingerprint, so a changed file is noticed.
Beside it stands which ledger knows the readers, so that a ledger lost with its whole folder is noticed too, and when
the first of them was mailed. The folder is never served: the public archive is made from it (see publishing).
"""

from __future__ import annotations

import base64
import json
import shutil
from datetime import datetime
from typing import TYPE_CHECKING

from msgspec import Struct, structs

from digest import files
from digest.editions import build_folder, sent_edition
from digest.errors import LedgerError
from digest.mail.sender_identity import SenderIdentity
from digest.model import InlineImage, Rendering, content_hash
from digest.newsroom.history import folder
from digest.newsroom.paths import ARCHIVE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from digest.editions.builder import Build
    from digest.model import Edition
    from digest.newsroom.newsroom import Newsroom

PART = "rendering.json"
LEDGER = "ledger.json"
PAGE = sent_edition.FILE
SENT = "sent.json"
_SHORT = 12  # hex digits of a content's hash in a file's name


class EditionContent(Struct, frozen=True, kw_only=True):
    """What the readers of an edition get, whole. The relay, the key that signs and the secrets are not part of it.

    `identity` is None for an edition that an older version froze: its sender is what config.yaml says. Below
    `unsubscribe_url` readers leave by a link; empty: by mail only.
    """

    rendering: Rendering
    identity: SenderIdentity | None = None
    unsubscribe_url: str = ""

    @property
    def edition(self) -> Edition:
        """Whose content this is."""
        return self.rendering.edition

    @property
    def fingerprint(self) -> str:
        """The hash under which the ledger knows it."""
        if self.identity is None:
            return self.rendering.fingerprint
        sender = {"identity": self.identity, "unsubscribe_url": self.unsubscribe_url}
        return content_hash({"rendering": self.rendering.fingerprint, **sender})


def keep(newsroom: Newsroom, build: Build, content: EditionContent) -> Path:
    """Write the build and its content into the archive. Returns the folder; raises DigestError when it cannot."""
    return _write(newsroom, build, {PART: as_data(content), PAGE: page_data(newsroom, build)})


def replace(newsroom: Newsroom, build: Build, content: EditionContent, before: EditionContent) -> Path:
    """The same where readers have got `before`, which is kept beside it, as is which ledger knows them."""
    home = folder(newsroom.root / ARCHIVE, build.edition)
    own = (*home.glob("rendering-*.json"), home / LEDGER, home / SENT)
    kept = {path.name: path.read_bytes() for path in own if path.exists()}
    kept[_name(before.fingerprint)] = as_data(before)
    return _write(newsroom, build, {**kept, PART: as_data(content), PAGE: page_data(newsroom, build)})


def page_data(newsroom: Newsroom, build: Build) -> bytes:
    """What the public page of a build that goes to its readers is made of."""
    rendering = build.rendering
    assert rendering is not None, "nothing is sent that was not composed"
    audience = newsroom.config.audience(build.edition.audience)
    domain = newsroom.edition_setup.list_domain
    sent = sent_edition.of_selection(
        build.selection,
        audience,
        domain=domain,
        year=build.made.year,
        subject=sent_edition.neutral(rendering.subject, rendering),
        preheader=sent_edition.neutral(rendering.preheader, rendering),
    )
    return sent_edition.as_data(sent)


def _write(newsroom: Newsroom, build: Build, more: Mapping[str, bytes]) -> Path:
    parts = structs.replace(build, parts={**build.parts, **more})
    return build_folder.write(newsroom, parts, newsroom.root / ARCHIVE)


def _name(fingerprint: str) -> str:
    """The file of a content that was replaced while readers had it."""
    return f"rendering-{fingerprint[:_SHORT]}.json"


def as_data(content: EditionContent) -> bytes:
    """A content as bytes, from which `from_data` makes the same one."""
    rendering, identity = content.rendering, content.identity
    sender = {"identity": structs.asdict(identity), "unsubscribe_url": content.unsubscribe_url} if identity else {}
    return files.readable_json(
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
            **sender,
        }
    )


def from_data(data: bytes, edition: Edition) -> EditionContent:
    """The content that `as_data` wrote. Raises ValueError, KeyError or TypeError for what it did not write."""
    kept = json.loads(data)
    rendering = Rendering(
        edition=edition,
        subject=kept["subject"],
        preheader=kept["preheader"],
        direction=kept["direction"],
        nonce=kept["nonce"],
        slots=frozenset(kept["slots"]),
        html=kept["html"],
        text=kept["text"],
        images=tuple(
            InlineImage(cid=i["cid"], media_type=i["media_type"], data=base64.b64decode(i["data"]))
            for i in kept["images"]
        ),
    )
    if "identity" not in kept:
        return EditionContent(rendering=rendering)
    sender = kept["identity"]
    identity = SenderIdentity(**sender | {"headers": tuple((name, value) for name, value in sender.get("headers", ()))})
    return EditionContent(rendering=rendering, identity=identity, unsubscribe_url=kept["unsubscribe_url"])


def recall(archive: Path, edition: Edition, fingerprint: str) -> EditionContent:
    """The content that was frozen with this fingerprint. Raises LedgerError when it is gone or was changed."""
    path = folder(archive, edition) / PART
    # Where a run was killed while it replaced a content, the ledger still names the one before.
    contents = [_read(place, edition) for place in (path, path.with_name(_name(fingerprint)))]
    if content := next((each for each in contents if each and each.fingerprint == fingerprint), None):
        return content
    problem = (
        "is missing or damaged, and it holds what the readers so far have got"
        if contents[0] is None
        else "is not what the readers so far have got (its hash is not the ledger's)"
    )
    message = (
        f"{edition.id}: {path} {problem}; put it back from your backup, or call the rest off with "
        f"`digest cancel {edition.id}`"
    )
    raise LedgerError(message)


def _read(path: Path, edition: Edition) -> EditionContent | None:
    try:
        return from_data(path.read_bytes(), edition)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def forget(archive: Path, edition: Edition) -> None:
    """Take an edition out of the archive again: nobody was there to get it."""
    shutil.rmtree(folder(archive, edition), ignore_errors=True)


def begin(archive: Path, edition: Edition, place: str, ledger: str) -> None:
    """Write down which ledger knows this edition's readers, before the first mail. Raises LedgerError."""
    path = folder(archive, edition) / LEDGER
    data = files.readable_json({"place": place, "ledger": ledger})
    try:
        if not path.exists() or path.read_bytes() != data:
            files.write_whole(path, data)
    except OSError as error:
        message = f"{path}: {(error.strerror or str(error)).lower()}; nothing more was sent"
        raise LedgerError(message) from None


def mark_sent(home: Path, moment: datetime) -> None:
    """Write down when the first reader was mailed, once. Raises OSError."""
    if not (home / SENT).exists():
        files.write_whole(home / SENT, files.readable_json({"first": moment.isoformat()}))


def first_sent(home: Path) -> datetime | None:
    """When the first reader was mailed, as it was written down; None when it was not."""
    try:
        return datetime.fromisoformat(json.loads((home / SENT).read_bytes())["first"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def begun(archive: Path, edition: Edition, audiences: Iterable[str]) -> Iterator[Edition]:
    """Those of the edition's round that were begun, with whichever ledger; `audiences` has all names of its own."""
    for audience in audiences:
        there = structs.replace(edition, audience=audience)
        for record in sorted(folder(archive, there).parent.glob(f"*/{LEDGER}")):
            yield structs.replace(there, language=record.parent.name)


def refuse_new(archive: Path, place: str) -> None:
    """Raise LedgerError when something was sent before with another ledger than this one, which knows nothing yet."""
    for record in sorted(archive.glob(f"*/*/*/{LEDGER}"))[-1:]:
        message = (
            f"the ledger {place} knows of nothing sent, but {record} says that another sent before; it knows who has "
            "left since, and they would be mailed again: put that one back, or set send.ledger to it. If it is gone "
            "for good, `digest subscribers suppress` whom you know to have left, then say that this one is to send: "
            "`digest config --moved`"
        )
        raise LedgerError(message)


def refuse_begun(archive: Path, edition: Edition, place: str) -> None:
    """Raise LedgerError for an edition that was begun, of which the ledger of this place knows nothing.

    The one that was there is lost, or another one knows to whom it went; this one would mail everybody again.
    """
    home = folder(archive, edition)
    try:
        before = str(json.loads((home / LEDGER).read_bytes())["place"])
    except (OSError, ValueError, KeyError, TypeError):
        before = place
    lost = "put the ledger back from a backup"
    mend = lost if before == place else f"it is {before} that does; set send.ledger to it"
    message = (
        f"{edition.id} was begun before, says {home / LEDGER}, but the ledger {place} knows nothing of it: {mend}. "
        f"To mail all its readers, again where they have it, move {home} away"
    )
    raise LedgerError(message)
