"""`hone`: what this checkout can do, what would run, and why something is as it is. `hone --help` lists the commands."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

sys.path.insert(0, str(Path.cwd()))  # the checkout one stands in is the one that is meant

from tasks.errors import Refused
from tasks.stage import SWITCHES

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Makes dense retrievers better, in rounds. Run it in a checkout of Hone.",
)
recipes_app = typer.Typer(invoke_without_command=True, help="List the recipes, check them, show one with every default.")
store_app = typer.Typer(invoke_without_command=True, help="What the vector store holds, and what of it no model needs any more.")
export_app = typer.Typer(no_args_is_help=True, help="Write a round's data for other tools.")
app.add_typer(recipes_app, name="recipes")
app.add_typer(store_app, name="store")
app.add_typer(export_app, name="export")

Format = Literal["sentence-transformers", "flagembedding", "tevatron"]


@app.command()
def doctor() -> None:
    """What this machine and this checkout can do; each line is ok, or says what to do."""
    from hone.doctor import doctor as examine

    if not examine():
        raise typer.Exit(1)


@app.command()
def plan(probe: Annotated[bool, typer.Option(help="Measure this machine for half a minute, and estimate the time.")] = True) -> None:
    """What `dvc repro` would run, how many texts it would encode and pairs it would train on, disk and time."""
    from hone.plan import plan as show

    show(probe)


@app.command()
def why(
    query_id: str,
    doc_id: str,
    round: Annotated[str, typer.Option(help="The round: r1, r2, ...")],
) -> None:
    """The life of a pair in a round: retrieved by whom, removed or chosen, its label, the steps that it trained at."""
    from hone.why import why as tell

    tell(query_id, doc_id, round)


@recipes_app.callback()
def recipes(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        from hone.recipes import show_all

        show_all()


@recipes_app.command("check")
def recipes_check(file: Annotated[Path | None, typer.Argument(help="A recipe's file; all of them by default.")] = None) -> None:
    """Read recipes as `resolve` does, and say what is wrong with them."""
    from hone.recipes import check

    if not check(file):
        raise typer.Exit(1)


@recipes_app.command("show")
def recipes_show(name: str) -> None:
    """One recipe with every default filled in."""
    from hone.recipes import show

    show(name)


@store_app.callback()
def store(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        from hone.store import show

        show()


@store_app.command("clean")
def store_clean(yes: Annotated[bool, typer.Option("--yes", help="Delete; without it, only list.")] = False) -> None:
    """Delete vectors of models that no round of this checkout has, damaged files, and old checkpoints."""
    from hone.store import clean

    clean(yes)


@export_app.command("data")
def export_data(
    round: Annotated[str, typer.Argument(help="The round whose labels are written: r1, r2, ...")],
    format: Annotated[Format, typer.Option(help="The layout of the lines.")],
    out: Annotated[Path | None, typer.Option(help="The file; by default <round>.<format>.jsonl here.")] = None,
) -> None:
    """Write the training data of a round as JSON Lines that other libraries read."""
    from hone.export import export

    export(round, format, out)


def main() -> None:
    """Run a command; what is refused is one sentence on standard error, and exit code 1."""
    for name, value in SWITCHES.items():
        os.environ.setdefault(name, value)
    try:
        app()
    except Refused as refusal:
        sys.exit(f"hone: {refusal}")


if __name__ == "__main__":
    main()
