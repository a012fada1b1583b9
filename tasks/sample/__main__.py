"""sample: candidates and scores -> negatives, and a row for everything that was removed, with the rule that did it."""

from __future__ import annotations

from functools import cached_property, partial

import polars as pl

from hone.config import methods, stage_settings, user_methods
from hone.data import tables, training_set
from hone.data.labels import carried_labels
from hone.data.query_groups import Segments
from hone.data.tables import normalised
from hone.data.training_set import TrainingSet
from hone.encoders.round_encoders import Models
from hone.files import write_json
from hone.layout import ROUNDS
from hone.mining.random_documents import random_documents
from hone.stage import run, say
from tasks.sample import shortage
from tasks.sample.choose.top import top
from tasks.sample.empty_pool import refuse_nothing_found, refuse_nothing_left
from tasks.sample.pool import PAIR, Pool, merged

# Random documents drawn for each negative that a short query lacks, so that the guards may refuse some.
DRAWN_FOR_ONE = 4
# What is known of a round's candidates alone: rules that read it cannot tell of documents drawn afterwards.
NEED_CANDIDATES = frozenset({"candidates", "scores", "trained", "models"})


def main(round: str) -> None:
    """Apply the recipe's rules in their order, choose, and write what was chosen and what was removed."""
    settings = stage_settings.of_round(round, "sample")
    folder = ROUNDS / round
    training = training_set.read(unlabelled=settings["unlabelled"])
    candidates = tables.read("candidates", folder / "candidates.parquet")
    labels = carried_labels(settings["from"], training.queries(), settings["refreshed"])
    scores = tables.read("scores", folder / "scores.parquet")
    left = queries_left(settings["before"]) if settings["unlabelled"] else None
    negatives, removed, counts = sampled(candidates, labels, scores, training, settings, left)
    tables.write("negatives", tables.shaped("negatives", negatives), folder / "negatives.parquet")
    tables.write("removed", tables.shaped("removed", removed), folder / "removed" / "sample.parquet")
    write_json(folder / "sample.json", counts)
    gone = ", ".join(f"{count:,} by {rule}" for rule, count in counts["removed"].items()) or "none"
    left = "".join(f", {count:,} queries left by {rule}" for rule, count in counts["left"].items())
    say(f"sample {round}: {counts['chosen']:,} negatives of {counts['candidates']:,} candidates, removed: {gone}{left}")


def sampled(
    candidates: pl.DataFrame,
    labels: pl.DataFrame,
    scores: pl.DataFrame,
    training: TrainingSet,
    settings: dict,
    left: pl.DataFrame | None = None,
) -> tuple[pl.DataFrame, pl.DataFrame, dict]:
    """Negatives, removed rows and counts of a round.

    Every candidate pair is chosen, removed, or neither (there were enough before it): the three never overlap. `beyond_top` counts
    what the recipe chose that `top` would not have chosen of the same candidates. Retrieval looks for every training query; a query
    without a known positive (it left in an earlier round) has nothing to be sampled against, and is counted apart (`without_positive`).
    One that never had one is sampled where the recipe trains on such (`train.queries: all`).

    Args:
        left: query_id of the queries that left in an earlier round: of one without a known positive the labels have no trace.
        settings: of the stage; its `sources` are the names of those that the recipe retrieves from, none where it mines nothing.

    Raises:
        Refused: the recipe has sources and none found a candidate (with `on_shortage: random` every query is short, and filled), or
            the rules leave no query a negative.
    """
    section = settings["sample"]
    positives = labels.filter(pl.col("label") == "positive")
    unanswered = training.unanswered().select("query_id")
    if left is not None:
        unanswered = unanswered.join(left, on="query_id", how="anti")
    stays = pl.concat([positives.select("query_id"), unanswered])
    queries = training.queries().join(stays, on="query_id", how="semi", maintain_order="left")
    rows = merged(candidates.join(queries, on="query_id", how="semi", maintain_order="left"))
    without = candidates.join(queries, on="query_id", how="anti")["query_id"].n_unique()
    if rows.is_empty() and settings["sources"] and len(queries) and section["on_shortage"] != "random":
        refuse_nothing_found(settings["sources"], len(queries))
    if rows.is_empty() and not (settings["sources"] and len(queries)):
        return (
            tables.empty("negatives"),
            tables.empty("removed"),
            {"candidates": 0, "chosen": 0, "removed": {}, "left": {}, "shortage": {}, "beyond_top": 0, "without_positive": without},
        )
    rules = Rules(section["filters"], candidates, labels, positives, scores, training, settings)
    pool = Pool(rows)
    window = section["window"]
    rules.apply(pool)
    queries = queries.join(pool.left, on="query_id", how="anti", maintain_order="left")
    within = in_window(pool.rows, window)
    choose = section["choose"]
    n = choose["parameters"]["n"]
    chosen = rules.chosen(choose, within)
    beyond_top = len(chosen.join(top(within, scores, n=n), on=PAIR, how="anti"))
    short = shortage.missing(chosen, queries["query_id"], n)
    counts = {"short": len(short), "rule": section["on_shortage"]}
    if section["on_shortage"] == "widen":
        chosen = shortage.filled(chosen, beyond(pool.rows, window, choose), short)
    elif section["on_shortage"] == "random" and len(short):
        draw = partial(random_queries, training=training, depth=n * DRAWN_FOR_ONE, settings=settings)
        drawn = shortage.random_fill(short, draw, rules.guarded)
        gone = pl.concat([part.select(PAIR) for part in pool.removed] or [drawn.select(PAIR).clear()])
        chosen = shortage.filled(chosen, drawn.join(gone, on=PAIR, how="anti", maintain_order="left"), short)
    elif section["on_shortage"] == "drop-query":
        pool.removed.append(
            short.select(
                "query_id", doc_id=pl.lit(None, dtype=pl.String), rule=pl.lit("shortage"),
                detail=pl.format("{} negatives too few", "lacks"),
            )
        )  # fmt: skip
        chosen = chosen.join(short, on="query_id", how="anti", maintain_order="left")
    still = shortage.missing(chosen, queries["query_id"], n)
    counts |= {"filled": len(short) - len(still) if section["on_shortage"] != "drop-query" else 0, "still_short": len(still)}
    chosen = in_query_order(chosen, queries["query_id"])
    removed = pl.concat(pool.removed) if pool.removed else tables.empty("removed")
    took = pairs_by_rule(section["filters"], removed)
    if chosen.is_empty():
        refuse_nothing_left(section, len(rows), took, dict(pool.left["rule"].value_counts().iter_rows()))
    return chosen, removed, {
        "queries": len(queries), "candidates": len(rows), "chosen": len(chosen), "removed": took,
        "left": dict(pool.left["rule"].value_counts(sort=True).iter_rows()), "shortage": counts, "beyond_top": beyond_top,
        "without_positive": without, **rules.untold(rows),
    }  # fmt: skip


def queries_left(rounds: list[str]) -> pl.DataFrame:
    """query_id of the queries that left in some rounds."""
    files = [ROUNDS / name / "removed" / f"{stage}.parquet" for name in rounds for stage in ("sample", "relabel")]
    parts = [tables.read("removed", file).filter(pl.col("doc_id").is_null()).select("query_id") for file in files]
    return pl.concat([tables.empty("removed").select("query_id"), *parts]).unique()


def pairs_by_rule(lines: list[dict], removed: pl.DataFrame) -> dict[str, int]:
    """How many candidates each rule took, in the order of the rules; 0 of one that never acted."""
    took = dict(removed.filter(pl.col("doc_id").is_not_null())["rule"].value_counts().iter_rows())
    return {line["method"]: took.get(line["method"], 0) for line in lines}


def in_window(rows: pl.DataFrame, window: dict) -> pl.DataFrame:
    """Candidates whose place lies inside the window of ranks."""
    if window["first"] == 1 and window["last"] is None:
        return rows
    place = rows["rank"] if window["counted"] == "before" else pl.Series(Segments.of(rows).places + 1)
    return rows.filter(place.is_between(window["first"], window["last"]) if window["last"] else place >= window["first"])


def beyond(rows: pl.DataFrame, window: dict, choose: dict) -> pl.DataFrame:
    """Candidates that widening may take: what lies in the window or after its end, never before its beginning.

    Whoever begins a window at rank 31 leaves the first 30 out because most false negatives are there. A rule that chooses may leave
    out the first itself: its module's `skips` says how many, from its parameters.
    """
    widened = in_window(rows, window | {"last": None})
    if skips := methods.find("sample.choose", choose["method"]).beside("skips"):
        widened = widened.filter(pl.Series(Segments.of(widened).places >= skips(choose["parameters"])))
    return widened


def in_query_order(chosen: pl.DataFrame, queries: pl.Series) -> pl.DataFrame:
    """The rows of each query together, queries in their own order; inside a query the order stays."""
    order = queries.to_frame("query_id").with_row_index("place")
    return chosen.join(order, on="query_id", how="inner", maintain_order="left").sort("place", maintain_order=True).drop("place")


class Rules:
    """The recipe's filters, with the tables that they and the rule that chooses may ask for, each by its name here."""

    def __init__(
        self, lines: list[dict], candidates: pl.DataFrame, labels: pl.DataFrame, positives: pl.DataFrame, scores: pl.DataFrame,
        training: TrainingSet, settings: dict,
    ) -> None:  # fmt: skip
        self.lines, self.candidates, self.labels, self.positives, self.scores = lines, candidates, labels, positives, scores
        self.training, self.settings = training, settings
        self.seed, self.round, self.draws = settings["seed"], settings["round"], settings["draws"]

    def apply(self, pool: Pool) -> None:
        """Remove from the pool what the rules name, in their order; of nothing nothing is asked."""
        if pool.rows.is_empty():
            return
        texts = self._texts(pool.rows)
        for line in self.lines:
            pool.remove(line["method"], self._done("sample.filters", line, pool.rows, texts))

    def chosen(self, line: dict, rows: pl.DataFrame) -> pl.DataFrame:
        """What the rule that chooses takes of the candidates that are left."""
        return rows if rows.is_empty() else self._done("sample.choose", line, rows)

    def guarded(self, drawn: pl.DataFrame) -> pl.DataFrame:
        """Those of random documents that no rule removes which can tell without scores."""
        pool, texts = Pool(drawn), self._texts(drawn)
        for line in self.lines:
            if not NEED_CANDIDATES & set(methods.find("sample.filters", line["method"]).reads):
                pool.remove(line["method"], self._done("sample.filters", line, pool.rows, texts))
        return pool.rows

    @cached_property
    def models(self) -> Models:
        """Encoders, for methods that look at vectors; `resolve` tells the stage of models where a method does."""
        return Models.of(self.settings)

    @cached_property
    def trained(self) -> pl.DataFrame:
        """What the training of the round that this one starts from has seen."""
        return tables.read("trained", ROUNDS / self.settings["from"] / "trained.parquet")

    def untold(self, rows: pl.DataFrame) -> dict[str, int]:
        """What rules could not tell of: scores that are no number, and queries that the last training has not seen."""
        reads = {name for line in self.lines for name in methods.find("sample.filters", line["method"]).reads}
        told = {"scores_without_number": self.scores.filter(~pl.col("score").is_finite()).height} if "scores" in reads else {}
        if "trained" in reads:
            told["queries_not_trained"] = rows.select("query_id").unique().join(self.trained, on="query_id", how="anti").height
        return told

    def _done(self, place: str, line: dict, rows: pl.DataFrame, texts: pl.DataFrame | None = None) -> pl.DataFrame:
        method = methods.find(place, line["method"])
        given = {"pool": rows} | ({"texts": self._texts(rows) if texts is None else texts} if "texts" in method.reads else {})
        found = method(line["parameters"], **{name: given[name] if name in given else getattr(self, name) for name in method.reads})
        chooses = place == "sample.choose"
        user_methods.refuse_result(method.name, found, rows.columns if chooses else (*PAIR, "detail"), rows if chooses else None)
        return found

    def _texts(self, rows: pl.DataFrame) -> pl.DataFrame:
        ids = pl.concat([rows["doc_id"], self.labels["doc_id"]]).unique()
        return self.training.texts(ids).with_columns(plain=normalised(pl.col("full_text")))


def random_queries(short: pl.DataFrame, training: TrainingSet, depth: int, settings: dict) -> pl.DataFrame:
    """Random documents for queries, each from its own collection; a query's are the same whichever others are short."""
    drawn = [
        random_documents(collection.queries(), collection.documents, f"{settings['draws']} fill", seed=settings["seed"], depth=depth)
        for collection in training
    ]
    return pl.concat(drawn).join(short, on="query_id", how="semi", maintain_order="left")


if __name__ == "__main__":
    run(main)
