"""A summary in three parts: the problems, the false-negative rate, and the recommended steps."""

from __future__ import annotations

from dataclasses import dataclass

from commands.audit.candidates import Candidates
from commands.audit.estimate import Estimate
from commands.audit.finding import Finding
from hone.present.number_format import count, share
from hone.stats.bootstrap import Interval

NAMED = 3
# Relabelling is recommended from this false-negative rate on, and not recommended below it [Hone
# default].
MANY = 0.05
SUSPECT = 0.01
OF_NEGATIVES = ("negative-is-positive", "siblings", "negative-is-nearly-positive")
LEAKS = ("test-queries", "near-test-queries", "two-splits")


@dataclass(frozen=True)
class Answer:
    """The three parts of the summary."""

    wrong: str
    much: str
    do: str

    @property
    def text(self) -> str:
        return " ".join((self.wrong, self.much, self.do))


def answer(
    findings: list[Finding],
    candidates: Candidates | None,
    suspected: dict[str, Interval] | None,
    found: Estimate | None,
    hidden: int = 0,
) -> Answer:
    """The summary at the top of the report.

    Args:
        findings: all findings.
        candidates: the checked negatives; null if there are none.
        suspected: suspicious fractions, `narrow` and `wide`; null without an encoder.
        found: the estimate from verdicts; null without verdicts.
        hidden: number of candidates that are held-out positives.
    """
    faults = sorted((one for one in findings if one.status == "fix"), key=lambda one: -one.share)
    return Answer(
        wrong(faults),
        much(candidates, suspected, found, hidden),
        do(faults, candidates, suspected, found),
    )


def wrong(faults: list[Finding]) -> str:
    if not faults:
        return "The texts alone show no problem."
    problems = [
        f"{lower(one.title)} ({one.count:,} of {one.of:,} {one.unit}, {share(one.share)})"
        for one in faults[:NAMED]
    ]
    more = f"; {count(len(faults) - NAMED, 'smaller problem')} below" if len(faults) > NAMED else ""
    return f"Problems: {'; '.join(problems)}{more}."


def much(
    candidates: Candidates | None,
    suspected: dict[str, Interval] | None,
    found: Estimate | None,
    hidden: int,
) -> str:
    if candidates is None or candidates.pairs.is_empty():
        return "There are no other negatives, so the false-negative rate is not estimated."
    which = (
        "the other negatives of the file"
        if candidates.how == "given"
        else f"{candidates.found} (without labelled positives)"
    )
    floor = ""
    if hidden:
        least = share(hidden / len(candidates.pairs))
        floor = (
            f" {hidden:,} of {len(candidates.pairs):,} are held-out positives, so the rate is "
            f"at least {least}."
        )
    if found is not None and found.share is not None:
        return (
            f"About {share(found.share)} of {which} are false negatives (95 % CI "
            f"{span(Interval(found.share, found.low, found.high))}, from "
            f"{count(found.read, 'pair')} that you labelled).{floor}"
        )
    if found is not None:
        return (
            f"Between {share(found.low)} and {share(found.high)} of {which} are false "
            f"negatives.{floor} Your "
            f"{count(found.read, 'verdict')} do not cover every kind of suspicion. Label more "
            "pairs for an estimate."
        )
    if suspected is None:
        return (
            f"The false-negative rate of {which} is unknown.{floor} Label the pairs below for "
            "an estimate."
        )
    narrow, wide = suspected["narrow"], suspected["wide"]
    return (
        f"An encoder suspects that {share(narrow.mean)} ({span(narrow)}) to {share(wide.mean)} "
        f"({span(wide)}) of {which} are false "
        f"negatives.{floor} This is not an estimate. Label the pairs below for one."
    )


def do(
    faults: list[Finding],
    candidates: Candidates | None,
    suspected: dict[str, Interval] | None,
    found: Estimate | None,
) -> str:
    names = {one.name for one in faults}
    steps = []
    if names & set(OF_NEGATIVES):
        steps.append(
            "delete negatives that are positives, or mine new ones with the filters `labelled`, "
            "`same-text` and `near-duplicate`"
        )
    if names & set(LEAKS):
        steps.append(
            "remove the leaked queries from training (`repeated_queries: leave-out`, or Hone's "
            "own split)"
        )
    if names - set(OF_NEGATIVES) - set(LEAKS):
        steps.append("fix the findings below")
    low, high = (
        (found.low, found.high) if found is not None and found.share is not None else (None, None)
    )
    if low is not None and low >= MANY:
        steps.append(
            "relabel the negatives with the recipe `guide-confirmed` (a small LLM on this "
            "machine) or `rlhn` (your endpoint)"
        )
    elif high is not None and high <= MANY:
        steps.append("train without a judge, because there are few false negatives")
    elif low is not None:
        steps.append(
            "use the recipe `guide`, which drops suspicious negatives at no cost, or label more "
            "pairs for a narrower interval"
        )
    elif suspected is not None and suspected["wide"].mean >= SUSPECT:
        steps.append(
            "label the pairs (until then, the recipe `guide` drops the most suspicious negatives "
            "at no cost)"
        )
    elif candidates is not None and len(candidates.pairs):
        steps.append("label the pairs")
    return (
        f"Next steps: {'; '.join(steps)}."
        if steps
        else "Next steps: none; the data is ready for training."
    )


def span(found: Interval) -> str:
    """Format the ends of an interval of a fraction: 2.1 to 9.8 %."""
    return f"{100 * found.low:.1f} to {100 * found.high:.1f} %"


def lower(text: str) -> str:
    return text[:1].lower() + text[1:]
