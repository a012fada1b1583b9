"""`hone init` for documents without labels: a params.yaml with generated queries."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

from commands.doctor import command as doctor
from commands.init import generation
from commands.init.command import init
from commands.init.generation import Generation, can_generate
from commands.init.inventory import inventory
from commands.plan import collecting, generating
from hone.config import params
from hone.data import tables
from hone.errors import Refused
from hone.files import read_json
from tasks.resolve.stages import everything
from tests.hone.llm.answering import documents_of, serving
from tests.prepared import PROJECT, write_rows
from tests.stages import base, collect, generate, leakage, resolve, start

DOCUMENTS = [
    {"doc_id": f"d{number}", "text": f"machine {number * 7919:x} is slow and {number * 31:x} heavy"}
    for number in range(120)
]


@pytest.fixture
def checkout(workspace: Path) -> Path:
    """A folder with the recipes and the shipped params.yaml."""
    shutil.copytree(PROJECT / "recipes", "recipes")
    shutil.copy(PROJECT / "params.yaml", "params.yaml")
    Path("inputs/ours").mkdir(parents=True)
    return workspace


def write_documents(rows: list[dict] = DOCUMENTS) -> None:
    write_rows(Path("inputs/ours"), rows, [], [])
    for name in ("queries", "qrels"):
        Path(f"inputs/ours/{name}.jsonl").unlink()


def use_endpoint(url: str) -> None:
    """Name an endpoint in the written file, as its comment shows."""
    given = yaml.safe_load(Path("params.yaml").read_text())
    given["generators"]["endpoint"] = {"endpoint": {"url": url, "model": "m"}}
    Path("params.yaml").write_text(yaml.safe_dump(given, sort_keys=False))


def test_documents_alone_become_a_params_file_that_the_stages_accept(
    checkout: Path, capsys: pytest.CaptureFixture
):
    """One of 120 documents in four has a dev query: 30, the number that can choose a round."""
    write_documents()
    init(None)
    told = capsys.readouterr().out
    assert "Nothing is labelled, so queries are generated for 120 documents" in told
    assert "nothing measures the result until 100 real test queries are labelled" in told
    assert "a model for code on this machine. For prose, name another model" in told
    assert "hone generate preview ours" in told
    assert "hone audit" not in told
    written = Path("params.yaml").read_text()
    assert "generate: {recipe: documents-only, dev: 0.25}" in written
    assert "local: {local: {model: qwen2.5-coder-1.5b}}" in written
    assert "At most 90 training queries give " in written
    given = params.read()
    assert (given.train_on, given.evaluate_on) == (["ours"], ["ours"])
    assert list(given.judges) == ["guide"]
    assert not any(row.kind == doctor.FAULT for row in doctor.settings())
    resolve()
    collect("ours")
    assert read_json(Path("data/ours/about.json"))["train"]["queries"] == 0
    with serving(lambda body: f"why is the machine {documents_of(body)[0][8:13]} slow") as server:
        use_endpoint(server.url)
        resolve()
        base()
        generate("ours")
        assert len(server.requests) == 120
    start()
    leakage("ours")
    account = read_json(Path("generated/ours/generate.json"))
    assert account["recipe"] == "documents-only"
    assert account["train"] > account["dev"] > 0


def test_equal_folders_give_equal_bytes(checkout: Path):
    write_documents()
    init(None)
    first = Path("params.yaml").read_bytes()
    init(None)
    assert Path("params.yaml").read_bytes() == first


def test_text_files_alone_are_a_collection(checkout: Path, capsys: pytest.CaptureFixture):
    for number in range(60):
        Path(f"inputs/ours/{number}.md").write_text(
            f"# Machine {number}\n\nIt is slow and heavy.\n"
        )
    init(None)
    assert "queries are generated for 60 documents" in capsys.readouterr().out
    given = params.read()
    assert given.collections["ours"].source == "files"
    resolve()
    collect("ours")
    assert len(tables.read("documents", Path("data/ours/documents.parquet"))) == 60


def test_many_documents_begin_with_some_of_them(
    checkout: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(generation, "MOST", 100)
    write_documents()
    init(None)
    assert "for 100 of 120 documents" in capsys.readouterr().out
    chosen = params.read().collections["ours"].generation
    assert chosen.changes == {"documents": {"random": {"count": 100}}, "dev": 0.3}


def test_queries_without_labels_are_used_as_they_are(checkout: Path, capsys: pytest.CaptureFixture):
    queries = [
        {"query_id": f"q{one}", "text": f"why is machine {one * 31:x} slow"} for one in range(20)
    ]
    write_rows(Path("inputs/ours"), DOCUMENTS, queries, [])
    Path("inputs/ours/qrels.jsonl").unlink()
    init(None)
    assert "The files have 20 queries without labels." in capsys.readouterr().out
    resolve()
    collect("ours")
    folder = Path("data/ours")
    found = [
        len(tables.read("queries", folder / name / "queries.parquet")) for name in ("train", "test")
    ]
    unlabelled = len(tables.read("queries", folder / "train/unlabelled.parquet"))
    dev = len(tables.read("queries", folder / "dev/queries.parquet"))
    assert found[0] == 0
    assert unlabelled + dev + found[1] == 20


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"questions.csv": "qid,question\n1,who\n"}, "looks like queries: rename it to queries"),
        ({"judgments.csv": "qid,docid,score\n1,2,3\n"}, "looks like qrels: rename it to qrels"),
        ({"qrels.csv": "query_id,doc_id\nq,d1\n"}, "no queries. Add queries.csv with the columns"),
        ({"queries.csv": "id,text\nq,who\n"}, "'query_id' is missing (rename 'id')"),
    ],
)
def test_own_queries_and_labels_are_never_passed_over(
    checkout: Path, files: dict[str, str], said: str
):
    write_documents()
    for name, text in files.items():
        Path("inputs/ours", name).write_text(text)
    before = Path("params.yaml").read_bytes()
    with pytest.raises(Refused) as refused:
        init(None)
    assert said in str(refused.value)
    assert Path("params.yaml").read_bytes() == before


def test_a_corpus_of_beir_alone_says_how_to_go_on(checkout: Path):
    Path("inputs/ours/corpus.jsonl").write_text('{"_id": "a", "text": "b"}\n')
    with pytest.raises(
        Refused, match="To generate queries, write the documents to documents.jsonl"
    ):
        init(None)


def test_broken_documents_are_refused_with_their_rows(checkout: Path):
    write_documents([*DOCUMENTS, {"doc_id": "d1", "text": "twice"}])
    with pytest.raises(Refused, match="the document id is duplicated"):
        init(None)


def test_empty_documents_are_left_out(checkout: Path, capsys: pytest.CaptureFixture):
    write_documents([*DOCUMENTS, {"doc_id": "void", "text": "  "}])
    init(None)
    assert "Set empty_documents: leave-out, because 1 documents have no text." in (
        capsys.readouterr().out
    )
    resolve()
    collect("ours")


@pytest.mark.parametrize(
    ("documents", "setting", "train"),
    [
        (50, "{recipe: documents-only, dev: 0.3}", 35),
        (120, "{recipe: documents-only, dev: 0.25}", 90),
        (300, "documents-only", 270),
        (1_000, "documents-only", 900),
        (5_000, "{recipe: documents-only, documents: {random: {count: 1000}}}", 900),
    ],
)
def test_the_setting_by_hand(documents: int, setting: str, train: int):
    """30 dev queries if possible, at most 30 % and at least 10 % of the documents."""
    made = Generation(documents, min(documents, generation.MOST), 0)
    assert (made.setting, made.train) == (setting, train)
    assert yaml.safe_load(made.setting)


def test_a_folder_with_labels_generates_nothing(checkout: Path):
    write_documents()
    assert can_generate(inventory(Path("inputs/ours")))
    Path("inputs/ours/qrels.csv").write_text("query_id,doc_id\nq,d1\n")
    assert not can_generate(inventory(Path("inputs/ours")))


def test_the_plan_reads_the_documents_and_generates_nothing(checkout: Path):
    write_documents()
    init(None)
    given = params.read()
    assert collecting.stages_of(given) == ["collect@ours"]
    assert generating.ungenerated(given, everything(given)) == ["ours"]
    plain = given.collections["ours"].model_copy(update={"generate": None})
    labelled = given.model_copy(update={"collections": {"ours": plain}})
    assert collecting.stages_of(labelled) == ["start"]
