"""`hone compare --judge`: what a judge's labels make of a difference."""

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
    output = capsys.readouterr().out
    before, after = Path("before.md").read_text(), Path("after.md").read_text()
    # All that was said without the labels is said with them.
    assert set(before.splitlines()) <= set(after.splitlines())
    assert (
        "strong labelled 4 of 6 unjudged documents among the first ten (66.7 %). 2 verdicts are "
        "unknown, and 0 were not" in output
    )
    assert (
        "Judged among the first ten documents with these labels: 75.0 % (r0), 75.0 % (r1)."
        in output
    )
    # Without: b can give .072 more and c .072 less. With: b is right, c is not, and d is at the
    # same place in both.
    assert (
        "If these labels are correct, r1 differs from r0 by +0.072 in rank-biased precision"
        in output
    )
    assert (
        "(without them: from −0.072 to +0.072). The two no longer rank any unjudged document "
        "differently." in output
    )
    # Right are a and b, at places 2 and 3 against 1 and 2: (.6309 + .5) / 1.6309 = .6934 and 1;
    # without b .6309 in both.
    assert r"| ndcg\_at\_10 | 0.6309 | 0.6309 | 0.0000 |" in after
    assert r"| ndcg\_at\_10, with labels of strong | 0.6934 | 1.0000 | +0.3066 |" in after
    assert (
        "The accuracy of strong on ours has not been measured. Run `hone judge check strong "
        "--collection ours`." in output
    )


def test_a_collection_that_is_not_filled_is_named(
    made: Path, server: Server, capsys: pytest.CaptureFixture[str]
):
    shutil.copytree("inputs/ours", "inputs/theirs")
    collections = {
        name: {"source": "folder", "path": f"inputs/{name}"} for name in ("ours", "theirs")
    }
    write_params(
        judges={"strong": endpoint(server, "strong-7b")}, rounds=ROUNDS, collections=collections
    )
    collected(collections=collections)
    for name, order in RANKINGS.items():
        evaluate(name, "theirs", lambda queries, *_, order=order: ranking(queries, order), 1)
    fill("strong", "ours")
    compare("r0", "r1", filled="strong")
    output = capsys.readouterr().out
    assert (
        "strong has no labels on theirs. Run `hone judge unjudged strong --collection theirs`."
        in output
    )
    assert output.count("ndcg_at_10, with labels of strong") == 1


def test_the_accuracy_of_the_judge_is_reported(made: Path, capsys: pytest.CaptureFixture[str]):
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
    output = capsys.readouterr().out
    assert (
        "precision 80.0 % (95 % CI 60.0 % to 90.0 %), recall 80.0 % (95 % CI 60.0 % to 90.0 %)"
        in output
    )
    assert "inputs/fitness/strong@ours.json" in output
    write_json(Path("inputs/fitness/strong@ours.json"), found | {"fingerprint": "another"})
    compare("r0", "r1", filled="strong")
    assert "measured with a different model, prompt or parameters only" in capsys.readouterr().out


def test_compare_names_who_has_filled(made: Path):
    fill("strong", "ours", split="dev")
    with pytest.raises(
        Refused, match="--judge strong: this judge has no labels of unjudged documents on ours"
    ):  # none on test
        compare("r0", "r1", filled="strong")
    fill("strong", "ours")
    with pytest.raises(
        Refused,
        match=r"--judge strang: .* on ours \(did you mean 'strong'\?\)\. Run `hone judge unjudged",
    ):
        compare("r0", "r1", filled="strang")
