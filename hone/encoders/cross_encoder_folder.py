"""Cross-encoders on disk: where a name leads, what makes one differ from another, how one is loaded. Never runs code from a model."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from hone.encoders.model_folder import folder_of, positions_of, refuse_unwatched
from hone.encoders.model_safety import refuse_foreign
from hone.errors import Refused, listed
from hone.files import fingerprint, fingerprint_of_file, read_json
from hone.layout import INPUTS

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

COMMIT = 40  # digits of a commit on the Hub
# What stands between a model's output and its score must be torch's own.
ACTIVATIONS = "torch.nn.modules."
# Files of a model folder that do not change its scores.
NOT_IN_SCORES = frozenset({"README.md", "ranker.json"})


@dataclass(frozen=True)
class CrossModel:
    """A cross-encoder of sentence-transformers, read without loading torch."""

    path: Path

    def fingerprint(self) -> str:
        """What its scores depend on, whatever the folder is called."""
        files = sorted(file.relative_to(self.path) for file in self.path.rglob("*") if file.is_file())
        counted = [file for file in files if file.name not in NOT_IN_SCORES and not any(part.startswith(".") for part in file.parts)]
        return fingerprint(*(part for file in counted for part in (str(file), fingerprint_of_file(self.path / file))))

    @cached_property
    def positions(self) -> int | None:
        """The most tokens that the weights can tell apart; null where there is no such bound."""
        return positions_of(self.path)

    @cached_property
    def prompt(self) -> str:
        """What `CrossEncoder.predict` puts before a pair: the default prompt of the configuration, where it names one."""
        file = self.path / "config_sentence_transformers.json"
        found = read_json(file) if file.exists() else {}
        return (found.get("prompts") or {}).get(found.get("default_prompt_name")) or ""

    def refuse_unsafe(self) -> None:
        """Raises Refused when the folder is no cross-encoder, brings code of its own, or has weights in a form that can."""
        config, own = (
            read_json(file) if (file := self.path / name).exists() else {} for name in ("config.json", "config_sentence_transformers.json")
        )
        classes = config.get("architectures") or []
        if own.get("model_type") != "CrossEncoder" and not any(name.endswith("ForSequenceClassification") for name in classes):
            raise Refused(
                f"{self.path} is no cross-encoder ({listed([own.get('model_type'), *classes])}): it would score with weights that nobody "
                "trained. Name a model that scores a query and a document together."
            )
        refuse_foreign(self.path, "CrossEncoder")
        named = [
            own.get("activation_fn"),
            (config.get("sentence_transformers") or {}).get("activation_fn"),
            config.get("sbert_ce_default_activation_function"),
        ]
        strange = [name for name in named if name is not None and not str(name).startswith(ACTIVATIONS)]
        if strange:
            raise Refused(f"the model in {self.path} wants the function {listed(strange)} on its output; only torch's own are called.")

    def load(self, max_length: int | None = None, device: str = "cpu") -> CrossEncoder:
        """The model in torch, its pairs of texts cut at `max_length` tokens.

        Raises:
            Refused: it gives more than one score, or can tell fewer tokens apart.
        """
        from sentence_transformers import CrossEncoder

        self.refuse_unsafe()
        model = CrossEncoder(
            str(self.path), device=device, local_files_only=True, max_length=max_length, model_kwargs={"use_safetensors": True}
        )
        if model.num_labels != 1:
            raise Refused(f"the model in {self.path} gives {model.num_labels} scores for a pair; Hone needs a model that gives one.")
        return model.eval()


def cross_model(name: str, revision: str | None = None) -> CrossModel:
    """The model of a name: a folder below inputs/, or a Hub id at a commit, downloaded where it must be.

    Raises:
        Refused: there is none, or it may change without anybody noticing.
    """
    is_folder(name, revision)
    return CrossModel(folder_of(name, revision))


def identity_of(name: str, revision: str | None = None) -> str:
    """What a model's scores depend on, without a network: its files' hash, or the commit of a Hub id.

    Raises:
        Refused: as `cross_model`, and when the folder's model cannot be used.
    """
    if not is_folder(name, revision):
        return f"{name}@{revision}"
    model = CrossModel(Path(name))
    model.refuse_unsafe()
    return model.fingerprint()


def model_of(name: str, revision: str | None, max_length: int | None, device: str) -> CrossEncoder:
    """The model of a name, in torch."""
    return cross_model(name, revision).load(max_length, device)


def is_folder(name: str, revision: str | None) -> bool:
    """Whether a name is that of a folder and not of a model on the Hub.

    Raises:
        Refused: it lies where DVC does not look, or is neither.
    """
    refuse_unwatched(name)
    if Path(name).is_dir():
        return True
    if len(revision or "") != COMMIT:
        there = sorted(str(file.parent) for file in INPUTS.glob("*/config.json"))
        raise Refused(
            f"there is no folder {name} (models below {INPUTS}/: {listed(there) or 'none'}). If it is a Hub id, give its "
            f"{COMMIT}-digit commit as `revision`: what it says is kept for ever, so it must always be the same model."
        )
    return False
