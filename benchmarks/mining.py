"""Mining one round, against `mine_hard_negatives`: same model, queries, documents, depth and
rule.
"""

from __future__ import annotations

import polars as pl

from benchmarks import peer
from benchmarks.clock import show, timed
from benchmarks.workspace import precision, workspace

ROUNDS = {"r1": {"from": "r0", "recipe": "nv-retriever"}}
PAIR = ["query", "text"]


def main() -> None:
    theirs, seconds = None, 0.0
    ours = {}
    for kind, wanted in (("auto", "2.3"), ("fp32", "not slower")):
        with workspace(rounds=ROUNDS, model=precision(kind)):
            if theirs is None:
                seconds, triplets = timed(lambda: peer.mine(peer.load()))
                theirs = peer.pairs(triplets)
            cold, _ = timed(mine_ours)
            warm, _ = timed(mine_ours)
            ours[kind] = peer.our_pairs("r1")
            exact = peer.our_scores("r1")  # the last ones are those of fp32
        share = len(theirs.join(ours[kind], on=PAIR, how="semi")) / len(theirs)
        print(
            f"mining ({kind}): {share:.3f} of their {len(theirs):,} negatives are among our "
            f"{len(ours[kind]):,} (target: 0.95)"
        )
        show(f"mining, empty cache ({kind})", seconds, cold, wanted)
        show(f"mining, cached vectors ({kind})", seconds, warm, "20")
    gaps = differences(theirs, ours["auto"], exact)
    print(
        f"mining (auto): for {len(gaps)} queries the two negatives differ; the median difference "
        "of their scores (fp32) is "
        f"{gaps.median():.4f}, the 90th percentile {gaps.quantile(0.9):.4f}"
    )


def mine_ours() -> None:
    """The three mining stages."""
    from tests.stages import retrieve, sample, score

    for stage in (retrieve, score, sample):
        stage("r1")


def differences(theirs: pl.DataFrame, ours: pl.DataFrame, scores: pl.DataFrame) -> pl.Series:
    """Score differences of the two negatives, where they differ."""
    both = theirs.join(scores, on=PAIR).join(ours.join(scores, on=PAIR), on="query", suffix="_ours")
    other = both.filter(pl.col("text") != pl.col("text_ours"))
    return (other["score"] - other["score_ours"]).abs()
