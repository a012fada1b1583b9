"""The models of a recipe: one row for each, whoever asks."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from commands import cache
from commands.doctor import command as doctor
from commands.plan.work import downloads
from hone.config import params
from hone.errors import Refused
from tasks.resolve.recipe_models import PAIR, PROMPT, TEXT, ModelRow, RecipeModels
from tasks.retrieve.settings import RetrieveSettings
from tests.prepared import write_params
from tests.settings import write_settings
from tests.tiny_model import tiny_model

JUDGES = {
    "near": {"encoder": {"to": "query", "model": "someone/judge", "revision": "a" * 40}},
    "llm": {"local": {"model": "smollm2-135m"}},
}
RECIPE = {
    "about": "a test",
    "retrieve": [{"fused": {"of": ["bm25", {"dense": {"model": "inputs/guide"}}]}}, "dense"],
    "rank": {"base": "someone/base"},
    "score": [{"encoder": {"to": "positives", "model": "r0"}}, "cross-encoder"],
    "relabel": {"cascade": [{"judge": "near"}, {"judge": "llm", "optional": True}]},
    "train": {"init": "base"},
}


@pytest.fixture
def given(workspace: Path) -> params.Params:
    write_params(
        judges=JUDGES,
        rounds={"r1": {"from": "r0", "recipe": "warm-up"}, "r2": {"from": "r1", "recipe": "mine"}},
    )
    Path("recipes/mine.yaml").write_text(yaml.safe_dump(RECIPE))
    tiny_model(Path("inputs/guide"))
    return params.read()


def test_a_row_for_each_use_in_the_order_of_the_stages(given: params.Params):
    assert list(RecipeModels.of(given, "r2").rows()) == [
        ModelRow("miner", "inputs/guide", None, TEXT, "retrieve"),
        ModelRow("miner", "r1", None, TEXT, "retrieve", own=True),
        ModelRow("ranker", "someone/base", None, PAIR, "rank"),
        ModelRow("scorer", "r0", None, TEXT, "score", own=True),
        ModelRow("scorer", "r2", None, PAIR, "score", own=True),
        ModelRow("judge", "someone/judge", "a" * 40, TEXT, "relabel"),
        ModelRow("judge", "smollm2-135m", None, PROMPT, "relabel", optional=True),
        ModelRow("student", "r0", None, TEXT, "train", own=True),
    ]


def test_resolve_pins_what_a_stage_needs(given: params.Params):
    models = RecipeModels.of(given, "r2")
    assert list(models.encoders("retrieve", "score")) == ["inputs/guide"]
    assert models.encoders("retrieve")["inputs/guide"]["fingerprint"]
    assert models.cross_encoders() == {}
    assert RecipeModels.of(given, "r1").ranker_base() is None


def test_store_clean_keeps_the_vectors_of_a_judges_encoder(given: params.Params):
    """Before, only the encoders that sources and scorers name were kept."""
    assert cache.teachers() == {("inputs/guide", None), ("someone/judge", "a" * 40)}


def test_plan_and_doctor_name_what_has_to_be_downloaded(given: params.Params):
    assert downloads(given) == [
        "model someone/base (ranker) is downloaded from the Hub first",
        "model someone/judge (judge) is downloaded from the Hub first",
    ]
    lines = {line.text: line.kind for line in doctor.named_models()}
    assert lines == {
        "model inputs/guide (miner): on this machine": doctor.OK,
        "model someone/base (ranker): from the Hub; `dvc repro` downloads it": doctor.NOTE,
        "model someone/judge (judge): from the Hub; `dvc repro` downloads it": doctor.NOTE,
    }


def test_a_judge_that_params_does_not_name(given: params.Params):
    Path("recipes/mine.yaml").write_text(
        yaml.safe_dump(RECIPE | {"relabel": {"cascade": [{"judge": "nobody"}]}})
    )
    models = RecipeModels.of(given, "r2")
    assert list(models.encoders("retrieve")) == [
        "inputs/guide"
    ]  # other stages do not ask for judges
    with pytest.raises(Refused, match="relabel.cascade.1: there is no judge 'nobody'"):
        list(models.rows())


def test_a_commit_that_resolve_has_pinned_is_kept_whatever_the_recipe_names(given: params.Params):
    """A recipe names a branch, or no revision: the vectors are those of the commit."""
    pinned = {"name": "someone/teacher", "revision": "b" * 40, "fingerprint": None}
    write_settings(RetrieveSettings, {"round": "r2"}, teachers={"someone/teacher": pinned})
    other = pinned | {"revision": "c" * 40}
    write_settings(RetrieveSettings, {"round": "r1"}, teachers={"someone/teacher": other})
    found = cache.teachers()
    assert {("someone/teacher", "b" * 40), ("someone/teacher", "c" * 40)} <= found
