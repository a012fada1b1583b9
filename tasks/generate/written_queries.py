"""Queries that a model writes for documents, which are their positives."""

from __future__ import annotations

import polars as pl

from hone.generation.prompt import load
from hone.generation.rows import Generated, join_generated, label_with, make_queries
from tasks.generate.context import GenerationContext
from tasks.generate.examples import choose_examples

EXAMPLES = 3  # training queries in a prompt with examples [Hone default]


def write_queries(
    documents: pl.DataFrame,
    collection: GenerationContext,
    prompt: str,
    method: str,
    samples: int = 1,
    examples: int = EXAMPLES,
) -> Generated:
    """Queries for documents.

    Args:
        documents: doc_id, text.
        collection: with the generator, and the training queries for examples.
        prompt: name of a prompt that shows the document.
        method: its name in the recipe.
        samples: number of calls per document, each with its own seed.
        examples: number of training queries in a prompt with examples.

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
        queries = make_queries(texts, method, f"{method} {written.origin}")
        labels = label_with(queries, queries["doc_id"], 1)
        parts.append(Generated(queries, labels, removed=written.removed(documents["doc_id"])))
    return join_generated(parts)
