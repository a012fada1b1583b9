"""The arms: labels of one round that differ only in what was taken out of its mined negatives, and by whom.

As in a round, rules work on all candidates, of which the first are then mined; judges, and the oracle, read what was mined.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from commands.bench_labels.command import FREE, Bench, can_tell, line_of, rules_as_they_come
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
RANDOM_DEPTH = 4  # documents drawn for each that is wanted, so that the guards may refuse some; ours


@dataclass(frozen=True)
class Arm:
    """Labels to train on.

    Attributes:
        name: who took negatives out.
        labels: of the round, with what is left of its negatives.
        trained: negatives that training reads: the first few of each query.
        false: how many of these are right answers that were hidden.
    """

    name: str
    labels: pl.DataFrame
    trained: int
    false: int


def default_names(bench: Bench) -> list[str]:
    """Every arm that costs nothing but training, those alike included: they train once."""
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
        names: noisy, clean, no-mining, random, rule:NAME (rule:NAME:PARAMETER=VALUE), judge:NAME or recipe:NAME.
        negatives: of each query's negatives, training reads the first so many.

    Raises:
        Refused: there is no such arm, it would cost something, or no negative that training reads is a hidden answer.
    """
    wanted = dict.fromkeys([NOISY, CLEAN, *names])
    found = [arm_of(bench, name, mined(bench, name), negatives) for name in wanted]
    if not found[0].false:
        raise Refused(
            f"none of the {found[0].trained:,} negatives that training reads (the first {negatives} of each query) is a hidden answer: "
            "nothing is damaged. Hide more (`hide` in params.yaml)."
        )
    return found


def mined(bench: Bench, name: str) -> pl.DataFrame:
    """What an arm has for negatives, each query's in order."""
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
        raise Refused(f"there is no arm '{name}': {nearest(name, list(dict.fromkeys(known)))} (or rule:NAME:PARAMETER=VALUE)")
    return KINDS[kind](bench, rest)


def arm_of(bench: Bench, name: str, left: pl.DataFrame, negatives: int) -> Arm:
    read = left.filter(pl.int_range(pl.len()).over("query_id") < negatives)
    false = bench.hidden.join(read, on=PAIR, how="semi")
    labels = joined(bench.rules.labels, tables.shaped("negatives", left), tables.empty("removed"))
    return Arm(name, labels, len(read), len(false))


def at_random(bench: Bench) -> pl.DataFrame:
    """Random documents that the guards let through, for the queries that have mined negatives."""
    queries = bench.first.select("query_id").unique(maintain_order=True)
    drawn = random_queries(queries, bench.training, RANDOM_DEPTH, bench.rules.settings)
    return bench.rules.after_guards(drawn.with_columns(source=pl.lit(RANDOM)))


def rules_of(bench: Bench) -> list[str]:
    """The rules that are no guards; those that need scores only where there are some."""
    names = [name for name in methods.names("sample.filters") if name not in GUARDS]
    return [name for name in names if len(bench.rules.scores) or "scores" not in methods.find("sample.filters", name).reads]


def by_rule(bench: Bench, text: str) -> pl.DataFrame:
    """What is mined where a rule, such as `positive-aware` or `positive-aware:share=0.9`, is tried on all candidates."""
    name, _, rest = text.partition(":")
    if name not in rules_of(bench):
        why = f"it is a guard, and no arm goes without those ({', '.join(GUARDS)})" if name in GUARDS else nearest(name, rules_of(bench))
        raise Refused(f"there is no arm 'rule:{name}': {why}")
    given = [one.partition("=") for one in rest.split(",") if one]
    line = line_of(name, {key.strip(): from_yaml(value) for key, _, value in given})
    return bench.foremost(bench.rules.removed(bench.pool, [line])[0])


def by_judge(bench: Bench, name: str) -> pl.DataFrame:
    """The mined negatives without those that a judge that costs nothing says yes to."""
    if name not in bench.free_judges():
        costs = f"the judge {name} costs something; those that do not" if name in bench.given.judges else "those of params.yaml"
        raise Refused(f"there is no arm 'judge:{name}': {costs} are {', '.join(bench.free_judges()) or 'none'}.")
    return without(bench.first, bench.found_by(name))


def by_recipe(bench: Bench, name: str) -> pl.DataFrame:
    """What a recipe's rules leave of all candidates to be mined, without what its judges find.

    That leaves whatever the recipe's `action` is: all arms are to train on the same positives.
    """
    made = recipe.read(name)
    left = bench.foremost(bench.rules.removed(bench.pool, own_rules(made))[0])
    if made.relabel == "none":
        return left
    section = settings.relabel(bench.given, made, bench.round)
    if dear := [line["name"] for line in section.cascade if line["method"] not in FREE]:
        raise Refused(f"there is no arm 'recipe:{name}': its judge {', '.join(dear)} costs something.")
    if not section.cascade:
        return left
    desk = desk_of(bench.given, bench.round, section.cascade, bench.training)
    cascade = Cascade(section.cascade)
    for _ in cascade.run(left, bench.rules.labels, bench.training, 0.0, desk, ask):
        pass  # only the final verdicts are needed
    return without(left, cascade.final(section.final == "all").filter(pl.col("verdict").cast(pl.String) == "positive"))


def without(rows: pl.DataFrame, found: pl.DataFrame) -> pl.DataFrame:
    return rows.join(found, on=PAIR, how="anti", maintain_order="left")


KINDS = {"rule": by_rule, "judge": by_judge, "recipe": by_recipe}


def cleans(bench: Bench, name: str) -> bool:
    """Whether a recipe takes something out of mined negatives by means that cost nothing and work here."""
    try:
        made = recipe.read(name)
        cascade = [] if made.relabel == "none" else settings.relabel(bench.given, made, bench.round).cascade
    except Refused:  # it names a judge that this checkout does not have
        return False
    able = all(can_tell(line, bench.rules.scores) for line in own_rules(made))
    return bool(made.retrieve and able and (own_rules(made) or cascade) and all(line["method"] in FREE for line in cascade))


def own_rules(made: Recipe) -> list[dict]:
    return [line for line in made.sample.filters if line["method"] not in GUARDS]
