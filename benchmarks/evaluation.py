"""Evaluation of synthetic vectors, and the parts of the report that grow with queries: seconds and
memory, one process per size.

Vectors, texts and labels are synthetic. Ranking, measures, geometry, output and report parts are
those of the stages. Three rounds are compared with the base: its ranking, with some documents of
some queries moved.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from hone.encoders.encoder import Encoder

SIZES = ((10_000, 100_000), (100_000, 100_000), (1_000, 1_000_000))
DIMENSION, NOISE = 384, 6.0
NAME, BASE, ROUNDS = "made-up", "r0", ("r1", "r2", "r3")


def main(sizes: tuple[tuple[int, int], ...] = SIZES) -> None:
    for queries, documents in sizes:
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run(
                [sys.executable, "-m", "benchmarks.evaluation", str(queries), str(documents)],
                check=True,
                stdout=subprocess.PIPE,
                text=True,
                cwd=folder,
                env=os.environ
                | {
                    "HONE_HOME": str(Path(folder) / "home"),
                    "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
                },
            )
        print(f"evaluation, {queries:,} queries on {documents:,} documents:", flush=True)
        for part, (seconds, before, most) in json.loads(done.stdout).items():
            print(
                f"    {part:<46} {seconds:7.1f} s, {before:6.0f} MB before, at most {most:6.0f} MB",
                flush=True,
            )


def measure(queries: int, documents: int) -> dict[str, tuple[float, float, float]]:
    """Seconds, initial MB and peak MB of each part."""
    from hone.ir import results
    from hone.ir.alignment_uniformity import geometry
    from hone.ir.ranking import by_encoder

    found: dict[str, tuple[float, float, float]] = {}
    part = partial(watched, found)
    write_collection(queries, documents)
    encoder = made_up_encoder()
    part("vectors created and stored (not part of evaluation)", encode)(encoder)
    results.per_query = part("evaluate: measures", results.per_query)
    results.write_run = part("evaluate: the ranking written", results.write_run)
    rank, lie = part("evaluate: ranking", by_encoder), part("evaluate: geometry", geometry)
    part("evaluate: total", results.evaluate)(
        BASE, NAME, partial(rank, encoder), 1, partial(lie, encoder)
    )
    write_rounds(results)
    report(part)
    return found


def watched(
    found: dict[str, tuple[float, float, float]], name: str, work: Callable[..., Any]
) -> Callable[..., Any]:
    """Measure seconds and memory of the work under a name."""
    from benchmarks.memory import Peak, memory

    def done(*given: Any, **named: Any) -> Any:
        before, began = memory(), time.perf_counter()
        with Peak() as peak:
            made = work(*given, **named)
        found.setdefault(
            name, (time.perf_counter() - began, before / 1024, peak.highest / 1024)
        )  # the base's, not that of synthetic rounds
        return made

    return done


def write_collection(queries: int, documents: int) -> None:
    """Documents in chunks, and test queries with one relevant document each."""
    import numpy as np
    import polars as pl

    from hone.data import tables
    from hone.files import written_whole

    folder = Path("data") / NAME
    for split, count in (("test", queries), ("dev", 0)):
        number = np.arange(count)
        ids = pl.Series(number, dtype=pl.Int64).cast(pl.String)
        answers = pl.Series(number * 7 % documents, dtype=pl.Int64).cast(pl.String)
        query_table = pl.DataFrame(
            {"query_id": "q" + ids, "text": "query " + answers + " asked by " + ids}
        )
        tables.write(
            "queries", tables.shaped("queries", query_table), folder / split / "queries.parquet"
        )
        labels = pl.DataFrame({"query_id": "q" + ids, "doc_id": "d" + answers}).with_columns(
            relevance=1, weight=1.0, source=pl.lit(NAME)
        )
        tables.write("qrels", tables.shaped("qrels", labels), folder / split / "qrels.parquet")
    with written_whole(folder / "documents.parquet") as part:
        texts = pl.LazyFrame({"number": pl.int_range(documents, eager=True)}).select(
            doc_id=pl.format("d{}", "number"),
            title=pl.lit(""),
            text=pl.format("document {}" + " text" * 60, "number"),
            parent_id=pl.lit(None, dtype=pl.String),
        )
        texts.sink_parquet(part, row_group_size=tables.ROWS_PER_GROUP)


def made_up_encoder() -> Encoder:
    """An encoder whose vector of a text depends on the number in it. Vectors of queries have
    noise.
    """
    import numpy as np

    from hone.encoders import encoder
    from hone.encoders.store import Space

    class MadeUp:
        """The vector of a number: the sum of two table rows, by quotient and remainder."""

        draw = np.random.default_rng(0)
        rows = draw.standard_normal((2, 1024, DIMENSION), dtype=np.float32)
        reported = None

        def encode(self, texts: list[str], progress: object) -> np.ndarray:
            words = [text.split(" ", 2) for text in texts]
            number = np.array([int(word[1]) for word in words])
            is_query = np.array([word[0] == "query" for word in words], dtype=np.float32)
            noise = self.draw.standard_normal((len(texts), DIMENSION), dtype=np.float32)
            return (
                self.rows[0, number % 1024]
                + self.rows[1, number // 1024]
                + noise * (0.3 + NOISE * is_query[:, None])
            )

    class Made(encoder.Encoder):
        similarity = "cosine"

        def space(self, route: str) -> Space:
            return Space({"weights": f"made up for {route}"})

        def alone(self) -> contextlib.AbstractContextManager:
            return contextlib.nullcontext()

    encoder._Work.worker = MadeUp()
    return Made(encoder.ModelFolder(Path("made up")), encoder.Reading(), user=BASE)


def encode(encoder: Encoder) -> None:
    """The cache contents that an evaluation needs."""
    from hone.data import tables

    encoder.documents(tables.Documents(Path("data") / NAME / "documents.parquet"))
    encoder.queries(
        tables.read("queries", Path("data") / NAME / "test" / "queries.parquet")["text"].to_list()
    )


def write_rounds(results: Any) -> None:
    """Results of three rounds: in 10 % to 30 % of the queries, the first document moves down ten
    ranks.
    """
    import polars as pl

    from hone.files import read_json, write_json
    from hone.ir.trec_run import ranking_of

    base = ranking_of(BASE, NAME, results.DEPTH)
    qrels = pl.read_parquet(Path("data") / NAME / "test" / "qrels.parquet")
    for number, name in enumerate(ROUNDS, start=1):
        moved = (pl.col("query_id").hash(seed=number) % 10 < number) & (pl.col("rank") == 1)
        run = base.with_columns(
            score=pl.when(moved).then(pl.col("score") - 0.02 * number).otherwise("score")
        )
        run = run.sort("query_id", "score", descending=[False, True], maintain_order=True).select(
            "query_id", "doc_id", "score"
        )
        values = results.per_query(run, qrels, 1)
        Path("reports/queries", name).mkdir(parents=True, exist_ok=True)
        values.with_columns(split=pl.lit("test")).write_parquet(
            f"reports/queries/{name}/{NAME}.parquet"
        )
        results.write_run(run, name, Path("reports/runs") / name / f"{NAME}.trec")
        write_json(
            Path("reports/metrics") / name / f"{NAME}.json",
            read_json(Path("reports/metrics") / BASE / f"{NAME}.json"),
        )


def report(part: Callable[[str, Callable[..., Any]], Callable[..., Any]]) -> None:
    """The parts of the report that read queries."""
    from hone.compare import by_stratum
    from hone.compare.contrast import find_largest_changes, score_rounds
    from hone.compare.query_strata import Tables, slice_queries
    from hone.compare.unjudged import bound_differences, read_judgments
    from hone.encoders.encoder import Reading
    from hone.ir.measures import DEPTH
    from hone.ir.trec_run import ranking_of
    from tasks.report.negative_flips import count_all_flips

    rounds = {
        name: {"from": start, "recipe": "none"}
        for name, start in zip(ROUNDS, (BASE, *ROUNDS), strict=False)
    }
    part("report: scores, intervals, tests", score_rounds)(rounds, [BASE], [NAME], 13)
    part("report: unjudged documents", bound_differences)(
        [BASE, *ROUNDS],
        BASE,
        read_judgments(NAME, "test", 1),
        partial(ranking_of, collection=NAME, depth=DEPTH),
    )
    part("report: regressions", count_all_flips)(rounds, [NAME], [BASE, *ROUNDS])
    part(
        "report: queries that changed most",
        lambda: [find_largest_changes(name, BASE, NAME) for name in ROUNDS],
    )()
    # BM25's ranking defines query slices. Here the base's is used instead.
    for kind, ending in (("runs", "trec"), ("queries", "parquet")):
        Path("reports", kind, "bm25").mkdir()
        Path("reports", kind, "bm25", f"{NAME}.{ending}").symlink_to(
            Path("reports", kind, BASE, f"{NAME}.{ending}").absolute()
        )
    of = Tables(NAME, "test", 1, "english", Reading(), (BASE, "bm25"))
    cut = part("report: query slices", slice_queries)(of, ("difficulty", "overlap"))
    part("report: scores by slice", by_stratum.compare_levels)(NAME, BASE, ROUNDS, cut, 13)


if __name__ == "__main__":
    print(json.dumps(measure(*map(int, sys.argv[1:]))))
