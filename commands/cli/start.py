"""The commands of the panel Start: from a folder of data to a run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from commands.cli.options import Probe

app = typer.Typer()


@app.command()
def doctor() -> None:
    """Check this machine and this checkout. Each problem comes with its fix."""
    from commands.doctor.command import doctor as check_machine

    if not check_machine():
        raise typer.Exit(1)


@app.command()
def init(
    path: Annotated[
        Path | None,
        typer.Argument(help="Your data folder or file; the only folder below inputs/ by default."),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(help="The base model: a folder below inputs/, or a downloaded Hub id."),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace your params.yaml; a copy of it is kept.")
    ] = False,
) -> None:
    """Look at your data, report what is usable, and write a params.yaml that fits it."""
    from commands.init.command import init as write_params

    write_params(path, model, force)


@app.command()
def audit(
    what: Annotated[
        str,
        typer.Argument(
            help="A training file (JSON Lines), a collection folder, or the name of a collected "
            "collection."
        ),
    ],
    test: Annotated[
        str | None,
        typer.Option(
            help="Held-out file; report its queries that also occur in the training data."
        ),
    ] = None,
    out: Annotated[Path, typer.Option(help="The HTML report.")] = Path("audit.html"),
    json: Annotated[
        bool,
        typer.Option("--json", help="Also write a JSON file with the location of every finding."),
    ] = False,
    verdicts: Annotated[
        Path | None,
        typer.Option(
            help="verdicts.csv from the HTML report, to estimate the false-negative rate."
        ),
    ] = None,
    encoder: Annotated[
        bool, typer.Option(help="Use an encoder to find suspicious negatives.")
    ] = True,
    model: Annotated[
        str | None, typer.Option(help="The encoder; the model of params.yaml by default.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the random samples.")] = 13,
) -> None:
    """Check training data before training: duplicates, false negatives, leakage, and 50 pairs to
    label. Writes one HTML report.
    """
    from commands.audit.command import audit as audit_data

    audit_data(what, test, out, json, verdicts, encoder, model, seed)


@app.command()
def plan(
    probe: Probe = True,
    collect: Annotated[
        bool, typer.Option("--collect", help="Read the collections first, for real sizes.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON; ask nothing.")] = False,
) -> None:
    """Show what `dvc repro` would run: stages, texts to encode, training pairs, disk space and
    time.
    """
    from commands.plan.command import plan as print_plan

    print_plan(probe, collect, json)


@app.command()
def run(
    until: Annotated[
        str | None,
        typer.Option(help="A stage (train@r2) or a round (r1); run only it and its dependencies."),
    ] = None,
) -> None:
    """Run the rounds of params.yaml: what is out of date, with progress. The verdict comes last."""
    from commands.run.command import run as run_loop

    run_loop(until)
