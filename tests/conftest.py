"""What every test has: a memory of its own, no network, and collections beside the project where they are there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

from tasks.stage import SWITCHES

PROJECT = Path(__file__).parent.parent
SHARED = PROJECT.parent / "shared" / "data"

# Before torch and numpy are imported, and inherited by every process that a test starts: `make test` runs one worker per core.
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS"), "1")
# Files that take longest; workers begin with them, so that they end together.
LONGEST = ("tests/loop", "tests/hone/study/test_study.py", "tests/flows", "tests/leakage/test_graph.py")

os.environ.update(SWITCHES | ONE_THREAD)
settings.register_profile("untimed", deadline=None)  # nothing is timed in a test
settings.load_profile("untimed")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With several workers, the longest files first."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: next((place for place, name in enumerate(LONGEST) if item.nodeid.startswith(name)), len(LONGEST)))


@pytest.fixture(autouse=True)
def hone_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh HONE_HOME for each test."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HONE_HOME", str(home))
    return home


@pytest.fixture(autouse=True)
def endpoints_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test is told what an endpoint has shown of itself in another: ports are used again."""
    monkeypatch.setattr("tasks.relabel.habits.HABITS", {})


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in, as the current one."""
    folder = tmp_path / "workspace"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def shared() -> Path:
    """The real collections that lie beside the project on a developer's machine; the test is skipped where they do not."""
    if not SHARED.is_dir():
        pytest.skip("needs the collections in ../shared/data, which is not there")
    return SHARED
