"""What `resolve` wrote for a stage: every setting filled in. A stage reads nothing else of params.yaml and the recipes.

The one exception is `machine`, where the work is done: changing it runs nothing again, unless `precision: auto` means another precision
on the new device.
"""

from __future__ import annotations

from pathlib import Path

from hone.config import params
from hone.errors import Refused
from hone.files import read_json
from hone.layout import round_settings_file, settings_file


def of_round(round: str, stage: str) -> dict:
    """Settings of a stage in a round."""
    return _read(round_settings_file(round, stage))


def of_collection(collection: str) -> dict:
    """Settings by which a collection is collected."""
    return _read(settings_file(f"collect/{collection}"))


def of_stage(stage: str) -> dict:
    """Settings of a stage that stands outside the rounds."""
    return _read(settings_file(stage))


def machine() -> dict:
    """How work is done on this machine."""
    return params.read().machine.model_dump()


def _read(file: Path) -> dict:
    if not file.exists():
        raise Refused(f"{file} is missing: `dvc repro resolve` writes it (and `dvc repro` runs all that needs it).")
    return read_json(file)
