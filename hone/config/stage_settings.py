"""The settings of a stage: `resolve` writes them, the stage runner reads them and passes them to the stage's `main`.

Each stage has a model in `tasks/STAGE/settings.py`. A stage reads nothing else of params.yaml and the recipes. The one exception is
`machine`, where the work is done: changing it runs nothing again, unless `precision: auto` means another precision on the new device.
"""

from __future__ import annotations

import string
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from typing_extensions import TypedDict

from hone.config import params
from hone.errors import Refused
from hone.files import read_json
from hone.layout import settings_file, settings_files

NONE: Literal["none"] = "none"  # a section that a recipe does not have: the stage passes its data on


class MethodLine(TypedDict):
    """A method that a recipe or params.yaml names. Its parameters stay a mapping, checked against the method's signature."""

    method: str
    parameters: dict[str, Any]


class PinnedModel(TypedDict):
    """A model with the fingerprint of its files on this disk; null if it has to be downloaded, and then `revision` is a commit."""

    name: str
    revision: str | None
    fingerprint: str | None


class Reading(TypedDict):
    """How an encoder reads texts: tokens (null: the model's own), prompts by route (null: the model's own), precision."""

    max_length: int | None
    prompts: dict[str, str | None]
    precision: str


RoundItem = TypedDict("RoundItem", {"from": str, "recipe": str})  # a round of params.yaml


class StageSettings(BaseModel):
    """The settings of a stage. A field that is new has a default, so that files written before stay valid.

    Attributes:
        place: the file below resolved/ without its ending; the names in braces are the stage's options.
        code: a hash of each module that the stage runs.
        packages: the versions of the packages that it imports.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)
    place: ClassVar[str]

    code: dict[str, str] = {}
    packages: dict[str, str] = {}

    @classmethod
    def options(cls) -> list[str]:
        """The names that the stage's command line needs to find its settings, such as `round`."""
        return [name for _, name, _, _ in string.Formatter().parse(cls.place) if name]

    @classmethod
    def file(cls, **names: str) -> Path:
        """Where `resolve` writes the settings of one round or collection."""
        return settings_file(cls.place.format(**names))

    @classmethod
    def read(cls, **names: str) -> Self:
        """The settings of one round or collection, such as `read(round="r1")`.

        Raises:
            Refused: the file is missing, or another version of Hone wrote it.
        """
        return cls.read_file(cls.file(**names))

    @classmethod
    def read_file(cls, file: Path) -> Self:
        """The settings in a file; see `read`."""
        if not file.exists():
            raise Refused(f"{file} is missing. Run `dvc repro resolve`; `dvc repro` also runs the stages that need it.")
        try:
            return cls.model_validate(read_json(file))
        except ValidationError as error:
            raise Refused(f"{file} does not fit this version of Hone: {params.explained(error, cls)}. Run `dvc repro resolve`.") from None

    @classmethod
    def existing(cls) -> list[Self]:
        """Those that are there, of all rounds or collections, in the order of their paths."""
        pattern = cls.place.format(**dict.fromkeys(cls.options(), "*"))
        return [cls.read_file(file) for file in settings_files(pattern)]

    def plain(self) -> dict[str, Any]:
        """The settings as JSON values, as they are written."""
        return self.model_dump(mode="json", by_alias=True)


class RoundSettings(StageSettings):
    """What every stage of a round knows.

    Attributes:
        round: its name.
        parent: the round that it starts from (`from`).
        seed: params.yaml's.
        draws: what random numbers are drawn for: the round's position, see hone/data/rounds.py.
    """

    round: str
    parent: str = Field(alias="from")
    seed: int
    draws: str


class EncodingSettings(RoundSettings):
    """What a stage of a round knows that encodes texts.

    Attributes:
        model: how texts are read; null: the stage needs no vectors in this round.
        teachers: encoders that the recipe or a judge names, by name.
    """

    model: Reading | None = None
    teachers: dict[str, PinnedModel] = {}


def machine() -> dict:
    """How work is done on this machine."""
    return params.read().machine.model_dump()
