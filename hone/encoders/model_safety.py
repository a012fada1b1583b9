"""Safety checks of model folders: no code, and no weight files that can execute code when
opened.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hone.errors import Refused, listed
from hone.files import read_json


def refuse_foreign(path: Path, kind: str) -> None:
    """Raise Refused if a model's folder contains code, or weight files that can execute code when
    opened.

    Args:
        path: the folder.
        kind: the class of sentence-transformers that loads and saves it, for the message.
    """
    if foreign := foreign_code(path):
        raise Refused(
            f"the model in {path} contains its own code ({listed(foreign)}), but Hone never runs "
            "code from models (no "
            "trust_remote_code). Choose a model that uses only sentence-transformers modules."
        )
    pickled = sorted(
        file.relative_to(path)
        for file in path.rglob("pytorch_model*.bin")
        if not (
            file.with_name("model.safetensors").exists()
            or file.with_name("model.safetensors.index.json").exists()
        )
    )
    if pickled or not any(path.rglob("*.safetensors")):
        what = (
            f"has weights in {listed(pickled)} but no model.safetensors"
            if pickled
            else "has no *.safetensors file"
        )
        raise Refused(
            f"the model in {path} {what}, and other weight formats can execute code when opened. "
            "Load it in an environment that "
            f"you trust and save it again: {kind}.save_pretrained(new_path)."
        )


def foreign_code(path: Path) -> list[str]:
    """Modules in a model's folder that do not belong to sentence-transformers, and each
    configuration with an `auto_map`.
    """
    found = []
    for file in sorted(path.rglob("*.json")):
        if file.name not in ("modules.json", "router_config.json") and not file.name.endswith(
            "config.json"
        ):
            continue
        given = read_configuration(file)
        types: list = []
        if file.name == "modules.json":
            types = (
                [module.get("type") if isinstance(module, dict) else module for module in given]
                if isinstance(given, list)
                else [given]
            )
        elif file.name == "router_config.json" and isinstance(given, dict):
            types = list((given.get("types") or {}).values())
        found += [str(name) for name in types if not str(name).startswith("sentence_transformers.")]
        if isinstance(given, dict) and "auto_map" in given:
            found.append(f"auto_map in {file.relative_to(path)}")
    return found


def read_configuration(file: Path) -> Any:
    """A JSON file of a model's folder. Raises Refused if it is invalid."""
    try:
        return read_json(file)
    except (ValueError, RecursionError) as error:
        raise Refused(
            f"{file} is not valid JSON ({error}). Copy the model's folder again."
        ) from None
