"""The rounds of the shipped params.yaml: their differences are training, mining and judging."""

from __future__ import annotations

import pytest

from hone.compare.contrast import find_control
from hone.compare.decomposition import find_unjudged
from hone.config import params, recipe
from hone.config.params import Params
from hone.data.rounds import draws_of
from hone.judging import settings
from tests.conftest import PROJECT


@pytest.fixture
def shipped(monkeypatch: pytest.MonkeyPatch) -> Params:
    monkeypatch.chdir(PROJECT)
    return params.read()


def sections(given: Params, name: str) -> dict:
    return recipe.recipe_of(given, name).model_dump(mode="json")


def test_the_mined_the_judged_and_the_control_round_start_alike_and_draw_alike(shipped: Params):
    rounds = {
        name: {"from": item.start, "recipe": item.recipe} for name, item in shipped.rounds.items()
    }
    assert find_unjudged(rounds, {name: sections(shipped, name) for name in rounds}) == {
        "judged": "r2"
    }
    assert find_control(rounds, "r2") == find_control(rounds, "judged") == "control"
    assert len({draws_of(rounds, name) for name in ("r2", "judged", "control")}) == 1
    assert rounds["r3"]["from"] == "r2"


def test_they_train_for_as_many_steps_at_the_same_rate(shipped: Params):
    trained = [sections(shipped, name)["train"] for name in ("r2", "judged", "control")]
    assert all(one["queries"] == "labelled" and one["steps"] is None for one in trained)
    for setting in ("epochs", "learning_rate", "batch", "init", "warmup", "schedule", "losses"):
        assert trained[0][setting] == trained[1][setting] == trained[2][setting]


def test_the_llm_of_the_judged_round_has_a_budget(shipped: Params):
    relabel = sections(shipped, "judged")["relabel"]
    assert relabel["budget"]["pairs"] == 16
    assert relabel["cascade"][0]["escalate"]["parameters"]["pairs"] == 16


def test_without_an_llm_the_guide_judges_alone_and_masks(
    shipped: Params, tmp_path, monkeypatch: pytest.MonkeyPatch
):
    """The LLM is 1.1 GB in HONE_HOME, which is empty here."""
    monkeypatch.setenv("HONE_HOME", str(tmp_path / "home"))
    found = settings.relabel(shipped, recipe.recipe_of(shipped, "judged"), "judged")
    assert [line["name"] for line in found.cascade] == ["guide"]
    assert list(found.left_out) == ["local"]
    assert found.confirmed_at is None
    assert found.unconfirmed == "mask"
