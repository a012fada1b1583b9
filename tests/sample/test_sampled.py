"""Negatives from candidates: what is chosen, what is removed, and that nothing is lost between."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from math import inf, nan
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hone.config import methods
from hone.config.sections.sample import Sample
from hone.data import tables
from hone.errors import Refused
from hone.layout import PAIR
from tasks.relabel.initial_labels import joined
from tasks.sample.negatives import sampled
from tasks.sample.settings import SampleSettings
from tests import stages
from tests.rank.collection import prepared
from tests.sample.filters.tables import trained

QUERIES = ("q1", "q2", "q3")
DOCUMENTS = tuple(f"d{number:02}" for number in range(12))


@dataclass(frozen=True)
class Training:
    """As much of a training set as sampling asks for."""

    def queries(self) -> pl.DataFrame:
        return pl.DataFrame(
            {"query_id": QUERIES, "text": ["one", "two", "three"], "collection": "c"}
        )

    def __iter__(self):
        return iter([self])

    @property
    def documents(self) -> Training:
        return self

    def __len__(self) -> int:
        return len(DOCUMENTS)

    @property
    def ids(self) -> pl.Series:
        return pl.Series(DOCUMENTS)

    def unanswered(self) -> pl.DataFrame:
        return self.queries().clear()

    def texts(self, ids) -> pl.DataFrame:
        wanted = sorted(set(ids))
        return pl.DataFrame(
            {
                "doc_id": wanted,
                "full_text": [f"a text about {doc}" for doc in wanted],
                "parent_id": [None] * len(wanted),
            },
            schema={"doc_id": pl.String, "full_text": pl.String, "parent_id": pl.String},
        )


def labels(*pairs: tuple[str, str]) -> pl.DataFrame:
    return tables.shaped(
        "labels",
        pl.DataFrame(
            {
                "query_id": [a for a, _ in pairs],
                "doc_id": [b for _, b in pairs],
                "label": "positive",
            }
        ),
    )


KNOWN = labels(("q1", "d00"), ("q2", "d01"), ("q3", "d02"))


def candidates(ranked: dict[str, list[str]], source: str = "dense") -> pl.DataFrame:
    rows = [
        (query, doc, source, rank, 1.0 - rank / 100)
        for query, docs in ranked.items()
        for rank, doc in enumerate(docs, start=1)
    ]
    return tables.shaped(
        "candidates",
        pl.DataFrame(rows, schema=["query_id", "doc_id", "source", "rank", "score"], orient="row"),
    )


def section(**given) -> SampleSettings:
    made = {"filters": ["labelled"], "choose": {"top": {"n": 1}}, "on_shortage": "fewer"} | given
    wanted = Sample(
        filters=[methods.checked("sample.filters", line, "test") for line in made["filters"]],
        choose=methods.checked("sample.choose", made["choose"], "test"),
        window=made.get("window", {}),
        on_shortage=made["on_shortage"],
    )
    return SampleSettings.model_construct(
        parent="r0", round="r1", seed=13, draws="position 1", sources=["dense"], sample=wanted
    )


def sample(
    found: pl.DataFrame, known: pl.DataFrame = KNOWN, **given
) -> tuple[pl.DataFrame, pl.DataFrame, dict]:
    scores = tables.shaped("scores", found.select(*PAIR, "score", scorer=pl.lit("dense")))
    return sampled(found, known, scores, Training(), section(**given))


def scored(found: pl.DataFrame, numbers: list[float]) -> pl.DataFrame:
    """Scores in 0..1 of every pair and known positive by one scorer, and likenesses to the
    positive (1 of itself) by another.
    """
    both = pl.concat([found.select(PAIR), KNOWN.select(PAIR)]).unique(maintain_order=True)
    row = pl.int_range(pl.len())
    score, other = (
        pl.Series(numbers * 3).gather((both.select(row).to_series() * step) % len(numbers))
        for step in (1, 7)
    )
    itself = both.with_columns(other).join(
        KNOWN.select(*PAIR, itself=pl.lit(1.0)), on=PAIR, how="left", maintain_order="left"
    )
    return pl.concat(
        [
            tables.shaped("scores", both.with_columns(score=score, scorer=pl.lit("dense"))),
            tables.shaped(
                "scores",
                itself.select(
                    *PAIR, score=pl.coalesce("itself", ""), scorer=pl.lit("encoder-to-positives")
                ),
            ),
        ]
    )


def pairs(frame: pl.DataFrame) -> list[tuple[str, str]]:
    return frame.select(PAIR).rows()


def test_the_best_that_are_no_known_answers():
    found = candidates({"q1": ["d00", "d05", "d06"], "q2": ["d07", "d01"], "q3": ["d02", "d03"]})
    chosen, removed, counts = sample(found)
    assert pairs(chosen) == [("q1", "d05"), ("q2", "d07"), ("q3", "d03")]
    assert chosen["rank"].to_list() == [2, 1, 2]
    assert sorted(pairs(removed)) == [("q1", "d00"), ("q2", "d01"), ("q3", "d02")]
    assert counts["candidates"] == 7


def test_the_window_is_counted_before_the_rules_or_after_them():
    """q1's ranks: d00 (known), d05, d06, d07. From rank 2: before the rules that is d05, after
    them d06.
    """
    found = candidates({"q1": ["d00", "d05", "d06", "d07"]})
    before, _, _ = sample(found, window={"first": 2, "counted": "before"})
    after, _, _ = sample(found, window={"first": 2, "counted": "after"})
    assert pairs(before) == [("q1", "d05")]
    assert pairs(after) == [("q1", "d06")]


def test_two_sources_one_pool_the_better_rank_wins():
    both = pl.concat(
        [candidates({"q1": ["d05", "d06"]}, "dense"), candidates({"q1": ["d06", "d07"]}, "bm25")]
    )
    chosen, _, counts = sample(both, choose={"top": {"n": 3}})
    assert counts["candidates"] == 3
    assert chosen.filter(pl.col("query_id") == "q1").select("doc_id", "source", "rank").rows() == [
        ("d05", "dense", 1),
        ("d06", "bm25", 1),
        ("d07", "bm25", 2),
    ]


def test_a_query_that_goes_has_a_row():
    found = candidates({"q1": ["d00"], "q2": ["d05"], "q3": ["d06"]})
    chosen, removed, counts = sample(found, on_shortage="drop-query")
    assert pairs(chosen) == [("q2", "d05"), ("q3", "d06")]
    assert removed.filter(pl.col("rule") == "shortage").select("query_id", "doc_id").rows() == [
        ("q1", None)
    ]
    assert counts["shortage"] == {"short": 1, "rule": "drop-query", "filled": 0, "still_short": 1}


def test_widening_takes_what_lies_outside_the_window():
    found = candidates({"q1": ["d00", "d05", "d06"], "q2": ["d05", "d06"], "q3": ["d05", "d06"]})
    chosen, _, counts = sample(
        found, window={"first": 1, "last": 1, "counted": "before"}, on_shortage="widen"
    )
    assert pairs(chosen)[0] == ("q1", "d05")
    assert counts["shortage"]["filled"] == 1


@pytest.mark.parametrize(
    ("recipe_section", "taken"),
    [
        ({"window": {"first": 3, "last": 4, "counted": "before"}}, ["d07", "d08", "d09"]),
        ({"window": {"first": 3, "last": 4}}, ["d08", "d09", "d10"]),
        (
            {
                "choose": {"rank-window": {"range_min": 3, "range_max": 6, "n": 3}},
                "window": {"first": 1, "last": 4},
            },
            ["d09", "d10"],
        ),
        (
            {
                "choose": {"rank-window": {"range_min": 1, "range_max": 4, "n": 3}},
                "window": {"first": 3},
            },
            ["d09", "d10"],
        ),
    ],
)
def test_widening_goes_on_after_the_window_and_never_before_it(recipe_section, taken):
    """q1's candidates are d00 (known), d06 to d10, at ranks 1 to 6: what stands before the
    beginning is not taken, though all are short.
    """
    recipe_section = {"choose": {"top": {"n": 3}}, "on_shortage": "widen"} | recipe_section
    chosen, _, _ = sample(
        candidates({"q1": ["d00", "d06", "d07", "d08", "d09", "d10"]}), **recipe_section
    )
    assert chosen["doc_id"].to_list() == taken


def test_unseeded_sampling():
    """The same seed gives the same draw, whatever order the rows come in; another seed another."""
    found = candidates({query: list(DOCUMENTS[3:]) for query in QUERIES})
    recipe_section = {"choose": {"random": {"n": 2}}}
    first, _, _ = sample(found, **recipe_section)
    second, _, _ = sample(found, **recipe_section)
    assert first.equals(second)
    changed = section(**recipe_section).model_copy(update={"seed": 14})
    other, _, _ = sampled(found, KNOWN, tables.empty("scores"), Training(), changed)
    assert not first.equals(other)


def test_a_query_leaves_with_all_its_candidates_and_is_not_filled_up():
    """q1's best candidate scores .99, above .98: all of q1 goes. Widening and the labels of the
    round do without it.
    """
    found = candidates({"q1": ["d05", "d06", "d07"], "q2": ["d08", "d09", "d10"]})
    found = found.with_columns(score=pl.Series([0.99, 0.5, 0.4, 0.97, 0.5, 0.4], dtype=pl.Float32))
    known = tables.shaped("scores", KNOWN.select(*PAIR, score=0.9, scorer=pl.lit("dense")))
    scores = pl.concat(
        [tables.shaped("scores", found.select(*PAIR, "score", scorer=pl.lit("dense"))), known]
    )
    recipe_section = {
        "filters": ["labelled", {"query-quality": {"negative_absolute": 0.98}}],
        "choose": {"top": {"n": 2}},
        "on_shortage": "widen",
    }
    chosen, removed, counts = sampled(found, KNOWN, scores, Training(), section(**recipe_section))
    assert pairs(chosen) == [("q2", "d08"), ("q2", "d09")]
    assert removed.select("query_id", "doc_id", "rule").rows() == [
        ("q1", None, "query-quality"),
        ("q1", "d05", "query-quality"),
        ("q1", "d06", "query-quality"),
        ("q1", "d07", "query-quality"),
    ]
    assert counts["removed"] == {"labelled": 0, "query-quality": 3}
    assert counts["left"] == {"query-quality": 1}
    assert joined(KNOWN, chosen, removed)["query_id"].unique(maintain_order=True).to_list() == [
        "q2",
        "q3",
    ]


@pytest.mark.parametrize("shortage", ["widen", "random", "drop-query", "fewer"])
def test_a_query_that_a_rule_sends_away_comes_back_by_no_shortage_rule(shortage):
    found = candidates({"q1": ["d05"], "q2": ["d06"], "q3": ["d07"]})
    recipe_section = {
        "filters": [{"query-quality": {"negative_absolute": 0.98}}],
        "choose": {"top": {"n": 2}},
        "on_shortage": shortage,
    }
    quality = found.with_columns(score=pl.Series([0.99, 0.5, 0.5], dtype=pl.Float32)).select(
        *PAIR, "score", scorer=pl.lit("dense")
    )
    scores = pl.concat(
        [quality, KNOWN.select(*PAIR, score=pl.lit(0.9, dtype=pl.Float32), scorer=pl.lit("dense"))]
    )
    if shortage == "drop-query":
        with pytest.raises(
            Refused, match="`on_shortage: drop-query` removed all 2 queries, none of which had 2"
        ):
            sampled(found, KNOWN, scores, Training(), section(**recipe_section))
        return
    chosen, removed, _ = sampled(found, KNOWN, scores, Training(), section(**recipe_section))
    assert set(chosen["query_id"]) == {"q2", "q3"}
    assert len(chosen) == (4 if shortage == "random" else 2)
    assert removed.filter(pl.col("doc_id").is_null())["query_id"].to_list() == ["q1"]


def test_a_query_without_a_known_positive_counts_nowhere_but_as_such():
    """q2's positive has left: positive-aware, which would remove all of its candidates, is not
    asked about them; nor does its hub weigh.
    """
    found = candidates({"q1": ["d05", "d06"], "q2": ["d05", "d07", "d08"], "q3": ["d09"]})
    left = KNOWN.filter(pl.col("query_id") != "q2")
    known = tables.shaped("scores", left.select(*PAIR, score=2.0, scorer=pl.lit("dense")))
    scores = pl.concat(
        [tables.shaped("scores", found.select(*PAIR, "score", scorer=pl.lit("dense"))), known]
    )
    recipe_section = section(
        filters=["labelled", "positive-aware"], choose={"soft-cap": {"n": 1, "penalty": 9}}
    )
    chosen, removed, counts = sampled(found, left, scores, Training(), recipe_section)
    assert pairs(chosen) == [("q1", "d05"), ("q3", "d09")]
    assert removed.is_empty()
    assert (counts["candidates"], counts["without_positive"], counts["beyond_top"]) == (3, 1, 0)
    assert counts["removed"] == {"labelled": 0, "positive-aware": 0}


def test_rules_that_leave_nothing_are_named_with_their_bounds():
    found = candidates({"q1": ["d00", "d05", "d06"], "q2": ["d07"], "q3": ["d08"]})
    with pytest.raises(Refused) as refusal:
        sample(found, filters=["labelled", {"positive-aware": {"share": 0.9}}])
    assert str(refusal.value) == (
        "no query has a negative: of 5 candidates none remained. `positive-aware` (share 0.9) "
        "removed 4; `labelled` removed 1. "
        "Loosen `positive-aware`, or retrieve deeper."
    )


def test_a_window_that_leaves_nothing_is_named():
    with pytest.raises(
        Refused,
        match=r"of 2 candidates 2 remained, but `top` chose none in the window of ranks 5 to the "
        r"last\.",
    ):
        sample(candidates({"q1": ["d05", "d06"]}), window={"first": 5})


def test_one_query_with_a_negative_is_enough():
    found = candidates({"q1": ["d00"], "q2": ["d05"], "q3": ["d02"]})
    chosen, _, _ = sample(found)
    assert pairs(chosen) == [("q2", "d05")]


def test_scores_that_are_no_number_are_counted_and_what_has_none_goes():
    found = candidates({"q1": ["d05", "d06"], "q2": ["d07", "d08"]})
    numbers = {"d05": nan, "d06": 0.1, "d07": 0.1, "d08": inf, "d00": 0.9, "d01": 0.9}
    rows = [
        (query, doc, "dense", numbers[doc])
        for query, doc in [*pairs(found), ("q1", "d00"), ("q2", "d01")]
    ]
    scores = tables.shaped(
        "scores", pl.DataFrame(rows, schema=["query_id", "doc_id", "scorer", "score"], orient="row")
    )
    chosen, removed, counts = sampled(
        found, KNOWN, scores, Training(), section(filters=["labelled", "positive-aware"])
    )
    assert pairs(chosen) == [("q1", "d06"), ("q2", "d07")]
    assert removed["detail"].to_list() == ["scores nothing, threshold 0.855"] * 2
    assert counts["scores_without_number"] == 2


def test_rules_about_training_read_what_the_round_before_saw(tmp_path, monkeypatch):
    """q1 is got wrong in all of four epochs, q2 right; q3 was not trained on, stays and is
    counted. After one epoch nothing is said.
    """
    monkeypatch.chdir(tmp_path)
    found = candidates({"q1": ["d05", "d06"], "q2": ["d07"], "q3": ["d08"]})
    epoch = [("q1", 0.1, [0.5]), ("q2", 0.9, [0.5])]
    recipe_section = section(
        filters=[
            "labelled",
            {"late-stopping": {"share": 0.5}},
            {"training-dynamics": {"share": 0.5}},
        ]
    )
    write_trained(trained(*epoch * 4))
    chosen, removed, counts = sampled(
        found, KNOWN, tables.empty("scores"), Training(), recipe_section
    )
    assert pairs(chosen) == [("q2", "d07"), ("q3", "d08")]
    assert removed.select("query_id", "doc_id", "rule", "detail").rows() == [
        ("q1", None, "late-stopping", "not learned in 4 visits"),
        ("q1", "d05", "late-stopping", "its query is removed: not learned in 4 visits"),
        ("q1", "d06", "late-stopping", "its query is removed: not learned in 4 visits"),
    ]
    assert counts["removed"] == {"labelled": 0, "late-stopping": 2, "training-dynamics": 0}
    assert counts["queries_not_trained"] == 1
    write_trained(trained(*epoch))
    chosen, removed, counts = sampled(
        found, KNOWN, tables.empty("scores"), Training(), recipe_section
    )
    assert len(chosen) == 3
    assert removed.is_empty()
    assert counts["removed"] == {"labelled": 0, "late-stopping": 0, "training-dynamics": 0}


def write_trained(frame: pl.DataFrame) -> None:
    Path("rounds/r0").mkdir(parents=True, exist_ok=True)
    tables.write("trained", frame, Path("rounds/r0/trained.parquet"))


def test_a_recipe_that_mines_nothing_gives_empty_tables():
    none = section().model_copy(update={"sources": []})
    chosen, removed, counts = sampled(
        tables.empty("candidates"), KNOWN, tables.empty("scores"), Training(), none
    )
    assert chosen.is_empty()
    assert removed.is_empty()
    assert counts["candidates"] == 0


@pytest.mark.parametrize("shortage", ["widen", "fewer", "drop-query"])
@pytest.mark.parametrize("found", [tables.empty("candidates"), candidates({"q9": ["d05"]})])
def test_sources_that_find_nothing_are_no_in_batch_training(found: pl.DataFrame, shortage: str):
    """Nor are those that find candidates of queries without a known answer alone."""
    with pytest.raises(
        Refused,
        match=r"no candidate was found for any of 3 training queries with a labelled positive, by "
        r"'dense', .* `dense`\.",
    ):
        sample(found, on_shortage=shortage)
    with pytest.raises(Refused, match="`previous` finds nothing in a first round"):
        sampled(
            found,
            KNOWN,
            tables.empty("scores"),
            Training(),
            section(on_shortage=shortage).model_copy(update={"sources": ["previous"]}),
        )


@pytest.mark.parametrize(
    ("sources", "refused"), [(["previous"], True), (["previous", "bm25"], False), ([], False)]
)
def test_the_stage_knows_whether_its_recipe_mines(
    workspace: Path, sources: list[str], refused: bool
):
    """In a first round `previous` finds nothing, which is right beside another source."""
    prepared({"retrieve": sources})
    stages.score("r1")
    with pytest.raises(Refused, match="by 'previous'") if refused else nullcontext():
        stages.sample("r1")


def test_where_nothing_is_found_random_documents_are_counted_as_such():
    """Rules that compare scores, of which there are none, are not asked."""
    recipe_section = {
        "filters": ["labelled", "positive-aware"],
        "choose": {"soft-cap": {"n": 2}},
        "on_shortage": "random",
    }
    chosen, removed, counts = sample(tables.empty("candidates"), **recipe_section)
    assert chosen["source"].unique().to_list() == ["random-fill"]
    assert chosen.group_by("query_id").len().sort("query_id").rows() == [
        ("q1", 2),
        ("q2", 2),
        ("q3", 2),
    ]
    assert not set(pairs(chosen)) & set(pairs(KNOWN))
    assert removed.is_empty()
    assert counts["shortage"] == {"short": 3, "rule": "random", "filled": 3, "still_short": 0}
    assert (counts["candidates"], counts["beyond_top"]) == (0, 0)


@pytest.mark.parametrize(
    "choose", ["random", "simans", {"quota": {"shares": {"dense": 1.0}, "order": "random"}}]
)
def test_a_renamed_round_draws_the_same_negatives(choose):
    """Of eleven candidates three are drawn, and two queries without any have random documents
    instead.
    """
    found = candidates({"q1": [doc for doc in DOCUMENTS if doc != "d00"]})
    scores = tables.shaped(
        "scores",
        pl.concat(
            [found.select(*PAIR, "score"), KNOWN.select(*PAIR, score=pl.lit(0.9))],
            how="vertical_relaxed",
        ),
    )
    name = choose if isinstance(choose, str) else "quota"
    line = {name: {"n": 3, **({} if isinstance(choose, str) else choose["quota"])}}
    drawn = [
        sampled(
            found,
            KNOWN,
            scores.with_columns(scorer=pl.lit("dense")),
            Training(),
            section(choose=line, on_shortage="random").model_copy(update=changed),
        )[0]
        for changed in ({}, {"round": "renamed"}, {"draws": "position 2"})
    ]
    assert drawn[0].equals(drawn[1])
    assert not drawn[0].equals(drawn[2])
    assert drawn[0].group_by("query_id").len()["len"].to_list() == [3, 3, 3]


def test_a_random_document_is_none_that_a_rule_has_removed():
    """A rule that reads scores removes all but one of eleven candidates: what is drawn from the
    collection must not be one of these.
    """
    near = [doc for doc in DOCUMENTS if doc != "d00"]
    found = candidates({"q1": near})
    rule = {"cross-encoder": {"scorer": "dense", "negative": 0.9}}
    recipe_section = {
        "filters": ["labelled", rule],
        "choose": {"top": {"n": 4}},
        "on_shortage": "random",
    }
    score = pl.Series([0.95] * 10 + [0.1])
    scores = tables.shaped("scores", found.select(*PAIR, score=score, scorer=pl.lit("dense")))
    chosen, removed, counts = sampled(
        found, labels(("q1", "d00")), scores, Training(), section(**recipe_section)
    )
    assert pairs(chosen) == [("q1", "d11")]
    assert len(removed) == 10
    assert counts["shortage"]["still_short"] == 1


RULES = [
    ["labelled"],
    ["labelled", "same-text", {"positive-aware": {"share": 0.95}}],
    ["labelled", {"query-quality": {"negative_margin": 0.05}}],
    [
        {"query-quality": {"negative_absolute": 0.97}},
        "labelled",
        {"positive-aware": {"share": None, "absolute": 0.95}},
    ],
    ["labelled", {"semi-hard": {"margin": 0.05}}, {"query-quality": {"positive_absolute": 0.95}}],
    ["labelled", {"guide": {"scorer": "dense", "own": True, "margin": 0.02}}],
    ["labelled", {"cross-encoder": {"scorer": "dense", "negative": 0.97, "positive": 0.98}}],
    ["labelled", {"closer-to-query": {"scorer": "dense", "to_positives": "encoder-to-positives"}}],
]


@settings(max_examples=120, deadline=None)
@given(
    found=st.dictionaries(
        st.sampled_from(QUERIES),
        st.lists(st.sampled_from(DOCUMENTS), unique=True, min_size=1),
        min_size=1,
    ),
    other=st.dictionaries(
        st.sampled_from(QUERIES), st.lists(st.sampled_from(DOCUMENTS), unique=True, min_size=1)
    ),
    n=st.integers(1, 4),
    method=st.sampled_from(["top", "random", "rank-window", "simans", "bins", "soft-cap"]),
    first=st.integers(1, 4),
    width=st.none() | st.integers(0, 5),
    counted=st.sampled_from(["before", "after"]),
    shortage=st.sampled_from(["widen", "fewer", "drop-query"]),
    rules=st.sampled_from(RULES),
    numbers=st.lists(
        st.floats(0, 1, width=32) | st.sampled_from([float("nan"), float("inf")]),
        min_size=24,
        max_size=24,
    ),
)
def test_candidates_are_chosen_removed_or_left(
    found, other, n, method, first, width, counted, shortage, rules, numbers
):
    both = pl.concat([candidates(found), candidates(other, "bm25")])
    window = {"first": first, "last": None if width is None else first + width, "counted": counted}
    recipe_section = {
        "filters": rules,
        "choose": {method: {"n": n}},
        "window": window,
        "on_shortage": shortage,
    }
    pool = set(pairs(both))
    refused = ""
    try:
        chosen, removed, counts = sampled(
            both, KNOWN, scored(both, numbers), Training(), section(**recipe_section)
        )
    except Refused as refusal:
        refused = str(refusal)
    if refused:
        assert f"no query has a negative: of {len(pool):,} candidates" in refused
        return
    assert len(chosen)
    out = set(pairs(removed.filter(pl.col("doc_id").is_not_null())))
    taken = pairs(chosen)
    removed_queries = set(removed.filter(pl.col("doc_id").is_null())["query_id"])
    by_rules = set(
        removed.filter(pl.col("doc_id").is_null() & (pl.col("rule") != "shortage"))["query_id"]
    )
    assert sum(counts["removed"].values()) == len(out)
    assert sum(counts["left"].values()) == len(removed_queries)
    assert {query for query, _ in taken} & removed_queries == set()
    assert {pair for pair in pool if pair[0] in by_rules} <= out
    assert len(taken) == len(set(taken))
    assert set(taken) <= pool
    assert out <= pool
    assert not set(taken) & out
    assert len(pairs(removed)) == len(set(pairs(removed)))
    assert not set(taken) & set(pairs(KNOWN))
    assert max(chosen.group_by("query_id").len()["len"], default=0) <= n
    assert counts["candidates"] == len(pool)
    per_query = dict(chosen.group_by("query_id").len().iter_rows())
    if shortage == "drop-query":
        assert all(
            per_query.get(query, 0) == (0 if query in removed_queries else n) for query in QUERIES
        )
    if shortage == "widen":
        best = both.group_by(PAIR).agg(pl.col("rank").min())
        stayed = pl.DataFrame(sorted(pool - out), schema=PAIR, orient="row").join(best, on=PAIR)
        if counted == "before":
            found_docs = dict(
                stayed.filter(pl.col("rank") >= first).group_by("query_id").len().iter_rows()
            )
        else:
            found_docs = {
                query: count - first + 1
                for query, count in stayed.group_by("query_id").len().iter_rows()
            }
        assert per_query == {
            query: min(n, count) for query, count in found_docs.items() if count > 0
        }
