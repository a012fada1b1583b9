"""Memory and time of the stage `generate` after the writing: 100,000 documents and 1,000,000
generated queries pass the guard and the filters, and are written.

A process of its own. The queries are made up: ten for each document, of words of the document and
others.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

DOCUMENTS, QUERIES = 100_000, 1_000_000
WORDS_OF_DOCUMENT, WORDS_OF_QUERY, VOCABULARY = 100, 9, 20_000
HELD_OUT = 2_000  # dev and test queries
FILTERS = [
    {"method": "length", "parameters": {"shortest": 2, "longest": 64}},
    {"method": "language", "parameters": {"languages": None, "sure": 0.95}},
    {"method": "copy", "parameters": {"most": 0.8, "run": 3}},
    {"method": "near-duplicate", "parameters": {"training": True}},
    {"method": "round-trip", "parameters": {"by": "bm25", "rank": 10}},
    {"method": "per-document", "parameters": {"most": 10}},
]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            [sys.executable, "-m", "benchmarks.generation_memory", folder],
            check=True,
            env=os.environ | {"HONE_HOME": folder},
        )


def measure(folder: Path) -> None:
    """Print the seconds of each step, and the peak of private memory."""
    from benchmarks.memory import Peak, memory
    from hone.generation.rows import Generated
    from tasks.generate.context import GenerationContext
    from tasks.generate.filtering import filtered
    from tasks.generate.held_out import without_held_out
    from tasks.generate.tables import write_generated
    from tasks.generate.work import Work

    os.chdir(folder)
    write_collection()
    queries, labels = make_rows()
    rows = Generated(queries, labels)
    collection = GenerationContext("ours", "english", 13, 1)
    before = memory()
    with Peak() as peak:
        began = time.perf_counter()
        rows = without_held_out(rows, collection)
        say("guard", began)
        for line in FILTERS:
            began = time.perf_counter()
            rows = filtered(rows, [line], collection)
            say(line["method"], began)
        began = time.perf_counter()
        write_generated(folder / "generated", Work(rows, DOCUMENTS, QUERIES), settings())
        say("tables", began)
    print(
        f"memory, {DOCUMENTS:,} documents and {QUERIES:,} generated queries: "
        f"{before / 1024:.0f} MB before, at most {peak.highest / 1024:.0f} MB (target: 2,000 MB); "
        f"{len(rows.queries):,} queries stay",
        flush=True,
    )


def say(what: str, began: float) -> None:
    print(f"generate, {what}: {time.perf_counter() - began:.0f} s", flush=True)


def settings():
    """Settings of the stage."""
    from hone.config.sections.generate import WritingBudget
    from tasks.generate.settings import GenerateSettings, ResolvedGeneration

    line = {"method": "all", "parameters": {}}
    section = ResolvedGeneration(
        recipe="bench",
        documents=line,
        shortest=0,
        methods=[line],
        filters=[],
        dev=0.1,
        budget=WritingBudget(),
    )
    return GenerateSettings(
        collection="ours",
        generate=section,
        language="english",
        min_relevance=1,
        seed=13,
        code={},
        packages={},
    )


def draw_texts(count: int, words: int, seed: int):
    """Texts of words w0 to w19999, drawn by Zipf's law."""
    import numpy as np
    import polars as pl

    draw = np.random.default_rng(seed)
    parts = []
    for start in range(0, count, 50_000):
        size = min(50_000, count - start)
        ranks = np.minimum(draw.zipf(1.3, (size, words)), VOCABULARY) - 1
        frame = pl.DataFrame({"row": np.repeat(np.arange(size), words), "word": ranks.ravel()})
        joined = frame.group_by("row", maintain_order=True).agg(
            pl.format("w{}", pl.col("word")).str.join(" ").alias("text")
        )
        parts.append(joined["text"])
    return pl.concat(parts)


def write_collection() -> None:
    """data/ours with documents, no training queries, and held-out queries."""
    import polars as pl

    from hone.data import tables

    place = Path("data/ours")
    ids = pl.select(pl.format("d{}", pl.int_range(DOCUMENTS))).to_series()
    documents = pl.DataFrame({"doc_id": ids, "text": draw_texts(DOCUMENTS, WORDS_OF_DOCUMENT, 1)})
    tables.write("documents", tables.shaped("documents", documents), place / "documents.parquet")
    for split in ("train", "dev", "test"):
        count = 0 if split == "train" else HELD_OUT // 2
        names = pl.select(pl.format(f"{split}{{}}", pl.int_range(count))).to_series()
        texts = draw_texts(count, WORDS_OF_QUERY, 2) if count else pl.Series([], dtype=pl.String)
        queries = pl.DataFrame({"query_id": names, "text": texts})
        tables.write(
            "queries", tables.shaped("queries", queries), place / split / "queries.parquet"
        )
        tables.write("qrels", tables.empty("qrels"), place / split / "qrels.parquet")


def make_rows():
    """Queries and labels, ten for each document."""
    import polars as pl

    numbers = pl.int_range(QUERIES)
    queries = pl.select(
        query_id=pl.format("gen-{}", numbers),
        text=draw_texts(QUERIES, WORDS_OF_QUERY, 3),
        origin=pl.lit("questions question@1 made-up"),
        doc_id=pl.format("d{}", numbers // (QUERIES // DOCUMENTS)),
        method=pl.lit("questions"),
    )
    labels = queries.select("query_id", "doc_id", relevance=pl.lit(1, dtype=pl.Int32))
    return queries, labels


if __name__ == "__main__":
    measure(Path(sys.argv[1]))
