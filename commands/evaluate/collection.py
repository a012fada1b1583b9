"""A collection as `hone evaluate` reads it: without params.yaml, and without writing to data/."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import polars as pl

from commands.evaluate.benchmarks import Target, looks_like_path
from hone.config.params import Split
from hone.data import tables
from hone.data.eval_splits import SPLITS, EvaluationSplit
from hone.data.own_id import OwnId, own_id_of
from hone.data.source import Source
from hone.data.tables import Documents
from hone.errors import Refused
from hone.ir.mteb import mteb_task
from tasks.collect.collection import count_sentence, read_source
from tasks.collect.refusals import examined
from tasks.collect.settings import CollectionChecks

if TYPE_CHECKING:
    from hone.ir.mteb import MtebTask

# Without splits, all queries are test queries.
ALL_TEST = Split(dev=0.0, test=1.0)
MIN_RELEVANCE = 1


@dataclass(frozen=True)
class ReadCollection:
    """The evaluated split of a collection.

    Attributes:
        documents: a table that exists inside the block of `opened` only.
        part: the queries and labels of the split.
        task: the MTEB task. Null: the collection is not one.
        settings: the task's section, as in resolved settings. Null: not a task.
        own_id: handling of the document with a query's own id.
        notes: what was changed on reading, as a sentence. Empty: nothing.
    """

    documents: Documents
    part: EvaluationSplit
    task: MtebTask | None
    settings: dict[str, Any] | None
    own_id: OwnId
    notes: str


@contextmanager
def opened(target: Target) -> Iterator[ReadCollection]:
    """Read a collection, downloaded if necessary. Its documents are in a temporary folder, so they
    need not fit in memory while they are encoded.

    Raises:
        Refused: it cannot be read or downloaded, or it has no labelled test or dev query.
    """
    task, settings = task_of(target)
    own_id = own_id_of_target(target)
    source, faults = read_source(
        target.name, target.source, parameters_of(target), Path(target.what), target.what
    )
    if target.source == "beir":  # a benchmark is used as published, also from a folder
        source = replace(source, published=True)
    checks = CollectionChecks(
        train=False,
        own_id=own_id,
        min_relevance=MIN_RELEVANCE,
        absent_labels="ignore",
        repeated_queries="leave-out",
        empty_documents="leave-out",
        split=ALL_TEST,
    )
    found = examined(target.name, source, checks, faults)
    part = select_split(target.name, found.source)
    with TemporaryDirectory(prefix="hone-evaluate-") as folder:
        file = Path(folder) / "documents.parquet"
        tables.write("documents", tables.shaped("documents", found.source.documents), file)
        notes = describe_changes(found.counts, found.absent)
        yield ReadCollection(Documents(file), part, task, settings, own_id, notes)


def task_of(target: Target) -> tuple[MtebTask | None, dict[str, Any] | None]:
    """The MTEB task of a target and its section of the settings. Both null for other sources."""
    if target.source != "mteb":
        return None, None
    return mteb_task(target.what, target.subset), {"instruction": None}


def parameters_of(target: Target) -> dict[str, Any]:
    """The options of the target's source."""
    return {"subset": target.subset} if target.source == "mteb" else {}


def own_id_of_target(target: Target) -> OwnId:
    """Whether the document with the query's own id is dropped. A BEIR folder follows its name."""
    what = Path(target.what).name if looks_like_path(target.what) else target.what
    return own_id_of(f"{target.source}:{what}", None)


def select_split(name: str, source: Source) -> EvaluationSplit:
    """The labelled test queries, or the dev queries if there are none.

    Raises:
        Refused: neither split has a labelled query with a relevant document in the collection.
    """
    relevant = source.qrels.filter(pl.col("relevance") >= MIN_RELEVANCE)
    known = pl.concat([source.documents["doc_id"], source.documents["parent_id"].drop_nulls()])
    answerable = relevant.filter(pl.col("doc_id").is_in(known.implode()))
    for split in SPLITS:
        queries = source.queries.filter(pl.col("split") == split)
        if queries.join(answerable, on="query_id", how="semi").is_empty():
            continue
        labels = source.qrels.filter(pl.col("split") == split)
        return EvaluationSplit(
            split,
            tables.shaped("queries", queries),
            tables.shaped("qrels", labels),
            source.ranked if split == "test" else None,
        )
    raise Refused(
        f"{name} has no test or dev query with a relevant document in the collection, so every "
        "score would be 0. Check the splits, the labels and the document ids."
    )


def describe_changes(counts: dict[str, int], absent: pl.DataFrame) -> str:
    """What was repaired or ignored on reading, as a sentence."""
    shown = [text] if (text := count_sentence(counts)) else []
    if len(absent):
        shown.append(f"{len(absent):,} labels name a missing query or document (ignored)")
    return ", ".join(shown)
