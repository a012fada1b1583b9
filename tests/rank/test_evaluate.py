"""nDCG@10 before and after: what an evaluation says of the encoder's ranking, and what follows
from the ranker's order.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from hone.data import training_set
from hone.encoders.cross_encoder_folder import CrossModel
from hone.encoders.cross_encoder_scores import CrossScorer
from hone.encoders.encoder import encoder_for
from hone.ir.measures import per_query
from hone.ir.ranking import by_encoder
from tasks.rank.evaluate import reranked
from tests.prepared import pairs, prepare, write_rows
from tests.rank.collection import MODEL, prepared
from tests.tiny_cross_encoder import tiny_cross_encoder
from tests.tiny_model import tiny_model

READING = {"max_length": 16, "prompts": {}, "precision": "fp32"}
MACHINE = {"device": "cpu", "batch_tokens": None}


def means_of(collection, encoder, scorer) -> tuple[pl.Series, pl.Series]:
    """nDCG@10 of each dev query by the encoder and, over all documents, by the cross-encoder;
    both by way of the evaluation.
    """
    queries, qrels = collection.queries("dev"), collection.qrels("dev")
    before = per_query(by_encoder(encoder, queries, collection.documents, qrels), qrels)[
        "ndcg_at_10"
    ]
    every = queries.select("query_id", "text").join(
        collection.documents.texts(collection.documents.ids), how="cross"
    )
    rows = np.arange(len(every))
    logits = scorer.logits(
        every["text"].to_list(), every["full_text"].to_list(), np.column_stack([rows, rows])
    )
    run = every.select("query_id", "doc_id", score=pl.Series(logits))
    return before, per_query(run, qrels)["ndcg_at_10"]


def test_before_is_the_evaluations_figure_and_after_the_rankers_own(workspace: Path):
    prepared({})
    (collection,) = training_set.read()
    encoder = encoder_for(Path("models/r0"), READING, MACHINE)
    scorer = CrossScorer(CrossModel(tiny_cross_encoder(Path("inputs/cross"))), precision="fp32")
    found = reranked(scorer, encoder, collection, 24)
    before, after = means_of(collection, encoder, scorer)
    assert found["before"] == pytest.approx(before.mean())
    assert found["after"] == pytest.approx(after.mean())
    assert (found["better"], found["worse"]) == ((after > before).sum(), (after < before).sum())
    assert before.mean() != pytest.approx(after.mean())


def test_only_the_first_documents_are_ordered_anew(workspace: Path):
    """The first document stays the first, whatever the ranker says."""
    prepared({})
    (collection,) = training_set.read()
    encoder = encoder_for(Path("models/r0"), READING, MACHINE)
    scorer = CrossScorer(CrossModel(tiny_cross_encoder(Path("inputs/cross"))), precision="fp32")
    found = reranked(scorer, encoder, collection, 1)
    assert found["before"] == found["after"]
    assert (found["better"], found["worse"]) == (0, 0)


def test_chunks_are_ranked_for_their_parents(workspace: Path):
    """Labels name parents: a parent stands where its best chunk does, by the encoder as by the
    ranker.
    """
    documents = [
        {"doc_id": f"p{number}-{part}", "text": text, "parent_id": f"p{number}"}
        for number, texts in enumerate(
            [("red cat", "blue dog"), ("hot fire", "old stone"), ("sweet water", "new bird")]
        )
        for part, text in enumerate(texts)
    ]
    query_texts = {"train": "big tree", "dev": "red cat", "test": "dark light"}
    queries = [
        {"query_id": split, "text": text, "split": split} for split, text in query_texts.items()
    ]
    write_rows(
        Path("inputs/ours"),
        documents,
        queries,
        pairs(*((name, "p0") for name in ("train", "dev", "test"))),
    )
    tiny_model(Path("inputs/tiny"))
    prepare(model=MODEL, leakage={"refuse_above": None})
    (collection,) = training_set.read()
    encoder = encoder_for(Path("models/r0"), READING, MACHINE)
    scorer = CrossScorer(CrossModel(tiny_cross_encoder(Path("inputs/cross"))), precision="fp32")
    found = reranked(scorer, encoder, collection, 6)
    assert found["before"] == 1  # the text of its first chunk is the query's own
    texts = [row["text"] for row in documents]
    logits = scorer.logits(["red cat"], texts, np.array([(0, number) for number in range(6)]))
    best = logits.reshape(3, 2).max(1)
    place = int((best > best[0]).sum()) + 1
    assert found["after"] == pytest.approx(1 / np.log2(place + 1))
