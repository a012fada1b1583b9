"""What a study's page says in sentences: the answer first, what weakens it, and what it cannot say."""

from __future__ import annotations

from commands.study import method_activity
from commands.study.design import SEEDS, Question
from commands.study.results import MEASURE, ArmRound, Contrast, Known, Result
from hone.layout import BASE
from hone.present.number_format import count, format_change, format_detectable, join_words, score
from hone.present.number_format import span as interval
from hone.stats.paired_tests import LEVEL


def apart(difference: Known) -> bool:
    """Whether a contrast is shown, by its interval and by its p together."""
    return difference.shown and difference.p is not None and difference.p <= LEVEL


def resting(result: Result) -> list[str]:
    """The arms whose own methods never did anything: chance moves them, and they are not ranked."""
    return [one.arm for one in result.last if one.inactive]


def headline(result: Result) -> str:
    """The answer in one sentence."""
    known = [one for one in result.contrasts if one.difference is not None]
    acted = [one for one in known if not {one.one, one.other} & set(resting(result))]
    if not result.contrasts:
        return alone(result)
    if not known:
        return "Nothing can be held against anything yet: no contrast has a trial of both its arms with the same seed."
    if not acted:
        return f"There is nothing to rank: in every contrast that could be looked at an arm never acted ({join_words(resting(result))})."
    shown = [one for one in acted if apart(one.difference)]
    if shown:
        left = len(acted) - len(shown)
        others = f"; the other {'contrast shows' if left == 1 else f'{left} contrasts show'} nothing" if left else ""
        return f"{'; '.join(map(of_contrast, shown))}{others}."
    against = join_words(list(dict.fromkeys(one.one for one in acted)))
    bounds = [one.difference.least for one in acted if one.difference.least]
    seen = f"; a difference of {format_detectable(max(bounds))} would mostly have been seen" if bounds else ""
    return f"No arm is shown to differ from {against} in nDCG@10{seen}."


def alone(result: Result) -> str:
    """What can be said where no contrast was named."""
    gains = [(one.arm, one.against[BASE]) for one in result.last]
    told = [f"{arm} gives {format_change(gain.mean, 4)} nDCG@10 over the base model ({interval(gain, 4)})" for arm, gain in gains]
    return f"Nothing was to be held against anything: {'; '.join(told)}, which training without its negatives might give as well."


def of_contrast(one: Contrast) -> str:
    found = one.difference
    how = "above" if found.mean > 0 else "below"
    return f"{one.other} is {how} {one.one} by {score(abs(found.mean), 3)} nDCG@10 ({interval(found, 3)})"


def verdict(one: Contrast, inactive: list[str]) -> tuple[str, str]:
    """A contrast in words, and the class of the words."""
    if one.difference is None:
        return "not run yet", ""
    if never := [name for name in (one.other, one.one) if name in inactive]:
        return f"{join_words(never)} never acted: not ranked", ""
    if not apart(one.difference):
        return "not told apart", ""
    return ("more", "rose") if one.difference.mean > 0 else ("less", "fell")


def warnings(question: Question, result: Result, left: list[str]) -> list[str]:
    """What one must know before one believes the first figure.

    Args:
        question: of the study.
        result: on one collection.
        left: trials that have not ended, by name.
    """
    said = []
    fewest = min(one.seeds for one in result.last)
    if fewest < SEEDS:
        few = "one seed says nothing of another draw" if fewest == 1 else "intervals of so few are narrower than they should be"
        said.append(f"Only {count(fewest, 'seed')} of an arm: {few}. {SEEDS} or more make a claim.")
    if result.named_after:
        said.append(
            f"The contrasts were named when {count(result.named_after, 'trial')} of the study had ended: whoever saw those may have chosen "
            "them by chance, of which p knows nothing."
        )
    if inactive := resting(result):
        own = "what sets it apart" if len(inactive) == 1 else "what sets them apart"
        said.append(f"Inactive, and not ranked: {join_words(inactive)}. On this collection {own} never did anything.")
    said += [
        f"{one.arm}: {join_words(never)} never did anything here; what it gave comes from the rest of its recipe."
        for one in result.last
        if not one.inactive and (never := method_activity.resting(one.acts))
    ]
    said += [
        f"{one.arm}: the cross-encoder that it trains orders dev queries worse than the encoder does (nDCG@10 {score(before, 2)} and "
        f"{score(after, 2)} in the mean). What it teaches or removes is no better: read the arm as one of a ranker with too few labels."
        for one in result.last
        if one.rankers
        for before, after in [[sum(values) / len(values) for values in zip(*one.rankers, strict=True)]]
        if after < before
    ]
    there = {one.arm for one in result.last}
    if missing := [name for name in question.arms if name not in there]:
        said.append(f"Missing, because no trial has ended yet: {join_words(missing)}.")
    if left:
        said.append(f"{count(len(left), 'trial')} of {len(question.arms) * question.seeds} did not end or did not run yet.")
    return said


def limits(question: Question, result: Result, hides: bool, leaks: list[str]) -> list[str]:
    """What the study can and cannot say.

    Args:
        question: of the study.
        result: on the collection that is shown first.
        hides: whether right answers were hidden from training, so that they can be counted among negatives.
        leaks: sentences on what leaked.
    """
    constants = (
        "training that was chosen for each among the same few settings, by one seed; else the constants of their recipes"
        if question.tune
        else "the constants of their recipes"
    )
    return [
        *leaks,
        *(of_tests(result.contrasts) if result.contrasts else []),
        f"{count(result.queries, f'{result.split} query', f'{result.split} queries')} of {result.collection}, one base model, one trainer: "
        "another collection or model may put the arms in another order.",
        f"{count(min(one.seeds for one in result.last), 'seed')} of an arm at least. Seeds draw batches and negatives anew; queries and "
        "labels stay the same.",
        f"All arms have as many updates since the base model as each other, and {constants}: an arm that needs more updates or other "
        "constants here is not shown at its best.",
        *([] if hides else ["No right answer was hidden from training (`hide` in params.yaml), so false negatives could not be counted."]),
        "Seconds are of this machine with whatever else it did. An arm is charged for stages and texts that it had from others as well.",
    ]


def of_tests(contrasts: list[Contrast]) -> list[str]:
    least = [one.difference.least for one in contrasts if one.difference and one.difference.least]
    seen = f" Here the least is {format_detectable(min(least))}." if least else ""
    return [
        f"{count(len(contrasts), 'contrast was', 'contrasts were')} named and alone have a p (by Holm, over all of them). "
        "Other "
        "differences have an interval that is not adjusted for how many there are: the greatest of them is luck in part.",
        "“Not told apart” is not “the same”: each contrast has beside it the smallest true difference that it would have shown in four of "
        f"five cases, at the level that Holm asks of the first of them.{seen}",
    ]


def of_arm(one: ArmRound) -> str:
    """nDCG@10 of an arm with its interval."""
    found = one.measures[MEASURE]
    return f"{score(found.mean)} ({score(found.low)} to {score(found.high)})"
