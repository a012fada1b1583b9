"""Seconds of stages from what DVC says, on lines of a real run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from commands.study.clock import StageClock

LINES = """\
Running stage 'resolve':
> python -m tasks.resolve
01:15:19 resolve: 19 stages
Generating lock file 'dvc.lock'

Stage 'collect@ours' is cached - skipping run, checking out outputs
Running stage 'train@r1':
> python -m tasks.train --round r1
Updating lock file 'dvc.lock'
Running stage 'evaluate@r1-ours':
Updating lock file 'dvc.lock'
Use `dvc push` to send your updates to remote storage.
"""


def test_a_stage_ends_when_the_next_begins_or_its_record_is_written():
    times = iter([10.0, 13.0, 20.0, 26.5, 30.0, 31.0])
    assert heard(LINES, times) == {"resolve": 3.0, "train@r1": 6.5, "evaluate@r1-ours": 1.0}


@pytest.mark.parametrize(
    "end",
    [
        "failed to reproduce 'train@r1': failed to run: python -m tasks.train",
        "interrupted by the user",
    ],
)
def test_a_stage_that_did_not_end_well_has_no_time(end: str):
    """Nothing that comes after the error ends it either."""
    lines = (
        f"Running stage 'resolve':\nRunning stage 'train@r1':\nERROR: {end}\nStage "
        "'evaluate@r1-ours' didn't change, skipping\n"
    )
    assert heard(lines, iter([10.0, 13.0, 13.0, 99.0, 99.0])) == {"resolve": 3.0}


def heard(lines: str, times: Iterator[float]) -> dict[str, float]:
    seconds: dict[str, float] = {}
    clock = StageClock(seconds.__setitem__, lambda: next(times))
    for line in lines.splitlines():
        clock.hear(line)
    return seconds


def test_the_last_stage_ends_with_dvc_if_no_line_says_so():
    seconds: dict[str, float] = {}
    clock = StageClock(seconds.__setitem__, iter([1.0, 5.5]).__next__)
    clock.hear("Running stage 'evaluate@r1-ours':")
    clock.finish()
    clock.finish()
    assert seconds == {"evaluate@r1-ours": 4.5}
