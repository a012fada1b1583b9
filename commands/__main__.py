"""The `hone` command line. `hone --help` lists the commands, in the panels of `commands/cli`."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from typing import Annotated

import click
import typer
from typer.core import TyperGroup

sys.path.insert(0, str(Path.cwd()))  # use the checkout in the current folder
if importlib.util.find_spec("tasks") is None:
    sys.exit(
        "hone: this folder is not a checkout of Hone. Change to the folder with params.yaml and "
        "tasks/ first."
    )

from commands.cli import improve, look, maintain, ship, start
from hone.stage import SWITCHES, ended_by_sentences

PANELS = {
    "Start": (start.app, ("init", "doctor", "audit", "plan", "run")),
    "Look": (look.app, ("status", "report", "search", "explain", "compare", "evaluate")),
    "Improve": (
        improve.app,
        ("recipes", "generate", "study", "filters", "calibrate", "judge", "annotate"),
    ),
    "Ship": (ship.app, ("export",)),
    "Maintain": (maintain.app, ("cache", "ui")),
}
ORDER = [name for _, names in PANELS.values() for name in names]


class Panels(TyperGroup):
    """The group of all commands, in the order of the panels."""

    def list_commands(self, context: click.Context) -> list[str]:
        return sorted(super().list_commands(context), key=ORDER.index)


def assemble() -> typer.Typer:
    """The application: every command of a panel, under the title of the panel."""
    app = typer.Typer(
        cls=Panels,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        help="Fine-tune your embedding model, and know whether to ship it.",
    )
    for title, (panel, _) in PANELS.items():
        join_lines(panel)
        for command in panel.registered_commands:
            command.rich_help_panel = title
            app.registered_commands.append(command)
        for group in panel.registered_groups:
            group.rich_help_panel = title
            app.registered_groups.append(group)
    return app


def join_lines(panel: typer.Typer) -> None:
    """Make the docstring of every command one line, because the help shows line breaks as such."""
    for command in panel.registered_commands:
        command.help = " ".join((command.callback.__doc__ or "").split())
    for group in panel.registered_groups:
        join_lines(group.typer_instance)


app = assemble()


def print_version(wanted: bool) -> None:
    """Print the version of the package and the commit of the checkout, and end."""
    if wanted:
        from importlib.metadata import version

        from hone.present.provenance import read_commit

        commit = read_commit()
        print(f"hone {version('hone')}" + (f" ({commit})" if commit else ""))
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Fine-tune your embedding model, and know whether to ship it."""


def main() -> None:
    """Run a command. An error prints one sentence on standard error and exits with code 1."""
    for name, value in SWITCHES.items():
        os.environ.setdefault(name, value)
    with ended_by_sentences("hone"):
        app()


if __name__ == "__main__":
    main()
