"""Accuracy of a judge on pairs whose truth is known."""

from __future__ import annotations

import numpy as np
import polars as pl

from hone.judging.reliability.calibration import calibrate
from hone.judging.reliability.coverage import curve
from hone.stats.agreement import kappa
from hone.stats.auc import auc
from hone.stats.proportions import NOTHING, mean, share

# minimum number of judged negatives to measure against [Hone default]; random documents are too
# easy
ENOUGH = 20
COSTS = ("money", "tokens", "seconds")


def measured(rows: pl.DataFrame) -> dict:
    """All measurements except calibration and those from gold verdicts on candidates.

    Precision, recall and kappa apply to these pairs in their sampled proportions; at use the
    proportions differ. Pairs with unknown verdicts are counted, and excluded from everything else.

    Args:
        rows: query_id, doc_id, set, truth, verdict, probability, grade, reason, tokens_in,
            tokens_out, money, seconds.

    Returns:
        sets, against (the documents that positives are compared with), scored_by, auc, auc_by_set,
        precision, recall, kappa, coverage (accuracy on the most confident pairs), cost; figures
        with estimate, low, high, count.
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
        "sets": {
            name: of_set(part, answered.filter(pl.col("set") == name))
            for (name,), part in rows.group_by("set", maintain_order=True)
        },
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
    """Pairs of a set, their verdicts, and the judge's bias there: fraction of positive verdicts
    and mean probability.
    """
    queries = answered["query_id"].to_numpy()
    sure = answered.filter(pl.col("probability").is_not_null())
    return {
        "pairs": len(part),
        "unknown": len(part) - len(answered),
        "yes": share(answered["yes"].to_numpy(), queries).plain(),
        "probability": mean(sure["probability"].to_numpy(), sure["query_id"].to_numpy()).plain(),
    }


def scored_by(answered: pl.DataFrame) -> str:
    """The column that orders pairs: the first of probability, grade and verdict that the judge
    returns.
    """
    return next(
        (name for name in ("probability", "grade") if answered[name].is_not_null().any()), "verdict"
    )


def score(by: str) -> pl.Expr:
    return pl.col("yes").cast(pl.Float64) if by == "verdict" else pl.col(by).cast(pl.Float64)


def auc_of(scored: pl.DataFrame) -> dict:
    return auc(*(scored[name].to_numpy() for name in ("score", "truth", "query_id"))).plain()


def costs(rows: pl.DataFrame) -> dict:
    """Money, tokens and seconds per pair; an answer with many verdicts is counted in its first
    row.
    """
    spent = rows.select(
        "query_id",
        money=pl.col("money").fill_null(0),
        tokens=pl.col("tokens_in").fill_null(0) + pl.col("tokens_out").fill_null(0),
        seconds=pl.col("seconds").fill_null(0),
    )
    return {"pairs": len(rows)} | {
        name: mean(spent[name].to_numpy(), spent["query_id"].to_numpy()).plain() for name in COSTS
    }


def calibration_of(
    rows: pl.DataFrame, against: str, draw: np.random.Generator
) -> tuple[dict | None, dict]:
    """The calibration map and its account, from pairs that training may use: never from held-out
    pairs.

    Args:
        rows: query_id, set, truth, verdict, probability.
        against: the set of documents that are not relevant.
        draw: of the halves.
    """
    used = rows.filter(
        pl.col("set").is_in(["known", against]), pl.col("verdict").cast(pl.String) != "unknown"
    )
    found, account = calibrate(
        *(used[name].to_numpy() for name in ("probability", "truth", "query_id")), draw
    )
    return found, account | {"from": f"labelled positives and {against} documents"}


def from_gold(known: pl.DataFrame, draw: np.random.Generator) -> tuple[dict | None, dict]:
    """The same from gold verdicts on candidates: the meaning of probabilities at use.

    Args:
        known: query_id, probability, gold, weight: number of candidates that a pair represents.
        draw: of the halves.
    """
    found, account = calibrate(
        *(known[name].to_numpy() for name in ("probability", "gold", "query_id")),
        draw,
        known["weight"].to_numpy(),
    )
    return found, account | {"from": "gold verdicts on candidates"}
