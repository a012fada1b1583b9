"""Unjudged documents in the rankings of a collection, and what they could do to the differences."""

from __future__ import annotations

from functools import partial

from hone.compare.contrast import Score
from hone.compare.unjudged import bound_differences, describe_bounds, read_judgments
from hone.ir.measures import DEPTH
from hone.ir.trec_run import ranking_of
from tasks.report.settings import ReportSettings


def bound_collection(
    collection: str, found: list[Score], settings: ReportSettings, base: str
) -> dict:
    """rows (`UnjudgedBounds` of each ranking), sentences (one for each round) and wrong
    (number of judged negatives).
    """
    own = [score for score in found if score.collection == collection]
    by = read_judgments(collection, own[0].split, settings.min_relevance[collection])
    rows = bound_differences(
        [score.name for score in own],
        base,
        by,
        partial(ranking_of, collection=collection, depth=DEPTH),
    )
    sentences = [describe_bounds(one) for one in rows if one.bounds and one.name in settings.rounds]
    return {"rows": rows, "sentences": sentences, "wrong": by.wrong}
