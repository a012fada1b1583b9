"""How often a recipe's methods acted, from the counts that its stages wrote."""

from __future__ import annotations

from pathlib import Path

from commands.study.arms import trials, user_params
from commands.study.design import parse_question
from commands.study.method_activity import acts_of, inactive
from tests.prepared import pairs, write_params, write_rows


def settings(recipe: str, **changes) -> dict:
    write_params()
    write_rows(
        Path("inputs/ours"),
        [{"doc_id": "d", "text": "a"}],
        [{"query_id": "q", "text": "b"}],
        pairs(("q", "d")),
    )
    _, question = parse_question(
        [recipe], {"steps": 3, "arms": {recipe: {"recipe": recipe, **changes}}}
    )
    return trials(question, user_params())[0].settings


def acted(
    recipe: str, sampled: dict, sources: dict | None = None, **changes
) -> dict[str, int | None]:
    found = acts_of(
        settings(recipe, **changes),
        "r1",
        {"removed": {}, "beyond_top": 0} | sampled,
        sources or {"dense": 9},
        {},
    )
    return {one["method"]: one["count"] for one in found}


def test_only_what_a_recipe_has_of_its_own_is_counted(workspace: Path):
    assert acted("top-k", {"removed": {"labelled": 5}}) == {}
    assert acted("nv-retriever", {"removed": {"labelled": 5, "positive-aware": 2}}) == {
        "positive-aware": 2
    }
    assert acted("nv-retriever", {"removed": {"labelled": 5}}) == {"positive-aware": 0}
    assert acted("ance", {"beyond_top": 7}) == {"random": 7, "star": None}
    assert acted("random", {}, {"random": 4}) == {"random": 4}


def test_of_several_sources_each_is_counted(workspace: Path):
    found = acted("top-k", {}, {"dense": 3}, retrieve=["dense", {"bm25": {"depth": 50}}])
    assert found == {"dense": 3, "bm25": 0}


def test_a_loss_of_its_own_cannot_be_counted_and_never_makes_inactive():
    assert inactive([{"method": "positive-aware", "did": "", "count": 0}])
    assert not inactive(
        [
            {"method": "positive-aware", "did": "", "count": 0},
            {"method": "distil", "did": "", "count": None},
        ]
    )
    assert not inactive([])
