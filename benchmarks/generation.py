"""Generation runs at the speed of the endpoint: the server of `benchmarks.judging`, 200 ms per
response and 32 concurrent calls.
"""

from __future__ import annotations

import os
import tempfile

from benchmarks.clock import timed
from benchmarks.judging import CALLS, SLOTS, print_rate, serving


def main() -> None:
    from hone.llm.completion import Endpoint

    with serving() as url, tempfile.TemporaryDirectory() as home:
        os.environ["HONE_HOME"] = home
        where = Endpoint(url=url, model="m", slots=SLOTS)
        write_texts(where, SLOTS, "warm")
        print_rate(
            "generated texts with prompt and judgment log",
            timed(lambda: write_texts(where, CALLS, "cold"))[0],
        )


def write_texts(where, count: int, name: str) -> None:
    """End to end: prompts, claims, calls, and a committed response each."""
    from hone.generation.prompt import load
    from hone.generation.session import TEXT, WritingSettings
    from hone.generation.write import WritingDesk, ask_to_write, make_item
    from hone.llm.budget import Budget
    from hone.llm.ledger.ledger import Ledger

    items = [
        make_item({"document": f"{name} {number}" + " words" * 150}) for number in range(count)
    ]
    desk = WritingDesk(Ledger(), "bench", 13, "generate", Budget(money=1e9))
    found = ask_to_write(items, desk, "writer", where, load("question"), WritingSettings())
    assert found["kind"].to_list() == [TEXT] * count
