"""The models that a round has at hand: the one it starts from, and the teachers that its recipe names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tasks import resolved
from tasks.encode.encoder import Encoder, encoder_for
from tasks.encode.model import ModelFolder, folder_of
from tasks.errors import Refused


@dataclass(frozen=True)
class Models:
    """Encoders by name; null names the round's starting model.

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
        pinned = self.teachers[name]
        folder = folder_of(name, pinned["revision"])
        if pinned["fingerprint"] and ModelFolder(folder).fingerprint("document") != pinned["fingerprint"]:
            raise Refused(f"the model '{name}' has changed since `resolve` looked at it: run `dvc repro`.")
        own_prompts = self.reading | {"prompts": {}}
        return encoder_for(folder, own_prompts, self.machine, user=name)
