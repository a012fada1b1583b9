"""Memory of search over 10 thousand, 100 thousand and a million made-up vectors, each in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile

SIZES = (10_000, 100_000, 1_000_000)
DIMENSION, QUERIES, DEPTH, ROWS = 384, 256, 100, 4096

WORK = f"""
import sys, threading, time
import numpy as np
from tasks.encode.search import nearest
from tasks.encode.store import Space, Vectors, keys_of

def anonymous():
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("RssAnon"))

peak, going = [0], [True]
def watch():
    while going[0]:
        peak[0] = max(peak[0], anonymous())
        time.sleep(0.005)

count = int(sys.argv[1])
space = Space({{"weights": "made up"}})
places = np.empty((count, 2), dtype=np.int32)
draw = np.random.default_rng(0)
for number, start in enumerate(range(0, count, {ROWS})):
    rows = min({ROWS}, count - start)
    space.add(keys_of([str(start + row) for row in range(rows)]), draw.standard_normal((rows, {DIMENSION}), dtype=np.float32))
    places[start : start + rows] = np.column_stack([np.full(rows, number), np.arange(rows)])
asked = Space({{"weights": "queries"}})
asked.add(keys_of([f"q{{n}}" for n in range({QUERIES})]), draw.standard_normal(({QUERIES}, {DIMENSION}), dtype=np.float32))
queries = Vectors(asked, np.column_stack([np.zeros({QUERIES}, int), np.arange({QUERIES})]), unit=False)
before = anonymous()
threading.Thread(target=watch, daemon=True).start()
nearest(queries, Vectors(space, places, unit=False), {DEPTH})
going[0] = False
print(before, peak[0])
"""


def main() -> None:
    for count in SIZES:
        with tempfile.TemporaryDirectory() as home:
            done = subprocess.run(
                [sys.executable, "-c", WORK, str(count)], check=True, capture_output=True, text=True, env=os.environ | {"HONE_HOME": home}
            )
        before, peak = map(int, done.stdout.split())
        print(
            f"memory, {count:>9,} vectors: {before / 1024:.0f} MB before the search, at most {(peak - before) / 1024:.0f} MB more in it",
            flush=True,
        )
