"""The encoders of a round: its starting model, and the teachers that its recipe names."""

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
    """Encoders by name. Null is the round's starting model, and `r0` the starting model of the
    first round.

    Teachers use their own prompts. Length and precision are the round's.
    """

    start: Path
    reading: dict
    machine: dict
    teachers: dict[str, dict]

    @classmethod
    def of(cls, settings: EncodingSettings) -> Models:
        """From the settings of a stage."""
        return cls(
            MODELS / settings.parent, settings.model, stage_settings.machine(), settings.teachers
        )

    def encoder(self, name: str | None = None) -> Encoder:
        """The encoder with this name.

        Raises:
            Refused: a teacher differs from the one that `resolve` pinned.
        """
        if name is None:
            return encoder_for(self.start, self.reading, self.machine, user=self.start.name)
        if name == BASE:
            return self.base()
        own_prompts = self.reading | {"prompts": {}}
        return encoder_for(pinned_folder(self.teachers[name]), own_prompts, self.machine, user=name)

    def base(self) -> Encoder:
        """The starting model of the first round, with the reading settings of the rounds."""
        return encoder_for(MODELS / BASE, self.reading, self.machine, user=BASE)


def pinned_folder(model: dict) -> Path:
    """The folder of a pinned model (`name`, `revision`, `fingerprint`), downloaded if necessary.

    Raises:
        Refused: it has changed.
    """
    name = model["name"]
    if model["fingerprint"] is None:
        may_download()
    folder = folder_of(name, model["revision"])
    if model["fingerprint"] and ModelFolder(folder).fingerprint("document") != model["fingerprint"]:
        raise Refused(f"the model '{name}' has changed since `resolve` pinned it. Run `dvc repro`.")
    return folder


def encoder_of(models: Models | None, name: str | None) -> Encoder:
    """The encoder with this name: `r0`, a teacher, or null for the round's starting model.

    Raises:
        Refused: no models are available, or `resolve` did not pin this one.
    """
    if models is None:
        raise Refused(
            "the judge encoder needs the models of a round, which are not available here."
        )
    if name == BASE:
        folder = MODELS / BASE
        if not folder.is_dir():
            raise Refused(
                f"the judge encoder needs the base model {folder}, which is missing. Run `dvc "
                "repro base`."
            )
        return encoder_for(folder, models.reading, models.machine, user=BASE)
    if name is not None and name not in models.teachers:
        raise Refused(
            f"the judge encoder names the model '{name}', which `resolve` did not pin; "
            f"{nearest(name, [BASE, *models.teachers])}"
        )
    return models.encoder(name)
