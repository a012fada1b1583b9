"""Data files of a dataset on the Hugging Face Hub: pinned to a commit, downloaded once to
HONE_HOME/downloads/hub, and verified against the hashes that the Hub lists.

The folder of a commit has `listing.json` and the verified files. A file is moved there after its
check, so a file that is there is complete. Only Parquet, JSON Lines, CSV and TSV files and the
dataset's card are downloaded. No code of a dataset is downloaded or run.
"""

from __future__ import annotations

import hashlib
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import yaml

from hone import hub
from hone.errors import UNPRINTABLE_OR_LINE, Refused, listed
from hone.files import BLOCK, home, read_json, write_json
from hone.stage import say

if TYPE_CHECKING:
    from huggingface_hub import HfApi

NEWEST = "main"  # the branch without `revision`
ENDINGS = (".parquet", ".jsonl", ".ndjson", ".json", ".csv", ".tsv")
# Files with such an ending that describe a dataset or a tool, and are not data.
DESCRIPTIONS = (
    "config.json",
    "dataset_info.json",
    "dataset_infos.json",
    "dataset_dict.json",
    "state.json",
)
CARD, LISTING, COMMITS, FILES, PART = "README.md", "listing.json", "commits.json", "files", "part"
LARGEST_CARD = 1 << 20  # bytes of a dataset's card
MOST_FILES = 20_000  # files of a repository [Hone default]
LONGEST_LICENSE = 40  # characters


@dataclass(frozen=True)
class HubFile:
    """A data file of a repository.

    Attributes:
        path: inside the repository.
        size: in bytes.
        sha256: of its bytes, for files in large file storage. Null: it is in git.
        sha1: git's hash of a file in git.
    """

    path: str
    size: int
    sha256: str | None
    sha1: str


@dataclass(frozen=True)
class Subset:
    """A subset that the card defines (`configs`).

    Attributes:
        name: its name.
        default: whether the card marks it as the default.
        folder: the folder of its files. Empty: the repository.
        patterns: split and pattern of its files. Empty: the usual names.
    """

    name: str
    default: bool
    folder: str
    patterns: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Listing:
    """A dataset at one commit.

    Attributes:
        name: OWNER/NAME.
        commit: its 40 digits.
        license: as its card names it. Empty: it names none.
        subsets: that its card defines.
        files: its data files, sorted by path.
        others: the number of its other files, by ending.
        script: whether it has a loading script.
    """

    name: str
    commit: str
    license: str
    subsets: tuple[Subset, ...]
    files: tuple[HubFile, ...]
    others: dict[str, int]
    script: bool


def listing_of(name: str, revision: str | None) -> Listing:
    """A dataset at a commit, a branch or a tag.

    The first use of a branch or tag fixes its commit for this HONE_HOME. Later uses need no
    network.

    Raises:
        Refused: it does not exist, cannot be reached, or has unsafe file names.
    """
    with locked(name) as folder:
        commits = read_json(folder / COMMITS) if (folder / COMMITS).exists() else {}
        wanted = revision or NEWEST
        commit = wanted if hub.COMMIT.fullmatch(wanted) else commits.get(wanted)
        if commit is None or not (folder / commit / LISTING).exists():
            found = fetch_listing(name, commit or wanted, folder)
            write_json(folder / found.commit / LISTING, asdict(found))
            commit = found.commit
            if wanted != commit:
                write_json(folder / COMMITS, commits | {wanted: commit})
                say(
                    f"collect hub:{name}: {wanted!r} is commit {commit}. `options: {{revision: "
                    f"{commit}}}` fixes it on every machine"
                )
        return read_listing(folder / commit / LISTING)


def read_listing(file: Path) -> Listing:
    given = read_json(file)
    subsets = tuple(
        Subset(**one | {"patterns": tuple(map(tuple, one["patterns"]))}) for one in given["subsets"]
    )
    files = tuple(HubFile(**one) for one in given["files"])
    return Listing(**given | {"subsets": subsets, "files": files})


@contextmanager
def locked(name: str) -> Iterator[Path]:
    """The folder of a dataset below HONE_HOME, for one process at a time."""
    from filelock import FileLock

    folder = home() / "downloads" / "hub" / name.replace("/", "--")
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".lock"):
        yield folder


def fetch_listing(name: str, revision: str, folder: Path) -> Listing:
    """The commit of a revision, its files, and what its card says about them."""
    api = hub.connect()
    with hub.explained("dataset", name, "could not be listed"):
        commit = str(api.dataset_info(name, revision=revision).sha)
        tree = api.list_repo_tree(name, recursive=True, revision=commit, repo_type="dataset")
        entries = [entry for entry, _ in zip(tree, range(MOST_FILES + 1), strict=False)]
    if not hub.COMMIT.fullmatch(commit):
        raise Refused(
            f"the Hub names no commit for the dataset {name} at {revision!r}. Check HF_ENDPOINT."
        )
    if len(entries) > MOST_FILES:
        raise Refused(
            f"the dataset {name} has more than {MOST_FILES:,} files, which Hone does not list. "
            "Choose another dataset."
        )
    files = [
        HubFile(
            entry.path,
            int(entry.size),
            entry.lfs.sha256 if entry.lfs else None,
            str(entry.blob_id),
        )
        for entry in entries
        if hasattr(entry, "blob_id")
    ]
    data = [file for file in files if is_data(file.path)]
    for file in data:
        refuse_unsafe(name, file.path)
    card = next((file for file in files if file.path == CARD), None)
    about = {} if card is None else read_card(api, name, commit, card, folder)
    paths = {file.path for file in data}
    others = Counter(PurePosixPath(file.path).suffix for file in files if file.path not in paths)
    return Listing(
        name=name,
        commit=commit,
        license=license_of(about),
        subsets=tuple(subsets_of(about)),
        files=tuple(sorted(data, key=lambda file: file.path)),
        others=dict(others),
        script=f"{name.partition('/')[2]}.py" in {file.path for file in files},
    )


def is_data(path: str) -> bool:
    """Whether a path has the name of a data file that Hone reads."""
    parts = PurePosixPath(path).parts
    hidden = any(part.startswith((".", "__")) and part != ".." for part in parts)
    return path.endswith(ENDINGS) and parts[-1] not in DESCRIPTIONS and not hidden


def refuse_unsafe(name: str, path: str) -> None:
    """Raise Refused if a path could leave its folder or is not a portable name."""
    parts = path.split("/")
    if (
        UNPRINTABLE_OR_LINE.search(path)
        or any(character in path for character in '\\:*?"<>|')
        or any(part in ("", ".", "..") or part != part.strip() for part in parts)
        or any(len(part.encode()) > 200 for part in parts)
    ):
        raise Refused(
            f"the dataset {name} has a file with an unsafe name: {listed([path])}. Do not use it."
        )


def read_card(api: HfApi, name: str, commit: str, card: HubFile, folder: Path) -> dict[str, Any]:
    """The metadata of a dataset's card. Empty if it has none that can be read."""
    if card.size > LARGEST_CARD:
        say(f"collect hub:{name}: its card has {card.size:,} bytes and is not read")
        return {}
    with emptied(folder / PART) as part:
        text = fetch(api, name, commit, card, part).read_text(encoding="utf-8", errors="replace")
    header, end, _ = text.removeprefix("---").partition("\n---")
    if not text.startswith("---") or not end:
        return {}
    try:
        found = yaml.safe_load(header)
    except (yaml.YAMLError, RecursionError, ValueError):
        say(f"collect hub:{name}: the metadata of its card is not valid YAML and is not used")
        return {}
    return found if isinstance(found, dict) else {}


def license_of(about: dict[str, Any]) -> str:
    """The license that a card names. Empty if it names none."""
    given = about.get("license")
    given = given if isinstance(given, list) else [given]
    names = [name for name in given if isinstance(name, str) and name]
    return ", ".join(names)[:LONGEST_LICENSE]


def subsets_of(about: dict[str, Any]) -> Iterator[Subset]:
    """The subsets (`configs`) that a card defines. Parts that are not of the usual form are
    skipped.
    """
    given = about.get("configs")
    for one in given if isinstance(given, list) else []:
        if isinstance(one, dict) and isinstance(one.get("config_name"), str):
            folder = one.get("data_dir")
            yield Subset(
                one["config_name"],
                one.get("default") is True,
                folder.strip("/") if isinstance(folder, str) else "",
                tuple(patterns_of(one.get("data_files"))),
            )


def patterns_of(given: Any) -> Iterator[tuple[str, str]]:
    """Split and pattern of each entry of `data_files`. The split without a name is train."""
    for one in given if isinstance(given, list) else [given]:
        if isinstance(one, str):
            yield "train", one
        elif isinstance(one, dict) and isinstance(one.get("split"), str):
            paths = one.get("path")
            for path in paths if isinstance(paths, list) else [paths]:
                if isinstance(path, str):
                    yield one["split"], path


def download(listing: Listing, files: Iterable[HubFile]) -> dict[str, Path]:
    """The places of data files on this disk, by their paths. Files that are not there are
    downloaded.

    Raises:
        Refused: a download fails, the disk has too little space, or a file differs from the
            listed one. Nothing of that file is kept.
    """
    wanted = list(files)
    with locked(listing.name) as folder:
        kept = folder / listing.commit / FILES
        places = {file.path: kept / file.path for file in wanted}
        missing = [file for file in wanted if not is_complete(file, places[file.path])]
        if missing:
            fetch_all(listing, missing, kept, folder)
    return places


def is_complete(file: HubFile, place: Path) -> bool:
    return place.is_file() and place.stat().st_size == file.size


def fetch_all(listing: Listing, missing: list[HubFile], kept: Path, folder: Path) -> None:
    """Download files, and move each into its place after its check."""
    size = sum(file.size for file in missing)
    free = shutil.disk_usage(folder).free
    if size > free:
        raise Refused(
            f"the dataset {listing.name} needs {size:,} bytes, but the disk of HONE_HOME has "
            f"{free:,} bytes left. Free some space, or set HONE_HOME to another disk."
        )
    api = hub.connect()
    with emptied(folder / PART) as part:
        for number, file in enumerate(missing, start=1):
            say(
                f"collect hub:{listing.name}: downloading {file.path} ({file.size:,} bytes, "
                f"{number} of {len(missing)})"
            )
            found = fetch(api, listing.name, listing.commit, file, part)
            (kept / file.path).parent.mkdir(parents=True, exist_ok=True)
            found.replace(kept / file.path)


@contextmanager
def emptied(folder: Path) -> Iterator[Path]:
    """A folder for a download, removed at the end. That of a killed process is removed first."""
    shutil.rmtree(folder, ignore_errors=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def fetch(api: HfApi, name: str, commit: str, file: HubFile, part: Path) -> Path:
    """Download a file and verify it.

    Raises:
        Refused: the download fails, or size or hash differ from the listed ones.
    """
    given = {
        "repo_id": name,
        "filename": file.path,
        "repo_type": "dataset",
        "revision": commit,
        "local_dir": part,
    }
    doing = f"could not be downloaded ({file.path})"
    with hub.explained("dataset", name, doing):
        offered = api.hf_hub_download(**given, dry_run=True).file_size
    refuse_size(name, file, offered)
    with hub.explained("dataset", name, doing):
        place = Path(api.hf_hub_download(**given))
    refuse_size(name, file, place.stat().st_size)
    found, published = hash_of(place, file), file.sha256 or file.sha1
    if found != published:
        raise Refused(
            f"{file.path} of the dataset {name} has the hash {found}, but the Hub lists "
            f"{published}. The download is damaged, so nothing of it is kept. Run it again."
        )
    return place


def refuse_size(name: str, file: HubFile, size: int | None) -> None:
    """Raise Refused if a size differs from the listed one. An unknown size passes."""
    if size is not None and size != file.size:
        raise Refused(
            f"{file.path} of the dataset {name} has {size:,} bytes, but the Hub lists "
            f"{file.size:,}. Nothing of it is kept. Run it again."
        )


def hash_of(place: Path, file: HubFile) -> str:
    """The SHA-256 of a file in large file storage, or git's SHA-1 of another file."""
    total = (
        hashlib.sha256()
        if file.sha256
        else hashlib.sha1(f"blob {file.size}\0".encode(), usedforsecurity=False)
    )
    with place.open("rb") as opened:
        while block := opened.read(BLOCK):
            total.update(block)
    return total.hexdigest()
