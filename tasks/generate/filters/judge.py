"""judge: queries whose document does not answer them, by any judge of Hone."""

from __future__ import annotations

from typing import Literal

import polars as pl

from hone.data import questions
from hone.judging.run_judge import ask
from tasks.generate.context import GenerationContext

QUERIES_PER_BLOCK = 1024
NEEDS_JUDGE = True
NEEDS_POSITIVE = True


def judge(
    queries: pl.DataFrame,
    collection: GenerationContext,
    *,
    judge: str,
    unknown: Literal["keep", "remove"] = "keep",
) -> pl.DataFrame:
    """Remove queries whose document the judge finds not relevant.

    Args:
        queries: query_id, text, doc_id, document.
        collection: with the judges.
        judge: a name in `judges` of params.yaml. Its prompt shows query and document alone
            (`yes-no-alone`, `graded`): there is no other positive to compare with.
        unknown: what happens to queries on which the judge could not decide. [Hone default]

    Returns:
        query_id, detail of the removed queries.
    """
    line = collection.judge_lines[judge]
    parts = [pl.DataFrame(schema={"query_id": pl.String, "detail": pl.String})]
    for start in range(0, len(queries), QUERIES_PER_BLOCK):
        part = queries[start : start + QUERIES_PER_BLOCK]
        pairs = part.select("query_id", "doc_id", rank=pl.lit(1, dtype=pl.Int32))
        texts = part.select("doc_id", full_text="document").unique("doc_id", maintain_order=True)
        asked = questions.of(
            pairs,
            pairs.clear().select("query_id", "doc_id"),
            part.select("query_id", "text"),
            texts,
        )
        verdicts = ask(line, asked, collection.desk)
        removed = pl.col("verdict").cast(pl.String) == "negative"
        if unknown == "remove":
            removed |= pl.col("verdict").cast(pl.String) == "unknown"
        parts.append(
            verdicts.filter(removed).select(
                "query_id",
                detail=pl.format(
                    "{}: {}{}",
                    pl.lit(judge),
                    pl.col("verdict").cast(pl.String),
                    pl.when(pl.col("reason").is_not_null())
                    .then(pl.lit(", ") + pl.col("reason"))
                    .otherwise(pl.lit("")),
                ),
            )
        )
    return pl.concat(parts)
