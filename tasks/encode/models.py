"""The models that a round has at hand: the one it starts from, and the teachers that its recipe names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tasks import resolved
from tasks.encode.encoder import Encoder, encoder_for
from tasks.encode.model import ModelFolder, folder_of
from tasks.errors import Refused
from tasks.stage import may_download

BASE = "r0"


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
    def of(cls, settings: dict) -> Models:
        """From a stage's resolved settings."""
        return cls(Path("models") / settings["from"], settings["model"], resolved.machine(), settings["teachers"])

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
        return encoder_for(Path("models") / BASE, self.reading, self.machine, user=BASE)


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
