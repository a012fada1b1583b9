"""Memory of encoding and search over 10 thousand, 100 thousand and a million texts, one process per
count.

The vectors are synthetic: a model would add its own memory, the same for any number of texts.
"""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

SIZES = (10_000, 100_000, 1_000_000)
DIMENSION, QUERIES, DEPTH, CHUNK = 384, 256, 100, 4096


def main() -> None:
    for count in SIZES:
        with tempfile.TemporaryDirectory() as home:
            done = subprocess.run(
                [sys.executable, "-m", "benchmarks.memory", str(count)],
                check=True,
                capture_output=True,
                text=True,
                env=os.environ | {"HONE_HOME": home},
            )
        before, encoding, search = (int(kilobytes) / 1024 for kilobytes in done.stdout.split())
        print(
            f"memory, {count:>9,} texts: {before:.0f} MB before, at most {encoding:.0f} MB while "
            f"encoding, {search:.0f} MB while searching",
            flush=True,
        )


def measure(count: int) -> None:
    """Print kilobytes of private memory before, and the peaks during encoding and during search."""
    import numpy as np

    from hone.encoders import encoder
    from hone.encoders.search import nearest
    from hone.encoders.store import Space

    class MadeUp:
        """Random vectors instead of a model's."""

        draw = np.random.default_rng(0)
        reported = None

        def encode(self, texts: list[str], progress: object) -> np.ndarray:
            return self.draw.standard_normal((len(texts), DIMENSION), dtype=np.float32)

    class Made(encoder.Encoder):
        similarity = "dot"

        def space(self, route: str) -> Space:
            return Space({"weights": f"made up for {route}"})

    importlib.import_module(
        "faiss"
    )  # `nearest` loads it on first use; its own size is not part of a search
    encoder._Work.worker = MadeUp()
    made = Made(encoder.ModelFolder(Path("made up")), encoder.Reading())
    before = memory()
    with Peak() as encoding:
        documents = made.vectors(texts(count), "document", count)
        queries = made.queries([f"query {number}" for number in range(QUERIES)])
    with Peak() as search:
        nearest(queries, documents, DEPTH)
    print(before, encoding.highest, search.highest)


def texts(count: int) -> Iterator[list[str]]:
    """Texts of a few hundred characters, in chunks."""
    for start in range(0, count, CHUNK):
        yield [f"{number} " + "text " * 100 for number in range(start, min(start + CHUNK, count))]


class Peak:
    """Measures the peak memory of this process in a block."""

    def __enter__(self) -> Peak:
        self.highest, self.going = memory(), True
        self.watch = threading.Thread(target=self._watch, daemon=True)
        self.watch.start()
        return self

    def _watch(self) -> None:
        while self.going:
            self.highest = max(self.highest, memory())
            time.sleep(0.005)

    def __exit__(self, *_: object) -> None:
        self.going = False
        self.watch.join()


def memory() -> int:
    """Kilobytes of this process that are not backed by files."""
    return next(
        int(line.split()[1])
        for line in Path("/proc/self/status").read_text().splitlines()
        if line.startswith("RssAnon")
    )


if __name__ == "__main__":
    measure(int(sys.argv[1]))
