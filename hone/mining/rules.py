"""Calls filters and samplers with the tables that their parameters name."""

from __future__ import annotations

from functools import cached_property

import polars as pl

from hone.config import methods, user_methods
from hone.config.stage_settings import EncodingSettings
from hone.data import tables
from hone.data.tables import normalised
from hone.data.training_set import TrainingSet
from hone.encoders.round_encoders import Models
from hone.layout import PAIR, round_table
from hone.mining.pool import Pool

# Data that exists only for a round's candidates: rules that read it cannot check documents drawn
# later.
NEED_CANDIDATES = frozenset({"candidates", "scores", "trained", "models"})


class Rules:
    """The recipe's filters and the tables that they and the sampler may request, by name."""

    def __init__(
        self,
        lines: list[dict],
        candidates: pl.DataFrame,
        labels: pl.DataFrame,
        positives: pl.DataFrame,
        scores: pl.DataFrame,
        training: TrainingSet,
        settings: EncodingSettings,
    ) -> None:
        self.lines, self.candidates, self.labels, self.positives, self.scores = (
            lines,
            candidates,
            labels,
            positives,
            scores,
        )
        self.training, self.settings = training, settings
        self.seed, self.round, self.draws = settings.seed, settings.round, settings.draws

    def apply(self, pool: Pool) -> None:
        """Remove the pairs that the filters match, in order. An empty pool calls no filter."""
        if pool.rows.is_empty():
            return
        texts = self._texts(pool.rows)
        for line in self.lines:
            pool.remove(line["method"], self._done("sample.filters", line, pool.rows, texts))

    def chosen(self, line: dict, rows: pl.DataFrame) -> pl.DataFrame:
        """The sampler's choice among the remaining candidates."""
        return rows if rows.is_empty() else self._done("sample.choose", line, rows)

    def guarded(self, drawn: pl.DataFrame) -> pl.DataFrame:
        """The random documents that pass all filters that work without scores."""
        pool, texts = Pool(drawn), self._texts(drawn)
        for line in self.lines:
            if not NEED_CANDIDATES & set(methods.find("sample.filters", line["method"]).reads):
                pool.remove(line["method"], self._done("sample.filters", line, pool.rows, texts))
        return pool.rows

    @cached_property
    def models(self) -> Models:
        """Encoders for methods that read vectors. `resolve` lists the models if a method needs
        them.
        """
        return Models.of(self.settings)

    @cached_property
    def trained(self) -> pl.DataFrame:
        """The training examples of the round that this one starts from."""
        return tables.read("trained", round_table(self.settings.parent, "trained"))

    def count_unchecked(self, rows: pl.DataFrame) -> dict[str, int]:
        """Notes on what the filters could not check: scores that are NaN, and queries absent
        from the last training.
        """
        reads = {
            name
            for line in self.lines
            for name in methods.find("sample.filters", line["method"]).reads
        }
        counts = (
            {"scores_without_number": self.scores.filter(~pl.col("score").is_finite()).height}
            if "scores" in reads
            else {}
        )
        if "trained" in reads:
            counts["queries_not_trained"] = (
                rows.select("query_id")
                .unique()
                .join(self.trained, on="query_id", how="anti")
                .height
            )
        return counts

    def _done(
        self, place: str, line: dict, rows: pl.DataFrame, texts: pl.DataFrame | None = None
    ) -> pl.DataFrame:
        method = methods.find(place, line["method"])
        given = {"pool": rows} | (
            {"texts": self._texts(rows) if texts is None else texts}
            if "texts" in method.reads
            else {}
        )
        found = method(
            line["parameters"],
            **{
                name: given[name] if name in given else getattr(self, name) for name in method.reads
            },
        )
        chooses = place == "sample.choose"
        user_methods.refuse_result(
            method.name,
            found,
            rows.columns if chooses else (*PAIR, "detail"),
            rows if chooses else None,
        )
        return found

    def _texts(self, rows: pl.DataFrame) -> pl.DataFrame:
        return texts_of(rows, self.labels, self.training)


def texts_of(rows: pl.DataFrame, labels: pl.DataFrame, training: TrainingSet) -> pl.DataFrame:
    """The texts of candidates and labelled documents for the filters: doc_id, full_text,
    parent_id, plain (normalized).
    """
    ids = pl.concat([rows["doc_id"], labels["doc_id"]]).unique()
    return training.texts(ids).with_columns(plain=normalised(pl.col("full_text")))


def pairs_by_rule(lines: list[dict], removed: pl.DataFrame) -> dict[str, int]:
    """The number of candidates that each filter removed, in the order of the filters. 0 if it
    had no effect.
    """
    took = dict(removed.filter(pl.col("doc_id").is_not_null())["rule"].value_counts().iter_rows())
    return {line["method"]: took.get(line["method"], 0) for line in lines}
