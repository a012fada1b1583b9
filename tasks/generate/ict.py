"""ict: the inverse cloze task (arXiv 1906.00300): a sentence is the query, and the rest of its
document the positive. Free.
"""

from __future__ import annotations

import re
from typing import Annotated

import polars as pl
from pydantic import Field

from hone.generation.rows import Generated, label_with, make_documents, make_queries, removed_rows
from hone.seeds import unit_hashes
from tasks.generate.context import GenerationContext

ORIGIN = "ict"
SENTENCE_END = re.compile(
    r"(?<=[.!?\u3002\uff01\uff1f])[\"')\]]*\s+|\n\s*\n|(?<=[\u3002\uff01\uff1f])"
)


def ict(
    documents: pl.DataFrame,
    collection: GenerationContext,
    *,
    keep: Annotated[float, Field(ge=0, le=1)] = 0.1,
    shortest: Annotated[int, Field(ge=1)] = 3,
) -> Generated:
    """One sentence of each document as a query.

    Args:
        documents: doc_id, text of the chosen documents.
        collection: for the seed.
        keep: fraction of the documents in which the sentence stays, so that matching words count
            too. [paper]
        shortest: minimum number of words of the sentence, and of the rest. [Hone default]

    Returns:
        A query for each document with two sentences or more. The positive is a generated document
        without the sentence, or the document itself.
    """
    ids = documents["doc_id"].to_list()
    drawn = unit_hashes([f"sentence {one}" for one in ids], collection.seed)
    stays = unit_hashes([f"keep {one}" for one in ids], collection.seed) < keep
    rows, short = [], []
    for (doc_id, text), place, whole in zip(
        documents.select("doc_id", "text").rows(), drawn, stays, strict=True
    ):
        split = draw_sentence(text, place, shortest)
        if split is None:
            short.append(doc_id)
        else:
            rows.append((doc_id, *split, bool(whole)))
    schema = {"doc_id": pl.String, "text": pl.String, "rest": pl.String, "whole": pl.Boolean}
    found = pl.DataFrame(rows, schema=schema, orient="row")
    queries = make_queries(found.select("doc_id", "text"), "ict", ORIGIN)
    contexts = make_documents(found.select(text="rest"), ORIGIN).with_columns(found["whole"])
    positives = pl.select(
        pl.when(found["whole"]).then(found["doc_id"]).otherwise(contexts["doc_id"]).alias("doc_id")
    )["doc_id"]
    new = contexts.filter(~pl.col("whole")).drop("whole")
    return Generated(
        queries,
        label_with(queries, positives, 1),
        new.unique("doc_id", keep="first", maintain_order=True),
        removed_rows(
            pl.DataFrame({"doc_id": short}, schema={"doc_id": pl.String}),
            "one-sentence",
            f"the document has no sentence of {shortest} words beside as many other words",
        ),
    )


def draw_sentence(text: str, place: float, shortest: int) -> tuple[str, str] | None:
    """A sentence of a text and the rest of the text. Null if no sentence is long enough, or the
    rest is too short.

    Args:
        text: any text.
        place: which of the sentences, in [0, 1).
        shortest: minimum number of words of both.
    """
    parts = split_sentences(text)
    total = sum(len(part.split()) for part in parts)
    fit = [
        number
        for number, part in enumerate(parts)
        if shortest <= len(part.split()) <= total - shortest
    ]
    if not fit:
        return None
    chosen = fit[int(place * len(fit))]
    rest = " ".join(part for number, part in enumerate(parts) if number != chosen)
    return " ".join(parts[chosen].split()), rest


def split_sentences(text: str) -> list[str]:
    """The sentences of a text: it is cut after a period, question or exclamation mark that a
    space follows, and at empty lines. A text with fewer than two, such as code, is cut into lines.
    """
    found = [part.strip() for part in SENTENCE_END.split(text) if part and part.strip()]
    if len(found) > 1:
        return found
    return [line.strip() for line in text.splitlines() if line.strip()]
