"""The learning rates of small models are high for larger ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from commands.doctor import command as doctor
from commands.plan.rates import rate_lines
from hone.config import params
from tasks.resolve.stages import everything
from tests.hone.encoders.test_text_lengths import model_of_words
from tests.prepared import write_params


@pytest.fixture
def project(workspace: Path) -> None:
    """r1 trains with 1e-4 and r2 with the recipe's own 2e-5."""
    model_of_words(Path("inputs/base"))
    (Path("inputs/base") / "model.safetensors").touch()
    Path("inputs/ours").mkdir()
    write_params(
        model={"name": "inputs/base", "max_length": 8, "precision": "fp32"},
        rounds={
            "r1": {"from": "r0", "recipe": "top-k", "train": {"learning_rate": 1e-4}},
            "r2": {"from": "r1", "recipe": "top-k", "train": {"learning_rate": 2e-5}},
        },
    )


@pytest.mark.parametrize(
    ("parameters", "rounds"),
    [(22_000_000, []), (50_000_000, []), (110_000_000, ["r1"]), (335_000_000, ["r1", "r2"])],
)
def test_rates_above_the_usual_one_for_the_size_are_named(
    project: None, monkeypatch: pytest.MonkeyPatch, parameters: int, rounds: list[str]
):
    monkeypatch.setattr("commands.plan.rates.parameters_of", lambda folder: parameters)
    given = params.read()
    found = rate_lines(given, everything(given))
    assert len(found) == bool(rounds)
    used = {"r1": "r1 0.0001", "r2": "r2 2e-05"}
    for name, text in used.items():
        assert any(text in sentence for sentence in found) == (name in rounds)
    if rounds:
        assert f"{parameters / 1e6:.0f} million parameters" in found[0]
        assert [line.kind for line in doctor.rates()] == [doctor.NOTE]
