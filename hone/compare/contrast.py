"""Scores of every round and reference on every collection, and their differences from the
baseline.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl

from hone.compare import decision
from hone.compare.decision import Decision, Effect
from hone.data.eval_splits import evaluation_table
from hone.data.rounds import ancestors
from hone.data.tables import read
from hone.errors import Refused
from hone.files import read_json
from hone.ir import split_names
from hone.ir.measures import NAMES
from hone.ir.split_names import is_generated, name_split
from hone.layout import BASE, metrics_file, query_values_file
from hone.present.number_format import count
from hone.seeds import generator
from hone.stats.bootstrap import Interval, intervals
from hone.stats.paired_tests import LEVEL, Paired, holm, paired

MEASURE = "ndcg_at_10"
QUERIES_PER_LIST = 10  # largest gains, and as many largest losses
# A smaller change is a rounding error of the measure.
SAME = 1e-9


@dataclass(frozen=True)
class Contrast:
    """The difference between two rankings in nDCG@10, over queries.

    Attributes:
        other: the ranking that is subtracted.
        difference: mean with its 95 % interval.
        better, worse, equal: number of queries.
        test: of the hypothesis of no difference.
        p: of the randomization test, Holm-adjusted for all contrasts of the page: those that
            `list_contrasts` names, on every collection. Null for references, which are not tested.
    """

    other: str
    difference: Interval
    better: int
    worse: int
    equal: int
    test: Paired
    p: float | None = None

    @property
    def sure(self) -> bool:
        """Whether the difference is significant: its interval excludes 0, and its adjusted p is
        at most 0.05.
        """
        return self.difference.beyond_zero and (self.p is None or self.p <= LEVEL)


@dataclass(frozen=True)
class Score:
    """One round (or reference) on one collection.

    Attributes:
        split: of the queries: test, or dev if no test query is judged.
        means: {measure: mean over queries}.
        own: nDCG@10 with its interval.
        dev: nDCG@10 on the dev queries; null if there are none.
        base: difference from the baseline; null for the baseline.
        start: difference from the round that this one starts from; null for references, and if that
            round is the baseline.
        control: difference from the control of the round; null if it has none. See `find_control`.
        unjudged: difference from the same round without judges; null if there is none. See
            `decomposition.find_unjudged`.
        generated_dev: whether the dev queries are generated, so that they choose a model and do not
            measure it.
    """

    name: str
    collection: str
    split: str
    queries: int
    means: dict[str, float]
    own: Interval
    dev: float | None
    base: Contrast | None
    start: Contrast | None
    control: Contrast | None = None
    unjudged: Contrast | None = None
    generated_dev: bool = False

    @property
    def split_name(self) -> str:
        """The split for readers: `test`, `dev`, or `generated dev`."""
        return name_split(self.split, self.generated_dev)


def find_base(rounds: dict[str, dict], compare_with: list[str]) -> str:
    """The baseline: r0 if it is evaluated, else the first reference, else the first round."""
    return BASE if BASE in compare_with else [*compare_with, *rounds][0]


def order_names(rounds: dict[str, dict], compare_with: list[str]) -> list[str]:
    """Names in the order of figures and tables: references, the base model last of these, then
    rounds.
    """
    references = sorted(compare_with, key=lambda name: name == BASE)
    return [*references, *rounds]


def score_rounds(
    rounds: dict[str, dict],
    compare_with: list[str],
    collections: list[str],
    seed: int,
    unjudged: dict[str, str] | None = None,
) -> list[Score]:
    """Every reference and round on every collection, in the order of `order_names`.

    Args:
        rounds: {name: {"from": .., "recipe": ..}}.
        compare_with: the references.
        collections: the evaluation collections.
        seed: of the bootstrap.
        unjudged: {judged round: the same round without judges}.
    """
    names, base = order_names(rounds, compare_with), find_base(rounds, compare_with)
    starts = {
        name: item["from"] if item["from"] in names and item["from"] != base else None
        for name, item in rounds.items()
    }
    others = {
        "base": dict.fromkeys(names, base),
        "start": starts,
        "control": {name: find_control(rounds, name) for name in rounds},
        "unjudged": unjudged or {},
    }
    found = [
        found
        for collection in collections
        for found in score_collection(collection, names, base, others, seed)
    ]
    return adjust_p(found, set(rounds))


KINDS = ("base", "start", "control", "unjudged")  # of a round's contrasts, as in `Score`
CONTROL_RECIPES = ("in-batch", "warm-up")  # they train without mined negatives


def find_control(rounds: dict[str, dict], name: str) -> str | None:
    """The control of a round: another round from the same start that trains without mined
    negatives. Null if there is none, or if the round itself mines nothing.
    """
    item = rounds[name]
    if item["recipe"] in CONTROL_RECIPES:
        return None
    lineage = ancestors(rounds, name)
    return next(
        (
            other
            for other, own in rounds.items()
            if other not in lineage
            and own["from"] == item["from"]
            and own["recipe"] in CONTROL_RECIPES
        ),
        None,
    )


def list_contrasts(one: Score) -> list[Contrast]:
    """The contrasts of a round or reference, in the order of KINDS."""
    return [found for kind in KINDS if (found := getattr(one, kind)) is not None]


def adjust_p(found: list[Score], rounds: set[str]) -> list[Score]:
    """The scores with p, Holm-adjusted for all their contrasts."""
    contrasts = [
        (place, kind)
        for place, one in enumerate(found)
        if one.name in rounds
        for kind in KINDS
        if getattr(one, kind)
    ]
    ps = holm([getattr(found[place], kind).test.randomisation for place, kind in contrasts])
    made = list(found)
    for (place, kind), p in zip(contrasts, ps, strict=True):
        made[place] = replace(made[place], **{kind: replace(getattr(made[place], kind), p=p)})
    return made


def score_collection(
    collection: str,
    names: list[str],
    base: str,
    others: dict[str, dict[str, str | None]],
    seed: int,
) -> list[Score]:
    """Every name on one collection. The intervals share bootstrap draws, which are seeded by the
    name of the collection.

    Args:
        collection: its name.
        names: the rounds and references.
        base: the baseline.
        others: by kind of contrast (KINDS), what is subtracted from each name; null: nothing.
        seed: of the bootstrap.

    Raises:
        Refused: an evaluation is missing, has NaN or infinite scores, or covers other queries than
            the baseline.
    """
    values = {name: read_query_measures(name, collection) for name in names}
    refuse_other_queries(values, base, collection)
    together = values[base].select("query_id")
    for name, found in values.items():
        together = together.join(
            found.select("query_id", pl.col(MEASURE).alias(name)),
            on="query_id",
            how="left",
            maintain_order="left",
        )
    scored = together.drop("query_id").to_numpy()
    column = {name: scored[:, place] for place, name in enumerate(names)}
    pairs = [
        (name, other)
        for name in names
        for other in dict.fromkeys(others[kind].get(name) for kind in KINDS)
        if other not in (None, name)
    ]
    changes = [column[name] - column[other] for name, other in pairs]
    draw = generator(seed, "report", collection)
    found = intervals(np.column_stack([*column.values(), *changes]), draw)
    own = {
        name: replace(one, low=max(one.low, 0.0)) for name, one in zip(names, found, strict=False)
    }  # a measure is 0 or more
    against = {
        pair: make_contrast(pair[1], change, one, generator(seed, "report", collection, "contrast"))
        for pair, change, one in zip(pairs, changes, found[len(names) :], strict=True)
    }
    return [
        Score(
            name=name,
            collection=collection,
            split=values[name]["split"][0],
            queries=len(values[name]),
            means={measure: float(values[name][measure].mean()) for measure in NAMES},
            own=own[name],
            dev=read_dev_score(name, collection),
            generated_dev=is_generated(read_json(metrics_file(name, collection))),
            **{kind: against.get((name, others[kind].get(name))) for kind in KINDS},
        )
        for name in names
    ]


def refuse_other_queries(values: dict[str, pl.DataFrame], base: str, collection: str) -> None:
    """Raises Refused if a ranking has a NaN or infinite score, or covers other queries than the
    baseline.
    """
    for name, found in values.items():
        bad = found.filter(~pl.all_horizontal(pl.col(*NAMES).is_finite().fill_null(False)))
        if len(bad):
            raise Refused(
                f"query '{bad['query_id'][0]}' of {collection} has a NaN or infinite score in the "
                f"evaluation of {name}. Evaluate it again."
            )
        common = len(found.join(values[base], on=["query_id", "split"], how="semi"))
        if not common == len(found) == len(values[base]):
            raise Refused(
                f"{name} and {base} were not evaluated on the same queries of {collection} "
                f"({len(found):,}, {len(values[base]):,}, "
                f"{common:,} in both). Run `dvc repro` to repeat outdated evaluations."
            )


def make_contrast(
    other: str, change: np.ndarray, difference: Interval, draw: np.random.Generator
) -> Contrast:
    """Counts and test of a paired difference.

    Args:
        other: the ranking that is subtracted.
        change: difference of each query, [queries].
        difference: its mean with the interval.
        draw: random numbers.
    """
    better, worse = int((change > SAME).sum()), int((change < -SAME).sum())
    return Contrast(
        other, difference, better, worse, len(change) - better - worse, paired(change, draw)
    )


def classify_contrast(against: Contrast) -> str:
    """`better` or `worse` if the difference is significant, else `open`."""
    if not against.sure:
        return "open"
    return "better" if against.difference.mean > 0 else "worse"


def describe_counts(against: Contrast) -> str:
    """How many queries are better, worse and equal, in a sentence."""
    return (
        f"{count(against.better, 'query is', 'queries are')} better, {against.worse:,} worse, "
        f"{against.equal:,} equal."
    )


def read_query_measures(name: str, collection: str) -> pl.DataFrame:
    """query_id, split and measures of the queries that the page reports: test, or dev if no test
    query is judged.

    Raises:
        Refused: the ranking was not evaluated on the collection.
    """
    file = query_values_file(name, collection)
    if not file.exists():
        raise Refused(
            f"{file} is missing: {name} was not evaluated on {collection}. Run `dvc repro`."
        )
    return read_first_split(file)


def read_first_split(file: Path) -> pl.DataFrame:
    """The rows of the first split in a table of query measures: test, or dev if no test query is
    judged.
    """
    values = pl.read_parquet(file)
    return values.filter(pl.col("split") == values["split"][0])


def name_dev_queries(found: list[Score]) -> str:
    """The dev queries of all collections for readers; see `hone.ir.split_names`."""
    return split_names.name_dev_queries(
        {one.collection: one.generated_dev for one in found if one.dev is not None}
    )


def read_dev_score(name: str, collection: str) -> float | None:
    """Mean nDCG@10 on dev queries; null if there are none."""
    return read_json(metrics_file(name, collection)).get("dev", {}).get(MEASURE)


@dataclass(frozen=True)
class Overall:
    """One round or reference over several collections.

    Attributes:
        mean: nDCG@10, each collection with equal weight.
        borda: number of other rankings that it beats, summed over collections; a tie counts one
            half. It ignores the size of differences, so one easy collection cannot dominate.
    """

    name: str
    mean: float
    borda: float


def combine_collections(found: list[Score]) -> list[Overall]:
    """Every ranking that was evaluated on all collections, in order; empty for a single
    collection.
    """
    collections = list(dict.fromkeys(score.collection for score in found))
    of = {(score.name, score.collection): score.own.mean for score in found}
    names = [
        name
        for name in dict.fromkeys(score.name for score in found)
        if all((name, one) in of for one in collections)
    ]
    if len(collections) < 2:
        return []
    return [
        Overall(
            name,
            sum(of[name, one] for one in collections) / len(collections),
            sum(
                count_win(of[name, one] - of[other, one])
                for one in collections
                for other in names
                if other != name
            ),
        )
        for name in names
    ]


def count_win(difference: float) -> float:
    """1 for a win, 0.5 for a tie, 0 for a loss."""
    return 0.5 if abs(difference) <= SAME else float(difference > 0)


def choose_round(found: list[Score], rounds: dict[str, dict], base: str) -> tuple[str, bool]:
    """The round to use, and whether dev queries selected it.

    The round with the highest mean over the collections with dev queries is selected; the earliest
    one wins a tie. The base model is a candidate too. Without dev queries it is the last round.
    """
    names = [name for name in dict.fromkeys((base if base == BASE else None, *rounds)) if name]
    dev = {
        name: {score.collection: score.dev for score in found if score.name == name}
        for name in names
    }
    chosen = decision.choose(dev)
    return (list(rounds)[-1], False) if chosen is None else (chosen, True)


def decide(name: str, base: str, found: list[Score]) -> Decision:
    """Whether to use a round; see `hone.compare.decision`."""
    effects = [
        Effect(
            one.collection,
            one.split,
            one.base.difference.mean,
            one.base.difference.low,
            one.base.difference.high,
            one.base.sure,
        )
        for one in found
        if one.name == name and one.base is not None
    ]
    generated = dict.fromkeys(one.collection for one in found if one.generated_dev)
    return decision.decide(name, base, effects, tuple(generated))


def find_largest_changes(name: str, base: str, collection: str) -> pl.DataFrame:
    """The queries with the largest changes from the baseline, gains first: query_id, text, base,
    score, change.
    """
    values = read_query_measures(name, collection)
    texts = read("queries", evaluation_table(collection, "queries", values["split"][0])).select(
        "query_id", "text"
    )
    changes = (
        values.select("query_id", score=MEASURE)
        .join(
            read_query_measures(base, collection).select("query_id", base=MEASURE),
            on="query_id",
            how="inner",
            maintain_order="left",
        )
        .with_columns(change=pl.col("score") - pl.col("base"))
        .filter(pl.col("change").abs() > SAME)
        .sort("change", "query_id", descending=[True, False])
    )
    rose, fell = (
        changes.filter(pl.col("change") > 0).head(QUERIES_PER_LIST),
        changes.filter(pl.col("change") < 0).tail(QUERIES_PER_LIST),
    )
    return pl.concat([rose, fell]).join(texts, on="query_id", how="left", maintain_order="left")
