"""Initial model of a ranker: the previous round's, a model named by the recipe, or the base
encoder with a new head.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hone.config.sections.rank import Rank
from hone.encoders.cross_encoder_folder import CrossModel
from hone.encoders.encoder import Reading
from hone.encoders.model_folder import ModelFolder
from hone.encoders.model_safety import refuse_foreign
from hone.encoders.round_cross_encoders import ABOUT, NONE, RANKERS
from hone.encoders.round_encoders import pinned_folder
from hone.errors import Refused
from hone.files import read_json
from hone.layout import BASE_MODEL
from tasks.rank.settings import RankSettings

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

FOR_THE_QUERY = 32  # tokens of a pair beyond the document's, if not set [Hone default]


@dataclass(frozen=True)
class Start:
    """A model's folder, its name, and whether its weights include a scoring head."""

    folder: Path
    name: str
    ranks: bool

    def fingerprint(self) -> str:
        """The inputs that determine a training from this start."""
        return CrossModel(self.folder).fingerprint()

    def load(self, max_length: int, device: str) -> CrossEncoder:
        """The torch model with one score for a pair. A missing head gets random weights, from
        torch's seed.

        Raises:
            Refused: it contains code, or cannot score pairs.
        """
        from sentence_transformers import CrossEncoder

        refuse_foreign(self.folder, "CrossEncoder")
        try:
            return CrossEncoder(
                str(self.folder),
                num_labels=1,
                max_length=max_length,
                device=device,
                local_files_only=True,
                model_kwargs={"use_safetensors": True, "ignore_mismatched_sizes": True},
            )
        except (OSError, ValueError) as error:
            raise Refused(
                f"rank cannot start from {self.name}: {error}. Set `rank.base` to another model."
            ) from None


def start_of(settings: RankSettings) -> Start:
    """The start of a round's ranker, from the resolved settings of the stage."""
    section, previous = settings.rank, RANKERS / settings.parent
    if section.init == "previous" and read_json(previous / ABOUT)["ranker"] != NONE:
        return Start(previous, f"the ranker of {settings.parent}", ranks=True)
    if settings.base:
        folder = pinned_folder(settings.base)
        return Start(folder, settings.base["name"], ranks=scores_pairs(folder))
    return Start(BASE_MODEL, "the base encoder r0", ranks=False)


def scores_pairs(folder: Path) -> bool:
    """Whether a model has a head with one score for a pair."""
    if not (folder / "config.json").is_file():
        return False
    config = read_json(folder / "config.json")
    one = len(config.get("id2label") or range(2)) == 1
    return one and any(
        name.endswith("ForSequenceClassification") for name in config.get("architectures") or []
    )


def length_of(section: Rank, reading: dict, start: Start) -> int:
    """Maximum tokens of a pair: the recipe's, or the encoder's length for documents plus 32,
    limited by the model.

    Raises:
        Refused: the recipe's value exceeds the model's limit.
    """
    bound = CrossModel(start.folder).positions
    given = section.max_length
    if given is None:
        own = Reading.of(reading).length(ModelFolder(BASE_MODEL)) + FOR_THE_QUERY
        return min(own, bound) if bound else own
    if bound and given > bound:
        raise Refused(
            f"rank.max_length is {given}, but {start.name} supports at most {bound} tokens. Lower "
            "it."
        )
    return given
