"""Benchmarks run, on little: what they put in the place of a model or a server must fit the code
of today.
"""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest


def test_choosing(workspace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture):
    from benchmarks import choosing
    from hone.config import methods
    from hone.encoders import encoder

    monkeypatch.setattr(choosing, "DOCUMENTS", 2_000)
    monkeypatch.setattr(encoder._Work, "worker", encoder._Work.worker)  # restored afterwards
    choosing.main(50)
    output = capsys.readouterr().out
    assert all(
        f"keep   {name} " in output
        for name in methods.names("sample.filters")
        if name != "labelled"
    )


def test_evaluation(capfd: pytest.CaptureFixture):
    from benchmarks import evaluation

    evaluation.main(((20, 300),))
    assert "evaluation, 20 queries on 300 documents:" in capfd.readouterr().out


@pytest.mark.parametrize("name", ["memory", "judging_memory"])
def test_what_takes_sizes(name: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture):
    module = importlib.import_module(f"benchmarks.{name}")
    monkeypatch.setattr(module, "SIZES", (100,))
    module.main()
    assert re.search("100 (texts|pairs):", capfd.readouterr().out)


def test_judging(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture):
    from benchmarks import judging

    monkeypatch.setattr(judging, "CALLS", 64)
    monkeypatch.setattr(judging, "SECONDS", 0.001)
    judging.main()
    assert "64 questions with prompt and judgment log:" in capsys.readouterr().out
