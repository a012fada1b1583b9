"""Which pairs a ranker is trained on."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hone.config import methods
from hone.config.sections.rank import Rank, Ranks
from hone.config.sections.sample import GUARDS as NAMES_OF_GUARDS
from hone.data import tables, training_set
from hone.errors import Refused
from tasks.rank.pairs import drawn, lots_of, training_pairs
from tasks.rank.settings import RankSettings
from tests.prepared import pairs, prepare, write_rows
from tests.rank.collection import MODEL, QUERIES, RIGHT, SPLITS, prepared
from tests.tiny_model import tiny_model

SECTION = Rank(negatives=2, random=0, draw="union", balance=False)
GUARDS = [methods.checked("sample.filters", name, "test") for name in NAMES_OF_GUARDS]
TRAIN = [name for name in QUERIES if SPLITS[name] == "train"]


def found(**changes: object) -> pl.DataFrame:
    labels = tables.read("labels", Path("rounds/r0/labels.parquet"))
    candidates = tables.read("candidates", Path("rounds/r1/candidates.parquet"))
    return training_pairs(
        labels,
        candidates,
        training_set.read(),
        SECTION.model_copy(update=changes),
        GUARDS,
        5,
        "position 1",
    )


def test_every_known_positive_and_so_many_drawn_for_each(workspace: Path):
    prepared({})
    made = found()
    assert sorted(made.filter(pl.col("label") == 1).select("query_id", "doc_id").rows()) == sorted(
        (q, d) for q in TRAIN for d in RIGHT
    )
    negatives = made.filter(pl.col("label") == 0)
    assert negatives.group_by("query_id").len().sort("query_id").rows() == [
        (q, 2 * len(RIGHT)) for q in sorted(TRAIN)
    ]
    assert not negatives["doc_id"].is_in(list(RIGHT)).any()
    assert not negatives.select("query_id", "doc_id").is_duplicated().any()
    assert found().equals(made)


def test_fewer_where_there_are_fewer(workspace: Path):
    prepared({})
    assert found(negatives=100).filter(pl.col("label") == 0).height == len(TRAIN) * 20


def test_only_inside_the_window_of_ranks(workspace: Path):
    prepared({})
    candidates = tables.read("candidates", Path("rounds/r1/candidates.parquet"))
    made = found(window=Ranks(first=5, last=9), negatives=100).filter(pl.col("label") == 0)
    ranks = made.join(candidates, on=["query_id", "doc_id"])["rank"]
    assert ranks.is_between(5, 9).all()
    inside = candidates.filter(
        pl.col("rank").is_between(5, 9) & ~pl.col("doc_id").is_in(list(RIGHT))
    )
    assert len(made) == len(inside)


def test_what_is_unknown_is_no_negative(workspace: Path):
    """Nor is another document of the same text."""
    prepared({})
    file = Path("rounds/r0/labels.parquet")
    labels = tables.read("labels", file)
    unknown = pl.DataFrame(
        {"query_id": [TRAIN[0]], "doc_id": ["wrong3"], "label": ["unknown"], "judge": ["somebody"]}
    )
    tables.write("labels", pl.concat([labels, tables.shaped("labels", unknown)]), file)
    made = found(negatives=100)
    assert (TRAIN[0], "wrong3") not in made.select("query_id", "doc_id").rows()
    assert (TRAIN[1], "wrong3") in made.select("query_id", "doc_id").rows()


COPIES = {
    "same-text": "RED CAT!",
    "near-duplicate": "red cat on a mat in the sun by the sea with a dog",
    "same-parent": "second part",
}


@pytest.mark.parametrize("guard", COPIES)
def test_a_copy_or_a_part_of_a_known_answer_is_no_negative_where_the_recipe_guards_against_it(
    workspace: Path, guard: str
):
    """Each copy is taken out by its own rule, and by none of the others; the same text in
    another spelling by `labelled` too.
    """
    answers = {
        "same-text": "red cat",
        "near-duplicate": f"{COPIES['near-duplicate']} too",
        "same-parent": "first part",
    }
    parent = {"parent_id": "whole"} if guard == "same-parent" else {}
    documents = [
        {"doc_id": "answer", "text": answers[guard]} | parent,
        {"doc_id": "copy", "text": COPIES[guard]} | parent,
    ]
    if parent:
        documents.append({"doc_id": "whole", "text": "first part second part"})
    documents += [{"doc_id": "other", "text": "cold stone"}]
    queries = [
        {"query_id": name, "text": f"red {split}", "split": split}
        for name, split in (("q", "train"), ("t", "test"))
    ]
    write_rows(Path("inputs/ours"), documents, queries, pairs(("q", "answer"), ("t", "other")))
    tiny_model(Path("inputs/tiny"))
    prepare(model=MODEL)
    labels = tables.read("labels", Path("rounds/r0/labels.parquet"))
    rows = [("q", doc, "dense", place, 0.5) for place, doc in enumerate(("copy", "other"), start=1)]
    candidates = tables.shaped(
        "candidates",
        pl.DataFrame(rows, schema=["query_id", "doc_id", "source", "rank", "score"], orient="row"),
    )
    rules = {"same-text", "labelled"} if guard == "same-text" else {guard}
    for guards, left in (
        (GUARDS, ["other"]),
        ([one for one in GUARDS if one["method"] not in rules], ["copy", "other"]),
    ):
        made = training_pairs(
            labels, candidates, training_set.read(), SECTION, guards, 5, "position 1"
        )
        assert sorted(made.filter(pl.col("label") == 0)["doc_id"]) == left


def test_the_stage_has_the_guards_of_the_recipe(workspace: Path):
    prepared(
        {
            "rank": {},
            "sample": {
                "filters": ["labelled", {"near-duplicate": {"threshold": 0.7}}, "positive-aware"]
            },
        }
    )
    settings = RankSettings.read(round="r1")
    assert settings.guards == [
        {"method": "labelled", "parameters": {}},
        {"method": "near-duplicate", "parameters": {"threshold": 0.7}},
    ]


def test_the_sources_give_in_turn():
    """Two of bm25's four and two of dense's forty, where a draw from all would take one of
    bm25's in ten.
    """
    rows = [("q", f"b{n}", "bm25") for n in range(4)] + [("q", f"d{n}", "dense") for n in range(40)]
    free = pl.DataFrame(rows, schema=["query_id", "doc_id", "source"], orient="row")
    wanted = pl.DataFrame({"query_id": ["q"], "wanted": [4]})
    for seed in range(20):
        made = (
            drawn(free, wanted, "even", lots_of(free, "even", seed, "position 1"))["doc_id"]
            .str.slice(0, 1)
            .to_list()
        )
        assert sorted(made) == ["b", "b", "d", "d"]
    union = [
        drawn(free, wanted, "union", lots_of(free, "union", seed, "position 1"))["doc_id"]
        .str.starts_with("b")
        .sum()
        for seed in range(200)
    ]
    assert sum(union) / 800 == pytest.approx(4 / 44, abs=0.04)


def test_a_document_of_two_sources_is_drawn_no_oftener():
    rows = [("q", "both", source) for source in "abcdefgh"] + [
        ("q", f"d{n}", "a") for n in range(8)
    ]
    free = pl.DataFrame(rows, schema=["query_id", "doc_id", "source"], orient="row")
    wanted = pl.DataFrame({"query_id": ["q"], "wanted": [1]})
    taken = [
        drawn(free, wanted, "union", lots_of(free, "union", seed, "position 1"))["doc_id"].item()
        for seed in range(400)
    ]
    assert taken.count("both") / 400 == pytest.approx(1 / 9, abs=0.05)


def test_answers_of_other_queries_are_drawn_first_and_in_turn_too():
    """Three of dense's forty and one of bm25's four: all four of them, then by lot."""
    rows = [("q", f"b{n}", "bm25") for n in range(4)] + [("q", f"d{n}", "dense") for n in range(40)]
    free = pl.DataFrame(rows, schema=["query_id", "doc_id", "source"], orient="row")
    wanted, answers = (
        pl.DataFrame({"query_id": ["q"], "wanted": [5]}),
        pl.Series(["d7", "b2", "d30", "d31", "elsewhere"]),
    )
    for how in ("union", "even"):
        rest = set()
        for seed in range(20):
            made = drawn(free, wanted, how, lots_of(free, how, seed, "position 1"), answers)[
                "doc_id"
            ].to_list()
            assert set(made[:4]) == {"d7", "b2", "d30", "d31"}
            rest.add(made[4])
        assert len(rest) > 3
    two = pl.DataFrame({"query_id": ["q"], "wanted": [2]})
    for seed in range(20):
        made = drawn(free, two, "even", lots_of(free, "even", seed, "position 1"), answers)[
            "doc_id"
        ].to_list()
        assert "b2" in made


def test_documents_at_random_stand_beside_and_are_guarded_too(workspace: Path):
    prepared({})
    hard = found(negatives=1)
    made = found(negatives=1, random=20)
    added = made.join(hard, on=["query_id", "doc_id"], how="anti")
    assert made.join(hard, on=["query_id", "doc_id"], how="semi").height == len(hard)
    assert (added["label"] == 0).all()
    assert added["doc_id"].n_unique() > 15
    assert not added["doc_id"].is_in(list(RIGHT)).any()
    assert not made.select("query_id", "doc_id").is_duplicated().any()
    assert found(negatives=1, random=20).equals(made)


def test_a_document_stands_on_both_sides_where_the_pairs_are_balanced(workspace: Path):
    """Every query has its own answer, and all others' among twenty candidates."""
    documents = [{"doc_id": f"d{n}", "text": f"text {n}"} for n in range(20)]
    queries = [{"query_id": f"q{n}", "text": f"query {n}", "split": "train"} for n in range(6)]
    queries.append({"query_id": "t", "text": "asked", "split": "test"})
    write_rows(
        Path("inputs/ours"),
        documents,
        queries,
        pairs(*((f"q{n}", f"d{n}") for n in range(6)), ("t", "d9")),
    )
    tiny_model(Path("inputs/tiny"))
    prepare(model=MODEL)
    rows = [(f"q{n}", f"d{m}", "dense", m + 1, 0.5) for n in range(6) for m in range(20)]
    candidates = tables.shaped(
        "candidates",
        pl.DataFrame(rows, schema=["query_id", "doc_id", "source", "rank", "score"], orient="row"),
    )
    labels = tables.read("labels", Path("rounds/r0/labels.parquet"))

    def wrong(balance: bool) -> set[str]:
        section = SECTION.model_copy(update={"negatives": 5, "balance": balance})
        made = training_pairs(
            labels, candidates, training_set.read(), section, GUARDS, 5, "position 1"
        )
        return set(made.filter(pl.col("label") == 0)["doc_id"])

    assert wrong(balance=True) == {f"d{n}" for n in range(6)}
    assert wrong(balance=False) - {f"d{n}" for n in range(6)}


@given(
    st.lists(
        st.tuples(st.sampled_from("qr"), st.sampled_from("abcdef"), st.sampled_from("xyz")),
        min_size=1,
        unique=True,
    ),
    st.integers(1, 5),
    st.sampled_from(["union", "even"]),
)
def test_each_once_and_as_many_as_there_are(rows: list, wanted: int, how: str):
    free = pl.DataFrame(rows, schema=["query_id", "doc_id", "source"], orient="row")
    wanted_counts = pl.DataFrame({"query_id": ["q", "r"], "wanted": [wanted, wanted]})
    made = drawn(free, wanted_counts, how, lots_of(free, how, 1, "position 1"))
    unique_pairs = free.unique(["query_id", "doc_id"])
    assert (
        made.join(unique_pairs, on=["query_id", "doc_id"], how="semi").unique().height
        == made.height
    )
    counts = dict(made.group_by("query_id").len().rows())
    for (query,), part in unique_pairs.group_by("query_id"):
        assert counts[query] == min(wanted, len(part))


def test_without_candidates_positives_or_negatives_it_says_so(workspace: Path):
    prepared({})
    labels = tables.read("labels", Path("rounds/r0/labels.parquet"))
    candidates = tables.read("candidates", Path("rounds/r1/candidates.parquet"))
    training = training_set.read()
    with pytest.raises(Refused, match="this round has none"):
        training_pairs(labels, candidates.clear(), training, SECTION, GUARDS, 0, "position 1")
    with pytest.raises(Refused, match="no training query has one"):
        training_pairs(labels.clear(), candidates, training, SECTION, GUARDS, 0, "position 1")
    with pytest.raises(Refused, match="found no negative: none of the 216 candidates"):
        training_pairs(
            labels,
            candidates,
            training,
            SECTION.model_copy(update={"window": Ranks(first=25)}),
            GUARDS,
            0,
            "position 1",
        )
