"""Files are written whole or not at all."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import textwrap
import unicodedata

import pytest

from digest.files import spelled_below, write_whole


def test_new_file_in_missing_folders(tmp_path):
    """A file in folders that do not exist yet is written, and nothing else is left beside it."""
    path = tmp_path / "build" / "2022-02" / "index.html"
    write_whole(path, b"<!doctype html>")
    assert path.read_bytes() == b"<!doctype html>"
    assert [one.name for one in path.parent.iterdir()] == ["index.html"]


def test_mode_is_kept_given_or_the_umask_s(tmp_path):
    """A replaced file keeps its permissions, an asked-for mode beats the umask, a new file follows the umask."""
    kept, asked, new = tmp_path / "kept", tmp_path / "asked", tmp_path / "new"
    kept.write_bytes(b"old")
    kept.chmod(0o640)
    before = os.umask(0o027)
    try:
        write_whole(kept, b"new")
        write_whole(asked, b"secret", mode=0o622)
        write_whole(new, b"page")
    finally:
        os.umask(before)
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (kept, asked, new)]
    assert modes == [0o640, 0o622, 0o640]


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path):
    """When the disk takes no more in the middle, the old content stays and the temporary file is gone."""
    path = tmp_path / "ledger.json"
    path.write_bytes(b"old")
    program = """
        import pathlib, resource, signal, sys
        from digest.files import write_whole
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
        try:
            write_whole(pathlib.Path(sys.argv[1]), b"n" * 100_000)
        except OSError as error:
            print("refused", error.errno)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), str(path)], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("refused")
    assert path.read_bytes() == b"old"
    assert [one.name for one in tmp_path.iterdir()] == ["ledger.json"]


def test_a_link_is_replaced_not_written_through(tmp_path):
    """A symbolic link at the path becomes the file; what it pointed to is untouched."""
    outside = tmp_path / "outside"
    outside.write_bytes(b"precious")
    link = tmp_path / "link"
    link.symlink_to(outside)
    write_whole(link, b"new")
    assert outside.read_bytes() == b"precious"
    assert not link.is_symlink()
    assert link.read_bytes() == b"new"


def test_the_longest_name_a_folder_takes(tmp_path):
    """A name of 255 bytes is written too: the temporary name does not grow from it."""
    path = tmp_path / ("n" * 255)
    write_whole(path, b"x")
    assert path.read_bytes() == b"x"


def test_a_folder_in_the_way_is_an_error_and_no_temporary_file_stays(tmp_path):
    """A folder at the path is refused, and nothing is left beside it."""
    path = tmp_path / "taken"
    path.mkdir()
    with pytest.raises(OSError, match="directory"):
        write_whole(path, b"x")
    assert [one.name for one in tmp_path.iterdir()] == ["taken"]


def test_a_file_is_found_however_its_accents_are_spelled(tmp_path):
    """Some disks and archives write é as e and an accent; what names the file does not know which."""
    inside = tmp_path / unicodedata.normalize("NFD", "été")
    inside.mkdir()
    (inside / unicodedata.normalize("NFD", "école.md")).write_text("x")
    assert spelled_below(tmp_path, unicodedata.normalize("NFC", "été/école.md")).read_text() == "x"
    assert spelled_below(tmp_path, "été/other.md") == tmp_path / "été/other.md"
