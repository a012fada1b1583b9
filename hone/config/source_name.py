"""Names of candidate sources."""

from __future__ import annotations

from pathlib import Path

from hone.config import methods

# Parameters that set the number of results or the copy of a model. They do not distinguish sources.
NOT_NAMED = frozenset({"depth", "revision", "model", "file"})


def source_name(line: dict, place: str = "retrieve") -> str:
    """The name of a source's candidates: the method, and the settings that distinguish it from
    others of its kind.

    The name is its `name` setting, if set. Otherwise it contains the model or file, the inner
    sources (`fused:dense+bm25`), and other settings that are not defaults (`bm25:k1=1.2`). Scorers
    (`place` is `score`) are distinguished by model only.
    """
    if own := line["parameters"].get("name"):
        return f"{line['method']}:{own}"
    detail = line["parameters"].get("model") or line["parameters"].get("file")
    parts = [
        *([Path(detail).name] if detail else []),
        *(particulars(line) if place == "retrieve" else []),
    ]
    return f"{line['method']}:{','.join(parts)}" if parts else line["method"]


def particulars(line: dict) -> list[str]:
    """The lines inside a source, and its other parameters that are not defaults."""
    method = methods.find("retrieve", line["method"])
    defaults = {
        field.alias or name: field.default for name, field in method.parameters.model_fields.items()
    }
    inner = ["+".join(map(source_name, line["parameters"][name])) for name in method.holds]
    others = {
        name: value
        for name, value in line["parameters"].items()
        if name not in NOT_NAMED and name not in method.holds and value != defaults.get(name)
    }
    return [*inner, *(f"{name}={written(value)}" for name, value in others.items())]


def written(value: object) -> str:
    """A parameter's value as part of a name."""
    return (
        "/".join(map(written, value))
        if isinstance(value, list)
        else f"{value:g}"
        if isinstance(value, float)
        else str(value)
    )
