"""rader: a language model writes a problem for each document, solves it in steps, and decides which
documents each step needs.

After RaDeR (arXiv 2505.18405): the steps of a solution are queries, and the model reflects on each
retrieved document. The paper solves problems of MATH by tree search, with rewards for the correct
answer; here the model writes the problem and solves it once.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import polars as pl
from pydantic import Field

from hone.generation.prompt import PromptUse
from hone.generation.rows import LABELS, Generated, join_generated, make_queries, removed_rows
from tasks.generate.context import GenerationContext
from tasks.generate.decisions import decide
from tasks.generate.search import search_documents

NEEDS_WRITER = True
PROMPTS = {
    "problem_prompt": PromptUse(("document",)),
    "steps_prompt": PromptUse(("query",)),
    "reflect_prompt": PromptUse(("query", "steps", "document")),
    "query_prompt": PromptUse(("query", "steps", "document")),
}
Kind = Literal["problem", "steps", "written"]


def sends(parameters: dict[str, Any]) -> list[str]:
    """The texts beside the documents that the generator receives."""
    return ["documents that BM25 finds for generated texts"]


def rader(
    documents: pl.DataFrame,
    collection: GenerationContext,
    *,
    queries: Annotated[tuple[Kind, ...], Field(min_length=1)] = ("problem", "steps", "written"),
    steps: Annotated[int, Field(ge=1, le=20)] = 3,
    depth: Annotated[int, Field(ge=1, le=100)] = 3,
    problem_prompt: str = "problem",
    steps_prompt: str = "steps",
    reflect_prompt: str = "step-needs-document",
    query_prompt: str = "step-query",
) -> Generated:
    """Queries from the steps of a solution, with the documents that the steps need.

    Args:
        documents: doc_id, text of the chosen documents.
        collection: with the generator and the BM25 index.
        queries: the kinds of queries: the `problem`, the problem with the `steps` so far, and a
            query `written` for each document that a step needs. [paper]
        steps: maximum number of steps of a solution that are used. The paper searches to depth 6.
            [Hone default]
        depth: number of documents per step that BM25 finds. The document of the problem is always
            added. [Hone default]
        problem_prompt: shows the document, and answers with a problem. [Hone default]
        steps_prompt: shows the problem alone, and answers with one step per line. [Hone default]
        reflect_prompt: shows problem, steps and document, and answers whether the last step needs
            the document, with yes or no. [Hone default]
        query_prompt: shows the same, and answers with a query. [Hone default]

    Returns:
        Queries with the documents that the model finds necessary (1) and the other retrieved ones
        (0). A query without a necessary document is in `removed`.
    """
    problems = collection.writer.write(problem_prompt, documents.rename({"text": "document"}))
    first = problems.texts.filter(pl.col("number") == 0)
    given = documents[first["row"]].select("doc_id", query=first["text"], document="text")
    solved, unsolved = solve(given, collection, steps_prompt, steps)
    judged, undecided = reflect(solved, collection, reflect_prompt, depth)
    origin = f"rader {problems.origin}"
    parts = [
        Generated(removed=pl.concat([problems.removed(documents["doc_id"]), unsolved, undecided]))
    ]
    if "problem" in queries:
        parts.append(label_queries(judged.with_columns(text="query"), origin))
    if "steps" in queries:
        parts.append(
            label_queries(judged.with_columns(text=pl.format("{}\n{}", "query", "steps")), origin)
        )
    if "written" in queries:
        parts.append(write_step_queries(judged, collection, query_prompt))
    return join_generated(parts)


def solve(
    given: pl.DataFrame, collection: GenerationContext, prompt: str, most: int
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """doc_id, query, document, step, steps: each step of each solution, and the steps up to it;
    and the table `removed`.

    Args:
        given: doc_id, query (the problem), document.
        collection: with the generator.
        prompt: answers with one step per line.
        most: maximum number of steps.
    """
    written = collection.writer.write(prompt, given)
    texts = written.texts.filter(pl.col("number") < most)
    solutions = texts.group_by("row", maintain_order=True).agg("text")
    so_far = [
        (row, step, "\n".join(lines[: place + 1]))
        for row, lines in solutions.iter_rows()
        for place, step in enumerate(lines)
    ]
    schema = {"row": pl.UInt32, "step": pl.String, "steps": pl.String}
    found = pl.DataFrame(so_far, schema=schema, orient="row")
    rows = pl.concat([given[found["row"]], found.drop("row")], how="horizontal")
    return rows, written.removed(given["doc_id"])


def reflect(
    solved: pl.DataFrame, collection: GenerationContext, prompt: str, depth: int
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """doc_id, query, steps, found_id, found, needed: the model's decision on each document that
    BM25 finds for a step, and on the document of the problem; and the table `removed`.

    Args:
        solved: doc_id, query, document, step, steps.
        collection: with the generator and the BM25 index.
        prompt: answers whether the last step needs the document.
        depth: number of documents per step.
    """
    retrieved = search_documents(solved["step"], collection, depth)
    own = solved.with_row_index("row").select(pl.col("row").cast(pl.UInt32), "doc_id", "document")
    pairs = pl.concat([own, retrieved]).unique(["row", "doc_id"], keep="first", maintain_order=True)
    pairs = pairs.sort("row", maintain_order=True)
    given = pl.concat(
        [
            solved.select("doc_id", "query", "steps")[pairs["row"]],
            pairs.select(found_id="doc_id", found="document"),
        ],
        how="horizontal",
    )
    decisions = decide(collection, prompt, given.with_columns(document="found"))
    judged = pl.concat([given, decisions.rename({"decision": "needed"})], how="horizontal")
    undecided = judged.filter(pl.col("needed").is_null())
    removed = undecided.select(
        pl.lit(None, dtype=pl.String).alias("query_id"),
        doc_id="found_id",
        rule=pl.format("document-{}", "rule"),
        detail="detail",
    )
    return judged.filter(pl.col("needed").is_not_null()).drop("rule", "detail"), removed


def label_queries(judged: pl.DataFrame, origin: str) -> Generated:
    """Queries with their labels. A document that one step needs is a positive of the problem.

    Args:
        judged: doc_id, text (the query), found_id, needed.
        origin: of the queries.
    """
    texts = judged.select("doc_id", "text").unique(maintain_order=True)
    queries = make_queries(texts, "rader", origin)
    labels = (
        judged.join(
            queries.select("query_id", "doc_id", "text"),
            on=["doc_id", "text"],
            how="inner",
            maintain_order="left",
        )
        .group_by("query_id", "found_id", maintain_order=True)
        .agg(pl.col("needed").any().cast(pl.Int32))
        .select("query_id", doc_id="found_id", relevance="needed")
        .cast(LABELS)
    )
    positives = labels.filter(pl.col("relevance") > 0)
    alone = queries.join(positives, on="query_id", how="anti", maintain_order="left")
    detail = "the model finds none of the documents necessary"
    return Generated(queries, labels).without(removed_rows(alone, "no-positive", detail))


def write_step_queries(
    judged: pl.DataFrame, collection: GenerationContext, prompt: str
) -> Generated:
    """A query that the model writes for each document that a step needs. The other documents of the
    step keep their labels.

    Args:
        judged: doc_id, query, steps, found_id, found, needed.
        collection: with the generator.
        prompt: shows problem, steps and document.
    """
    needed = judged.filter("needed")
    written = collection.writer.write(prompt, needed.with_columns(document="found"))
    first = written.texts.filter(pl.col("number") == 0)
    rows = needed[first["row"]].select("doc_id", "query", "steps", text=first["text"])
    of_steps = rows.join(
        judged, on=["doc_id", "query", "steps"], how="inner", maintain_order="left"
    )
    made = label_queries(of_steps, f"rader {written.origin}")
    failed = written.removed(needed["found_id"])
    return join_generated([made, Generated(removed=failed)])
