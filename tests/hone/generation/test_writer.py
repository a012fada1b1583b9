"""What a writer says if calls fail."""

from __future__ import annotations

import polars as pl
import pytest

from hone.data.unknown_reasons import ITS_FAULT
from hone.errors import Refused
from hone.generation.writer import refuse_failed


def answered(*faults: str) -> pl.DataFrame:
    return pl.DataFrame({"kind": ["text", *["fault"] * len(faults)], "text": ["hi", *faults]})


@pytest.mark.parametrize("place", [0, 1])
def test_the_cause_is_named_and_not_the_calls_that_stopped_after_it(place: int):
    cause = f"{ITS_FAULT[0]}: no such key"
    faults = ["stopped: no answer", "stopped: no answer"]
    faults.insert(place, cause)
    with pytest.raises(Refused, match="3 of 4 texts could not be written: .*no such key"):
        refuse_failed(answered(*faults), "generate ours")


def test_calls_that_only_stopped_are_named_as_such():
    with pytest.raises(Refused, match="stopped: no answer. 1 texts are stored"):
        refuse_failed(answered("stopped: no answer"), "generate ours")
