"""The disk space that `hone doctor` shows is that of real files."""

from __future__ import annotations

import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from commands.doctor import command, disk_use
from commands.doctor.disk_use import Need, balances, expected, home_text, package_sizes
from commands.plan.disk import checkpoints, vectors
from hone.config.sections.train import Train
from hone.files import size_of
from hone.llm import gguf
from tests.hone.encoders.test_text_lengths import model_of_words
from tests.prepared import COLLECTION, write_params

Usage = namedtuple("Usage", "total used free")


def write(folder: Path, count: int) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.write_bytes(b"x" * count)


def test_home_is_named_with_the_size_of_each_part(hone_home: Path, monkeypatch: pytest.MonkeyPatch):
    write(hone_home / "store" / "a" / "b.safetensors", 3000)
    write(hone_home / "judgments.db", 1024)
    text = home_text(hone_home)
    assert text == (
        f"HONE_HOME {hone_home} (as set): 3.9 kB (embedding cache 2.9 kB, judgment log 1.0 kB)"
    )
    monkeypatch.delenv("HONE_HOME")
    assert "(the default; HONE_HOME moves it)" in home_text(hone_home)


def test_packages_are_in_the_order_of_their_size(tmp_path: Path):
    write(tmp_path / "small" / "a.py", 10)
    write(tmp_path / "large" / "deep" / "b.so", 500)
    write(tmp_path / "file.py", 900)
    total, sizes = package_sizes(tmp_path.parent, tmp_path)
    assert total >= 1410
    assert sizes.most_common() == [("large", 500), ("small", 10)]


@pytest.fixture
def project(workspace: Path) -> Path:
    """Two documents were collected; two rounds start from a model of a few kilobytes."""
    model_of_words(Path("inputs/base"))
    (Path("inputs/base") / "model.safetensors").write_bytes(b"w" * 1000)
    Path("inputs/base/config.json").write_text('{"hidden_size": 8}')
    write_params(
        collections={"ours": COLLECTION | {"path": "inputs"}},
        model={"name": "inputs/base", "max_length": 10, "precision": "fp32"},
        rounds={
            "r1": {"from": "r0", "recipe": "top-k"},
            "r2": {"from": "r1", "recipe": "in-batch"},
        },
    )
    return workspace


def test_a_run_needs_each_model_twice_and_existing_ones_are_subtracted(project: Path):
    """Three models (r0 to r2), each in models/ and in DVC's cache."""
    each = size_of(Path("inputs/base"))
    assert expected().checkout == 2 * 3 * each
    shutil.copytree("inputs/base", "models/r0")
    assert expected().checkout == 2 * 2 * each


def test_vectors_are_unknown_until_the_collection_is_read(project: Path):
    need = expected()
    assert "hone plan --collect" in need.unknown[0]
    # Steps are unknown too: three checkpoints of weights and two moments.
    assert need.home == 3 * 3 * 1000
    assert "without the vectors" in need.describe()


def test_a_local_judge_needs_its_size_twice_while_it_is_assembled(project: Path):
    before = expected().home
    write_params(
        collections={"ours": COLLECTION | {"path": "inputs"}},
        model={"name": "inputs/base", "max_length": 10, "precision": "fp32"},
        judges={"local": {"local": {"model": "qwen2.5-coder-1.5b", "prompt": "yes-no"}}},
    )
    known = gguf.KNOWN["qwen2.5-coder-1.5b"]
    assert expected().home == before + 2 * known.size
    sentence = next(line.text for line in command.judge())
    assert sentence.endswith("The download needs 2.1 GB of disk")


def test_a_short_training_has_no_checkpoints():
    section = Train(checkpoint_steps=100)
    folder = Path("inputs")
    assert checkpoints(section, 24, folder) == 0


def test_checkpoints_have_weights_and_two_moments(tmp_path: Path):
    write(tmp_path / "model.safetensors", 100)
    section = Train(checkpoint_steps=10)
    found = [checkpoints(section, steps, tmp_path) for steps in (9, 10, 25, 1000, None)]
    assert found == [0, 300, 600, 900, 900]


def test_vectors_are_four_bytes_for_each_number():
    assert vectors(10, 384) == 10 * 384 * 4


def test_folders_on_one_file_system_share_their_free_space(
    workspace: Path, hone_home: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(shutil, "disk_usage", lambda place: Usage(0, 0, 700))
    ((names, free, wanted),) = balances(hone_home, Need(500, 300))
    assert "this checkout" in names
    assert str(hone_home) in names
    assert (free, wanted) == (700, 800)


def test_too_little_space_is_a_fault(project: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(disk_use, "environment_text", lambda: "environment")
    monkeypatch.setattr(shutil, "disk_usage", lambda place: Usage(0, 0, 10))
    last = list(command.disk())[-1]
    assert last.kind == command.FAULT
    assert "10 B free, but a complete run needs about" in last.text
    monkeypatch.setattr(shutil, "disk_usage", lambda place: Usage(0, 0, 10**12))
    assert all(line.kind == command.OK for line in command.disk())
