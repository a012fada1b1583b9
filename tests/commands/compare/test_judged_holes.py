"""`hone compare --filled`: what a judge's labels make of a difference."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from commands.compare.command import compare
from commands.judge.unjudged_command import fill
from hone.errors import Refused
from hone.files import write_json
from hone.ir.results import evaluate
from tests.commands.judge.filling import RANKINGS, ROUNDS, endpoint, line_of, made, ranking, server
from tests.hone.llm.answering import Server
from tests.prepared import collected, write_params

__all__ = ["made", "server"]


def test_the_difference_with_the_labels(made: Path, capsys: pytest.CaptureFixture[str]):
    compare("r0", "r1", out=Path("before.md"))
    fill("strong", "ours")
    capsys.readouterr()
    compare("r0", "r1", filled="strong", out=Path("after.md"))
    told = capsys.readouterr().out
    before, after = Path("before.md").read_text(), Path("after.md").read_text()
    # All that was said without the labels is said with them.
    assert set(before.splitlines()) <= set(after.splitlines())
    assert "4 of 6 holes among the first ten (66.7 %) are filled, 2 could not be said and 0 were not asked about." in told
    assert "Of the first ten are then judged: 75.0 % of r0's, 75.0 % of r1's." in told
    # Without: b can give .072 more and c .072 less. With: b is right, c is not, and d is at the same place in both.
    assert "If they are right, r1 gives +0.072 more than r0 in rank-biased precision (between −0.072 and +0.072 without them)" in told
    assert "without them): the two rank no unjudged document differently any more." in told
    # Right are a and b, at places 2 and 3 against 1 and 2: (.6309 + .5) / 1.6309 = .6934 and 1; without b .6309 in both.
    assert r"| ndcg\_at\_10 | 0.6309 | 0.6309 | 0.0000 |" in after
    assert r"| ndcg\_at\_10, filled by strong | 0.6934 | 1.0000 | +0.3066 |" in after
    assert "How often strong is right on ours nobody has shown: `hone judge check strong --on ours` does." in told


def test_a_collection_that_is_not_filled_is_named(made: Path, server: Server, capsys: pytest.CaptureFixture[str]):
    shutil.copytree("inputs/ours", "inputs/theirs")
    collections = {name: {"source": "folder", "path": f"inputs/{name}"} for name in ("ours", "theirs")}
    write_params(judges={"strong": endpoint(server, "strong-7b")}, rounds=ROUNDS, collections=collections)
    collected(collections=collections)
    for name, order in RANKINGS.items():
        evaluate(name, "theirs", lambda queries, *_, order=order: ranking(queries, order), 1)
    fill("strong", "ours")
    compare("r0", "r1", filled="strong")
    told = capsys.readouterr().out
    assert "strong has filled no holes of theirs: `hone judge holes strong --on theirs` does." in told
    assert told.count("ndcg_at_10, filled by strong") == 1


def test_how_far_the_judge_can_be_believed_is_told(made: Path, capsys: pytest.CaptureFixture[str]):
    fill("strong", "ours")
    share = {"estimate": 0.8, "low": 0.6, "high": 0.9}
    found = {
        "fingerprint": line_of("strong")["fingerprint"],
        "split": "train",
        "precision": share,
        "recall": share,
        "precision_at_use": None,
    }
    write_json(Path("inputs/fitness/strong@ours.json"), found)
    compare("r0", "r1", filled="strong")
    told = capsys.readouterr().out
    assert "strong is right on 80.0 % (60.0 % to 90.0 %) of what it says yes to and finds 80.0 % (60.0 % to 90.0 %) of the known" in told
    assert "inputs/fitness/strong@ours.json" in told
    write_json(Path("inputs/fitness/strong@ours.json"), found | {"fingerprint": "another"})
    compare("r0", "r1", filled="strong")
    assert "it was checked with another model, prompt or parameters" in capsys.readouterr().out


def test_compare_names_who_has_filled(made: Path):
    fill("strong", "ours", split="dev")
    with pytest.raises(Refused, match="--filled strong: it has filled no holes of ours"):  # of the queries that are compared
        compare("r0", "r1", filled="strong")
    fill("strong", "ours")
    with pytest.raises(Refused, match=r"--filled strang: it has filled no holes of ours \(did you mean 'strong'\?\): `hone judge holes"):
        compare("r0", "r1", filled="strang")
