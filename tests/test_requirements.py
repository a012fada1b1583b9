"""What is installed: every file by its hash, everything that is needed, and nothing that names a
host.
"""

from __future__ import annotations

import importlib.util
import re
from importlib.metadata import distributions
from pathlib import Path
from types import ModuleType

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PROJECT = Path(__file__).parent.parent
FILES = sorted(PROJECT.glob("requirements*.txt"))
HASHED = [file for file in FILES if file.name != "requirements-torch.txt"]
RUNTIME = ("requirements.txt", "requirements-build.txt", "requirements-torch.txt")
# Two releases of one version, as an index lists them.
INDEX = {
    "made-up": [
        ("made_up-1.0-cp311-cp311-macosx_11_0_arm64.whl", "bb"),
        ("made_up-1.0-py3-none-any.whl", "aa"),
        ("made_up-1.0.tar.gz", "cc"),
        ("made_up-1.0.1-py3-none-any.whl", "dd"),
        ("made_up-1.0.exe", "ee"),
    ],
    "source-only": [("source-only-2.tar.gz", "ff"), ("source-only-2.1.tar.gz", "00")],
}
PINS = "# About these.\nMade_Up==1.0 ; python_version >= '3.11'\nsource-only==2\n"
WRITTEN = (
    "# About these.\nMade_Up==1.0 ; python_version >= '3.11' \\\n    --hash=sha256:aa \\\n    "
    "--hash=sha256:bb\n"
    "source-only==2 \\\n    --hash=sha256:ff\n"
)


@pytest.fixture(scope="module")
def hashes() -> ModuleType:
    spec = importlib.util.spec_from_file_location("hashes", PROJECT / ".ci" / "hashes.py")
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


def pins(file: Path) -> dict[str, list[str]]:
    """The hashes of each pin of a file."""
    found: dict[str, list[str]] = {}
    name = ""
    for line in file.read_text(encoding="utf-8").splitlines():
        if line.startswith("    --hash"):
            found[name].append(line.strip().removesuffix(" \\"))
        elif line and not line.startswith("#"):
            name = canonicalize_name(Requirement(line.removesuffix("\\")).name)
            found[name] = []
    return found


@pytest.mark.parametrize("file", HASHED, ids=lambda file: file.name)
def test_every_pin_has_its_hashes(file: Path):
    for name, found in pins(file).items():
        assert found, f"{name}: `make hashes`"
        assert all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", one) for one in found)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_no_host_is_named(file: Path):
    assert not re.search(r"://|--(extra-)?index|--find-links", file.read_text(encoding="utf-8"))


def test_a_package_is_pinned_once():
    names = [name for file in FILES for name in pins(file)]
    assert sorted(names) == sorted(set(names))


def test_everything_that_is_needed_is_pinned():
    """Nothing is fetched besides (--no-deps); only what a build of torch for a GPU brings is not
    pinned.
    """
    installed = {canonicalize_name(found.metadata["Name"]): found for found in distributions()}
    pinned = {name for file in RUNTIME for name in pins(PROJECT / file)}
    todo, seen = [(name, "") for name in sorted(pinned - {"torch"})], set()
    while todo:
        name, extra = todo.pop()
        if (name, extra) in seen or name not in installed:
            continue
        seen.add((name, extra))
        for needed in map(Requirement, installed[name].requires or []):
            if needed.marker is None or needed.marker.evaluate({"extra": extra}):
                assert canonicalize_name(needed.name) in pinned, f"{name} needs {needed}"
                todo += [(canonicalize_name(needed.name), more) for more in ("", *needed.extras)]
    assert len(seen) > 200


def test_hashes_are_those_of_all_wheels_of_the_pinned_version(hashes: ModuleType):
    """By hand: both wheels of 1.0, not its source, not 1.0.1; the source of what has no wheel."""
    assert hashes.hashed(PINS, INDEX.get) == WRITTEN
    assert hashes.hashed(WRITTEN, INDEX.get) == WRITTEN
    assert hashes.without_hashes(WRITTEN) == PINS


@pytest.mark.parametrize(
    ("pin", "why"),
    [
        ("made-up==3", "the index has no file"),
        ("made-up>=1.0", "names one version"),
        ("made-up==1.0  # a comment", "a comment stands on a line of its own"),
    ],
)
def test_a_line_that_cannot_be_hashed_is_named(hashes: ModuleType, pin: str, why: str):
    with pytest.raises(SystemExit, match=f"{re.escape(pin.partition('  #')[0])}.*{why}"):
        hashes.hashed(pin, INDEX.get)


def test_an_index_without_json_is_read_too(hashes: ModuleType):
    links = hashes.Links()
    links.feed(
        '<a href="../../x/made_up-1.0%2Bcpu-py3-none-any.whl#sha256=ab">made_up</a><a '
        'href="/elsewhere">no file</a>'
    )
    assert links.found == [("made_up-1.0+cpu-py3-none-any.whl", "ab")]
