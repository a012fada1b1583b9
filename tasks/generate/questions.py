"""questions: a language model writes queries for each document, which is their positive.

As InPars (arXiv 2202.05144) and Promptagator (arXiv 2209.11755) do with a large model.
"""

from __future__ import annotations

from typing import Annotated

import polars as pl
from pydantic import Field

from hone.errors import Refused
from hone.generation.prompt import Example, load
from hone.generation.rows import Generated, join_generated, label_with, make_queries
from hone.seeds import unit_hashes
from tasks.generate.context import GenerationContext

NEEDS_WRITER = True


def questions(
    documents: pl.DataFrame,
    collection: GenerationContext,
    *,
    prompt: str = "question",
    samples: Annotated[int, Field(ge=1, le=100)] = 1,
    examples: Annotated[int, Field(ge=0, le=20)] = 3,
) -> Generated:
    """Queries for documents.

    Args:
        documents: doc_id, text of the chosen documents.
        collection: with the generator, and the training queries for examples.
        prompt: `question`, `claim`, `keywords`, `title`, `like-examples` (as people of this
            collection ask, with its training queries as examples), or a file below inputs/. [Hone
            default]
        samples: number of calls per document, each with its own seed. [Hone default]
        examples: number of training queries in a prompt with examples. [Hone default]

    Returns:
        One query per text in an answer, with its document as the positive.

    Raises:
        Refused: a prompt with examples, and no training query to show.
    """
    shown = (
        choose_examples(documents, collection, examples) if load(prompt).shows_examples else None
    )
    table = documents.rename({"text": "document"})
    parts = []
    for sample in range(samples):
        written = collection.writer.write(prompt, table, shown, sample)
        texts = written.of(documents["doc_id"]).select("doc_id", "text")
        queries = make_queries(texts, "questions", f"questions {written.origin}")
        labels = label_with(queries, queries["doc_id"], 1)
        parts.append(Generated(queries, labels, removed=written.removed(documents["doc_id"])))
    return join_generated(parts)


def choose_examples(
    documents: pl.DataFrame, collection: GenerationContext, number: int
) -> list[list[Example]]:
    """The same training queries for every document, so that a server caches the prompt. An example
    about the document itself is replaced by the next.
    """
    pairs = collection.training_pairs.unique("query_id", keep="first", maintain_order=True)
    places = pl.Series("place", unit_hashes(pairs["text"].to_list(), collection.seed))
    drawn = pairs.with_columns(places).sort("place").head(number + 1)
    texts = dict(collection.texts(drawn["doc_id"].unique()).rows())
    known = [
        (doc_id, (("document", texts[doc_id]), ("query", query)))
        for doc_id, query in drawn.select("doc_id", "text").rows()
        if doc_id in texts
    ]
    if not known:
        raise Refused(
            f"the prompt shows training queries as examples, and the collection {collection.name} "
            "has none. Use the prompt `question`, or add labelled training queries."
        )
    return [
        [example for other, example in known if other != doc_id][:number]
        for doc_id in documents["doc_id"]
    ]
