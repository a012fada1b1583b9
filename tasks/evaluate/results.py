"""What an evaluation writes: means for DVC and git, values of each query, and the ranking as a TREC run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from tasks import tables
from tasks.errors import Refused
from tasks.evaluate.ability import measured, told
from tasks.evaluate.measures import DEPTH, means, per_query
from tasks.evaluate.ranking import Kept
from tasks.files import write_json, written_whole
from tasks.stage import say
from tasks.tables import Documents

if TYPE_CHECKING:
    from tasks.mteb_task import MtebTask

REPORTS = Path("reports")
SPLITS = ("test", "dev")

Rank = Callable[[pl.DataFrame, Documents, pl.DataFrame, Kept], pl.DataFrame]
Lie = Callable[[pl.DataFrame, Documents, pl.DataFrame, pl.DataFrame, int], dict[str, float | None]]


@dataclass(frozen=True)
class Asked:
    """One split of a collection as evaluation reads it."""

    split: str
    queries: pl.DataFrame
    qrels: pl.DataFrame
    ranked: pl.DataFrame | None = None  # query_id, doc_id: the only documents that are ranked; null: all


def asked(collection: str) -> list[Asked]:
    """The splits of a collection that have judged queries, test first.

    Raises:
        Refused: there is none.
    """
    folder = Path("data") / collection
    found = [
        Asked(split, tables.read("queries", place / "queries.parquet"), tables.read("qrels", place / "qrels.parquet"), among(place))
        for split, place in ((split, folder / split) for split in SPLITS)
    ]
    judged = [part for part in found if not part.qrels.is_empty()]
    if not judged:
        raise Refused(f"the collection {collection} is in `evaluate_on` and has no judged test or dev query: add labels, or take it out.")
    return judged


def among(place: Path) -> pl.DataFrame | None:
    """What is reranked of a split; null where all documents are ranked."""
    file = place / "ranked.parquet"
    return tables.read("ranked", file) if file.exists() else None


def evaluate(
    name: str,
    collection: str,
    rank: Rank,
    min_relevance: int,
    lie: Lie | None = None,
    task: MtebTask | None = None,
    ability: str | None = None,
) -> None:
    """Rank the queries of every split, measure, and write the results of `name` (a round or reference).

    Args:
        name: under which results are written.
        collection: what is searched.
        rank: queries, documents, qrels and what is kept -> query_id, doc_id, score.
        min_relevance: the grade from which on a document is right.
        lie: how vectors lie, for a model that has some; beside the measures.
        task: of MTEB, whose own scorer speaks too.
        ability: that the collection is a suite for, whose measure speaks too.
    """
    documents = Documents(Path("data") / collection / "documents.parquet")
    runs, values, metrics = [], [], {}
    for part in asked(collection):
        whole = rank(part.queries, documents, part.qrels, kept_for(part, task))
        run = whole.filter(pl.int_range(pl.len()).over("query_id") < DEPTH)
        scored = per_query(run, part.qrels, min_relevance)
        runs.append(run)
        values.append(scored.with_columns(split=pl.lit(part.split)))
        metrics[part.split] = means(scored) | {"queries": len(scored)}
        if task is not None and part.split == "test":
            metrics[part.split]["mteb"] = task.score(part.queries, part.qrels, whole, part.ranked)
        if ability is not None:
            metrics[part.split] |= measured(ability, run, part.queries, part.qrels, min_relevance).figures
        if lie is not None:
            metrics[part.split] |= lie(part.queries, documents, part.qrels, run, min_relevance)
    own = told(ability, metrics[values[0]["split"][0]])
    # Test measures stand at the top, where `dvc metrics` shows them under their own names.
    write_json(REPORTS / "metrics" / name / f"{collection}.json", metrics.pop("test", {}) | metrics)
    with written_whole(REPORTS / "queries" / name / f"{collection}.parquet") as part:
        pl.concat(values).write_parquet(part)
    write_run(pl.concat(runs), name, REPORTS / "runs" / name / f"{collection}.trec")
    first = values[0]
    say(f"evaluate {name} on {collection} ({first['split'][0]}, {len(first):,} queries): nDCG@10 {first['ndcg_at_10'].mean():.4f}{own}")


def kept_for(part: Asked, task: MtebTask | None) -> Kept:
    """What of the ranking is kept: of an MTEB task what its scorer looks at, else what BEIR's does."""
    return Kept(among=part.ranked) if task is None else Kept(task.depth, task.itself, part.ranked)


def write_run(run: pl.DataFrame, tag: str, path: Path) -> None:
    """A TREC run file: query Q0 document rank score tag."""
    ranked = run.with_columns(rank=pl.int_range(1, pl.len() + 1).over("query_id"))
    line = pl.format("{} Q0 {} {} {} " + tag.replace("{", "").replace("}", ""), "query_id", "doc_id", "rank", "score")
    with written_whole(path) as part:
        part.write_text("".join(f"{text}\n" for text in ranked.select(line).to_series()), encoding="utf-8")


def ranking_of(name: str, collection: str, depth: int) -> pl.DataFrame:
    """query_id, doc_id, rank and score of the first `depth` documents of each query, of both splits, as `write_run` has written them."""
    lines = pl.scan_csv(
        REPORTS / "runs" / name / f"{collection}.trec",
        has_header=False,
        separator="\n",
        quote_char=None,
        new_columns=["line"],
        schema_overrides=[pl.String],
    )
    parts = pl.col("line").str.extract_groups(r"^(?<query_id>.+?) Q0 (?<doc_id>.+) (?<rank>[0-9]+) (?<score>\S+) .*$")
    rows = lines.select(parts.alias("parts")).unnest("parts").with_columns(pl.col("rank").cast(pl.Int32), pl.col("score").cast(pl.Float64))
    return rows.filter(pl.col("rank") <= depth).collect()
