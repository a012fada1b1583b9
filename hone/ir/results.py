"""Output of an evaluation: means for DVC and git, values of each query, and the ranking as a
TREC run file.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from hone.data.eval_splits import EvaluationSplit, read_evaluation_splits
from hone.data.own_id import OwnId
from hone.data.tables import Documents
from hone.data.traffic import read_traffic, weights_of
from hone.files import write_json, written_whole
from hone.ir.diagnostic import describe_measure, measured
from hone.ir.measures import DEPTH, WEIGHTED, means, per_query, weighted_means
from hone.ir.provenance import as_metadata, seen
from hone.ir.ranking import RankingPart, own_documents
from hone.ir.split_names import GENERATED, is_generated, name_split
from hone.ir.trec_run import write_run
from hone.layout import collection_table, metrics_file, query_values_file, run_file
from hone.stage import say

if TYPE_CHECKING:
    from hone.ir.mteb import MtebTask

OWN_DROPPED = (
    "own_id_dropped"  # pairs of a query and the document with its own id, excluded from the ranking
)

Rank = Callable[[pl.DataFrame, Documents, pl.DataFrame, RankingPart], pl.DataFrame]
Lie = Callable[[pl.DataFrame, Documents, pl.DataFrame, pl.DataFrame, int], dict[str, float | None]]


@dataclass(frozen=True)
class Measured:
    """The evaluation of one split.

    Attributes:
        run: query_id, doc_id, score: the first hundred documents of each query.
        values: query_id and the measures of each query.
        figures: the means, `queries`, and for MTEB tasks `mteb`, the task's main score by its name.
    """

    run: pl.DataFrame
    values: pl.DataFrame
    figures: dict[str, Any]


def measure_split(
    part: EvaluationSplit,
    documents: Documents,
    rank: Rank,
    min_relevance: int,
    task: MtebTask | None,
    own_id: OwnId,
) -> Measured:
    """Rank the queries of one split, and compute their measures. `evaluate` describes the
    arguments.
    """
    ranking_part = choose_ranking_part(part, task, own_id)
    whole = rank(part.queries, documents, part.qrels, ranking_part)
    run = (
        whole
        if ranking_part.depth <= DEPTH
        else whole.filter(pl.int_range(pl.len()).over("query_id") < DEPTH)
    )
    values = per_query(run, part.qrels, min_relevance)
    figures: dict[str, Any] = means(values) | {"queries": len(values)}
    if not ranking_part.itself:
        figures[OWN_DROPPED] = len(own_documents(part.queries, documents, part.qrels, part.ranked))
    if task is not None and part.split == "test":
        figures["mteb"] = task.score(part.queries, part.qrels, whole, part.ranked)
    return Measured(run, values, figures)


def evaluate(
    name: str,
    collection: str,
    rank: Rank,
    min_relevance: int,
    lie: Lie | None = None,
    task: MtebTask | None = None,
    own_id: OwnId = "keep",
    ability: str | None = None,
) -> None:
    """Rank the queries of every split, compute the measures, and write the results of `name` (a
    round or reference).

    Args:
        name: the name of the results.
        collection: the searched collection.
        rank: queries, documents, qrels and the kept part -> query_id, doc_id, score.
        min_relevance: the lowest relevance grade of a relevant document.
        lie: computes additional measures of a model's vectors.
        task: an MTEB task, whose own scorer adds a measure.
        own_id: `drop` removes the document with the query's own id from its ranking. MTEB tasks
            have their own rule.
        ability: the ability that a diagnostic set tests, which adds a measure.
    """
    documents = Documents(collection_table(collection, "documents"))
    runs, values, metrics = [], [], {}
    for part in read_evaluation_splits(collection, min_relevance):
        found = measure_split(part, documents, rank, min_relevance, task, own_id)
        run, metrics[part.split] = found.run, found.figures
        metrics[part.split] |= traffic_means(collection, part.split, found.values)
        if part.generated:
            metrics[part.split][GENERATED] = True
        runs.append(run)
        values.append(found.values.with_columns(split=pl.lit(part.split)))
        if ability is not None:
            metrics[part.split] |= measured(
                ability, run, part.queries, part.qrels, min_relevance
            ).figures
        if lie is not None:
            metrics[part.split] |= lie(part.queries, documents, part.qrels, run, min_relevance)
    of_first = metrics[values[0]["split"][0]]
    dropped = (
        f", {of_first[OWN_DROPPED]:,} documents with the query's id dropped"
        if OWN_DROPPED in of_first
        else ""
    )
    by_traffic = of_first.get(f"{WEIGHTED}ndcg_at_10")
    weighted = "" if by_traffic is None else f", weighted by traffic {by_traffic:.4f}"
    own = weighted + describe_measure(ability, of_first) + dropped
    # Test measures are at the top level, where `dvc metrics` shows them under their own names.
    split = name_split(values[0]["split"][0], is_generated(metrics))
    write_json(metrics_file(name, collection), metrics.pop("test", {}) | metrics)
    with written_whole(query_values_file(name, collection)) as part:
        pl.concat(values).write_parquet(
            part, metadata=as_metadata(seen(collection, min_relevance, drops_own_id(own_id, task)))
        )
    write_run(pl.concat(runs), name, run_file(name, collection))
    first = values[0]
    say(
        f"evaluate {name} on {collection} ({split}, {len(first):,} queries): nDCG@10 "
        f"{first['ndcg_at_10'].mean():.4f}{own}"
    )


def traffic_means(collection: str, split: str, values: pl.DataFrame) -> dict[str, float]:
    """The means weighted by the number of searches of each query. Empty if it is unknown."""
    traffic = read_traffic(collection, split)
    weights = None if traffic is None else weights_of(values["query_id"], traffic)
    return {} if weights is None else weighted_means(values, weights)


def choose_ranking_part(part: EvaluationSplit, task: MtebTask | None, own_id: OwnId) -> RankingPart:
    """The kept part of the ranking: what an MTEB task's scorer reads, otherwise the first
    hundred documents.
    """
    return RankingPart(
        DEPTH if task is None else task.depth, not drops_own_id(own_id, task), part.ranked
    )


def drops_own_id(own_id: OwnId, task: MtebTask | None) -> bool:
    """Whether the document with the query's own id is removed from its ranking."""
    return own_id == "drop" if task is None else not task.itself
