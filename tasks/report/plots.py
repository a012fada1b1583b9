"""Tables for `dvc plots`, which overlays the revisions of a file."""

from __future__ import annotations

import polars as pl

from hone.compare.contrast import Score
from hone.files import folder_written_whole
from hone.layout import PLOTS

SCORES, LOSS = PLOTS / "scores", PLOTS / "loss"


def write_scores(found: list[Score], names: list[str]) -> None:
    """One file for each collection: a row for each of `names` (the base model and the rounds), in
    their order.

    `low` and `high` are the interval of nDCG@10.
    """
    with folder_written_whole(SCORES) as place:
        for collection in dict.fromkeys(score.collection for score in found):
            own = {score.name: score for score in found if score.collection == collection}
            rows = [
                {
                    "place": place_in_loop,
                    "name": name,
                    **own[name].means,
                    "low": own[name].own.low,
                    "high": own[name].own.high,
                }
                for place_in_loop, name in enumerate(names)
            ]
            pl.DataFrame(rows).write_csv(place / f"{collection}.csv")


def write_losses(by_round: dict[str, pl.DataFrame]) -> None:
    """One file for each round: step and mean loss."""
    with folder_written_whole(LOSS) as place:
        for name, frame in by_round.items():
            frame.write_csv(place / f"{name}.csv")
