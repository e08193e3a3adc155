"""What tells of readers is the owner's alone, and nobody else may write into a newsroom, also under a umask of 0."""

from __future__ import annotations

import os
import shutil
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


_AS_ANYBODY = ("setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-dac_override,-dac_read_search")


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("setpriv"), reason="only root can give a folder away")
def test_a_folder_of_another_user_is_told_with_its_owner(newsroom):
    """Whatever verb comes upon it: whose `.digest` is, and what to do, in one line."""
    assert newsroom("send", "2022-02/everyone", "--live", "--yes", "--eml", "out").code == 0
    (newsroom.root / "none.txt").write_text("nothing")
    os.chown(newsroom.root / ".digest", 65534, 65534)
    digest = (*_AS_ANYBODY, sys.executable, "-c", "from digest.cli import main; main()")
    mend = f"{newsroom.root}/.digest belongs to user 65534, and you are 0; run digest as its owner, or `chown` it"
    for verb in (
        "status",
        "run",
        "schedule",
        "serve --port 0",
        "subscribers suppressed",
        "import none.txt",
        "resume",
        "bounces out",
    ):
        done = subprocess.run(
            [*digest, *verb.split()], cwd=newsroom.root, capture_output=True, text=True, timeout=120, check=False
        )
        assert (verb, mend in done.stderr, len(done.stderr.splitlines())) == (verb, True, 1)
        assert verb != "import none.txt" or "no items found" in done.stderr


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("setpriv"), reason="only root can give a folder away")
def test_a_folder_that_others_may_pass_is_not_what_keeps_them_out(tmp_path):
    """A home of mode 0711, and below it something that may not be written: nobody is sent to chown the home."""
    home = tmp_path / "home"
    (home / "room").mkdir(parents=True)
    home.chmod(0o711)
    os.chown(home, 65534, 65534)
    program = "import sys, pathlib; from digest.files import refusal; "
    program += "print(refusal(PermissionError(13, 'Permission denied'), pathlib.Path(sys.argv[1])))"
    told = [
        subprocess.run([*_AS_ANYBODY, sys.executable, "-c", program, path], capture_output=True, text=True, check=True)
        for path in (home / "room", home)
    ]
    assert told[0].stdout == "permission denied\n"
    assert f"{home} belongs to user 65534" in told[1].stdout
