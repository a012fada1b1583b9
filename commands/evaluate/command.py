"""`hone evaluate`: a model on published benchmarks or folders, without params.yaml."""

from __future__ import annotations

from functools import partial
from typing import Any

from commands.console import print_json, table
from commands.evaluate.benchmarks import EXAMPLES, SOURCES, Target, expand
from commands.evaluate.collection import MIN_RELEVANCE, opened
from commands.evaluate.model import ChosenModel, find_model
from commands.evaluate.scores import Mean, Scored, average
from hone.config.stage_settings import Reading
from hone.errors import Refused
from hone.stage import say

SEED = 13  # of the intervals, as in params.yaml
MACHINE = {"device": "auto", "batch_tokens": None}
SHORTEST = 8  # tokens, as in params.yaml


def evaluate(model: str, on: list[str], max_length: int | None, as_json: bool) -> None:
    """Print one row for each collection, and the means.

    Args:
        model: a round, a folder, a package or a Hub id.
        on: collections and benchmarks.
        max_length: tokens after which a text is truncated. Null: the model's own length.
        as_json: print JSON instead of a table.

    Raises:
        Refused: a name does not exist, a model is unsafe, or a download fails. Finished rows are
            printed before.
    """
    if model.partition(":")[0] in SOURCES:
        raise Refused(
            f"MODEL is '{model}', which names a collection. Write the model first: `hone evaluate "
            f"MODEL --on {model}`."
        )
    if not on:
        raise Refused(f"Name a collection with --on: {EXAMPLES}.")
    if max_length is not None and max_length < SHORTEST:
        raise Refused(f"--max-length is {max_length}. Use {SHORTEST} tokens or more.")
    targets, chosen = expand(on), find_model(model)
    rows: list[Scored] = []
    try:
        for number, target in enumerate(targets, start=1):
            say(f"evaluate {chosen.name} on {target.name} ({number} of {len(targets)})")
            rows.append(score(chosen, target, max_length))
    except Refused as refusal:
        if not rows:
            raise
        show(chosen, rows, [], as_json)
        raise Refused(
            f"{len(rows)} of {len(targets)} collections are evaluated, and their vectors are "
            f"kept. {refusal}"
        ) from refusal
    show(chosen, rows, average(rows), as_json)


def score(chosen: ChosenModel, target: Target, max_length: int | None) -> Scored:
    """Evaluate the model on one collection. Vectors come from the embedding cache."""
    from hone.encoders.encoder import encoder_for
    from hone.encoders.missing_texts import count_missing
    from hone.ir.mteb import reading_for
    from hone.ir.ranking import by_encoder
    from hone.ir.results import measure_split
    from hone.seeds import generator
    from hone.stats.bootstrap import intervals

    own: Reading = {"max_length": max_length, "prompts": {}, "precision": "auto"}
    with opened(target) as found:
        reading = reading_for(found.task, own, found.settings, chosen.folder)
        encoder = encoder_for(chosen.folder, reading, MACHINE, user=chosen.name)
        if found.notes:
            say(f"{target.name}: {found.notes}")
        absent = count_missing(encoder, found.documents, found.part.queries["text"].to_list())
        say(f"{target.name}: {absent:,} texts to encode")
        measured = measure_split(
            found.part,
            found.documents,
            partial(by_encoder, encoder),
            MIN_RELEVANCE,
            found.task,
            found.own_id,
        )
        values = measured.values.select("ndcg_at_10").to_numpy()
        return Scored(
            target,
            found.part.split,
            len(values),
            len(found.documents),
            intervals(values, generator(SEED, "evaluate"))[0],
            measured.figures["recall_at_100"],
            *main_score(measured.figures),
            absent,
        )


def main_score(figures: dict[str, Any]) -> tuple[float | None, str | None]:
    """The main score of an MTEB task and its name. Both null for other collections."""
    return next(((value, name) for name, value in figures.get("mteb", {}).items()), (None, None))


def show(chosen: ChosenModel, rows: list[Scored], means: list[Mean], as_json: bool) -> None:
    """Print the rows and means as a table, or as JSON."""
    if as_json:
        print_json(as_plain(chosen, rows, means))
        return
    with_main = any(row.mteb is not None for row in rows)
    columns = ["collection", "queries", "nDCG@10", "95 % interval", "recall@100"]
    table(
        [*columns, *(["MTEB score"] if with_main else [])],
        [
            *(cells(row)[: len(columns) + with_main] for row in rows),
            *(cells_of_mean(mean)[: len(columns) + with_main] for mean in means),
        ],
    )


def cells(row: Scored) -> list[object]:
    split = "" if row.split == "test" else f" ({row.split})"
    low, high = bounds(row)
    return [
        f"{row.target.name}{split}",
        row.queries,
        row.ndcg.mean,
        f"{low:.3f} to {high:.3f}",
        row.recall,
        row.mteb,
    ]


def cells_of_mean(mean: Mean) -> list[object]:
    unit = "task" if mean.tasks == 1 else "tasks"
    return [
        f"mean of {mean.name} ({mean.tasks} {unit})",
        None,
        mean.ndcg,
        None,
        mean.recall,
        mean.mteb,
    ]


def bounds(row: Scored) -> tuple[float, float]:
    """The interval of nDCG@10, which is between 0 and 1."""
    return max(row.ndcg.low, 0.0), min(row.ndcg.high, 1.0)


def as_plain(chosen: ChosenModel, rows: list[Scored], means: list[Mean]) -> dict[str, Any]:
    """The result as JSON values."""
    return {
        "model": chosen.name,
        "collections": [
            {
                "collection": row.target.name,
                "benchmark": row.target.benchmark,
                "split": row.split,
                "queries": row.queries,
                "documents": row.documents,
                "ndcg_at_10": row.ndcg.mean,
                "interval": list(bounds(row)),
                "recall_at_100": row.recall,
                "mteb": row.mteb,
                "mteb_measure": row.measure,
                "encoded": row.encoded,
            }
            for row in rows
        ],
        "means": [
            {
                "name": mean.name,
                "tasks": mean.tasks,
                "ndcg_at_10": mean.ndcg,
                "recall_at_100": mean.recall,
                "mteb": mean.mteb,
            }
            for mean in means
        ],
    }
