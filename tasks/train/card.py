"""The model's card: what sentence-transformers writes of its training, and before it what the loop knows."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from tasks import resolved
from tasks.encode.encoder import Reading, encoder_for
from tasks.encode.model import ModelFolder
from tasks.evaluate.measures import means, per_query
from tasks.evaluate.ranking import Kept, by_encoder
from tasks.model_card import put_first
from tasks.training_set import TrainingCollection, TrainingSet


def write_card(place: Path, settings: dict, training: TrainingSet, trained: pl.DataFrame) -> None:
    """Put the loop's part into README.md of a saved model.

    Args:
        place: the model's folder.
        settings: of the stage `train`.
        training: what it was trained on.
        trained: what each step saw.
    """
    put_first(section(place, settings, training, trained), place / "README.md")


def section(place: Path, settings: dict, training: TrainingSet, trained: pl.DataFrame) -> str:
    """From what, by which recipe, on what, with which scores."""
    train = settings["train"]
    start = "r0" if train["init"] == "base" else settings["from"]
    anew = ", others each epoch" if train["draw"] == "epoch" and train["negatives"] else ""
    losses = ", ".join(f"{line['method']} ({spelled(line['parameters'])})" for line in train["losses"])
    lines = [
        f"## Trained by Hone, round {settings['round']}",
        "",
        f"- **From:** the weights of {start}; candidates and known labels came from {settings['from']}.",
        f"- **Recipe:** {settings['recipe']}" + (f" ({settings['paper']})" if settings["paper"] else ""),
        f"- **Losses:** {losses}; {train['negatives']} mined negative(s) a query{anew}; batches: {spelled(train['batch']['parameters'])}.",
        f"- **Steps:** {trained['step'].max()}, learning rate {train['learning_rate']}, {train['precision']}, seed {settings['seed']}.",
        f"- **Length:** {lengths(settings, place)}.",
        *(trained_on(collection, trained) for collection in training),
        "",
        *scores(place, settings, training, start),
    ]
    return "\n".join(lines)


def lengths(settings: dict, place: Path) -> str:
    """Where texts are cut, in encoding and in training."""
    reading, model = Reading.of(settings["model"]), ModelFolder(place)
    encoding, training = reading.length(model), reading.length(model, settings["train"]["max_length"])
    apart = f"; training read {training:,} tokens (`train.max_length`)" if training != encoding else ", in training as in encoding"
    return f"texts are cut after {encoding:,} tokens{apart}"


def trained_on(collection: TrainingCollection, trained: pl.DataFrame) -> str:
    queries = trained.join(collection.queries(), on="query_id", how="semi")["query_id"].n_unique()
    return f"- **Collection {collection.name}:** {queries:,} training queries, {len(collection.documents):,} documents."


def scores(place: Path, settings: dict, training: TrainingSet, start: str) -> list[str]:
    """A table of dev scores of this model and of the one it started from.

    The vectors are kept, so the evaluation and the mining that follow do not encode the collection again.
    """
    if not settings["train"]["dev_scores"]:
        return ["No scores on dev queries: the recipe says `dev_scores: false`. Test scores: reports/metrics."]
    rows = []
    for collection in training:
        qrels = collection.qrels("dev")
        if qrels.is_empty():
            continue
        for name, folder in ((start, Path("models") / start), (settings["round"], place)):
            encoder = encoder_for(folder, settings["model"], resolved.machine(), user=name)
            kept = Kept(itself=collection.own_id == "keep")
            run = by_encoder(encoder, collection.queries("dev"), collection.documents, qrels, kept)
            found = means(per_query(run, qrels, collection.min_relevance))
            rows.append(
                f"| {collection.name} | {name} | {found['ndcg_at_10']:.4f} | {found['mrr_at_10']:.4f} | {found['recall_at_100']:.4f} |"
            )
    if not rows:
        return ["No training collection has dev queries. Test scores: reports/metrics."]
    return ["Scores on dev queries (those on test queries: reports/metrics):", "",
            "| collection | model | nDCG@10 | MRR@10 | recall@100 |", "|---|---|---|---|---|", *rows]  # fmt: skip


def spelled(parameters: dict) -> str:
    return ", ".join(f"{name} {value}" for name, value in parameters.items())
