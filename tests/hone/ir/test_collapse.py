"""When a model's vectors draw together, on vectors whose uniformity is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hone.files import write_json
from hone.ir.alignment_uniformity import uniformity, unit
from hone.ir.collapse import warning, warnings_of

BASE = {"alignment": 0.8, "uniformity": -2.0}


def warning_of(**own: float | None) -> str | None:
    return warning("r2", "ours", {"alignment": 0.8} | own, "r0", BASE)


def test_a_collapsed_model_shows_in_its_vectors():
    """Vectors all over a sphere, and the same drawn into one corner of it."""
    spread = unit(np.random.default_rng(0).normal(size=(300, 16)))
    corner = unit(0.05 * spread + np.eye(16, dtype=np.float32)[0])
    base = {"alignment": 1.0, "uniformity": uniformity(spread)}
    made = warning("r2", "ours", {"alignment": 0.01, "uniformity": uniformity(corner)}, "r0", base)
    assert made.startswith("The vectors of r2 have collapsed on ours: uniformity changes from −")
    assert made.endswith("100 % of the way to 0, where all documents have the same vector.")
    assert warning("r2", "ours", base, "r0", base) is None


@pytest.mark.parametrize(
    ("own", "begins"),
    [
        (
            {"uniformity": -0.5},
            "The vectors of r2 have collapsed on ours",
        ),  # 75 % of the way from -2 to 0
        (
            {"uniformity": -0.52},
            "The vectors of r2 begin to collapse on ours: uniformity changes from −2.00 (r0) to "
            "−0.52, 74 % of the way",
        ),
        (
            {"uniformity": -1.5, "alignment": 0.1},
            "The vectors of r2 begin to collapse on ours: ",
        ),  # 25 %, however near the answers are
        (
            {"uniformity": -1.79},
            "The vectors of r2 begin to collapse on ours, and alignment has not improved",
        ),  # 10 %
    ],
)
def test_each_bound(own: dict, begins: str):
    assert warning_of(**own).startswith(begins)


@pytest.mark.parametrize(
    "own",
    [
        {"uniformity": -2.0},
        {"uniformity": -3.0},  # spread out further
        {"uniformity": -1.79, "alignment": 0.7},  # a tenth of the way, and nearer to the answers
        {"uniformity": -1.81},
        {"uniformity": None},
    ],
)
def test_no_warning(own: dict):
    assert warning_of(**own) is None


@pytest.mark.parametrize("base", [{}, {"uniformity": None}, {"uniformity": 0.0}])
def test_a_base_that_tells_nothing(base: dict):
    assert warning("r2", "ours", BASE, "r0", base) is None


@given(st.floats(-4, -0.1), st.floats(0, 1), st.floats(0, 1))
def test_the_nearer_to_one_point_the_less_is_it_silent(before: float, one: float, other: float):
    way = sorted((one, other))
    warnings = [
        warning("r2", "ours", {"uniformity": before * (1 - part)}, "r0", {"uniformity": before})
        is not None
        for part in way
    ]
    assert warnings[0] <= warnings[1]


def test_an_evaluation_says_it_where_the_base_was_evaluated(workspace: Path):
    write_json(
        Path("reports/metrics/r2/ours.json"),
        {"uniformity": -0.1, "alignment": 0.8, "dev": {"uniformity": -2.0, "alignment": 0.8}},
    )
    assert warnings_of("r2", "ours") == []
    write_json(Path("reports/metrics/r0/ours.json"), BASE | {"dev": BASE})
    assert len(warnings_of("r2", "ours")) == 1
    assert warnings_of("r0", "ours") == []


def test_a_collection_without_test_queries_reports_dev_queries(workspace: Path):
    write_json(Path("reports/metrics/r0/ours.json"), {"dev": BASE})
    write_json(
        Path("reports/metrics/r2/ours.json"), {"dev": {"uniformity": -0.1, "alignment": 0.8}}
    )
    assert warnings_of("r2", "ours")[0].startswith("The vectors of r2 have collapsed")
