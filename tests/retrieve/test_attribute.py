"""attribute: what is extracted, by hand, and which documents share it with the known answer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hone.config import methods
from hone.data import tables
from hone.errors import Refused
from hone.text.attributes import extracted
from tasks.retrieve.attribute import attribute
from tests.retrieve import around

TEXTS = {
    "answer": "sales rose 12.50 % to 1,000 in 2019",
    "both": "12.5 and 1000",
    "rare": "only 12.5 of these",
    "often": "in 2019 little",
    "often2": "since 2019",
    "other": "7 of 9",
    "bare": "no number",
}


def found(
    tmp_path: Path,
    texts=TEXTS,
    known=(("q", "answer"),),
    queries=None,
    models=None,
    seed: int = 1,
    **settings,
) -> pl.DataFrame:
    settings = {"order": "random", "common": 1.0} | settings
    queries = around.queries(q="sales") if queries is None else queries
    return attribute(
        queries,
        around.documents(tmp_path, texts),
        around.labels(*known),
        models,
        "r1",
        seed=seed,
        **settings,
    )


def values(text: str, what: str) -> list[str]:
    return extracted(pl.Series([text]), what)[0].to_list()


def test_numbers_by_hand():
    assert values("1,000 and 1000, 2.50 and 2.5; 007 or .5, IL6, 3D, 10%", "numbers") == [
        "1000",
        "1000",
        "2.5",
        "2.5",
        "7",
        "5",
        "10",
    ]
    assert values("0 0.0 1,234,567.80", "numbers") == ["0", "0", "1234567.8"]


def test_entities_by_hand():
    text = (
        "The cat met Ada  Lovelace. Later New York slept: She and BRCA1 did not.\nParis was quiet"
    )
    assert values(text, "entities") == ["Ada Lovelace", "New York", "BRCA1"]


def test_rare_values_count_more(tmp_path: Path):
    """Of 7 documents 12.5 and 2019 stand in 3, 1000 in 2: `both` shares ln(7/3) + ln(7/2),
    `rare` and those of 2019 ln(7/3).
    """
    made = found(tmp_path)
    assert made["doc_id"][0] == "both"
    assert set(made["doc_id"][1:]) == {"rare", "often", "often2"}
    assert made["score"].to_list() == pytest.approx(
        [np.log(7 / 3) + np.log(7 / 2), *[np.log(7 / 3)] * 3], abs=1e-5
    )
    assert made["rank"].to_list() == [1, 2, 3, 4]


def test_values_that_too_many_have_tell_nothing(tmp_path: Path):
    """2019 and 12.5 stand in 3 of 7, more than .3 of them; 1000 in 2."""
    assert found(tmp_path, common=0.3)["doc_id"].to_list() == ["both"]


def test_of_equal_ones_the_nearer_to_the_query_comes_first(tmp_path: Path):
    texts = {"answer": "red cat 5", "x": "hot fire 5", "y": "red dog 5", "z": "cold stone 5"}
    models = around.models(tmp_path)
    made = found(tmp_path, texts, queries=around.queries(q="red cat"), models=models, order="near")
    (row,) = around.cosines(models, ["red cat"], list(texts.values()))
    assert made["doc_id"].to_list() == sorted(
        ["x", "y", "z"], key=lambda doc: -row[list(texts).index(doc)]
    )


def test_the_kind_alone(tmp_path: Path):
    assert set(found(tmp_path, match="kind")["doc_id"]) == {
        "both",
        "rare",
        "often",
        "often2",
        "other",
    }
    models = around.models(tmp_path)
    near = found(tmp_path, match="kind", order="near", models=models, depth=2)
    (row,) = around.cosines(models, ["sales"], list(TEXTS.values()))
    able = ["both", "rare", "often", "often2", "other"]
    assert near["score"].to_list() == [0.0, 0.0]
    assert sorted(row[list(TEXTS).index(doc)] for doc in near["doc_id"]) == pytest.approx(
        sorted(row[list(TEXTS).index(doc)] for doc in able)[-2:], abs=1e-5
    )


def test_a_regular_expression(tmp_path: Path):
    texts = {"answer": "CVE-2020-1234 is bad", "x": "about CVE-2020-1234", "y": "about CVE-2020-9"}
    assert found(tmp_path, texts, pattern=r"CVE-\d+-\d+")["doc_id"].to_list() == ["x"]


def test_no_pattern_hangs_on_any_text(tmp_path: Path):
    """`(a+)+$` takes engines that go back time beyond all bounds on such a text; this one reads
    it once.
    """
    texts = {"answer": "a" * 5000 + "!", "x": "a" * 5000 + "!"}
    with pytest.raises(
        Refused, match=r"no labelled positive of a training query has a match of '\(a\+\)\+\$'"
    ):
        found(tmp_path, texts, pattern="(a+)+$")


@pytest.mark.parametrize("pattern", ["(", "(?<=a)b", r"(a)\1"])
def test_a_pattern_that_is_none(pattern: str):
    with pytest.raises(Refused, match="is not a supported regular expression"):
        methods.checked("retrieve", {"attribute": {"pattern": pattern}}, "here")


def test_queries_whose_answer_has_nothing_to_share_are_counted(tmp_path: Path, capsys):
    queries = around.queries(q="sales", p="nothing")
    assert set(
        found(tmp_path, known=(("q", "answer"), ("p", "bare")), queries=queries)["query_id"]
    ) == {"q"}
    assert (
        "1 of 2 queries have no labelled positive with numbers and get no candidates"
        in capsys.readouterr().err
    )
    with pytest.raises(
        Refused, match="no labelled positive of a training query has numbers that are rare enough"
    ):
        found(tmp_path, known=(("p", "bare"),), queries=queries)


words = st.lists(
    st.sampled_from(["1", "2", "30", "4.5", "word", "Name"]), min_size=1, max_size=6
).map(" ".join)


@given(
    texts=st.lists(words, min_size=2, max_size=8), seed=st.integers(0, 3), known=st.integers(0, 7)
)
def test_every_candidate_shares_a_value_with_the_answer(tmp_path_factory, texts, seed, known):
    place = tmp_path_factory.mktemp("texts")
    named = {f"d{number}": text for number, text in enumerate(texts)}
    answer = f"d{known % len(texts)}"
    own = set(values(named[answer], "numbers"))
    sharing = {
        doc for doc, text in named.items() if doc != answer and own & set(values(text, "numbers"))
    }
    if not own:
        with pytest.raises(Refused):
            found(place, named, (("q", answer),), seed=seed)
        return
    assert set(found(place, named, (("q", answer),), seed=seed, depth=9)["doc_id"]) == sharing


PARENTS = {
    "answer": "report",
    "both": "report",
    "bare": "report",
    "rare": "another",
    "often": None,
    "often2": "report",
    "other": "another",
}


def in_parents(tmp_path: Path) -> None:
    """The documents as chunks of reports."""
    file = tmp_path / "documents.parquet"
    parents = pl.read_parquet(file)["doc_id"].replace_strict(PARENTS, return_dtype=pl.String)
    tables.write("documents", pl.read_parquet(file).with_columns(parent_id=parents), file)


@pytest.mark.parametrize(
    ("match", "names"), [("kind", {"both", "often2"}), ("values", {"both", "often2"})]
)
def test_apollos_negatives_are_of_the_same_report_and_hold_a_digit(
    tmp_path: Path, match: str, names: set[str]
):
    """`rare` and `other` are of another report, `often` of none, and `bare` has no digit."""
    documents = around.documents(tmp_path, TEXTS)
    in_parents(tmp_path)
    made = attribute(
        around.queries(q="sales"),
        documents,
        around.labels(("q", "answer")),
        None,
        "r1",
        seed=1,
        order="random",
        match=match,
        within="parent",
        common=1.0,
        pattern="[0-9]+",
    )
    assert set(made["doc_id"]) == names
    assert made["rank"].to_list() == list(range(1, len(names) + 1))


def test_without_parents_there_is_no_report_to_stay_in(tmp_path: Path):
    with pytest.raises(Refused, match="none in .* has a `parent_id`"):
        found(tmp_path, match="kind", within="parent")
