"""`hone recipes list`: every recipe with its paper."""

from __future__ import annotations

from commands.console import line
from commands.recipes import catalogue


def list_all() -> None:
    """Print the catalogue, and how to go on from it."""
    catalogue.show()
    line(
        "`hone recipes show NAME` describes a recipe. To add one, add a file to recipes/ and run "
        "`hone recipes check`."
    )
