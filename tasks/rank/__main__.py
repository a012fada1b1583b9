"""rank: train the in-loop cross-encoder from labels and candidates. A recipe without `rank`
passes on the previous one.
"""

from __future__ import annotations

import shutil

from hone.data import tables, training_set
from hone.data.labels import carried_labels
from hone.encoders.round_cross_encoders import RANKERS
from hone.files import folder_written_whole
from hone.layout import round_table
from hone.stage import may_download, run, say
from tasks.rank.pairs import training_pairs
from tasks.rank.ranker import train_ranker
from tasks.rank.settings import RankSettings


def main(settings: RankSettings) -> None:
    """Write rankers/<round>."""
    round = settings.round
    if settings.rank == "none":
        with folder_written_whole(RANKERS / round) as place:
            shutil.copytree(RANKERS / settings.parent, place, dirs_exist_ok=True)
        say(
            f"rank {round}: skipped (recipe has no `rank`); the ranker of {settings.parent} is used"
        )
        return
    if settings.base and settings.base["fingerprint"] is None:
        may_download()
    training = training_set.read()
    candidates = tables.read("candidates", round_table(round, "candidates"))
    known, guards = (
        carried_labels(settings.parent, training.queries(), settings.refreshed),
        settings.guards,
    )
    pairs = training_pairs(
        known, candidates, training, settings.rank, guards, settings.seed, settings.draws
    )
    about = train_ranker(pairs, training, settings)
    counts = (
        f"{about['positives']:,} positives and {about['negatives']:,} negatives, "
        f"{about['steps']:,} steps"
    )
    say(f"rank {round}: trained from {about['from']}, {counts}")
    for name, found in about["dev"].items():
        change = (
            f"changes from {found['before']:.4f} to {found['after']:.4f} ({found['better']:,} "
            f"better, {found['worse']:,} worse)"
        )
        say(
            f"rank {round}: nDCG@10 of the first {found['depth']} of {found['queries']:,} dev "
            f"queries of {name} {change}"
        )
        if found["after"] < found["before"]:
            say(
                f"rank {round}: it ranks {name} worse than the encoder; more labels, more epochs "
                "or another base may help"
            )
    if not about["dev"]:
        say(f"rank {round}: not evaluated (no training collection has dev queries)")


if __name__ == "__main__":
    run(main)
