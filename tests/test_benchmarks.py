"""Benchmarks run, on little: what they put in the place of a model or a server must fit the code of today."""

from __future__ import annotations

from pathlib import Path

import pytest


def test_choosing(workspace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture):
    from benchmarks import choosing
    from hone.config import methods
    from hone.encoders import encoder

    monkeypatch.setattr(choosing, "DOCUMENTS", 2_000)
    monkeypatch.setattr(encoder._Work, "worker", encoder._Work.worker)  # restored afterwards
    choosing.main(50)
    said = capsys.readouterr().out
    assert all(f"keep   {name} " in said for name in methods.names("sample.keep") if name != "labelled")


def test_evaluation(capfd: pytest.CaptureFixture):
    from benchmarks import evaluation

    evaluation.main(((20, 300),))
    assert "evaluation, 20 queries on 300 documents:" in capfd.readouterr().out
