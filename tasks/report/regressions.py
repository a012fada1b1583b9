"""Regressions: whether a round is worse than the baseline, on every evaluated collection,
trained on or not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hone.compare.contrast import Contrast, Score, classify_contrast
from hone.present.number_format import count, format_change, format_p, join_words, span
from hone.stats.paired_tests import LEVEL, holm, no_worse
from tasks.report.summary import MARGIN

Verdict = Literal["worse", "open", "spared", "better"]


@dataclass(frozen=True)
class Harm:
    """A round compared with the baseline on one collection.

    Attributes:
        queries: number of evaluation queries.
        split: of the queries, as its name for readers.
        trained_on: whether the collection is trained on.
        against: the difference and its test.
        p: of the hypothesis that the true loss is the margin or more, by a one-sided paired t-test,
            Holm-adjusted for all rounds and collections; null if fewer than two queries.
        verdict: worse or better (significant); spared (a loss of the margin is ruled out); or open.
    """

    name: str
    collection: str
    queries: int
    split: str
    trained_on: bool
    against: Contrast
    p: float | None
    verdict: Verdict

    @property
    def where(self) -> str:
        """The collection, marked if it is not trained on."""
        return self.collection if self.trained_on else f"{self.collection} (not trained on)"

    @property
    def words(self) -> str:
        """The verdict in words."""
        queries = count(self.queries, f"{self.split} query", f"{self.split} queries")
        return {
            "worse": "yes, significantly worse",
            "better": "no, significantly better",
            "spared": f"no, a loss of {MARGIN:g} is ruled out",
            "open": f"inconclusive: a loss of {MARGIN:g} is not ruled out by {queries}",
        }[self.verdict]


def find_harms(found: list[Score], rounds: dict[str, dict], train_on: list[str]) -> list[Harm]:
    """Every round on every collection.

    Args:
        found: every score, as `score_rounds` returns them.
        rounds: {name: {"from": .., "recipe": ..}}.
        train_on: the collections that are trained on.
    """
    scored = [one for one in found if one.name in rounds and one.base is not None]
    ps = [no_worse(one.base.test, MARGIN) for one in scored]
    adjusted = iter(holm([p for p in ps if p is not None]))
    made = []
    for one, p in zip(scored, ps, strict=True):
        own = None if p is None else next(adjusted)
        verdict = classify_contrast(one.base)
        if verdict == "open" and own is not None and own <= LEVEL:
            verdict = "spared"
        made.append(
            Harm(
                one.name,
                one.collection,
                one.queries,
                one.split_name,
                one.collection in train_on,
                one.base,
                own,
                verdict,
            )
        )
    return made


def warn_of_harm(found: list[Harm], name: str) -> list[str]:
    """A sentence on the collections where a round is significantly worse than the baseline; it is
    among the first of the page.

    Args:
        found: as `find_harms` returns it.
        name: of the round.
    """
    worse = [one for one in found if one.name == name and one.verdict == "worse"]
    if not worse:
        return []
    parts = [f"{one.where}: {describe_loss(one.against)}" for one in worse]
    return [
        f"Training hurt the base model: {name} has a lower nDCG@10 than {worse[0].against.other} "
        f"on {join_words(parts)}."
    ]


def describe_open_harm(found: list[Harm], name: str) -> list[str]:
    """A sentence on the collections without a significant loss; none for a single collection,
    whose headline reports its gain.
    """
    own = [one for one in found if one.name == name]
    open_, spared, better = (
        [one.where for one in own if one.verdict == kind] for kind in ("open", "spared", "better")
    )
    if open_:
        return [
            f"Whether training hurt the base model on {join_words(open_)} is inconclusive: a loss "
            f"of {MARGIN:g} is not ruled out."
        ]
    if any(one.verdict == "worse" for one in own) or not (spared or len(better) > 1):
        return []
    known = [
        *([f"{name} is significantly better on {join_words(better)}"] if better else []),
        *([f"a loss of {MARGIN:g} is ruled out on {join_words(spared)}"] if spared else []),
    ]
    return [f"Training did not hurt the base model: {join_words(known)}."]


def describe_loss(against: Contrast) -> str:
    """A difference with its interval and p."""
    return (
        f"{format_change(against.difference.mean)} ({span(against.difference)}, "
        f"{format_p(against.p)})"
    )
