"""The disk space that a run needs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from commands.console import size
from commands.plan.work import Work
from hone.config import params
from hone.config.sections.train import Train
from hone.config.stage_settings import StageSettings
from hone.files import read_json, size_of
from hone.layout import BASE_MODEL

BYTES_PER_NUMBER = 4
MOST_CHECKPOINTS = 3
STATES = 3  # weights and two moments


@dataclass(frozen=True)
class Disk:
    """The space of a run in bytes.

    Attributes:
        checkout: two copies of each model that the run writes: in models/ and in DVC's cache.
        home: the vectors of all texts, which stay in HONE_HOME.
        checkpoints: of one training, in HONE_HOME until it ends.
    """

    checkout: float
    home: float
    checkpoints: float

    def describe(self) -> str:
        """The space as a sentence."""
        more = f", and {size(self.checkpoints)} during training" if self.checkpoints else ""
        return (
            f"disk: about {size(self.checkout + self.home)}: {size(self.checkout)} in this "
            f"checkout (models, each also in DVC's cache), {size(self.home)} in HONE_HOME "
            f"(vectors){more}"
        )


def disk(work: Work, settings: dict[str, StageSettings]) -> Disk:
    """The space that a run needs."""
    from hone.encoders.model_folder import folder_of

    given = params.read().model
    source = BASE_MODEL if BASE_MODEL.is_dir() else folder_of(given.name, given.revision)
    models = len(work.train) + ("base" in work.stages)
    trained = [
        (settings[f"rounds/{name}/train"].train, of_round["steps"])
        for name, of_round in work.train.items()
    ]
    return Disk(
        2 * size_of(source) * models,
        vectors(work.texts, dimension(source)),
        max((checkpoints(*one, source) for one in trained), default=0),
    )


def vectors(texts: int, dimension: int) -> int:
    """Bytes of the vectors of texts."""
    return texts * dimension * BYTES_PER_NUMBER


def checkpoints(section: Train, steps: int | None, source: Path) -> int:
    """The largest space of a training's checkpoints in bytes.

    A checkpoint has the weights and the two moments of AdamW. The new one is written before the
    older of two is deleted. A training shorter than `checkpoint_steps` has none.

    Args:
        section: the settings of the training.
        steps: its steps. Null: unknown, so the maximum counts.
        source: the folder of the base model.
    """
    weights = sum(file.stat().st_size for file in source.rglob("*.safetensors"))
    n = MOST_CHECKPOINTS
    if steps is not None:
        n = min(n, steps // section.checkpoint_steps)
    return n * STATES * weights


def dimension(source: Path) -> int:
    """The dimension of a model's vectors, from its configuration."""
    pooling = next(
        (
            read_json(file)
            for file in sorted(source.rglob("config.json"))
            if "Pooling" in file.parent.name
        ),
        {},
    )
    return (
        pooling.get("word_embedding_dimension")
        or pooling.get("embedding_dimension")
        or read_json(source / "config.json")["hidden_size"]
    )
