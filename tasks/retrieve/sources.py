"""The sources of a recipe: their requirements, and the candidates of each."""

from __future__ import annotations

import polars as pl

from hone.config import methods
from hone.config.source_name import source_name
from hone.data import tables, training_set
from hone.data.id_namespace import refuse_ambiguous
from hone.encoders.round_encoders import Models
from hone.errors import NothingHere, Refused
from hone.stage import say
from tasks.retrieve.settings import RetrieveSettings


def need_columns(sources: list[dict], training: training_set.TrainingSet) -> None:
    """Raise Refused if a source needs a metadata column that no collection has, before any
    source runs.
    """
    for line in sources:
        for _, one in methods.with_inner_lines("retrieve", line):
            column = one["parameters"].get("column")
            if column and not any(column in collection.metadata.names for collection in training):
                for collection in training:
                    collection.metadata.need(column, one["method"])


def know_whose(sources: list[dict], training: training_set.TrainingSet) -> None:
    """Raise Refused if ids of a file are ambiguous between collections. A source's module
    defines the kind of ids (`named`).
    """
    for line in sources:
        for place, one in methods.with_inner_lines("retrieve", line):
            if (named := methods.find(place, one["method"]).beside("named")) and (
                found := named(one["parameters"])
            ):
                refuse_ambiguous(
                    one["parameters"]["file"],
                    found[1],
                    found[0],
                    one["parameters"]["ids_of"],
                    training,
                )


def refuse_nothing(nothing: dict[str, dict[str, str]], collections: list[str]) -> None:
    """Log which sources found nothing in which collections. Raises Refused if a source found
    nothing in any.

    Args:
        nothing: the messages by source and collection.
        collections: the names of all collections.
    """
    for source, reasons in nothing.items():
        several = [
            f"{name}: {sentence}" if len(collections) > 1 else sentence
            for name, sentence in reasons.items()
        ]
        if set(reasons) == set(collections):
            raise Refused(" ".join(several))
        for sentence in several:
            say(
                f"retrieve: {source} finds nothing in one collection and continues with the "
                f"others. {sentence}"
            )


def source_of(
    line: dict,
    collection: training_set.TrainingCollection,
    labels: pl.DataFrame,
    negatives: pl.LazyFrame,
    models: Models,
    settings: RetrieveSettings,
    nothing: dict[str, dict[str, str]],
) -> pl.DataFrame:
    """Candidates of one source in one collection. If it has no data to work on, its message is
    added to `nothing`.
    """
    queries = collection.queries()
    given = {
        "queries": queries,
        "documents": collection.documents,
        "labels": labels.join(queries, on="query_id", how="semi", maintain_order="left"),
        "negatives": negatives,
        "models": models,
        "language": collection.language,
        "prefix": collection.prefix,
        "metadata": collection.metadata,
        "seed": settings.seed,
        "round": settings.round,
        "draws": settings.draws,
    }

    def ask(line: dict) -> pl.DataFrame:
        """The candidates of a nested source."""
        if line["parameters"].get("ids_of") not in (None, collection.name):
            return tables.empty("candidates").drop("source")
        try:
            return methods.find("retrieve", line["method"])(line["parameters"], ask=ask, **given)
        except NothingHere as error:
            nothing.setdefault(source_name(line), {})[collection.name] = str(error)
            return tables.empty("candidates").drop("source")

    return ask(line).with_columns(source=pl.lit(source_name(line)))
