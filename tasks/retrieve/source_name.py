"""What candidates are marked with: where they came from."""

from __future__ import annotations

from pathlib import Path


def source_name(line: dict) -> str:
    """What candidates of a source are marked with: the method, and what sets it apart from another of its kind."""
    detail = line["parameters"].get("model") or line["parameters"].get("file")
    return f"{line['method']}:{Path(detail).name}" if detail else line["method"]
