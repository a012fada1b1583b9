"""A model's card: what sentence-transformers writes of its training, and before it what the loop knows."""

from __future__ import annotations

from pathlib import Path

END_OF_HEADER = "\n---\n"


def put_first(section: str, file: Path) -> None:
    """Put a section below the title of a README.md that sentence-transformers has written."""
    header, end, body = file.read_text(encoding="utf-8").partition(END_OF_HEADER)
    title, _, rest = body.lstrip().partition("\n")
    file.write_text(f"{header}{end}\n{title}\n\n{section}\n{rest}", encoding="utf-8")
