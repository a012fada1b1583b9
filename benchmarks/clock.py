"""Timing: both sides in one run, alternating, best time of each."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds, and the result of the work."""
    began = time.perf_counter()
    made = work()
    return time.perf_counter() - began, made


def in_turns(times: int, **sides: Callable[[], Any]) -> dict[str, float]:
    """The shortest time of each side, in seconds. The sides alternate, so a busy minute affects
    both.
    """
    best = dict.fromkeys(sides, float("inf"))
    for _ in range(times):
        for name, work in sides.items():
            best[name] = min(best[name], timed(work)[0])
    return best


def show(what: str, theirs: float, ours: float, wanted: str) -> None:
    """One line: both times and their ratio."""
    print(
        f"{what}: {theirs:.1f} s against {ours:.1f} s, ratio {theirs / ours:.2f} (target: "
        f"{wanted})",
        flush=True,
    )
