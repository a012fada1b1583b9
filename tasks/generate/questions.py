"""questions: a language model writes queries for each document, which is their positive.

As InPars (arXiv 2202.05144) and Promptagator (arXiv 2209.11755) do with a large model.
"""

from __future__ import annotations

from typing import Annotated

import polars as pl
from pydantic import Field

from hone.generation.prompt import PromptUse
from hone.generation.rows import Generated
from tasks.generate.context import GenerationContext
from tasks.generate.written_queries import EXAMPLES, write_queries

NEEDS_WRITER = True
PROMPTS = {"prompt": PromptUse(("document",))}


def questions(
    documents: pl.DataFrame,
    collection: GenerationContext,
    *,
    prompt: str = "question",
    samples: Annotated[int, Field(ge=1, le=100)] = 1,
    examples: Annotated[int, Field(ge=0, le=20)] = EXAMPLES,
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
    return write_queries(documents, collection, prompt, "questions", samples, examples)
