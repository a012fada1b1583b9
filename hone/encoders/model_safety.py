"""What a model's folder must not hold: code of its own, or weights in a form that can run code when they are opened."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hone.errors import Refused, listed
from hone.files import read_json


def refuse_foreign(path: Path, kind: str) -> None:
    """Raises Refused where a model's folder brings code of its own, or weights in a form that can run code when they are opened.

    Args:
        path: the folder.
        kind: the class of sentence-transformers that loads and saves it, for the message.
    """
    if foreign := foreign_code(path):
        raise Refused(
            f"the model in {path} brings code of its own ({listed(foreign)}); Hone runs no code from models (no trust_remote_code). "
            "Choose a model whose modules are sentence-transformers' own."
        )
    pickled = sorted(
        file.relative_to(path)
        for file in path.rglob("pytorch_model*.bin")
        if not (file.with_name("model.safetensors").exists() or file.with_name("model.safetensors.index.json").exists())
    )
    if pickled or not any(path.rglob("*.safetensors")):
        what = f"has weights in {listed(pickled)} and no model.safetensors beside" if pickled else "has no *.safetensors file"
        raise Refused(
            f"the model in {path} {what}; other weight files can run code when they are opened. Load it where you trust it and save it "
            f"again: {kind}.save_pretrained(new_path)."
        )


def foreign_code(path: Path) -> list[str]:
    """Modules of a model's folder that are not sentence-transformers' own, and each configuration with an `auto_map`."""
    found = []
    for file in sorted(path.rglob("*.json")):
        if file.name not in ("modules.json", "router_config.json") and not file.name.endswith("config.json"):
            continue
        given = read_configuration(file)
        types: list = []
        if file.name == "modules.json":
            types = [module.get("type") if isinstance(module, dict) else module for module in given] if isinstance(given, list) else [given]
        elif file.name == "router_config.json" and isinstance(given, dict):
            types = list((given.get("types") or {}).values())
        found += [str(name) for name in types if not str(name).startswith("sentence_transformers.")]
        if isinstance(given, dict) and "auto_map" in given:
            found.append(f"auto_map in {file.relative_to(path)}")
    return found


def read_configuration(file: Path) -> Any:
    """A JSON file of a model's folder; Refused where it is none."""
    try:
        return read_json(file)
    except (ValueError, RecursionError) as error:
        raise Refused(f"{file} is not JSON ({error}): copy the model's folder again.") from None
