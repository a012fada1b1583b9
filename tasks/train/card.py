"""The model card: the section by sentence-transformers, preceded by Hone's section."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from hone.config import stage_settings
from hone.data.training_set import TrainingCollection, TrainingSet
from hone.encoders.encoder import Reading, encoder_for
from hone.encoders.model_folder import ModelFolder
from hone.ir.measures import means, per_query
from hone.ir.ranking import RankingPart, by_encoder
from hone.ir.split_names import ONLY_CHOOSE, name_dev_queries
from hone.present.model_card import put_first
from tasks.train.dev_checks import MEASURE
from tasks.train.settings import TrainSettings

Means = dict[str, dict[str, float]]  # by collection and measure


def write_card(
    place: Path,
    settings: TrainSettings,
    training: TrainingSet,
    trained: pl.DataFrame,
    before: Means,
    checked: dict,
) -> None:
    """Write Hone's section into README.md of a saved model.

    Args:
        place: the model's folder.
        settings: settings of the stage `train`.
        training: the training set.
        trained: the record of all steps.
        before: dev scores of the starting model.
        checked: the record of its dev checks.
    """
    put_first(section(place, settings, training, trained, before, checked), place / "README.md")


def section(
    place: Path,
    settings: TrainSettings,
    training: TrainingSet,
    trained: pl.DataFrame,
    before: Means,
    checked: dict,
) -> str:
    """Starting model, recipe, data and scores."""
    train = settings.train
    start = "r0" if train.init == "base" else settings.parent
    anew = ", different ones in each epoch" if train.draw == "epoch" and train.negatives else ""
    losses = ", ".join(f"{line['method']} ({spelled(line['parameters'])})" for line in train.losses)
    lines = [
        f"## Trained by Hone, round {settings.round}",
        "",
        f"- **From:** the weights of {start}; candidates and labels are from {settings.parent}.",
        f"- **Recipe:** {settings.recipe}" + (f" ({settings.paper})" if settings.paper else ""),
        f"- **Losses:** {losses}; {train.negatives} mined negative(s) per query{anew}; batches: "
        f"{spelled(train.batch['parameters'])}.",
        f"- **Steps:** {trained['step'].max()}, learning rate {train.learning_rate}, "
        f"{train.precision}, seed {settings.seed}.",
        f"- **Length:** {lengths(settings, place)}.",
        *(trained_on(collection, trained) for collection in training),
        "",
        *scores(place, settings, training, start, before),
        *during_training(checked),
    ]
    return "\n".join(lines)


def lengths(settings: TrainSettings, place: Path) -> str:
    """The maximum lengths, in encoding and in training."""
    reading, model = Reading.of(settings.model), ModelFolder(place)
    encoding, training = reading.length(model), reading.length(model, settings.train.max_length)
    apart = (
        f"; training read {training:,} tokens (`train.max_length`)"
        if training != encoding
        else ", in training as in encoding"
    )
    return f"texts are truncated after {encoding:,} tokens{apart}"


def trained_on(collection: TrainingCollection, trained: pl.DataFrame) -> str:
    queries = trained.join(collection.queries(), on="query_id", how="semi")["query_id"].n_unique()
    return (
        f"- **Collection {collection.name}:** {queries:,} training queries, "
        f"{len(collection.documents):,} documents."
    )


def dev_runs(
    model: Path, name: str, settings: TrainSettings, training: TrainingSet
) -> dict[str, pl.DataFrame]:
    """A model's rankings of the dev queries of each training collection: query_id, doc_id, score,
    by the collection's name.

    Empty with `dev_scores: false`, and for collections without dev labels. The vectors are cached,
    so later evaluation and mining do not encode the collection again.

    Args:
        model: the model's folder.
        name: name of its round.
        settings: settings of the stage `train`.
        training: the training set.
    """
    runs: dict[str, pl.DataFrame] = {}
    for collection in training if settings.train.dev_scores else ():
        qrels = collection.qrels("dev")
        if not qrels.is_empty():
            encoder = encoder_for(model, settings.model, stage_settings.machine(), user=name)
            ranking_part = RankingPart(itself=collection.own_id == "keep")
            runs[collection.name] = by_encoder(
                encoder, collection.queries("dev"), collection.documents, qrels, ranking_part
            )
    return runs


def dev_means(runs: dict[str, pl.DataFrame], training: TrainingSet) -> Means:
    """Mean measures of dev rankings: {collection: {measure: mean}}."""
    return {
        collection.name: means(
            per_query(runs[collection.name], collection.qrels("dev"), collection.min_relevance)
        )
        for collection in training
        if collection.name in runs
    }


def scores(
    place: Path, settings: TrainSettings, training: TrainingSet, start: str, before: Means
) -> list[str]:
    """A table with the dev scores of this model and of its starting model."""
    if not settings.train.dev_scores:
        return [
            "Dev queries were not scored (`dev_scores: false` in the recipe). Test scores: "
            "reports/metrics."
        ]
    after = dev_means(dev_runs(place, settings.round, settings, training), training)
    if not after:
        return ["No training collection has dev queries. Test scores: reports/metrics."]
    generated = {
        collection.name: collection.has_generated_dev()
        for collection in training
        if collection.name in after
    }
    rows = [
        f"| {collection} | {name} | {found['ndcg_at_10']:.4f} | {found['mrr_at_10']:.4f} | "
        f"{found['recall_at_100']:.4f} |"
        for collection in after
        for name, found in ((start, before[collection]), (settings.round, after[collection]))
    ]
    return [
        f"Scores on {name_dev_queries(generated)} (those on test queries: reports/metrics):",
        "",
        "| collection | model | nDCG@10 | MRR@10 | recall@100 |",
        "|---|---|---|---|---|",
        *rows,
        *(["", ONLY_CHOOSE] if any(generated.values()) else []),
    ]


def during_training(checked: dict) -> list[str]:
    """The dev checks, and the warning if an earlier check was better."""
    if not checked["checks"]:
        return []
    of_steps = ", ".join(f"{one[MEASURE]:.3f} at step {one['step']:,}" for one in checked["checks"])
    queries = checked.get("queries_name", "dev queries")
    pool = f"{checked['queries']} {queries} and a pool of {checked['documents']:,} documents"
    lines = [
        "",
        f"Dev checks during training (nDCG@10 on {pool}, not comparable with other scores): "
        f"{of_steps}.",
    ]
    return [*lines, "", checked["better_before"]] if checked["better_before"] else lines


def spelled(parameters: dict) -> str:
    return ", ".join(f"{name} {value}" for name, value in parameters.items())
