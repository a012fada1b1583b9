"""Query one judge of a cascade."""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from hone.config import params
from hone.config.methods import find
from hone.data.questions import Questions
from hone.judging.context import Desk
from hone.judging.versions import with_how
from hone.layout import PAIR


def ask(line: dict, questions: Questions, desk: Desk) -> pl.DataFrame:
    """Verdicts of the judge of a cascade's line, one row per pair.

    Raises:
        Refused: the judge cannot be used.
    """
    parameters = with_how(line, params.read().judges.get(line["name"]))
    desk = replace(desk, budget=desk.budget.of(line["fingerprint"]))
    made = find("relabel.judges", line["method"])(
        parameters, questions=questions, desk=desk, fingerprint=line["fingerprint"]
    )
    lost = questions.pairs.join(made, on=PAIR, how="anti")
    if len(lost) or len(made) != len(questions.pairs):
        raise AssertionError(
            f"the judge {line['name']} returned {len(made)} rows for {len(questions.pairs)} pairs"
        )
    return made
