"""docrerank: queries that resemble the query of a document, and that it does not answer, for
rerankers.

Single-page hard negative query generation (DocReRank, arXiv 2505.22584), for texts instead of
images of pages.
"""

from __future__ import annotations

from typing import Annotated

import polars as pl
from pydantic import Field

from hone.data.tables import normalised
from hone.generation.prompt import PromptUse
from hone.generation.rows import (
    Generated,
    join_generated,
    label_with,
    make_queries,
    removed_rows,
)
from tasks.generate.context import GenerationContext
from tasks.generate.decisions import decide
from tasks.generate.pairs import query_pairs
from tasks.generate.written_queries import write_queries

NEEDS_WRITER = True
DECISION = PromptUse(("query", "document"))
PROMPTS = {
    "prompt": PromptUse(("document",)),
    "similar_prompt": PromptUse(("query",)),
    "verify_prompt": DECISION,
    "second_verify_prompt": DECISION,
}


def docrerank(
    documents: pl.DataFrame,
    collection: GenerationContext,
    *,
    prompt: str = "question",
    similar_prompt: str = "similar-queries",
    verify_prompt: str = "answerable",
    second_verify_prompt: str | None = "contains-answer",
    candidates: Annotated[int, Field(ge=1, le=20)] = 1,
    variants: Annotated[int, Field(ge=1, le=50)] = 12,
    negatives: Annotated[int, Field(ge=1, le=50)] = 3,
) -> Generated:
    """A query that a document answers, and similar queries that it does not answer.

    Args:
        documents: doc_id, text of the chosen documents.
        collection: with the generator.
        prompt: for the query of the document. [Hone default]
        similar_prompt: shows that query alone, and answers with one similar query per line. [Hone
            default]
        verify_prompt: shows document and query, and answers whether the document answers it, with
            yes or no. [Hone default]
        second_verify_prompt: the same question in other words. A query is a negative if both
            answers are no. Null: one is enough. [paper]
        candidates: number of calls per document for its query. The first that passes
            `verify_prompt` is kept. [Hone default]
        variants: maximum number of similar queries that are verified. [paper]
        negatives: number of negative queries per document. [paper]

    Returns:
        The query with its document (1), and queries whose label with this document is 0. They have
        no positive, so only rounds with `train.queries: all` and rerankers use them.
    """
    written = write_queries(documents, collection, prompt, "docrerank", candidates)
    positives = keep_answered(written, documents, collection, verify_prompt)
    given = query_pairs(positives.queries, documents)
    similar, removed = write_similar(given, collection, similar_prompt, variants)
    verify = [one for one in (verify_prompt, second_verify_prompt) if one is not None]
    chosen, rejected = choose_unanswered(similar, collection, verify, negatives)
    queries = make_queries(chosen.select("doc_id", "text"), "docrerank", written_by(similar))
    return join_generated(
        [
            positives,
            Generated(
                queries,
                label_with(queries, queries["doc_id"], 0),
                removed=pl.concat([removed, rejected]),
            ),
        ]
    )


def keep_answered(
    rows: Generated, documents: pl.DataFrame, collection: GenerationContext, prompt: str
) -> Generated:
    """The first query of each document that the document answers."""
    given = query_pairs(rows.queries, documents)
    decisions = decide(collection, prompt, given)
    judged = pl.concat([given.select("query_id", "doc_id"), decisions], how="horizontal")
    wrong = judged.filter(~pl.col("decision").fill_null(False)).select(
        "query_id",
        "doc_id",
        rule=pl.col("rule").fill_null("not-answerable"),
        detail=pl.col("detail").fill_null("the document does not answer the query"),
    )
    left = rows.without(wrong)
    more = left.queries.filter(pl.int_range(pl.len()).over("doc_id") > 0)
    return left.without(removed_rows(more, "spare", "the document has a query that passed"))


def write_similar(
    given: pl.DataFrame, collection: GenerationContext, prompt: str, most: int
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Queries that resemble the query of a document, and the table `removed`.

    Args:
        given: query_id, query, doc_id, document.
        collection: with the generator.
        prompt: shows the query.
        most: maximum number per query.

    Returns:
        query, doc_id, document, text, number, origin: `number` is the place in the answer.
    """
    written = collection.writer.write(prompt, given)
    rows = given[written.texts["row"]].with_columns(
        text=written.texts["text"], number=written.texts["number"], origin=pl.lit(written.origin)
    )
    same = normalised(pl.col("text"))
    is_copy = same == normalised(pl.col("query"))
    is_repeated = ~pl.struct("doc_id", same).is_first_distinct()
    marked = rows.with_columns(copied=is_copy | is_repeated)
    copies = removed_rows(
        marked.filter("copied").select("doc_id"), "negative-copy", "it repeats another query"
    )
    similar = marked.filter(~pl.col("copied")).drop("copied")
    place = pl.int_range(pl.len()).over("doc_id")
    return similar.filter(place < most), pl.concat([written.removed(given["doc_id"]), copies])


def choose_unanswered(
    similar: pl.DataFrame, collection: GenerationContext, prompts: list[str], most: int
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The first similar queries of each document that no prompt finds answered.

    They are verified in their order, as many at a time as a document still lacks, so that few calls
    are paid.

    Args:
        similar: doc_id, document, text.
        collection: with the generator.
        prompts: each answers whether the document answers the query.
        most: number per document.

    Returns:
        doc_id, text of the chosen ones, and the table `removed` of the rejected ones. The others
        are not verified.
    """
    rest = similar.with_columns(place=pl.int_range(pl.len()).over("doc_id"))
    chosen, rejected = [rest.clear()], [removed_rows(rest.clear(), "")]
    lacking = dict.fromkeys(rest["doc_id"].unique(maintain_order=True), most)
    while len(rest):
        next_place = pl.int_range(pl.len()).over("doc_id")
        wanted = pl.col("doc_id").replace_strict(lacking, return_dtype=pl.Int64)
        batch = rest.filter(next_place < wanted)
        if batch.is_empty():
            break
        rest = rest.filter(next_place >= wanted)
        passed, failed = verify_unanswered(batch, collection, prompts)
        chosen.append(passed)
        rejected.append(failed)
        for doc_id, count in passed.group_by("doc_id", maintain_order=True).len().iter_rows():
            lacking[doc_id] -= count
    return pl.concat(chosen).select("doc_id", "text"), pl.concat(rejected)


def verify_unanswered(
    batch: pl.DataFrame, collection: GenerationContext, prompts: list[str]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows whose query no prompt finds answered, and the table `removed` of the others."""
    rejected = []
    for prompt in prompts:
        table = batch.select("document", query="text")
        batch = pl.concat([batch, decide(collection, prompt, table)], how="horizontal")
        answered = pl.col("decision").fill_null(True)
        rejected.append(
            batch.filter(answered).select(
                pl.lit(None, dtype=pl.String).alias("query_id"),
                "doc_id",
                pl.format("negative-{}", pl.col("rule").fill_null("answerable")).alias("rule"),
                pl.col("detail").fill_null(
                    pl.format("the document answers: '{}'", pl.col("text").str.slice(0, 80))
                ),
            )
        )
        batch = batch.filter(~answered).drop("decision", "rule", "detail")
    return batch, pl.concat(rejected)


def written_by(similar: pl.DataFrame) -> str:
    """The origin of the similar queries."""
    return f"docrerank {similar['origin'][0]}" if len(similar) else "docrerank"
