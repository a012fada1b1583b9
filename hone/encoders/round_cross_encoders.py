"""The cross-encoders of a round: the in-loop cross-encoder, and those that its recipe names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hone.config import stage_settings
from hone.config.stage_settings import PinnedModel
from hone.encoders.cross_encoder_folder import COMMIT, CrossModel, identity_of, is_folder
from hone.encoders.cross_encoder_scores import CrossScorer
from hone.encoders.model_folder import folder_of
from hone.encoders.precision import device_of
from hone.errors import Refused
from hone.files import read_json
from hone.layout import RANKERS
from hone.stage import may_download

ABOUT = "ranker.json"
NONE = "none"


@dataclass(frozen=True)
class CrossModels:
    """Cross-encoders by name. Null is the in-loop cross-encoder.

    Attributes:
        own: the folder of this round's cross-encoder.
        precision: the round's precision.
        machine: device and tokens of a batch.
        named: the pinned models by name: name, revision, fingerprint.
    """

    own: Path
    precision: str
    machine: dict
    named: dict[str, dict]

    @classmethod
    def of(cls, round: str, precision: str, named: dict[str, PinnedModel]) -> CrossModels:
        """The cross-encoders of a round: its own, and those that `resolve` pinned, by name."""
        return cls(RANKERS / round, precision, stage_settings.machine(), named)

    def scorer(self, name: str | None, max_length: int | None, precision: str) -> CrossScorer:
        """The scorer with this name.

        Raises:
            Refused: the loop has not trained one, or a model differs from the one that `resolve`
                pinned.
        """
        folder = own_ranker(self.own) if name is None else pinned_folder(self.named[name])
        return CrossScorer(
            CrossModel(folder),
            max_length,
            self.precision if precision == "auto" else precision,
            device_of(self.machine["device"]),
            self.machine["batch_tokens"],
            user=f"ranker {self.own.name}" if name is None else name,
        )


def own_ranker(folder: Path) -> Path:
    """The folder of a round's in-loop cross-encoder.

    Raises:
        Refused: neither the round nor an earlier one has trained one.
    """
    if read_json(folder / ABOUT)["ranker"] == NONE:
        raise Refused(
            f"{folder} contains no cross-encoder: neither this round nor an earlier one has "
            "trained one. Add a section `rank` to "
            f"the recipe, or name a model: `cross-encoder: {{model: inputs/NAME}}`."
        )
    return folder


def pinned(name: str, revision: str | None) -> dict[str, str | None]:
    """Pin a cross-encoder: `name`, `revision`, and the `fingerprint` of the files on this disk.

    Raises:
        Refused: it does not exist, cannot be used, or could change unnoticed.
    """
    here = is_folder(name, revision)
    return {
        "name": name,
        "revision": None if here else revision,
        "fingerprint": identity_of(name, revision) if here else None,
    }


def pinned_folder(model: dict) -> Path:
    """The folder of a pinned cross-encoder, downloaded if necessary.

    Raises:
        Refused: it has changed.
    """
    if len(model["revision"] or "") == COMMIT:
        may_download()
    folder = folder_of(model["name"], model["revision"])
    if model["fingerprint"] and CrossModel(folder).fingerprint() != model["fingerprint"]:
        raise Refused(
            f"the cross-encoder '{model['name']}' has changed since `resolve` pinned it. Run `dvc "
            "repro`."
        )
    return folder
