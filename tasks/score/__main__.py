"""score: candidates and known positives -> how each scorer compares them with their query, in fp32.

Candidates come with the scores of their sources, which are not alike (BM25, a run, a teacher), and a known positive need
not have been retrieved at all. Rules that compare the two need both from one scorer.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from tasks import resolved, tables, training_set
from tasks.encode.encoder import Encoder
from tasks.encode.models import Models
from tasks.encode.search import pair_scores
from tasks.stage import run, say


def main(round: str) -> None:
    """Write one row for each pair and scorer."""
    settings = resolved.of_round(round, "score")
    folder = Path("rounds") / round
    candidates = tables.read("candidates", folder / "candidates.parquet")
    labels = tables.read("labels", Path("rounds") / settings["from"] / "labels.parquet")
    pairs = pairs_of(candidates, labels)
    models = Models.of(settings)
    scored = [
        scores_of(models.encoder(model), collection, pairs).with_columns(scorer=pl.lit(name))
        for name, model in (settings["scorers"].items() if len(candidates) else ())
        for collection in training_set.read()
    ]
    scores = tables.shaped("scores", pl.concat(scored)) if scored else tables.empty("scores")
    tables.write("scores", scores, folder / "scores.parquet")
    say(f"score {round}: {len(scores):,} scores by {', '.join(settings['scorers']) or 'nobody'}")


def pairs_of(candidates: pl.DataFrame, labels: pl.DataFrame) -> pl.DataFrame:
    """Each candidate and known positive of a query once: query_id, doc_id."""
    positives = labels.filter(pl.col("label") == "positive")
    both = pl.concat([candidates.select("query_id", "doc_id"), positives.select("query_id", "doc_id")])
    return both.unique(maintain_order=True)


def scores_of(encoder: Encoder, collection: training_set.TrainingCollection, pairs: pl.DataFrame) -> pl.DataFrame:
    """query_id, doc_id and score of the pairs whose query is of the collection."""
    queries = collection.queries().join(pairs, on="query_id", how="semi", maintain_order="left")
    here = pairs.join(queries, on="query_id", how="semi", maintain_order="left")
    wanted = here["doc_id"].unique()
    doc_ids: list[str] = []

    def texts():
        for ids, chunk in collection.documents.chunks_of(wanted):
            doc_ids.extend(ids)
            yield chunk

    document_vectors = encoder.vectors(texts(), "document", len(wanted))
    query_vectors = encoder.queries(queries["text"].to_list())
    rows = (
        here.join(queries.select("query_id").with_row_index("query"), on="query_id", how="left", maintain_order="left")
        .join(pl.DataFrame({"doc_id": doc_ids}).with_row_index("document"), on="doc_id", how="left", maintain_order="left")
        .select("query", "document").to_numpy().astype(np.int64)
    )  # fmt: skip
    return here.with_columns(score=pl.Series(pair_scores(query_vectors, document_vectors, rows)))


if __name__ == "__main__":
    run(main)
