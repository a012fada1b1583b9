"""`hone calibrate` finds the bound by hand where the scores are made up, and refuses where it
cannot know.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from commands.calibrate import calibrate
from hone.errors import Refused
from hone.ir.trec_run import ranking_of, write_run
from tests.prepared import COLLECTION, write_params
from tests.report.made_up import save

QUERIES = 120
# Two answers, either of which may be hidden: the other is the reference, so that the hidden one
# scores 1.0 or about .97 of it.
LOST = 0.4
SCORES = {"a": 0.8, "b": 0.8, "x": 0.72, "y": 0.56, "z": 0.48}


def write(answers: tuple[str, ...] = ("a", "b"), scores: dict[str, float] = SCORES) -> None:
    write_params(collections={"ours": COLLECTION})
    queries = [f"q{number}" for number in range(QUERIES)]
    rows = [(query, doc) for query in queries for doc in answers]
    labels = {
        "query_id": [query for query, _ in rows],
        "doc_id": [doc for _, doc in rows],
        "relevance": 1,
        "weight": 1.0,
        "source": "s",
    }
    save("qrels", labels, Path("data/ours/dev/qrels.parquet"))
    run = [(query, doc, score) for query in queries for doc, score in scores.items()]
    frame = pl.DataFrame(
        run, schema={"query_id": pl.String, "doc_id": pl.String, "score": pl.Float64}, orient="row"
    )
    write_run(frame, "r0", Path("reports/runs/r0/ours.trec"))


@pytest.fixture(autouse=True)
def scored(monkeypatch: pytest.MonkeyPatch) -> None:
    """The model's scores of known answers are those of the ranking, or LOST where it did not
    find them.
    """

    def scores(name: str, on: str, answers: pl.DataFrame) -> pl.DataFrame:
        found = ranking_of(name, on, 100).select("query_id", "doc_id", "score")
        return answers.join(found, on=["query_id", "doc_id"], how="left").with_columns(
            pl.col("score").fill_null(LOST)
        )

    monkeypatch.setattr("commands.calibrate.known_scores", scores)


def find(**more: object) -> dict[str, float | None]:
    return calibrate(
        "r0", "ours", **({"lose": 0.1, "false": 0.2, "keep": 4, "risk": 0.1, "splits": 20} | more)
    )


def test_both_thresholds_by_hand(workspace: Path, capsys: pytest.CaptureFixture[str]):
    write()
    # True negatives score .9, .7 and .6 of the reference: below .9 a third is lost. The hidden
    # answer is the reference's equal: at 1.00 one of four kept is false; at .99 none of three, (0 -
    # .2 * 3) / 4 + .2 = .05, which 120 queries show to be below .2.
    assert find() == {"lose": 0.9, "false": 0.99}
    output = capsys.readouterr().out
    assert "120 dev queries, with one positive of each held out" in output
    assert (
        "share 0.90 removes at most 10.0 % of a query's true negatives on average. On the other "
        "half of 20 random splits it removes 0.0 %." in output
    )
    assert (
        "share 0.99 keeps the false-negative rate at or below 20.0 % (confidence 90.0 %)" in output
    )
    assert "25.0 %" in output  # of what is kept at 1.00 is false
    assert find(lose=0.35) == {"lose": 0.7, "false": 0.99}


def test_a_limit_that_no_threshold_meets_is_reported(
    workspace: Path, capsys: pytest.CaptureFixture[str]
):
    write(scores={"x": 0.9, "y": 0.85, "a": 0.8, "b": 0.8})
    assert find(false=0.001) == {"lose": None, "false": None}
    output = capsys.readouterr().out
    assert "No share up to 1 removes at most 10.0 %" in output
    assert "No share is proven" in output


def test_negative_scores_do_not_turn_the_bound_round(workspace: Path):
    write(scores={"a": -0.8, "b": -0.8, "x": -0.88, "y": -1.2})
    assert find()["lose"] == 0.9  # x is a tenth of .8 below


def test_a_known_answer_beyond_the_candidates_is_the_reference_as_in_mining(workspace: Path):
    write(answers=("a", "lost"), scores={"a": 0.8, "x": 0.44, "y": 0.36, "z": 0.2})
    # Where a is hidden (51 of 120) the reference is .4: x has 1.1 of it and is lost at every share,
    # a third, y has .9. Where `lost` is hidden the reference is .8, of which x has .55. (51 / 3 +
    # 1) / 121 = .149.
    assert find(lose=0.15)["lose"] == 0.9
    assert find(lose=0.14)["lose"] is None


def test_what_cannot_be_known_is_refused(workspace: Path):
    write(answers=("a",))
    with pytest.raises(Refused, match="120 have a single one"):
        find()
    with pytest.raises(
        Refused, match=r"'r1' has not been evaluated on 'ours': did you mean 'r0 on ours'"
    ):
        calibrate("r1", "ours", 0.1, 0.05, 4, 0.1, 10)
    with pytest.raises(Refused, match=r"'our' is not in params.yaml: did you mean 'ours'"):
        calibrate("r0", "our", 0.1, 0.05, 4, 0.1, 10)
    options = {
        "max-negatives-lost": {"lose": 0},
        "max-false-negatives": {"false": 1.5},
        "error-probability": {"risk": -0.1},
        "negatives": {"keep": 0},
    }
    for option, bad in options.items():
        with pytest.raises(Refused, match=f"--{option} is "):
            find(**bad)


def test_before_any_evaluation_the_refusal_names_the_command(workspace: Path):
    write_params(collections={"ours": COLLECTION})
    with pytest.raises(Refused, match=r"evaluated on 'ours': run `dvc repro` first\."):
        find()
