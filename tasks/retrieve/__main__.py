"""retrieve: queries, documents and the round's starting model -> candidates, each with the source it came from."""

from __future__ import annotations

import polars as pl

from hone.config import methods, stage_settings
from hone.config.source_name import source_name
from hone.data import tables, training_set
from hone.data.id_namespace import refuse_ambiguous
from hone.data.labels import carried_labels
from hone.encoders.round_encoders import Models
from hone.errors import NothingHere, Refused
from hone.layout import ROUNDS
from hone.stage import may_download, run, say


def main(round: str) -> None:
    """Ask every source of the round's recipe and write all candidates."""
    settings = stage_settings.of_round(round, "retrieve")
    sources = [] if settings["retrieve"] == "none" else settings["retrieve"]
    if any(teacher["fingerprint"] is None for teacher in settings["teachers"].values()):
        may_download()
    training = training_set.read(unlabelled=settings["unlabelled"])
    need_columns(sources, training)
    know_whose(sources, training)
    labels = carried_labels(settings["from"], training.queries(), settings["refreshed"])
    negatives = tables.scan("negatives", ROUNDS / settings["from"] / "negatives.parquet")
    nothing: dict[str, dict[str, str]] = {}
    found = [
        source_of(line, collection, labels, negatives, Models.of(settings), settings, nothing)
        for collection in (training if sources else [])
        for line in sources
    ]
    refuse_nothing(nothing, [collection.name for collection in training])
    candidates = tables.shaped("candidates", pl.concat(found)) if found else tables.empty("candidates")
    tables.write("candidates", candidates, ROUNDS / round / "candidates.parquet")
    by_source = dict(candidates.group_by("source").len().rows())
    told = ", ".join(f"{name} {by_source.get(name, 0):,}" for name in map(source_name, sources))
    say(
        f"retrieve {round}: {len(candidates):,} candidates of {candidates['query_id'].n_unique():,} queries"
        + (f" ({told})" if len(sources) > 1 else "")
    )


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
    settings: dict,
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
        "seed": settings["seed"],
        "round": settings["round"],
        "draws": settings["draws"],
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


if __name__ == "__main__":
    run(main)
