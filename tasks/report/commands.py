"""Commands that show more of what a section is about, for the rounds and pairs of this loop."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tasks.report.results import Results


def write_compare(results: Results, *options: str) -> str | None:
    """`hone compare` for the baseline and the round that the headline is about; null if they are
    the same.
    """
    answer = results.answer
    return (
        shlex.join(["hone", "compare", answer.base, answer.reported_round, *options])
        if answer.base != answer.reported_round
        else None
    )


def write_filters_command(results: Results) -> str | None:
    """`hone filters measure` for the round that the headline is about; null if that is the
    baseline.
    """
    answer = results.answer
    return (
        f"hone filters measure {answer.reported_round}"
        if answer.base != answer.reported_round
        else None
    )


def write_explain(results: Results) -> str | None:
    """`hone explain` for the first query and negative that the page shows; null if no round mined
    negatives.
    """
    for name, drawn in results.examples.items():
        for one in drawn:
            for negative in one.negatives:
                pair = one.query_id, negative.doc_id
                return shlex.join(["hone", "explain", *pair, "--round", name])
    return None
