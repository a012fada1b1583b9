"""`hone calibrate`: calibrate the threshold of the `positive-aware` filter with a statistical
guarantee.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from commands.console import line, table
from commands.workspace import min_relevance
from hone.config import params, stage_settings
from hone.data import questions, tables
from hone.data.tables import Documents
from hone.errors import Refused, nearest
from hone.ir.measures import DEPTH
from hone.ir.trec_run import ranking_of
from hone.layout import MODELS, PAIR, RUNS, collection_table, run_file
from hone.present.number_format import count, share
from hone.seeds import generator
from hone.stats.risk_control import Pairs, count_remaining, false_at_most, losing_at_most, lost
from tasks.evaluate.settings import EvaluateSettings
from tasks.relabel.judges.encoder import to_query

FOLKLORE = 0.95  # NV-Retriever's
LEAST = 30  # queries [Hone default]
COLUMNS = (
    "positive-aware: {share: ...}",
    "true negatives removed",
    "kept of the first",
    "false-negative rate",
)


@dataclass(frozen=True)
class Calibration:
    """The pairs that thresholds are calibrated on, and the number of excluded queries, which
    have a single positive.
    """

    pairs: Pairs
    single: int


def calibrate(
    name: str, on: str, lose: float, false: float, keep: int, risk: float, splits: int
) -> dict[str, float | None]:
    """Print both thresholds, and how well they hold on held-out halves of the queries.

    Args:
        name: an evaluated round or reference. A round that starts from it mines with similar
            scores.
        on: a collection that it was evaluated on.
        lose: largest mean fraction of a query's true negatives that the filter may remove.
        false: largest fraction of false negatives among the kept negatives.
        keep: negatives per query that the recipe samples.
        risk: error probability of the second guarantee.
        splits: number of random half-splits for validation.

    Returns:
        lose, false: the thresholds; null if no threshold qualifies.

    Raises:
        Refused: nothing was evaluated, or too few dev queries have two positives.
    """
    for option, value in (
        ("--max-negatives-lost", lose),
        ("--max-false-negatives", false),
        ("--error-probability", risk),
    ):
        if not 0 < value < 1:
            raise Refused(f"{option} is {value:g}. Use a fraction between 0 and 1, such as 0.1.")
    if keep < 1:
        raise Refused(f"--negatives is {keep}. Use 1 or more negatives per query.")
    given = params.read()
    if on not in given.collections:
        raise Refused(f"Collection '{on}' is not in params.yaml: {nearest(on, given.collections)}")
    if not run_file(name, on).exists():
        known = [f"{file.parent.name} on {file.stem}" for file in sorted(RUNS.glob("*/*.trec"))]
        hint = nearest(f"{name} on {on}", known) if known else "run `dvc repro` first."
        raise Refused(f"'{name}' has not been evaluated on '{on}': {hint}")
    found = calibration(name, on, min_relevance(given, on), generator(given.seed, "threshold", on))
    pairs = found.pairs
    queries = count(pairs.count, "dev query", "dev queries")
    line(
        f"{name} on {on}: {queries}, with one positive of each held out among its first {DEPTH} "
        "candidates"
    )
    line(f"excluded: {found.single:,} queries with a single positive")
    line()
    made = {"lose": losing_at_most(pairs, lose), "false": false_at_most(pairs, false, keep, risk)}
    thresholds = sorted({value for value in (FOLKLORE, 1.0, *made.values()) if value is not None})
    table(
        (*COLUMNS[:2], f"{COLUMNS[2]} {keep}", COLUMNS[3]),
        [row(pairs, value, keep, made) for value in thresholds],
    )
    line()
    line(
        describe_loss(
            made["lose"], lose, pairs, splits, generator(given.seed, "threshold", on, "lose")
        )
    )
    line(
        describe_false(
            made["false"],
            false,
            risk,
            keep,
            pairs,
            splits,
            generator(given.seed, "threshold", on, "false"),
        )
    )
    line("Both guarantees apply to similar queries that the model was not trained on.")
    return made


def calibration(name: str, on: str, least: int, draw: np.random.Generator) -> Calibration:
    """Candidates of the dev queries, with one positive of each held out. Dev queries are never used
    in training or in the report.

    The reference is the one of `positive-aware`: the lowest score of all remaining positives,
    retrieved or not.
    """
    qrels = tables.read("qrels", collection_table(on, "qrels", "dev")).filter(
        pl.col("relevance") >= least
    )
    answers = qrels.select(PAIR).unique().sort(PAIR)
    answers = answers.with_columns(lot=pl.Series(draw.random(len(answers))))
    answers = answers.with_columns(
        hidden=pl.col("lot") == pl.col("lot").min().over("query_id"),
        many=pl.len().over("query_id") > 1,
    )
    several = answers.filter("many")
    if several["query_id"].n_unique() < LEAST:
        raise Refused(
            f"{several['query_id'].n_unique():,} dev queries of {on} have two or more positives, "
            f"but {LEAST} are required "
            f"({len(answers) - len(several):,} have a single one)."
        )
    reference = known_scores(name, on, several.filter(~pl.col("hidden")).select(PAIR))
    reference = (
        reference.group_by("query_id", maintain_order=True)
        .agg(reference=pl.col("score").min())
        .with_row_index("query")
    )
    rows = (
        ranking_of(name, on, DEPTH)
        .join(several.filter(~pl.col("hidden")), on=PAIR, how="anti", maintain_order="left")
        .join(
            several.filter("hidden").select(*PAIR, "hidden"),
            on=PAIR,
            how="left",
            maintain_order="left",
        )
        .join(reference, on="query_id", how="inner", maintain_order="left")
        .with_columns(value=1 + (pl.col("score") - pl.col("reference")) / pl.col("reference").abs())
        .sort("query", "rank")
    )
    hidden = rows["hidden"].fill_null(False).to_numpy()
    pairs = Pairs(
        rows["query"].to_numpy().astype(np.int64), rows["value"].to_numpy(), hidden, len(reference)
    )
    return Calibration(pairs, len(answers) - len(several))


def known_scores(name: str, on: str, answers: pl.DataFrame) -> pl.DataFrame:
    """Scores of positives by a round's model: query_id, doc_id, score. Positives outside the
    collection are omitted.

    Raises:
        Refused: the round or reference has no model.
    """
    from hone.encoders.encoder import encoder_for

    folder = MODELS / name
    if not folder.is_dir():
        raise Refused(
            f"'{name}' has no model in {folder}, but positive-aware needs encoder scores. Name a "
            "round, and run `dvc repro` or `dvc pull`."
        )
    encoder = encoder_for(
        folder, EvaluateSettings.read(collection=on).model, stage_settings.machine(), user=name
    )
    queries = tables.read("queries", collection_table(on, "queries", "dev"))
    texts = Documents(collection_table(on, "documents")).texts(answers["doc_id"].unique())
    positive_pairs = questions.of(
        answers.with_columns(rank=pl.lit(1, dtype=pl.Int32)), answers.clear(), queries, texts
    )
    return to_query(positive_pairs, encoder).select(*PAIR, score=pl.col("grade").cast(pl.Float64))


def row(pairs: Pairs, value: float, keep: int, made: dict[str, float | None]) -> tuple[str, ...]:
    """The effect of a threshold on the calibration queries, as a row of the table."""
    number, false = count_remaining(pairs, value, keep)
    names = [
        {"lose": "← meets --max-negatives-lost", "false": "← meets --max-false-negatives"}[kind]
        for kind, chosen in made.items()
        if chosen == value
    ]
    wrong = share(float(false.sum() / number.sum())) if number.sum() else "–"
    return (
        f"{value:.2f} {' '.join(names)}".strip(),
        share(float(lost(pairs, value).mean())),
        f"{number.mean():.2f}",
        wrong,
    )


def describe_loss(
    value: float | None, most: float, pairs: Pairs, splits: int, draw: np.random.Generator
) -> str:
    """The first threshold, and the fraction of true negatives that it removes on held-out
    halves.
    """
    if value is None:
        return (
            f"No share up to 1 removes at most {share(most)} of the true negatives, because "
            "they score above the positive."
        )
    losses = [
        float(lost(other, chosen).mean())
        for one, other in halves(pairs, splits, draw)
        if (chosen := losing_at_most(one, most)) is not None
    ]
    validation = (
        f" On the other half of {len(losses):,} random splits it removes "
        f"{share(float(np.mean(losses)))}."
        if losses
        else ""
    )
    return (
        f"share {value:.2f} removes at most {share(most)} of a query's true negatives on "
        f"average.{validation}"
    )


def describe_false(
    value: float | None,
    most: float,
    risk: float,
    keep: int,
    pairs: Pairs,
    splits: int,
    draw: np.random.Generator,
) -> str:
    """The second threshold, and how often it exceeds the limit on held-out halves."""
    if value is None:
        return (
            f"No share is proven to keep the false-negative rate at or below {share(most)}. Use "
            "more dev queries with two positives, "
            "or a larger --max-false-negatives."
        )
    wrong = []
    for one, other in halves(pairs, splits, draw):
        if (chosen := false_at_most(one, most, keep, risk)) is not None:
            number, false = count_remaining(other, chosen, keep)
            wrong.append(bool(false.sum() > most * number.sum()))
    validation = (
        f" The other half exceeds this in {share(float(np.mean(wrong)))} of {len(wrong):,} random "
        "splits."
        if wrong
        else ""
    )
    return (
        f"share {value:.2f} keeps the false-negative rate at or below {share(most)} (confidence "
        f"{share(1 - risk)}), "
        f"if each query has one unlabelled positive as here.{validation}"
    )


def halves(pairs: Pairs, splits: int, draw: np.random.Generator):
    """`splits` random half-splits of the queries: (one, other)."""
    for _ in range(splits):
        order = draw.permutation(pairs.count)
        yield pairs.of(order[: pairs.count // 2]), pairs.of(order[pairs.count // 2 :])
