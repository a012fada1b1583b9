"""Datasets of the Hub: read through the real client from an imitation of it."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from hone.config import methods
from hone.config.params import Collection
from hone.data import tables
from hone.data.source import Source
from hone.errors import Refused
from tasks.collect.collection import prepared, write_collection
from tasks.collect.hub import check
from tasks.collect.settings import CollectSettings
from tests.hub_imitation import TOKEN, Hub, hub_imitation, no_waiting
from tests.prepared import write_params
from tests.stages import resolve

__all__ = ["hub_imitation", "no_waiting"]  # the fixtures

PROJECT = Path(__file__).parents[2]
RLHN = [
    {
        "query_id": "q1",
        "query": "Does a 1099 need a tax return?",
        "positive_passages": [{"docid": "d1", "text": "No. However ...", "title": ""}],
        "negative_passages": [
            {"docid": "d2", "text": "Form 1099-DIV is ...", "title": "Forms"},
            {"docid": "d3", "text": "Bank accounts", "title": ""},
        ],
        "subset": "fiqa",
    },
    {
        "query_id": "q2",
        "query": "what is caffeine",
        "positive_passages": [
            {"docid": "m1", "text": "Caffeine is a stimulant", "title": ""},
            {"docid": "m2", "text": "It is in coffee", "title": ""},
        ],
        "negative_passages": [{"docid": "d9", "text": "bank ACCOUNTS", "title": None}],
        "subset": "msmarco_passage",
    },
]
CARD = """---
license: cc-by-sa-4.0
configs:
- config_name: default
  data_files:
  - split: train
    path: data/train-*
---
# A card
"""


def parquet(rows: list[dict] | pl.DataFrame) -> bytes:
    made = io.BytesIO()
    (rows if isinstance(rows, pl.DataFrame) else pl.DataFrame(rows)).write_parquet(made)
    return made.getvalue()


def lines(rows: list[dict]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def read(what: str = "made/up", **options: object) -> Source:
    """As the stage reads it: with checked parameters and defaults."""
    line = methods.checked("collect", {"hub": options}, "params.yaml")
    check(what, line["parameters"])
    return methods.find("collect", "hub")(line["parameters"], path=Path(), what=what, model=None)


def triples(source: Source) -> set[tuple[str, str, int]]:
    """Query, document and relevance of each label, as texts."""
    joined = source.qrels.join(source.queries.select("query_id", query="text"), on="query_id").join(
        source.documents.select("doc_id", document="text"), on="doc_id"
    )
    return set(joined.select("query", "document", "relevance").rows())


def test_rlhn_as_published(hub_imitation: Hub, capsys: pytest.CaptureFixture):
    """Passages are documents under their own ids, and a passage that only differs in case is the
    same document.
    """
    hub_imitation.dataset(
        "rlhn/rlhn-100K", {"README.md": CARD, "data/train-00000-of-00001.parquet": parquet(RLHN)}
    )
    source = read("rlhn/rlhn-100K")
    assert source.documents.select("doc_id", "title", "text").rows() == [
        ("d1", "", "No. However ..."),
        ("d2", "Forms", "Form 1099-DIV is ..."),
        ("d3", "", "Bank accounts"),
        ("m1", "", "Caffeine is a stimulant"),
        ("m2", "", "It is in coffee"),
    ]
    assert source.queries.select("query_id", "text", "split").rows() == [
        ("q1", "Does a 1099 need a tax return?", None),
        ("q2", "what is caffeine", None),
    ]
    assert source.qrels.select("query_id", "doc_id", "relevance", "source").rows() == [
        ("q1", "d1", 1, "given"),
        ("q1", "d2", 0, "given"),
        ("q1", "d3", 0, "given"),
        ("q2", "m1", 1, "given"),
        ("q2", "m2", 1, "given"),
        ("q2", "d3", 0, "given"),
    ]
    repository = hub_imitation.repositories["dataset", "rlhn/rlhn-100K"]
    assert source.origin == {
        "dataset": "rlhn/rlhn-100K",
        "commit": repository.refs["main"],
        "address": f"{hub_imitation.address}/datasets/rlhn/rlhn-100K/tree/"
        f"{repository.refs['main']}",
        "license": "cc-by-sa-4.0",
    }
    log = capsys.readouterr().err
    assert "layout passages (Tevatron, RLHN) (query: query; positive: positive_passages; " in log
    assert "its corpus is the 5 different passages of its rows" in log


def test_one_part_of_rlhn(hub_imitation: Hub):
    hub_imitation.dataset("made/up", {"data/train-00000-of-00001.parquet": parquet(RLHN)})
    assert read(where={"subset": ["fiqa"]}).queries["query_id"].to_list() == ["q1"]
    with pytest.raises(Refused, match=r"no row .* has one of the values of `where`"):
        read(where={"subset": ["nowhere"]})
    with pytest.raises(Refused, match=r"`where` names the column 'part'.* did you mean|valid:"):
        read(where={"part": ["fiqa"]})


PAIRS = {
    "pairs": [{"question": "sort a list", "answer": "def sort"}],
    "triplets": [{"anchor": "sort a list", "positive": "def sort", "negative": "def sum"}],
    "several negatives": [
        {
            "query": "sort a list",
            "positive": "def sort",
            "negative_1": "def sum",
            "negative_2": "def mean",
        }
    ],
    "lists": [{"query": "sort a list", "pos": ["def sort"], "neg": ["def sum", "def mean"]}],
    "grades": [
        {"sentence1": "sort a list", "sentence2": "def sort", "label": 2},
        {"sentence1": "sort a list", "sentence2": "def sum", "label": 0},
    ],
}
EXPECTED = {
    "pairs": {("sort a list", "def sort", 1)},
    "triplets": {("sort a list", "def sort", 1), ("sort a list", "def sum", 0)},
    "several negatives": {
        ("sort a list", "def sort", 1),
        ("sort a list", "def sum", 0),
        ("sort a list", "def mean", 0),
    },
    "lists": {
        ("sort a list", "def sort", 1),
        ("sort a list", "def sum", 0),
        ("sort a list", "def mean", 0),
    },
    "grades": {("sort a list", "def sort", 2), ("sort a list", "def sum", 0)},
}


@pytest.mark.parametrize("layout", PAIRS)
@pytest.mark.parametrize("ending", ["parquet", "jsonl", "csv", "tsv"])
def test_each_layout_in_each_file_type(hub_imitation: Hub, layout: str, ending: str):
    rows = PAIRS[layout]
    if ending in ("csv", "tsv"):
        if layout == "lists":
            pytest.skip("a cell of a CSV file has no list")
        content = pl.DataFrame(rows).write_csv(separator="\t" if ending == "tsv" else ",")
    else:
        content = parquet(rows) if ending == "parquet" else lines(rows)
    hub_imitation.dataset("made/up", {f"train.{ending}": content})
    assert triples(read()) == EXPECTED[layout]


def test_scores_need_a_threshold(hub_imitation: Hub):
    rows = [
        {"sentence1": "a dog", "sentence2": "the dog", "score": 0.95},
        {"sentence1": "a dog", "sentence2": "a car", "score": 0.5},
        {"sentence1": "a dog", "sentence2": "the cat", "score": 0.25},
    ]
    hub_imitation.dataset("made/up", {"train.parquet": parquet(rows)})
    with pytest.raises(Refused, match=r"row 1: the score 0.95 is not a relevance grade"):
        read()
    found = triples(read(min_score=0.5))
    assert found == {("a dog", "the dog", 1), ("a dog", "a car", 1), ("a dog", "the cat", 0)}


def test_negatives_as_documents_only(hub_imitation: Hub):
    hub_imitation.dataset("made/up", {"train.jsonl": lines(PAIRS["triplets"])})
    source = read(negatives="documents")
    assert triples(source) == {("sort a list", "def sort", 1)}
    assert sorted(source.documents["text"]) == ["def sort", "def sum"]


def test_negatives_of_later_lines_are_read(hub_imitation: Hub):
    """A line of JSON may have a key that the first line lacks."""
    rows = [
        {"anchor": "one", "positive": "1"},
        {"anchor": "two", "positive": "2", "negative_1": "3", "negative_2": None},
    ]
    hub_imitation.dataset("made/up", {"train.jsonl": lines(rows)})
    assert triples(read()) == {("one", "1", 1), ("two", "2", 1), ("two", "3", 0)}


def test_columns_with_other_names(hub_imitation: Hub):
    rows = [{"utterance": "sort", "code": "def sort", "wrong": "def sum", "label": "x"}]
    hub_imitation.dataset("made/up", {"train.jsonl": lines(rows)})
    with pytest.raises(Refused, match=r"no column is the query. Found: 'utterance', 'code'"):
        read()
    found = read(columns={"query": "utterance", "positive": "code", "negative": ["wrong"]})
    assert triples(found) == {("sort", "def sort", 1), ("sort", "def sum", 0)}
    with pytest.raises(Refused, match="names 'text' as positive, which does not exist"):
        read(columns={"query": "utterance", "positive": "text"})


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"query": "a", "question": "b", "answer": "c"}, "could both be the query"),
        ({"query": "a", "answer": "b", "passage": "c"}, "could both be the positive"),
        ({"query": "a"}, "no column is the positive. Found: 'query'"),
        ({"query-id": "a", "corpus-id": "b", "score": 1}, "are ids, and their texts are elsewhere"),
        ({"query": "a", "positive": True}, "has the type Boolean"),
        ({"query": {"text": "a"}, "positive": "b"}, "the column 'query' has the type Struct"),
        ({"query": "a", "positive": [{"body": "b"}]}, "have no `text`. Found: 'body'"),
        ({"sentence1": "a", "sentence2": "b", "score": "high"}, "'high' in 'score' is not a numb"),
    ],
)
def test_columns_that_cannot_be_read(hub_imitation: Hub, row: dict, message: str):
    hub_imitation.dataset("made/up", {"train.parquet": parquet([row])})
    with pytest.raises(Refused, match=message):
        read()


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"query": ["a"], "positive": "b"}, r"line 2: `query` is"),
        ({"query": "a", "positive": True}, r"line 2: `positive` is"),
        ({"query": "a", "positive": [{"title": "b"}]}, "line 2: .*object without `text`"),
        ({"query": "a", "positive": [{"text": {"a": 1}}]}, "line 2: `text of positive` is"),
    ],
)
def test_lines_that_cannot_be_read(hub_imitation: Hub, row: dict, message: str):
    good = {"query": "x", "positive": "y"}
    hub_imitation.dataset("made/up", {"train.jsonl": lines([good, row])})
    with pytest.raises(Refused, match=message):
        read()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("train.jsonl", b'{"query": "a", "positive": "\xff"}\n', "is not UTF-8"),
        ("train.jsonl", b'{"query": "a", "pos\n', "not JSON"),
        ("train.json", b' [{"query": "a", "positive": "b"}]', "is one JSON array"),
        ("train.csv", b"query,positive\na,b,c\n", "3 fields, but the header has 2"),
        ("train.parquet", b"PAR1 and no more", "train.parquet cannot be read"),
        ("train.jsonl", b"\n", "has no row with a query and a passage"),
        ("train.csv", b"query,positive\n", "has no row with a query and a passage"),
    ],
)
def test_files_that_cannot_be_read(hub_imitation: Hub, name: str, content: bytes, message: str):
    hub_imitation.dataset("made/up", {name: content})
    with pytest.raises(Refused, match=message):
        read()


def test_an_empty_table(hub_imitation: Hub):
    empty = pl.DataFrame(schema={"query": pl.String, "positive": pl.String})
    hub_imitation.dataset("made/up", {"train.parquet": parquet(empty)})
    with pytest.raises(Refused, match="has no row with a query and a passage"):
        read()


def test_whatever_is_left_out_has_a_reason(hub_imitation: Hub):
    rows = [
        {"query": " ", "pos": ["a"], "neg": ["b"]},
        {"query": "q", "pos": ["yes"], "neg": ["", "no", "YES."]},
        {"query": "r", "pos": [], "neg": None},
        {"query": None, "pos": ["c"], "neg": []},
        {"query": "Q", "pos": ["yes"], "neg": ["no"]},
    ]
    for ending, content in (("parquet", parquet(rows)), ("jsonl", lines(rows))):
        hub_imitation.dataset(f"made/{ending}", {f"train.{ending}": content})
        source, label = read(f"made/{ending}"), f"hub:made/{ending}/train.{ending}"
        assert triples(source) == {("q", "yes", 1), ("q", "no", 0)}
        query, answer = source.queries["query_id"][0], source.documents["doc_id"][0]
        assert source.removed.sort("detail").rows() == [
            (None, None, "row-without-text", f"{label}, row 1: the query is empty"),
            (None, None, "empty-passage", f"{label}, row 2: a passage has no text"),
            (query, answer, "contradicted", f"{label}, row 2: relevance 0, but 1 elsewhere"),
            (None, None, "row-without-text", f"{label}, row 3: the list of passages is empty"),
            (None, None, "row-without-text", f"{label}, row 4: the query is empty"),
        ]
        assert source.counts == {
            "repeated_labels": 2,
            "rows_without_text": 3,
            "empty_passages": 1,
            "contradicted_labels": 1,
            "missing_titles": 2,
        }


def test_ids_with_control_characters_and_ids_of_two_texts(hub_imitation: Hub):
    odd = "a\x1b[31m\n\u202eb"
    rows = [
        {
            "query_id": odd,
            "query": "first",
            "positive_passages": [{"docid": odd, "text": "one", "title": ""}],
            "negative_passages": [{"docid": odd, "text": "two", "title": ""}],
        },
        {
            "query_id": odd,
            "query": "second",
            "positive_passages": [{"docid": "", "text": "three", "title": ""}],
            "negative_passages": [],
        },
    ]
    hub_imitation.dataset("made/up", {"train.parquet": parquet(rows)})
    source = read()
    first, second, third = source.documents["doc_id"]
    assert (first, second[: len(odd) + 1], len(second)) == (odd, f"{odd}~", len(odd) + 9)
    assert len(third) == 16
    assert source.queries["query_id"][0] == odd
    assert source.queries["query_id"].is_unique().all()
    assert triples(source) == {("first", "one", 1), ("first", "two", 0), ("second", "three", 1)}


def test_texts_of_marks_only_are_not_one_text(hub_imitation: Hub):
    rows = [{"query": "?", "positive": "()"}, {"query": "!", "positive": "[]"}]
    hub_imitation.dataset("made/up", {"train.jsonl": lines(rows)})
    assert triples(read()) == {("?", "()", 1), ("!", "[]", 1)}


def test_a_text_of_ten_megabytes(hub_imitation: Hub):
    long = "word " * 2_000_000
    rows = [{"query": "q", "positive": long}, {"query": "r", "positive": "short"}]
    hub_imitation.dataset("made/up", {"train.parquet": parquet(rows)})
    assert read().documents["text"].str.len_chars().to_list() == [len(long), 5]


def test_splits_under_their_usual_names(hub_imitation: Hub):
    files = {
        f"data/{split}-00000-of-00001.parquet": parquet([{"query": split, "positive": "a"}])
        for split in ("train", "validation", "test", "extra")
    }
    hub_imitation.dataset("made/up", files)
    assert read().queries.select("text", "split").rows() == [
        ("test", "test"),
        ("train", "train"),
        ("validation", "dev"),
    ]
    only = read(split="extra").queries.select("text", "split").rows()
    assert only == [("extra", None)]
    with pytest.raises(Refused, match="has no split 'tests'; did you mean 'test'"):
        read(split="tests")


def test_a_query_in_two_splits_keeps_both_places(hub_imitation: Hub):
    """The collection's `repeated_queries` decides; its ids differ."""
    rows = [{"query_id": "q", "query": "same", "positive": "a"}]
    hub_imitation.dataset(
        "made/up", {"train.jsonl": lines(rows), "test.jsonl": lines([rows[0] | {"query": "Same"}])}
    )
    source = read()
    assert sorted(source.queries["split"]) == ["test", "train"]
    assert source.queries["query_id"].is_unique().all()
    assert len(source.documents) == 1


def test_subsets_of_the_card(hub_imitation: Hub):
    card = (
        "---\nconfigs:\n- config_name: pair\n  data_files: 'pair/*.jsonl'\n"
        "- config_name: triplet\n  data_dir: triplet\n---\n"
    )
    hub_imitation.dataset(
        "made/up",
        {
            "README.md": card,
            "pair/a.jsonl": lines(PAIRS["pairs"]),
            "triplet/train.jsonl": lines(PAIRS["triplets"]),
            "triplet/test.jsonl": lines([{"anchor": "x", "positive": "y", "negative": "z"}]),
        },
    )
    with pytest.raises(Refused, match="has 2 subsets. Choose one, such as .*subset: pair"):
        read()
    assert triples(read(subset="pair")) == EXPECTED["pairs"]
    assert sorted(read(subset="triplet").queries["split"]) == ["test", "train"]
    with pytest.raises(Refused, match="has no subset 'pairs'; did you mean 'pair'"):
        read(subset="pairs")


def test_subsets_as_folders_and_different_layouts(hub_imitation: Hub):
    """As in the branch refs/convert/parquet, which has no card."""
    repository = hub_imitation.dataset("made/up", {"README.md": "# Nothing"})
    sha = repository.commit(
        {
            "pair/train/0000.parquet": parquet(PAIRS["pairs"]),
            "triplet/train/0000.parquet": parquet(PAIRS["triplets"]),
        }
    )
    repository.refs["refs/convert/parquet"] = sha
    repository.refs["main"] = repository.commits[0][0]
    with pytest.raises(Refused, match=r"has no '.parquet'.* files. Found: '.md: 1'.*convert/parq"):
        read()
    with pytest.raises(Refused, match="have different layouts: 'pairs .*', 'triplets .*'"):
        read(revision="refs/convert/parquet")
    found = read(revision="refs/convert/parquet", subset="pair")
    assert triples(found) == EXPECTED["pairs"]
    assert found.origin["commit"] == sha


def test_a_dataset_that_needs_a_script(hub_imitation: Hub):
    files = {"up.py": "raise SystemExit('it ran')", "train.jsonl": lines(PAIRS["pairs"])}
    hub_imitation.dataset("made/up", files)
    with pytest.raises(Refused, match="needs its loading script, .*Hone runs no such code"):
        read()
    assert not [path for path in hub_imitation.paths() if "resolve" in path]
    hub_imitation.dataset("only/code", {"code.py": "raise SystemExit", "data.pkl": b"\x80\x04."})
    with pytest.raises(Refused, match=r"has a loading script.*and no '.parquet'.*'.pkl: 1'"):
        read("only/code")


def test_a_card_may_name_the_files_beside_a_script(hub_imitation: Hub):
    """The library `datasets` reads such a dataset without its script, too."""
    card = "---\nconfigs:\n- config_name: default\n  data_files: train.jsonl\n---\n"
    hub_imitation.dataset(
        "made/up", {"up.py": "raise", "README.md": card, "train.jsonl": lines(PAIRS["pairs"])}
    )
    assert triples(read()) == EXPECTED["pairs"]
    assert not [path for path in hub_imitation.paths() if "up.py" in path]


@pytest.mark.parametrize(
    "card",
    [
        "---\nconfigs: [1, {config_name: 3}, {config_name: a, data_files: {x: y}}]\n---\n",
        "---\n{{{\n---\n",
        "---\n- a\n---\n",
        "---\nno end",
        "---\nconfigs:\n- config_name: default\n  data_files: [{split: train, path: [3]}]\n---\n",
        "---\nlicense: {a: [b]}\nconfigs: null\n---\n",
        "\udcff".encode("utf-8", "surrogatepass") + b"---\n",
    ],
)
def test_cards_of_every_kind(hub_imitation: Hub, card: str | bytes):
    hub_imitation.dataset("made/up", {"README.md": card, "train.jsonl": lines(PAIRS["pairs"])})
    source = read()
    assert triples(source) == EXPECTED["pairs"]
    assert "license" not in source.origin


def test_patterns_do_not_leave_the_repository(hub_imitation: Hub, tmp_path: Path):
    secret = tmp_path / "secret.jsonl"
    secret.write_text(lines(PAIRS["pairs"]))
    card = f"---\nconfigs:\n- config_name: a\n  data_files: ['{secret}', '../**', '/*']\n---\n"
    hub_imitation.dataset("made/up", {"README.md": card, "train.jsonl": lines(PAIRS["pairs"])})
    with pytest.raises(Refused, match=r"has no '.parquet'.* files for its splits"):
        read()


@pytest.mark.parametrize(
    "path", ["../train.jsonl", "a/../../train.jsonl", "a\\b.jsonl", "C:train.jsonl", "a\x1bb.jsonl"]
)
def test_unsafe_names(hub_imitation: Hub, hone_home: Path, path: str):
    hub_imitation.dataset("made/up", {path: lines(PAIRS["pairs"])})
    with pytest.raises(Refused, match="has a file with an unsafe name"):
        read()
    assert kept(hone_home) == []


def kept(home: Path) -> list[str]:
    """The files below HONE_HOME/downloads/hub, without locks and lists."""
    folder = home / "downloads" / "hub"
    return sorted(
        file.relative_to(folder).as_posix()
        for file in folder.rglob("*")
        if file.is_file() and file.name not in (".lock", "listing.json", "commits.json")
    )


def test_it_is_downloaded_once_and_needs_no_network_afterwards(
    hub_imitation: Hub, hone_home: Path, capsys: pytest.CaptureFixture
):
    repository = hub_imitation.dataset(
        "made/up", {"README.md": CARD, "data/train-00000-of-00001.parquet": parquet(RLHN)}
    )
    before = read()
    sha = repository.refs["main"]
    assert f"'main' is commit {sha}" in capsys.readouterr().err
    assert kept(hone_home) == [f"made--up/{sha}/files/data/train-00000-of-00001.parquet"]
    repository.commit({"data/train-00000-of-00001.parquet": parquet(RLHN[:1])})
    hub_imitation.requests.clear()
    hub_imitation.statuses[".*"] = 500
    after = read()
    assert hub_imitation.requests == []
    assert after.origin == before.origin
    assert after.qrels.equals(before.qrels)


def test_a_commit_is_read_as_it_was(hub_imitation: Hub):
    repository = hub_imitation.dataset("made/up", {"train.parquet": parquet(RLHN)})
    old = repository.refs["main"]
    new = repository.commit({"train.parquet": parquet(RLHN[:1])})
    assert len(read(revision=old).queries) == 2
    assert len(read(revision=new).queries) == 1
    repository.refs["v1"] = old
    assert read(revision="v1").origin["commit"] == old


def test_too_large_is_refused_before_the_download(hub_imitation: Hub, hone_home: Path):
    hub_imitation.dataset("made/up", {"train.parquet": parquet(RLHN)})
    size = len(parquet(RLHN))
    with pytest.raises(Refused, match=rf"has {size:,} bytes in 1 files, more than `max_bytes`"):
        read(max_bytes=100)
    assert not [path for path in hub_imitation.paths() if "resolve" in path]
    assert kept(hone_home) == []
    assert len(read(max_bytes=size).queries) == 2


def test_a_huge_file_does_not_fit_on_the_disk(hub_imitation: Hub, hone_home: Path):
    hub_imitation.dataset("made/up", {"train.parquet": parquet(RLHN)})
    hub_imitation.listed["train.parquet"] = 10**18
    with pytest.raises(Refused, match=r"needs 1,000,000,000,000,000,000 bytes, but the disk"):
        read(max_bytes=2 * 10**18)
    assert not [path for path in hub_imitation.paths() if "resolve" in path]


@pytest.mark.parametrize("name", ["train.parquet", "train.jsonl"])
def test_a_connection_that_breaks_is_resumed(
    hub_imitation: Hub, no_waiting: None, monkeypatch: pytest.MonkeyPatch, name: str
):
    """The client keeps whole blocks, which have 10 MiB outside this test."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 10)
    content = parquet(RLHN) if name.endswith("parquet") else lines(RLHN).encode()
    hub_imitation.dataset("made/up", {name: content})
    hub_imitation.cut[name] = [100, 50]
    assert len(read().queries) == 2
    ranges = [one.headers["Range"] for one in hub_imitation.requests if "Range" in one.headers]
    assert ranges == ["bytes=100-", "bytes=150-"]


def test_a_connection_that_stays_broken_leaves_nothing_half_written(
    hub_imitation: Hub, hone_home: Path, no_waiting: None
):
    files = {"data/train-00000-of-00002.parquet": parquet(RLHN[:1])}
    broken = "data/train-00001-of-00002.parquet"
    repository = hub_imitation.dataset("made/up", files | {broken: parquet(RLHN[1:])})
    hub_imitation.cut[broken] = [0] * 50
    with pytest.raises(Refused, match=r"could not be downloaded \(data/train-00001.* broke off"):
        read()
    first = f"made--up/{repository.refs['main']}/files/data/train-00000-of-00002.parquet"
    assert kept(hone_home) == [first]
    hub_imitation.cut.clear()
    hub_imitation.requests.clear()
    assert len(read().queries) == 2
    assert not [path for path in hub_imitation.paths() if "train-00000" in path]


@pytest.mark.parametrize("name", ["train.parquet", "train.jsonl"])
def test_other_bytes_than_listed_are_not_kept(hub_imitation: Hub, hone_home: Path, name: str):
    content = parquet(RLHN) if name.endswith("parquet") else lines(RLHN).encode()
    hub_imitation.dataset("made/up", {name: content})
    hub_imitation.served[name] = content[:-1] + b"\0"
    with pytest.raises(Refused, match=f"{name} of the dataset made/up has the hash"):
        read()
    hub_imitation.served[name] = content + b"\n"
    hub_imitation.requests.clear()
    with pytest.raises(Refused, match=f"{name} of the dataset made/up has {len(content) + 1:,} by"):
        read()
    assert hub_imitation.paths("GET") == []  # the size is known before the download
    assert kept(hone_home) == []
    hub_imitation.served.clear()
    assert len(read().queries) == 2


def test_a_kill_during_a_download_leaves_nothing_that_counts(hub_imitation: Hub, hone_home: Path):
    hub_imitation.dataset("made/up", {"train.jsonl": lines(RLHN)})
    sha = hub_imitation.repositories["dataset", "made/up"].refs["main"]
    part = hone_home / "downloads/hub/made--up/part"
    part.mkdir(parents=True)
    (part / "train.jsonl").write_text(lines(RLHN[:1]))
    assert len(read().queries) == 2
    assert kept(hone_home) == [f"made--up/{sha}/files/train.jsonl"]


def test_what_is_not_there(hub_imitation: Hub):
    with pytest.raises(Refused, match=r"there is no dataset made/up at .*HF_TOKEN is not set"):
        read()
    hub_imitation.dataset("made/up", {"train.jsonl": lines(RLHN)})
    with pytest.raises(Refused, match="has no such `revision`"):
        read(revision="nowhere")


def test_a_private_dataset_needs_the_token(hub_imitation: Hub, monkeypatch: pytest.MonkeyPatch):
    """The token goes to the Hub, and not to the host of large files."""
    hub_imitation.dataset("made/up", {"train.parquet": parquet(RLHN)}, private=True)
    with pytest.raises(Refused, match="it is private and HF_TOKEN is not set"):
        read()
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    with pytest.raises(Refused, match="the token in HF_TOKEN has no access to it") as refusal:
        read()
    assert "hf_wrong" not in str(refusal.value)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    assert len(read().queries) == 2
    by_storage = [one for one in hub_imitation.requests if one.path.startswith("/storage")]
    assert by_storage
    assert not [one for one in by_storage if "Authorization" in one.headers]


def test_a_gated_dataset(hub_imitation: Hub, monkeypatch: pytest.MonkeyPatch):
    hub_imitation.dataset("made/up", {"train.parquet": parquet(RLHN)}, gated=True)
    with pytest.raises(Refused, match="is gated. Open .*/datasets/made/up, accept its conditions"):
        read()
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    with pytest.raises(Refused, match="is gated"):
        read()


def test_a_stored_token_is_not_used(
    hub_imitation: Hub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    from huggingface_hub import constants

    (tmp_path / "token").write_text(TOKEN)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
    hub_imitation.dataset("made/up", {"train.parquet": parquet(RLHN)})
    read()
    assert not [one for one in hub_imitation.requests if "Authorization" in one.headers]


def test_a_token_is_not_sent_unencrypted(hub_imitation: Hub, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setenv("HF_ENDPOINT", "http://hub.example")
    with pytest.raises(Refused, match="is not encrypted") as refusal:
        read()
    assert TOKEN not in str(refusal.value)


@pytest.mark.parametrize("status", [401, 403, 429, 500])
def test_errors_of_the_hub(hub_imitation: Hub, no_waiting: None, status: int):
    hub_imitation.dataset("made/up", {"train.parquet": parquet(RLHN)})
    hub_imitation.statuses["/resolve/"] = status
    with pytest.raises(Refused, match=rf"made/up.*(HTTP {status}|gated|no dataset)"):
        read()


def test_a_hub_that_does_not_answer(hub_imitation: Hub, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(Refused, match="the connection to http://127.0.0.1:9 failed"):
        read()


@pytest.mark.parametrize(
    "what", [None, "", "rlhn", "a/b/c", "../b", "a/..", "a/b\n", "a/b\x1b", "/etc/passwd", "a/b--c"]
)
def test_names_that_are_none(hub_imitation: Hub, what: str | None):
    with pytest.raises(Refused, match="needs a dataset|is not OWNER/NAME"):
        read(what)
    assert hub_imitation.requests == []


def test_drawn_rows_are_the_same_each_time(hub_imitation: Hub):
    rows = [{"query": f"q{number}", "positive": f"a{number}"} for number in range(50)]
    hub_imitation.dataset(
        "made/up", {"train-0.parquet": parquet(rows[:30]), "train-1.jsonl": lines(rows[30:])}
    )
    drawn = [read(rows=10).queries["text"].to_list() for _ in range(2)]
    assert drawn[0] == drawn[1]
    assert len(set(drawn[0])) == 10
    assert len(read(rows=50).queries) == len(read(rows=99).queries) == 50


def test_the_stage_writes_origin_and_reasons(
    hub_imitation: Hub, workspace: Path, capsys: pytest.CaptureFixture
):
    rows = [
        {"query": f"q{number}", "pos": [f"a{number}"], "neg": [f"n{number}"]}
        for number in range(20)
    ]
    hub_imitation.dataset("made/up", {"train.jsonl": lines([*rows, {"query": "", "pos": ["x"]}])})
    given = dict(Collection(source="hub:made/up", path="requirements.txt"))
    parameters = methods.checked("collect", {"hub": {}}, "params.yaml")["parameters"]
    more = {"method": "hub", "parameters": parameters, "what": "made/up", "train": True, "seed": 13}
    settings = CollectSettings.model_construct(**given | more | {"own_id": "keep"})
    found = prepared("ours", settings)
    write_collection(Path("ours"), found, settings)
    about = json.loads(Path("ours/about.json").read_text())
    assert about["origin"]["dataset"] == "made/up"
    assert about["rows_without_text"] == 1
    assert sum(about[split]["queries"] for split in ("train", "dev", "test")) == 20
    removed = tables.read("removed", Path("ours/removed.parquet"))
    assert removed["detail"].to_list() == ["hub:made/up/train.jsonl, row 21: the query is empty"]


def test_the_stages_as_processes(hub_imitation: Hub, workspace: Path):
    """As DVC starts them, offline unless a stage allows itself a download."""
    rows = [{"query": f"question {n}", "answer": f"answer {n}"} for n in range(30)]
    hub_imitation.dataset("made/up", {"train.parquet": parquet(rows)})
    write_params(collections={"ours": {"source": "hub:made/up", "path": "requirements.txt"}})
    Path("made").mkdir()
    Path("made/up").mkdir()  # a folder of this name is not the dataset
    outside = {name: value for name, value in os.environ.items() if name != "HF_HUB_OFFLINE"}
    environment = outside | {"PYTHONPATH": str(PROJECT)}
    for stage in (["tasks.resolve"], ["tasks.collect", "--collection", "ours"]):
        subprocess.run([sys.executable, "-m", *stage], check=True, env=environment)
    about = json.loads(Path("data/ours/about.json").read_text())
    assert about["documents"] == 30
    assert about["origin"]["dataset"] == "made/up"
    hub_imitation.requests.clear()
    subprocess.run(
        [sys.executable, "-m", "tasks.collect", "--collection", "ours"], check=True, env=environment
    )
    assert hub_imitation.requests == []


def test_resolve_refuses_a_name_before_any_stage_runs(hub_imitation: Hub, workspace: Path):
    write_params(collections={"ours": {"source": "hub:up", "path": "requirements.txt"}})
    with pytest.raises(Refused, match="is 'up', which is not OWNER/NAME"):
        resolve()
    assert hub_imitation.requests == []
