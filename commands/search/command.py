"""`hone search`: the first documents of two models for a query, side by side."""

from __future__ import annotations

from typing import Any

from commands.console import line, print_json, shortened
from commands.search.choice import choose_collection, choose_models, find_settings, open_encoder
from commands.search.labels import KnownQueries
from commands.search.placement import Hit
from commands.search.searcher import Found, Searcher
from hone.config import params
from hone.data.tables import Documents
from hone.encoders.missing_texts import count_missing
from hone.errors import Refused
from hone.layout import collection_table
from hone.present.number_format import count
from hone.stage import say

PORT = 8765
NEAR = "new, left: not among the first {top} of the other model. Its rank there is in parentheses."


def search(
    query: str,
    models: str | None = None,
    collection: str | None = None,
    top: int = 10,
    as_json: bool = False,
    page: bool = False,
    port: int | None = None,
) -> None:
    """Print the first documents of each model, or serve a search page.

    Args:
        query: a text, or the id of a query of the collection.
        models: one or two rounds, separated by commas. Null: see `choose_models`.
        collection: the searched collection. Null: the first of `evaluate_on`.
        top: documents per model.
        as_json: print JSON instead of a table.
        page: serve a page until Ctrl-C. The query is optional then.
        port: port of the page.

    Raises:
        Refused: the query is empty, the collection is not collected, or a round is not trained.
    """
    if page and as_json:
        raise Refused("--json prints one result, but --page serves a page. Omit one of them.")
    if port is not None and not page:
        raise Refused("--port has an effect with --page only. Add --page, or omit --port.")
    if not page and not query.strip():
        raise Refused('The query is empty. Write one: `hone search "how to ..."`, or use --page.')
    given = params.read()
    chosen = choose_collection(given, collection)
    names = choose_models(given, models, chosen)
    searcher, min_relevance = (
        open_searcher(chosen, names),
        find_settings(given, chosen).min_relevance,
    )
    if page:
        from commands.search.page import serve

        serve(searcher, chosen, min_relevance, top, query, PORT if port is None else port)
        return
    found = searcher.search(query, top)
    if as_json:
        print_json(as_plain(found, chosen))
        return
    print_result(found, chosen, min_relevance, top)


def open_searcher(collection: str, names: list[str]) -> Searcher:
    """The searcher of a collection and its models. Missing texts are encoded, after a log line with
    their number.
    """
    given = params.read()
    how = find_settings(given, collection)
    encoders = {name: open_encoder(given, name, how) for name in names}
    documents = Documents(collection_table(collection, "documents"))
    for name, encoder in encoders.items():
        if absent := count_missing(encoder, documents):
            say(f"{name}: {absent:,} texts of {collection} to encode; their vectors are kept")
    return Searcher(encoders, documents, KnownQueries.read(collection), how.own_id)


def print_result(found: Found, collection: str, min_relevance: int, top: int) -> None:
    """Print the query, the lists side by side, and the labels that no model shows."""
    from commands.search.text_table import print_found

    line(describe_query(found, collection))
    line()
    print_found(found, min_relevance)
    line()
    if len(found.lists) > 1:
        line(NEAR.format(top=top))
    for sentence in describe_unfound(found, min_relevance, top):
        line(sentence)


def describe_query(found: Found, collection: str) -> str:
    """The query, and whether the collection has labels of it."""
    query = found.query
    labels = (
        f"query {query.query_id}, {count(len(query.labels), 'label')}"
        if query.query_id is not None
        else "not a query of the collection, so nothing is labelled"
    )
    return f"{collection}: {shortened(query.text)} ({labels})"


def describe_unfound(found: Found, min_relevance: int, top: int) -> list[str]:
    """For each model, how many relevant documents of the query are not shown."""
    relevant = {doc for doc, one in found.query.labels.items() if one.grade >= min_relevance}
    return [
        f"{name}: {len(relevant) - len(shown)} of {count(len(relevant), 'relevant document')} not "
        f"among the first {top}."
        for name, hits in found.lists.items()
        if (shown := relevant & {hit.doc_id for hit in hits}) != relevant
    ]


def as_plain(found: Found, collection: str) -> dict[str, Any]:
    """The result as JSON values."""
    return {
        "query": found.query.text,
        "query_id": found.query.query_id,
        "collection": collection,
        "models": list(found.lists),
        "results": {
            name: [hit_as_plain(hit) for hit in hits] for name, hits in found.lists.items()
        },
    }


def hit_as_plain(hit: Hit) -> dict[str, Any]:
    return {
        "rank": hit.rank,
        "doc_id": hit.doc_id,
        "score": hit.score,
        "move": hit.move,
        "other_rank": hit.other_rank,
        "grade": None if hit.label is None else hit.label.grade,
        "held_out": hit.label is not None and hit.label.held_out,
        "text": hit.text,
    }
