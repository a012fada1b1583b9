"""Sources that search with vectors, in the plane, where angles can be worked out by hand."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hone.config import methods
from hone.encoders.store import Shard
from hone.errors import Refused
from tasks.retrieve.dense import dense
from tasks.retrieve.feedback import feedback
from tasks.retrieve.pool import pool
from tasks.retrieve.positive_neighbours import positive_neighbours
from tests.retrieve.planar import Planar, PlanarModels, documents_at, positives, queries_at, ranked

NEAR_QUERY = {"d5": 5, "d10": 10, "d15": 15}
NEAR_POSITIVE = {"d55": 55, "d60": 60, "d64": 64, "d70": 70}


def cos(degrees: float) -> float:
    return float(np.cos(np.radians(degrees)))


def test_neighbours_of_a_positive_are_what_the_query_does_not_find(tmp_path: Path):
    """ANCE-Tele's look-ahead: the query at 0 finds 5, 10, 15; its positive at 60 has 64, 55 and
    70 around it, 4, 5 and 10 away.
    """
    documents, models = documents_at(tmp_path, NEAR_QUERY | NEAR_POSITIVE), PlanarModels()
    queries, labels = queries_at(q=0), positives([("q", "d60")])
    found = positive_neighbours(queries, documents, labels, models, depth=3)
    assert ranked(found) == {"q": ["d64", "d55", "d70"]}
    assert found["score"].to_list() == pytest.approx([cos(4), cos(5), cos(10)], abs=1e-6)
    assert ranked(dense(queries, documents, models, depth=3)) == {"q": ["d5", "d10", "d15"]}


def test_several_positives_merge_by_best_rank(tmp_path: Path):
    """d60 has d64, d55, d70; d10 has d15 and d5 5 away, then d55. First ranks by nearness: d64 (4),
    d15 (5); the positives themselves
    are left out, and so does each not count among the other's neighbours."""
    documents = documents_at(tmp_path, {"d5": 4, "d10": 10, "d15": 15} | NEAR_POSITIVE)
    labels = positives([("q", "d60"), ("q", "d10"), ("other", "d70")])
    found = positive_neighbours(queries_at(q=0), documents, labels, PlanarModels(), depth=4)
    assert ranked(found) == {"q": ["d64", "d15", "d55", "d5"]}
    assert found["score"].to_list() == pytest.approx([cos(4), cos(5), cos(5), cos(6)], abs=1e-6)


def test_depth_is_full_whatever_is_left_out(tmp_path: Path):
    documents = documents_at(tmp_path, {f"d{angle}": angle for angle in range(0, 50, 5)})
    labels = positives([("q", name) for name in ("d0", "d5", "d10", "d15")])
    assert ranked(
        positive_neighbours(queries_at(q=0), documents, labels, PlanarModels(), depth=3)
    ) == {"q": ["d20", "d25", "d30"]}
    everything = positive_neighbours(queries_at(q=0), documents, labels, PlanarModels(), depth=99)
    assert len(everything) == 6


def test_a_teacher_may_say_what_is_near(tmp_path: Path):
    """The teacher reads documents at three times their angle: of the positive's at 0 the nearest
    is that at 120, which it sees at 360.
    """
    documents = documents_at(tmp_path, {"known": 0, "d20": 20, "d120": 120})
    models = PlanarModels(teachers={"teacher": Planar(stretch=3.0)})
    assert ranked(
        positive_neighbours(
            queries_at(q=0),
            documents,
            positives([("q", "known")]),
            models,
            model="teacher",
            depth=1,
        )
    ) == {"q": ["d120"]}


@pytest.mark.parametrize(
    "labels", [positives([]), positives([("q", "gone")]), positives([("other", "d5")])]
)
def test_no_known_positive_has_no_neighbours(tmp_path: Path, labels):
    """None at all, one whose text is not in the collection, one of a query of another
    collection.
    """
    found = positive_neighbours(
        queries_at(q=0), documents_at(tmp_path, NEAR_QUERY), labels, PlanarModels()
    )
    assert found.is_empty()
    assert found.columns == ["query_id", "doc_id", "rank", "score"]


@pytest.mark.parametrize("source", [dense, feedback])
def test_vectors_that_are_no_numbers_are_refused(tmp_path: Path, source):
    with pytest.raises(Refused, match="NaN or infinity in .* vectors, such as that of 'nan'"):
        source(queries_at(q=0), documents_at(tmp_path, {"a": "nan"}), PlanarModels())
    with pytest.raises(Refused, match="NaN or infinity in .* vectors"):
        positive_neighbours(
            queries_at(q=0),
            documents_at(tmp_path, {"a": "nan"}),
            positives([("q", "a")]),
            PlanarModels(),
        )


def test_feedback_by_hand(tmp_path: Path):
    """The query at 0 finds 20, then -30, then 40. Half-way to its first passage it stands at 10,
    where 20 is 10 away, then 40 is 30.
    """
    documents, models = documents_at(tmp_path, {"a": 20, "b": -30, "c": 40}), PlanarModels()
    assert ranked(dense(queries_at(q=0), documents, models)) == {"q": ["a", "b", "c"]}
    found = feedback(queries_at(q=0), documents, models, passages=1, alpha=0.5, beta=0.5)
    assert ranked(found) == {"q": ["a", "c", "b"]}
    assert found["score"].to_list() == pytest.approx([cos(10), cos(30), cos(40)], abs=1e-6)


def test_feedback_by_inner_product_by_hand(tmp_path: Path):
    """Inner products keep lengths: .4 (1, 0) + .6 ((2, 0) + (0, 0)) / 2 = (1, 0) of two
    passages, where the far one is at right angles.
    """
    documents = documents_at(tmp_path, {"long": "0 2", "none": "0 0", "back": "180 1"})
    found = feedback(queries_at(q=0), documents, PlanarModels(Planar(similarity="dot")), passages=2)
    assert ranked(found) == {"q": ["long", "none", "back"]}
    assert found["score"].to_list() == pytest.approx([2, 0, -1], abs=1e-6)


ANGLES = st.lists(st.integers(-89, 90), min_size=1, max_size=9, unique=True)


@given(
    angles=ANGLES,
    query_angle=st.integers(-90, 90),
    depth=st.integers(1, 12),
    passages=st.integers(1, 12),
    alpha=st.sampled_from([0.3, 1.0, 2.5]),
)
def test_feedback_without_feedback_is_dense(
    angles: list[int], query_angle: int, depth: int, passages: int, alpha: float
):
    query_angle += 0.25  # no two documents are equally near
    with TemporaryDirectory() as folder:
        documents, models = (
            documents_at(Path(folder), {f"d{angle}": angle for angle in angles}),
            PlanarModels(),
        )
        first = dense(queries_at(q=query_angle), documents, models, depth=depth)
        second = feedback(
            queries_at(q=query_angle),
            documents,
            models,
            depth=depth,
            passages=passages,
            alpha=alpha,
            beta=0,
        )
        assert ranked(first) == ranked(second)
        assert second["score"].to_list() == pytest.approx(first["score"].to_list(), abs=1e-6)


@given(
    angles=ANGLES,
    query_angle=st.integers(-90, 90),
    more=st.integers(0, 3),
    candidates=st.integers(1, 12),
)
def test_a_pool_of_everything_is_dense(
    angles: list[int], query_angle: int, more: int, candidates: int
):
    query_angle += 0.25
    with TemporaryDirectory() as folder:
        documents = documents_at(Path(folder), {f"d{angle}": angle for angle in angles})
        models = PlanarModels(newest=Planar(stretch=0.9))
        pooled = pool(
            queries_at(q=query_angle),
            documents,
            models,
            "r2",
            depth=len(angles) + more,
            candidates=candidates,
        )
        assert pooled.equals(dense(queries_at(q=query_angle), documents, models, depth=candidates))


def test_only_the_pool_is_read_anew(tmp_path: Path):
    """r0 finds 5 and 10 for the query at 0, 64 and 60 for the one at 65; the newest model, which
    mirrors angles, ranks these four.
    """
    documents = documents_at(tmp_path, NEAR_QUERY | NEAR_POSITIVE)
    models = PlanarModels(newest=Planar(stretch=-1.0))
    queries = queries_at(q=0, p=65)
    dense(queries, documents, PlanarModels(newest=models.first))  # r0 has read the collection
    assert len(models.first.read) == 7
    found = pool(queries, documents, models, "r2", depth=2, candidates=3)
    assert len(models.first.read) == 7
    assert sorted(models.newest.read) == ["10", "5", "60", "64"]
    stored = list(models.newest.space("document").folder.glob("*.safetensors"))
    assert sum(Shard.opened(shard).rows for shard in stored) == 4
    assert ranked(found) == {"q": ["d5", "d10", "d60"], "p": ["d5", "d10", "d60"]}


def test_what_a_pool_is_of():
    line = methods.checked("retrieve", {"pool": {"from": "r0", "depth": 50}}, "retrieve")
    assert line["parameters"] == {
        "from": "r0",
        "depth": 50,
        "candidates": 100,
        "model": None,
        "revision": None,
    }
    assert methods.checked("retrieve", {line["method"]: line["parameters"]}, "retrieve") == line
    assert methods.checked("retrieve", "pool", "retrieve")["parameters"]["from"] == "r0"
    with pytest.raises(Refused, match="retrieve: pool: `from` is 'r1', but only r0 can pool"):
        methods.checked("retrieve", {"pool": {"from": "r1"}}, "retrieve")
    with pytest.raises(Refused, match="'start' is not a setting: .*from"):
        methods.checked("retrieve", {"pool": {"start": "r0"}}, "retrieve")


def test_a_recipes_word_that_is_no_name_in_python_reaches_the_method(tmp_path: Path):
    line = methods.checked("retrieve", {"pool": {"from": "r0"}}, "retrieve")
    given = {
        "queries": queries_at(q=0),
        "documents": documents_at(tmp_path, NEAR_QUERY),
        "models": PlanarModels(),
        "round": "r1",
    }
    assert ranked(methods.find("retrieve", "pool")(line["parameters"], **given)) == {
        "q": ["d5", "d10", "d15"]
    }
