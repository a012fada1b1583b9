"""Near candidates that are unlike each other: by hand, and through the stage with a model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from hone.config import methods
from hone.data import tables
from hone.data.training_set import read
from hone.encoders.round_encoders import Models
from hone.errors import Refused
from tasks.sample.choose.spread import diverse, spread, unit
from tasks.sample.settings import SampleSettings
from tests.prepared import pairs, prepare, write_rows
from tests.stages import retrieve, sample, score
from tests.tiny_model import WORDS, tiny_model

# In the plane: the query along x; a and b at 10 and 12 degrees, c at -30, d at 60.
DEGREES = {"a": 10, "b": 12, "c": -30, "d": 60}


def directions(*degrees: float) -> np.ndarray:
    turned = np.radians(degrees)
    return np.column_stack([np.cos(turned), np.sin(turned)]).astype(np.float32)


def picked(relevance: float, n: int = 3, names: str = "abcd") -> str:
    vectors = directions(*(DEGREES[name] for name in names))[None]
    found = diverse(directions(0), vectors, np.ones((1, len(names)), dtype=bool), relevance, n)
    return "".join(names[place] for place in found[0])


def test_by_hand():
    """cos 10 = .985, cos 12 = .978, cos 30 = .866, cos 60 = .5; to a: b cos 2 = .999, c cos 40 =
    .766, d cos 50 = .643.

    At .5: a; then b .489 - .5 = -.011, c .433 - .383 = .050, d .25 - .321 = -.071: c; then b -.011,
    d -.071 (to c it is cos 90 = 0): b. At 0: the first; then the farthest from a, d; then c, whose
    nearest is a (.766), before b (.999).
    """
    assert picked(1.0) == "abc"
    assert picked(0.5) == "acb"
    assert picked(0.0) == "adc"
    assert picked(0.0, names="bacd") == "bdc"


def test_as_many_as_there_are():
    found = diverse(
        directions(0, 0),
        np.stack([directions(1, 2), directions(3, 4)]),
        np.array([[True, True], [True, False]]),
        0.5,
        3,
    )
    assert found.tolist() == [[0, 1], [0, -1]]


@given(st.integers(1, 6), st.integers(1, 8), st.integers(1, 9), st.floats(0, 1), st.integers(0, 99))
def test_each_once_and_each_the_best_then(
    queries: int, depth: int, n: int, relevance: float, seed: int
):
    draw = np.random.default_rng(seed)
    queries_, vectors = (
        unit(draw.normal(size=(queries, 5))),
        unit(draw.normal(size=(queries, depth, 5))),
    )
    available = np.arange(depth) < draw.integers(0, depth + 1, size=(queries, 1))
    found = diverse(queries_, vectors, available, relevance, n)
    for query in range(queries):
        taken = found[query][found[query] >= 0].tolist()
        assert len(taken) == min(n, available[query].sum()) == len(set(taken))
        for turn, place in enumerate(taken):
            worth = {
                other: relevance * vectors[query, other] @ queries_[query]
                - (1 - relevance)
                * max(
                    (vectors[query, other] @ vectors[query, before] for before in taken[:turn]),
                    default=0,
                )
                for other in np.flatnonzero(available[query])
                if other not in taken[:turn]
            }
            assert worth[place] == pytest.approx(max(worth.values()), abs=1e-9)


TEXTS = {f"d{number:02}": " ".join(WORDS[number : number + 3]) for number in range(16)} | {
    f"e{number}": WORDS[4] for number in range(6)
}
MODEL = {"name": "inputs/tiny", "max_length": 32, "precision": "fp32"}


def prepared(**choose: object) -> None:
    """Two queries in a round that chooses so; six documents have one text."""
    queries = [
        {"query_id": name, "text": text, "split": "train"}
        for name, text in {"q1": WORDS[4], "q2": "square dog"}.items()
    ]
    queries += [
        {"query_id": "q3", "text": "hot fire", "split": "test"},
        {"query_id": "q4", "text": "cold water", "split": "dev"},
    ]
    documents = [{"doc_id": name, "text": text} for name, text in TEXTS.items()]
    write_rows(
        Path("inputs/ours"),
        documents,
        queries,
        pairs(("q1", "d07"), ("q2", "d01"), ("q3", "d02"), ("q4", "d03")),
    )
    tiny_model(Path("inputs/tiny"))
    Path("recipes").mkdir()
    recipe = {
        "about": "a test",
        "retrieve": [{"dense": {"depth": 12}}],
        "sample": {"filters": ["labelled"], "choose": {"spread": choose}},
    }
    Path("recipes/tried.yaml").write_text(yaml.safe_dump(recipe))
    prepare(model=MODEL, rounds={"r1": {"from": "r0", "recipe": "tried"}})


def test_through_the_stage(workspace: Path):
    """The nearest to q1 are six copies of its own text: `top` takes four of them, spread one.

    At .5 copies and all others would tie: the query's vector is that of the copies.
    """
    prepared(n=4, depth=10, relevance=0.3)
    for stage in (retrieve, score, sample):
        stage("r1")
    candidates = tables.read("candidates", Path("rounds/r1/candidates.parquet"))
    first = candidates.filter(pl.col("query_id") == "q1").head(4)["doc_id"]
    assert {TEXTS[doc] for doc in first} == {WORDS[4]}
    negatives = tables.read("negatives", Path("rounds/r1/negatives.parquet"))
    assert negatives.group_by("query_id", maintain_order=True).len().rows() == [
        ("q1", 4),
        ("q2", 4),
    ]
    assert [TEXTS[doc] for doc in negatives.filter(pl.col("query_id") == "q1")["doc_id"]].count(
        WORDS[4]
    ) == 1
    settings = SampleSettings.read(round="r1")
    pool = candidates.filter(pl.col("query_id") == "q1")
    nearest = spread(pool, read(), Models.of(settings), relevance=1.0, depth=12, n=12)
    assert nearest["score"].to_list() == pytest.approx(
        sorted(pool["score"], reverse=True), abs=1e-6
    )
    few = spread(candidates, read(), Models.of(settings), depth=5, n=5)
    assert (few["rank"] <= 5).all()
    assert few.is_unique().all()
    assert few.group_by("query_id").len()["len"].to_list() == [5, 5]
    assert few.equals(spread(candidates, read(), Models.of(settings), depth=5, n=5))


def test_more_than_it_looks_at_is_refused_before_any_stage_works(workspace: Path):
    with pytest.raises(Refused, match="depth is 3, but n is 4"):
        methods.find("sample.choose", "spread").beside("refuse_unfit")({"depth": 3, "n": 4})
    with pytest.raises(
        Refused, match=r"tried.yaml.*: sample.choose: spread: depth is 3, but n is 4"
    ):
        prepared(n=4, depth=3)
