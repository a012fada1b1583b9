"""Negatives for 100,000 queries with 200 candidates each: every sampler and every filter, against
`top`.

Two measurements: a sampler alone, on the merged pool, and the whole stage `sample` with each rule
(merging, guard, rule, shortage, order), without reading and writing its tables. CPU time of all
cores is shown beside wall time, because other work on the machine affects it less. Ids, scores,
texts and vectors are synthetic. Rules, pool and stage are Hone's own. Two sources find 100
candidates of each query, so that there is something to merge.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from contextlib import chdir, redirect_stderr
from dataclasses import dataclass
from functools import cached_property
from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from benchmarks.clock import timed
from benchmarks.memory import Peak, memory
from hone.layout import INPUTS

QUERIES, SOURCES, DEPTH, DOCUMENTS, DIMENSION = 100_000, ("dense", "bm25"), 100, 200_000, 384
WANTED = 3
GB = 1024**2  # kilobytes
GUARD = "labelled"  # every recipe that mines has it
# Required tables of some rules, and the second scorer that they read beside the dense source.
PARAMETERS: dict[str, dict[str, Any]] = {
    "quota": {"shares": {"dense": 0.5, "bm25": 0.5}},
    "guide": {"scorer": "encoder:guide"},
    "query-quality": {"positive_absolute": 0.6},
    "click-policy": {"file": "inputs/clicks.parquet"},
}
SCORERS = {
    "guide": "encoder:guide",
    "cross-encoder": "cross-encoder",
    "closer-to-query": "encoder-to-positives",
}


if TYPE_CHECKING:
    from tasks.sample.settings import SampleSettings


def main(queries: int = QUERIES) -> None:
    from hone.config import methods

    home = os.environ.get("HONE_HOME")
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        os.environ["HONE_HOME"] = str(Path(folder) / "home")
        try:
            world = World(queries)
            world.prepare()
            print(
                f"choosing: {queries:,} queries, {len(world.candidates):,} candidates, "
                f"{memory() / GB:.1f} GB before",
                flush=True,
            )
            choose = [name for name in methods.names("sample.choose") if name != "top"]
            alone(world, choose)
            staged(
                world, choose, [name for name in methods.names("sample.filters") if name != GUARD]
            )
        finally:
            os.environ.pop("HONE_HOME") if home is None else os.environ.update(HONE_HOME=home)


def alone(world: World, choose: list[str]) -> None:
    """Samplers, each alone on the same pool."""
    from hone.config import methods
    from hone.mining.pool import merged

    cost = Cost.of(lambda: merged(world.candidates))
    print(f"merging {len(SOURCES)} sources: {cost}", flush=True)
    tables = {
        "pool": cost.made,
        "candidates": world.candidates,
        "positives": world.labels,
        "scores": world.scores,
    }
    tables |= {
        "training": world.training,
        "models": world.models,
        "seed": 13,
        "round": "r1",
        "draws": "position 1",
    }
    top = None
    for name in ["top", *choose]:
        method, line = methods.find("sample.choose", name), world.line("sample.choose", name)
        cost = Cost.of(lambda method=method, line=line: method(line["parameters"], **tables))
        top = top or cost
        print(
            f"alone  choose {name:<18} {cost}, {cost.processor / top.processor:6.1f} of top's "
            "processor time",
            flush=True,
        )


def staged(world: World, choose: list[str], keep: list[str]) -> None:
    """The stage with each rule in turn. `top` runs first, in between and last, because the load
    of the machine varies.
    """
    from hone.mining import rules
    from tasks.sample.negatives import sampled

    rules.Models = SimpleNamespace(of=lambda settings: world.models)

    def of_case(filters: list[str], chosen: str, name: str) -> Cost:
        scores = (
            world.scores
            if name not in SCORERS
            else pl.concat([world.scores, world.scores_of(SCORERS[name])])
        )
        settings = world.settings(filters, chosen)
        cost = Cost.of(
            lambda: sampled(world.candidates, world.labels, scores, world.training, settings)
        )
        print(f"stage  {name:<25} {cost}; {describe_counts(cost.made[2])}", flush=True)
        return cost

    top, costs = [of_case([GUARD], "top", "top")], {}
    for kind, names in (("choose", choose), ("keep", keep)):
        for name in names:
            filters, chosen = ([GUARD], name) if kind == "choose" else ([GUARD, name], "top")
            costs[kind, name] = of_case(filters, chosen, name)
        top.append(of_case([GUARD], "top", "top"))
    wall, processor = (
        np.mean([cost.wall for cost in top]),
        np.mean([cost.processor for cost in top]),
    )
    print(
        f"the stage with top: {wall:.1f} s, {processor:.1f} s of processor time (mean of "
        f"{len(top)})"
    )
    for (kind, name), cost in costs.items():
        ratio = (
            f"{cost.processor / processor:6.2f} of its processor time, "
            f"{cost.wall / wall:6.2f} of its time"
        )
        print(
            f"stage  {kind:<6} {name:<18} {ratio} (target: at most {WANTED}), {cost.most:4.1f} GB "
            "at most",
            flush=True,
        )


def describe_counts(counts: dict) -> str:
    """Counts of the stage, which reveal a rule without effect."""
    return (
        f"{counts['chosen']:,} chosen, {sum(counts['removed'].values()):,} removed, "
        f"{counts['beyond_top']:,} not top's"
    )


@dataclass(frozen=True)
class Cost:
    """One call: wall seconds, CPU seconds of all cores, peak additional memory in GB, and its
    result.
    """

    wall: float
    processor: float
    most: float
    made: Any

    @classmethod
    def of(cls, work: Callable[[], Any]) -> Cost:
        began = time.process_time()
        with Peak() as peak, redirect_stderr(StringIO()):
            wall, made = timed(work)
        return cls(wall, time.process_time() - began, peak.highest / GB, made)

    def __str__(self) -> str:
        return (
            f"{self.wall:7.2f} s, {self.processor:7.2f} s of processor time, {self.most:4.1f} "
            "GB at most"
        )


@dataclass(frozen=True)
class World:
    """Synthetic input of the stage for a number of queries."""

    count: int

    @cached_property
    def query_ids(self) -> pl.Series:
        return pl.select(pl.format("q{}", pl.int_range(self.count))).to_series()

    @cached_property
    def doc_ids(self) -> pl.Series:
        return pl.select(pl.format("d{}", pl.int_range(DOCUMENTS))).to_series()

    @cached_property
    def candidates(self) -> pl.DataFrame:
        """Evenly spaced documents for each query, found by the two sources in turn."""
        draw = np.random.default_rng(0)
        first, step = (
            draw.integers(DOCUMENTS, size=self.count),
            2 * draw.integers(1, 300, size=self.count) + 1,
        )
        parts = []
        for number, source in enumerate(SOURCES):
            rows = (
                first[:, None] + step[:, None] * (len(SOURCES) * np.arange(DEPTH) + number)
            ) % DOCUMENTS
            scores = np.sort(draw.normal(0.4, 0.1, (self.count, DEPTH)).astype(np.float32))[:, ::-1]
            parts.append(
                pl.DataFrame(
                    {
                        "query_id": self.query_ids.gather(np.repeat(np.arange(self.count), DEPTH)),
                        "doc_id": self.doc_ids.gather(rows.ravel()),
                        "source": pl.Series([source]).new_from_index(0, self.count * DEPTH),
                        "rank": np.tile(np.arange(1, DEPTH + 1, dtype=np.int32), self.count),
                        "score": scores.ravel(),
                    }
                )
            )
        return pl.concat(parts, rechunk=True)

    @cached_property
    def labels(self) -> pl.DataFrame:
        """One labelled positive of each query. One in ten was retrieved."""
        from hone.data import tables

        every = np.arange(self.count)
        first = self.candidates["doc_id"].gather(every * DEPTH)
        known = pl.DataFrame(
            {
                "query_id": self.query_ids,
                "doc_id": self.doc_ids.gather(every % DOCUMENTS),
                "first": first,
            }
        )
        known = known.with_columns(
            doc_id=pl.when(pl.int_range(pl.len()) % 10 == 0).then("first").otherwise("doc_id")
        )
        return tables.shaped("labels", known.select("query_id", "doc_id", label=pl.lit("positive")))

    @cached_property
    def scores(self) -> pl.DataFrame:
        return self.scores_of("dense")

    def scores_of(self, scorer: str) -> pl.DataFrame:
        """Scores of each pair, as from the stage `score`: candidates from 0 to 1, labelled
        positives from 0.5 (with themselves 1).
        """
        from tasks.score.pair_scores import pairs_of

        pairs = pairs_of(self.candidates, self.labels)
        given = np.random.default_rng(len(scorer)).random(len(pairs), dtype=np.float32)
        known = pairs.join(
            self.labels.select("query_id", known="doc_id"),
            on="query_id",
            how="left",
            maintain_order="left",
        )["known"]
        itself = (known == pairs["doc_id"]).to_numpy()
        given[itself] = 1 if "positives" in scorer else given[itself] / 2 + 0.5
        return pairs.with_columns(scorer=pl.lit(scorer), score=pl.Series(given))

    @cached_property
    def training(self) -> Any:
        from hone.data.training_set import TrainingCollection, TrainingSet

        return TrainingSet(
            (TrainingCollection("made-up", Path("data/made-up"), None, 1, "en", ""),)
        )

    @cached_property
    def models(self) -> Any:
        """Synthetic vectors in a real embedding cache."""
        from hone.encoders import encoder
        from hone.encoders.store import Space

        class MadeUp:
            draw = np.random.default_rng(0)
            reported = None

            def encode(self, texts: list[str], progress: object) -> np.ndarray:
                return self.draw.standard_normal((len(texts), DIMENSION), dtype=np.float32)

        class Made(encoder.Encoder):
            similarity = "cosine"

            def space(self, route: str) -> Space:
                return Space({"weights": f"made up for {route}"})

        encoder._Work.worker = MadeUp()
        return SimpleNamespace(
            encoder=lambda name=None: Made(encoder.ModelFolder(Path("made up")), encoder.Reading())
        )

    def prepare(self) -> None:
        """Write the files of the stage: texts, queries, the last training, clicks, and all
        vectors, as after retrieval.
        """
        from hone.data import tables

        text = pl.format("{} {}", "doc_id", pl.lit("text " * 40))
        documents = tables.shaped(
            "documents", self.doc_ids.to_frame("doc_id").with_columns(text=text)
        )
        queries = tables.shaped(
            "queries", pl.DataFrame({"query_id": self.query_ids, "text": self.query_ids})
        )
        steps = np.repeat(np.arange(3, dtype=np.int32) * 1000, self.count * 2)
        loss = np.random.default_rng(1).random((2, len(steps)), dtype=np.float32)
        seen = pl.DataFrame(
            {
                "step": steps,
                "query_id": self.query_ids.gather(np.tile(np.repeat(np.arange(self.count), 2), 3)),
            }
        )
        seen = seen.with_columns(
            loss=pl.Series(loss[0]),
            score=pl.Series(loss[1]),
            role=pl.Series(["positive", "negative"] * (3 * self.count)),
        )
        for table, frame, path in (
            ("documents", documents, "data/made-up/documents.parquet"),
            ("queries", queries, "data/made-up/train/queries.parquet"),
            ("trained", tables.shaped("trained", seen), "rounds/r0/trained.parquet"),
        ):
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            tables.write(table, frame, Path(path))
        INPUTS.mkdir()
        self.candidates.filter(pl.col("rank") <= 2).select(
            "query_id", "doc_id", "rank", clicked=pl.col("rank") - 1
        ).write_parquet("inputs/clicks.parquet")
        with redirect_stderr(StringIO()):
            used = self.models.encoder()
            used.documents(self.training.collections[0].documents)
            used.queries(self.query_ids.to_list())

    def line(self, place: str, name: str) -> dict:
        from hone.config import methods

        return methods.checked(place, {name: PARAMETERS.get(name, {})}, "choosing")

    def settings(self, filters: list[str], choose: str) -> SampleSettings:
        from hone.config.sections.sample import Sample
        from tasks.sample.settings import SampleSettings

        lines = [self.line("sample.filters", name) for name in filters]
        section = Sample(
            filters=lines, choose=self.line("sample.choose", choose), on_shortage="widen"
        )
        return SampleSettings.model_construct(
            seed=13,
            round="r1",
            draws="position 1",
            parent="r0",
            sample=section,
            sources=["dense"],
            model=None,
            teachers={},
        )
