"""What every test has: a memory of its own, no network, and collections beside the project where
they are there.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from hone.stage import SWITCHES
from tests.templates import PLACE, intact

PROJECT = Path(__file__).parent.parent
SHARED = PROJECT.parent / "shared" / "data"

# Before torch and numpy are imported, and inherited by every process that a test starts:
# `make test` runs one worker per core.
ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS"), "1"
)
# Files that take longest; workers begin with them, so that they end together.
LONGEST = (
    "tests/loop",
    "tests/commands/study/test_study.py",
    "tests/flows",
    "tests/leakage/test_graph.py",
)

os.environ.update(SWITCHES | ONE_THREAD)
settings.register_profile("untimed", deadline=None)  # nothing is timed in a test
settings.load_profile("untimed")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With several workers, the longest files first."""
    if hasattr(config, "workerinput"):
        items.sort(
            key=lambda item: next(
                (place for place, name in enumerate(LONGEST) if item.nodeid.startswith(name)),
                len(LONGEST),
            )
        )


@pytest.fixture(scope="session", autouse=True)
def templates(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """tests/templates.py keeps its folders in pytest's own, which pytest clears."""
    os.environ[PLACE] = str(tmp_path_factory.mktemp("templates"))
    yield
    assert intact(), "a test wrote into a large file of a template, which other tests share"


@pytest.fixture(autouse=True)
def hone_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh HONE_HOME for each test."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HONE_HOME", str(home))
    return home


@pytest.fixture(autouse=True)
def no_power_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test writes need not survive a power cut: the disk is not waited for."""
    monkeypatch.setattr(os, "fsync", lambda handle: None)


@pytest.fixture(autouse=True)
def endpoints_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test is told what an endpoint has shown of itself in another: ports are used again."""
    monkeypatch.setattr("hone.llm.endpoint_state.HABITS", {})


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in, as the current one."""
    folder = tmp_path / "workspace"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture(scope="session")
def encoded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A HONE_HOME with r0's vectors of the documents and training queries of `prepared.NETWORKX`,
    made once for all workers.

    Vectors lie by their content, so a copy of it stands in for the encoding in every test that
    mines these texts.
    """
    from filelock import FileLock

    base = tmp_path_factory.getbasetemp()
    home = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "encoded"
    with FileLock(home.with_suffix(".lock")):
        if not home.exists():
            encode_networkx(
                tmp_path_factory.mktemp("networkx"), part := home.with_suffix(f".{os.getpid()}")
            )
            part.rename(home)
    return home


def encode_networkx(folder: Path, home: Path) -> None:
    from tests.prepared import NETWORKX, prepare
    from tests.stages import retrieve

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("HONE_HOME", str(home))
        prepare(**NETWORKX | {"rounds": {"r1": {"from": "r0", "recipe": "top-k"}}})
        retrieve("r1")


@pytest.fixture(scope="session")
def forks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of a `python` for stages that DVC starts, which has imported torch before
    (tests/loop/prefork.py).
    """
    from tests.loop.prefork import preforked

    with preforked(tmp_path_factory.mktemp("forks") / "bin") as folder:
        yield folder


@pytest.fixture
def shared() -> Path:
    """The real collections that lie beside the project on a developer's machine; the test is
    skipped where they do not.
    """
    if not SHARED.is_dir():
        pytest.skip("needs the collections in ../shared/data, which is not there")
    return SHARED
