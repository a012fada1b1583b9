"""`hone judge holes` and `hone compare --filled`, on a collection of the test's own, with judges behind a local server."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from hone.compare.command import compare
from hone.judge import people as judge_people
from hone.judge.holes import fill
from hone.judge.holes_asked import texts_of
from tasks import methods, tables
from tasks.doubt import filled
from tasks.errors import Refused
from tasks.evaluate.results import evaluate
from tasks.files import write_json
from tasks.relabel import __main__ as relabel
from tasks.relabel import gguf, identity, sheet_csv
from tasks.relabel.ledger import Answer, Ledger, Verdict, question_key
from tasks.resolve import __main__ as resolve
from tasks.tables import Documents
from tests.prepared import collected, pairs, prepare, write_params, write_rows
from tests.relabel.answering import Server, documents_of, serving
from tests.relabel.judges import test_replay as replayed
from tests.relabel.test_stage import run_to_negatives, write_recipe, write_run

PAIR = ["query_id", "doc_id"]
# Of each query a is the known answer; b is an answer that nobody has judged, c none, and of d the judge cannot say.
TEXTS = {"a": "answer known", "b": "answer unjudged", "c": "wrong", "d": "odd"}
TRAIN, TEST, DEV = ["q1", "q2"], ["t1", "t2"], ["v1"]
# r1 finds b first where r0 has c; d is at the same place in both.
RANKINGS = {"r0": "cabd", "r1": "bacd"}
ROUNDS = {"r1": {"from": "r0", "recipe": "top-k"}, "r2": {"from": "r1", "recipe": "top-k"}}


def answer(body: dict) -> str:
    """Says yes to answers, no to what is wrong, and of the odd what nobody can read."""
    text = documents_of(body)[0]
    return "who knows, perhaps" if text.startswith("odd") else "yes" if text.startswith("answer") else "no"


@pytest.fixture
def server() -> Iterator[Server]:
    with serving(answer) as running:
        yield running


def endpoint(server: Server, model: str, **more: object) -> dict:
    return {"endpoint": {"url": server.url, "model": model, "prompt": "yes-no", "structured": "never", "slots": 1, **more}}


@pytest.fixture
def made(workspace: Path, server: Server) -> Path:
    """A collection with two test queries and one dev query, two rankings of it, and rounds of which `trainer` has relabelled r1."""
    queries = [("train", one) for one in TRAIN] + [("test", one) for one in TEST] + [("dev", one) for one in DEV]
    documents = [{"doc_id": f"{query}-{kind}", "text": f"{text} of {query}"} for _, query in queries for kind, text in TEXTS.items()]
    write_rows(
        Path("inputs/ours"), documents, [{"query_id": one, "text": f"what about {one}", "split": split} for split, one in queries],
        pairs(*((one, f"{one}-a") for _, one in queries)),
    )  # fmt: skip
    judges = {
        "strong": endpoint(server, "strong-7b", price={"input": 100, "output": 0}),
        "trainer": endpoint(server, "Maker/Cheap-1B"),
        "reworded": endpoint(server, "cheap-1b", prompt="yes-no-alone"),
        "guide": {"encoder": {"to": "positives", "model": "r0"}},
        "own": {"encoder": {"to": "positives"}},
    }
    sections = {"judges": judges, "rounds": ROUNDS}
    prepare(**sections)
    write_params(**sections)
    for name, order in RANKINGS.items():
        evaluate(name, "ours", lambda queries, *_, order=order: ranking(queries, order), 1)
    write_judgments("r1", "trainer", model="cheap-1b")
    tables.write("judgments", tables.empty("judgments"), Path("rounds/r2/judgments.parquet"))
    return workspace


def ranking(queries: pl.DataFrame, order: str) -> pl.DataFrame:
    rows = [(query, f"{query}-{kind}", 1.0 / place) for query in queries["query_id"] for place, kind in enumerate(order, start=1)]
    return pl.DataFrame(rows, schema=["query_id", "doc_id", "score"], orient="row")


def line_of(name: str) -> dict:
    from hone.judge.given import judge_line
    from tasks import params

    return judge_line(params.read(), name)


def write_judgments(round: str, judge: str, model: str | None = None, fingerprint: str | None = None) -> None:
    row = {"query_id": ["q1"], "doc_id": ["q1-b"], "place": [1], "judge": [judge], "verdict": ["positive"], "model": [model]}
    frame = pl.DataFrame(row | {"fingerprint": [fingerprint or line_of(judge)["fingerprint"]]}, schema_overrides={"model": pl.String})
    tables.write("judgments", tables.shaped("judgments", frame), Path("rounds") / round / "judgments.parquet")


def hashes(*folders: str) -> dict[str, str]:
    files = [file for folder in folders for file in sorted(Path(folder).rglob("*")) if file.is_file()]
    return {str(file): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def verdicts(frame: pl.DataFrame) -> dict[str, str]:
    return dict(frame.select("doc_id", pl.col("verdict").cast(pl.String)).rows())


def test_holes_are_filled_and_what_could_not_be_said_stays_one(made: Path, server: Server, capsys: pytest.CaptureFixture[str]):
    rows = fill("strong", "ours")
    assert verdicts(rows) == {
        f"{query}-{kind}": said for query in TEST for kind, said in (("b", "positive"), ("c", "negative"), ("d", "unknown"))
    }
    assert rows.equals(filled.read(Path("inputs/filled/ours@strong.parquet")))
    one = rows.filter(pl.col("doc_id") == "t1-b").row(0, named=True)
    about = {"split": "test", "judge": "strong", "method": "endpoint", "prompt": "yes-no", "model": "made-up-1", "models": ["strong-7b"]}
    assert one | about == one
    assert one["fingerprint"] == line_of("strong")["fingerprint"]
    assert one["answered"].startswith("2")
    labels = filled.with_filled(tables.read("qrels", Path("data/ours/test/qrels.parquet")), rows, 1)
    assert "t1-d" not in labels["doc_id"].to_list()
    told = capsys.readouterr().out
    # Both queries show b, c and d unjudged; d is at the fourth place of both rankings.
    assert "ours, test: of the first 10 documents of r0, r1 nobody has judged 6 pairs; 4 of them leave differences open." in told
    assert "The ledger has the answers to 0 of them." in told
    assert "They take about" in told
    assert "of money" in told
    assert "2 right, 2 not right, 2 could not be said (unparsable 2); these stay holes." in told


def test_those_that_weigh_most_are_asked_first(made: Path, server: Server, capsys: pytest.CaptureFixture[str]):
    # b: third and first place, .2 - .128 = .072; c the other way; d: nothing. Half of four such weights is half of all.
    fill("strong", "ours", limit=2)
    asked = [documents_of(body)[0][:6] for body in server.asked]
    assert len(asked) == 2
    assert not any(text.startswith("odd") for text in asked)
    assert "reads 2 pairs, 50.0 % of all that is open, those that weigh most" in capsys.readouterr().out
    fill("strong", "ours", limit=4)
    assert {documents_of(body)[0].split()[0] for body in server.asked} == {"answer", "wrong"}


def test_asked_again_nothing_is_paid_for(made: Path, server: Server, capsys: pytest.CaptureFixture[str]):
    first = fill("strong", "ours")
    calls = len(server.asked)
    assert calls == 6
    capsys.readouterr()
    assert fill("strong", "ours").equals(first)
    assert len(server.asked) == calls
    told = capsys.readouterr().out
    assert "The ledger has the answers to 6 of them." in told
    assert "tokens" not in told
    assert len(fill("strong", "ours", split="dev")) == 9  # beside those of test
    assert len(server.asked) == calls + 3


def test_nothing_that_trains_or_measures_changes(made: Path):
    before = hashes("data", "rounds", "reports", "resolved", "models")
    fill("strong", "ours")
    compare("r0", "r1", filled="strong")
    assert hashes("data", "rounds", "reports", "resolved", "models") == before
    assert sorted(str(file) for file in Path("inputs/filled").iterdir()) == ["inputs/filled/ours@strong.parquet"]


def test_a_budget_that_ends_leaves_holes_and_the_same_command_goes_on(made: Path, server: Server, capsys: pytest.CaptureFixture[str]):
    rows = fill("strong", "ours", tokens=600)
    calls = len(server.asked)
    assert 0 < calls == len(rows) < 6
    told = capsys.readouterr().out
    assert "what was not asked stays a hole; the same command goes on." in told
    assert f"{6 - calls} got no answer (over budget {6 - calls})" in told
    rows = fill("strong", "ours")
    assert len(server.asked) == 6 > calls
    assert len(rows) == 6


def test_a_judge_that_is_another_now_starts_anew(made: Path, server: Server, capsys: pytest.CaptureFixture[str]):
    fill("strong", "ours")
    write_params(judges={"strong": endpoint(server, "strong-8b")}, rounds=ROUNDS)
    rows = fill("strong", "ours", limit=2)
    assert len(rows) == 2
    assert "6 labels of strong with another model, prompt or parameters leave" in capsys.readouterr().out


def test_a_judge_that_relabelled_what_the_ranking_learned_may_not_fill(made: Path, server: Server):
    with pytest.raises(Refused, match="the judge trainer relabelled training data of round r1: it may not fill holes there"):
        fill("trainer", "ours")
    assert not server.asked
    assert not Path("inputs/filled").exists()
    # r0 has learned from nobody.
    assert len(fill("trainer", "ours", names=["r0"])) == 6
    # A round carries on what the rounds before it learned.
    evaluate("r2", "ours", lambda queries, *_: ranking(queries, "bacd"), 1)
    with pytest.raises(Refused, match="training data of round r1, from which r2 comes"):
        fill("trainer", "ours", names=["r0", "r2"])
    # What was filled before a round was relabelled by the same judge counts as little.
    with pytest.raises(Refused, match="the judge trainer relabelled training data of round r1"):
        compare("r0", "r1", filled="trainer")


def test_who_really_relabelled_a_round_is_known_from_its_tables(made: Path, server: Server):
    """The stage itself has run: nothing here is written by hand."""
    with serving(answer, model="another-1") as other:
        judges = {"trainer": endpoint(server, "cheap-1b"), "strong": endpoint(other, "strong-7b")}
        write_recipe({"cascade": [{"judge": "trainer"}], "then": "drop"})
        write_run({query: [f"{query}-b", f"{query}-c"] for query in TRAIN})
        write_params(judges=judges, rounds={"r1": {"from": "r0", "recipe": "judged"}})
        resolve.main()
        run_to_negatives()
        relabel.main("r1")
        labels = hashes("data", "rounds")
        with pytest.raises(Refused, match="the judge trainer relabelled training data of round r1"):
            fill("trainer", "ours")
        assert verdicts(fill("strong", "ours"))["t1-b"] == "positive"
        assert hashes("data", "rounds") == labels


def test_another_prompt_does_not_make_another_judge(made: Path, server: Server):
    said = "the judge reworded is the model cheap-1b, which as trainer relabelled training data of round r1: .* whatever its prompt"
    with pytest.raises(Refused, match=said):
        fill("reworded", "ours")
    assert not server.asked
    # That which params.yaml calls it is enough, where no answer has told the model's name.
    write_judgments("r1", "trainer", fingerprint="f" * 32)
    parameters = {"model": "Maker/Cheap-1B", "prompt": "graded"}
    cascade = [{"name": "trainer", "method": "endpoint", "parameters": parameters, "fingerprint": "f" * 32}]
    write_json(Path("resolved/rounds/r1/relabel.json"), {"relabel": {"cascade": cascade}})
    with pytest.raises(Refused, match=said):
        fill("reworded", "ours")


def test_a_model_that_only_its_answers_name_is_refused_before_anything_is_written(made: Path, server: Server):
    write_judgments("r1", "trainer", model="made-up-1")
    with pytest.raises(Refused, match="the judge strong is the model made-up-1, which as trainer relabelled"):
        fill("strong", "ours")
    assert server.asked
    assert not Path("inputs/filled").exists()


def test_a_model_of_this_machine_is_known_when_a_server_serves_it(made: Path, server: Server):
    """`hone judge serve` calls a model by its name and the beginning of its checksum."""
    line = {"name": "local", "method": "local", "parameters": {"model": "smollm2-135m"}, "fingerprint": "f" * 32}
    write_json(Path("resolved/rounds/r1/relabel.json"), {"relabel": {"cascade": [line]}})
    write_params(judges={"served": endpoint(server, gguf.name_of("smollm2-135m"))}, rounds=ROUNDS)
    with pytest.raises(
        Refused, match="the judge served is the model smollm2-135m [0-9a-f]{12}, which as local relabelled training data of"
    ):
        fill("served", "ours")


def test_who_scored_the_training_data_may_not_fill_either(made: Path):
    write_json(
        Path("resolved/rounds/r1/score.json"), {"scorers": {"teacher": {"method": "cross-encoder", "parameters": {"model": "x/strong-7b"}}}}
    )
    with pytest.raises(Refused, match="the judge strong is the model strong-7b, which as teacher scored training data of round r1"):
        fill("strong", "ours")


def test_no_encoder_judges_what_it_has_ranked_itself(made: Path):
    with pytest.raises(Refused, match="the judge guide is the encoder .*, from which the ranking of r0 comes"):
        fill("guide", "ours", names=["r0"])
    with pytest.raises(Refused, match="the judge own reads with a round's own model"):
        fill("own", "ours", names=["r0"])


def test_where_nobody_can_say_who_relabelled_nobody_fills(made: Path):
    Path("rounds/r1/judgments.parquet").unlink()
    with pytest.raises(Refused, match=r"rounds/r1/judgments.parquet is missing, which says who relabelled the training data of round r1"):
        fill("strong", "ours")


def test_a_person_may_always_fill(made: Path, capsys: pytest.CaptureFixture[str]):
    ann = identity.fingerprint(methods.checked("relabel.judges", {"people": {"who": "ann"}}, "test"))
    write_judgments("r1", "people:ann", fingerprint=ann)
    said = [Verdict(question_key("what about t1", f"{TEXTS[kind]} of t1"), word) for kind, word in (("b", "positive"), ("d", "unknown"))]
    ledger = Ledger()
    ledger.describe(ann, {"who": "ann"})
    ledger.record(ann, Answer("a sheet", None, 0, 0, 0.0, 0.0), said, "test")
    rows = fill("people:ann", "ours")
    told = capsys.readouterr().out
    assert "It costs no tokens." in told
    assert "1 right, 0 not right, 1 could not be said (no reason 1), 4 got no answer (not judged by ann yet 4); these stay holes." in told
    assert verdicts(rows) == {"t1-b": "positive", "t1-d": "unknown"}
    compare("r0", "r1", filled="people:ann")
    told = capsys.readouterr().out
    assert "1 of 6 holes among the first ten (16.7 %) are filled, 1 could not be said and 4 were not asked about." in told
    # b of one of two queries is right, .072 / 2; the other three open pairs are not known.
    assert "gives +0.036 more than r0 in rank-biased precision, between −0.036 and +0.072 whatever the 3 documents still" in told
    assert "ann is a person" in told


def test_recorded_answers_may_fill_unless_they_relabelled(made: Path, capsys: pytest.CaptureFixture[str]):
    passages = ["answer unjudged of t1", "wrong of t1"]
    file = replayed.written(replayed.record("what about t1", passages, stage1=replayed.answer("[Doc (1)]", "[]")))
    write_params(judges={"recorded": {"replay": {"file": file, "stage": "stage1"}}}, rounds=ROUNDS)
    assert verdicts(fill("recorded", "ours")) == {"t1-b": "positive", "t1-c": "negative"}
    assert "1 right, 1 not right, 4 got no answer (not recorded 4); these stay holes." in capsys.readouterr().out
    write_judgments("r1", "recorded")
    with pytest.raises(Refused, match="the judge recorded relabelled training data of round r1"):
        fill("recorded", "ours")


def test_a_person_is_given_the_heaviest_holes_on_a_sheet(made: Path, capsys: pytest.CaptureFixture[str]):
    fill("people:ann", "ours", limit=4, sheet=Path("sheet.csv"))
    assert not Path("inputs/filled").exists()
    assert Path("sheet.html").exists()
    rows = sheet_csv.read(Path("sheet.csv"))
    texts = {f"{TEXTS[kind]} of {query}" for query in TEST for kind in "bc"}
    drawn = [row.fields for row in rows if row.fields["candidate"] in texts]
    assert {fields["candidate"] for fields in drawn} == texts
    words = {True: "yes", False: "no"}
    sheet_csv.write([row.fields | {"verdict": words[row.fields["candidate"].startswith("answer")]} for row in rows], Path("back.csv"))
    judge_people.read(Path("back.csv"), "ann")
    assert "of the holes of ours, test, by ann" in capsys.readouterr().out
    said = verdicts(fill("people:ann", "ours", limit=4))
    assert said == {f"{query}-{kind}": word for query in TEST for kind, word in (("b", "positive"), ("c", "negative"))}
    with pytest.raises(Refused, match="sheet.csv is there already"):
        fill("people:ann", "ours", limit=4, sheet=Path("sheet.csv"))
    with pytest.raises(Refused, match="a sheet is for a person, and strong is none"):
        fill("strong", "ours", sheet=Path("other.csv"))


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


def test_a_parent_is_read_as_all_its_chunks(workspace: Path):
    rows = {"doc_id": ["p-1", "x", "p-2"], "title": ["", "", "Two"], "text": ["one", "alone", "two"], "parent_id": ["p", None, "p"]}
    tables.write("documents", pl.DataFrame(rows), Path("documents.parquet"))
    found = texts_of(Documents(Path("documents.parquet")), pl.Series(["p", "x"]))
    assert dict(found.rows()) == {"p": "one\nTwo two", "x": "alone"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"name": "strang"}, "hone judge holes: there is no judge 'strang' in params.yaml's `judges`: did you mean 'strong'?"),
        ({"on": "our"}, "there is no collection 'our' in params.yaml: did you mean 'ours'?"),
        ({"names": ["r0", "r11"]}, "'r11' was not evaluated on ours: did you mean 'r1'?"),
        ({"depth": 0}, "--depth is between 1 and 100"),
        ({"limit": 0}, "--limit 1 or more: not 10 and 0"),
    ],
)
def test_what_cannot_be_meant_is_refused(made: Path, server: Server, arguments: dict, said: str):
    with pytest.raises(Refused) as refused:
        fill(**{"name": "strong", "on": "ours"} | arguments)
    assert said in str(refused.value)
    assert not server.asked


def test_where_all_is_judged_there_is_nothing_to_fill(made: Path):
    with pytest.raises(Refused, match="there is nothing to fill: the first 1 documents of these rankings on ours are all judged"):
        evaluate("r1", "ours", lambda queries, *_: ranking(queries, "abcd"), 1)
        fill("strong", "ours", names=["r1"], depth=1)


def test_a_file_that_is_damaged_is_told_before_anything_is_asked(made: Path, server: Server):
    Path("inputs/filled").mkdir()
    Path("inputs/filled/ours@strong.parquet").write_bytes(b"no table")
    with pytest.raises(Refused, match=r"inputs/filled/ours@strong.parquet cannot be read as Parquet"):
        fill("strong", "ours")
    assert not server.asked


def test_a_judge_that_says_nothing_writes_nothing(made: Path, server: Server):
    server.answer = lambda body: "who knows, perhaps"
    with pytest.raises(Refused, match="the judge strong answered none of 6 pairs: unparsable.* Nothing was written"):
        fill("strong", "ours")
    assert not Path("inputs/filled").exists()


def test_compare_names_who_has_filled(made: Path):
    fill("strong", "ours", split="dev")
    with pytest.raises(Refused, match="--filled strong: it has filled no holes of ours"):  # of the queries that are compared
        compare("r0", "r1", filled="strong")
    fill("strong", "ours")
    with pytest.raises(Refused, match=r"--filled strang: it has filled no holes of ours \(did you mean 'strong'\?\): `hone judge holes"):
        compare("r0", "r1", filled="strang")
