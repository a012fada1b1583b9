"""What training, mining and judging are worth: three differences that add up to one gain.

Training is the control less the base model, mining is a mining round less its control, and judging
is a judged round less the same round without judges. The bootstrap draws are shared, so on each
collection the three means add up to the judged round less the base model.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from hone.compare.contrast import CONTROL_RECIPES, Contrast, Score, find_control
from hone.data.rounds import made_by
from hone.present.number_format import format_change, join_words, span

SAME_SECTIONS = ("retrieve", "rank", "score", "sample", "train")  # of a round without its judges
NONE = "none"  # the section `relabel` of a recipe without judges

Name = Literal["training", "mining", "judging"]
Recipes = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Chain:
    """The rounds whose differences are the parts.

    Attributes:
        trained: the control of the mining round. Without a control, the last round without mining
            that leads to `mined`, or the first one of the loop. Null: there is none.
        mined: the mining round; null: no round mines.
        judged: the judged round; null: there is none.
        controlled: whether `trained` is the control of `mined`.
        with_judges: whether `mined` itself has judges, because no round mines without them.
    """

    trained: str | None
    mined: str | None
    judged: str | None
    controlled: bool
    with_judges: bool


@dataclass(frozen=True)
class Part:
    """What one part of the loop adds on one collection.

    Attributes:
        collection, name: where, and which part.
        round: the round that has the part; null if the part is left out.
        contrast: its difference from the round or model without the part; null if it is left out.
        reason: why it is left out, or what qualifies it; null if there is nothing to add.
    """

    collection: str
    name: Name
    round: str | None
    contrast: Contrast | None
    reason: str | None = None


def has_judges(recipe: Mapping[str, Any]) -> bool:
    """Whether a recipe has a cascade of judges."""
    return recipe.get("relabel", NONE) != NONE


def find_unjudged(rounds: dict[str, dict], recipes: Recipes) -> dict[str, str]:
    """The judged rounds with a counterpart: {round: the same round without judges}.

    Both start from the same round, so they share candidates and draws. Their recipes differ only
    in the section `relabel`.

    Args:
        rounds: {name: {"from": .., "recipe": ..}}.
        recipes: the sections of each round's recipe, with all defaults.
    """
    found = {}
    for name in (name for name in rounds if has_judges(recipes[name])):
        same = [
            other
            for other, item in rounds.items()
            if item["from"] == rounds[name]["from"]
            and not has_judges(recipes[other])
            and all(recipes[other].get(part) == recipes[name].get(part) for part in SAME_SECTIONS)
        ]
        if same:
            found[name] = same[0]
    return found


def choose_chain(rounds: dict[str, dict], recipes: Recipes, found: list[Score]) -> Chain:
    """The rounds to take the differences of.

    Of several mining rounds, one with a control is taken, then one without judges, then one with a
    judged counterpart, then the one with the highest dev scores. Test queries do not choose it.
    """
    judged_by = {other: name for name, other in find_unjudged(rounds, recipes).items()}
    mining = [name for name, item in rounds.items() if item["recipe"] not in CONTROL_RECIPES]
    if not mining:
        return Chain(find_plain(rounds, None), None, None, False, False)
    dev = {name: mean_dev(found, name) for name in mining}
    mined = max(
        mining,
        key=lambda name: (
            find_control(rounds, name) is not None,
            not has_judges(recipes[name]),
            name in judged_by,
            dev[name],
        ),
    )
    control = find_control(rounds, mined)
    return Chain(
        control or find_plain(rounds, mined),
        mined,
        judged_by.get(mined),
        control is not None,
        has_judges(recipes[mined]),
    )


def mean_dev(found: list[Score], name: str) -> float:
    """The mean dev score of a round over the collections that have one; 0 if none has."""
    scores = [one.dev for one in found if one.name == name and one.dev is not None]
    return sum(scores) / len(scores) if scores else 0.0


def find_plain(rounds: dict[str, dict], mined: str | None) -> str | None:
    """The last round without mining in the lineage of `mined`, or of the loop if that is null."""
    line = list(rounds) if mined is None else made_by(rounds, mined)
    plain = [name for name in line if rounds[name]["recipe"] in CONTROL_RECIPES]
    return plain[-1] if plain else None


def decompose(
    found: list[Score],
    rounds: dict[str, dict],
    recipes: Recipes,
    steps: Mapping[str, int] | None = None,
    left_out: Mapping[str, Collection[str]] | None = None,
) -> list[Part]:
    """The parts of the gain on every collection: training, mining, judging.

    Args:
        found: every score; see `contrast.score_rounds`.
        rounds: {name: {"from": .., "recipe": ..}}.
        recipes: the sections of each round's recipe, with all defaults.
        steps: training steps of each round; null: unknown.
        left_out: the judges of each round that could not be used; null: none.
    """
    chain = choose_chain(rounds, recipes, found)
    of = {(one.name, one.collection): one for one in found}
    collections = dict.fromkeys(one.collection for one in found)
    start = rounds[chain.mined]["from"] if chain.mined else ""
    parts = [
        ("training", chain.trained, "base", describe_training(chain)),
        ("mining", chain.mined, "control", describe_mining(chain, start, steps or {})),
        ("judging", chain.judged, "unjudged", describe_judging(chain, left_out or {})),
    ]
    return [
        make_part(collection, name, of.get((round, collection)), kind, reason)
        for collection in collections
        for name, round, kind, reason in parts
    ]


def make_part(
    collection: str, name: Name, one: Score | None, kind: str, reason: str | None
) -> Part:
    """A part of one collection. It is left out if its round lacks the contrast."""
    contrast = getattr(one, kind) if one is not None else None
    if contrast is None:
        return Part(collection, name, None, None, reason or "its round is the baseline")
    return Part(collection, name, one.name, contrast, reason)


def describe_training(chain: Chain) -> str | None:
    """Why training is left out, or what it is if there is no control."""
    if chain.trained is None:
        return "every round mines negatives, so no round trains without them"
    if not chain.controlled and chain.mined is not None:
        return "the warm-up"
    return None


def describe_mining(chain: Chain, start: str, steps: Mapping[str, int]) -> str | None:
    """Why mining is left out, or what qualifies it. `start`: the round that it starts from."""
    if chain.mined is None:
        return "no round mines negatives"
    if not chain.controlled:
        return f"{chain.mined} has no control (add a round from {start} with the recipe in-batch)"
    notes = ["judging included"] if chain.with_judges else []
    own, other = steps.get(chain.mined), steps.get(chain.trained or "")
    if own is not None and other is not None and own != other:
        notes.append(f"{chain.mined} has {own:,} training steps, {chain.trained} {other:,}")
    return ", ".join(notes) or None


def describe_judging(chain: Chain, left_out: Mapping[str, Collection[str]]) -> str | None:
    """Why judging is left out, or which judges did not take part."""
    if chain.judged is None:
        return (
            "no round has judges"
            if chain.mined is None or not chain.with_judges
            else f"no round has the negatives of {chain.mined} without its judges"
        )
    absent = list(left_out.get(chain.judged, ()))
    return f"without the judge {join_words(absent)}" if absent else None


def describe_parts(parts: list[Part]) -> str:
    """The parts in a sentence: training +x (interval), mining +y (interval), judging +z."""
    collections = list(dict.fromkeys(one.collection for one in parts))
    sentences = []
    for collection in collections:
        own = [one for one in parts if one.collection == collection]
        where = f"{collection}: " if len(collections) > 1 else ""
        known = [describe_part(one) for one in own if one.contrast is not None]
        sentences += [f"{where}{', '.join(known)}"] if known else []
    reasons = [
        f"{one.name} not known: {one.reason}"
        for one in parts
        if one.contrast is None and one.collection == collections[0]
    ]
    return f"{'; '.join([*sentences, *reasons])}."


def describe_part(one: Part) -> str:
    """One known part: its mean, its interval, and the two rounds."""
    against = one.contrast
    doubt = "" if against.sure else ", not significant"
    note = f", {one.reason}" if one.reason else ""
    return (
        f"{one.name} {format_change(against.difference.mean)} ({span(against.difference)}{doubt}; "
        f"{one.round} minus {against.other}{note})"
    )
