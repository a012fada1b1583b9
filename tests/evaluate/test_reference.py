"""What rounds are held against: the base model, words, another model, an endpoint."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from sentence_transformers import SentenceTransformer

from commands.cache import list_entries
from hone.config import params
from hone.data import tables
from hone.errors import Refused
from hone.files import write_json
from hone.ir.provenance import of_table, seen
from hone.layout import RESOLVED
from hone.stage import call
from tasks.evaluate.reference import main as evaluate_reference
from tasks.resolve.stages import everything
from tests.embeddings import Server, server
from tests.prepared import COLLECTION, write_params
from tests.stages import evaluate
from tests.tiny_model import WORDS, tiny_model

__all__ = ["server"]


def project(**references: dict) -> None:
    """Twenty documents, ten test queries, and a model folder below inputs/."""
    documents = [
        {"doc_id": f"d{number}", "title": "", "text": f"{WORDS[number]} {WORDS[number + 1]}"}
        for number in range(20)
    ]
    queries = [{"query_id": f"q{number}", "text": WORDS[number]} for number in range(10)]
    qrels = [
        {"query_id": f"q{number}", "doc_id": f"d{number}", "relevance": 1} for number in range(10)
    ]
    place = Path("data/ours")
    tables.write(
        "documents",
        tables.shaped("documents", pl.DataFrame(documents)),
        place / "documents.parquet",
    )
    for split, rows, labels in (("test", queries, qrels), ("dev", queries[:0], qrels[:0])):
        tables.write(
            "queries",
            tables.shaped("queries", pl.DataFrame(rows, schema=["query_id", "text"])),
            place / split / "queries.parquet",
        )
        frame = pl.DataFrame(
            labels, schema={"query_id": pl.String, "doc_id": pl.String, "relevance": pl.Int32}
        )
        tables.write("qrels", tables.shaped("qrels", frame), place / split / "qrels.parquet")
    tiny_model(Path("inputs/base"), seed=1)
    write_params(
        collections={"ours": COLLECTION | {"path": "inputs"}},
        model={"name": "inputs/base", "precision": "fp32", "max_length": 16},
        compare_with=["r0", "bm25", *references],
        references=references,
    )
    for name, settings in everything(params.read()).items():
        write_json(RESOLVED / f"{name}.json", settings.plain())


def scored(name: str) -> dict:
    return json.loads(Path(f"reports/metrics/{name}/ours.json").read_text())


def test_a_folder_is_scored_as_the_same_model_in_a_round(workspace: Path):
    tiny_model(workspace / "inputs" / "other", seed=5)
    project(strong={"model": "inputs/other", "max_length": 16})
    Path("models").mkdir()
    Path("models/r1").symlink_to(Path("inputs/other").resolve())
    evaluate(round="r1", collection="ours")
    call(evaluate_reference, reference="strong", collection="ours")
    assert scored("strong") == scored("r1")
    of_round, of_reference = (
        of_table(Path(f"reports/queries/{name}/ours.parquet")) for name in ("r1", "strong")
    )
    assert of_round == of_reference == seen("ours", 1)
    tables_seen = {
        "documents.parquet",
        *(f"{split}/{name}.parquet" for split in ("test", "dev") for name in ("queries", "qrels")),
    }
    assert of_round.keys() == {"min_relevance", *tables_seen}


def test_a_reference_reads_by_its_own_prompts(workspace: Path):
    tiny_model(workspace / "inputs" / "other", seed=5)
    project(
        plain={"model": "inputs/other"},
        asked={"model": "inputs/other", "prompts": {"query": "salt dark stone "}},
    )
    for name in ("plain", "asked"):
        call(evaluate_reference, reference=name, collection="ours")
    assert scored("plain") != scored("asked")


def test_a_folder_that_changed_since_it_was_looked_at_is_refused(workspace: Path):
    tiny_model(workspace / "inputs" / "other", seed=5)
    project(strong={"model": "inputs/other"})
    (workspace / "inputs" / "other" / "config.json").write_text(
        (workspace / "inputs" / "base" / "config.json").read_text() + " "
    )
    with pytest.raises(Refused, match="has changed since `resolve` pinned it"):
        call(evaluate_reference, reference="strong", collection="ours")


def test_an_endpoint_with_the_same_model_has_its_scores(
    workspace: Path, server: Server, capfd: pytest.CaptureFixture[str]
):
    project(theirs={"endpoint": {"url": server.url, "model": "tiny", "batch": 4}})
    model = SentenceTransformer("inputs/base", device="cpu")
    server.answer = lambda body: {
        "object": "list",
        "model": "tiny",
        "usage": {"prompt_tokens": 1, "total_tokens": 1},
        "data": [
            {"index": place, "embedding": vector.tolist()}
            for place, vector in enumerate(model.encode(body["input"]))
        ],
    }
    Path("models").mkdir()
    Path("models/r0").symlink_to(Path("inputs/base").resolve())
    call(evaluate_reference, reference="r0", collection="ours")
    call(evaluate_reference, reference="theirs", collection="ours")
    sent = f"reference theirs sends texts of collection ours to {server.url}"
    assert capfd.readouterr().err.count(sent) == 1
    ours, theirs = scored("r0"), scored("theirs")
    assert theirs.keys() == ours.keys()
    assert all(
        theirs[name] == pytest.approx(ours[name], abs=1e-4)
        for name in ours
        if isinstance(ours[name], float)
    )
    n_texts = len(server.texts)
    call(evaluate_reference, reference="theirs", collection="ours")
    assert len(server.texts) == n_texts
    assert {one.needed_by for one in list_entries()} == {("r0",), ("theirs",)}
