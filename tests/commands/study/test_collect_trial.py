"""What is read of a trial's worktree: what its stages cost, and who judged."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
import yaml

from commands.study.collect_trial import (
    COST,
    attrition,
    judged,
    leakage,
    machine,
    read_by,
    refuse_other_settings,
    stages,
)
from commands.study.trial_results import TrialResult, write_trial
from hone.errors import Refused
from hone.files import write_json
from tests.commands.study.trials import FACTS, ROWS, made

LOCK = {
    "stages": {
        name: {"cmd": name, "deps": [{"path": "x", "md5": name}]}
        for name in ("rank@r1", "score@r1", "train@r1")
    }
}
NOTED = [
    {"space": "e", "chunk": "c1", "asked": 100},
    {"encoded": 60, "seconds": 3.0},
    {"space": "e", "chunk": "c1", "asked": 100},
    {"space": "x", "chunk": "p1", "pairs": 40},
    {"scored": 30, "seconds": 2.25},
    {"scored": 5, "seconds": 0.5},
]


@pytest.fixture
def project(workspace: Path) -> Path:
    """A worktree with a dvc.lock."""
    folder = workspace / "worktree"
    folder.mkdir()
    (folder / "dvc.lock").write_text(yaml.safe_dump(LOCK))
    return folder


def test_what_models_read_for_a_stage():
    """A chunk that is asked for twice is one; texts and pairs are never added up."""
    found = read_by(NOTED)
    assert found == {
        "wanted": {"e/c1": 100},
        "encoded": 60,
        "encoding": 3.0,
        "pairs": {"x/p1": 40},
        "scored": 35,
        "scoring": 2.75,
    }
    assert set(found) | {"seconds"} == set(COST)


def test_a_stage_costs_what_it_took_in_the_trial_that_ran_it(project: Path):
    ran = {"rank@r1": {"seconds": 9.0, **read_by(NOTED)}}
    first = stages(project, ran)
    assert (first["rank@r1"]["ran"], first["rank@r1"]["seconds"], first["rank@r1"]["scored"]) == (
        True,
        9.0,
        35,
    )
    assert (first["train@r1"]["ran"], first["train@r1"]["seconds"], first["train@r1"]["pairs"]) == (
        False,
        None,
        None,
    )
    write_trial("any", made(), TrialResult(ROWS, FACTS | {"stages": first}))
    second = stages(project, {"train@r1": {"seconds": 4.0, **read_by([])}})
    assert second["rank@r1"] == first["rank@r1"] | {"ran": False}
    assert (second["train@r1"]["seconds"], second["score@r1"]["seconds"]) == (4.0, None)


def test_judges_that_cost_nothing_are_counted_by_themselves():
    """A guide reads 100 pairs and passes 20 on to an LLM; a person would be asked last, and
    never was.
    """
    cascade = [
        {"name": "guide", "method": "encoder"},
        {"name": "strong", "method": "endpoint"},
        {"name": "me", "method": "people"},
    ]
    account = {"judges": [{"judge": "guide", "asked": 100}, {"judge": "strong", "asked": 20}]}
    assert judged({"cascade": cascade}, account) == {"judged": 20, "judged_free": 100}
    for method in ("scores", "group", "neighbours", "cross-encoder", "replay"):
        assert judged(
            {"cascade": [{"name": "a", "method": method}]}, {"judges": [{"asked": 7}]}
        ) == {"judged": 0, "judged_free": 7}
    assert judged({"cascade": cascade[2:]}, {"judges": [{"asked": 3}]}) == {
        "judged": 3,
        "judged_free": 0,
    }
    assert judged("none", {}) == {"judged": 0, "judged_free": 0}


def test_queries_that_leave_are_counted_once_whoever_sends_them_away():
    """40 queries: a rule sends q1 away with its document, a judge q1 (again) and q2; q3 loses a
    document and stays.
    """
    rows = [("q1", None), ("q1", "d1"), ("q1", None), ("q2", None), ("q3", "d2")]
    removed = pl.DataFrame(rows, schema={"query_id": pl.String, "doc_id": pl.String}, orient="row")
    sampled = {
        "queries": 39,
        "left": {"query-quality": 1},
        "shortage": {"rule": "widen", "short": 9, "filled": 5, "still_short": 4},
    }
    found = attrition(sampled, removed)
    assert found == {"queries": 40, "queries_left": 2, "queries_short": 4, "queries_filled": 5}
    dropped = sampled | {
        "shortage": {"rule": "drop-query", "short": 9, "filled": 0, "still_short": 9}
    }
    assert attrition(dropped, removed)["queries_short"] == 0  # they have left
    assert attrition({"left": {}, "shortage": {}}, removed.clear()) == {
        "queries": None,
        "queries_left": 0,
        "queries_short": 0,
        "queries_filled": 0,
    }


def test_a_trial_that_ran_with_other_settings_is_not_kept(project: Path):
    """Its fingerprints would be those of other code or settings than its stages had."""
    trial = made()
    resolved = {name: json.loads(json.dumps(values)) for name, values in trial.wanted.items()}
    for name, values in resolved.items():
        write_json(project / f"resolved/{name}.json", values)
    refuse_other_settings(project, trial)
    write_json(
        project / "resolved/rounds/r1/train.json", resolved["rounds/r1/train"] | {"code": {}}
    )
    with pytest.raises(
        Refused,
        match=r"ance, seed 1 ran with other settings or code than when the study began "
        r"\('rounds/r1/train'\)",
    ):
        refuse_other_settings(project, trial)


def test_the_examples_of_leakage_are_texts_and_are_not_kept(project: Path):
    write_json(
        project / "reports/leakage/ours.json",
        {"collection": "ours", "splits": {}, "examples": [{"query": "a private text"}]},
    )
    assert leakage(project, "ours") == {"collection": "ours", "splits": {}}


def test_a_machine_is_described_without_its_name():
    assert set(machine()) == {"processor", "cores", "bf16"}
