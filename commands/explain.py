"""`hone explain`: everything that happened to a query-document pair in one round."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from commands.console import line, print_json, shortened
from commands.workspace import round_folder
from hone.data import tables, training_set
from hone.data.chunks import of_chunks
from hone.data.labels import positives_of
from hone.errors import Refused, listed, nearest

MAX_STEPS = 12
MOST_COMPARED = 20_000


def explain(query: str, doc_id: str, round: str, as_json: bool = False) -> None:
    """Print everything that happened to a pair, by stage.

    Args:
        query: the id of a training query, or its text.
        doc_id: the id of a document.
        round: the round.
        as_json: print JSON instead of sentences.
    """
    round_folder(round)
    query_id = find_query(training_set.read(), query)
    found = trace_pair(query_id, doc_id, round)
    if as_json:
        print_json(as_plain(query_id, doc_id, round, found))
        return
    for sentence in found:
        line(sentence)


def as_plain(query_id: str, doc_id: str, round: str, sentences: list[str]) -> dict[str, Any]:
    """The sentences of `trace_pair` as JSON values."""
    query, document, _, *events = sentences
    parts = [sentence.partition(": ") for sentence in events]
    return {
        "query_id": query_id,
        "doc_id": doc_id,
        "round": round,
        "query": query.removeprefix(f"query {query_id}: "),
        "document": document.removeprefix(f"document {doc_id}: "),
        "events": [{"stage": stage, "text": text} for stage, _, text in parts],
    }


def find_query(training: training_set.TrainingSet, query: str) -> str:
    """The id of a training query.

    Args:
        query: an id, or a text. Case and white space do not count. An id is tried first.

    Raises:
        Refused: several queries have this text.
    """
    queries = training.queries()
    if not queries.filter(pl.col("query_id") == query).is_empty():
        return query
    wanted = normalize(query)
    ids = [
        query_id
        for query_id, text in queries.select("query_id", "text").iter_rows()
        if normalize(text or "") == wanted
    ]
    if len(ids) > 1:
        raise Refused(f"{len(ids)} training queries have this text: {listed(ids)}. Use an id.")
    return ids[0] if ids else query


def normalize(text: str) -> str:
    return " ".join(text.casefold().split())


def trace_pair(query_id: str, doc_id: str, round: str) -> list[str]:
    """One or more sentences per stage, in the order of the stages.

    Raises:
        Refused: the round, query or document does not exist.
    """
    folder = round_folder(round)
    training = training_set.read()
    text, document = texts(training, query_id, doc_id)

    def rows(table: str, file: Path) -> pl.DataFrame:
        path = file if file.exists() else folder / file
        if not path.exists():
            return tables.empty(table)
        pair = (pl.col("query_id") == query_id) & (
            (pl.col("doc_id") == doc_id) | pl.col("doc_id").is_null()
        )
        return tables.scan(table, path).filter(pair).collect()

    removed = pl.concat(
        [
            rows("removed", folder / "removed" / f"{stage}.parquet")
            for stage in ("sample", "relabel")
        ]
    )
    return [
        f"query {query_id}: {shortened(text)}",
        f"document {doc_id}: {shortened(document)}",
        "",
        *describe_generation(training, query_id, doc_id),
        *describe_candidates(rows("candidates", folder / "candidates.parquet")),
        *describe_scores(folder, query_id, doc_id),
        *describe_sampling(
            rows("negatives", folder / "negatives.parquet"),
            removed,
            rows("candidates", folder / "candidates.parquet"),
        ),
        *describe_judgments(rows("judgments", folder / "judgments.parquet")),
        *describe_label(rows("labels", folder / "labels.parquet")),
        *describe_training(folder, query_id, doc_id),
        *describe_hidden(training, query_id, doc_id),
    ]


def texts(training: training_set.TrainingSet, query_id: str, doc_id: str) -> tuple[str, str]:
    """The texts of a query and a document of the training set."""
    queries = training.queries()
    query = queries.filter(pl.col("query_id") == query_id)
    if query.is_empty():
        raise Refused(
            f"'{query_id}' is not a training query: {nearest_id(query_id, queries['query_id'])}"
        )
    document = training.texts([doc_id])
    if document.is_empty():
        every = pl.concat([collection.documents.ids for collection in training])
        raise Refused(
            f"The document '{doc_id}' is not in any training collection: "
            f"{nearest_id(doc_id, every)}"
        )
    return query["text"][0], document["full_text"][0]


def nearest_id(given: str, ids: pl.Series) -> str:
    """A hint with the id most similar to `given`, or with an example of an id."""
    alike = ids.filter(ids.str.starts_with(given[:1])).head(MOST_COMPARED)
    hint = nearest(given, alike.to_list())
    return (
        hint
        if hint.startswith("did you mean")
        else f"there are {len(ids):,}, for example '{ids[0]}'"
    )


def describe_generation(
    training: training_set.TrainingSet, query_id: str, doc_id: str
) -> list[str]:
    """The origin of a generated query and of a generated document, and the label that `generate`
    gave to the pair.
    """
    sentences = []
    for collection in training:
        for table, key, wanted, noun in (
            ("queries", "query_id", query_id, "query"),
            ("documents", "doc_id", doc_id, "document"),
        ):
            for row in generated_rows(collection, table, pl.col(key) == wanted).to_dicts():
                origin = shortened(row.get("origin") or "unknown origin")
                sentences.append(f"generate: the {noun} was generated ({origin})")
        pair = (pl.col("query_id") == query_id) & (pl.col("doc_id") == doc_id)
        for row in generated_rows(collection, "qrels", pair).to_dicts():
            kind = "positive" if row["relevance"] >= collection.min_relevance else "negative"
            sentences.append(f"generate: the pair was generated as a {kind}")
    return sentences


def generated_rows(
    collection: training_set.TrainingCollection, table: str, chosen: pl.Expr
) -> pl.DataFrame:
    """The chosen rows of a table below generated/. Empty if nothing was generated."""
    file = collection.generated_file(table)
    if file is None:
        return tables.empty(table)
    ids = [name for name in ("query_id", "doc_id") if name in tables.SCHEMAS[table]]
    named = tables.scan(table, file).with_columns(tables.prefixed(collection.prefix, *ids))
    return named.filter(chosen).collect()


def describe_candidates(candidates: pl.DataFrame) -> list[str]:
    if candidates.is_empty():
        return ["retrieve: not found by any source"]
    return [
        f"retrieve: found by {row['source']} at rank {row['rank']}, score {row['score']:.4f}"
        for row in candidates.to_dicts()
    ]


def describe_scores(folder: Path, query_id: str, doc_id: str) -> list[str]:
    """The pair's scores, compared with the query's positives by the same scorer."""
    path = folder / "scores.parquet"
    if not path.exists():
        return []
    of_query = tables.scan("scores", path).filter(pl.col("query_id") == query_id).collect()
    positives = positives_of(tables.scan("labels", folder / "labels.parquet")).filter(
        pl.col("query_id") == query_id
    )
    known = of_query.join(positives.collect(), on=["query_id", "doc_id"], how="semi")
    sentences = []
    for row in of_query.filter(pl.col("doc_id") == doc_id).to_dicts():
        beside = known.filter(pl.col("scorer") == row["scorer"], pl.col("doc_id") != doc_id)[
            "score"
        ]
        lowest = f" (lowest other positive of the query: {beside.min():.4f})" if len(beside) else ""
        sentences.append(f"score: {row['score']:.4f} by {row['scorer']}{lowest}")
    return sentences


def describe_sampling(
    negatives: pl.DataFrame, removed: pl.DataFrame, candidates: pl.DataFrame
) -> list[str]:
    removals = [
        f"{'sample' if row['doc_id'] else 'query'}: removed by the filter {row['rule']}"
        + (f" ({row['detail']})" if row["detail"] else "")
        for row in removed.to_dicts()
    ]
    chosen = [
        f"sample: sampled as a negative ({row['source']}, rank {row['rank']})"
        for row in negatives.to_dicts()
    ]
    if removals or chosen or candidates.is_empty():
        return removals + chosen
    return [
        "sample: not removed by a filter, but not sampled: other candidates ranked higher or were "
        "drawn"
    ]


def describe_judgments(judgments: pl.DataFrame) -> list[str]:
    """The verdict of each judge on the pair, in the order of the cascade."""
    sentences = []
    for row in judgments.sort("place").to_dicts():
        sure = f", probability {row['probability']:.2f}" if row["probability"] is not None else ""
        grade = f", grade {row['grade']:.3g}" if row["grade"] is not None else ""
        reason = f": {row['reason']}" if row["reason"] else ""
        when = f" (judged {row['asked_at']})" if row["asked_at"] else ""
        sentences.append(
            f"relabel: {row['judge']} returned {row['verdict']}{sure}{grade}{reason}{when}"
        )
    return sentences


def describe_label(labels: pl.DataFrame) -> list[str]:
    if labels.is_empty():
        return ["label: none"]
    sentences = []
    for row in labels.to_dicts():
        grade = f", grade {row['grade']:g}" if row["grade"] is not None else ""
        judge = f", by {row['judge']}" if row["judge"] else ""
        reason = f": {row['reason']}" if row["reason"] else ""
        sentences.append(f"label: {row['label']}{grade}{judge}{reason}")
    return sentences


def describe_training(folder: Path, query_id: str, doc_id: str) -> list[str]:
    path = folder / "trained.parquet"
    if not path.exists():
        return ["train: this round has not been trained yet"]
    pair = (pl.col("query_id") == query_id) & (pl.col("doc_id") == doc_id)
    rows = tables.scan("trained", path).filter(pair).sort("step").collect()
    if rows.is_empty():
        return [
            "train: not used explicitly in any step (the document may have been an in-batch "
            "negative)"
        ]
    steps = [
        f"train: step {row['step']}, as {row['role']}, "
        + ", ".join(
            f"{name} {row[name]:.4f}" for name in ("loss", "score") if row[name] is not None
        )
        for row in rows.head(MAX_STEPS).to_dicts()
    ]
    more = len(rows) - len(steps)
    return [*steps, *([f"train: and {more:,} more steps"] if more > 0 else [])]


def describe_hidden(training: training_set.TrainingSet, query_id: str, doc_id: str) -> list[str]:
    """A sentence if the pair is a held-out positive."""
    for collection in training:
        path = collection.folder / "hidden.parquet"
        known = tables.scan("hidden", path).with_columns(
            tables.prefixed(collection.prefix, "query_id", "doc_id")
        )
        of_query = of_chunks(
            known.filter(pl.col("query_id") == query_id).collect(), collection.documents.parents
        )
        if doc_id in of_query["doc_id"]:
            return ["hidden: this pair is a held-out positive (`hide` in params.yaml)"]
    return []
