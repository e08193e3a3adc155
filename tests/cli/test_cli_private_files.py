"""What tells of readers is the owner's alone, and nobody else may write into a newsroom, also under a umask of 0."""

from __future__ import annotations

import stat
import subprocess
import sys

import pytest

pytestmark = pytest.mark.archived


def test_files_are_private_under_a_umask_of_zero(newsroom):
    """Ledger, records, lists and mails are closed to others; what is public may be read, never written, by others."""
    (newsroom.root / "recipients/everyone.csv").unlink()
    before = set(newsroom.root.rglob("*"))
    digest = f"'{sys.executable}' -c 'from digest.cli import main; main()'"
    send = "send --month 2022-02 --audience everyone --live --yes --eml out --now 2022-03-01T09:00:00+01:00"
    add = "subscribers add --audience everyone new@example.org"
    done = subprocess.run(
        ["/bin/sh", "-c", f"umask 0; {digest} {add}; {digest} {send}"],
        cwd=newsroom.root, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    modes = {
        path.relative_to(newsroom.root): stat.S_IMODE(path.lstat().st_mode)
        for path in set(newsroom.root.rglob("*")) - before
    }
    assert not [(path, oct(mode)) for path, mode in modes.items() if mode & 0o002]
    private = [path for path in modes if path.parts[0] in (".digest", "out", "recipients")]
    assert {path.parts[0] for path in private} == {".digest", "out", "recipients"}
    shown = [path for path in private if all(modes.get(part, 0o777) & 0o077 for part in (path, *path.parents))]
    assert shown == []
