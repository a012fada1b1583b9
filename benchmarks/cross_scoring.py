"""Scoring candidates with a cross-encoder, against `CrossEncoder.rank` query by query: same
model, pairs, length and precision.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.clock import in_turns, show, timed
from benchmarks.workspace import documents, workspace

QUERIES, DEPTH, LENGTH, TIMES = 32, 30, 128, 2
MODEL = Path("inputs/cross")
ROUNDS = {"r1": {"from": "r0", "recipe": "bm25"}}


def main() -> None:
    from hone.encoders.precision import precision_of

    fast = precision_of("auto", "cpu")
    with workspace(rounds=ROUNDS):
        save_model()
        queries, texts, rows = candidates()
        print(f"cross-scoring: {len(rows):,} pairs of {len(queries)} queries, {LENGTH} tokens")
        for kind in dict.fromkeys(("fp32", fast)):
            model, scorer = theirs(kind), ours(kind)
            made = {
                "theirs": by_query(model, queries, texts, rows),
                "ours": cold(scorer, queries, texts, rows),
            }
            gaps = abs(made["theirs"] - made["ours"])
            print(
                f"cross-scoring ({kind}): scores (0 to 1) differ by {gaps.mean():.5f} on average, "
                f"{gaps.max():.5f} at most"
            )
            if kind == "fp32":
                exact = made["ours"]
            best = in_turns(
                TIMES,
                theirs=lambda model=model: by_query(model, queries, texts, rows),
                ours=lambda scorer=scorer: cold(scorer, queries, texts, rows),
            )
            show(f"cross-scoring, empty cache ({kind} both)", best["theirs"], best["ours"], "2")
            warm, _ = timed(lambda scorer=scorer: scorer.probabilities(queries, texts, rows))
            print(f"cross-scoring, cached scores ({kind}): {warm:.2f} s")
        moved = abs(made["ours"] - exact)
        print(
            f"cross-scoring: scores of {fast} differ from those of fp32 by {moved.mean():.5f} on "
            f"average, {moved.max():.5f} at most"
        )


def save_model() -> None:
    """The base encoder as a cross-encoder. Its random head costs as much as a trained one."""
    import torch
    from sentence_transformers import CrossEncoder

    torch.manual_seed(13)
    model = CrossEncoder(
        "models/r0", num_labels=1, max_length=LENGTH, device="cpu", local_files_only=True
    )
    model.save_pretrained(str(MODEL))


def candidates() -> tuple[list[str], list[str], np.ndarray]:
    """Texts of queries and documents, and the rows of the first candidates of each query."""
    from tests.stages import retrieve

    retrieve("r1")
    found = pl.read_parquet("rounds/r1/candidates.parquet").filter(pl.col("rank") <= DEPTH)
    queries = (
        pl.read_parquet("data/python-api/train/queries.parquet")
        .join(found, on="query_id", how="semi")
        .head(QUERIES)
    )
    texts = documents().with_row_index("document")
    rows = (
        found.join(queries.with_row_index("query"), on="query_id", maintain_order="left")
        .join(texts, on="doc_id", maintain_order="left")
        .select("query", "document")
    )
    return queries["text"].to_list(), texts["text"].to_list(), rows.to_numpy().astype(np.int64)


def theirs(kind: str):
    """The library's model, with the precision set as in its documentation."""
    import torch
    from sentence_transformers import CrossEncoder

    return CrossEncoder(
        str(MODEL),
        device="cpu",
        local_files_only=True,
        model_kwargs={"dtype": {"bf16": torch.bfloat16, "fp32": torch.float32}[kind]},
    )


def ours(kind: str):
    from hone.encoders.cross_encoder_folder import CrossModel
    from hone.encoders.cross_encoder_scores import CrossScorer

    return CrossScorer(CrossModel(MODEL), None, kind)


def by_query(model, queries: list[str], texts: list[str], rows: np.ndarray) -> np.ndarray:
    """Scores of all pairs, query by query."""
    scores = np.empty(len(rows), dtype=np.float32)
    for query, text in enumerate(queries):
        own = (rows[:, 0] == query).nonzero()[0]
        for found in model.rank(text, [texts[document] for document in rows[own, 1]]):
            scores[own[found["corpus_id"]]] = found["score"]
    return scores


def cold(scorer, queries: list[str], texts: list[str], rows: np.ndarray) -> np.ndarray:
    """Scores of all pairs, with an empty cache."""
    shutil.rmtree(scorer.space().folder, ignore_errors=True)
    return scorer.probabilities(queries, texts, rows)
