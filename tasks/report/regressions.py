"""Did training hurt the base model? Every round on every collection that is evaluated on, also those that are not trained on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hone.compare.contrast import Contrast, Score, classify_contrast
from hone.present.number_format import chance, count, joined, signed, span
from hone.stats.paired_tests import LEVEL, holm, no_worse
from tasks.report.summary import MARGIN

Verdict = Literal["worse", "open", "spared", "better"]


@dataclass(frozen=True)
class Harm:
    """A round on one collection, against the base model.

    Attributes:
        queries: how many were asked, and of which split.
        trained_on: whether the collection is trained on.
        against: the difference and its test.
        p: that a loss of the margin or more is the truth, by a one-sided paired t-test, adjusted (Holm) for all rounds and
            collections; null where it cannot be tested (fewer than two queries).
        verdict: worse beyond doubt; better beyond doubt; spared, where a loss of the margin is ruled out; or open.
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
        return self.collection if self.trained_on else f"{self.collection} (not trained on)"

    @property
    def words(self) -> str:
        """The verdict as the table has it."""
        return {
            "worse": "yes, worse beyond doubt",
            "better": "no, better beyond doubt",
            "spared": f"no, a loss of {MARGIN:g} is ruled out",
            "open": f"open: a loss of {MARGIN:g} is not ruled out by {count(self.queries, f'{self.split} query', f'{self.split} queries')}",
        }[self.verdict]


def find_harms(found: list[Score], rounds: dict[str, dict], train_on: list[str]) -> list[Harm]:
    """Every round on every collection.

    Args:
        found: every score, their p adjusted as `all_scores` does.
        rounds: {name: {"from": .., "recipe": ..}}.
        train_on: the collections that are trained on.
    """
    held = [one for one in found if one.name in rounds and one.base is not None]
    ps = [no_worse(one.base.test, MARGIN) for one in held]
    adjusted = iter(holm([p for p in ps if p is not None]))
    made = []
    for one, p in zip(held, ps, strict=True):
        own = None if p is None else next(adjusted)
        told = classify_contrast(one.base)
        if told == "open" and own is not None and own <= LEVEL:
            told = "spared"
        made.append(Harm(one.name, one.collection, one.queries, one.split, one.collection in train_on, one.base, own, told))
    return made


def warn_of_harm(found: list[Harm], name: str) -> list[str]:
    """Where a round is worse than the base model beyond doubt: a sentence that the page says before all else.

    Args:
        found: as `find_harms` gives it.
        name: the round that the answer is about.
    """
    worse = [one for one in found if one.name == name and one.verdict == "worse"]
    if not worse:
        return []
    parts = [f"{one.where} {format_change(one.against)}" for one in worse]
    return [f"Training hurt the base model: {name} loses nDCG@10 against {worse[0].against.other} on {joined(parts)}."]


def describe_open_harm(found: list[Harm], name: str) -> list[str]:
    """What is known where it did no damage that is beyond doubt; nothing for one collection whose headline says that it gained."""
    own = [one for one in found if one.name == name]
    open_, spared, better = ([one.where for one in own if one.verdict == kind] for kind in ("open", "spared", "better"))
    if open_:
        return [f"Whether training hurt the base model on {joined(open_)} is open: a loss of {MARGIN:g} is not ruled out."]
    if any(one.verdict == "worse" for one in own) or not (spared or len(better) > 1):
        return []
    known = [
        *([f"{name} is better on {joined(better)}"] if better else []),
        *([f"a loss of {MARGIN:g} is ruled out on {joined(spared)}"] if spared else []),
    ]
    return [f"Training did not hurt the base model: {joined(known)}."]


def format_change(against: Contrast) -> str:
    return f"{signed(against.difference.mean)} ({span(against.difference)}, {chance(against.p)})"
