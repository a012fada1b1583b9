"""DVC's own files after a kill."""

from __future__ import annotations

from pathlib import Path

import pytest
from dvc.lock import Lock

from hone.pipeline import repair

HEAD = "schema: '2.0'\nstages:\n"
COLLECT = (
    "  collect:\n    cmd: python -m tasks.collect\n    outs:\n    - path: data\n      "
    f"hash: md5\n      md5: {'0a' * 16}\n      size: 3\n"
)
START = "  start:\n    cmd: python -m tasks.start\n"
WHOLE = HEAD + COLLECT + START


@pytest.fixture
def checkout(workspace: Path) -> Path:
    repair.AT_WORK.parent.mkdir(parents=True)
    return workspace


@pytest.mark.parametrize(
    ("text", "stays"), [("", False), ('{"a":', False), ("{}", True), (None, False)]
)
def test_a_list_of_users_goes_only_when_it_cannot_be_read(
    checkout: Path, text: str | None, stays: bool
):
    if text is not None:
        repair.USERS.write_text(text)
    repair.main()
    assert repair.USERS.exists() is stays


def test_a_whole_record_is_not_touched(checkout: Path):
    repair.RECORD.write_text(WHOLE)
    repair.main()
    assert repair.RECORD.read_text() == WHOLE


@pytest.mark.parametrize("length", range(len(WHOLE)))
def test_wherever_writing_was_cut_dvc_can_read_what_is_left(checkout: Path, length: int):
    """A cut that DVC reads without complaint is DVC's: what the last stage lacks, it does again."""
    repair.RECORD.write_text(WHOLE[:length])
    readable = repair.is_record(WHOLE[:length])
    repair.main()
    if readable:
        assert repair.RECORD.read_text() == WHOLE[:length]
    else:
        assert not repair.RECORD.exists() or repair.RECORD.read_text() == HEAD + COLLECT
        assert repair.RECORD.exists() is (length > len(HEAD + COLLECT))
    assert not list(repair.broken())


def test_a_merge_that_conflicts_is_left_to_the_user(checkout: Path):
    text = HEAD + "<<<<<<< ours\n" + COLLECT + "=======\n" + START + ">>>>>>> theirs\n"
    repair.RECORD.write_text(text)
    repair.main()
    assert repair.RECORD.read_text() == text


def test_nothing_is_mended_while_dvc_writes(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr("dvc.lock.DEFAULT_TIMEOUT", 0)
    repair.RECORD.write_text("")
    with Lock(repair.AT_WORK):
        repair.main()
    assert repair.RECORD.exists()
    assert "DVC is running here" in capsys.readouterr().err
