"""The stages, to run in the test's own process as `python -m tasks.<stage>` would."""

from __future__ import annotations

import runpy
from functools import partial

from hone.stage import call, options_of


def run_stage(stage: str, *values: str, **options: str) -> None:
    """Call the `main` of `tasks/<stage>/__main__.py` with its settings; `values` are its options
    in order.
    """
    main = runpy.run_module(f"tasks.{stage}.__main__")["main"]
    call(main, **dict(zip(options_of(main), values, strict=False)), **options)


base = partial(run_stage, "base")
collect = partial(run_stage, "collect")
drift = partial(run_stage, "drift")
evaluate = partial(run_stage, "evaluate")
generate = partial(run_stage, "generate")
leakage = partial(run_stage, "leakage")
rank = partial(run_stage, "rank")
relabel = partial(run_stage, "relabel")
report = partial(run_stage, "report")
resolve = partial(run_stage, "resolve")
retrieve = partial(run_stage, "retrieve")
sample = partial(run_stage, "sample")
score = partial(run_stage, "score")
start = partial(run_stage, "start")
train = partial(run_stage, "train")
