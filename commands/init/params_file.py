"""The file params.yaml of a checkout: replaced atomically, and never without a copy."""

from __future__ import annotations

import hashlib
from pathlib import Path

from hone.config import params
from hone.errors import Refused
from hone.files import write_text

# A copy of the params.yaml that Hone ships. A test compares the two, so the copy stays up to date.
SHIPPED = Path(__file__).with_name("shipped_params.yaml")
DEMO = Path("params.demo.yaml")


def backup_of(text: str, force: bool) -> Path | None:
    """The file that keeps the current params.yaml if `text` replaces it. Null: none is needed.

    Args:
        text: the new content.
        force: whether to replace settings of the user.

    Raises:
        Refused: params.yaml has settings of the user, and `force` is false.
    """
    if not params.FILE.exists():
        return None
    current = params.FILE.read_bytes()
    if current == text.encode():
        return None
    if is_shipped(current):
        return DEMO if not DEMO.exists() or is_shipped(DEMO.read_bytes()) else named(current)
    if not force:
        raise Refused(
            f"{params.FILE} differs from the shipped file, so it may have settings of yours. "
            f"Nothing was written. Use --force to replace it; Hone then keeps it as "
            f"{named(current)}."
        )
    return named(current)


def replace(text: str, backup: Path | None) -> None:
    """Write params.yaml. `backup` first gets the current content."""
    if backup is not None:
        write_text(backup, params.FILE.read_text(encoding="utf-8"))
    write_text(params.FILE, text)


def is_shipped(content: bytes) -> bool:
    """Whether a file equals the shipped params.yaml. Windows line ends do not count."""
    return plain(content) == plain(SHIPPED.read_bytes())


def plain(content: bytes) -> bytes:
    return content.replace(b"\r\n", b"\n").strip()


def named(content: bytes) -> Path:
    """The name of a copy, from its content: the same content is kept once, and other content is
    never overwritten.
    """
    return Path(f"{params.FILE}.bak-{hashlib.sha256(content).hexdigest()[:8]}")
