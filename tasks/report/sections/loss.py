"""loss: training loss by step, and the dev checks."""

from __future__ import annotations

from typing import Any

from tasks.report.figures import draw_losses
from tasks.report.loss import summarize_loss
from tasks.report.results import Results
from tasks.report.section import Part, Section, Source

SOURCE = Source(("rounds/*/trained.parquet", "rounds/*/dev_checks.json"), "dvc repro train")


def collect(results: Results) -> dict[str, Any]:
    trained = {name: frame for name, frame in results.losses.items() if len(frame)}
    return {
        "losses": [
            summarize_loss(name, frame) | {"checked": results.dev_checks[name]}
            for name, frame in trained.items()
        ],
        "dev": name_dev(results),
    }


def name_dev(results: Results) -> str:
    """The split of the dev checks: `dev`, `generated dev`, or both."""
    named = {
        checked.get("queries_name", "dev queries").removesuffix(" queries")
        for checked in results.dev_checks.values()
        if checked["checks"]
    }
    return named.pop() if len(named) == 1 else "dev"


def draw(results: Results) -> dict[str, dict]:
    return {
        "losses": draw_losses({name: frame for name, frame in results.losses.items() if len(frame)})
    }


SECTION = Section(
    "loss",
    "Training loss",
    Part.LOOP,
    40,
    collect,
    link="loss",
    source=lambda results: SOURCE,
    figures=draw,
)
