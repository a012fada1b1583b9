"""The summary: whether the model got better, by how much, whether that is significant, and which
round to use.
"""

from __future__ import annotations

from dataclasses import dataclass

from hone.compare.contrast import (
    Score,
    choose_round,
    classify_contrast,
    describe_counts,
    find_base,
    name_dev_queries,
)
from hone.present.number_format import (
    count,
    describe_margin,
    format_change,
    format_detectable,
    format_p,
    join_words,
    score,
    span,
)

MARGIN = 0.005  # nDCG@10; a smaller loss is negligible in practice. [Hone default]


@dataclass(frozen=True)
class Summary:
    """The first sentences of the page.

    Attributes:
        take: the round to use; it may be the base model.
        reported_round: the round that the sentences describe: `take`, or the best round if `take`
            is the base model.
        base: the baseline.
        headline: one sentence.
        details: sentences that qualify the headline; the last one is `choice`.
        sure: sentences on significance and on the minimum detectable effect.
        choice: which model to use, and why.
    """

    take: str
    reported_round: str
    base: str
    headline: str
    details: list[str]
    sure: list[str]
    choice: str

    @property
    def text(self) -> str:
        return " ".join([self.headline, *self.details])


def summarize(found: list[Score], rounds: dict[str, dict], compare_with: list[str]) -> Summary:
    """The summary of a loop.

    Args:
        found: every score.
        rounds: {name: {"from": .., "recipe": ..}}.
        compare_with: the references that were evaluated.
    """
    base = find_base(rounds, compare_with)
    take, by_dev = choose_round(found, rounds, base)
    reported_round = take if take != base else find_best_round(found, rounds, base)
    scores = [one for one in found if one.name == reported_round]
    headline = (
        write_headline(scores, base)
        if reported_round != base
        else f"There is one round, {base}, and no baseline to compare it with."
    )
    choice = explain_choice(take, reported_round, by_dev, scores, name_dev_queries(found))
    return Summary(
        take,
        reported_round,
        base,
        headline,
        [*write_details(scores), choice],
        write_certainty(scores),
        choice,
    )


def find_best_round(found: list[Score], rounds: dict[str, dict], base: str) -> str:
    """The round other than the baseline with the highest dev scores."""
    names = [name for name in rounds if name != base] or [base]
    return max(names, key=lambda name: sum(one.dev or 0.0 for one in found if one.name == name))


def write_headline(scores: list[Score], base: str) -> str:
    """One sentence about all collections."""
    if len(scores) == 1:
        return f"{describe_gain(scores[0])}."
    kinds = [(one.collection, classify_contrast(one.base)) for one in scores]
    better, worse, open_ = (
        [name for name, kind in kinds if kind == wanted] for wanted in ("better", "worse", "open")
    )
    parts = [
        *([f"better than {base} on {join_words(better)}"] if better else []),
        *(
            [
                f"worse on {join_words(worse)}"
                if better
                else f"worse than {base} on {join_words(worse)}"
            ]
            if worse
            else []
        ),
        *([f"not significantly different on {join_words(open_)}"] if open_ else []),
    ]
    if not better and not worse:
        return (
            f"Round {scores[0].name} is not significantly different from {base} on "
            f"{join_words(open_)}."
        )
    return f"Round {scores[0].name} is {join_words(parts)}."


def write_details(scores: list[Score]) -> list[str]:
    """The result on each collection, and the effect of the last round alone."""
    sentences = []
    for one in scores:
        if one.base is not None:
            sentences += [f"{describe_gain(one)} on {one.collection}."] if len(scores) > 1 else []
            sentences.append(describe_counts(one.base))
            sentences += describe_power([one])
        sentences += describe_step_and_split(one, len(scores) > 1)
    return sentences


def write_certainty(scores: list[Score]) -> list[str]:
    """The significance on each collection."""
    sentences = []
    for one in scores:
        if one.base is not None:
            by_test = (
                f"A randomization test over queries gives {format_p(one.base.p)} "
                "(Holm-adjusted for all comparisons on this page)."
            )
            sentences.append(
                f"{describe_gain(one)} on {one.collection}." if len(scores) > 1 else by_test
            )
            sentences += describe_power([one])
        sentences += describe_step_and_split(one, len(scores) > 1)
    return sentences


def describe_step_and_split(one: Score, several: bool) -> list[str]:
    """The effect of the last round alone, and a warning if the scores are those of dev queries."""
    step = (
        [describe_last_step(one, f" on {one.collection}" if several else "")]
        if one.start is not None
        else []
    )
    dev = (
        f"{one.collection} has no judged test queries: these are {one.split_name} queries, which "
        "also select the round."
    )
    return [*step, *([dev] if one.split == "dev" else [])]


def describe_gain(one: Score) -> str:
    """The difference between a round and the baseline on one collection."""
    against, kind = one.base, classify_contrast(one.base)
    doubt = (
        f", {format_p(against.p)}, Holm-adjusted"
        if against.difference.beyond_zero
        else ", which includes 0"
    )
    before = score(one.own.mean - against.difference.mean, 3)
    how = {
        "better": f"is better than {against.other}",
        "worse": f"is worse than {against.other}",
    }.get(kind, f"is not significantly different from {against.other}")
    queries = count(one.queries, f"{one.split_name} query", f"{one.split_name} queries")
    return (
        f"Round {one.name} {how}: nDCG@10 goes from {before} to {score(one.own.mean, 3)} on "
        f"{queries}, "
        f"{format_change(against.difference.mean)} ({against.difference.called} "
        f"{span(against.difference)}"
        f"{doubt if kind == 'open' else ''})"
    )


def describe_last_step(one: Score, where: str) -> str:
    """The difference between a round and the round that it starts from."""
    kind, change = classify_contrast(one.start), one.start.difference
    not_significant = f"which is not significant; {describe_margin(one.start.test, MARGIN)}"
    meaning = {"better": "a significant gain", "worse": "a significant loss"}.get(
        kind, not_significant
    )
    return (
        f"The change from {one.start.other}, its starting round, is "
        f"{format_change(change.mean)}{where} ({span(change)}), {meaning}."
    )


def describe_power(scores: list[Score]) -> list[str]:
    """The minimum detectable effect on a collection, for each round against the baseline."""
    least = [
        (one.base.other, one.name, one.base.test.detectable)
        for one in scores
        if one.base and one.base.test.detectable
    ]
    if not least:
        return []
    bounds = join_words(
        [
            f"{format_detectable(bound)}{f' ({name})' if len(least) > 1 else ''}"
            for _, name, bound in least
        ]
    )
    split = scores[0].split_name
    queries = count(scores[0].queries, f"{split} query", f"{split} queries")
    return [
        f"Minimum detectable effect against {least[0][0]} on {queries} of {scores[0].collection}, "
        f"at 80 % power: {bounds}."
    ]


def explain_choice(
    take: str, reported_round: str, by_dev: bool, scores: list[Score], queries: str
) -> str:
    """Which model to use, and why. `queries`: the dev queries, which are named if they are
    generated.
    """
    if not by_dev:
        return f"Use models/{take}, the last round. There are no dev queries to select a round by."
    if take != reported_round:
        return f"Keep models/{take}: no round is better on the {queries}."
    dev = join_words(
        [
            f"{score(one.dev, 3)}{f' on {one.collection}' if len(scores) > 1 else ''}"
            for one in scores
            if one.dev is not None
        ]
    )
    return (
        f"Use models/{take}. It has the highest nDCG@10 of all rounds on the {queries} "
        f"({dev}), and test queries did not select it."
    )
