"""The data files of each split of a dataset on the Hub, by its card or by the names of its files.

The rules are those of the library `datasets`. A card may define subsets with a pattern for each
split. Without them, the split is in the name of a file or a folder (train, validation, dev, test).
If no name has one, all files are the split train.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePosixPath

from hone.data.source import SPLITS
from hone.errors import Refused, listed, nearest
from tasks.collect.hub_download import ENDINGS, HubFile, Listing, Subset

WORDS = {
    "train": ("train", "training"),
    "dev": ("validation", "valid", "dev", "val"),
    "test": ("test", "testing", "eval", "evaluation"),
}
KNOWN = {word: split for split, words in WORDS.items() for word in words}
SHARD = re.compile(r"data/(?P<split>\w+(?:\.\w+)*)-[0-9]{5}-of-[0-9]{5}[^/]*")
BETWEEN = r"[-._ 0-9]"  # the characters around a word in a name
# The Hub's own copy of a public dataset as Parquet files.
PARQUET_COPY = "refs/convert/parquet"
TRY_COPY = (
    f"If the Hub has a Parquet copy of it, `options: {{revision: {PARQUET_COPY}}}` reads that copy"
)

Splits = dict[str, list[HubFile]]  # the files by the publisher's name of the split


def choose_files(listing: Listing, subset: str | None, split: str | None) -> Splits:
    """The files to read, by split.

    Args:
        listing: the dataset.
        subset: one of its subsets. Null: the only one, or the default.
        split: the only split to read. Null: train, dev and test, under any of their names; or the
            only split.

    Raises:
        Refused: there are no such files, or the dataset needs a loading script.
    """
    if not listing.files:
        raise Refused(describe_no_files(listing))
    chosen = choose_subset(listing, subset)
    if listing.script and chosen is None:
        raise Refused(
            f"the dataset {listing.name} needs its loading script, which is code of its publisher. "
            f"Hone runs no such code. {TRY_COPY}."
        )
    inside, found = within(listing, chosen, subset), {}
    patterns = chosen.patterns if chosen else ()
    for name, pattern in patterns:
        rule = matcher(f"{chosen.folder}/{pattern}" if chosen.folder else pattern)
        found.setdefault(name, []).extend(file for file in inside if rule.fullmatch(file.path))
    if not patterns:
        found = by_names(inside)
    found = {name: unique(files) for name, files in found.items() if files}
    if not found:
        raise Refused(
            f"the dataset {listing.name} has no {listed(ENDINGS)} files for "
            f"{f'the subset {listed([subset])}' if subset else 'its splits'}. {TRY_COPY}."
        )
    return only_wanted(listing, found, split)


def describe_no_files(listing: Listing) -> str:
    """The error for a dataset without data files that Hone reads."""
    kinds = [f"{ending or 'without ending'}: {count:,}" for ending, count in listing.others.items()]
    script = "a loading script, which Hone does not run, and " if listing.script else ""
    return (
        f"the dataset {listing.name} has {script}no {listed(ENDINGS, 6)} files. Found: "
        f"{listed(kinds) if kinds else 'nothing'}. {TRY_COPY}."
    )


def choose_subset(listing: Listing, name: str | None) -> Subset | None:
    """A subset of the card. Null if the card defines none, or if `name` is a folder.

    Raises:
        Refused: it does not exist, or there are several and none is the default.
    """
    by_name = {one.name: one for one in listing.subsets}
    if name is not None:
        folders = folders_of(listing.files)
        if name not in by_name and name not in folders:
            raise Refused(
                f"the dataset {listing.name} has no subset {listed([name])}; "
                f"{nearest(name, [*by_name, *folders])}"
            )
        return by_name.get(name)
    if len(by_name) <= 1:
        return next(iter(by_name.values()), None)
    marked = [one for one in listing.subsets if one.default] or (
        [by_name["default"]] if "default" in by_name else []
    )
    if len(marked) != 1:
        raise Refused(
            f"the dataset {listing.name} has {len(by_name):,} subsets. Choose one, such as "
            f"`options: {{subset: {next(iter(by_name))}}}`: {listed(by_name, 20)}."
        )
    return marked[0]


def folders_of(files: Iterable[HubFile]) -> list[str]:
    """The folders of the first level, which are the subsets of a dataset without a card."""
    parts = [PurePosixPath(file.path).parts for file in files]
    return sorted({found[0] for found in parts if len(found) > 1})


def within(listing: Listing, chosen: Subset | None, name: str | None) -> list[HubFile]:
    """The files of a subset's folder, or all files."""
    folder = chosen.folder if chosen else name
    inside = (file for file in listing.files if not folder or file.path.startswith(f"{folder}/"))
    return list(inside)


def matcher(pattern: str) -> re.Pattern[str]:
    """A glob pattern as a regular expression. `**` crosses folders, and `*` does not."""
    found = []
    for part in re.split(r"(\*\*/?|\*|\?|\[[^\]/]+\])", pattern.removeprefix("./")):
        if part in ("**", "**/"):
            found.append(".*" if part == "**" else "(?:.*/)?")
        elif part == "*":
            found.append("[^/]*")
        elif part == "?":
            found.append("[^/]")
        elif part.startswith("[") and part.endswith("]"):
            inner = re.escape(part[1:-1].removeprefix("!")).replace(r"\-", "-")
            found.append(f"[{'^' if part.startswith('[!') else ''}{inner}]")
        else:
            found.append(re.escape(part))
    return re.compile("".join(found))


def by_names(files: list[HubFile]) -> Splits:
    """The files by the split in their names: first that of `data/train-00000-of-00001`, then
    folders, then file names. Without any, all files are train.
    """
    found: Splits = {}
    for file in files:
        if shard := SHARD.fullmatch(file.path):
            found.setdefault(shard["split"], []).append(file)
    if found:
        return found
    for part_of in (folders_in, name_in):
        for file in files:
            if split := word_in(part_of(file.path)):
                found.setdefault(split, []).append(file)
        if found:
            return found
    return {"train": files} if files else {}


def folders_in(path: str) -> list[str]:
    return list(PurePosixPath(path).parts[:-1])


def name_in(path: str) -> list[str]:
    return [PurePosixPath(path).name]


def word_in(names: list[str]) -> str | None:
    """The split that a name has as a word: train in `train-0.parquet` and in `my_train.csv`."""
    for split, words in WORDS.items():
        rule = rf"(?:^|{BETWEEN})(?:{'|'.join(words)})(?:{BETWEEN}|$)"
        if any(re.search(rule, name) for name in names):
            return split
    return None


def unique(files: list[HubFile]) -> list[HubFile]:
    return list({file.path: file for file in files}.values())


def only_wanted(listing: Listing, found: Splits, split: str | None) -> Splits:
    """The files of one split, or of train, dev and test."""
    if split is not None:
        if split not in found:
            raise Refused(
                f"the dataset {listing.name} has no split {listed([split])}; "
                f"{nearest(split, found)}"
            )
        return {split: found[split]}
    if len(found) == 1:
        return found
    known = {name: files for name, files in found.items() if name in KNOWN}
    if not known:
        raise Refused(
            f"the dataset {listing.name} has the splits {listed(found, 20)}, none of which is "
            f"{', '.join(SPLITS)}. Choose one with `options: {{split: {next(iter(found))}}}`."
        )
    return known
