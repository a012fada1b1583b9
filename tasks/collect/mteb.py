"""mteb: any retrieval or reranking task of MTEB by name, loaded by mteb at the revision that it
pins.

MTEB data is used unmodified (empty texts, labels of missing documents, duplicated queries), so
scores match published ones.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from hone.data.source import DOCUMENTS, QRELS, QUERIES, Source, frame
from hone.errors import Refused
from hone.ir.mteb import loaded, mteb_task

EVALUATED = "test"  # Hone's name of the scored split, whatever its name in mteb


def check(what: str | None, options: dict) -> None:
    """Raise Refused if a task, subset or split does not exist, before any stage runs."""
    if what is None:
        raise Refused("`source: mteb` needs a task name, for example `source: mteb:SciFact`.")
    if options["instruction"] is not None and "{instruction}" not in options["instruction"]:
        raise Refused(
            f"`instruction` is {options['instruction']!r}, which lacks {{instruction}}, the place "
            "of the task's instruction. Add it."
        )
    mteb_task(what, options["subset"], options["split"])


def mteb(
    path: Path,
    what: str | None,
    *,
    subset: str | None = None,
    split: str | None = None,
    instruction: str | None = None,
) -> Source:
    """Read a task's corpus, queries and labels.

    Args:
        path: ignored. requirements.txt pins mteb, and mteb pins the data.
        what: the task's name.
        subset: one of its languages, if it has several. [Hone default]
        split: one of its evaluation splits. Null: test, or the first. [Hone default]
        instruction: a template with the task's instruction (`{instruction}`), placed before a query
            for instruction-following models, for example "Instruct: {instruction}\\nQuery: ". Null:
            only the model's own configuration. [Hone default]

    Raises:
        Refused: the task does not exist, or its data cannot be loaded.
    """
    from mteb._create_dataloaders import (
        _retrieval_texts,
    )  # the only place where mteb joins a query with its instruction
    from mteb.types import PromptType

    data = loaded(mteb_task(what, subset, split))
    judged = {query: found for query, found in data["relevant_docs"].items() if found}
    corpus, task_queries = data["corpus"], data["queries"]
    titles = corpus["title"] if "title" in corpus.column_names else [""] * len(corpus)
    texts = zip(task_queries["id"], _retrieval_texts(task_queries, PromptType.query), strict=True)
    queries = [(query, text, EVALUATED) for query, text in texts if query in judged]
    labels = [
        (query, doc, int(grade), "mteb", EVALUATED)
        for query, found in judged.items()
        for doc, grade in found.items()
    ]
    documents = [
        (doc, title or "", text or "", None)
        for doc, title, text in zip(corpus["id"], titles, corpus["text"], strict=True)
    ]
    among = data["top_ranked"]
    pairs = (
        None
        if among is None
        else [(query, doc) for query, *_ in queries for doc in among.get(query, ())]
    )
    return Source(
        documents=frame(DOCUMENTS, placed(documents, what)),
        queries=frame(QUERIES, placed(queries, what)),
        qrels=frame(QRELS, placed(labels, what)),
        ranked=None
        if pairs is None
        else pl.DataFrame(pairs, schema={"query_id": pl.String, "doc_id": pl.String}, orient="row"),
        published=True,
    )


def placed(rows: list[tuple], task: str) -> list[tuple]:
    """Rows with their origin: the task, and the row number."""
    return [(*row, f"mteb:{task}", number) for number, row in enumerate(rows, start=1)]
