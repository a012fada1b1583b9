"""The commands of the panel Maintain: caches and pages."""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer()
cache_app = typer.Typer(
    invoke_without_command=True, help="Show the embedding cache, and which entries no model needs."
)
app.add_typer(cache_app, name="cache")


@cache_app.callback()
def cache(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        from commands.cache import show

        show()


@cache_app.command("clean")
def clean_cache(
    yes: Annotated[bool, typer.Option("--yes", help="Delete. Without it, only list.")] = False,
) -> None:
    """Delete cache entries that no model of this checkout needs, damaged files, and old
    checkpoints.
    """
    from commands.cache import clean

    clean(yes)
