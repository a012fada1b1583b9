from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from hone.present import provenance

WANTED = {"models/r1": "dvc.model", "rounds/r1/labels.parquet": "dvc.labels"}
WHOLE = """stages:
  a: {outs: [{path: models/r1, md5: one}, {path: other, md5: two}]}
  b: {outs: [{path: rounds/r1/labels.parquet, md5: three}]}
"""


def test_hashes_of_requested_outputs(workspace: Path):
    Path("dvc.lock").write_text(WHOLE)
    assert provenance.read_hashes(WANTED) == {"dvc.model": "one", "dvc.labels": "three"}


def test_no_lock_file(workspace: Path):
    assert provenance.read_hashes(WANTED) == {}


@pytest.mark.parametrize("half", [WHOLE[:30], WHOLE[: WHOLE.index("  b:")], ""])
def test_a_lock_file_that_is_being_written_is_read_again(
    half: str, workspace: Path, monkeypatch: pytest.MonkeyPatch
):
    Path("dvc.lock").write_text(half)
    monkeypatch.setattr(provenance.time, "sleep", lambda _: Path("dvc.lock").write_text(WHOLE))
    assert provenance.read_hashes(WANTED) == {"dvc.model": "one", "dvc.labels": "three"}


def git(*arguments: str) -> str:
    return subprocess.run(
        ["git", "-c", "user.name=a", "-c", "user.email=a@b", *arguments],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()


def test_the_commit_says_whether_files_differ_from_it(workspace: Path):
    assert provenance.read_commit() is None
    git("init", "--quiet")
    for name in ("code.py", "dvc.lock"):
        Path(name).write_text("one")
    git("add", "--all")
    git("commit", "--quiet", "-m", "first")
    commit = git("rev-parse", "HEAD")
    assert provenance.read_commit() == commit
    Path("dvc.lock").write_text("two")  # DVC writes it while stages run
    assert provenance.read_commit() == commit
    Path("code.py").write_text("two")
    assert provenance.read_commit() == f"{commit} with changes"
