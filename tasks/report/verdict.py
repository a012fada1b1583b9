"""The verdict: ship or do not ship, in at most six lines. `hone run` and `hone status` print it."""

from __future__ import annotations

from dataclasses import dataclass

from hone.compare.contrast import Contrast, Score, name_dev_queries
from hone.compare.decision import Decision
from hone.present.number_format import count, format_change, join_words, score, share, span
from hone.stats.paired_tests import queries_needed
from tasks.report.truncation import CutCollection

REAL = 100  # real test queries to label first, as `hone init` recommends. [Hone default]
FEW = 50  # queries. With fewer, the variance itself is hardly known. [Hone default]
TARGET = 0.01  # nDCG@10: a change that most users want to detect. [Hone default]
CUT = 0.05  # fraction of truncated documents that is worth mentioning. [Hone default]
FALSE_NEGATIVES = 0.05  # fraction of held-out positives among negatives. [Hone default]


@dataclass(frozen=True)
class Situation:
    """What the next step depends on, beside the scores.

    Attributes:
        truncated: the collections whose documents are cut in encoding.
        hidden_share: fraction of the mined negatives of the last mining round that are held-out
            positives; null if no round mines or nothing is held out.
        judged: whether a round has judges.
    """

    truncated: list[CutCollection]
    hidden_share: float | None
    judged: bool


def write_verdict(
    decision: Decision,
    reported: str,
    base: str,
    found: list[Score],
    cost: str,
    situation: Situation,
    parts: str | None = None,
) -> list[str]:
    """The lines of the verdict, at most six: the decision, the gain, its parts, the losses, the
    cost and the next step.

    Args:
        decision: on the model that the dev queries chose.
        reported: the round whose scores are shown. It differs from the decision's model if the
            base model was chosen.
        base: the baseline.
        found: every score.
        cost: of the round, in a sentence.
        situation: what the next step depends on.
        parts: what training, mining and judging add, in a sentence; null: not shown.
    """
    scores = [one for one in found if one.name == reported and one.base is not None]
    lines = [write_decision(decision, reported, base, found)]
    if scores:
        lines.append(f"Gain: {describe_gains(scores)}")
        lines += [f"Parts: {parts}"] if parts else []
        lines.append(f"Worse: {describe_worse(scores)}")
    lines.append(f"Cost: {cost}")
    lines.append(f"Next: {choose_next_step(decision, scores, situation)}")
    return lines


def write_decision(decision: Decision, reported: str, base: str, found: list[Score]) -> str:
    """The first line. It says which of its figures come from generated queries."""
    name, where = decision.name, join_words(list(decision.where))
    dev, marked = name_dev_queries(found), join_words(mark_generated(decision, found))
    by_generated = decision.generated and set(decision.where) <= set(decision.generated)
    chose = "; generated queries chose" if by_generated else f", and the {dev} chose"
    test = "labelled test queries" if decision.generated else "test queries"
    has = "have" if len(decision.where) > 1 else "has"
    sentence = {
        "better": f"Ship models/{name}: it is significantly better than {base} on {where}.",
        "worse": f"Do not ship: models/{name} is significantly worse than {base} on {marked}.",
        "open": f"Do not ship: models/{name} is not significantly different from {base} on "
        f"{marked}.",
        "base-best": f"Do not ship: no round is better than {base} on the {dev}.",
        "same-queries": f"Do not ship yet: {where} {has} no {test}{chose} models/{name}.",
        "no-base": "There is no baseline, so there is nothing to decide.",
    }
    return sentence[decision.reason]


def mark_generated(decision: Decision, found: list[Score]) -> list[str]:
    """The collections of a decision, marked if only generated queries measure them."""
    unmeasured = measured_by_generated(found)
    return [
        f"{one} (generated dev queries)" if one in unmeasured else one for one in decision.where
    ]


def describe_gains(scores: list[Score]) -> str:
    """The gain against the base model, and against the control, on each collection."""
    return "; ".join(describe_gain(one, len(scores) > 1) for one in scores) + "."


def describe_gain(one: Score, several: bool) -> str:
    before = one.own.mean - one.base.difference.mean
    queries = count(one.queries, f"{one.split_name} query", f"{one.split_name} queries")
    where = f" of {one.collection}" if several else ""
    control = f"; {describe_control(one.control)}" if one.control else ""
    return (
        f"nDCG@10 {score(before, 3)} -> {score(one.own.mean, 3)} on {queries}{where}, "
        f"{describe_change(one.base)} against {one.base.other}{control}"
    )


def describe_control(control: Contrast) -> str:
    """What mining and judging add to training without mined negatives."""
    return f"{describe_change(control)} against {control.other}, the control without mining"


def describe_change(one: Contrast) -> str:
    """A difference with its interval."""
    return f"{format_change(one.difference.mean)} ({span(one.difference)})"


def describe_worse(scores: list[Score]) -> str:
    """How many queries got worse, on each collection."""
    parts = [
        f"{one.base.worse:,} of {count(one.queries, 'query', 'queries')}"
        f"{f' of {one.collection}' if len(scores) > 1 else ''} ({one.base.better:,} better)"
        for one in scores
    ]
    return f"{'; '.join(parts)}."


def choose_next_step(decision: Decision, scores: list[Score], situation: Situation) -> str:
    """The most useful next step, in a sentence."""
    steps = [
        *(describe_missing_test(decision)),
        *(describe_power(scores) or describe_few(scores) if decision.reason == "open" else []),
        *describe_truncated(situation.truncated),
        *describe_false_negatives(situation),
        *describe_unmeasured(measured_by_generated(scores)),
        *describe_power(scores),
    ]
    if steps:
        return steps[0]
    if decision.ship:
        return f"`hone export model {decision.name} FOLDER`."
    return "try another recipe (`hone recipes`), or more labelled training queries."


def describe_missing_test(decision: Decision) -> list[str]:
    if decision.reason != "same-queries":
        return []
    if decision.generated:
        return describe_unmeasured(list(decision.where))
    where = join_words(list(decision.where))
    return [f"label test queries of {where}, or set its `split: {{test: ...}}` in params.yaml."]


def describe_unmeasured(collections: list[str]) -> list[str]:
    """On the collections whose only scores are those of generated queries."""
    if not collections:
        return []
    return [
        f"label {REAL} real test queries of {join_words(collections)}, because generated queries "
        "do not measure a model (docs/how-to/generate.md)."
    ]


def measured_by_generated(scores: list[Score]) -> list[str]:
    """The collections that are reported on generated dev queries."""
    return [one.collection for one in scores if one.split == "dev" and one.generated_dev]


def describe_truncated(found: list[CutCollection]) -> list[str]:
    """On the collection with the largest share of truncated documents, if that is large."""
    worst = max(found, key=lambda one: one.cut.share_cut, default=None)
    if worst is None or worst.cut.share_cut <= CUT:
        return []
    return [
        f"{share(worst.cut.share_cut)} of the documents of {worst.collection} are cut at "
        f"{worst.cut.length:,} tokens: raise `model.max_length` in params.yaml."
    ]


def describe_false_negatives(situation: Situation) -> list[str]:
    """On held-out positives among the negatives, if they are many and nobody judges them."""
    rate = situation.hidden_share
    if rate is None or rate <= FALSE_NEGATIVES or situation.judged:
        return []
    return [
        f"{share(rate)} of the mined negatives are known positives: add a judge to the recipe "
        "(docs/how-to/api-judge.md)."
    ]


def describe_few(scores: list[Score]) -> list[str]:
    """On the collection with the fewest queries, if they are too few to represent others."""
    real = [one for one in scores if one.collection not in measured_by_generated(scores)]
    one = min(real, key=lambda score: score.queries, default=None)
    if one is None or one.queries >= FEW:
        return []
    return [f"label more {one.split} queries of {one.collection}: {one.queries} are too few."]


def describe_power(scores: list[Score]) -> list[str]:
    """How many test queries would detect a change of TARGET, if those that exist cannot."""
    lacking = []
    for one in scores:
        test = one.base.test
        if one.collection in measured_by_generated(scores):
            continue
        if test.detectable is None or test.detectable <= TARGET:
            continue
        needed = queries_needed(test.deviation, TARGET)
        if needed:
            lacking.append((needed - one.queries, one))
    if not lacking:
        return []
    missing, one = min(lacking, key=lambda pair: pair[0])
    return [
        f"add {missing:,} labelled {one.split} queries of {one.collection} to detect a change of "
        f"{TARGET:g} (now {score(one.base.test.detectable, 3)})."
    ]
