"""Yes or no: decisions of the generator about a query and a document."""

from __future__ import annotations

import re

import polars as pl

from tasks.generate.context import GenerationContext

ANSWER = re.compile(r"\W*(yes|no)\b", re.IGNORECASE)


def decide(
    collection: GenerationContext, prompt: str, table: pl.DataFrame, sample: int = 0
) -> pl.DataFrame:
    """Ask a yes-or-no question about each row of a table.

    Args:
        collection: with the generator.
        prompt: name of a prompt whose answer begins with yes or no.
        table: a column for each text that the prompt shows.
        sample: number of the sample.

    Returns:
        decision (null: the answer is neither), rule and detail of the rows without a decision: one
        row for each row of the table.
    """
    written = collection.writer.write(prompt, table, sample=sample)
    first = written.texts.filter(pl.col("number") == 0).select("row", answer="text")
    decisions = [read_decision(answer) for answer in first["answer"]]
    answers = first.with_columns(decision=pl.Series(decisions, dtype=pl.Boolean))
    rows = pl.DataFrame({"row": range(len(table))}, schema={"row": pl.UInt32})
    return (
        rows.join(answers, on="row", how="left", maintain_order="left")
        .join(written.failed, on="row", how="left", maintain_order="left")
        .select(
            "decision",
            rule=pl.when(pl.col("decision").is_null()).then(
                pl.col("rule").fill_null(pl.lit("undecided"))
            ),
            detail=pl.when(pl.col("decision").is_null()).then(
                pl.col("detail").fill_null(
                    pl.format("neither yes nor no: '{}'", pl.col("answer").str.slice(0, 80))
                )
            ),
        )
    )


def read_decision(answer: str) -> bool | None:
    """The decision in an answer. Null: it begins neither with yes nor with no."""
    found = ANSWER.match(answer)
    return None if found is None else found[1].lower() == "yes"
