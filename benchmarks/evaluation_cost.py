"""Evaluation of a round with an empty cache, against encoding its corpus once: bundled dataset
and model.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from benchmarks.clock import in_turns
from benchmarks.workspace import workspace

TIMES, ROUNDS = 2, {"r1": {"from": "r0", "recipe": "top-k"}}
NAME, COLLECTION = "r0", "python-api"


def main() -> None:
    with workspace(rounds=ROUNDS):
        best = in_turns(TIMES, encoding=encode, evaluation=evaluate)
    ratio = best["evaluation"] / best["encoding"]
    print(
        f"evaluation of {NAME} on {COLLECTION}: {best['evaluation']:.1f} s, its corpus encoded "
        f"once: {best['encoding']:.1f} s, "
        f"ratio {ratio:.2f} (target: at most 1.3)",
        flush=True,
    )


def encode() -> None:
    """The corpus alone, with the stage's encoder."""
    from hone.config import stage_settings
    from hone.data.tables import Documents
    from hone.encoders.encoder import encoder_for
    from tasks.evaluate.settings import EvaluateSettings

    nothing_in_the_store()
    settings, model = EvaluateSettings.read(collection=COLLECTION), Path("models") / NAME
    encoder = encoder_for(model, settings.model, stage_settings.machine(), user=NAME)
    encoder.documents(Documents(Path("data") / COLLECTION / "documents.parquet"))


def evaluate() -> None:
    """The stage: test and dev queries, ranking, measures, geometry, files."""
    from tests import stages

    nothing_in_the_store()
    stages.evaluate(round=NAME, collection=COLLECTION)


def nothing_in_the_store() -> None:
    shutil.rmtree(Path(os.environ["HONE_HOME"]) / "store", ignore_errors=True)
