"""What a ranker starts from: the previous round's, a model that the recipe names, or the base encoder with a new head."""

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

FOR_THE_QUERY = 32  # tokens that a pair has beside the document's, where nothing else is said; ours


@dataclass(frozen=True)
class Start:
    """A model's folder, how it is called, and whether its weights already score pairs."""

    folder: Path
    name: str
    ranks: bool

    def fingerprint(self) -> str:
        """What a training that starts here depends on."""
        return CrossModel(self.folder).fingerprint()

    def load(self, max_length: int, device: str) -> CrossEncoder:
        """The model in torch, with one score for a pair; a head that it lacks has random weights, by torch's seed.

        Raises:
            Refused: it brings code of its own, or is no model that can score pairs.
        """
        from sentence_transformers import CrossEncoder

        refuse_foreign(self.folder, "CrossEncoder")
        try:
            return CrossEncoder(
                str(self.folder), num_labels=1, max_length=max_length, device=device, local_files_only=True,
                model_kwargs={"use_safetensors": True, "ignore_mismatched_sizes": True},
            )  # fmt: skip
        except (OSError, ValueError) as error:
            raise Refused(f"rank cannot start from {self.name}: {error}") from None


def start_of(settings: RankSettings) -> Start:
    """Where a round's ranker starts, by the resolved settings of the stage."""
    section, previous = settings.rank, RANKERS / settings.parent
    if section.init == "previous" and read_json(previous / ABOUT)["ranker"] != NONE:
        return Start(previous, f"the ranker of {settings.parent}", ranks=True)
    if settings.base:
        folder = pinned_folder(settings.base)
        return Start(folder, settings.base["name"], ranks=scores_pairs(folder))
    return Start(BASE_MODEL, "the base encoder r0", ranks=False)


def scores_pairs(folder: Path) -> bool:
    """Whether a model has a head that gives one score for a pair."""
    if not (folder / "config.json").is_file():
        return False
    config = read_json(folder / "config.json")
    one = len(config.get("id2label") or range(2)) == 1
    return one and any(name.endswith("ForSequenceClassification") for name in config.get("architectures") or [])


def length_of(section: Rank, reading: dict, start: Start) -> int:
    """Tokens of a pair: the recipe's, or what the encoder reads of a document and 32 more; never more than the weights tell apart.

    Raises:
        Refused: the recipe asks for more than that.
    """
    bound = CrossModel(start.folder).positions
    given = section.max_length
    if given is None:
        own = Reading.of(reading).length(ModelFolder(BASE_MODEL)) + FOR_THE_QUERY
        return min(own, bound) if bound else own
    if bound and given > bound:
        raise Refused(f"rank.max_length is {given}, but {start.name} was made for at most {bound} tokens. Lower it.")
    return given
