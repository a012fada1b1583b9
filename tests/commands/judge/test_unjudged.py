"""`hone judge unjudged`, on a collection of the test's own, with judges behind a local server."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from commands import annotate
from commands.compare.command import compare
from commands.judge.unjudged_command import fill
from commands.judge.unjudged_pairs import texts_of
from hone.data import tables
from hone.data.tables import Documents
from hone.errors import Refused
from hone.ir import judge_labels
from hone.ir.results import evaluate
from hone.judging.annotation import csv
from hone.layout import RUNS
from tests.commands.judge.filling import (
    ROUNDS,
    TEST,
    TEXTS,
    endpoint,
    hashes,
    line_of,
    made,
    ranking,
    server,
    verdicts,
)
from tests.hone.llm.answering import Server, documents_of
from tests.prepared import write_params

__all__ = ["made", "server"]


def test_holes_are_filled_and_unknown_ones_stay(
    made: Path, server: Server, capsys: pytest.CaptureFixture[str]
):
    rows = fill("strong", "ours")
    assert verdicts(rows) == {
        f"{query}-{kind}": verdict
        for query in TEST
        for kind, verdict in (("b", "positive"), ("c", "negative"), ("d", "unknown"))
    }
    assert rows.equals(judge_labels.read(Path("inputs/labels/filled/ours@strong.parquet")))
    one = rows.filter(pl.col("doc_id") == "t1-b").row(0, named=True)
    about = {
        "split": "test",
        "judge": "strong",
        "method": "endpoint",
        "prompt": "yes-no",
        "model": "made-up-1",
        "models": ["strong-7b"],
    }
    assert one | about == one
    assert one["fingerprint"] == line_of("strong")["fingerprint"]
    assert one["answered"].startswith("2")
    labels = judge_labels.with_filled(
        tables.read("qrels", Path("data/ours/test/qrels.parquet")), rows, 1
    )
    assert "t1-d" not in labels["doc_id"].to_list()
    output = capsys.readouterr().out
    # Both queries show b, c and d unjudged; d is at the fourth place of both rankings.
    assert (
        "ours, test: 6 unjudged documents in the first 10 ranks of r0, r1. 4 of them affect the "
        "differences." in output
    )
    assert "The judgment log has verdicts on 0 of them." in output
    assert "They need about" in output
    assert ", cost " in output
    assert (
        "2 relevant, 2 not relevant, 2 unknown (unparsable 2). Documents without a verdict remain "
        "unjudged." in output
    )


def test_those_that_weigh_most_are_judged_first(
    made: Path, server: Server, capsys: pytest.CaptureFixture[str]
):
    # b: third and first place, .2 - .128 = .072; c the other way; d: nothing. Half of four such
    # weights is half of all.
    fill("strong", "ours", limit=2)
    requested = [documents_of(body)[0][:6] for body in server.requests]
    assert len(requested) == 2
    assert not any(text.startswith("odd") for text in requested)
    assert (
        "reads 2 pairs (50.0 % of the total weight), the most influential first"
        in capsys.readouterr().out
    )
    fill("strong", "ours", limit=4)
    assert {documents_of(body)[0].split()[0] for body in server.requests} == {"answer", "wrong"}


def test_a_second_run_costs_nothing(made: Path, server: Server, capsys: pytest.CaptureFixture[str]):
    first = fill("strong", "ours")
    printed = capsys.readouterr()
    assert "Budget: at most 5 of money (Hone default)." in printed.out
    assert f"judge unjudged: judge strong sends texts of collection ours to {server.url}" in (
        printed.err
    )
    calls = len(server.requests)
    assert calls == 6
    capsys.readouterr()
    assert fill("strong", "ours").equals(first)
    assert len(server.requests) == calls
    output = capsys.readouterr().out
    assert "The judgment log has verdicts on 6 of them." in output
    assert "tokens" not in output
    assert len(fill("strong", "ours", split="dev")) == 9  # beside those of test
    assert len(server.requests) == calls + 3


def test_nothing_that_trains_or_measures_changes(made: Path):
    before = hashes("data", "rounds", "reports", "resolved", "models")
    fill("strong", "ours")
    compare("r0", "r1", filled="strong")
    assert hashes("data", "rounds", "reports", "resolved", "models") == before
    assert sorted(str(file) for file in Path("inputs/labels/filled").iterdir()) == [
        "inputs/labels/filled/ours@strong.parquet"
    ]


def test_a_budget_that_ends_leaves_holes_and_the_same_command_goes_on(
    made: Path, server: Server, capsys: pytest.CaptureFixture[str]
):
    rows = fill("strong", "ours", tokens=600)
    calls = len(server.requests)
    assert 0 < calls == len(rows) < 6
    output = capsys.readouterr().out
    assert "the other documents remain unjudged. Rerun the command to resume." in output
    assert f"{6 - calls} without an answer (over budget {6 - calls})" in output
    rows = fill("strong", "ours")
    assert len(server.requests) == 6 > calls
    assert len(rows) == 6


def test_a_judge_that_is_another_now_starts_anew(
    made: Path, server: Server, capsys: pytest.CaptureFixture[str]
):
    fill("strong", "ours")
    write_params(judges={"strong": endpoint(server, "strong-8b")}, rounds=ROUNDS)
    rows = fill("strong", "ours", limit=2)
    assert len(rows) == 2
    assert (
        "6 labels of strong with a different model, prompt or parameters removed"
        in capsys.readouterr().out
    )


def test_a_person_is_given_the_heaviest_holes_on_a_sheet(
    made: Path, capsys: pytest.CaptureFixture[str]
):
    fill("people:ann", "ours", limit=4, sheet=Path("sheet.csv"))
    assert not Path("inputs/labels/filled").exists()
    assert Path("sheet.html").exists()
    rows = csv.read(Path("sheet.csv"))
    texts = {f"{TEXTS[kind]} of {query}" for query in TEST for kind in "bc"}
    drawn = [row.fields for row in rows if row.fields["candidate"] in texts]
    assert {fields["candidate"] for fields in drawn} == texts
    words = {True: "yes", False: "no"}
    csv.write(
        [
            row.fields | {"verdict": words[row.fields["candidate"].startswith("answer")]}
            for row in rows
        ],
        Path("back.csv"),
    )
    annotate.import_sheet(Path("back.csv"), "ann")
    assert "of unjudged documents of ours, test, by ann" in capsys.readouterr().out
    labels = verdicts(fill("people:ann", "ours", limit=4))
    assert labels == {
        f"{query}-{kind}": word
        for query in TEST
        for kind, word in (("b", "positive"), ("c", "negative"))
    }
    with pytest.raises(Refused, match="sheet.csv already exists"):
        fill("people:ann", "ours", limit=4, sheet=Path("sheet.csv"))
    with pytest.raises(Refused, match="strong is not a person"):
        fill("strong", "ours", sheet=Path("other.csv"))


def test_a_parent_is_read_as_all_its_chunks(workspace: Path):
    rows = {
        "doc_id": ["p-1", "x", "p-2"],
        "title": ["", "", "Two"],
        "text": ["one", "alone", "two"],
        "parent_id": ["p", None, "p"],
    }
    tables.write("documents", pl.DataFrame(rows), Path("documents.parquet"))
    found = texts_of(Documents(Path("documents.parquet")), pl.Series(["p", "x"]))
    assert dict(found.rows()) == {"p": "one\nTwo two", "x": "alone"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"name": "strang"},
            "hone judge unjudged: there is no judge 'strang' in params.yaml's `judges`: did you "
            "mean 'strong'?",
        ),
        ({"on": "our"}, "Collection 'our' is not in params.yaml: did you mean 'ours'?"),
        ({"names": ["r0", "r11"]}, "'r11' has not been evaluated on ours: did you mean 'r1'?"),
        ({"depth": 0}, "--depth is 0"),
        ({"limit": 0}, "--depth is 10 and --limit is 0"),
    ],
)
def test_what_cannot_be_meant_is_refused(made: Path, server: Server, arguments: dict, message: str):
    with pytest.raises(Refused) as refused:
        fill(**{"name": "strong", "on": "ours"} | arguments)
    assert message in str(refused.value)
    assert not server.requests


def test_before_any_evaluation_the_refusal_names_the_command(made: Path, server: Server):
    for file in RUNS.glob("*/ours.trec"):
        file.unlink()
    with pytest.raises(Refused, match="'r1' has not been evaluated on ours: run `dvc repro` first"):
        fill("strong", "ours", names=["r1"])
    assert not server.requests


def test_where_all_is_judged_there_is_nothing_to_fill(made: Path):
    with pytest.raises(
        Refused,
        match="Nothing to judge: the first 1 documents of these rankings on ours are all judged",
    ):
        evaluate("r1", "ours", lambda queries, *_: ranking(queries, "abcd"), 1)
        fill("strong", "ours", names=["r1"], depth=1)


def test_a_damaged_file_is_reported_before_any_call(made: Path, server: Server):
    Path("inputs/labels/filled").mkdir(parents=True)
    Path("inputs/labels/filled/ours@strong.parquet").write_bytes(b"no table")
    with pytest.raises(
        Refused, match=r"inputs/labels/filled/ours@strong.parquet cannot be read as Parquet"
    ):
        fill("strong", "ours")
    assert not server.requests


def test_a_judge_that_says_nothing_writes_nothing(made: Path, server: Server):
    server.answer = lambda body: "who knows, perhaps"
    with pytest.raises(
        Refused,
        match="Judge strong returned no verdict on any of 6 pairs: unparsable.* Nothing was "
        "written",
    ):
        fill("strong", "ours")
    assert not Path("inputs/labels/filled").exists()
