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
Push = Annotated[
    str | None,
    typer.Option(
        metavar="OWNER/NAME",
        help="Upload it to the Hugging Face Hub, after showing what leaves. The token is in "
        "HF_TOKEN.",
    ),
]
Public = Annotated[bool, typer.Option("--public", help="Everyone can read the upload.")]
License = Annotated[
    str | None, typer.Option(help="The license for the card, such as apache-2.0. Never guessed.")
]
Yes = Annotated[bool, typer.Option("--yes", help="Upload without a question.")]


@export_app.command("model")
def export_model(
    round: Annotated[str, typer.Argument(help="The round: r1, r2, ...")],
    out: Annotated[Path | None, typer.Argument(help="A new folder; optional with --push.")] = None,
    push: Push = None,
    public: Public = False,
    license: License = None,
    yes: Yes = False,
) -> None:
    """Copy a round's model to a new folder, with its model card, or upload it."""
    from commands.export import export_model as copy_to
    from commands.publish.push import push_of

    copy_to(round, out, push_of(push, public, license, yes))


@export_app.command("data")
def export_data(
    round: Annotated[str, typer.Argument(help="The round whose labels to export: r1, r2, ...")],
    format: Annotated[Format, typer.Option(help="The output format.")],
    out: Annotated[
        Path | None, typer.Option(help="The output file; <round>.<format>.jsonl by default.")
    ] = None,
    push: Push = None,
    public: Public = False,
    license: License = None,
    yes: Yes = False,
) -> None:
    """Write the training data of a round as JSON Lines for other libraries, and upload it."""
    from commands.export import export
    from commands.publish.push import push_of

    export(round, format, out, push_of(push, public, license, yes))
