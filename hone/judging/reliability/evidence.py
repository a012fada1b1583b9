"""All measurements of a judge on a collection, as `hone judge check` writes them and the cascade
reads them.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from hone.judging.reliability.by_stratum import by_stratum
from hone.judging.reliability.coverage import curve
from hone.judging.reliability.error_model import errors_of
from hone.judging.reliability.false_negative_share import at_use, weighted
from hone.judging.reliability.measured import auc_of, calibration_of, from_gold, measured, score
from hone.seeds import generator


@dataclass(frozen=True)
class Candidates:
    """A judge's verdicts on a round's negatives, and gold verdicts on some of them.

    Attributes:
        judged: query_id, doc_id, rank, verdict, grade, probability, of whole queries drawn at
            random.
        gold: the same columns, and gold: true, false, or null if it is unknown.
        sizes: number of negatives per rank band.
        sampled: the fraction of all queries that was drawn.
        strata: number of negatives per source and rank band; `judged` and `gold` then have
            `source`. Null: not requested.
    """

    judged: pl.DataFrame
    gold: pl.DataFrame
    sizes: dict[str, int]
    sampled: float
    strata: pl.DataFrame | None = None


def evidence_of(
    rows: pl.DataFrame, candidates: Candidates | None, gold: str | None, seed: int
) -> dict:
    """Measurements of a judge, ready for JSON. Calibration and error model are never fitted on
    held-out pairs.

    Args:
        rows: of the pair sets: query_id, doc_id, set, truth and the verdicts' columns.
        candidates: of a round; null without gold verdicts.
        gold: source of the gold verdicts.
        seed: for the halves of the calibration.
    """
    found = measured(rows)
    draw = generator(seed, "judge.check", "calibration")
    learnable = rows.filter(
        pl.col("set").is_in(["known", found["against"]]),
        pl.col("verdict").cast(pl.String) != "unknown",
    )
    errors = errors_of(
        learnable.with_columns(rank=pl.lit(None, dtype=pl.Int32)), learnable["truth"].to_numpy()
    )
    calibration, account = calibration_of(rows, found["against"], draw)
    use = {
        "share_of_false_negatives": None,
        "precision_at_use": None,
        "share_of_yes": None,
        "auc_at_use": None,
        "by_stratum": [],
    }
    use["coverage_at_use"] = []
    if candidates is not None:
        use = at_use(candidates.judged, candidates.gold, candidates.sizes, candidates.sampled)
        known = weighted(candidates.judged, candidates.gold, candidates.sizes).filter(
            pl.col("verdict").cast(pl.String) != "unknown"
        )
        if candidates.strata is not None:
            use["by_stratum"] = by_stratum(
                candidates.judged, candidates.gold, candidates.strata, candidates.sampled
            )
        use["coverage_at_use"] = curve(known, "gold", "weight")
        use["auc_at_use"] = auc_of(
            known.with_columns(truth="gold", score=score(found["scored_by"])).filter(
                pl.col("score").is_not_null()
            )
        )
        if gold != "hidden":
            errors = errors_of(known, known["gold"].to_numpy()) or errors
            own, own_account = from_gold(known, draw)
            if "brier" in own_account:
                calibration, account = own, own_account
        use["candidates"] = {
            "judged": len(candidates.judged),
            "of": sum(candidates.sizes.values()),
            "gold_unknown": int(candidates.gold["gold"].is_null().sum()),
        }
    return (
        found
        | use
        | {"calibration": calibration, "calibration_account": account, "rejector": errors}
    )
