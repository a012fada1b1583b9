"""The same rounds both ways: mine, train, evaluate. In fp32 as in their documentation, with our
`auto`, and both in fp32.
"""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

from benchmarks import peer
from benchmarks.clock import show, timed
from benchmarks.workspace import precision, workspace

ROUNDS = 3


def main() -> None:
    rounds = {
        f"r{number}": {"from": f"r{number - 1}", "recipe": "nv-retriever"}
        for number in range(1, ROUNDS + 1)
    }
    theirs, score = None, 0.0
    for kind, wanted in (("auto", "0.35 of their time: 2.9"), ("fp32", "0.7 of their time: 1.4")):
        with workspace(rounds=rounds, model=precision(kind)):
            if theirs is None:
                theirs, score = timed(theirs_way)
            ours, _ = timed(ours_way)
            last = json.loads(Path(f"reports/metrics/r{ROUNDS}/python-api.json").read_text())[
                "ndcg_at_10"
            ]
        print(f"rounds ({kind}): nDCG@10 {score:.4f} their way, {last:.4f} ours")
        show(f"{ROUNDS} round(s) ({kind})", theirs, ours, wanted)


def theirs_way() -> float:
    model = peer.load()
    score = 0.0
    for number in range(ROUNDS):
        mining, triplets = timed(lambda: peer.mine(model))
        training, _ = timed(lambda triplets=triplets: peer.train(model, triplets))
        evaluating, score = timed(lambda: peer.evaluate(model))
        n_triplets = len(triplets)
        print(
            f"their round {number + 1}: mining {mining:.0f} s, training {training:.0f} s "
            f"({n_triplets:,} rows), evaluating {evaluating:.0f} s",
            flush=True,
        )
    return score


def ours_way() -> None:
    from tests.stages import evaluate, rank, relabel, retrieve, sample, score, train

    for number in range(1, ROUNDS + 1):
        name = f"r{number}"
        stages = (retrieve, rank, score, sample, relabel, train)
        spent = {stage.args[0]: timed(partial(stage, name))[0] for stage in stages}
        spent["evaluate"], _ = timed(partial(evaluate, name, "python-api"))
        print(
            f"our {name}: "
            + ", ".join(
                f"{stage} {seconds:.0f} s" for stage, seconds in spent.items() if seconds >= 0.5
            ),
            flush=True,
        )
