"""How filters and samplers are handed their tables, each by the name of a parameter."""

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

# What is known of a round's candidates alone: rules that read it cannot tell of documents drawn afterwards.
NEED_CANDIDATES = frozenset({"candidates", "scores", "trained", "models"})


class Rules:
    """The recipe's filters, with the tables that they and the rule that chooses may ask for, each by its name here."""

    def __init__(
        self, lines: list[dict], candidates: pl.DataFrame, labels: pl.DataFrame, positives: pl.DataFrame, scores: pl.DataFrame,
        training: TrainingSet, settings: EncodingSettings,
    ) -> None:  # fmt: skip
        self.lines, self.candidates, self.labels, self.positives, self.scores = lines, candidates, labels, positives, scores
        self.training, self.settings = training, settings
        self.seed, self.round, self.draws = settings.seed, settings.round, settings.draws

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
        return tables.read("trained", round_table(self.settings.parent, "trained"))

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
        return texts_of(rows, self.labels, self.training)


def texts_of(rows: pl.DataFrame, labels: pl.DataFrame, training: TrainingSet) -> pl.DataFrame:
    """The texts of candidates and of labelled documents as filters read them: doc_id, full_text, parent_id, plain (normalised)."""
    ids = pl.concat([rows["doc_id"], labels["doc_id"]]).unique()
    return training.texts(ids).with_columns(plain=normalised(pl.col("full_text")))


def pairs_by_rule(lines: list[dict], removed: pl.DataFrame) -> dict[str, int]:
    """How many candidates each rule took, in the order of the rules; 0 of one that never acted."""
    took = dict(removed.filter(pl.col("doc_id").is_not_null())["rule"].value_counts().iter_rows())
    return {line["method"]: took.get(line["method"], 0) for line in lines}
