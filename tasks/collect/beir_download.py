"""A published BEIR collection, downloaded once: complete or absent, and verified against the
publisher's checksum.
"""

from __future__ import annotations

import hashlib
import stat
import time
import zipfile
from pathlib import Path, PurePosixPath

from hone.errors import Refused
from hone.files import folder_written_whole, home, read_json, write_json
from hone.stage import say

ADDRESS = "https://public.ukp.informatik.tu-darmstadt.de/thakur/BEIR/datasets/{}.zip"
# BEIR's checksums of the archives (github.com/beir-cellar/beir/wiki/Datasets-available).
MD5 = {
    "msmarco": "444067daf65d982533ea17ebd59501e4",
    "trec-covid": "ce62140cb23feb9becf6270d0d1fe6d1",
    "nfcorpus": "a89dba18a62ef92f7d323ec890a0d38d",
    "nq": "d4d3d2e48787a744b6f6e691ff534307",
    "hotpotqa": "f412724f78b0d91183a0e86805e16114",
    "fiqa": "17918ed23cd04fb15047f73e6c3bd9d9",
    "arguana": "8ad3e3c2a5867cdced806d6503f29b99",
    "webis-touche2020": "46f650ba5a527fc69e0a6521c5a23563",
    "cqadupstack": "4e41456d7df8ee7760a7f866133bda78",
    "quora": "18fb154900ba42a600f84b839c173167",
    "dbpedia-entity": "c2a39eb420a3164af735795df012ac2c",
    "scidocs": "38121350fc3a4d2f48850f6aff52e4a9",
    "fever": "5a818580227bfb4b35bb6fa46d9b6c03",
    "climate-fever": "8b66f0a9126c521bae2bde127b4dc99d",
    "scifact": "5f7d1de60b170fc8027bb7898e2efca1",
}
WAIT = 60.0  # seconds without a response, or with less than SLOWEST bytes
SLOWEST = 64 * 1024
LARGEST = 8 * 1024**3  # maximum bytes of an archive; MS MARCO, the largest, has 1.1 GB
UNPACKED = 64 * 1024**3  # maximum bytes of its files
BLOCK = 1 << 20
RECORD = "download.json"  # written last, which marks a folder as complete


def downloaded(name: str) -> Path:
    """The folder of a published collection, downloaded once to HONE_HOME/downloads.

    Args:
        name: the name in BEIR. A part of `cqadupstack` is `cqadupstack/android`.

    Raises:
        Refused: the download fails, its checksum differs from BEIR's, or it is not an archive of a
            collection.
    """
    from filelock import FileLock

    archive, *inside = PurePosixPath(name).parts or ("",)
    if archive in ("", ".", "..", "/") or ".." in inside or archive.startswith("."):
        raise Refused(
            f"'{name}' is not the name of a BEIR collection, and no folder with that name exists. "
            "Correct the name."
        )
    folder = home() / "downloads" / "beir" / archive
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.parent / f"{archive}.lock"):
        if not (folder / RECORD).exists():
            with folder_written_whole(folder) as part:
                fetch(archive, part)
    return folder.joinpath(*inside)


def origin_of(folder: Path) -> dict[str, str]:
    """URL and checksum of a downloaded collection, as recorded."""
    file = next(place / RECORD for place in (folder, *folder.parents) if (place / RECORD).exists())
    record = read_json(file)
    return {"address": record["address"], "md5": record["md5"]}


def fetch(name: str, part: Path) -> None:
    """Download an archive into a folder, verify it, and unpack it there."""
    address, packed = ADDRESS.format(name), part / ".archive.zip"
    say(f"collect beir:{name}: downloading {address}")
    md5 = receive(address, packed, name)
    wanted = MD5.get(name)
    if wanted and md5 != wanted:
        raise Refused(
            f"the BEIR collection '{name}' from {address} has the MD5 checksum {md5}, but BEIR "
            f"publishes {wanted}: the download "
            "is damaged or another file. Run it again. If the problem persists, unpack the "
            "archive yourself and write `source: "
            "beir` with `path:` of its folder."
        )
    if not wanted:
        say(
            f"collect beir:{name}: BEIR publishes no checksum for it, so its MD5, {md5}, is "
            "recorded in about.json"
        )
    try:
        unpack(packed, part, name)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        raise Refused(
            f"the BEIR collection '{name}' from {address} is not a valid archive ({error}). Check "
            "the name."
        ) from None
    size = packed.stat().st_size
    packed.unlink()
    write_json(
        part / RECORD, {"address": address, "md5": md5, "published": bool(wanted), "bytes": size}
    )


def receive(address: str, file: Path, name: str) -> str:
    """Write the content of a URL to a file. Returns its hexadecimal MD5.

    Raises:
        Refused: no response, a status other than 200, a stalled or interrupted transfer, or more
            than LARGEST bytes.
    """
    import httpx2

    total, size = hashlib.md5(usedforsecurity=False), 0
    advice = (
        "Check the name and the network, or unpack the archive yourself and write `source: "
        "beir` with `path:` of its folder."
    )
    try:
        with (
            httpx2.Client(timeout=WAIT, follow_redirects=True, max_redirects=3) as client,
            client.stream("GET", address, headers={"Accept-Encoding": "identity"}) as answer,
            file.open("wb") as out,
        ):
            if answer.status_code != 200:
                raise Refused(
                    f"the BEIR collection '{name}' is not available at {address} (HTTP status "
                    f"{answer.status_code}). {advice}"
                )
            begun, before = time.monotonic(), 0
            for block in answer.iter_raw(BLOCK):
                size += len(block)
                if size > LARGEST:
                    raise Refused(
                        f"the BEIR collection '{name}' from {address} exceeds {LARGEST:,} bytes. "
                        f"{advice}"
                    )
                total.update(block)
                out.write(block)
                if (now := time.monotonic()) - begun >= WAIT:
                    if size - before < SLOWEST:
                        raise Refused(
                            f"the download of the BEIR collection '{name}' stalled after {size:,} "
                            f"bytes. {advice}"
                        )
                    begun, before = now, size
            promised = answer.headers.get("content-length")
        if promised is not None and promised.isdigit() and int(promised) != size:
            raise Refused(
                f"the download of the BEIR collection '{name}' was interrupted after {size:,} of "
                f"{int(promised):,} bytes. {advice}"
            )
    except httpx2.HTTPError as error:
        reason = f"{type(error).__name__}: {error}"
        raise Refused(
            f"the BEIR collection '{name}' could not be downloaded ({reason}). {advice}"
        ) from None
    return total.hexdigest()


def unpack(packed: Path, folder: Path, name: str) -> None:
    """Unpack the files below `name/` of an archive into a folder.

    Raises:
        Refused: an entry points outside the folder or is a link, or the files exceed UNPACKED
            bytes.
        zipfile.BadZipFile: the archive is damaged.
    """
    left = UNPACKED
    with zipfile.ZipFile(packed) as archive:
        for entry in archive.infolist():
            path, kind = PurePosixPath(entry.filename), stat.S_IFMT(entry.external_attr >> 16)
            if (
                path.is_absolute()
                or ".." in path.parts
                or "\\" in entry.filename
                or ":" in entry.filename
                or kind not in (0, stat.S_IFREG, stat.S_IFDIR)
            ):
                raise Refused(
                    f"the archive of the BEIR collection '{name}' contains an entry outside its "
                    f"folder: {entry.filename!r}. Do not use it."
                )
            if (
                entry.is_dir()
                or path.parts[0] != name
                or len(path.parts) < 2
                or path.parts[1].startswith(".")
            ):
                continue
            target = folder.joinpath(*path.parts[1:])
            target.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(entry) as source, target.open("wb") as out:
                while block := source.read(BLOCK):
                    left -= len(block)
                    if left < 0:
                        raise Refused(
                            f"the archive of the BEIR collection '{name}' exceeds {UNPACKED:,} "
                            "bytes when unpacked. Do not use it."
                        )
                    out.write(block)
    if not any(folder.rglob("corpus.jsonl")):
        raise Refused(
            f"the archive of the BEIR collection '{name}' lacks {name}/corpus.jsonl. Check the "
            "name."
        )
