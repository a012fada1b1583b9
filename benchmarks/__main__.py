"""`python -m benchmarks [NAME ...]`: ratios against the usual ways, both sides in one run.
docs/explanation/benchmarks.md has the figures.
"""

from __future__ import annotations

import importlib
import os
import sys

from hone.encoders.device_lock import torch_lock
from hone.encoders.precision import precision_of
from hone.errors import Refused, nearest, printable
from hone.stage import SWITCHES

NAMES = (
    "encoding",
    "mining",
    "rounds",
    "memory",
    "nothing_to_do",
    "judging",
    "judging_memory",
    "generation",
    "generation_memory",
    "ledger",
    "thrift",
    "evaluation",
    "evaluation_cost",
    "choosing",
    "cross_scoring",
)


def main(names: list[str]) -> None:
    """Run the named benchmarks, or all."""
    for name, value in SWITCHES.items():
        os.environ.setdefault(name, value)
    for name in names:
        if name not in NAMES:
            raise Refused(f"there is no benchmark '{name}': {nearest(name, NAMES)}")
    print(f"{os.cpu_count()} cores, precision auto = {precision_of('auto', 'cpu')}")
    for name in names or NAMES:
        with torch_lock():  # a benchmark beside another torch process is meaningless
            importlib.import_module(f"benchmarks.{name}").main()


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except Refused as refusal:
        sys.exit(printable(f"benchmarks: {refusal}"))
