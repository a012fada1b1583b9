"""`hone cache clean --yes`: nothing that somebody needs just now is deleted."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock

from commands import cache
from hone.encoders.device_lock import CLEANING, no_work, torch_lock
from hone.encoders.endpoint import EndpointEncoder
from hone.encoders.store import Space, keys_of
from hone.errors import Refused
from hone.files import home, part_owner
from tasks.report.settings import ReportSettings
from tests.settings import write_settings

HOURS_AGO = time.time() - 2 * 3600
ELSEWHERE = "another-machine-7-1"  # a process that cannot be seen from here


@pytest.fixture
def idle(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> Space:
    """A space that no model of this checkout needs."""
    write_settings(ReportSettings, {})
    monkeypatch.setattr(cache, "needed_spaces", dict)
    space = Space({"weights": "of another checkout"})
    space.add(keys_of(["a"]), np.ones((1, 4), dtype=np.float32))
    return space


def part_of(space: Space, writer: str, touched: float) -> Path:
    part = space.folder / f".x.safetensors.{writer}.k3_b.part"
    part.write_text("half")
    os.utime(part, (touched, touched))
    return part


@pytest.mark.parametrize(
    "name",
    [
        "torch.lock",
        "torch-cuda.lock",
        "torch-cuda1.lock",
        "embeddings-0123.lock",
        "studies/0123.lock",
    ],
)
def test_nothing_is_deleted_while_somebody_is_at_work(idle: Space, name: str):
    lock = home() / name
    lock.parent.mkdir(exist_ok=True)
    with FileLock(lock):
        lock.with_name(f"{lock.name}.holder").write_text("process 7")
        with pytest.raises(Refused, match=f"nothing was deleted: .*{name} is locked by process 7"):
            cache.clean(yes=True)
        cache.clean(yes=False)  # a list deletes nothing
    assert idle.folder.exists()
    cache.clean(yes=True)
    assert not idle.folder.exists()


@pytest.mark.parametrize(
    "begin", [lambda: torch_lock("cuda"), EndpointEncoder("http://127.0.0.1:9/v1", "m").alone]
)
def test_who_begins_while_the_store_is_cleaned_waits(begin, monkeypatch: pytest.MonkeyPatch):
    """A lock of a device or endpoint that nobody has used here: the cleaning cannot have seen
    it.
    """
    waited = []
    plain = FileLock.acquire

    def acquire(self: FileLock, *given: object, **more: object) -> object:
        if Path(self.lock_file).name == CLEANING:
            waited.append(self.lock_file)
            more["timeout"] = 0
        return plain(self, *given, **more)

    with no_work():
        monkeypatch.setattr(FileLock, "acquire", acquire)
        with pytest.raises(TimeoutError), begin():
            pass
    assert waited


def test_a_file_that_is_being_written_stays_and_its_space_with_it(idle: Space):
    """By a process here, or by one that cannot be seen from here: another container, another
    machine that shares the folder.
    """
    for writer, touched in ((part_owner(), HOURS_AGO), (ELSEWHERE, time.time())):
        part = part_of(idle, writer, touched)
        cache.clean(yes=True)
        assert part.exists()
        assert idle.folder.exists()
        part.unlink()


def test_what_a_killed_writer_left_goes(idle: Space, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(cache, "needed_spaces", lambda: {idle.folder: ["r0"]})
    part = part_of(idle, ELSEWHERE, HOURS_AGO)
    cache.clean(yes=True)
    assert not part.exists()
    assert idle.folder.exists()


def test_a_space_without_a_description_is_shown_and_deleted(
    idle: Space, capsys: pytest.CaptureFixture[str]
):
    """A kill came between its folder and its description."""
    (idle.folder / "space.json").unlink()
    cache.show()
    assert idle.folder.name[:12] in capsys.readouterr().out
    cache.clean(yes=True)
    assert not idle.folder.exists()
