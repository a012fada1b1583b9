"""`hone threshold`: the bound of `positive-aware` that loses no more, or lets through no more, than one can bear."""

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
from hone.stats.risk_control import Pairs, false_at_most, kept, losing_at_most, lost
from tasks.evaluate.settings import EvaluateSettings
from tasks.relabel.judges.encoder import to_query

FOLKLORE = 0.95  # NV-Retriever's
LEAST = 30  # queries; ours
COLUMNS = ("positive-aware: {share: ...}", "true negatives lost", "kept of the first", "false among the kept")


@dataclass(frozen=True)
class Calibration:
    """What thresholds are held against, and how many queries could not serve: they have a single known answer."""

    pairs: Pairs
    single: int


def threshold(name: str, on: str, lose: float, false: float, keep: int, risk: float, splits: int) -> dict[str, float | None]:
    """Print both thresholds, and how well they hold on queries that did not choose them.

    Args:
        name: a round or reference that was evaluated; what starts from it mines with such scores.
        on: a collection that it was evaluated on.
        lose: share of a query's true negatives that may be lost, in the mean.
        false: share of false ones among the negatives that are kept.
        keep: negatives that the recipe chooses of each query.
        risk: the chance that the second is wrong.
        splits: halvings of the queries on which both are tried.

    Returns:
        lose, false: the thresholds; null where there is none.

    Raises:
        Refused: nothing was evaluated, or too few dev queries have two known answers.
    """
    for option, value in (("--lose", lose), ("--false", false), ("--risk", risk)):
        if not 0 < value < 1:
            raise Refused(f"{option} is {value:g}: a share between 0 and 1 is meant, such as 0.1.")
    if keep < 1:
        raise Refused(f"--keep is {keep}: a recipe keeps 1 or more negatives of a query.")
    given = params.read()
    if not run_file(name, on).exists():
        known = [f"{file.parent.name} on {file.stem}" for file in sorted(RUNS.glob("*/*.trec"))]
        raise Refused(f"'{name}' was not evaluated on '{on}' here: {nearest(f'{name} on {on}', known)}")
    found = calibration(name, on, min_relevance(given, on), generator(given.seed, "threshold", on))
    pairs = found.pairs
    queries = count(pairs.count, "dev query", "dev queries")
    line(f"{name} on {on}: {queries}, one known answer of each hidden among its first {DEPTH} candidates")
    line(f"left out: {found.single:,} with a single known answer")
    line()
    made = {"lose": losing_at_most(pairs, lose), "false": false_at_most(pairs, false, keep, risk)}
    shown = sorted({value for value in (FOLKLORE, 1.0, *made.values()) if value is not None})
    table((*COLUMNS[:2], f"{COLUMNS[2]} {keep}", COLUMNS[3]), [row(pairs, value, keep, made) for value in shown])
    line()
    line(told_of_loss(made["lose"], lose, pairs, splits, generator(given.seed, "threshold", on, "lose")))
    line(told_of_false(made["false"], false, risk, keep, pairs, splits, generator(given.seed, "threshold", on, "false")))
    line("Both hold for queries that are like these and that the model was not trained on.")
    return made


def calibration(name: str, on: str, least: int, draw: np.random.Generator) -> Calibration:
    """Candidates of the dev queries, one known answer of each hidden: never trained on, and not what rounds are reported by.

    The reference is what `positive-aware` takes: the lowest score of all known answers, among the candidates or not.
    """
    qrels = tables.read("qrels", collection_table(on, "qrels", "dev")).filter(pl.col("relevance") >= least)
    answers = qrels.select(PAIR).unique().sort(PAIR)
    answers = answers.with_columns(lot=pl.Series(draw.random(len(answers))))
    answers = answers.with_columns(hidden=pl.col("lot") == pl.col("lot").min().over("query_id"), many=pl.len().over("query_id") > 1)
    several = answers.filter("many")
    if several["query_id"].n_unique() < LEAST:
        raise Refused(
            f"{several['query_id'].n_unique():,} dev queries of {on} have a known answer beside one to hide, and {LEAST} are needed: "
            f"{len(answers) - len(several):,} have a single one."
        )
    reference = known_scores(name, on, several.filter(~pl.col("hidden")).select(PAIR))
    reference = reference.group_by("query_id", maintain_order=True).agg(reference=pl.col("score").min()).with_row_index("query")
    rows = (
        ranking_of(name, on, DEPTH)
        .join(several.filter(~pl.col("hidden")), on=PAIR, how="anti", maintain_order="left")
        .join(several.filter("hidden").select(*PAIR, "hidden"), on=PAIR, how="left", maintain_order="left")
        .join(reference, on="query_id", how="inner", maintain_order="left")
        .with_columns(value=1 + (pl.col("score") - pl.col("reference")) / pl.col("reference").abs())
        .sort("query", "rank")
    )
    hidden = rows["hidden"].fill_null(False).to_numpy()
    pairs = Pairs(rows["query"].to_numpy().astype(np.int64), rows["value"].to_numpy(), hidden, len(reference))
    return Calibration(pairs, len(answers) - len(several))


def known_scores(name: str, on: str, answers: pl.DataFrame) -> pl.DataFrame:
    """query_id, doc_id and score of known answers by a round's model; those that are no documents of the collection have none.

    Raises:
        Refused: the name has no model.
    """
    from hone.encoders.encoder import encoder_for

    folder = MODELS / name
    if not folder.is_dir():
        raise Refused(
            f"'{name}' has no model here ({folder}): positive-aware compares by an encoder. `dvc repro` or `dvc pull` brings a round's."
        )
    encoder = encoder_for(folder, EvaluateSettings.read(collection=on).model, stage_settings.machine(), user=name)
    queries = tables.read("queries", collection_table(on, "queries", "dev"))
    texts = Documents(collection_table(on, "documents")).texts(answers["doc_id"].unique())
    asked = questions.of(answers.with_columns(rank=pl.lit(1, dtype=pl.Int32)), answers.clear(), queries, texts)
    return to_query(asked, encoder).select(*PAIR, score=pl.col("grade").cast(pl.Float64))


def row(pairs: Pairs, value: float, keep: int, made: dict[str, float | None]) -> tuple[str, ...]:
    """What a threshold does on the calibration queries."""
    number, false = kept(pairs, value, keep)
    names = [{"lose": "← loses no more", "false": "← lets through no more"}[kind] for kind, chosen in made.items() if chosen == value]
    wrong = share(float(false.sum() / number.sum())) if number.sum() else "–"
    return (f"{value:.2f} {' '.join(names)}".strip(), share(float(lost(pairs, value).mean())), f"{number.mean():.2f}", wrong)


def told_of_loss(value: float | None, most: float, pairs: Pairs, splits: int, draw: np.random.Generator) -> str:
    """The first threshold, and what it lost on the halves that had not chosen it."""
    if value is None:
        return f"No share up to 1 loses as little as {share(most)} of the true negatives: they score above the known answer."
    losses = [
        float(lost(other, chosen).mean()) for one, other in halves(pairs, splits, draw) if (chosen := losing_at_most(one, most)) is not None
    ]
    held = f"; over {len(losses):,} halvings the other half lost {share(float(np.mean(losses)))}" if losses else ""
    return f"share {value:.2f} loses at most {share(most)} of a query's true negatives in the mean{held}."


def told_of_false(value: float | None, most: float, risk: float, keep: int, pairs: Pairs, splits: int, draw: np.random.Generator) -> str:
    """The second threshold, and how often the halves that had not chosen it let through more."""
    if value is None:
        return (
            f"For no share it can be shown that at most {share(most)} of what is kept is false: more dev queries with two known answers, "
            "or a larger --false."
        )
    wrong = []
    for one, other in halves(pairs, splits, draw):
        if (chosen := false_at_most(one, most, keep, risk)) is not None:
            number, false = kept(other, chosen, keep)
            wrong.append(bool(false.sum() > most * number.sum()))
    held = f"; over {len(wrong):,} halvings that found one the other half had more in {share(float(np.mean(wrong)))}" if wrong else ""
    return (
        f"share {value:.2f} lets at most {share(most)} of false ones through (sure to {share(1 - risk)}), where each query has one "
        f"unlabelled answer as here{held}."
    )


def halves(pairs: Pairs, splits: int, draw: np.random.Generator):
    """Random halves of the queries: (one, other), so many times."""
    for _ in range(splits):
        order = draw.permutation(pairs.count)
        yield pairs.of(order[: pairs.count // 2]), pairs.of(order[pairs.count // 2 :])
