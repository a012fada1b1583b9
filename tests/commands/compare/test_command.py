"""`hone compare` says what changed between two rounds, how sure that is, and for whom it got
worse.
"""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from commands.compare.command import compare
from hone.errors import Refused
from tests.prepared import COLLECTION, write_params
from tests.report.made_up import DEV, TEST, evaluated_on, save, write_all, write_scores


@pytest.fixture
def loop(workspace: Path) -> None:
    """Four test queries; r2 against r1: two gain .5, one loses .5."""
    write_all()
    write_collections("made-up")


def write_collections(*names: str) -> None:
    write_params(
        collections=dict.fromkeys(names, COLLECTION), train_on=list(names), evaluate_on=list(names)
    )


def many(name: str, times: int = 50) -> None:
    write_scores(name, "made-up", TEST[name] * times, DEV[name])


def test_what_four_queries_cannot_tell(loop: None, capsys: pytest.CaptureFixture[str]):
    compare("r1", "r2")
    output = capsys.readouterr().out
    assert "r2 compared with r1 on made-up, 4 test queries" in output
    # .5, .5, 0, -.5: of the eight ways to turn three signs none of whose sums is 0, all are as far
    # from 0 as .5: p = 1.
    assert "r2 is not significantly different from r1: nDCG@10 0.625 to 0.750, +0.125" in output
    assert "p = 1.000" in output
    assert "2 queries are better, 1 worse, 1 equal." in output
    assert "A loss of 0.005 is not ruled out." in output
    assert "test query 4" in output  # the one that got worse
    assert "test query 1" not in output


def test_a_difference_beyond_chance(loop: None, capsys: pytest.CaptureFixture[str]):
    many("r0")
    many("r3")
    ids = [f"t{number}" for number in range(1, 201)]
    save("queries", {"query_id": ids, "text": "a text"}, Path("data/made-up/test/queries.parquet"))
    compare("r0", "r3")
    output = capsys.readouterr().out
    assert "r3 is significantly better than r0: nDCG@10 0.500 to 0.875, +0.375" in output
    assert "p < 0.001" in output
    assert "ruled out" not in output
    assert "Minimum detectable effect: 0." in output
    compare("r3", "r0")
    assert (
        "r0 is significantly worse than r3: nDCG@10 0.875 to 0.500, −0.375"
        in capsys.readouterr().out
    )


def test_several_collections_share_their_doubt(workspace: Path, capsys: pytest.CaptureFixture[str]):
    write_all(("first", "second"))
    write_collections("first", "second")
    compare("r0", "r1")
    output = capsys.readouterr().out
    assert output.count("adjusted for 2 collections") == 2
    compare("r0", "r1", on="second")
    assert "adjusted" not in capsys.readouterr().out


def test_it_is_written_as_tables(loop: None, capsys: pytest.CaptureFixture[str]):
    compare("r1", "r2", out=Path("out.md"))
    text = Path("out.md").read_text()
    assert "## r2 compared with r1 on made-up, 4 test queries" in text
    assert "| ndcg\\_at\\_10 | 0.6250 | 0.7500 | +0.1250 |" in text
    compare("r1", "r2", out=Path("out.parquet"))
    rows = pl.read_parquet("out.parquet")
    assert rows["ndcg_at_10_before"].to_list() == TEST["r1"]
    assert rows["ndcg_at_10_after"].to_list() == TEST["r2"]
    assert set(rows["collection"]) == {"made-up"}


def test_it_is_printed_as_json(loop: None, capsys: pytest.CaptureFixture[str]):
    compare("r1", "r2", as_json=True, out=Path("out.md"))
    output, log = capsys.readouterr()
    found = json.loads(output)  # nothing else is on standard output
    assert "out.md" in log
    assert (found["baseline"], found["candidate"]) == ("r1", "r2")
    [collection] = found["collections"]
    assert (collection["collection"], collection["split"]) == ("made-up", "test")
    first = collection["measures"][0]
    assert first["measure"] == "ndcg_at_10"
    assert (first["baseline"], first["candidate"], first["difference"]) == (0.625, 0.75, 0.125)
    assert (first["better"], first["worse"], first["equal"], first["p"]) == (2, 1, 1, 1.0)
    [worst] = collection["regressions"]
    assert (worst["query_id"], worst["text"], worst["change"]) == ("t4", "test query 4", -0.5)
    assert "2 queries are better, 1 worse, 1 equal." in collection["sentences"]


def test_texts_of_queries_are_no_markup_in_the_file(loop: None, capsys: pytest.CaptureFixture[str]):
    text = "<script>alert(1)</script> ![x](http://a.b/c) www.a.b | `x` a@b.c"
    save("queries", {"query_id": ["t4"], "text": text}, Path("data/made-up/test/queries.parquet"))
    compare("r1", "r2", out=Path("out.md"))
    [line] = [line for line in Path("out.md").read_text().splitlines() if "alert" in line]
    row = r"| \<script\>alert(1)\</script\> !\[x\](http\://a.b/c) www\.a.b \| \`x\` a\@b.c |"
    assert line.startswith(row)


def test_the_same_documents_and_labels_or_nothing(loop: None, capsys: pytest.CaptureFixture[str]):
    compare("r1", "r2")
    output = capsys.readouterr().out
    assert (
        "It is not known whether both were evaluated on the same documents and labels of made-up"
        in output
    )
    assert "when it evaluated r1 and r2." in output
    evaluated_on("r1")
    compare("r1", "r2")
    assert "when it evaluated r2." in capsys.readouterr().out
    evaluated_on("r2")
    compare("r1", "r2")
    output = capsys.readouterr().out
    assert "not known" not in output
    assert "test query 4" in output
    for name in ("test/qrels.parquet", "dev/qrels.parquet", "documents.parquet", "min_relevance"):
        evaluated_on("r2", **{name: "another"})
        with pytest.raises(
            Refused, match=f"not evaluated on the same made-up, .* These files differ: '{name}'"
        ):
            compare("r1", "r2")


def test_texts_of_other_queries_are_not_shown_under_the_same_ids(
    loop: None, capsys: pytest.CaptureFixture[str]
):
    for name in ("r1", "r2"):
        evaluated_on(name)
    other = {"query_id": [f"t{number}" for number in range(1, 5)], "text": "another text"}
    save("queries", other, Path("data/made-up/test/queries.parquet"))
    compare("r1", "r2")
    output = capsys.readouterr().out
    assert "another text" not in output
    assert "\nt4 " in output


def test_what_cannot_be_compared_is_refused(loop: None):
    with pytest.raises(Refused, match="'r22' has not been evaluated: did you mean 'r2'"):
        compare("r1", "r22")
    with pytest.raises(Refused, match="compared with itself"):
        compare("r1", "r1")
    with pytest.raises(Refused, match="not both evaluated on 'mad-up': did you mean 'made-up'"):
        compare("r1", "r2", on="mad-up")
    with pytest.raises(Refused, match=r"ends in .md or .parquet"):
        compare("r1", "r2", out=Path("out.html"))
    with pytest.raises(Refused, match="--tolerance is 0"):
        compare("r1", "r2", margin=0)
    many("r2")
    with pytest.raises(
        Refused, match=r"not evaluated on the same queries of made-up \(4, 200, 4 in both\)"
    ):
        compare("r1", "r2")
    write_scores("r2", "made-up", [1.0, float("nan"), 0.5, 0.5], DEV["r2"])
    with pytest.raises(Refused, match="Query 't2' of made-up has a score that is NaN or infinite"):
        compare("r1", "r2")


def test_unjudged_documents_are_reported(loop: None, capsys: pytest.CaptureFixture[str]):
    compare("r1", "r2")
    output = capsys.readouterr().out
    # Each query has d1 (right) among four documents; the others are judged by nobody.
    assert "Judged among the first ten documents: 25.0 % (r1), 25.0 % (r2)." in output
    assert "could reverse its sign" in output
    assert "made-up has labels of relevant documents only" in output
    assert "bpref and condensed-list nDCG are omitted" in output


def test_documents_judged_wrong_give_measures_without_unjudged_ones(
    loop: None, capsys: pytest.CaptureFixture[str]
):
    queries = [f"t{number}" for number in range(1, 5)]
    grades = {"d1": 1, "d3": 0, "d4": 0, "d5": 0}
    rows = [(query, doc, grade) for query in queries for doc, grade in grades.items()]
    frame = pl.DataFrame(rows, schema=["query_id", "doc_id", "relevance"], orient="row").to_dict(
        as_series=False
    )
    save(
        "qrels",
        frame | {"weight": 1.0, "source": "made up"},
        Path("data/made-up/test/qrels.parquet"),
    )
    compare("r1", "r2")
    output = capsys.readouterr().out
    assert "100.0 % (r1)" in output
    assert "Both rank all unjudged documents alike" in output
    assert "omitted" not in output
    # d1 is at the places 2, 2, 2 and 1 of r1, and 1, 1, 2 and 2 of r2; with one right answer bpref
    # is 1 at the first place and 0 elsewhere (one wrong one before it is as many as there are right
    # ones).
    values = {
        row.split()[0]: row.split()[1:4]
        for row in output.splitlines()
        if row.startswith(("bpref", "condensed"))
    }
    assert values["bpref"] == ["0.2500", "0.5000", "+0.2500"]
    assert float(values["condensed_ndcg_at_10"][0]) < float(values["condensed_ndcg_at_10"][1])


def test_a_ranking_that_is_missing_is_a_sentence(loop: None):
    Path("reports/runs/r2/made-up.trec").unlink()
    with pytest.raises(Refused, match="r2/made-up.trec is missing"):
        compare("r1", "r2")


def test_a_collection_removed_from_params_is_a_sentence(loop: None):
    write_collections("other")
    with pytest.raises(
        Refused, match="The evaluated collection 'made-up' is no longer in params.yaml"
    ):
        compare("r1", "r2")
