"""Memory of judging 10 thousand, 100 thousand and a million pairs with an endpoint's judge, one
process per count.

Responses are generated in this process. Prompts, parsing, judgment log, cascade, labels and
judgments table are the stage's.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

SIZES = (10_000, 100_000, 1_000_000)
PER_QUERY = 25


def main() -> None:
    for count in SIZES:
        with tempfile.TemporaryDirectory() as home:
            done = subprocess.run(
                [sys.executable, "-m", "benchmarks.judging_memory", str(count), home],
                check=True,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                env=os.environ | {"HONE_HOME": home},
            )
        before, most = (int(kilobytes) / 1024 for kilobytes in done.stdout.split())
        a_pair = f"{(most - before) * 2**20 / count:,.0f} bytes per pair"
        print(
            f"memory, {count:>9,} pairs: {before:.0f} MB before, at most {most:.0f} MB while "
            f"judging ({a_pair})",
            flush=True,
        )


def measure(count: int, folder: Path) -> None:
    """Print kilobytes of private memory before judging, and the peak during judging."""
    import polars as pl

    from benchmarks.memory import Peak, memory
    from hone.data import tables
    from hone.data.parquet_writer import Spool
    from hone.judging.ask import Asking, ask
    from hone.judging.cascade import Cascade
    from hone.judging.context import Desk
    from hone.judging.prompt import load
    from hone.llm.completion import Completion, Endpoint, Request
    from hone.llm.ledger.ledger import Ledger
    from tasks.relabel import label_actions
    from tasks.relabel.initial_labels import joined

    class Training:
        """Queries and texts that are generated on access."""

        def queries(self) -> pl.DataFrame:
            names = pl.select(pl.format("q{}", pl.int_range(count // PER_QUERY))).to_series()
            return pl.DataFrame(
                {"query_id": names, "text": names, "collection": ["made up"] * len(names)}
            )

        def texts(self, ids: pl.Series) -> pl.DataFrame:
            wanted = ids.unique()
            return pl.DataFrame(
                {"doc_id": wanted, "full_text": [f"{doc_id} " + "text " * 100 for doc_id in wanted]}
            )

    def complete(
        _: Endpoint, requests: Iterable[Request], __: object, ___: object
    ) -> Iterator[list[Completion]]:
        for request in requests:
            yield [
                Completion(request, '{"better": [1], "worse": []}', None, "made up", 1000, 10, 0.1)
            ]

    settings, prompt, where = (
        Asking(complete=complete),
        load("listwise-brief"),
        Endpoint("http://nowhere/v1", "made up"),
    )
    place = pl.int_range(count)
    query, doc = pl.format("q{}", place // PER_QUERY), pl.format("d{}", place)
    rank, score = (place % PER_QUERY + 1).cast(pl.Int32), pl.lit(0.5, dtype=pl.Float32)
    rows = pl.select(query_id=query, doc_id=doc, source=pl.lit("dense"), rank=rank, score=score)
    first = rows.unique("query_id", keep="first", maintain_order=True)
    known = tables.shaped(
        "labels",
        first.select(
            "query_id",
            doc_id="k" + pl.col("query_id"),
            label=pl.lit("positive"),
            judge=pl.lit("qrels"),
        ),
    )
    negatives, before = tables.shaped("negatives", rows), memory()
    line = {"name": "one", "evidence": []}
    with Peak() as judging, Spool("judgments", folder / "judgments.parquet") as spool:
        labels = joined(known, negatives, tables.empty("removed"))
        cascade = Cascade([line])
        for block in cascade.run(
            negatives,
            known,
            Training(),
            0.0,
            Desk(Ledger(), "bench", 13, "r1"),
            lambda _, questions, desk: ask(questions, desk, "f" * 32, where, prompt, settings),
        ):
            spool.add(block)
        made = label_actions.relabelled(
            labels, label_actions.actions(cascade.final(), "drop"), None
        )
    assert made.actions["drop"] == count // PER_QUERY
    print(before, judging.highest)


if __name__ == "__main__":
    measure(int(sys.argv[1]), Path(sys.argv[2]))
