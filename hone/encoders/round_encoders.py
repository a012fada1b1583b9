"""The models that a round has at hand: the one it starts from, and the teachers that its recipe names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hone.config import stage_settings
from hone.config.stage_settings import EncodingSettings
from hone.encoders.encoder import Encoder, encoder_for
from hone.encoders.model_folder import ModelFolder, folder_of
from hone.errors import Refused, nearest
from hone.layout import BASE, MODELS
from hone.stage import may_download


@dataclass(frozen=True)
class Models:
    """Encoders by name; null names the round's starting model, `r0` the model that the first round started from.

    Teachers read texts by their own prompts; length and precision are the round's.
    """

    start: Path
    reading: dict
    machine: dict
    teachers: dict[str, dict]

    @classmethod
    def of(cls, settings: EncodingSettings) -> Models:
        """From the settings of a stage."""
        return cls(MODELS / settings.parent, settings.model, stage_settings.machine(), settings.teachers)

    def encoder(self, name: str | None = None) -> Encoder:
        """The encoder of a name.

        Raises:
            Refused: a teacher is no longer the one that `resolve` pinned.
        """
        if name is None:
            return encoder_for(self.start, self.reading, self.machine, user=self.start.name)
        if name == BASE:
            return self.base()
        own_prompts = self.reading | {"prompts": {}}
        return encoder_for(pinned_folder(self.teachers[name]), own_prompts, self.machine, user=name)

    def base(self) -> Encoder:
        """The model that the first round started from, read as the rounds' own are."""
        return encoder_for(MODELS / BASE, self.reading, self.machine, user=BASE)


def pinned_folder(model: dict) -> Path:
    """The folder of a model that `resolve` made exact (`name`, `revision`, `fingerprint`), downloaded where it must be.

    Raises:
        Refused: it is no longer the one that it was.
    """
    name = model["name"]
    if model["fingerprint"] is None:
        may_download()
    folder = folder_of(name, model["revision"])
    if model["fingerprint"] and ModelFolder(folder).fingerprint("document") != model["fingerprint"]:
        raise Refused(f"the model '{name}' has changed since `resolve` looked at it: run `dvc repro`.")
    return folder


def encoder_of(models: Models | None, name: str | None) -> Encoder:
    """The encoder of a name: `r0`, a teacher, or null for the round's starting model.

    Raises:
        Refused: no models are at hand, or this one was not pinned by `resolve`.
    """
    if models is None:
        raise Refused("the judge encoder needs the models of a round, and none is at hand here.")
    if name == BASE:
        folder = MODELS / BASE
        if not folder.is_dir():
            raise Refused(f"the judge encoder wants the base model {folder}, which is missing: `dvc repro base` makes it.")
        return encoder_for(folder, models.reading, models.machine, user=BASE)
    if name is not None and name not in models.teachers:
        raise Refused(
            f"the judge encoder names the model '{name}', which `resolve` has not seen: {nearest(name, [BASE, *models.teachers])}"
        )
    return models.encoder(name)
