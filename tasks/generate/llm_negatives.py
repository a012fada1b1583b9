"""llm-negatives: a language model writes a query for each document, and hard negatives from the
query alone.

As in "Don't Retrieve, Generate" (arXiv 2504.21015). Its first versions write the negative from the
query alone. Its third version also shows the positive, and reports that written negatives train
worse models than mined ones (BM25, cross-encoder).
"""

from __future__ import annotations

from typing import Annotated

import polars as pl
from pydantic import Field

from hone.generation.prompt import PromptUse
from hone.generation.rows import Generated, join_generated
from tasks.generate.context import GenerationContext
from tasks.generate.pairs import query_pairs
from tasks.generate.written_documents import write_documents
from tasks.generate.written_queries import write_queries

NEEDS_WRITER = True
PROMPTS = {
    "prompt": PromptUse(("document",)),
    "negative_prompt": PromptUse(("query", "document")),
    "verify_prompt": PromptUse(("query", "document")),
}


def llm_negatives(
    documents: pl.DataFrame,
    collection: GenerationContext,
    *,
    prompt: str = "question",
    negative_prompt: str = "hard-negative",
    samples: Annotated[int, Field(ge=1, le=100)] = 1,
    negatives: Annotated[int, Field(ge=1, le=20)] = 1,
    verify_prompt: str | None = None,
) -> Generated:
    """Queries for documents, and documents that do not answer them.

    Args:
        documents: doc_id, text of the chosen documents.
        collection: with the generator.
        prompt: for the query; it shows the document. [Hone default]
        negative_prompt: for the negative. `hard-negative` shows the query alone.
            `hard-negative-beside` also shows the document, as the paper's third version. [paper]
        samples: number of calls per document for queries. [Hone default]
        negatives: number of negatives per query. [Hone default]
        verify_prompt: shows a negative as the document, and the query, such as `answerable`. A
            negative that answers the query is removed. Null: no negative is verified. [Hone
            default]

    Returns:
        One query per text in an answer, with its document as the positive (1) and the written
        documents as negatives (0). A query without a usable negative keeps its positive.
    """
    rows = write_queries(documents, collection, prompt, "llm-negatives", samples)
    queries = query_pairs(rows.queries, documents)
    written = write_documents(
        collection, negative_prompt, queries, 0, "llm-negatives", negatives, verify_prompt
    )
    return join_generated([rows, written])
