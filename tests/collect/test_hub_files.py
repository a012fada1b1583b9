"""Which files of a dataset are read, and as which split: as the library `datasets` decides."""

from __future__ import annotations

import re

import pytest
from fsspec.utils import glob_translate
from hypothesis import given
from hypothesis import strategies as st

from hone.errors import Refused
from tasks.collect.hub_download import HubFile, Listing, Subset, is_data
from tasks.collect.hub_files import by_names, choose_files, matcher

NAMES = st.text(alphabet="ab.-_0", min_size=1, max_size=4)
PATHS = st.lists(NAMES, min_size=1, max_size=4).map("/".join)
PARTS = st.text(alphabet="ab.-_0*?", min_size=1, max_size=4).filter(lambda part: "**" not in part)
PATTERNS = st.lists(PARTS | st.sampled_from(["**", "*", "a[ab]*"]), min_size=1, max_size=4).map(
    "/".join
)


def listing(*paths: str, subsets: tuple[Subset, ...] = (), script: bool = False) -> Listing:
    files = tuple(HubFile(path, 1, None, "0" * 40) for path in sorted(paths))
    return Listing("made/up", "a" * 40, "", subsets, files, {}, script)


def paths(splits: dict[str, list[HubFile]]) -> dict[str, list[str]]:
    return {split: [file.path for file in files] for split, files in splits.items()}


@given(PATTERNS, PATHS)
def test_patterns_match_as_those_of_the_librarys_file_system(pattern: str, path: str):
    theirs = re.fullmatch(glob_translate(pattern), path) is not None
    assert (matcher(pattern).fullmatch(path) is not None) == theirs


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (["a.csv", "b.csv"], {"train": ["a.csv", "b.csv"]}),
        (["train.csv", "my-test.csv"], {"test": ["my-test.csv"], "train": ["train.csv"]}),
        (
            ["data/queries-00000-of-00001.parquet", "test.csv"],
            {"queries": ["data/queries-00000-of-00001.parquet"]},
        ),
        (["train/0.csv", "dev/0.csv"], {"train": ["train/0.csv"], "dev": ["dev/0.csv"]}),
        (["validation_0.csv", "valid-1.csv"], {"dev": ["valid-1.csv", "validation_0.csv"]}),
        (["en/train/a.csv", "train.csv"], {"train": ["en/train/a.csv"]}),
        (["constraints.csv", "contest.csv"], {"train": ["constraints.csv", "contest.csv"]}),
        ([], {}),
    ],
)
def test_splits_in_names(files: list[str], expected: dict[str, list[str]]):
    assert paths(by_names(list(listing(*files).files))) == expected


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("train.parquet", True),
        ("data/train.jsonl", True),
        ("train.jsonl.gz", False),
        ("train.pkl", False),
        ("train.arrow", False),
        ("dataset_infos.json", False),
        (".cache/train.csv", False),
        ("__pycache__/x.json", False),
        ("../train.csv", True),  # and refused for its name
    ],
)
def test_data_files(path: str, data: bool):
    assert is_data(path) == data


def test_a_file_in_two_patterns_is_read_once():
    subset = Subset("default", True, "", (("train", "*.csv"), ("train", "a.*")))
    found = choose_files(listing("a.csv", "b.csv", subsets=(subset,)), None, None)
    assert paths(found) == {"train": ["a.csv", "b.csv"]}


def test_the_default_subset():
    subsets = tuple(
        Subset(name, name == "second", name, (("train", "*.csv"),)) for name in ("first", "second")
    )
    found = choose_files(listing("first/a.csv", "second/a.csv", subsets=subsets), None, None)
    assert paths(found) == {"train": ["second/a.csv"]}


def test_splits_without_a_usual_name_are_to_be_named():
    files = listing("data/a-00000-of-00001.csv", "data/b-00000-of-00001.csv")
    with pytest.raises(Refused, match="the splits 'a', 'b', none of which is train, dev, test"):
        choose_files(files, None, None)
    assert list(choose_files(files, None, "b")) == ["b"]
