"""Generated dev queries: they choose a round, never ship it, and no figure of theirs is called one
of dev queries.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import polars as pl
import pytest

from hone.compare.contrast import Score, decide, name_dev_queries, score_rounds
from hone.files import read_json, write_json
from hone.layout import leakage_file, round_account
from tasks.leakage.sentences import sentence
from tasks.report import leakage
from tasks.report.mlflow_rounds import describe_dev
from tasks.report.summary import summarize
from tasks.report.verdict import Situation, write_verdict
from tests.report.made_up import (
    DEV,
    ROUNDS,
    TEST,
    generate_dev,
    write_all,
    write_leakage,
    write_scores,
    write_training,
)
from tests.stages import report

CALM = Situation([], None, False)
COLLECTION = "made-up"


def unlabelled_test(collection: str = COLLECTION, times: int = 100, **dev: list[float]) -> None:
    """A collection without test queries, whose dev queries are generated."""
    for name in TEST:
        write_scores(name, collection, None, (DEV | dev)[name] * times)
    ids = {"query_id": [f"v{number}" for number in range(1, 2 * times + 1)]}
    folder = Path("data") / collection / "dev"
    queries = pl.DataFrame(ids).with_columns(text=pl.format("a generated query {}", "query_id"))
    queries.write_parquet(folder / "queries.parquet")
    generate_dev(collection)


def scores(*collections: str) -> list[Score]:
    return score_rounds(ROUNDS, ["r0", "bm25"], list(collections or (COLLECTION,)), 13)


def verdict(found: list[Score], name: str = "r2", reported: str = "") -> list[str]:
    decision = decide(name, "r0", found)
    return write_verdict(decision, reported or name, "r0", found, "none.", CALM)


def unnamed(text: str) -> list[str]:
    """The words before `dev quer…` or `dev nDCG` that do not say that the queries are generated."""
    found = re.findall(r"(\S+)\s+dev\s+(?:quer|nDCG)", text)
    return [word for word in found if word.lower() != "generated"]


def test_a_gain_on_generated_queries_does_not_ship(workspace: Path):
    write_all()
    unlabelled_test()
    found = scores()
    decision = decide("r2", "r0", found)
    assert (decision.ship, decision.reason) == (False, "same-queries")
    assert decision.generated == (COLLECTION,)
    lines = verdict(found)
    assert lines[0] == (
        "Do not ship yet: made-up has no labelled test queries; generated queries chose models/r2."
    )
    assert "on 200 generated dev queries" in lines[1]
    assert lines[-1] == (
        "Next: label 100 real test queries of made-up, because generated queries do not measure a "
        "model (docs/how-to/generate.md)."
    )
    assert unnamed(" ".join(lines)) == []


def test_no_round_better_on_generated_queries_is_named_so(workspace: Path):
    write_all()
    unlabelled_test(r1=[0.1, 0.1], r2=[0.2, 0.1], r3=[0.1, 0.2])
    lines = verdict(scores(), "r0", reported="r2")
    assert lines[0] == "Do not ship: no round is better than r0 on the generated dev queries."
    assert "label 100 real test queries" in lines[-1]
    assert "add " not in lines[-1]  # more generated queries would not help


def test_real_test_queries_ship_a_model_that_generated_queries_chose(workspace: Path):
    write_all()
    for name, values in TEST.items():
        write_scores(name, COLLECTION, values * 50, DEV[name])
    generate_dev(COLLECTION)
    found = scores()
    lines = verdict(found)
    assert decide("r2", "r0", found).ship
    assert lines[0].startswith("Ship models/r2: it is significantly better than r0 on made-up.")
    summary = summarize(found, ROUNDS, ["r0", "bm25"])
    assert "of all rounds on the generated dev queries (0.900)" in summary.choice
    assert unnamed(summary.text) == []


def test_a_loss_on_generated_queries_is_marked(workspace: Path):
    """`tested` has real test queries and gains; `untested` loses on generated ones."""
    write_all(("tested", "untested"))
    for name, values in TEST.items():
        write_scores(name, "tested", values * 50, DEV[name])
    unlabelled_test("untested", r2=[0.0, 0.1])
    found = scores("tested", "untested")
    assert verdict(found)[0] == (
        "Do not ship: models/r2 is significantly worse than r0 on untested (generated dev queries)."
    )
    assert name_dev_queries(found) == "dev queries (generated on untested)"


def test_a_gain_on_generated_queries_alone_never_ships(workspace: Path):
    """The other collection has test queries on which nothing changes."""
    write_all(("tested", "untested"))
    for name, values in TEST.items():
        write_scores(name, "tested", TEST["r0"] * 10, DEV[name])
        assert len(values) == 4
    unlabelled_test("untested")
    decision = decide("r2", "r0", scores("tested", "untested"))
    assert (decision.ship, decision.reason) == (False, "open")


def test_the_report_calls_no_figure_one_of_dev_queries(
    workspace: Path, capsys: pytest.CaptureFixture
):
    write_all()
    unlabelled_test()
    write_training([COLLECTION])
    write_leakage(COLLECTION)
    for name in ROUNDS:  # as `train` writes it
        record = read_json(round_account(name, "dev_checks"))
        named = record | {"queries_name": "generated dev queries"}
        write_json(round_account(name, "dev_checks"), named)
    report()
    page = Path("reports/index.html").read_text(encoding="utf-8")
    text = re.sub(r"<script>.*?</script>|<[^>]+>", " ", page, flags=re.DOTALL)
    assert unnamed(text) == []
    assert "nDCG@10, generated dev" in text
    assert "Generated dev queries choose a round. They do not measure it." in text
    assert "The scores of this table are therefore no measure of the rounds." in text
    assert "a generated query v" in text  # the texts of changed queries
    assert json.loads(Path("reports/verdict.json").read_text())["generated"] == [COLLECTION]
    table = pl.read_parquet("reports/tables/scores.parquet")
    assert table["generated_dev"].all()
    card = Path("reports/cards/r2.md").read_text()
    assert '"split": "generated dev"' in card
    assert "Generated dev queries choose a round. They do not measure it." in card
    assert unnamed(card) == []
    assert unnamed(Path("reports/report.md").read_text()) == []
    assert unnamed(capsys.readouterr().err) == []


def test_labelled_dev_queries_are_called_as_before(workspace: Path):
    write_all()
    report()
    page = Path("reports/index.html").read_text(encoding="utf-8")
    assert "enerated dev" not in page
    assert not pl.read_parquet("reports/tables/scores.parquet")["generated_dev"].any()


def test_leaked_generated_queries_are_named_so(workspace: Path):
    write_all()
    write_leakage(COLLECTION, leaked=1)
    account = json.loads(leakage_file(COLLECTION).read_text()) | {"generated_dev": True}
    assert "generated dev queries" in sentence(account)
    leakage_file(COLLECTION).write_text(json.dumps(account))
    generate_dev(COLLECTION)
    (found,) = leakage.read_leakage([COLLECTION])
    assert [split for split, _ in found["judged_splits"]] == ["test", "generated dev"]


def test_mlflow_runs_have_a_tag():
    generated = {"dev": {"ndcg_at_10": 0.5, "generated_queries": True}}
    labelled = {"ndcg_at_10": 0.5, "dev": {"ndcg_at_10": 0.5}}
    found = {"one": generated, "two": labelled, "three": {"ndcg_at_10": 0.5}, "four": generated}
    assert describe_dev(found) == {"hone.generated_dev_queries": "one, four"}
    assert describe_dev({"two": labelled}) == {}
