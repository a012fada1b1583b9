"""Fused sources: sums worked by hand, what no order of the sources changes, and lines within a
line.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from hone.config import methods, params
from hone.config.source_name import source_name
from hone.errors import Refused
from tasks.resolve.stages import everything
from tasks.retrieve.fused import fused
from tests.prepared import write_params, write_rows
from tests.retrieve.planar import ranked
from tests.tiny_model import tiny_model

QUERIES = pl.DataFrame({"query_id": ["q"]})
DENSE = {"a": 0.9, "b": 0.7, "c": 0.5}
WORDS = {"b": 12.0, "d": 4.0}


def found(scores: dict[str, float]) -> pl.DataFrame:
    """Candidates of the query `q` in the order given."""
    rows = {
        "query_id": ["q"] * len(scores),
        "doc_id": list(scores),
        "rank": range(1, len(scores) + 1),
        "score": list(scores.values()),
    }
    return pl.DataFrame(
        rows,
        schema={"query_id": pl.String, "doc_id": pl.String, "rank": pl.Int32, "score": pl.Float32},
    )


def fuse(*lists: dict[str, float], **parameters: object) -> dict[str, float]:
    """Each document's fused score, in the order of the result."""
    lines = [
        {"method": "random", "parameters": {"depth": place + 1}} for place in range(len(lists))
    ]
    given = fused(
        QUERIES, lambda line: found(lists[line["parameters"]["depth"] - 1]), of=lines, **parameters
    )
    assert not given.rows() or list(ranked(given)) == ["q"]
    return dict(given.select("doc_id", "score").iter_rows())


def test_reciprocal_ranks_by_hand():
    """b is second and first: 1/62 + 1/61; a is first: 1/61; d is second: 1/62; c is third: 1/63."""
    scores = fuse(DENSE, WORDS)
    assert list(scores) == ["b", "a", "d", "c"]
    assert list(scores.values()) == pytest.approx([1 / 62 + 1 / 61, 1 / 61, 1 / 62, 1 / 63])


def test_equal_sums_are_equal_in_whatever_order_they_were_added():
    """a is first, second and seventh, b seventh, first and second; summed as the lists stand,
    b's has a higher last digit.
    """
    order = (["a", "s", "t", "u", "v", "w", "b"], ["b", "a"], ["n", "b", "o", "p", "q", "r", "a"])
    assert list(fuse(*(dict.fromkeys(names, 0.0) for names in order)))[:2] == ["a", "b"]


def test_weights_and_k_by_hand():
    """With k 0 and weights 1 and 4: a 1, b 1/2 + 4, c 1/3, d 4/2."""
    scores = fuse(DENSE, WORDS, k=0, weights=[1, 4])
    assert list(scores.items()) == [("b", 4.5), ("d", 2.0), ("a", 1.0), ("c", pytest.approx(1 / 3))]


def test_scores_between_lowest_and_highest_by_hand():
    """DENSE spans .4, so that a has 1, b .5, c 0; WORDS spans 8: b 1, d 0."""
    scores = fuse(DENSE, WORDS, by="score")
    assert list(scores) == [
        "b",
        "a",
        "d",
        "c",
    ]  # of d and c, which have 0 both, d is second in a list and c third
    assert list(scores.values()) == pytest.approx([1.5, 1, 0, 0])


def test_scores_by_deviation_by_hand():
    """Above the lowest DENSE has .4, .2, 0, and its deviation is sqrt(.08 / 3) = .1633; WORDS 8,
    0 with deviation 4.
    """
    scores = fuse(DENSE, WORDS, by="score", normalise="z")
    assert scores == pytest.approx(
        {"b": 0.2 / 0.163299 + 2, "a": 0.4 / 0.163299, "d": 0, "c": 0}, rel=1e-4
    )


@pytest.mark.parametrize("normalise", ["min-max", "z"])
def test_a_list_of_equal_scores_says_only_what_is_in_it(normalise: str):
    assert fuse(
        {"a": 3.0}, {"b": 0.0, "c": 0.0}, by="score", normalise=normalise, weights=[1, 0.5]
    ) == {"a": 1, "b": 0.5, "c": 0.5}


def test_depth_is_of_the_fused_ranking():
    assert list(fuse(DENSE, WORDS, depth=2)) == ["b", "a"]


def test_a_query_that_no_source_answers():
    assert fuse({}, {}) == {}


def test_a_score_that_is_no_number():
    assert list(fuse({"a": float("nan")}, WORDS)) == [
        "a",
        "b",
        "d",
    ]  # ranks do not ask for it; a and b are both first
    with pytest.raises(
        Refused,
        match="the source random returned NaN or infinity for 1 scores, such as that of document "
        "'b' for query 'q'",
    ):
        fuse({"a": 2.0, "b": float("nan")}, WORDS, by="score")


LISTS = st.lists(
    st.lists(st.sampled_from("abcdefg"), unique=True, max_size=7).flatmap(
        lambda names: st.lists(
            st.sampled_from([0.0, 0.25, 0.5, 1.0]), min_size=len(names), max_size=len(names)
        ).map(lambda scores: dict(zip(names, sorted(scores, reverse=True), strict=True)))
    ),
    min_size=1,
    max_size=4,
)
HOW = st.sampled_from([{}, {"by": "score"}, {"by": "score", "normalise": "z"}])


@given(lists=LISTS, how=HOW, seed=st.integers(0, 99))
def test_the_order_of_the_sources_changes_nothing(lists: list[dict], how: dict, seed: int):
    order = np.random.default_rng(seed).permutation(len(lists))
    weights = [1 + place / 3 for place in range(len(lists))]
    first = fuse(*lists, **how, weights=weights)
    assert list(first.items()) == list(
        fuse(
            *(lists[place] for place in order), **how, weights=[weights[place] for place in order]
        ).items()
    )


@given(lists=LISTS, how=HOW)
def test_what_every_source_puts_first_stays_first(lists: list[dict], how: dict):
    lists = [{"best": 2.0} | one for one in lists]
    assert next(iter(fuse(*lists, **how))) == "best"
    assert set(fuse(*lists, **how)) == {name for one in lists for name in one}


def test_a_line_within_a_line_has_its_defaults():
    given = methods.checked(
        "retrieve", {"fused": {"of": ["dense", {"bm25": {"depth": 200}}]}}, "retrieve"
    )
    inner_lines = given["parameters"]["of"]
    assert inner_lines == [
        {"method": "dense", "parameters": {"depth": 100, "model": None, "revision": None}},
        {"method": "bm25", "parameters": {"depth": 200, "k1": 0.9, "b": 0.4}},
    ]
    assert [line["method"] for _, line in methods.with_inner_lines("retrieve", given)] == [
        "fused",
        "dense",
        "bm25",
    ]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"of": []}, "retrieve: fused: `of` is empty. Name the sources to fuse"),
        ({}, "'of' is missing"),
        ({"of": "dense"}, "'of' is 'dense': it should be a list"),
        (
            {"of": ["dense", {"fused": {"of": ["bm25"]}}]},
            "retrieve: fused.of: 'fused' contains lines itself and cannot be nested",
        ),
        (
            {"of": ["dence"]},
            "retrieve: fused.of: 'dence' is not a method of retrieve: did you mean 'dense'",
        ),
        (
            {"of": [{"bm25": {"dept": 3}}]},
            "retrieve: fused.of: bm25: 'dept' is not a setting: did you mean 'depth'",
        ),
        ({"of": [{"bm25": {"depth": 0}}]}, "retrieve: fused.of: bm25: 'depth' is 0"),
        ({"of": ["dense", "bm25"], "weights": [1]}, "1 `weights` for 2 sources. Set one for each"),
        ({"of": ["dense"], "weights": [0]}, "all `weights` are 0"),
        ({"of": ["dense"], "k": -1}, "'k' is -1"),
    ],
)
def test_lines_that_cannot_be_meant(parameters: dict, message: str):
    with pytest.raises(Refused, match=message):
        methods.checked("retrieve", {"fused": parameters}, "retrieve")


def test_what_sets_sources_of_one_kind_apart():
    def name(given: object) -> str:
        return source_name(methods.checked("retrieve", given, ""))

    assert name("dense") == name({"dense": {"depth": 7}}) == "dense"
    assert name({"dense": {"model": "inputs/guide"}}) == "dense:guide"
    assert name({"bm25": {"k1": 1.2}}) == "bm25:k1=1.2"
    assert name({"fused": {"of": ["dense", {"bm25": {"depth": 7}}]}}) == "fused:dense+bm25"
    weighted = {"of": ["dense", {"dense": {"model": "a/b"}}], "by": "score", "weights": [1, 0.5]}
    assert name({"fused": weighted}) == "fused:dense+dense:b,by=score,weights=1/0.5"
    assert name({"pool": {"from": "r0"}}) == "pool"


@pytest.fixture
def resolved(workspace: Path):
    """What `resolve` makes of the only round's recipe."""
    write_rows(Path("inputs/ours"), [], [], [])
    tiny_model(Path("inputs/guide"))
    Path("inputs/run.trec").write_text("q1 Q0 d1 1 0.5 tag\n")
    Path("recipes").mkdir()

    def made(**sections: object) -> dict:
        Path("recipes/tried.yaml").write_text(yaml.safe_dump({"about": "a test"} | sections))
        write_params(rounds={"r1": {"from": "r0", "recipe": "tried"}})
        settings = everything(params.read())
        return {stage: settings[f"rounds/r1/{stage}"] for stage in ("retrieve", "score")}

    return made


def test_files_of_inner_lines_are_pinned(resolved):
    of = ["bm25", {"dense": {"model": "inputs/guide"}}, {"run": {"file": "inputs/run.trec"}}]
    made = resolved(retrieve=[{"fused": {"of": of}}])
    assert {f"tasks.retrieve.{name}" for name in ("fused", "bm25", "dense", "run")} <= set(
        made["retrieve"].code
    )
    assert list(made["retrieve"].teachers) == ["inputs/guide"]
    assert list(made["retrieve"].files) == ["inputs/run.trec"]
    assert "tasks.retrieve.bm25" not in resolved(retrieve=["dense"])["retrieve"].code


def test_encoders_of_inner_lines_score(resolved):
    made = resolved(
        retrieve=[
            {"fused": {"of": ["bm25", {"dense": {"model": "inputs/guide"}}]}},
            "feedback",
            "pool",
        ]
    )
    assert {name: line["parameters"]["model"] for name, line in made["score"].scorers.items()} == {
        "dense:guide": "inputs/guide",
        "dense": None,
    }
    by_words = resolved(retrieve=[{"fused": {"of": ["bm25", "random"]}}, "positive-neighbours"])
    assert by_words["score"].scorers == {}


def test_a_file_of_an_inner_line_must_be_an_input(resolved):
    with pytest.raises(
        Refused, match="a recipe reads elsewhere.trec, which is not a file below inputs/"
    ):
        resolved(retrieve=[{"fused": {"of": [{"run": {"file": "elsewhere.trec"}}]}}])


def test_two_sources_of_one_name(resolved):
    with pytest.raises(
        Refused, match="two sources have the name 'dense' and differ at most in depth"
    ):
        resolved(retrieve=["dense", {"dense": {"depth": 200}}])
    assert len(resolved(retrieve=["bm25", {"bm25": {"b": 0.75}}])["retrieve"].retrieve) == 2
