"""The sources of a recipe: what they need, and the candidates that each finds."""

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
    """Raises Refused where a source wants a metadata column that no collection has, before any source works."""
    for line in sources:
        for _, one in methods.with_held("retrieve", line):
            column = one["parameters"].get("column")
            if column and not any(column in collection.metadata.names for collection in training):
                for collection in training:
                    collection.metadata.need(column, one["method"])


def know_whose(sources: list[dict], training: training_set.TrainingSet) -> None:
    """Raises Refused where a file of ids may be one collection's or another's; a source's module says which it has (`named`)."""
    for line in sources:
        for place, one in methods.with_held("retrieve", line):
            if (named := methods.find(place, one["method"]).beside("named")) and (found := named(one["parameters"])):
                refuse_ambiguous(one["parameters"]["file"], found[1], found[0], one["parameters"]["ids_of"], training)


def refuse_nothing(nothing: dict[str, dict[str, str]], collections: list[str]) -> None:
    """Says which source had nothing to go by in which collection; raises Refused where one had nothing in any.

    Args:
        nothing: by source and collection what it said.
        collections: the names of all.
    """
    for source, told in nothing.items():
        several = [f"{name}: {sentence}" if len(collections) > 1 else sentence for name, sentence in told.items()]
        if set(told) == set(collections):
            raise Refused(" ".join(several))
        for sentence in several:
            say(f"retrieve: {source} finds nothing in one collection, and goes on with the others. {sentence}")


def source_of(
    line: dict,
    collection: training_set.TrainingCollection,
    labels: pl.DataFrame,
    negatives: pl.LazyFrame,
    models: Models,
    settings: RetrieveSettings,
    nothing: dict[str, dict[str, str]],
) -> pl.DataFrame:
    """Candidates of one source in one collection; what it said where there is nothing to go by is put into `nothing`."""
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
        """What a source gives, for one that is made of others."""
        if line["parameters"].get("ids_of") not in (None, collection.name):
            return tables.empty("candidates").drop("source")
        try:
            return methods.find("retrieve", line["method"])(line["parameters"], ask=ask, **given)
        except NothingHere as error:
            nothing.setdefault(source_name(line), {})[collection.name] = str(error)
            return tables.empty("candidates").drop("source")

    return ask(line).with_columns(source=pl.lit(source_name(line)))
