"""Look-ups in a judgment log of a million verdicts: seconds, and memory at 100 thousand and a
million pairs.

The log is first filled with listwise responses of 20 verdicts. Each count is then looked up in its
own process, in blocks and in random order, as in the stage. Keys are generated block by block, so
the measured memory is that of the look-up.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator

from benchmarks.clock import timed

SIZES = (100_000, 1_000_000)
VERDICTS = 1_000_000
PER_ANSWER = 20
BLOCK = 25_000  # pairs of a look-up
WANTED = 30  # seconds
JUDGE = "0123456789abcdef" * 2
SAYS = "<better>[Doc (2), Doc (7)]</better><worse>[]</worse> " + "because " * 60


def main() -> None:
    with tempfile.TemporaryDirectory() as home:
        environment = os.environ | {"HONE_HOME": home, "HONE_LEDGER": ""}
        subprocess.run(
            [sys.executable, "-m", "benchmarks.ledger", "fill"], check=True, env=environment
        )
        for count in SIZES:
            done = subprocess.run(
                [sys.executable, "-m", "benchmarks.ledger", str(count)],
                check=True,
                capture_output=True,
                text=True,
                env=environment,
            )
            seconds, before, highest = map(float, done.stdout.split())
            print(
                f"judgment log, {count:>9,} pairs in {VERDICTS:,} verdicts: {seconds:.1f} s "
                "(target for a million: at most "
                f"{WANTED}), {(highest - before) / 1024:.0f} MB more than the {before / 1024:.0f} "
                "MB before",
                flush=True,
            )


def keys(count: int) -> Iterator[list[bytes]]:
    """Questions in blocks, in random order."""
    from hone.llm.ledger.ledger import question_key

    for start in range(0, count, BLOCK):
        yield [
            question_key("query", str(number * 7_919 % VERDICTS))
            for number in range(start, start + BLOCK)
        ]


def fill() -> None:
    """Write all verdicts, as an import does."""
    import polars as pl

    from hone.llm.ledger import parquet
    from hone.llm.ledger.ledger import Ledger

    ledger = Ledger()
    same = {
        "judge": JUDGE,
        "attempt": 0,
        "verdict": "negative",
        "grade": 0.0,
        "probability": 0.25,
        "raw": SAYS,
        "model": "made up",
        "tokens_in": 5000,
        "tokens_out": 80,
        "money": 0.001,
        "seconds": 2.0,
        "asked_at": "2026-01-31T12:00:00Z",
    }
    schema = {
        name: kind for name, kind in parquet.SCHEMA.items() if name not in ("question", "answer")
    }
    for number, block in enumerate(keys(VERDICTS)):
        given = {name: pl.lit(same.get(name), dtype=kind) for name, kind in schema.items()} | {
            "run": pl.lit(f"r{number}")
        }
        rows = pl.DataFrame({"question": block}).with_columns(
            copy=pl.int_range(pl.len()) // PER_ANSWER, answer=0, **given
        )
        parquet.add_block(ledger, rows)


def measure(count: int) -> None:
    """Print seconds, kilobytes of memory before, and the peak."""
    from benchmarks.memory import Peak, memory
    from hone.llm.ledger.ledger import Ledger

    ledger = Ledger()
    ledger.find(JUDGE, next(keys(1))[:10])
    before = memory()

    def look() -> int:
        return sum(len(ledger.find(JUDGE, block)) for block in keys(count))

    with Peak() as peak:
        seconds, found = timed(look)
    if found != count:
        raise AssertionError(f"only {found:,} of {count:,} were found")
    print(seconds, before, peak.highest)


if __name__ == "__main__":
    # Never write to the user's judgment log, whose entries are never deleted: an argument is
    # required.
    what = sys.argv[1] if len(sys.argv) > 1 else "all"
    {"all": main, "fill": fill}[what]() if not what.isdigit() else measure(int(what))
