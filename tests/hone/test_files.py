"""Writing that is whole or absent."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hone import processes
from hone.errors import Refused
from hone.files import (
    abandoned,
    being_written,
    describe_full_disk,
    fingerprint,
    folder_written_whole,
    home,
    part_owner,
    part_prefix,
    remove_abandoned,
    write_text,
    written_whole,
)
from hone.processes import alive, lives, machine, owner, started
from tests.conftest import PROJECT


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
        "import os, signal, sys; from pathlib import Path; from hone.files import written_whole, "
        "folder_written_whole\n"
        "place = Path(sys.argv[1])\n"
        "with folder_written_whole(place / 'f') as folder, written_whole(place / 'a') as part:\n"
        "    part.write_text('half'); (folder / 'x').write_text('half'); os.kill(os.getpid(), "
        "signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False, cwd=PROJECT)
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


def test_an_owner_is_one_process_of_one_boot_and_namespace(monkeypatch: pytest.MonkeyPatch):
    where, number, start = owner().split(":")
    assert (where, number, start) == (machine(), str(os.getpid()), started(os.getpid()))
    assert lives(owner()) is True
    assert lives(f"{where}:{number}:1") is False  # a later process with its number
    assert lives(f"{where}:4194305:1") is False
    assert lives(f"0123456789abcdef:{number}:{start}") is None
    assert (
        lives(f"ubuntu pid:[4026531836]:{number}:{start}") is None
    )  # as earlier versions called themselves


@pytest.mark.parametrize("differs", ["machine-id", "boot_id", "pid namespace"])
def test_machines_that_were_cloned_and_containers_of_one_image_are_different_machines(
    differs: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def named(**given: str) -> str:
        for name in ("machine-id", "boot_id"):
            (tmp_path / name).write_text(given.get(name, "same"))
        monkeypatch.setattr(
            Path, "readlink", lambda _: Path(given.get("pid namespace", "pid:[4026531836]"))
        )
        processes._machine.cache_clear()
        return machine()

    monkeypatch.setattr(processes, "IDENTITY", (tmp_path / "machine-id",))
    monkeypatch.setattr(processes, "BOOT", tmp_path / "boot_id")
    monkeypatch.setattr("socket.gethostname", lambda: "ubuntu")
    try:
        assert named() == named() != named(**{differs: "another"})
        assert "same" not in named()
    finally:
        processes._machine.cache_clear()


FOREIGN = (
    "0123456789abcdef-1-77"  # a process of another machine or container; a process 1 runs here too
)


@pytest.mark.parametrize("kind", ["file", "folder"])
@pytest.mark.parametrize("name", [FOREIGN, "1"])  # earlier versions wrote the number alone
def test_what_another_container_is_writing_stays_until_it_is_unchanged_for_an_hour(
    tmp_path: Path, kind: str, name: str
):
    part = tmp_path / f".a.{name}.x.part"
    inside = part / "weights" if kind == "folder" else part
    inside.parent.mkdir(exist_ok=True)
    inside.write_text("half")
    hour_ago = time.time() - 3601
    if kind == "folder":
        os.utime(part, (hour_ago, hour_ago))  # what is in it was changed later
        write_a = folder_written_whole
    else:
        write_a = written_whole
    with write_a(tmp_path / "a"):
        pass
    assert inside.read_text() == "half"
    for place in (inside, part):
        os.utime(place, (hour_ago, hour_ago))
    with being_written(part):  # a writer that has nothing to write for an hour
        remove_abandoned(tmp_path / "a")
        assert inside.exists()
    remove_abandoned(tmp_path / "a")
    assert os.listdir(tmp_path) == ["a"]


def test_the_age_of_a_part_goes_by_the_clock_of_its_file_system(tmp_path: Path):
    """A file server whose clock is two hours behind: what it has just written is young."""
    part = tmp_path / f".a.{FOREIGN}.x.part"
    part.write_text("half")
    there = time.time() - 7200
    os.utime(part, (there, there))
    assert not abandoned(part, ".a.", there + 10)
    assert abandoned(part, ".a.", there + 3601)


def test_the_part_of_a_living_process_stays_however_old_it_is(tmp_path: Path):
    part = tmp_path / f".a.{part_owner()}.x.part"
    part.write_text("half")
    os.utime(part, (0, 0))
    write_text(tmp_path / "a", "whole")
    assert part.exists()


def test_two_writers_of_one_file_do_not_disturb_each_other(tmp_path: Path):
    file = tmp_path / "a"
    with written_whole(file) as first:
        first.write_text("first")
        write_text(file, "second")
        assert file.read_text() == "second"
    assert file.read_text() == "first"


def test_a_writer_that_was_killed_between_the_two_renames_loses_neither_folder(tmp_path: Path):
    """Where folders cannot be exchanged in one step: the old one is under another name until the
    next writer puts it back.
    """
    folder = tmp_path / "f"
    with folder_written_whole(folder) as part:
        (part / "x").write_text("old")
    code = (
        "import os, signal, sys; from pathlib import Path; from hone import files\n"
        "files._exchanged = lambda one, other: False\n"
        "rename = Path.rename\n"
        "def rename_and_die(one, other): rename(one, other); os.kill(os.getpid(), signal.SIGKILL)\n"
        "Path.rename = rename_and_die\n"
        "with files.folder_written_whole(Path(sys.argv[1])) as part: (part / 'x').write_text('new')"
    )
    done = subprocess.run([sys.executable, "-c", code, str(folder)], check=False, cwd=PROJECT)
    assert done.returncode == -signal.SIGKILL
    assert not folder.exists()
    with pytest.raises(ZeroDivisionError), folder_written_whole(folder):
        raise ZeroDivisionError
    assert (folder / "x").read_text() == "old"
    assert os.listdir(tmp_path) == ["f"]


@pytest.mark.parametrize("exchange", [True, False])
def test_a_folder_is_replaced_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, exchange: bool
):
    if not exchange:
        monkeypatch.setattr("hone.files._exchanged", lambda one, other: False)
    folder = tmp_path / "f"
    for text in ("old", "new"):
        with folder_written_whole(folder) as part:
            (part / text).write_text(text)
    assert os.listdir(folder) == ["new"]
    assert os.listdir(tmp_path) == ["f"]


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux' exchange of two folders")
def test_an_old_folder_is_never_absent_where_the_system_can_exchange_two(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    folder = tmp_path / "f"
    with folder_written_whole(folder) as part:
        (part / "x").write_text("old")
    monkeypatch.setattr(
        Path,
        "rename",
        lambda *_: pytest.fail("the old folder was renamed before the new one was there"),
    )
    with folder_written_whole(folder) as part:
        (part / "x").write_text("new")
    assert (folder / "x").read_text() == "new"


def test_files_and_folders_are_on_the_disk_before_they_are_put_in_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    synced, replaced, fsync, replace = [], [], os.fsync, os.replace
    monkeypatch.setattr(
        os, "fsync", lambda handle: (synced.append(os.fstat(handle).st_ino), fsync(handle))
    )
    monkeypatch.setattr(
        os, "replace", lambda *paths: (replaced.append(len(synced)), replace(*paths))
    )
    with folder_written_whole(tmp_path / "f") as part:
        (part / "inner").mkdir()
        (part / "inner" / "x").write_text("x")
        inside = {
            part.stat().st_ino,
            (part / "inner").stat().st_ino,
            (part / "inner" / "x").stat().st_ino,
        }
    assert inside <= set(synced[: replaced[0]])
    assert synced[-1] == tmp_path.stat().st_ino
    write_text(tmp_path / "a", "x")
    assert synced[-2:] == [(tmp_path / "a").stat().st_ino, tmp_path.stat().st_ino]


@pytest.mark.parametrize("name", ["a[1].txt", "[ab]*?", "é" * 120])
def test_any_name_can_be_written_and_what_a_killed_writer_left_of_it_is_removed(
    tmp_path: Path, name: str
):
    path = tmp_path / name
    (tmp_path / f"{part_prefix(path)}{machine()}-4194305-1.x.part").write_text(
        "half, by a process whose number no system gives"
    )
    write_text(path, "whole")
    assert os.listdir(tmp_path) == [name]


WRITERS = """
import json, os, sys
from pathlib import Path

import numpy as np
import polars as pl

from hone.data import tables
from hone.encoders.store import Shard, Space
from hone.files import describe_full_disk, folder_written_whole, write_json
from hone.judging.annotation import csv as sheet_csv
from hone.llm.ledger.ledger import Answer, Ledger, Verdict
from hone.data.parquet_writer import Spool

folder = Path(sys.argv[1])
noise = np.random.default_rng(0)
words = [bytes(row).hex() for row in noise.integers(0, 256, (10_000, 32), dtype=np.uint8)]
table = tables.shaped("queries", pl.DataFrame({"query_id": words, "text": words}))
vectors = noise.standard_normal((5_000, 64), dtype=np.float32)
keys = noise.integers(0, 2**63, (len(vectors), 2)).astype("<u8")


def spool():
    with Spool("trained", folder / "spool.parquet") as part:
        part.add(pl.DataFrame({"query_id": words, "doc_id": words}))


def models():
    with folder_written_whole(folder / "models") as place:
        (place / "weights").write_bytes(noise.bytes(2_000_000))


def ledger():
    kept = Ledger()
    for number in range(40):
        questions = [Verdict(bytes([number]) * 15 + bytes([place]), "positive") for place in range(200)]
        kept.record("judge", Answer(words[number] * 200, "m", 1, 1, 0.0, 1.0), questions, "run")


writers = {
    "table": lambda: tables.write("queries", table, folder / "queries.parquet"),
    "spool": spool,
    "shard": lambda: Shard.write(folder / "one.safetensors", keys, vectors),
    "store": lambda: Space({"model": "m"}).add(keys, vectors),
    "json": lambda: write_json(folder / "a.json", words * 2),
    "folder": models,
    "sheet": lambda: sheet_csv.write([dict.fromkeys(sheet_csv.COLUMNS, word * 8) for word in words], folder / "sheet.csv"),
    "ledger": ledger,
}
ends = {}
for name, writer in writers.items():
    try:
        writer()
        ends[name] = "no error"
    except BaseException as error:
        ends[name] = describe_full_disk(error) or f"traceback: {type(error).__name__}: {error}"
print(json.dumps({"ends": ends, "left": sorted(str(path.relative_to(folder)) for path in folder.rglob("*.part"))}))
"""  # noqa: E501


def test_a_full_disk_is_one_sentence_by_every_writer_and_the_old_file_stays(tmp_path: Path):
    """A disk of 256 kB, in a name space of its own so that nothing needs to be unmounted."""
    if (
        shutil.which("unshare") is None
        or subprocess.run(["unshare", "-rm", "true"], check=False, capture_output=True).returncode
    ):
        pytest.skip("needs a name space of its own to mount a small disk in")
    (tmp_path / "disk").mkdir()
    (tmp_path / "code.py").write_text(WRITERS)
    script = (
        'mount -t tmpfs -o size=256k tmpfs "$1" && echo old > "$1/queries.parquet" && echo old > '
        '"$1/a.json" && mkdir "$1/models" '
        '&& echo old > "$1/models/weights" && HONE_HOME="$1/home" "$2" "$3" "$1" && cd "$1" && '
        "cat queries.parquet a.json models/weights"
    )
    done = subprocess.run(
        [
            "unshare",
            "-rm",
            "sh",
            "-c",
            script,
            "sh",
            str(tmp_path / "disk"),
            sys.executable,
            str(tmp_path / "code.py"),
        ],
        check=False,
        capture_output=True,
        text=True,
        cwd=PROJECT,
        env=os.environ | {"PYTHONPATH": str(PROJECT)},
    )
    assert done.returncode == 0, done.stderr
    found, *old = done.stdout.splitlines()
    found = json.loads(found)
    assert {
        name: end for name, end in found["ends"].items() if not end.startswith("the disk is full (")
    } == {}
    assert found["left"] == []
    assert old == ["old"] * 3


@pytest.mark.parametrize("command", ["stage", "hone"])
def test_a_full_disk_ends_a_stage_and_a_command_with_one_sentence(command: str):
    """By the words of polars, whose errors are no OSError."""
    error = (
        "import polars as pl; raise pl.exceptions.ComputeError('No space left on device (os "
        "error 28)')"
    )
    code = {
        "stage": f"from hone.stage import run\ndef main():\n    'Writes.'\n    {error}\nrun(main)",
        "hone": (
            "import sys; from commands.__main__ import app, main\n"
            f"@app.command()\ndef full():\n    {error}\nsys.argv = ['hone', 'full']\nmain()"
        ),
    }
    done = subprocess.run(
        [sys.executable, "-c", code[command]],
        check=False,
        capture_output=True,
        text=True,
        cwd=PROJECT,
    )
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "the disk is full (No space left on device (os error 28))" in done.stderr


def test_other_errors_are_not_taken_for_a_full_disk():
    assert describe_full_disk(ValueError("row 28 of 122")) is None
    assert describe_full_disk(OSError(13, "Permission denied")) is None
    assert describe_full_disk(Refused("the reply was: no space left on device")) is None


def test_a_full_disk_is_found_behind_the_error_that_it_caused():
    with pytest.raises(RuntimeError) as found:
        try:
            raise OSError(28, "No space left on device")
        except OSError as cause:
            raise RuntimeError("could not save") from cause
    assert describe_full_disk(found.value).startswith("the disk is full ([Errno 28]")


def test_a_home_that_cannot_be_made_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("HONE_HOME", str(tmp_path / "file" / "home"))
    with pytest.raises(
        Refused,
        match=r"HONE_HOME.*cannot be created at .*file/home \(Not a directory\)\. Set HONE_HOME to",
    ):
        home()


def test_fingerprints_tell_where_parts_end():
    assert fingerprint("ab", "c") != fingerprint("a", "bc")


def test_home_is_absolute(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HONE_HOME", "here")
    assert home() == tmp_path / "here"
