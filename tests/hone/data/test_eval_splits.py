"""What cannot be evaluated is refused, and where: a score of 0 that no ranking could have
bettered is no score.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from hone.data.eval_splits import read_evaluation_splits
from hone.errors import Refused
from tests.report.made_up import save


def collection(
    test: dict[tuple[str, str], int], dev: dict[tuple[str, str], int] | None = None
) -> None:
    """Documents a, b and two chunks of p; queries q and r in test, v in dev."""
    place = Path("data/ours")
    save(
        "documents",
        {"doc_id": ["a", "b", "p1", "p2"], "text": "text", "parent_id": [None, None, "p", "p"]},
        place / "documents.parquet",
    )
    for split, queries, labels in (("test", ["q", "r"], test), ("dev", ["v"], dev or {})):
        save("queries", {"query_id": queries, "text": "text"}, place / split / "queries.parquet")
        named = {
            "query_id": [query for query, _ in labels],
            "doc_id": [doc for _, doc in labels],
            "relevance": list(labels.values()),
        }
        save("qrels", named, place / split / "qrels.parquet")


def splits(*labels: dict[tuple[str, str], int], min_relevance: int = 1) -> list[str]:
    collection(*labels)
    return [part.split for part in read_evaluation_splits("ours", min_relevance)]


def test_splits_that_are_judged(workspace: Path):
    assert splits({("q", "a"): 1}, {("v", "b"): 1}) == ["test", "dev"]
    assert splits({("q", "a"): 1}) == ["test"]
    assert splits({}, {("v", "b"): 1}) == ["dev"]
    assert splits({("q", "p"): 1}) == ["test"]  # the parent of chunks
    assert splits({("q", "a"): 0, ("r", "gone"): 1, ("r", "b"): 2}, min_relevance=2) == ["test"]


@pytest.mark.parametrize(
    ("test", "dev", "message"),
    [
        ({}, {}, "ours is in `evaluate_on` but has no labelled test or dev query"),
        (
            {("q", "a"): 0, ("r", "b"): 0},
            {},
            "the test queries of ours.* none of their 2 labels has relevance 1 or higher",
        ),
        ({("q", "a"): 1}, {("v", "b"): 0}, "the dev queries of ours.* none of their 1 labels"),
        ({("q", "gone"): 1, ("q", "a"): 0}, {}, "no relevant document in the collection: 'gone'"),
        ({("nobody", "a"): 1}, {}, "the labels name other queries, such as 'nobody'"),
    ],
)
def test_what_no_ranking_could_score_on_is_refused(
    workspace: Path, test: dict, dev: dict, message: str
):
    with pytest.raises(Refused, match=message):
        splits(test, dev)


def test_a_grade_that_no_label_reaches_is_refused(workspace: Path):
    with pytest.raises(Refused, match="none of their 1 labels has relevance 2 or higher"):
        splits({("q", "a"): 1}, min_relevance=2)
