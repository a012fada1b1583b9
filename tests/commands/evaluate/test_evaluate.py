"""`hone evaluate`: the scores of the loop's own evaluation, without params.yaml and without
writing to the checkout.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from commands.evaluate.command import evaluate
from hone.errors import Refused
from hone.files import read_json
from hone.layout import metrics_file
from tests.evaluate import test_mteb
from tests.evaluate.test_mteb import NAME, by_mteb, ordinary
from tests.prepared import contents, pairs, prepare, write_rows
from tests.stages import evaluate as evaluate_stage
from tests.tiny_model import WORDS, tiny_model

registered = test_mteb.registered  # the fixture
DOCUMENTS = [
    {"doc_id": f"d{number}", "text": f"{one} {other} stone"}
    for number, (one, other) in enumerate(
        (one, other) for one in WORDS[:4] for other in WORDS[4:10]
    )
]
QUERIES = [{"query_id": f"q{number}", "text": f"{WORDS[number]} stone"} for number in range(9)]
LABELS = pairs(*((f"q{number}", f"d{2 * number}") for number in range(9)))


def written(split: str | None = "test") -> None:
    more = {"split": split} if split else {}
    write_rows(Path("inputs/ours"), DOCUMENTS, [one | more for one in QUERIES], LABELS)


def beir(folder: Path, queries: list[dict] = QUERIES, labels: list[dict] = LABELS) -> str:
    """The collection in BEIR's layout."""
    (folder / "qrels").mkdir(parents=True)
    for name, rows, key in (("corpus", DOCUMENTS, "doc_id"), ("queries", queries, "query_id")):
        (folder / f"{name}.jsonl").write_text(
            "".join(json.dumps({"_id": row[key], "text": row["text"]}) + "\n" for row in rows)
        )
    lines = [f"{row['query_id']}\t{row['doc_id']}\t1\n" for row in labels]
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n" + "".join(lines))
    return f"beir:{folder}"


def result(capsys: pytest.CaptureFixture, model: str, *on: str, **more: int) -> dict:
    capsys.readouterr()
    evaluate(model, list(on), more.get("max_length"), as_json=True)
    return json.loads(capsys.readouterr().out)


def test_the_scores_are_those_of_the_loop_and_nothing_is_written(
    workspace: Path, capsys: pytest.CaptureFixture
):
    tiny_model(Path("inputs/base"))
    written()
    training = {"query_id": "t", "text": "big dog", "split": "train"}
    write_rows(
        Path("inputs/ours"),
        DOCUMENTS,
        [*({"split": "test"} | one for one in QUERIES), training],
        [*LABELS, *pairs(("t", "d1"))],
    )
    prepare(model={"name": "inputs/base"}, rounds={"r1": {"from": "r0", "recipe": "warm-up"}})
    evaluate_stage("ours", round="r0")
    expected = read_json(metrics_file("r0", "ours"))
    Path("params.yaml").write_text("of another project")
    before = contents(Path())
    for name in ("r0", "inputs/base"):
        (row,) = result(capsys, name, "folder:inputs/ours")["collections"]
        assert row["ndcg_at_10"] == pytest.approx(expected["ndcg_at_10"])
        assert row["recall_at_100"] == pytest.approx(expected["recall_at_100"])
        assert row["queries"] == 9
        assert row["encoded"] == 0  # by the stage
    assert contents(Path()) == before


def test_a_second_run_encodes_nothing(workspace: Path, capsys: pytest.CaptureFixture):
    """24 documents and 9 queries. `stone` alone differs from all documents."""
    model, on = str(tiny_model(Path("model"))), beir(Path("theirs"))
    assert [result(capsys, model, on)["collections"][0]["encoded"] for _ in range(2)] == [33, 0]
    assert result(capsys, model, on, max_length=8)["collections"][0]["encoded"] == 33


def test_a_beir_folder_and_a_folder_without_splits_have_all_queries(
    workspace: Path, capsys: pytest.CaptureFixture
):
    model, on = str(tiny_model(Path("model"))), beir(Path("theirs"))
    written(split=None)
    found = result(capsys, model, on, "folder:inputs/ours")
    first, second = found["collections"]
    assert (first["queries"], second["queries"]) == (9, 9)
    assert first["ndcg_at_10"] == second["ndcg_at_10"]
    low, high = first["interval"]
    assert 0 <= low <= first["ndcg_at_10"] <= high <= 1
    assert [(mean["name"], mean["tasks"]) for mean in found["means"]] == [("all", 2)]


def test_the_own_document_of_a_query_is_dropped_where_beir_drops_it(
    workspace: Path, capsys: pytest.CaptureFixture
):
    """In ArguAna, queries are documents: each finds itself first unless it is dropped."""
    model = str(tiny_model(Path("model")))
    queries = [{"query_id": f"d{number}", "text": DOCUMENTS[number]["text"]} for number in (0, 6)]
    labels = pairs(("d0", "d1"), ("d6", "d7"))
    dropped, kept = result(
        capsys,
        model,
        beir(Path("arguana"), queries, labels),
        beir(Path("theirs"), queries, labels),
    )["collections"]
    assert dropped["ndcg_at_10"] > kept["ndcg_at_10"]


def test_labels_of_missing_documents_count_as_misses_in_a_benchmark(
    workspace: Path, capsys: pytest.CaptureFixture
):
    model, on = str(tiny_model(Path("model"))), beir(Path("theirs"))
    with Path("theirs/qrels/test.tsv").open("a") as file:
        file.writelines(f"q{number}\tgone\t1\n" for number in range(9))
    (row,) = result(capsys, model, on)["collections"]
    assert row["recall_at_100"] == 0.5


def test_the_table_has_one_line_for_each_collection_and_the_mean(
    workspace: Path, capsys: pytest.CaptureFixture
):
    model, on = str(tiny_model(Path("model"))), beir(Path("theirs"))
    written()
    evaluate(model, [on, "folder:inputs/ours"], None, as_json=False)
    head, *rows = capsys.readouterr().out.splitlines()
    assert head.split() == "collection queries nDCG@10 95 % interval recall@100".split()
    assert [row.split("  ")[0] for row in rows] == [
        "beir:theirs",
        "folder:inputs/ours",
        "mean of all (2 tasks)",
    ]


def test_what_is_finished_is_shown_before_an_error(workspace: Path, capsys: pytest.CaptureFixture):
    model, on = str(tiny_model(Path("model"))), beir(Path("theirs"))
    Path("empty").mkdir()
    with pytest.raises(
        Refused, match="1 of 2 collections are evaluated(?s:.*)empty has no documents"
    ):
        evaluate(model, [on, "folder:empty"], None, as_json=False)
    assert "beir:theirs" in capsys.readouterr().out


@pytest.mark.parametrize("itself", [True, False])
def test_a_task_has_mtebs_own_score(
    workspace: Path, registered, capsys: pytest.CaptureFixture, itself: bool
):
    task = registered(*ordinary(), ignore_identical_ids=not itself)
    folder = tiny_model(Path("model"))
    (row,) = result(capsys, "model", f"mteb:{NAME}")["collections"]
    assert row["mteb"] == pytest.approx(by_mteb(task, folder), abs=1e-4)
    assert row["mteb_measure"] == "ndcg_at_10"


def test_a_dead_network_is_one_sentence(workspace: Path, registered, capsys: pytest.CaptureFixture):
    def load_data(*_: object, **__: object) -> None:
        raise ConnectionError("no route to the Hub")

    tiny_model(Path("model"))
    registered(*ordinary(), load_data=load_data)
    with pytest.raises(
        Refused, match="could not be loaded.*no route to the Hub.*Check the network"
    ):
        evaluate("model", [f"mteb:{NAME}"], None, as_json=False)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("file", "text", "reason"),
    [
        ("config.json", '{"auto_map": {"AutoModel": "code.Model"}}', "contains its own code"),
        ("modules.json", '[{"type": "evil.Model"}]', "contains its own code"),
        ("modules.json", None, "is not a sentence-transformers model"),
        ("model.safetensors", None, "has no *.safetensors file"),
    ],
)
def test_an_unsafe_model_is_refused_before_anything_is_read(
    workspace: Path, file: str, text: str | None, reason: str
):
    folder = tiny_model(Path("model"))
    on = beir(Path("theirs"))
    shutil.copytree(folder, "unsafe")
    Path("unsafe", file).unlink()
    if text is not None:
        Path("unsafe", file).write_text(text)
    Path("theirs/corpus.jsonl").unlink()
    with pytest.raises(Refused) as refusal:
        evaluate("unsafe", [on], None, as_json=False)
    assert reason in str(refusal.value)


@pytest.mark.parametrize(
    ("model", "on", "length", "reason"),
    [
        ("beir:x", [], None, "Write the model first"),
        ("model", [], None, "Name a collection with --on"),
        ("model", ["beir:theirs"], 4, "Use 8 tokens or more"),
        ("model", ["beir:theirs"], 5000, "supports at most 64 tokens"),
        ("r7", ["beir:theirs"], None, "The round 'r7' has no model"),
        ("./gone", ["beir:theirs"], None, "folder ./gone does not exist"),
        (" ", ["beir:theirs"], None, "MODEL is empty"),
    ],
    ids=str,
)
def test_what_cannot_be_evaluated_is_refused(
    workspace: Path, model: str, on: list[str], length: int | None, reason: str
):
    tiny_model(Path("model"))
    beir(Path("theirs"))
    with pytest.raises(Refused, match=reason):
        evaluate(model, on, length, as_json=False)


def test_a_collection_without_relevant_documents_is_refused(workspace: Path):
    tiny_model(Path("model"))
    on = beir(Path("theirs"), labels=pairs(("q1", "gone")))
    with pytest.raises(Refused, match="no test or dev query with a relevant document"):
        evaluate("model", [on], None, as_json=False)
