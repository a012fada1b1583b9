"""The settings of a stage. `resolve` writes them, and the stage runner reads them and passes them
to `main`.

Each stage has a model in `tasks/STAGE/settings.py`. A stage reads nothing else from params.yaml and
the recipes, except `machine`, the hardware settings. Changing these reruns nothing, unless
`precision: auto` selects another precision on the new device.
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

NONE: Literal["none"] = "none"  # a section that a recipe lacks: the stage passes its data on


class MethodLine(TypedDict):
    """A method named by a recipe or params.yaml. Its parameters stay a mapping, checked against
    the method's signature.
    """

    method: str
    parameters: dict[str, Any]


class PinnedModel(TypedDict):
    """A model with the fingerprint of its files on this disk. Null if it must be downloaded.
    `revision` is then a commit.
    """

    name: str
    revision: str | None
    fingerprint: str | None


class Reading(TypedDict):
    """Reading settings of an encoder: maximum tokens (null: the model's own), prompts by route
    (null: the model's own), precision.
    """

    max_length: int | None
    prompts: dict[str, str | None]
    precision: str


RoundItem = TypedDict("RoundItem", {"from": str, "recipe": str})  # a round of params.yaml


class StageSettings(BaseModel):
    """The settings of a stage. New fields have defaults, so older files stay valid.

    Attributes:
        place: the file below resolved/ without its extension. Names in braces are the stage's
            options.
        code: a hash of each module that the stage runs.
        packages: the versions of the imported packages.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)
    place: ClassVar[str]

    code: dict[str, str] = {}
    packages: dict[str, str] = {}

    @classmethod
    def options(cls) -> list[str]:
        """The command-line options that locate the settings, such as `round`."""
        return [name for _, name, _, _ in string.Formatter().parse(cls.place) if name]

    @classmethod
    def file(cls, **names: str) -> Path:
        """The file with the settings of one round or collection."""
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
            raise Refused(
                f"{file} is missing. Run `dvc repro resolve`. `dvc repro` also runs the stages "
                "that need it."
            )
        try:
            return cls.model_validate(read_json(file))
        except ValidationError as error:
            raise Refused(
                f"{file} does not match this version of Hone: {params.explained(error, cls)}. Run "
                "`dvc repro resolve`."
            ) from None

    @classmethod
    def existing(cls) -> list[Self]:
        """The existing settings of all rounds or collections, sorted by path."""
        pattern = cls.place.format(**dict.fromkeys(cls.options(), "*"))
        return [cls.read_file(file) for file in settings_files(pattern)]

    def plain(self) -> dict[str, Any]:
        """The settings as JSON values, as written to the file."""
        return self.model_dump(mode="json", by_alias=True)


class RoundSettings(StageSettings):
    """Settings shared by all stages of a round.

    Attributes:
        round: its name.
        parent: its start round (`from`).
        seed: the seed of params.yaml.
        draws: the random stream: the round's position, see hone/data/rounds.py.
    """

    round: str
    parent: str = Field(alias="from")
    seed: int
    draws: str


class EncodingSettings(RoundSettings):
    """Settings of a stage that encodes texts.

    Attributes:
        model: the reading settings. Null: the stage needs no vectors in this round.
        teachers: encoders that the recipe or a judge names, by name.
    """

    model: Reading | None = None
    teachers: dict[str, PinnedModel] = {}


def machine() -> dict:
    """Hardware settings of this machine."""
    return params.read().machine.model_dump()
