"""Mining one round against `mine_hard_negatives`: the same model, queries, documents, depth and rule."""

from __future__ import annotations

from benchmarks import peer
from benchmarks.clock import show, timed
from benchmarks.workspace import precision, workspace

ROUNDS = {"r1": {"from": "r0", "recipe": "nv-retriever"}}


def main() -> None:
    theirs, found = None, set()
    for kind, wanted in (("auto", "2.3"), ("fp32", "not slower")):
        with workspace(rounds=ROUNDS, model=precision(kind)):
            if theirs is None:
                theirs, triplets = timed(lambda: peer.mine(peer.load()))
                found = peer.pairs(triplets)
            cold, _ = timed(mine_ours)
            warm, _ = timed(mine_ours)
            ours = peer.our_pairs("r1")
        share = len(found & ours) / len(found)
        print(f"mining ({kind}): {share:.3f} of their {len(found):,} negatives are among our {len(ours):,} (wanted: .95)")
        show(f"mining, nothing encoded yet ({kind})", theirs, cold, wanted)
        show(f"mining, vectors in the store ({kind})", theirs, warm, "20")


def mine_ours() -> None:
    """The three stages that mine."""
    from tasks.retrieve import __main__ as retrieve
    from tasks.sample import __main__ as sample
    from tasks.score import __main__ as score

    for stage in (retrieve, score, sample):
        stage.main("r1")
