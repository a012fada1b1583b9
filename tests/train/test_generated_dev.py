"""A round that trains on generated queries: its record and its card say which figures come from
generated dev queries.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from hone.data import tables
from hone.files import read_json
from tests.commands.generate.setting import asks, prepare, write_documents
from tests.hone.llm.answering import serving
from tests.prepared import write_params
from tests.stages import base, generate, resolve, start, train
from tests.tiny_model import tiny_model

MODEL = {"name": "inputs/tiny", "max_length": 16, "precision": "fp32"}
SECTION = {"batch": {"random": {"size": 2}}, "steps": 2, "negatives": 0}


def test_the_card_of_a_model_names_generated_dev_queries(workspace: Path):
    write_documents()
    tiny_model(Path("inputs/tiny"))
    with serving(asks) as server:
        sections = prepare(server, {"dev": 0.5})
        rounds = {"r1": {"from": "r0", "recipe": "in-batch", "train": SECTION}}
        write_params(**sections, model=MODEL, rounds=rounds)
        resolve()
        base()
        generate("ours")
    start()
    labels = tables.read("labels", Path("rounds/r0/labels.parquet"))
    tables.write("labels", labels, Path("rounds/r1/labels.parquet"))
    train("r1")
    dev = tables.read("queries", Path("generated/ours/dev/queries.parquet"))
    card = Path("models/r1/README.md").read_text()
    assert "Scores on generated dev queries (those on test queries: reports/metrics):" in card
    assert "Generated dev queries choose a round. They do not measure it." in card
    assert f"(nDCG@10 on {len(dev)} generated dev queries and a pool of 8 documents" in card
    assert read_json(Path("rounds/r1/dev_checks.json"))["queries_name"] == "generated dev queries"
    trained = pl.read_parquet("rounds/r1/trained.parquet")
    assert set(trained["query_id"]) <= set(labels["query_id"])
    assert f"**Collection ours:** {trained['query_id'].n_unique()} training queries" in card
