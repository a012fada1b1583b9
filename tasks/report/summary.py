"""The answer in a few sentences: did it get better, by how much, how sure is that, and which round to take."""

from __future__ import annotations

from dataclasses import dataclass

from hone.compare.contrast import Score, choose_round, classify_contrast, describe_counts, find_base
from hone.present.number_format import chance, count, harm, joined, least_seen, score, signed, span

MARGIN = 0.005  # of nDCG@10: what is lost below it hardly anybody would see (ours)


@dataclass(frozen=True)
class Summary:
    """What the page says first.

    Attributes:
        take: the round to use; it may be the base model.
        shown: the round that the sentences are about: `take`, or the best round where `take` is the base model.
        headline: one sentence.
        details: what else one must know before believing it; the last is `explain_choice`.
        sure: of these, what chance could do and what so many queries could not have shown.
        choice: which model to take, and why.
    """

    take: str
    shown: str
    base: str
    headline: str
    details: list[str]
    sure: list[str]
    choice: str

    @property
    def text(self) -> str:
        return " ".join([self.headline, *self.details])


def summarize(found: list[Score], rounds: dict[str, dict], compare_with: list[str]) -> Summary:
    """The answer.

    Args:
        found: every score.
        rounds: {name: {"from": .., "recipe": ..}}.
        compare_with: the references that were evaluated.
    """
    base = find_base(rounds, compare_with)
    take, by_dev = choose_round(found, rounds, base)
    shown = take if take != base else find_best_round(found, rounds, base)
    scores = [one for one in found if one.name == shown]
    headline = write_headline(scores, base) if shown != base else f"There is one round, {base}, and nothing to hold it against."
    said = explain_choice(take, shown, by_dev, scores)
    return Summary(take, shown, base, headline, [*write_details(scores), said], write_certainty(scores), said)


def find_best_round(found: list[Score], rounds: dict[str, dict], base: str) -> str:
    """The round other than the base whose dev scores are highest."""
    names = [name for name in rounds if name != base] or [base]
    return max(names, key=lambda name: sum(one.dev or 0.0 for one in found if one.name == name))


def write_headline(scores: list[Score], base: str) -> str:
    """One sentence on all collections."""
    if len(scores) == 1:
        return f"{describe_gain(scores[0])}."
    kinds = [(one.collection, classify_contrast(one.base)) for one in scores]
    better, worse, open_ = ([name for name, kind in kinds if kind == wanted] for wanted in ("better", "worse", "open"))
    parts = [
        *([f"better than {base} on {joined(better)}"] if better else []),
        *([f"worse on {joined(worse)}" if better else f"worse than {base} on {joined(worse)}"] if worse else []),
        *([f"neither for certain on {joined(open_)}"] if open_ else []),
    ]
    if not better and not worse:
        return f"Round {scores[0].name} cannot be told from {base} on {joined(open_)}."
    return f"Round {scores[0].name} is {joined(parts)}."


def write_details(scores: list[Score]) -> list[str]:
    """What each collection says of a round, and what its last step gave."""
    sentences = []
    for one in scores:
        if one.base is not None:
            sentences += [f"{describe_gain(one)} on {one.collection}."] if len(scores) > 1 else []
            sentences.append(describe_counts(one.base))
            sentences += describe_power([one])
        sentences += describe_step_and_split(one, len(scores) > 1)
    return sentences


def write_certainty(scores: list[Score]) -> list[str]:
    """How sure that is, on each collection."""
    sentences = []
    for one in scores:
        if one.base is not None:
            by_test = f"A randomisation test over queries gives {chance(one.base.p)}, adjusted for all that is compared here."
            sentences.append(f"{describe_gain(one)} on {one.collection}." if len(scores) > 1 else by_test)
            sentences += describe_power([one])
        sentences += describe_step_and_split(one, len(scores) > 1)
    return sentences


def describe_step_and_split(one: Score, several: bool) -> list[str]:
    """What a round's last step gave, and a warning where it is measured on dev queries."""
    step = [describe_last_step(one, f" on {one.collection}" if several else "")] if one.start is not None else []
    dev = f"No test query of {one.collection} is judged: these are dev queries, which rounds are also chosen by."
    return [*step, *([dev] if one.split == "dev" else [])]


def describe_gain(one: Score) -> str:
    """What a round gives against the base on one collection."""
    against, kind = one.base, classify_contrast(one.base)
    doubt = f", {chance(against.p)} for all that is compared here" if against.difference.beyond_zero else ", which includes no change"
    before = score(one.own.mean - against.difference.mean, 3)
    how = {"better": f"is better than {against.other}", "worse": f"is worse than {against.other}"}.get(
        kind, f"cannot be told from {against.other}"
    )
    queries = count(one.queries, f"{one.split} query", f"{one.split} queries")
    return (
        f"Round {one.name} {how}: nDCG@10 goes from {before} to {score(one.own.mean, 3)} on {queries}, "
        f"{signed(against.difference.mean)} ({against.difference.called} {span(against.difference)}"
        f"{doubt if kind == 'open' else ''})"
    )


def describe_last_step(one: Score, where: str) -> str:
    """What a round gives against the one that it starts from."""
    kind, change = classify_contrast(one.start), one.start.difference
    said = {"better": "a gain of its own", "worse": "a loss"}.get(kind, f"which may be chance; {harm(one.start.test, MARGIN)}")
    return f"Against {one.start.other}, from which it starts, it gives{where} {signed(change.mean)} ({span(change)}), {said}."


def describe_power(scores: list[Score]) -> list[str]:
    """The smallest true difference that so many queries of one collection show, against what each round is held against."""
    least = [(one.base.other, one.name, one.base.test.detectable) for one in scores if one.base and one.base.test.detectable]
    if not least:
        return []
    bounds = joined([f"{least_seen(bound)}{f' ({name})' if len(least) > 1 else ''}" for _, name, bound in least])
    queries = count(scores[0].queries, f"{scores[0].split} query", f"{scores[0].split} queries")
    told = f"With {queries} of {scores[0].collection} a true difference from {least[0][0]} under {bounds}"
    return [f"{told} is missed more than once in five times."]


def explain_choice(take: str, shown: str, by_dev: bool, scores: list[Score]) -> str:
    """Which model to take, and why."""
    if not by_dev:
        return f"Take models/{take}, the last round: there are no dev queries to choose by."
    if take != shown:
        return f"Keep models/{take}: no round is better on the dev queries."
    dev = joined([f"{score(one.dev, 3)}{f' on {one.collection}' if len(scores) > 1 else ''}" for one in scores if one.dev is not None])
    return f"Take models/{take}: of all rounds it has the highest nDCG@10 on the dev queries ({dev}), which alone chose it."
