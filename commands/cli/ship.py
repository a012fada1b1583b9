"""The commands of the panel Ship: take a model or its training data elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

app = typer.Typer()
export_app = typer.Typer(
    no_args_is_help=True, help="Export a round's training data or model for other tools."
)
app.add_typer(export_app, name="export")

Format = Literal["sentence-transformers", "flagembedding", "tevatron"]


@export_app.command("model")
def export_model(
    round: Annotated[str, typer.Argument(help="The round: r1, r2, ...")],
    out: Annotated[Path, typer.Argument(help="A new folder.")],
) -> None:
    """Copy a round's model to a new folder, with its model card."""
    from commands.export import export_model as copy_to

    copy_to(round, out)


@export_app.command("data")
def export_data(
    round: Annotated[str, typer.Argument(help="The round whose labels to export: r1, r2, ...")],
    format: Annotated[Format, typer.Option(help="The output format.")],
    out: Annotated[
        Path | None, typer.Option(help="The output file; <round>.<format>.jsonl by default.")
    ] = None,
) -> None:
    """Write the training data of a round as JSON Lines for other libraries."""
    from commands.export import export

    export(round, format, out)
