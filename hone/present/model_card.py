"""Model cards: a section of Hone before the text that sentence-transformers writes."""

from __future__ import annotations

from pathlib import Path

END_OF_HEADER = "\n---\n"


def put_first(section: str, file: Path) -> None:
    """Insert a section below the title of a README.md by sentence-transformers."""
    header, end, body = file.read_text(encoding="utf-8").partition(END_OF_HEADER)
    title, _, rest = body.lstrip().partition("\n")
    file.write_text(f"{header}{end}\n{title}\n\n{section}\n{rest}", encoding="utf-8")
