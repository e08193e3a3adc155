"""An edition's issue file as forms, and back: its texts, its blocks in their order, and which stories an editor chose.

    issues/2022-02/everyone.yaml ─issue_file─▶ values, blocks, version ─▶ the page ─▶ one change ─issue_edit─▶ Saves

The forms of the blocks are made from the table of their kinds. What would not read back is never written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from digest.errors import UsageError
from digest.issues import issue_edit, issue_file
from digest.preview.saves import FileChange, Save, contents

if TYPE_CHECKING:
    from collections.abc import Sequence

    from digest.issues.issue_edit import Change
    from digest.model import Edition
    from digest.preview.state import PreviewState


def save_changes(state: PreviewState, edition: Edition, changes: Sequence[Change]) -> Save:
    """Make changes in the edition's own file. Raises IssueError, UsageError, ChangedUnderneath, DigestError."""
    newsroom = state.newsroom()
    path = newsroom.issue_path(edition)
    before = contents(path)
    try:
        after = issue_edit.edit((before or b"").decode("utf-8"), changes).encode()
    except ValueError as error:
        message = f"{state.saves.name(path)}: {error}"
        raise UsageError(message) from None
    languages = newsroom.config.audience(edition.audience).languages
    issue_file.parse(after, state.saves.name(path), languages=languages, stories_only="overrides" in path.parts)
    saved = state.saves.save(f"Saved: {state.saves.name(path)}", [FileChange(path=path, before=before, after=after)])
    state.changed()
    return saved
