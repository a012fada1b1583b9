"""qzhou: a language model rewrites pairs of query and document, writes related pairs, and writes
hard negatives.

The three operators of QZhou-Embedding (arXiv 2508.21632): paraphrasing, augmentation and hard
negative generation. The paper's prompts are figures and were not read, so the prompts are Hone's.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

import polars as pl
from pydantic import Field

from hone.generation.prompt import PromptUse
from hone.generation.rows import Generated, join_generated, label_with, make_queries, removed_rows
from tasks.generate.context import GenerationContext
from tasks.generate.pairs import labelled_pairs, query_pairs
from tasks.generate.written_documents import label_documents, write_documents
from tasks.generate.written_queries import write_queries

NEEDS_WRITER = True
PAIR = PromptUse(("query", "document"), ("query", "document"))
PROMPTS = {
    "prompt": PromptUse(("document",)),
    "paraphrase_prompt": PAIR,
    "augment_prompt": PAIR,
    "negative_prompt": PromptUse(("query", "document")),
    "verify_prompt": PromptUse(("query", "document")),
}
Operator = Literal["paraphrase", "augment", "negative"]


def sends(parameters: dict[str, Any]) -> list[str]:
    """The texts beside the documents that the generator receives."""
    return [] if parameters["pairs"] == "written" else ["labelled training queries"]


def qzhou(
    documents: pl.DataFrame,
    collection: GenerationContext,
    *,
    operators: Annotated[tuple[Operator, ...], Field(min_length=1)] = get_args(Operator),
    pairs: Literal["labelled", "written", "both"] = "labelled",
    prompt: str = "question",
    paraphrase_prompt: str = "paraphrase",
    augment_prompt: str = "related-pair",
    negative_prompt: str = "hard-negative-beside",
    verify_prompt: str | None = None,
    samples: Annotated[int, Field(ge=1, le=100)] = 1,
) -> Generated:
    """New pairs and negatives from pairs of query and document.

    Do not combine `augment` with the filters `round-trip` and `judge`: the document of a related
    pair is generated, and these filters look at the document that the pair comes from.

    Args:
        documents: doc_id, text of the chosen documents.
        collection: with the generator and the training queries.
        operators: `paraphrase` writes query and document anew, `augment` writes a pair about a
            related topic, `negative` writes a document that does not answer the query. [paper]
        pairs: the training queries with a positive among the chosen documents, queries `written`
            for the documents, or `both`. [Hone default]
        prompt: for written queries. [Hone default]
        paraphrase_prompt: answers with a JSON object of query and document. [Hone default]
        augment_prompt: answers with a JSON object of query and document. [Hone default]
        negative_prompt: answers with the text of the negative. [Hone default]
        samples: number of calls per pair and operator. [Hone default]
        verify_prompt: shows a negative as the document, and the query, such as `answerable`. A
            negative that answers the query is removed. Null: no negative is verified. [Hone
            default]

    Returns:
        A paraphrased query has the original document and the paraphrased one as positives. The
        query of a related pair has the document of the pair. A negative (0) belongs to the original
        query, also if that is a training query.

    Raises:
        Refused: labelled pairs, and no chosen document is a positive of a training query.
    """
    rows, found = Generated(), []
    if pairs != "written":
        found.append(labelled_pairs(documents, collection, "qzhou"))
    if pairs != "labelled":
        rows = write_queries(documents, collection, prompt, "qzhou")
        found.append(query_pairs(rows.queries, documents))
    given = pl.concat(found)
    parts = [rows]
    for sample in range(samples):
        if "paraphrase" in operators:
            parts.append(write_pairs(given, collection, paraphrase_prompt, sample, True))
        if "augment" in operators:
            parts.append(write_pairs(given, collection, augment_prompt, sample, False))
    if "negative" in operators:
        parts.append(
            write_documents(collection, negative_prompt, given, 0, "qzhou", samples, verify_prompt)
        )
    return join_generated(parts)


def write_pairs(
    given: pl.DataFrame, collection: GenerationContext, prompt: str, sample: int, same: bool
) -> Generated:
    """A new query with a new document for each pair.

    Args:
        given: query_id, query, doc_id, document of the pairs.
        collection: with the generator.
        prompt: answers with a JSON object of query and document.
        sample: number of the sample.
        same: whether the new query asks for the same as the old one, so that the old document is a
            positive, too.
    """
    written = collection.writer.write(prompt, given, sample=sample)
    first = written.texts.filter(pl.col("number") == 0)
    old = given[first["row"]]
    new = old.with_columns(
        asked="query",
        text=first["query"].str.replace_all(r"\s+", " ").str.strip_chars(),
        new_document=first["document"],
    )
    is_copy = new["text"].str.to_lowercase() == new["asked"].str.to_lowercase()
    removed = [
        written.removed(given["doc_id"]),
        removed_rows(new.filter(is_copy).select("doc_id"), "copy", "the query is unchanged"),
    ]
    new = new.filter(~is_copy)
    origin = f"qzhou {written.origin}"
    queries = make_queries(new.select("doc_id", "text"), "qzhou", origin)
    numbered = new.drop("query_id").join(
        queries.select("query_id", "doc_id", "text"),
        on=["doc_id", "text"],
        how="inner",
        maintain_order="left",
    )
    documents = label_documents(
        numbered.select("query_id", "query", "doc_id", "document", text="new_document"),
        collection,
        1,
        origin,
    )
    labels = [documents.labels]
    if same:
        labels.append(label_with(queries, queries["doc_id"], 1))
    rows = Generated(
        queries, pl.concat(labels), documents.documents, pl.concat([*removed, documents.removed])
    )
    alone = queries.join(rows.labels, on="query_id", how="anti", maintain_order="left")
    return rows.without(removed_rows(alone, "no-positive", "its document is not usable"))
