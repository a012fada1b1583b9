"""The arms: labels of one round that differ only in which mined negatives were removed.

As in a round, filters apply to all candidates before the first ones are mined. Judges and the
oracle read the mined negatives.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from commands.filters.measure import FREE, Bench, can_tell, line_of, rules_as_they_come
from commands.judge.check import desk_of
from hone.config import methods, recipe
from hone.config.recipe_schema import Recipe
from hone.config.sections.sample import GUARDS
from hone.config.yaml12 import from_yaml
from hone.data import tables
from hone.errors import Refused, nearest
from hone.judging import settings
from hone.judging.cascade import Cascade
from hone.judging.run_judge import ask
from hone.layout import PAIR
from hone.mining.random_documents import random_queries
from tasks.relabel.initial_labels import joined

NOISY, CLEAN, UNMINED, RANDOM = "noisy", "clean", "no-mining", "random"
RANDOM_DEPTH = (
    4  # documents drawn for each one needed, because guards may remove some (Hone default)
)


@dataclass(frozen=True)
class Arm:
    """Labels to train on.

    Attributes:
        name: the filter or judge that removed negatives.
        labels: the labels of the round, with the remaining negatives.
        trained: number of negatives that training reads, the first few of each query.
        false: how many of these are held-out positives.
    """

    name: str
    labels: pl.DataFrame
    trained: int
    false: int


def default_names(bench: Bench) -> list[str]:
    """Every arm without cost except training. Arms with the same labels are included, but train
    only once.
    """
    return [
        NOISY,
        CLEAN,
        *(f"rule:{name}" for name in rules_as_they_come(bench.rules.scores)),
        *(f"judge:{name}" for name in bench.free_judges()),
        *(f"recipe:{name}" for name in recipe.names() if cleans(bench, name)),
    ]


def arms(bench: Bench, names: list[str], negatives: int) -> list[Arm]:
    """The arms of these names, `noisy` and `clean` before all others.

    Args:
        bench: a round's first candidates.
        names: noisy, clean, no-mining, random, rule:NAME (rule:NAME:PARAMETER=VALUE), judge:NAME or
            recipe:NAME.
        negatives: number of negatives per query that training reads.

    Raises:
        Refused: there is no such arm, it is not free, or no negative that training reads is a
            held-out positive.
    """
    wanted = dict.fromkeys([NOISY, CLEAN, *names])
    found = [arm_of(bench, name, mined(bench, name), negatives) for name in wanted]
    if not found[0].false:
        raise Refused(
            f"None of the {found[0].trained:,} negatives that training reads (the first "
            f"{negatives} of each query) is a held-out "
            "positive, so there is no damage. Hold out more positives (`hide` in params.yaml)."
        )
    return found


def mined(bench: Bench, name: str) -> pl.DataFrame:
    """The negatives of an arm, in order for each query."""
    if name == NOISY:
        return bench.first
    if name == CLEAN:
        return bench.marked.filter(~pl.col("hidden")).drop("hidden")
    if name == UNMINED:
        return bench.first.clear()
    if name == RANDOM:
        return at_random(bench)
    kind, _, rest = name.partition(":")
    if kind not in KINDS or not rest:
        known = [NOISY, CLEAN, UNMINED, RANDOM, *default_names(bench)]
        raise Refused(
            f"There is no arm '{name}': {nearest(name, list(dict.fromkeys(known)))} (or "
            "rule:NAME:PARAMETER=VALUE)"
        )
    return KINDS[kind](bench, rest)


def arm_of(bench: Bench, name: str, left: pl.DataFrame, negatives: int) -> Arm:
    read = left.filter(pl.int_range(pl.len()).over("query_id") < negatives)
    false = bench.hidden.join(read, on=PAIR, how="semi")
    labels = joined(bench.rules.labels, tables.shaped("negatives", left), tables.empty("removed"))
    return Arm(name, labels, len(read), len(false))


def at_random(bench: Bench) -> pl.DataFrame:
    """Random documents that pass the guards, for the queries with mined negatives."""
    queries = bench.first.select("query_id").unique(maintain_order=True)
    drawn = random_queries(queries, bench.training, RANDOM_DEPTH, bench.rules.settings)
    return bench.rules.after_guards(drawn.with_columns(source=pl.lit(RANDOM)))


def rules_of(bench: Bench) -> list[str]:
    """The filters that are not guards. Filters that need scores are included only if there are
    scores.
    """
    names = [name for name in methods.names("sample.filters") if name not in GUARDS]
    return [
        name
        for name in names
        if len(bench.rules.scores) or "scores" not in methods.find("sample.filters", name).reads
    ]


def by_rule(bench: Bench, text: str) -> pl.DataFrame:
    """The mined negatives after a filter, such as `positive-aware` or
    `positive-aware:share=0.9`, on all candidates.
    """
    name, _, rest = text.partition(":")
    if name not in rules_of(bench):
        why = (
            f"it is a guard, which every arm uses ({', '.join(GUARDS)})"
            if name in GUARDS
            else nearest(name, rules_of(bench))
        )
        raise Refused(f"There is no arm 'rule:{name}': {why}")
    given = [one.partition("=") for one in rest.split(",") if one]
    line = line_of(name, {key.strip(): from_yaml(value) for key, _, value in given})
    return bench.foremost(bench.rules.removed(bench.pool, [line])[0])


def by_judge(bench: Bench, name: str) -> pl.DataFrame:
    """The mined negatives without those that a free judge finds relevant."""
    if name not in bench.free_judges():
        costs = (
            f"judge {name} is not free"
            if name in bench.given.judges
            else f"params.yaml has no judge {name}"
        )
        raise Refused(
            f"There is no arm 'judge:{name}': {costs}. Free judges in params.yaml: "
            f"{', '.join(bench.free_judges()) or 'none'}."
        )
    return without(bench.first, bench.read_by_judge(name))


def by_recipe(bench: Bench, name: str) -> pl.DataFrame:
    """The mined negatives after a recipe's filters on all candidates, without those that its judges
    find relevant.

    The recipe's `action` is ignored, because all arms train on the same positives.
    """
    made = recipe.read(name)
    left = bench.foremost(bench.rules.removed(bench.pool, own_rules(made))[0])
    if made.relabel == "none":
        return left
    section = settings.relabel(bench.given, made, bench.round)
    if dear := [line["name"] for line in section.cascade if line["method"] not in FREE]:
        raise Refused(f"There is no arm 'recipe:{name}': its judge {', '.join(dear)} is not free.")
    if not section.cascade:
        return left
    desk = desk_of(bench.given, bench.round, section.cascade, bench.training)
    cascade = Cascade(section.cascade)
    for _ in cascade.run(left, bench.rules.labels, bench.training, 0.0, desk, ask):
        pass  # only the final verdicts are needed
    return without(
        left,
        cascade.final(section.final == "all").filter(
            pl.col("verdict").cast(pl.String) == "positive"
        ),
    )


def without(rows: pl.DataFrame, found: pl.DataFrame) -> pl.DataFrame:
    return rows.join(found, on=PAIR, how="anti", maintain_order="left")


KINDS = {"rule": by_rule, "judge": by_judge, "recipe": by_recipe}


def cleans(bench: Bench, name: str) -> bool:
    """Whether a recipe removes mined negatives with free filters and judges that work here."""
    try:
        made = recipe.read(name)
        cascade = (
            []
            if made.relabel == "none"
            else settings.relabel(bench.given, made, bench.round).cascade
        )
    except Refused:  # the recipe needs a judge that is not in params.yaml
        return False
    able = all(can_tell(line, bench.rules.scores) for line in own_rules(made))
    return bool(
        made.retrieve
        and able
        and (own_rules(made) or cascade)
        and all(line["method"] in FREE for line in cascade)
    )


def own_rules(made: Recipe) -> list[dict]:
    return [line for line in made.sample.filters if line["method"] not in GUARDS]
