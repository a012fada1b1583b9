"""Cross-encoder models on disk: resolving a name, fingerprints, loading. Code from model folders
never runs.
"""

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

COMMIT = 40  # digits of a Hub commit
# The activation between a model's output and its score must be a torch function.
ACTIVATIONS = "torch.nn.modules."
# Files of a model folder that do not affect its scores.
NOT_IN_SCORES = frozenset({"README.md", "ranker.json"})


@dataclass(frozen=True)
class CrossModel:
    """A sentence-transformers cross-encoder, inspected without loading torch."""

    path: Path

    def fingerprint(self) -> str:
        """A hash of everything that its scores depend on, independent of the folder's name."""
        files = sorted(
            file.relative_to(self.path) for file in self.path.rglob("*") if file.is_file()
        )
        counted = [
            file
            for file in files
            if file.name not in NOT_IN_SCORES
            and not any(part.startswith(".") for part in file.parts)
        ]
        return fingerprint(
            *(
                part
                for file in counted
                for part in (str(file), fingerprint_of_file(self.path / file))
            )
        )

    @cached_property
    def positions(self) -> int | None:
        """The maximum number of positions of the weights. Null if unlimited."""
        return positions_of(self.path)

    @cached_property
    def prompt(self) -> str:
        """The prefix that `CrossEncoder.predict` adds to a pair: the configuration's default
        prompt, if any.
        """
        file = self.path / "config_sentence_transformers.json"
        found = read_json(file) if file.exists() else {}
        return (found.get("prompts") or {}).get(found.get("default_prompt_name")) or ""

    def refuse_unsafe(self) -> None:
        """Raise Refused if the folder is not a cross-encoder, contains code, or has unsafe
        weight files.
        """
        config, own = (
            read_json(file) if (file := self.path / name).exists() else {}
            for name in ("config.json", "config_sentence_transformers.json")
        )
        classes = config.get("architectures") or []
        if own.get("model_type") != "CrossEncoder" and not any(
            name.endswith("ForSequenceClassification") for name in classes
        ):
            raise Refused(
                f"{self.path} is not a cross-encoder "
                f"({listed([own.get('model_type'), *classes])}): its scoring head would be "
                "untrained. Choose a model that scores a query and a document together."
            )
        refuse_foreign(self.path, "CrossEncoder")
        named = [
            own.get("activation_fn"),
            (config.get("sentence_transformers") or {}).get("activation_fn"),
            config.get("sbert_ce_default_activation_function"),
        ]
        strange = [
            name for name in named if name is not None and not str(name).startswith(ACTIVATIONS)
        ]
        if strange:
            raise Refused(
                f"the model in {self.path} applies the function {listed(strange)} to its output, "
                "but only torch functions are "
                "allowed. Choose another model."
            )

    def load(self, max_length: int | None = None, device: str = "cpu") -> CrossEncoder:
        """The torch model, with pairs truncated at `max_length` tokens.

        Raises:
            Refused: it returns more than one score, or supports fewer tokens.
        """
        from sentence_transformers import CrossEncoder

        self.refuse_unsafe()
        model = CrossEncoder(
            str(self.path),
            device=device,
            local_files_only=True,
            max_length=max_length,
            model_kwargs={"use_safetensors": True},
        )
        if model.num_labels != 1:
            raise Refused(
                f"the model in {self.path} returns {model.num_labels} scores for a pair. Choose a "
                "model that returns a single score."
            )
        return model.eval()


def cross_model(name: str, revision: str | None = None) -> CrossModel:
    """The model with this name: a folder below inputs/, or a Hub id at a commit, downloaded if
    necessary.

    Raises:
        Refused: it does not exist, or could change unnoticed.
    """
    is_folder(name, revision)
    return CrossModel(folder_of(name, revision))


def identity_of(name: str, revision: str | None = None) -> str:
    """The identity of a model's scores, without network access: the hash of its files, or the
    commit of a Hub id.

    Raises:
        Refused: as for `cross_model`, and if the folder's model cannot be used.
    """
    if not is_folder(name, revision):
        return f"{name}@{revision}"
    model = CrossModel(Path(name))
    model.refuse_unsafe()
    return model.fingerprint()


def model_of(name: str, revision: str | None, max_length: int | None, device: str) -> CrossEncoder:
    """The torch model with this name."""
    return cross_model(name, revision).load(max_length, device)


def is_folder(name: str, revision: str | None) -> bool:
    """Whether a name is a folder, as opposed to a Hub model.

    Raises:
        Refused: the folder is outside the folders that DVC tracks, or the name is neither.
    """
    refuse_unwatched(name)
    if Path(name).is_dir():
        return True
    if len(revision or "") != COMMIT:
        folders = sorted(str(file.parent) for file in INPUTS.glob("*/config.json"))
        raise Refused(
            f"there is no folder {name} (models below {INPUTS}/: {listed(folders) or 'none'}). "
            "Correct the name. For a Hub id, set "
            f"`revision` to its {COMMIT}-digit commit, because its scores are cached permanently."
        )
    return False
