"""The sentences of a study's page: the answer, the warnings and the limits."""

from __future__ import annotations

from commands.study import method_activity
from commands.study.design import OTHER_BASE, SEEDS, Question
from commands.study.results import MEASURE, ArmRound, Contrast, Known, Result
from hone.layout import BASE
from hone.present.number_format import count, format_change, format_detectable, join_words, score
from hone.present.number_format import span as interval
from hone.stats.paired_tests import LEVEL


def apart(difference: Known) -> bool:
    """Whether a contrast is significant by both its interval and its p."""
    return difference.excludes_zero and difference.p is not None and difference.p <= LEVEL


def resting(result: Result) -> list[str]:
    """The inactive arms: their own methods had no effect, so they differ by chance only and are
    not ranked.
    """
    return [one.arm for one in result.last if one.inactive]


def headline(result: Result) -> str:
    """The answer in one sentence."""
    known = [one for one in result.contrasts if one.difference is not None]
    acted = [one for one in known if not {one.one, one.other} & set(resting(result))]
    if not result.contrasts:
        return alone(result)
    if not known:
        return (
            "No comparison is possible yet: no contrast has a trial of both arms with the same "
            "seed."
        )
    if not acted:
        return (
            "No arm can be ranked: every contrast with results has an inactive arm "
            f"({join_words(resting(result))})."
        )
    significant = [one for one in acted if apart(one.difference)]
    if significant:
        left = len(acted) - len(significant)
        others = (
            f"; the other {'contrast is' if left == 1 else f'{left} contrasts are'} not significant"
            if left
            else ""
        )
        return f"{'; '.join(map(of_contrast, significant))}{others}."
    against = join_words(list(dict.fromkeys(one.one for one in acted)))
    bounds = [one.difference.least for one in acted if one.difference.least]
    seen = (
        f" (minimum detectable effect {format_detectable(max(bounds))}, 80 % power)"
        if bounds
        else ""
    )
    return f"No arm differs significantly from {against} in nDCG@10{seen}."


def alone(result: Result) -> str:
    """The answer of a study without contrasts."""
    gains = [(one.arm, one.against[BASE]) for one in result.last]
    sentences = [
        f"{arm} changes nDCG@10 by {format_change(gain.mean, 4)} from the base model "
        f"({interval(gain, 4)})"
        for arm, gain in gains
    ]
    return (
        f"No contrast was named: {'; '.join(sentences)}. Training without mined negatives might do "
        "the same."
    )


def of_contrast(one: Contrast) -> str:
    found = one.difference
    how = "above" if found.mean > 0 else "below"
    return (
        f"{one.other} is {how} {one.one} by {score(abs(found.mean), 3)} nDCG@10 "
        f"({interval(found, 3)})"
    )


def verdict(one: Contrast, inactive: list[str]) -> tuple[str, str]:
    """The verdict on a contrast, and its CSS class."""
    if one.difference is None:
        return "no results yet", ""
    if never := [name for name in (one.other, one.one) if name in inactive]:
        return f"{join_words(never)} inactive: not ranked", ""
    if not apart(one.difference):
        return "no significant difference", ""
    return ("higher", "rose") if one.difference.mean > 0 else ("lower", "fell")


def warnings(question: Question, result: Result, left: list[str]) -> list[str]:
    """Warnings that qualify the answer.

    Args:
        question: the question of the study.
        result: the result on one collection.
        left: names of unfinished trials.
    """
    sentences = []
    fewest = min(one.seeds for one in result.last)
    if fewest < SEEDS:
        few = (
            "one seed does not show the variance between runs"
            if fewest == 1
            else "the intervals are too narrow with so few"
        )
        sentences.append(
            f"Only {count(fewest, 'seed')} per arm: {few}. Use {SEEDS} or more for a claim."
        )
    if result.named_after:
        sentences.append(
            f"The contrasts were named after {count(result.named_after, 'trial')} of the study "
            "had ended. "
            "If they were chosen because of these results, p is too small."
        )
    if inactive := resting(result):
        own = "its own methods" if len(inactive) == 1 else "their own methods"
        sentences.append(
            f"Inactive and not ranked: {join_words(inactive)}. On this collection, {own} had no "
            "effect."
        )
    sentences += [
        f"{one.arm}: {join_words(never)} had no effect here, so any change comes from the rest of "
        "the recipe."
        for one in result.last
        if not one.inactive and (never := method_activity.resting(one.acts))
    ]
    sentences += [
        f"{one.arm}: the in-loop cross-encoder ranks dev queries worse than the encoder (mean "
        f"nDCG@10 {score(after, 2)} compared with "
        f"{score(before, 2)}). It probably had too few labels, so its scores and filters are not "
        "reliable either."
        for one in result.last
        if one.rankers
        for before, after in [
            [sum(values) / len(values) for values in zip(*one.rankers, strict=True)]
        ]
        if after < before
    ]
    there = {one.arm for one in result.last}
    if missing := [name for name in question.arms if name not in there]:
        sentences.append(f"Missing because no trial has ended yet: {join_words(missing)}.")
    if left:
        sentences.append(
            f"{count(len(left), 'trial')} of {len(question.arms) * question.seeds} "
            f"{'is' if len(left) == 1 else 'are'} not finished."
        )
    return sentences


def limits(question: Question, result: Result, hides: bool, leaks: list[str]) -> list[str]:
    """The scope and limits of the study.

    Args:
        question: the question of the study.
        result: the result on the first collection.
        hides: whether there are held-out positives, which can be counted among the negatives.
        leaks: sentences on leakage.
    """
    constants = (
        "Training settings were chosen for each arm from the same list with one seed. The other "
        "settings are those of its recipe."
        if question.tune
        else "The other settings are those of each recipe."
    )
    commands = [name for name, arm in question.arms.items() if arm.command]
    plain = not commands and not OTHER_BASE & set(question.factor)
    updates = (
        "The number of updates differs between arms."
        if "steps" in question.factor
        else "All arms have the same number of updates since the base model."
        if not commands
        else f"All arms but {join_words(commands)} have the same number of updates since the base "
        "model."
    )
    return [
        *leaks,
        *(of_tests(result.contrasts) if result.contrasts else []),
        f"{count(result.queries, f'{result.split} query', f'{result.split} queries')} of "
        f"{result.collection}, {'one base model, one trainer' if plain else 'one collection'}: "
        "another collection or model may rank the arms differently.",
        f"At least {count(min(one.seeds for one in result.last), 'seed')} per arm. A seed changes "
        "batches and negatives, but not "
        "queries and labels.",
        f"{updates} {constants} An arm that needs more updates or other settings does not show "
        "its best result.",
        *of_factors(question),
        *(
            []
            if hides
            else [
                "There are no held-out positives (`hide` in params.yaml), so false negatives are "
                "not counted."
            ]
        ),
        "Times are from this machine, including its other load. An arm is also charged for stages "
        "and texts shared with others.",
    ]


def of_factors(question: Question) -> list[str]:
    """Sentences on settings in which arms differ beside their recipes, and on commands."""
    sentences = []
    if question.factor:
        sentences.append(
            f"Arms also differ in {join_words(question.factor)}. A contrast of arms that differ in "
            "more than one thing does not show which one caused the difference."
        )
    if OTHER_BASE & set(question.factor):
        sentences.append("A change from the base model is that from each arm's own base model.")
    if commands := [name for name, arm in question.arms.items() if arm.command]:
        sentences.append(
            f"{join_words(commands)} {'is a command' if len(commands) == 1 else 'are commands'}: "
            "Hone does not know how many updates it made or which negatives it read."
        )
    return sentences


def of_tests(contrasts: list[Contrast]) -> list[str]:
    least = [one.difference.least for one in contrasts if one.difference and one.difference.least]
    seen = f" The smallest here is {format_detectable(min(least))}." if least else ""
    return [
        f"Only the {count(len(contrasts), 'named contrast has', 'named contrasts have')} a p "
        "(Holm-adjusted over all of them). "
        "The intervals of other differences are not adjusted for their number, so the largest of "
        "them is partly chance.",
        "“No significant difference” does not mean “equal”. Each contrast has its minimum "
        "detectable effect, at 80 % power and the "
        f"strictest level of Holm's method.{seen}",
    ]


def of_arm(one: ArmRound) -> str:
    """nDCG@10 of an arm with its interval."""
    found = one.measures[MEASURE]
    return f"{score(found.mean)} ({score(found.low)} to {score(found.high)})"
