"""The answer in three sentences: what is wrong, how much, and what to do."""

from __future__ import annotations

from dataclasses import dataclass

from commands.audit.candidates import Candidates
from commands.audit.estimate import Estimate
from commands.audit.finding import Finding
from hone.present.number_format import count, share
from hone.stats.bootstrap import Interval

NAMED = 3
# From this share of false negatives on a cure is worth its while, and below it none is; ours.
MANY = 0.05
SUSPECT = 0.01
OF_NEGATIVES = ("negative-is-positive", "siblings", "negative-is-nearly-positive")
LEAKS = ("test-queries", "near-test-queries", "two-splits")


@dataclass(frozen=True)
class Answer:
    """Three sentences."""

    wrong: str
    much: str
    do: str

    @property
    def text(self) -> str:
        return " ".join((self.wrong, self.much, self.do))


def answer(
    findings: list[Finding], candidates: Candidates | None, suspected: dict[str, Interval] | None, found: Estimate | None, hidden: int = 0
) -> Answer:
    """What the page begins with.

    Args:
        findings: all that was looked for.
        candidates: the negatives that were looked at; null where there is none.
        suspected: shares under suspicion, `narrow` and `wide`; null without an encoder.
        found: the estimate from verdicts; null without any.
        hidden: how many of the candidates are answers that were hidden on purpose.
    """
    faults = sorted((one for one in findings if one.told == "mend"), key=lambda one: -one.share)
    return Answer(wrong(faults), much(candidates, suspected, found, hidden), do(faults, candidates, suspected, found))


def wrong(faults: list[Finding]) -> str:
    if not faults:
        return "Nothing is wrong that the texts alone can tell."
    told = [f"{lower(one.title)} ({one.count:,} of {one.of:,} {one.unit}, {share(one.share)})" for one in faults[:NAMED]]
    more = f", and {count(len(faults) - NAMED, 'smaller matter')} below" if len(faults) > NAMED else ""
    return f"What is wrong: {'; '.join(told)}{more}."


def much(candidates: Candidates | None, suspected: dict[str, Interval] | None, found: Estimate | None, hidden: int) -> str:
    if candidates is None or candidates.pairs.is_empty():
        return "There are no other negatives to look at, so nothing is said of unlabelled answers among them."
    which = "the file's other negatives" if candidates.how == "given" else f"{candidates.found}, known answers left out,"
    floor = ""
    if hidden:
        least = share(hidden / len(candidates.pairs))
        floor = f" ({hidden:,} of {len(candidates.pairs):,} are answers that were hidden on purpose: at least {least})"
    if found is not None and found.share is not None:
        return (
            f"Of {which} about {share(found.share)} answer the query (95 % interval {span(Interval(found.share, found.low, found.high))}), "
            f"by {count(found.read, 'pair')} that you read{floor}."
        )
    if found is not None:
        return (
            f"Of {which} between {share(found.low)} and {share(found.high)} answer the query{floor}: "
            f"the {count(found.read, 'verdict')} leave a kind of suspicion out, so read on for an estimate."
        )
    if suspected is None:
        return f"How many of {which} answer the query is not known{floor}: read the pairs below to have an estimate."
    narrow, wide = suspected["narrow"], suspected["wide"]
    return (
        f"Of {which} an encoder suspects {share(narrow.mean)} ({span(narrow)}) to {share(wide.mean)} ({span(wide)}) of answering the query"
        f"{floor}: a suspicion and no estimate, which the pairs below give once you have read them."
    )


def do(faults: list[Finding], candidates: Candidates | None, suspected: dict[str, Interval] | None, found: Estimate | None) -> str:
    names = {one.name for one in faults}
    steps = []
    if names & set(OF_NEGATIVES):
        steps.append("delete the negatives that are answers, or mine new ones with the rules `labelled`, `same-text` and `near-duplicate`")
    if names & set(LEAKS):
        steps.append("take the leaking queries out of training (`repeated_queries: leave-out`, or Hone's own split)")
    if names - set(OF_NEGATIVES) - set(LEAKS):
        steps.append("mend what the findings below list")
    low, high = (found.low, found.high) if found is not None and found.share is not None else (None, None)
    if low is not None and low >= MANY:
        steps.append("have the negatives relabelled: the recipe `guide-confirmed` (a small LLM on this machine) or `rlhn` (your endpoint)")
    elif high is not None and high <= MANY:
        steps.append("leave it at that: false negatives are too few to be worth a judge")
    elif low is not None:
        steps.append("use the recipe `guide`, which drops the suspicious ones for nothing, as long as the interval is as wide as this")
    elif suspected is not None and suspected["wide"].mean >= SUSPECT:
        steps.append("read the pairs (until then the recipe `guide` drops the most suspicious negatives for nothing)")
    elif candidates is not None and len(candidates.pairs):
        steps.append("read the pairs")
    return f"What to do: {'; '.join(steps)}." if steps else "What to do: nothing; train."


def span(found: Interval) -> str:
    """The ends of an interval of a share: 2.1 to 9.8 %."""
    return f"{100 * found.low:.1f} to {100 * found.high:.1f} %"


def lower(text: str) -> str:
    return text[:1].lower() + text[1:]
