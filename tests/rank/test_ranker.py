"""A ranker that is really trained: what it learns, where it starts, what is kept of it, and what
is refused.
"""

from __future__ import annotations

import json
import shutil
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from hone.data import tables
from hone.encoders.cross_encoder_folder import CrossModel
from hone.errors import Refused
from tests.rank.collection import RANK, RIGHT, WRONG, prepared
from tests.stages import rank, retrieve, score
from tests.templates import template
from tests.tiny_cross_encoder import tiny_cross_encoder
from tests.tiny_model import tiny_model

pytest.importorskip("torch")


def about(round: str = "r1") -> dict:
    return json.loads(Path(f"rankers/{round}/ranker.json").read_text())


def weights(folder: Path | str) -> dict[str, np.ndarray]:
    from safetensors.numpy import load_file

    return load_file(Path(folder) / "model.safetensors")


def same(one: Path | str, other: Path | str) -> bool:
    first, second = weights(one), weights(other)
    return first.keys() == second.keys() and all(
        np.array_equal(first[name], second[name]) for name in first
    )


def trained_as_before(round: str) -> None:
    """What later rounds read of a round that trains nothing and mines nothing."""
    shutil.copytree("models/r0", f"models/{round}")
    for table in ("labels", "negatives", "trained"):
        shutil.copy(f"rounds/r0/{table}.parquet", f"rounds/{round}/{table}.parquet")


@pytest.fixture
def learned(workspace: Path) -> str:
    """The log of a ranker of r1 that is trained once and copied; r1 and r2 score with it."""
    shutil.copytree(template(learn, "learned"), ".", dirs_exist_ok=True, symlinks=True)
    return Path("told").read_text()


def learn(folder: Path) -> None:
    folder.mkdir()
    with pytest.MonkeyPatch.context() as patch, redirect_stderr(StringIO()) as output:
        patch.chdir(folder)
        prepared({"rank": RANK, "score": ["cross-encoder"]}, {"score": ["cross-encoder"]})
        rank("r1")
        Path("told").write_text(output.getvalue())


def test_it_learns_what_the_encoder_does_not_know_and_says_how_well(learned: str):
    """Four of 24 documents are right for all; by chance nDCG@10 is .3."""
    facts = about()
    assert facts["from"] == "the base encoder r0"
    assert (facts["positives"], facts["negatives"], facts["queries"]) == (36, 144, 9)
    assert facts["dev"]["ours"]["queries"] == 6
    assert facts["dev"]["ours"]["before"] < 0.7
    assert facts["dev"]["ours"]["after"] > 0.95
    assert facts["dev"]["ours"]["better"] == 6
    change = f"from {facts['dev']['ours']['before']:.4f} to {facts['dev']['ours']['after']:.4f}"
    assert change in learned
    card = Path("rankers/r1/README.md").read_text()
    assert (
        f"| ours | 6 | 24 | {facts['dev']['ours']['before']:.4f} | "
        f"{facts['dev']['ours']['after']:.4f} | 6 | 0 |" in card
    )
    assert "binary cross-entropy, 180 steps of 12 pairs of at most 48 tokens" in card
    CrossModel(Path("rankers/r1")).refuse_unsafe()


def test_its_scores_tell_right_from_wrong(learned: str):
    """Of training candidates and known positives, by the stage score, from 0 to 1; the next
    round without a ranker uses the same.
    """
    score("r1")
    made = tables.read("scores", Path("rounds/r1/scores.parquet")).filter(
        pl.col("scorer") == "cross-encoder"
    )
    assert made["score"].is_between(0, 1).all()
    right = made["doc_id"].is_in(list(RIGHT))
    assert made.filter(right)["score"].min() > made.filter(~right)["score"].max()
    assert len(made) == 9 * (len(RIGHT) + len(WRONG))

    trained_as_before("r1")
    retrieve("r2")
    rank("r2")
    score("r2")
    again = tables.read("scores", Path("rounds/r2/scores.parquet")).filter(
        pl.col("scorer") == "cross-encoder"
    )
    assert again.sort("query_id", "doc_id").equals(made.sort("query_id", "doc_id"))


def after_r1(**of_r2: object) -> None:
    """Round r1 with a ranker that has learned for one epoch, and candidates of r2."""
    prepared({"rank": RANK | {"epochs": 1}}, of_r2)
    rank("r1")
    trained_as_before("r1")
    retrieve("r2")


def test_it_starts_from_the_last_rounds(workspace: Path):
    """With a learning rate of 0 what starts from a ranker is that ranker; from the base it has a
    head that knows nothing.
    """
    after_r1(rank=RANK | {"learning_rate": 0.0, "steps": 1})
    rank("r2")
    assert about("r2")["from"] == "the ranker of r1"
    assert same("rankers/r1", "rankers/r2")
    assert about("r2")["dev"]["ours"]["after"] == about("r1")["dev"]["ours"]["after"]


def test_or_from_the_base_again(workspace: Path):
    after_r1(rank=RANK | {"learning_rate": 0.0, "steps": 1, "init": "base"})
    rank("r2")
    assert about("r2")["from"] == "the base encoder r0"
    assert not same("rankers/r1", "rankers/r2")
    inner = {
        name.partition(".")[2]: value
        for name, value in weights("rankers/r2").items()
        if name.startswith("bert.")
    }
    assert all(
        np.array_equal(value, inner[name])
        for name, value in weights("models/r0").items()
        if name in inner
    )


def test_a_cross_encoder_that_the_recipe_names_keeps_its_head(workspace: Path):
    tiny_cross_encoder(Path("inputs/cross"), seed=4)
    prepared({"rank": RANK | {"base": "inputs/cross", "learning_rate": 0.0, "steps": 1}})
    rank("r1")
    assert (about()["from"], about()["ranked_before"]) == ("inputs/cross", True)
    assert same("inputs/cross", "rankers/r1")
    assert "with its own head" in Path("rankers/r1/README.md").read_text()


def test_one_with_several_scores_gets_a_new_head(workspace: Path):
    tiny_cross_encoder(Path("inputs/three"), labels=3)
    prepared({"rank": RANK | {"base": "inputs/three", "learning_rate": 0.0, "steps": 1}})
    rank("r1")
    assert about()["ranked_before"] is False
    # One positive to four negatives: a sigmoid of .2.
    assert weights("rankers/r1")["classifier.bias"] == pytest.approx([np.log(0.2 / 0.8)])
    assert weights("rankers/r1")["classifier.weight"].shape == (1, 32)


def test_the_same_seed_gives_the_same_ranker(workspace: Path):
    prepared({"rank": RANK | {"epochs": 1}})
    rank("r1")
    Path("rankers/r1").rename("rankers/first")
    rank("r1")
    assert same("rankers/first", "rankers/r1")


def test_killed_in_the_middle_it_goes_on_to_the_same_end(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
):
    """15 steps, a checkpoint after each fourth; killed at the tenth."""
    from tasks.rank.fit import Steps

    prepared({"rank": RANK | {"epochs": 1, "checkpoint_steps": 4}})
    rank("r1")
    Path("rankers/r1").rename("rankers/unbroken")
    real = Steps.on_step_end
    seen: list[int] = []

    def killed(self: Steps, args: object, state: object, control: object, **more: object) -> None:
        seen.append(state.global_step)
        if state.global_step == 10:
            raise KeyboardInterrupt
        real(self, args, state, control, **more)

    monkeypatch.setattr(Steps, "on_step_end", killed)
    with pytest.raises(KeyboardInterrupt):
        rank("r1")
    assert not Path("rankers/r1").exists()

    def noted(self: Steps, args: object, state: object, control: object, **more: object) -> None:
        seen.append(state.global_step)
        real(self, args, state, control, **more)

    monkeypatch.setattr(Steps, "on_step_end", noted)
    seen.clear()
    rank("r1")
    assert seen == list(range(9, 16))
    assert about()["steps"] == 15
    assert same("rankers/unbroken", "rankers/r1")


def test_without_dev_queries_it_says_that_nothing_was_measured(
    workspace: Path, capsys: pytest.CaptureFixture, monkeypatch
):
    monkeypatch.setattr(
        "tests.rank.collection.SPLITS",
        {name: "test" if name == "q15" else "train" for name in map("q{}".format, range(16))},
    )
    prepared({"rank": RANK | {"steps": 1}})
    rank("r1")
    assert about()["dev"] == {}
    assert "not evaluated (no training collection has dev queries)" in capsys.readouterr().err
    assert "the ranker was not evaluated" in Path("rankers/r1/README.md").read_text()


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"rank": {"base": "elsewhere"}}, "is not below inputs/"),
        ({"rank": {"base": "inputs/missing"}}, "the Hugging Face Hub did not answer"),
        ({"rank": {"negatives": 0}}, "'rank.negatives' is 0: it should be greater"),
        ({"rank": {"negative": 2}}, "did you mean 'negatives'"),
        (
            {"rank": {"window": {"first": 9, "last": 8}}},
            "rank.window ends at rank 8 before it begins at 9",
        ),
        ({"rank": {}, "retrieve": []}, "the recipe retrieves none"),
        ({"score": ["cross-encoder"]}, "neither it nor an earlier round trains one"),
        (
            {"score": [{"cross-encoder": {"model": "inputs/missing"}}]},
            "there is no folder inputs/missing",
        ),
        ({"score": [{"cross-encoder": {"model": "inputs/tiny"}}]}, "is not a cross-encoder"),
        ({"score": [{"cross-encoder": {"model": "elsewhere"}}]}, "is not below inputs/"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_does(
    workspace: Path, sections: dict, message: str
):
    tiny_model(Path("elsewhere"))
    with pytest.raises(Refused, match=message):
        prepared(sections)


def test_a_longer_pair_than_the_weights_can_tell_apart_is_refused(workspace: Path):
    prepared({"rank": RANK | {"max_length": 65}})
    with pytest.raises(Refused, match="rank.max_length is 65, .* at most 64 tokens"):
        rank("r1")


def test_a_base_with_weights_that_can_run_code_is_refused(workspace: Path):
    tiny_model(Path("inputs/pickled"))
    for file in Path("inputs/pickled").rglob("*.safetensors"):
        file.rename(file.with_name("pytorch_model.bin"))
    prepared({"rank": RANK | {"base": "inputs/pickled"}})
    with pytest.raises(Refused, match="but no model.safetensors"):
        rank("r1")


def test_a_named_cross_encoder_that_has_changed_since_is_refused(workspace: Path):
    tiny_cross_encoder(Path("inputs/cross"))
    prepared({"score": [{"cross-encoder": {"model": "inputs/cross"}}]})
    shutil.rmtree("inputs/cross")
    tiny_cross_encoder(Path("inputs/cross"), seed=1)
    with pytest.raises(Refused, match="has changed since `resolve` pinned it"):
        score("r1")
