"""Generated dev queries from `generate` to evaluation, the leakage check, comparisons, the status
and early stopping.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from commands.compare.command import compare
from commands.search.labels import KnownQueries
from commands.status.command import Status, print_rounds
from commands.status.cost import Cost, sum_cost
from commands.status.rounds import RoundStatus, choose_best, read_rounds
from commands.study.command import collections_of, name_dev, refuse_no_queries
from commands.study.design import parse_question
from commands.study.tuning import sentences
from flows import early_stop
from flows.artifacts import score_rows
from hone.config import params
from hone.data import tables, training_set
from hone.data.eval_splits import evaluation_table, has_generated_dev
from hone.errors import Refused
from hone.files import read_json, write_json
from hone.ir.provenance import of_table
from hone.stage import call
from tasks.evaluate.reference import main as evaluate_reference
from tasks.train.dev_checks import checks_of
from tests.commands.generate.setting import asks, prepare, write_documents
from tests.hone.llm.answering import serving
from tests.prepared import write_params
from tests.stages import base, generate, leakage, resolve, start

METRICS = Path("reports/metrics/bm25/ours.json")


@pytest.fixture
def made(workspace: Path, capsys: pytest.CaptureFixture) -> str:
    """bm25 is evaluated on generated dev queries alone. Returns what the stages said."""
    write_documents()
    with serving(asks) as server:
        sections = prepare(server, {"dev": 0.5})
        write_params(**sections, compare_with=["r0", "bm25"])
        resolve()
        base()
        generate("ours")
    start()
    leakage("ours")
    call(evaluate_reference, reference="bm25", collection="ours")
    return capsys.readouterr().err


def imitate(name: str, ndcg: float) -> None:
    """A round with the queries of bm25 and another score."""
    figures = read_json(METRICS)
    figures["dev"]["ndcg_at_10"] = ndcg
    write_json(Path("reports/metrics") / name / "ours.json", figures)
    for kind, ending in (("queries", "parquet"), ("runs", "trec")):
        file = Path("reports") / kind / name / f"ours.{ending}"
        file.parent.mkdir(parents=True)
        file.write_bytes((Path("reports") / kind / "bm25" / f"ours.{ending}").read_bytes())


def test_evaluation_marks_its_figures(made: str):
    figures = read_json(METRICS)
    assert set(figures) == {"dev"}
    assert figures["dev"]["generated_queries"] is True
    assert "evaluate bm25 on ours (generated dev, " in made
    recorded = of_table(Path("reports/queries/bm25/ours.parquet"))
    assert "generated/queries.parquet" in recorded


def test_the_leakage_check_reads_generated_dev_queries(made: str):
    account = read_json(Path("reports/leakage/ours.json"))
    queries = tables.read("queries", Path("generated/ours/dev/queries.parquet"))
    assert account["generated_dev"] is True
    assert account["splits"]["dev"]["queries"] == len(queries) > 0
    assert f" of {len(queries)} generated dev queries (" in made  # they resemble each other


def test_labelled_dev_queries_are_read_instead(made: str):
    assert has_generated_dev("ours")
    assert evaluation_table("ours", "queries", "dev") == Path("generated/ours/dev/queries.parquet")
    assert evaluation_table("ours", "queries", "test") == Path("data/ours/test/queries.parquet")
    own = tables.read("qrels", Path("generated/ours/dev/qrels.parquet"))
    tables.write("qrels", own, Path("data/ours/dev/qrels.parquet"))
    assert not has_generated_dev("ours")
    assert evaluation_table("ours", "queries", "dev") == Path("data/ours/dev/queries.parquet")


def test_a_comparison_names_them_and_shows_their_texts(made: str, capsys: pytest.CaptureFixture):
    imitate("r1", 0.4)
    compare("bm25", "r1")
    printed = capsys.readouterr().out
    assert "r1 compared with bm25 on ours, " in printed
    assert "generated dev quer" in printed
    assert "Generated dev queries choose a round. They do not measure it." in printed
    compare("bm25", "r1", as_json=True)
    found = json.loads(capsys.readouterr().out)["collections"][0]
    assert (found["split"], found["generated_queries"]) == ("dev", True)


def test_the_status_names_them(made: str, capsys: pytest.CaptureFixture):
    imitate("r1", 0.9)
    given = params.read()
    rounds = read_rounds(given, [], [], [])
    assert {one.name: one.generated_dev for one in rounds} == {
        "r0": (),
        "bm25": ("ours",),
        "r1": ("ours",),
    }
    best = choose_best(given, rounds)
    print_rounds(Status(rounds, best, None, None, [], 0, Cost(0, 0, 0, 0.0, 0.0), None, []))
    printed = capsys.readouterr().out
    assert "generated dev nDCG@10" in printed
    assert "best on generated dev" in printed
    assert "Generated dev queries choose a round. They do not measure it." in printed


def test_the_status_counts_what_was_written(made: str):
    found = sum_cost([], ["ours", "absent"])
    assert (found.texts, found.text_tokens, found.text_money) == (8, 880, 0.0)
    assert found.describe() == (
        "0 training steps in 0 rounds; 0 judge calls; 8 calls of generators, 880 tokens, cost 0.00."
    )


def test_early_stopping_uses_them_and_says_so(made: str):
    imitate("r0", 0.4)
    imitate("r1", 0.5)
    given = params.read()
    found = early_stop.gain("r1", given)
    assert str(found) == "r1 gains +0.1000 ndcg_at_10 over r0 on the generated dev queries"
    with pytest.raises(Refused, match="stop.metric is 'generated_queries'") as refused:
        early_stop.dev_score("r1", "ours", "generated_queries")
    assert "valid: generated" not in str(refused.value)
    (row,) = [one for one in score_rows(given) if one["round"] == "r1"]
    assert row["dev queries"] == "generated"


def test_a_study_is_tuned_but_not_measured_on_them(made: str):
    given = params.read()
    _, measured = parse_question(["top-k", "in-batch"], {"split": "dev", "steps": 5})
    with pytest.raises(Refused, match="the dev queries of ours are generated: they choose"):
        collections_of(measured, given)
    refuse_no_queries(["ours"], "dev", given)
    assert name_dev(["ours"], given) == "generated dev queries"
    tune = [{"learning_rate": 1e-5}, {"learning_rate": 1e-4}]
    _, tuned = parse_question(["top-k", "in-batch"], {"tune": tune, "steps": 5})
    (first,) = sentences(tuned, {}, name_dev(["ours"], given))
    assert first.startswith("Equal tuning: each arm was tried on generated dev queries with ")


def test_dev_checks_of_a_training_name_them(made: str):
    training = training_set.read()
    runs = {
        "ours": training.collections[0]
        .qrels("dev")
        .select("query_id", "doc_id")
        .with_columns(score=1.0)
    }
    checks = checks_of(training, runs, 4, 13)
    assert checks.record()["queries_name"] == "generated dev queries"


def test_search_knows_their_labels(made: str):
    queries = tables.read("queries", Path("generated/ours/dev/queries.parquet"))
    found = KnownQueries.read("ours").find(queries["text"][0])
    assert found.query_id == queries["query_id"][0]
    assert [label.grade for label in found.labels.values()] == [1]


def test_a_status_without_evaluation_knows_nothing():
    one = RoundStatus("r1", "r0", "top-k", "not run", (), {"ours": None}, {"ours": None})
    assert one.generated_dev == ()
