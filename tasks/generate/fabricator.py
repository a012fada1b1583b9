"""fabricator: a language model fills in the missing column of labelled pairs, as the recipe
describes: the query of a document, a document for a query, or the label of a pair.

As the toolkit Fabricator (EMNLP 2023, system demonstrations): a task description, label options,
examples, and the column that is generated.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal

import polars as pl
from pydantic import Field

from hone.errors import Refused, listed
from hone.generation.prompt import LABEL, Example, PromptUse
from hone.generation.rows import (
    Generated,
    join_generated,
    label_with,
    make_queries,
    removed_rows,
)
from hone.seeds import unit_hashes
from tasks.generate.context import GenerationContext
from tasks.generate.examples import choose_examples, draw_pairs
from tasks.generate.pairs import labelled_pairs
from tasks.generate.search import search_documents
from tasks.generate.written_documents import label_documents, unwritten_documents

NEEDS_WRITER = True
PROMPTS = {
    "query_prompt": PromptUse(("task", "document")),
    "document_prompt": PromptUse(("task", "query")),
    "label_prompt": PromptUse(("task", "query", "document")),
}
OPTION, OPTIONS = "{label}", "{labels}"  # in `task`: one option, or all of them


def sends(parameters: dict[str, Any]) -> list[str]:
    """The texts beside the documents that the generator receives."""
    queries = [] if parameters["column"] == "query" else ["labelled training queries"]
    found = ["documents that BM25 finds for them"] if parameters["column"] == "label" else []
    examples = ["training queries as examples"] if parameters["examples"] else []
    return [*queries, *found, *examples]


def refuse_unfit(parameters: dict[str, Any]) -> None:
    """Raise Refused if the parameters do not fit together."""
    column, task, labels = parameters["column"], parameters["task"], parameters["labels"]
    place = OPTIONS if column == LABEL else OPTION
    if column == LABEL and not labels:
        raise Refused(f"`column: label` needs `labels`, and {place} in `task`, where they stand.")
    if bool(labels) != (place in task):
        raise Refused(
            f"`labels` and {place} in `task` belong together: {place} is where "
            f"{'they stand' if column == LABEL else 'one of them stands'}. Write both or neither."
        )
    if repeated := [one for one in labels if labels.count(one) > 1]:
        raise Refused(f"`labels` has {repeated[0]!r} twice. Remove one.")
    if unknown := [one for one in parameters["positive"] if one not in labels]:
        raise Refused(f"`positive` names {listed(unknown)}, which `labels` lacks. Add it there.")
    if (column == LABEL) != bool(parameters["positive"]):
        raise Refused(
            "`column: label` and `positive` belong together: `positive` names the options that "
            "make a positive. Write both or neither."
        )


def fabricator(
    documents: pl.DataFrame,
    collection: GenerationContext,
    *,
    task: Annotated[str, Field(min_length=1)],
    column: Literal["query", "document", "label"] = "query",
    labels: tuple[str, ...] = (),
    positive: tuple[str, ...] = (),
    examples: Annotated[int, Field(ge=0, le=20)] = 3,
    samples: Annotated[int, Field(ge=1, le=100)] = 1,
    depth: Annotated[int, Field(ge=1, le=100)] = 5,
    query_prompt: str = "fill-in-query",
    document_prompt: str = "fill-in-document",
    label_prompt: str = "fill-in-label",
) -> Generated:
    """The column that a recipe asks for.

    Args:
        documents: doc_id, text of the chosen documents.
        collection: with the generator and the training queries.
        task: the description of the task, which the prompt contains as it is. For `column: query`
            and `document`, {label} in it is replaced with an option drawn at random for each
            document or query. For `column: label`, {labels} is replaced with all options.
        column: what the model writes: the `query` of each document, a `document` for each training
            query with a positive among the documents, or the `label` of such a query with each
            unlabelled document that BM25 finds. [authors' code]
        labels: the label options. [authors' code]
        positive: the options that make a positive; the others make a negative. [Hone default]
        examples: number of labelled training queries in a prompt. 0: none. [Hone default]
        samples: number of calls per document or query. [Hone default]
        depth: number of BM25 documents per query, for `column: label`. Labelled ones are skipped.
            [Hone default]
        query_prompt: shows task, examples and document. [Hone default]
        document_prompt: shows task, examples and query. [Hone default]
        label_prompt: shows task, examples, query and document. [Hone default]

    Returns:
        Queries with their documents (1), documents for training queries (1), or labels of training
        queries (1 or 0). An answer that is not an option is in `removed`.

    Raises:
        Refused: examples, or a column other than `query`, and no training query to use.
    """
    if column == LABEL:
        pairs = labelled_pairs(documents, collection, "fabricator")
        told = task.replace(OPTIONS, ", ".join(labels))
        return write_labels(
            pairs, collection, label_prompt, told, (labels, positive), (examples, depth)
        )
    parts = []
    for sample in range(samples):
        if column == "query":
            given = documents.rename({"text": "document"})
        else:
            given = labelled_pairs(documents, collection, "fabricator")
        prompt = query_prompt if column == "query" else document_prompt
        for option, part in split_by_option(given, labels, collection.seed, sample):
            told = part.with_columns(task=pl.lit(task.replace(OPTION, option)))
            parts.append(write_column(told, collection, prompt, column, examples, sample, option))
    return join_generated(parts)


def split_by_option(
    given: pl.DataFrame, labels: Sequence[str], seed: int, sample: int
) -> Iterator[tuple[str, pl.DataFrame]]:
    """Each option with the rows that draw it; all rows with an empty option if there is none."""
    if not labels:
        yield "", given
        return
    key = "query_id" if "query_id" in given.columns else "doc_id"
    places = unit_hashes([f"label {sample} {one}" for one in given[key]], seed)
    drawn = pl.Series((places * len(labels)).astype(int), dtype=pl.Int64)
    for number, option in enumerate(labels):
        yield option, given.filter(drawn == number)


def write_column(
    given: pl.DataFrame,
    collection: GenerationContext,
    prompt: str,
    column: str,
    examples: int,
    sample: int,
    option: str,
) -> Generated:
    """Queries for documents, or documents for training queries.

    Args:
        given: task and doc_id with document; or with query_id, query and document.
        collection: with the generator.
        prompt: asks for the column.
        column: `query` or `document`.
        examples: number of examples.
        sample: number of the sample.
        option: the label option, for the origin.
    """
    shown = choose_examples(given, collection, examples, column) if examples else None
    written = collection.writer.write(prompt, given, shown, sample)
    origin = f"fabricator {written.origin}" + (f": {option}" if option else "")
    first = written.texts.filter(pl.col("number") == 0)
    if column == "query":
        texts = given[first["row"]].select("doc_id", text=first["text"])
        queries = make_queries(texts, "fabricator", origin)
        return Generated(
            queries,
            label_with(queries, queries["doc_id"], 1),
            removed=written.removed(given["doc_id"]),
        )
    rows = given[first["row"]].with_columns(text=first["text"])
    return join_generated(
        [
            label_documents(rows, collection, 1, origin),
            Generated(removed=unwritten_documents(written, given, 1)),
        ]
    )


def write_labels(
    pairs: pl.DataFrame,
    collection: GenerationContext,
    prompt: str,
    task: str,
    options: tuple[Sequence[str], Sequence[str]],
    numbers: tuple[int, int],
) -> Generated:
    """Labels of training queries with the unlabelled documents that BM25 finds.

    Args:
        pairs: query_id, query of the training queries.
        collection: with the generator.
        prompt: asks for the label.
        task: the description, with the options.
        options: all options, and those that make a positive.
        numbers: of examples in a prompt, and of documents per query.
    """
    labels, positive = options
    examples, depth = numbers
    given = find_unlabelled(pairs, collection, depth).with_columns(task=pl.lit(task))
    shown = None
    if examples:
        shown = [label_examples(collection, labels, positive, examples)] * len(given)
    written = collection.writer.write(prompt, given, shown)
    first = written.texts.filter(pl.col("number") == 0)
    by_plain = {plain(one): one in positive for one in labels}
    answered = given[first["row"]].with_columns(
        answer=first["text"],
        positive=pl.Series([by_plain.get(plain(one)) for one in first["text"]], dtype=pl.Boolean),
    )
    known = answered.filter(pl.col("positive").is_not_null())
    unknown = answered.filter(pl.col("positive").is_null())
    failed = given[written.failed["row"]].select("query_id", "doc_id")
    return Generated(
        labels=known.select("query_id", "doc_id", relevance=pl.col("positive").cast(pl.Int32)),
        removed=pl.concat(
            [
                failed.with_columns(written.failed["rule"], written.failed["detail"]),
                removed_rows(
                    unknown, "not-an-option", pl.format("'{}'", pl.col("answer").str.slice(0, 80))
                ),
            ]
        ),
    )


def plain(label: str) -> str:
    """A label without case, spaces around it and a period."""
    return label.strip().rstrip(".").casefold()


def find_unlabelled(pairs: pl.DataFrame, collection: GenerationContext, depth: int) -> pl.DataFrame:
    """query_id, query, doc_id, document: the documents without a label among the first that BM25
    finds for each query.
    """
    found = search_documents(pairs["query"], collection, depth)
    rows = pairs.select("query_id", "query")[found["row"]]
    given = pl.concat([rows, found.select("doc_id", "document")], how="horizontal")
    return given.join(
        collection.labelled_pairs, on=["query_id", "doc_id"], how="anti", maintain_order="left"
    )


def label_examples(
    collection: GenerationContext, labels: Sequence[str], positive: Sequence[str], number: int
) -> list[Example]:
    """Training queries with their positive, and in turn with the positive of another query as a
    negative.
    """
    pairs = draw_pairs(collection, number)
    others = [one for one in labels if one not in positive]
    found = []
    for place, (query, document) in enumerate(pairs.select("query", "document").rows()):
        is_negative = bool(others) and place % 2 and len(pairs) > 1
        shown = pairs["document"][(place + 1) % len(pairs)] if is_negative else document
        label = others[0] if is_negative else positive[0]
        found.append((("query", query), ("document", shown), (LABEL, label)))
    return found
