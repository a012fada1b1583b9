"""Judges of a recipe: found in params.yaml, made exact, refused where they cannot be meant."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from hone.config import params
from hone.config.recipe import mined_as, recipe_of
from hone.errors import Refused
from hone.files import write_json
from hone.judging.settings import add_mismatches
from tasks.relabel.settings import RelabelSettings
from tasks.resolve.stages import everything
from tests.prepared import write_params, write_rows

GUIDE = {"encoder": {"to": "positives", "model": "r0"}}
MISSING = {"local": {"model": "inputs/none.gguf"}}
CHEAP = {"endpoint": {"url": "http://127.0.0.1:9/v1", "model": "small", "prompt": "yes-no"}}


def relabel(section: Any, judges: dict | None = None) -> RelabelSettings:
    """What `resolve` makes of a section `relabel` in the only round."""
    write_rows(Path("inputs/ours"), [], [], [])
    Path("recipes").mkdir(exist_ok=True)
    recipe = {"about": "a test", "retrieve": [{"dense": {"depth": 10}}], "relabel": section}
    Path("recipes/tried.yaml").write_text(yaml.safe_dump(recipe))
    write_params(
        rounds={"r1": {"from": "r0", "recipe": "tried"}},
        judges=judges if judges is not None else {"guide": GUIDE, "cheap": CHEAP},
    )
    return everything(params.read())["rounds/r1/relabel"]


def cascade(*lines: dict, **more: Any) -> dict:
    return {"cascade": list(lines)} | more


def test_a_named_judge_is_the_one_of_params(workspace: Path):
    made = relabel(
        cascade({"judge": "guide", "escalate": {"most": {"pairs": 5}}}, {"judge": "cheap"})
    ).relabel
    assert [(line["name"], line["method"]) for line in made.cascade] == [
        ("guide", "encoder"),
        ("cheap", "endpoint"),
    ]
    assert made.cascade[0]["escalate"] == {
        "method": "most",
        "parameters": {"pairs": 5, "per_query": None, "among": "all"},
    }
    assert (made.action, made.precision, made.force) == ("drop", 0.8, False)
    assert (made.unconfirmed, made.confirmed_at) == (None, 2)


def test_the_url_of_a_judge_is_not_part_of_the_question(workspace: Path):
    first = relabel(cascade({"judge": "cheap"}))
    moved = {
        "endpoint": CHEAP["endpoint"]
        | {"url": "http://127.0.0.1:10/v1", "slots": 3, "key": "A_VARIABLE"}
    }
    assert relabel(cascade({"judge": "cheap"}), {"cheap": moved}) == first
    other = {"endpoint": CHEAP["endpoint"] | {"model": "large"}}
    assert relabel(cascade({"judge": "cheap"}), {"cheap": other}) != first


def test_a_judges_code_is_in_the_stages_fingerprint(workspace: Path):
    code = relabel(cascade({"judge": "cheap"})).code
    assert {
        "tasks.relabel.judges.endpoint",
        "tasks.relabel.escalate.found",
        "tasks.relabel.__main__",
    } <= set(code)
    assert "tasks.relabel.judges.people" not in code


@pytest.mark.parametrize(
    ("section", "message"),
    [
        (cascade({"judge": "chaep"}), "did you mean 'cheap'?"),
        (cascade({"judge": "cheap", "escalate": "fuond"}), "did you mean 'found'?"),
        (cascade({"judge": "cheap"}, action="premote"), "action"),
        (cascade({"judge": {"encoder": {"threshhold": 0.5}}}), "threshold"),
        (
            cascade({"judge": "cheap", "escalate": "disagreement"}, {"judge": "guide"}),
            "it is the first of the cascade",
        ),
        (
            cascade(
                {"judge": MISSING, "optional": True},
                {"judge": "cheap", "escalate": "disagreement"},
                {"judge": "guide"},
            ),
            "the judges before it are left out",
        ),
        (cascade(), "cascade"),
        (cascade({"judge": "cheap"}, precision=1.5), "precision"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_any_stage_works(
    workspace: Path, section: dict, message: str
):
    with pytest.raises(Refused) as refusal:
        relabel(section)
    assert message in str(refusal.value)


def test_of_a_list_the_first_that_is_named_and_can_work_judges(workspace: Path):
    def chosen(*names: str, **judges: dict) -> tuple[str, str]:
        (line,) = relabel(cascade({"judge": list(names)}), judges).relabel.cascade
        return line["name"], line["method"]

    missing_file = {"local": {"model": "inputs/none.gguf"}}
    assert chosen("endpoint", "guide", endpoint=CHEAP, guide=GUIDE) == ("endpoint", "endpoint")
    assert chosen("endpoint", "guide", guide=GUIDE) == ("guide", "encoder")
    assert chosen("mine", "guide", mine=missing_file, guide=GUIDE) == ("guide", "encoder")
    left = relabel(
        cascade({"judge": "guide"}, {"judge": ["endpoint", "mine"], "optional": True}),
        {"guide": GUIDE, "mine": missing_file},
    ).relabel
    assert [line["name"] for line in left.cascade] == ["guide"]
    assert left.confirmed_at is None  # the recipe's last judge is not there
    assert "inputs/none.gguf" in left.left_out["mine"]
    keyed = {"endpoint": CHEAP["endpoint"] | {"key": "A_KEY_THAT_IS_NOT_SET"}}
    assert chosen("endpoint", "guide", endpoint=keyed, guide=GUIDE) == ("guide", "encoder")
    with pytest.raises(Refused, match="did you mean 'endpoint'"):
        chosen("endpiont", "guide", guide=GUIDE)
    with pytest.raises(Refused, match="the list of judges is empty"):
        chosen(guide=GUIDE)


def found_of(fingerprint: str, mined: str | None, round: str = "r1") -> dict:
    write_json(
        Path("inputs/fitness/cheap@ours.json"),
        {
            "judge": "cheap",
            "collection": "ours",
            "fingerprint": fingerprint,
            "round": round,
            "mined_as": mined,
        },
    )
    return relabel(cascade({"judge": "cheap"})).relabel.cascade[0]["evidence"][0]


def test_what_was_found_of_a_judge_is_part_of_the_stage(workspace: Path):
    line = relabel(cascade({"judge": "cheap"})).relabel.cascade[0]
    assert line["evidence"] == []
    found = found_of(line["fingerprint"], mined_as(recipe_of(params.read(), "r1")))
    assert (found["judge"], found["another"], found["elsewhere"]) == ("cheap", None, None)


def test_what_was_found_of_another_judge_or_on_other_candidates_says_so(workspace: Path):
    line = relabel(cascade({"judge": "cheap"})).relabel.cascade[0]
    mined = mined_as(recipe_of(params.read(), "r1"))
    assert "another model, prompt" in found_of("f", mined)["another"]
    assert "round r1, which mines otherwise" in found_of(line["fingerprint"], "0")["elsewhere"]
    assert (
        found_of(line["fingerprint"], mined, round="r9")["another"] is None
    )  # it reads with r0 in every round


def test_a_judge_that_reads_with_the_rounds_own_model_is_another_in_each_round():
    given = SimpleNamespace(
        rounds={"r1": SimpleNamespace(start="r0"), "r2": SimpleNamespace(start="r1")}
    )
    line = {"method": "encoder", "parameters": {"model": None}, "fingerprint": "f"}
    found = {"fingerprint": "f", "round": "r1", "from": "r0", "mined_as": "m"}
    assert add_mismatches(found, given, line, "r1", "m")["another"] is None
    assert (
        "model of r1 here, and was checked with that of r0"
        in add_mismatches(found, given, line, "r2", "m")["another"]
    )
    fixed = line | {"parameters": {"model": "r0"}}
    assert add_mismatches(found, given, fixed, "r2", "m")["another"] is None


def test_a_retry_and_a_persons_word_make_the_stage_run(workspace: Path):
    before = relabel(cascade({"judge": "cheap"}))
    write_json(Path("inputs/retries.json"), {"r1": 1})
    retried = relabel(cascade({"judge": "cheap"}))
    assert retried != before
    Path("inputs/overrides.csv").write_text("query_id,doc_id,label\nq1,d1,positive\n")
    assert relabel(cascade({"judge": "cheap"})) != retried


def test_a_judge_that_cannot_work_is_left_out_where_the_recipe_allows_it(workspace: Path):
    judges = {"guide": GUIDE, "local": {"local": {"model": "inputs/none.gguf"}}}
    section = cascade({"judge": "guide"}, {"judge": "local", "optional": True})
    made = relabel(section, judges).relabel
    assert [line["name"] for line in made.cascade] == ["guide"]
    assert "none.gguf" in made.left_out["local"]


def test_a_loss_that_learns_from_grades_wants_a_judge_that_writes_them(workspace: Path):
    write_rows(Path("inputs/ours"), [], [], [])
    Path("recipes").mkdir()
    recipe = {"about": "a test", "retrieve": ["dense"], "train": {"losses": ["distil"]}}
    Path("recipes/tried.yaml").write_text(yaml.safe_dump(recipe))
    write_params(rounds={"r1": {"from": "r0", "recipe": "tried"}})
    with pytest.raises(Refused, match="relabel.grades: true"):
        everything(params.read())
