"""What a study asks: read from a file or from words, and refused before anything runs where it
cannot be meant.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from commands.study.design import Arm, contrasts_of, parse_question, settings
from hone.config import recipe
from hone.errors import Refused
from tests.prepared import PROJECT, write_params

NOTHING: dict = {}


@pytest.fixture(autouse=True)
def _here(workspace: Path) -> None:
    write_params()


def file_of(**given) -> list[str]:
    Path("studies").mkdir(exist_ok=True)
    Path("studies/mine.yaml").write_text(
        yaml.safe_dump({"question": "Does it help?"} | given), encoding="utf-8"
    )
    return ["studies/mine.yaml"]


def refused(what: list[str], text: str, **changes) -> None:
    with pytest.raises(Refused, match=re.escape(text)):
        parse_question(what, changes)


def test_each_recipe_is_compared_with_a_baseline():
    """In-batch where it is among the arms, else random, else the first other control."""
    name, question = parse_question(["random", "top-k", "ance", "nv-retriever"], NOTHING)
    assert name == "random-top-k-ance-nv-retriever"
    assert question.contrasts == [("random", "ance"), ("random", "nv-retriever")]
    assert parse_question(["top-k", "random", "ance", "in-batch"], NOTHING)[1].contrasts == [
        ("in-batch", "ance")
    ]
    assert parse_question(["teacher-distil", "top-k", "ance"], NOTHING)[1].contrasts == [
        ("top-k", "ance")
    ]
    assert (question.rounds, question.seeds, question.split) == (1, 5, "test")


def test_controls_alone_are_compared_with_the_baseline_too():
    arms = {name: Arm(recipe=name) for name in ("top-k", "random", "bm25")}
    assert contrasts_of(arms) == [("random", "top-k"), ("random", "bm25")]
    assert contrasts_of({"ance": Arm(recipe="ance")}) == []


def test_a_file_says_it_all_and_the_command_may_say_otherwise():
    arms = {
        "plain": {"recipe": "top-k"},
        "deep": {"recipe": "top-k", "retrieve": [{"dense": {"depth": 200}}]},
    }
    name, question = parse_question(
        file_of(arms=arms, contrasts=[["plain", "deep"]], seeds=3), {"seeds": 2, "rounds": None}
    )
    assert (name, question.seeds, question.contrasts) == ("mine", 2, [("plain", "deep")])
    assert question.arms["deep"].changes == {"retrieve": [{"dense": {"depth": 200}}]}


def test_what_cannot_be_meant_is_refused_with_the_nearest_name():
    refused(["top-q"], "hone study: there is no recipe 'top-q'")
    refused(["top-q"], "top-k")
    refused(["top-k", "top-k"], "names a recipe twice")
    refused(["studies/other.yaml"], "studies/other.yaml does not exist")
    refused(["top-k", "ance"], "there is no arm 'anse'", contrasts=[("top-k", "anse")])
    refused(["top-k", "ance"], "compares an arm with itself", contrasts=[("ance", "ance")])
    refused(["top-k"], "there is no recipe 'warm'", first="warm")
    refused(
        file_of(arms={"a": {"recipe": "top-k", "smaple": {}}}),
        "'smaple', which is not a section of a recipe",
    )
    refused(file_of(arms={"a b": {"recipe": "top-k"}}), "arm 'a b' needs another name")
    refused(file_of(arms={"a": {"recipe": "top-k"}}, sedes=3), "'sedes' is not a setting")
    refused(["top-k"], "'seeds' is 0", seeds=0)
    refused(["top-k"], "'split' is 'train'", split="train")


def test_a_file_is_read_as_recipes_are_with_its_lines():
    Path("studies").mkdir()
    Path("studies/mine.yaml").write_text(
        "question: x\narms:\n  a: {recipe: top-k}\n  a: {recipe: ance}\n"
    )
    refused(["studies/mine.yaml"], "studies/mine.yaml, line 4: 'a' is defined twice")
    Path("studies/mine.yaml").write_text("question: x\non: ours\narms: {a: {recipe: top-k}}\n")
    refused(["studies/mine.yaml"], "a key is read as True, not as text")
    Path("studies/mine.yaml").write_bytes(b"question: \xff\n")
    refused(["studies/mine.yaml"], "the file is not UTF-8")


def test_what_would_make_updates_unequal_is_refused():
    for name in ("steps", "epochs"):
        refused(
            file_of(arms={"a": {"recipe": "top-k", "train": {name: 3}}}), f"arm a sets train.{name}"
        )


def test_names_that_git_would_refuse():
    for name in ("a..b", "b.lock"):
        refused(file_of(arms={name: {"recipe": "top-k"}}), f"arm '{name}' needs another name")


def test_another_split_or_other_seeds_are_another_study():
    named = {
        parse_question(["top-k", "ance"], given)[0]
        for given in ({}, {"split": "dev"}, {"rounds": 2}, {"first_seed": 6}, {"seeds": 3})
    }
    assert named == {
        "top-k-ance",
        "top-k-ance-dev",
        "top-k-ance-2-rounds",
        "top-k-ance-seeds-from-6",
    }
    assert list(parse_question(["top-k"], {"first_seed": 6, "seeds": 2})[1].all_seeds) == [6, 7]


def test_many_recipes_are_not_all_named_and_no_two_studies_share_a_folder():
    recipes = [
        "random",
        "in-batch",
        "bm25",
        "top-k",
        "teacher-distil",
        "ance",
        "nv-retriever",
        "simans",
    ]
    named = {"contrasts": [("top-k", "ance")]}
    (name, study), (other, _) = (
        parse_question(recipes, named),
        parse_question([*recipes[:-1], "semi-hard"], named),
    )
    assert re.fullmatch("random-in-batch-bm25-top-k-and-4-more-[0-9a-f]{4}", name)
    assert other != name
    assert (
        study.question
        == "What do random, in-batch, bm25, top-k, teacher-distil and 3 more recipes do here?"
    )
    assert (
        parse_question(recipes[:6], named)[1].question
        == "What do random, in-batch, bm25, top-k, teacher-distil, ance do here?"
    )


def test_settings_are_words_of_yaml():
    assert settings(["{learning_rate: 2.0e-5}", "learning_rate: 0.1"]) == [
        {"learning_rate": 2e-5},
        {"learning_rate": 0.1},
    ]
    for text in ("2.0e-5", "{}", "{a: ", "[1]"):
        with pytest.raises(Refused, match="is not a training setting"):
            settings([text])
    name, question = parse_question(
        ["top-k", "ance"], {"tune": settings(["a: 1", "a: 2"]), "seeds": 2}
    )
    assert list(question.all_seeds) == [2, 3]
    assert re.fullmatch("top-k-ance-tuned-[0-9a-f]{4}", name)
    assert parse_question(["top-k", "ance"], {"tune": settings(["a: 1", "a: 3"])})[0] != name
    refused(
        ["top-k"], "the study cannot measure on dev", tune=settings(["a: 1", "a: 2"]), split="dev"
    )
    arms = {"lo": {"recipe": "top-k", "train": {"learning_rate": 1e-5}}}
    refused(
        file_of(arms=arms, tune=[{"learning_rate": 1e-5}, {"learning_rate": 1e-4}]),
        "arm lo and `tune` both set train.learning_rate",
    )


def test_more_than_six_contrasts_are_refused_until_they_are_named():
    names = ["top-k", "ance", "nv-retriever", "guide", "art", "event", "rlhn", "rlhn-drop"]
    refused(names, "7 contrasts, but at most 6 can be tested")
    _, question = parse_question(names, {"contrasts": [("top-k", "ance")]})
    assert question.contrasts == [("top-k", "ance")]
    assert len(question.arms) == 8


SHIPPED = sorted((PROJECT / "studies").glob("*.yaml"))
NOT_OF_RECIPES = ("plain-script", "text-length", "generated-queries")
OF_RECIPES = [file for file in SHIPPED if file.stem not in NOT_OF_RECIPES]


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.stem)
def test_a_shipped_study_is_valid(file: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(PROJECT)
    _, question = parse_question([f"studies/{file.name}"], NOTHING)
    assert question.contrasts
    for arm in question.arms.values():
        if arm.recipe is not None:
            recipe.read(arm.recipe, changes=arm.changes)


@pytest.mark.parametrize("file", OF_RECIPES, ids=lambda file: file.stem)
def test_a_shipped_study_contrasts_recipes_with_in_batch(
    file: Path, monkeypatch: pytest.MonkeyPatch
):
    """Training without a mined negative is the baseline: what a recipe is worth is what it adds
    to that.
    """
    monkeypatch.chdir(PROJECT)
    _, question = parse_question([f"studies/{file.name}"], NOTHING)
    assert any(one == "in-batch" for one, _ in question.contrasts)
    assert {"in-batch", "random"} <= set(question.arms)


FACTOR = {"short": {"recipe": "in-batch"}, "long": {"recipe": "in-batch", "max_length": 256}}


def test_arms_may_differ_in_a_declared_factor():
    _, question = parse_question(file_of(factor="max_length", arms=FACTOR), NOTHING)
    assert question.factor == ["max_length"]
    assert question.arms["long"].factors == {"max_length": 256}
    assert question.arms["long"].changes == {}
    assert question.contrasts == [("short", "long")]


def test_an_undeclared_factor_is_refused_with_the_line_to_add():
    refused(
        file_of(arms=FACTOR),
        "arm long sets max_length, which is not a declared factor of the study. Add `factor: "
        "[max_length]`",
    )


def test_a_factor_that_no_arm_sets_is_refused():
    refused(
        file_of(factor=["max_length", "model"], arms=FACTOR),
        "`factor` names model, but no arm sets it",
    )


def test_an_unknown_factor_is_refused_with_the_known_ones():
    refused(file_of(factor="lenght", arms=FACTOR), "'factor.1' is 'lenght': it should be")


def test_an_empty_model_is_refused():
    arms = {"a": {"recipe": "in-batch"}, "b": {"recipe": "in-batch", "model": None}}
    refused(file_of(factor="model", arms=arms), "arm b has an empty `model`")


SCRIPT = {"command": "python inputs/train.py {pairs} --out {out}"}


def test_an_arm_has_a_recipe_or_a_command():
    arms = {"script": SCRIPT, "in-batch": {"recipe": "in-batch"}}
    _, question = parse_question(file_of(arms=arms), NOTHING)
    assert question.contrasts == [("in-batch", "script")]
    either = "an arm needs either a `recipe` or a `command`"
    refused(file_of(arms={"a": SCRIPT | {"recipe": "in-batch"}}), either)
    refused(file_of(arms={"a": {}}), either)
    refused(
        file_of(arms={"a": SCRIPT | {"sample": {}}}),
        "`sample` changes a recipe, but this arm is a command",
    )


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("python train.py", "the command lacks {out}"),
        ("python train.py {outt}", "the command has the placeholder {outt}"),
        ("python 'train.py {out}", "the command cannot be read: No closing quotation"),
        ("python {out", "the command cannot be read"),
        ("", "the command is empty"),
        ("python {} {out}", "the command has the placeholder {}"),
        ("python {out.x}", "the command has the placeholder {out.x}"),
    ],
)
def test_a_command_that_cannot_run_is_refused(command: str, message: str):
    refused(file_of(arms={"a": {"command": command}}), message)


def test_a_command_is_neither_tuned_nor_started_from_a_shared_round():
    arms = {"script": SCRIPT, "in-batch": {"recipe": "in-batch"}}
    tune = [{"learning_rate": 1e-5}, {"learning_rate": 1e-4}]
    refused(file_of(arms=arms, tune=tune), "arm script is a command, so `tune` cannot change")
    refused(file_of(arms=arms, first="warm-up"), "so it cannot share the first round warm-up")
