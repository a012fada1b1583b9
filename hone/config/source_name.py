"""What candidates are marked with: where they came from."""

from __future__ import annotations

from pathlib import Path

from hone.config import methods

# Parameters that say how much is found or which copy of a model it is, and not by which source.
NOT_NAMED = frozenset({"depth", "revision", "model", "file"})


def source_name(line: dict, place: str = "retrieve") -> str:
    """What candidates of a source are marked with: the method, and what sets it apart from another of its kind.

    That is its own `name` where it has one, else its model or file, the sources that it holds (`fused:dense+bm25`), and what else
    is not the default (`bm25:k1=1.2`). What scores (`place` is `score`) is told by its model alone.
    """
    if own := line["parameters"].get("name"):
        return f"{line['method']}:{own}"
    detail = line["parameters"].get("model") or line["parameters"].get("file")
    parts = [*([Path(detail).name] if detail else []), *(particulars(line) if place == "retrieve" else [])]
    return f"{line['method']}:{','.join(parts)}" if parts else line["method"]


def particulars(line: dict) -> list[str]:
    """The lines that a source holds, and those of its other parameters that are not the default."""
    method = methods.find("retrieve", line["method"])
    defaults = {field.alias or name: field.default for name, field in method.parameters.model_fields.items()}
    held = ["+".join(map(source_name, line["parameters"][name])) for name in method.holds]
    others = {
        name: value
        for name, value in line["parameters"].items()
        if name not in NOT_NAMED and name not in method.holds and value != defaults.get(name)
    }
    return [*held, *(f"{name}={written(value)}" for name, value in others.items())]


def written(value: object) -> str:
    """A parameter's value as part of a name."""
    return "/".join(map(written, value)) if isinstance(value, list) else f"{value:g}" if isinstance(value, float) else str(value)
