"""`hone filters measure`: how many held-out positives each filter and free judge finds, and what
else it removes.

The candidates are those of a round, after the guards that every recipe uses. Held-out positives
(`hide` in params.yaml) are relevant documents that the loop does not see. Unlabelled relevant
documents count as wrongly removed, so that fraction is an upper bound.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from commands.console import line, table
from commands.judge.check import desk_of
from commands.judge.inputs import judge_line
from hone.config import methods, params
from hone.config.sections.sample import GUARDS
from hone.data import tables, training_set
from hone.data.labels import carried_labels, positives_of
from hone.data.questions import in_blocks
from hone.data.training_set import TrainingSet
from hone.errors import Refused, nearest
from hone.judging.run_judge import ask
from hone.layout import PAIR, round_table
from hone.mining.pool import Pool, merged
from hone.mining.rules import Rules
from hone.present.number_format import share as percent
from hone.stats.proportions import Estimate, share
from tasks.report.negatives import read_hidden_pairs
from tasks.sample.settings import SampleSettings

SHARES = (0.85, 0.9, 0.95, 0.98, 1.0)
COLUMNS = (
    "filter or judge",
    "held-out positives found",
    "95 %",
    "others removed",
    "precision",
    "false negatives kept",
)
KEEP = 4  # negatives per query that a recipe would choose
FREE = ("encoder", "cross-encoder")  # judges that run on this machine


@dataclass(frozen=True)
class Found:
    """The effect of one filter or judge on the candidates.

    Attributes:
        recall: fraction of the held-out positives that it removes.
        others: fraction of all other candidates that it removes.
        precision: fraction of the removed candidates that are held-out positives, a lower bound;
            null if none is removed.
        left: fraction of held-out positives among the first `keep` remaining candidates per query;
            null if none remains.
    """

    who: str
    recall: Estimate
    others: float
    precision: float | None
    left: float | None


def measure_filters(round: str, depth: int = 10, keep: int = KEEP) -> list[Found]:
    """Print a table of every filter and free judge on a round's candidates.

    Args:
        round: a round that mined candidates.
        depth: number of candidates per query.
        keep: negatives per query that a recipe would choose.

    Raises:
        Refused: no such round, it has no candidates, or there are no held-out positives.
    """
    if keep < 1:
        raise Refused(f"--negatives is {keep}. Use 1 or more.")
    bench = looked_at(round, depth)
    marked, rules = bench.marked, bench.rules
    found = [measured("none", marked, marked.clear().select(PAIR), keep)]
    found += [
        measured(who, marked, removed, keep)
        for who, removed in (*rules.trials(bench.first), *bench.judged())
    ]
    line()
    table(COLUMNS, [row(one) for one in found])
    line()
    line(
        "For judges that are not free, `hone judge check NAME --collection COLLECTION --gold "
        "hidden` estimates the same on a sample."
    )
    return found


@dataclass(frozen=True)
class Bench:
    """The candidates of a round and their held-out positives.

    Attributes:
        pool: all candidates after the guards, the best of each query first.
        depth: number of candidates per query.
        hidden: query_id, doc_id of all held-out positives.
        marked: the first candidates of each query, with `hidden`: whether each is a held-out
            positive.
        rules: applies filters to them.
    """

    round: str
    given: params.Params
    training: TrainingSet
    pool: pl.DataFrame
    depth: int
    hidden: pl.DataFrame
    marked: pl.DataFrame
    rules: Filters

    @property
    def first(self) -> pl.DataFrame:
        """The first candidates of each query."""
        return self.marked.drop("hidden")

    def foremost(self, rows: pl.DataFrame) -> pl.DataFrame:
        """The first `depth` rows of each query."""
        return rows.filter(pl.int_range(pl.len()).over("query_id") < self.depth)

    def judged(self) -> Iterator[tuple[str, pl.DataFrame]]:
        """The candidates that each free judge of params.yaml finds relevant."""
        for name in self.free_judges():
            yield f"judge {name}", self.read_by_judge(name)

    def free_judges(self) -> list[str]:
        return [
            name
            for name, written in self.given.judges.items()
            if methods.line(written, f"judges.{name}")[0] in FREE
        ]

    def read_by_judge(self, name: str) -> pl.DataFrame:
        """query_id, doc_id of the candidates that a judge finds relevant."""
        judge = judge_line(self.given, name)
        desk = desk_of(self.given, self.round, [judge], self.training)
        verdicts = pl.concat(
            [
                ask(judge, questions, desk)
                for questions in in_blocks(self.first, self.rules.labels, self.training)
            ]
        )
        return verdicts.filter(pl.col("verdict") == "positive").select(PAIR)


def looked_at(round: str, depth: int) -> Bench:
    """A round's first candidates and its held-out positives.

    Raises:
        Refused: no such round, it has no candidates, or no held-out positive is among them.
    """
    if depth < 1:
        raise Refused(f"--depth is {depth}. Use 1 or more.")
    given, training = params.read(), training_set.read()
    file = round_table(round, "candidates")
    if round not in given.rounds:
        raise Refused(f"params.yaml has no round '{round}': {nearest(round, list(given.rounds))}")
    if not file.exists() or (candidates := tables.read("candidates", file)).is_empty():
        raise Refused(
            f"Round {round} has no candidates. Run `dvc repro` to mine them, or choose a round "
            "whose recipe has `retrieve`."
        )
    hidden = read_hidden_pairs(training).unique()
    if hidden.is_empty():
        raise Refused(
            "There are no held-out positives. Set a collection's `hide` in params.yaml: {share: "
            "0.3, seed: 13}. Then run `dvc repro`."
        )
    settings = SampleSettings.read(round=round)
    labels = carried_labels(given.rounds[round].start, training.queries(), settings.refreshed)
    scores = tables.read("scores", round_table(round, "scores"))
    rules = Filters(labels, scores, training, settings)
    pool = rules.after_guards(candidates)
    first = pool.filter(pl.int_range(pl.len()).over("query_id") < depth)
    marked = first.join(
        hidden.with_columns(hidden=pl.lit(True)), on=PAIR, how="left", maintain_order="left"
    )
    marked = marked.with_columns(pl.col("hidden").fill_null(False))
    there = int(marked["hidden"].sum())
    queries = f"the first {depth} of {marked['query_id'].n_unique():,} queries"
    line(
        f"round {round}: {len(marked):,} candidates ({queries}), {there:,} of them held-out "
        "positives"
    )
    if not there:
        raise Refused(
            f"None of {len(hidden):,} held-out positives is among the candidates. Increase "
            f"--depth ({depth}), or check the guards."
        )
    return Bench(round, given, training, pool, depth, hidden, marked, rules)


class Filters:
    """Applies filters to a round's candidates, each by itself."""

    def __init__(
        self,
        labels: pl.DataFrame,
        scores: pl.DataFrame,
        training: TrainingSet,
        settings: SampleSettings,
    ) -> None:
        self.labels, self.scores, self.training, self.settings = labels, scores, training, settings
        self.positives = positives_of(labels)

    def removed(self, rows: pl.DataFrame, lines: list[dict]) -> tuple[pl.DataFrame, pl.DataFrame]:
        """The remaining rows, and query_id, doc_id of the removed ones."""
        pool = Pool(rows)
        Rules(
            lines, rows, self.labels, self.positives, self.scores, self.training, self.settings
        ).apply(pool)
        return pool.rows, pl.concat(
            [pool.rows.clear().select(PAIR), *(removed.select(PAIR) for removed in pool.removed)]
        )

    def after_guards(self, candidates: pl.DataFrame) -> pl.DataFrame:
        return self.removed(merged(candidates), [line_of(name) for name in GUARDS])[0]

    def trials(self, rows: pl.DataFrame) -> Iterator[tuple[str, pl.DataFrame]]:
        """Every filter that is not a guard, with its defaults, and `positive-aware` at several
        thresholds.

        Filters that need scores are included only if there are scores.
        """
        for name in rules_as_they_come(self.scores):
            for parameters in (
                [{"share": value} for value in SHARES] if name == "positive-aware" else [{}]
            ):
                values = ", ".join(f"{key} {value:g}" for key, value in parameters.items())
                yield f"{name} {values}".strip(), self.removed(rows, [line_of(name, parameters)])[1]


def rules_as_they_come(scores: pl.DataFrame) -> list[str]:
    """Filters that are not guards and that work here with their defaults."""

    def works(name: str) -> bool:
        try:
            return can_tell(line_of(name), scores)
        except Refused:
            return False

    return [name for name in methods.names("sample.filters") if name not in GUARDS and works(name)]


def can_tell(line: dict, scores: pl.DataFrame) -> bool:
    """Whether a filter works on pairs, and the scorers that it needs have scores."""
    rule, scorers = methods.find("sample.filters", line["method"]), set(scores["scorer"])
    wanted = [
        line["parameters"][name]
        for name in ("scorer", "to_positives")
        if name in line["parameters"]
    ]
    return "trained" not in rule.reads and all(
        one in scorers if one is not None else bool(scorers) for one in wanted
    )


def line_of(name: str, parameters: dict | None = None) -> dict:
    return methods.checked("sample.filters", {name: parameters or {}}, "hone filters")


def measured(who: str, marked: pl.DataFrame, removed: pl.DataFrame, keep: int) -> Found:
    """The effect of a filter or judge.

    Args:
        who: its name.
        marked: query_id, doc_id, hidden of all candidates, the best of each query first.
        removed: query_id, doc_id of the candidates that it removes.
        keep: negatives per query that a recipe would choose.
    """
    rows = marked.join(
        removed.unique().with_columns(removed=pl.lit(True)),
        on=PAIR,
        how="left",
        maintain_order="left",
    )
    rows = rows.with_columns(pl.col("removed").fill_null(False))
    of_hidden, others, out = (
        rows.filter("hidden"),
        rows.filter(~pl.col("hidden")),
        rows.filter("removed"),
    )
    chosen = rows.filter(~pl.col("removed")).filter(pl.int_range(pl.len()).over("query_id") < keep)
    return Found(
        who=who,
        recall=share(of_hidden["removed"].to_numpy(), of_hidden["query_id"].to_numpy()),
        others=float(others["removed"].mean() or 0.0),
        precision=float(out["hidden"].mean()) if len(out) else None,
        left=float(chosen["hidden"].mean()) if len(chosen) else None,
    )


def row(one: Found) -> tuple[str, ...]:
    recall = one.recall
    return (
        one.who,
        percent(recall.estimate),
        f"{percent(recall.low)} to {percent(recall.high)}",
        percent(one.others),
        percent(one.precision),
        percent(one.left),
    )
