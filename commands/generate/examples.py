"""Queries for the first chosen documents, written through the ledger, so that the stage pays for
none of them again; and the filter that would remove each.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from hone.config import methods
from hone.config.generate_recipe import FILTERS, METHODS
from hone.generation.rows import Generated, join_generated
from tasks.generate.context import GenerationContext
from tasks.generate.filtering import filtered
from tasks.generate.held_out import without_held_out
from tasks.generate.settings import ResolvedGeneration
from tasks.resolve.generation import needs_encoder


@dataclass(frozen=True)
class Written:
    """A query of an example.

    Attributes:
        query_id, text, method, origin: as in the table `queries`.
        positives, negatives: its labelled documents other than the one from which it was written,
            as pairs of id and text.
        rule, detail: the filter that removes it, and why. Null: none of the applied filters.
    """

    query_id: str
    text: str
    method: str
    origin: str
    positives: tuple[tuple[str, str], ...] = ()
    negatives: tuple[tuple[str, str], ...] = ()
    rule: str | None = None
    detail: str | None = None


@dataclass(frozen=True)
class Example:
    """A document with what was written for it.

    Attributes:
        doc_id, text: of the document, as encoders read it.
        queries: what was written.
        rule, detail: why nothing was written. Null: something was, or no reason is known.
    """

    doc_id: str
    text: str
    queries: tuple[Written, ...] = ()
    rule: str | None = None
    detail: str | None = None


def needs_much(line: dict) -> bool:
    """Whether a filter asks a judge, or encodes the collection."""
    method = methods.find(FILTERS, line["method"])
    return bool(method.beside("NEEDS_JUDGE")) or needs_encoder(FILTERS, line)


def split_filters(section: ResolvedGeneration, every: bool) -> tuple[list[dict], list[str]]:
    """The filters that the preview applies, and the names of those that it omits.

    A filter after an omitted one is applied too: it reads more queries than in the stage.

    Args:
        section: the recipe.
        every: apply all filters.
    """
    applied = [line for line in section.filters if every or not needs_much(line)]
    return applied, [line["method"] for line in section.filters if line not in applied]


def write_examples(
    section: ResolvedGeneration,
    collection: GenerationContext,
    documents: pl.DataFrame,
    filters: list[dict],
) -> list[Example]:
    """Run the methods of a recipe on some documents, and the filters on their queries.

    Args:
        section: the recipe.
        collection: with the generator and the judges.
        documents: doc_id, text of the first chosen documents.
        filters: that are applied.

    Raises:
        Refused: the generator or a judge fails.
    """
    parts = [
        methods.find(METHODS, line["method"])(
            line["parameters"], documents=documents, collection=collection
        )
        for line in section.methods
    ]
    rows = join_generated(parts)
    left = filtered(without_held_out(rows, collection), filters, collection)
    return arrange_examples(documents, rows, left, texts_of(rows, collection))


def texts_of(rows: Generated, collection: GenerationContext) -> dict[str, str]:
    """The text of every labelled document, by id, generated or not."""
    generated = dict(rows.documents.select("doc_id", "text").iter_rows())
    ids = rows.labels["doc_id"].unique(maintain_order=True)
    own = ids.filter(~ids.is_in(list(generated)))
    return dict(collection.texts(own).iter_rows()) | generated


def arrange_examples(
    documents: pl.DataFrame, rows: Generated, left: Generated, texts: dict[str, str]
) -> list[Example]:
    """The rows by document.

    Args:
        documents: doc_id, text.
        rows: of all methods, before the filters.
        left: after the filters.
        texts: of labelled documents, by id.
    """
    removed = {
        query_id: (rule, detail)
        for query_id, rule, detail in left.removed.select("query_id", "rule", "detail").iter_rows()
        if query_id is not None
    }
    unwritten = {
        doc_id: (rule, detail)
        for query_id, doc_id, rule, detail in rows.removed.iter_rows()
        if query_id is None and doc_id is not None
    }
    queries: dict[str, list[Written]] = {}
    for query_id, text, origin, doc_id, method in rows.queries.iter_rows():
        labels = rows.labels.filter((pl.col("query_id") == query_id) & (pl.col("doc_id") != doc_id))
        positives, negatives = (
            tuple((one, texts.get(one, "")) for one in labels.filter(chosen)["doc_id"])
            for chosen in (pl.col("relevance") > 0, pl.col("relevance") == 0)
        )
        rule, detail = removed.get(query_id, (None, None))
        written = Written(query_id, text, method, origin, positives, negatives, rule, detail)
        queries.setdefault(doc_id, []).append(written)
    return [
        Example(
            doc_id,
            text,
            tuple(queries.get(doc_id, ())),
            *((None, None) if doc_id in queries else unwritten.get(doc_id, (None, None))),
        )
        for doc_id, text in documents.select("doc_id", "text").iter_rows()
    ]
