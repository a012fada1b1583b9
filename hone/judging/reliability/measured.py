"""What verdicts on pairs whose truth is known say of a judge."""

from __future__ import annotations

import numpy as np
import polars as pl

from hone.judging.reliability.calibration import calibrate
from hone.judging.reliability.coverage import curve
from hone.stats.agreement import kappa
from hone.stats.auc import auc
from hone.stats.proportions import NOTHING, mean, share

ENOUGH = 20  # documents judged not relevant from which they are the measure; ours. Random ones are too easy to be it
COSTS = ("money", "tokens", "seconds")


def measured(rows: pl.DataFrame) -> dict:
    """Everything but calibration and what gold on candidates tells.

    Precision, recall and kappa are those on these pairs, in the proportion in which they were drawn: at use other
    proportions hold. Pairs the judge could not say anything of are counted and enter nothing else.

    Args:
        rows: query_id, doc_id, set, truth, verdict, probability, grade, reason, tokens_in, tokens_out, money, seconds.

    Returns:
        sets, against (which documents the answers are measured against), scored_by, auc, auc_by_set, precision, recall,
        kappa, coverage (accuracy on the pairs that it is surest of), cost; figures with estimate, low, high, count.
    """
    rows = rows.with_columns(yes=pl.col("verdict").cast(pl.String) == "positive")
    answered = rows.filter(pl.col("verdict").cast(pl.String) != "unknown")
    counts = dict(answered["set"].value_counts().rows())
    against = "not-relevant" if counts.get("not-relevant", 0) >= ENOUGH else "random"
    by = scored_by(answered)
    scored = answered.with_columns(score=score(by)).filter(pl.col("score").is_not_null())
    used = answered.filter(pl.col("truth") | (pl.col("set") == against))
    yes, truth, queries = (used[name].to_numpy() for name in ("yes", "truth", "query_id"))
    both = truth.any() and not truth.all()
    return {
        "sets": {name: of_set(part, answered.filter(pl.col("set") == name)) for (name,), part in rows.group_by("set", maintain_order=True)},
        "against": against,
        "scored_by": by,
        "auc": auc_of(scored.filter(pl.col("truth") | (pl.col("set") == against))),
        "auc_by_set": {
            f"{one} over {other}": auc_of(scored.filter(pl.col("set").is_in([one, other])))
            for one in ("known", "hidden")
            for other in ("not-relevant", "random")
            if counts.get(one) and counts.get(other)
        },
        "precision": (share(truth[yes], queries[yes]) if both else NOTHING).plain(),
        "recall": share(yes[truth], queries[truth]).plain(),
        "kappa": (kappa(yes, truth, queries) if both else NOTHING).plain(),
        "coverage": curve(used, "truth"),
        "cost": costs(rows),
    }


def of_set(part: pl.DataFrame, answered: pl.DataFrame) -> dict:
    """Pairs of a set, what became of them, and the judge's bias there: its share of yes and its mean probability."""
    queries = answered["query_id"].to_numpy()
    sure = answered.filter(pl.col("probability").is_not_null())
    return {
        "pairs": len(part),
        "unknown": len(part) - len(answered),
        "yes": share(answered["yes"].to_numpy(), queries).plain(),
        "probability": mean(sure["probability"].to_numpy(), sure["query_id"].to_numpy()).plain(),
    }


def scored_by(answered: pl.DataFrame) -> str:
    """What pairs are ordered by: the first of probability, grade and verdict that the judge gives."""
    return next((name for name in ("probability", "grade") if answered[name].is_not_null().any()), "verdict")


def score(by: str) -> pl.Expr:
    return pl.col("yes").cast(pl.Float64) if by == "verdict" else pl.col(by).cast(pl.Float64)


def auc_of(scored: pl.DataFrame) -> dict:
    return auc(*(scored[name].to_numpy() for name in ("score", "truth", "query_id"))).plain()


def costs(rows: pl.DataFrame) -> dict:
    """Money, tokens and seconds a pair; an answer that holds many verdicts stands in the first row that it gave."""
    spent = rows.select(
        "query_id",
        money=pl.col("money").fill_null(0),
        tokens=pl.col("tokens_in").fill_null(0) + pl.col("tokens_out").fill_null(0),
        seconds=pl.col("seconds").fill_null(0),
    )
    return {"pairs": len(rows)} | {name: mean(spent[name].to_numpy(), spent["query_id"].to_numpy()).plain() for name in COSTS}


def calibration_of(rows: pl.DataFrame, against: str, draw: np.random.Generator) -> tuple[dict | None, dict]:
    """The map of probabilities and an account of it, from pairs that training may know of: never from hidden ones.

    Args:
        rows: query_id, set, truth, verdict, probability.
        against: the set of documents that are no answers.
        draw: of the halves.
    """
    used = rows.filter(pl.col("set").is_in(["known", against]), pl.col("verdict").cast(pl.String) != "unknown")
    found, told = calibrate(*(used[name].to_numpy() for name in ("probability", "truth", "query_id")), draw)
    return found, told | {"from": f"known answers and {against} documents"}


def from_gold(known: pl.DataFrame, draw: np.random.Generator) -> tuple[dict | None, dict]:
    """The same from gold verdicts on candidates: what probabilities mean at use.

    Args:
        known: query_id, probability, gold, weight: how many candidates a pair stands for.
        draw: of the halves.
    """
    found, told = calibrate(*(known[name].to_numpy() for name in ("probability", "gold", "query_id")), draw, known["weight"].to_numpy())
    return found, told | {"from": "gold verdicts on candidates"}
