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


@app.command()
def ui(
    prefect_port: Annotated[int, typer.Option(min=1, max=65535, help="Port of Prefect.")] = 4200,
    mlflow_port: Annotated[int, typer.Option(min=1, max=65535, help="Port of MLflow.")] = 5000,
) -> None:
    """Serve the Prefect and MLflow pages on this machine, until Ctrl-C."""
    from commands.ui import serve

    serve(prefect_port, mlflow_port)
