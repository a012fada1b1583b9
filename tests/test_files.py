"""Writing that is whole or absent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tasks.files import alive, fingerprint, folder_written_whole, home, write_text, written_whole


def test_a_block_that_fails_leaves_the_old_file(tmp_path: Path):
    file = tmp_path / "a.txt"
    write_text(file, "old")
    with pytest.raises(ZeroDivisionError), written_whole(file) as part:
        part.write_text("new")
        raise ZeroDivisionError
    assert file.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_a_folder_that_fails_leaves_the_old_one(tmp_path: Path):
    folder = tmp_path / "a"
    with folder_written_whole(folder) as part:
        (part / "x").write_text("old")
    with pytest.raises(ZeroDivisionError), folder_written_whole(folder) as part:
        (part / "y").write_text("new")
        raise ZeroDivisionError
    assert os.listdir(tmp_path) == ["a"]
    assert os.listdir(folder) == ["x"]


def test_what_a_killed_writer_left_is_removed_by_the_next(tmp_path: Path):
    code = (
        "import os, signal, sys; from pathlib import Path; from tasks.files import written_whole, folder_written_whole\n"
        "place = Path(sys.argv[1])\n"
        "with folder_written_whole(place / 'f') as folder, written_whole(place / 'a') as part:\n"
        "    part.write_text('half'); (folder / 'x').write_text('half'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    project = Path(__file__).parent.parent
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False, cwd=project)
    assert done.returncode == -signal.SIGKILL
    assert len(os.listdir(tmp_path)) == 2
    write_text(tmp_path / "a", "whole")
    with folder_written_whole(tmp_path / "f"):
        pass
    assert sorted(os.listdir(tmp_path)) == ["a", "f"]


def test_a_process_that_has_ended_and_was_not_waited_for_is_not_alive():
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        assert alive(process.pid)
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert not alive(process.pid)
    assert not alive(process.pid)


def test_two_writers_of_one_file_do_not_disturb_each_other(tmp_path: Path):
    file = tmp_path / "a"
    with written_whole(file) as first:
        first.write_text("first")
        write_text(file, "second")
        assert file.read_text() == "second"
    assert file.read_text() == "first"


def test_a_full_disk_leaves_the_old_file_and_says_what_to_do(tmp_path: Path):
    """/dev/full answers every write with "no space left on device", as a full disk does."""
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    code = (
        "from tasks.stage import run\ndef main():\n    '''Writes.'''\n    with open('/dev/full', 'w') as file: file.write('x')\nrun(main)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True, cwd=Path(__file__).parent.parent)
    assert done.returncode == 1
    assert "the disk is full" in done.stderr
    assert "Traceback" not in done.stderr


def test_fingerprints_tell_where_parts_end():
    assert fingerprint("ab", "c") != fingerprint("a", "bc")


def test_home_is_absolute(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HONE_HOME", "here")
    assert home() == tmp_path / "here"
