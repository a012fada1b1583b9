"""Outcome of candidates: how many each filter removed, how many negatives are held-out
positives, and how many are new.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from hone.data import tables
from hone.data.chunks import of_chunks
from hone.data.training_set import TrainingSet
from hone.files import read_json
from hone.layout import PAIR, ROUNDS, round_table

CHOSEN, NOT_CHOSEN, NOT_FOUND = "chosen", "not chosen", "not among the candidates"
PLAIN_FATES = (CHOSEN, NOT_CHOSEN, NOT_FOUND)  # every other fate is the name of a filter


@dataclass(frozen=True)
class Mined:
    """The candidates of one round; everything is empty if it mines none (in-batch negatives only).

    Attributes:
        negatives, queries: number of chosen rows, and of queries that have some.
        queries_removed: number of queries that this round drops.
        flows: source, fate (a filter's name, CHOSEN or NOT_CHOSEN), count; each pair counts once,
            under the source that ranked it best.
        shortage: counts by `sample` of queries with too few negatives.
        hidden: fate, count of all held-out positives; the fates are those above and NOT_FOUND.
        new: number of negatives that the previous mining round did not have; null if there is none.
        before: name of that round.
    """

    round: str
    recipe: str
    negatives: int
    queries: int
    queries_removed: int
    flows: pl.DataFrame
    shortage: dict
    hidden: pl.DataFrame
    new: int | None
    before: str | None

    @property
    def candidates(self) -> int:
        return int(self.flows["count"].sum())

    @property
    def hidden_chosen(self) -> int:
        """Number of negatives that are held-out positives."""
        return int(self.hidden.filter(pl.col("fate") == CHOSEN)["count"].sum())

    @property
    def hidden_share(self) -> float:
        return self.hidden_chosen / self.negatives if self.negatives else 0.0

    @property
    def new_share(self) -> float | None:
        return None if self.new is None else self.new / self.negatives


def read_hidden_pairs(training: TrainingSet) -> pl.DataFrame:
    """query_id, doc_id of the held-out positives of all training collections.

    A chunked document yields one pair for each chunk, as `start` does for training labels.
    """
    found = [pl.DataFrame(schema=dict.fromkeys(PAIR, pl.String))]
    for collection in training:
        file = collection.folder / "hidden.parquet"
        if file.exists():
            pairs = tables.read("hidden", file).select(tables.prefixed(collection.prefix, *PAIR))
            found.append(of_chunks(pairs, collection.documents.parents))
    return pl.concat(found)


def count_rounds(rounds: dict[str, dict], hidden: pl.DataFrame) -> list[Mined]:
    """Every round in the order of params.yaml.

    Args:
        rounds: {name: {"from": .., "recipe": ..}}.
        hidden: as `read_hidden_pairs` returns it.
    """
    last: dict[str, tuple[str, pl.DataFrame] | None] = {"r0": None}
    found = []
    for name, item in rounds.items():
        before = last[item["from"]]
        negatives = tables.read("negatives", round_table(name, "negatives"))
        last[name] = (name, negatives) if len(negatives) else before
        found.append(count_round(name, item["recipe"], negatives, hidden, before))
    return found


def count_round(
    name: str,
    recipe: str,
    negatives: pl.DataFrame,
    hidden: pl.DataFrame,
    before: tuple[str, pl.DataFrame] | None,
) -> Mined:
    """One round; `before` is the previous mining round in its line, with its negatives."""
    folder = ROUNDS / name
    candidates = tables.read("candidates", folder / "candidates.parquet")
    removed = tables.read("removed", folder / "removed" / "sample.parquet")
    fated = assign_fates(candidates, negatives, removed.filter(pl.col("doc_id").is_not_null()))
    renewed = before is not None and len(negatives) > 0
    return Mined(
        round=name,
        recipe=recipe,
        negatives=len(negatives),
        queries=negatives["query_id"].n_unique(),
        queries_removed=removed.filter(pl.col("doc_id").is_null())["query_id"].n_unique(),
        flows=fated.group_by("source", "fate")
        .len("count")
        .sort("source", "count", "fate", descending=[False, True, False]),
        shortage=read_json(folder / "sample.json").get("shortage", {}),
        hidden=hidden.join(fated, on=PAIR, how="left")
        .group_by(pl.col("fate").fill_null(NOT_FOUND))
        .len("count")
        .sort("count", "fate", descending=[True, False]),
        new=len(negatives.join(before[1], on=PAIR, how="anti")) if renewed else None,
        before=before[0] if renewed else None,
    )


def assign_fates(
    candidates: pl.DataFrame, negatives: pl.DataFrame, removed: pl.DataFrame
) -> pl.DataFrame:
    """query_id, doc_id, source, fate of each candidate pair, and of negatives that were not
    candidates (random fill).
    """
    best = (
        candidates.sort("rank", maintain_order=True)
        .unique(PAIR, keep="first", maintain_order=True)
        .select(*PAIR, "source")
    )
    chosen = negatives.unique(PAIR, keep="first", maintain_order=True)
    filled = chosen.join(best, on=PAIR, how="anti", maintain_order="left").select(*PAIR, "source")
    return (
        pl.concat([best, filled])
        .join(
            chosen.select(*PAIR, chosen=pl.lit(CHOSEN)), on=PAIR, how="left", maintain_order="left"
        )
        .join(
            removed.unique(PAIR, keep="first").select(*PAIR, "rule"),
            on=PAIR,
            how="left",
            maintain_order="left",
        )
        .select(*PAIR, "source", fate=pl.coalesce("chosen", "rule", pl.lit(NOT_CHOSEN)))
    )
