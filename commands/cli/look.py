"""The commands of the panel Look: results, documents and pairs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from commands.cli.options import OptionalCollection

app = typer.Typer()


@app.command()
def status(
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show the rounds: up to date or not, scores, the best one, the cost so far, and what runs."""
    from commands.status.command import status as print_status

    print_status(json)


@app.command()
def report(
    open: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
    text: Annotated[
        bool, typer.Option("--text", help="Print the verdict and the main table.")
    ] = False,
) -> None:
    """Show where the report is, and whether it is up to date."""
    from commands.report import report as show_report

    show_report(open, text)


@app.command()
def search(
    query: Annotated[str, typer.Argument(help="The text of a query, or the id of one.")] = "",
    models: Annotated[
        str | None,
        typer.Option(help="One or two rounds, such as r0,r2; by default r0 and the best on dev."),
    ] = None,
    collection: OptionalCollection = None,
    top: Annotated[int, typer.Option(min=1, max=100, help="Documents per model.")] = 10,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    page: Annotated[
        bool, typer.Option("--page", help="Serve a search page on this machine, until Ctrl-C.")
    ] = False,
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="With --page: the port. [8765]")
    ] = None,
) -> None:
    """Search a collection with two models, side by side, with moves and labels."""
    from commands.search.command import search as search_collection

    search_collection(query, models, collection, top, json, page, port)


@app.command()
def explain(
    query: Annotated[str, typer.Argument(help="A training query: its id or its text.")],
    doc_id: Annotated[str, typer.Argument(help="The id of a document.")],
    round: Annotated[str, typer.Option(help="The round: r1, r2, ...")],
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show everything that happened to a query-document pair in a round: candidate, score,
    filter, label, training steps.
    """
    from commands.explain import explain as explain_pair

    explain_pair(query, doc_id, round, json)


@app.command()
def compare(
    baseline: Annotated[
        str,
        typer.Argument(
            help="The baseline: an evaluated round or reference (r0, r1, bm25, ...), or an MLflow "
            "run id."
        ),
    ],
    candidate: Annotated[str, typer.Argument(help="The system to compare with the baseline.")],
    collection: OptionalCollection = None,
    tolerance: Annotated[
        float, typer.Option(help="Loss of nDCG@10 that counts as harmless.")
    ] = 0.005,
    out: Annotated[
        Path | None, typer.Option(help="Output file: .md for the tables, .parquet for every query.")
    ] = None,
    slices: Annotated[
        str | None,
        typer.Option(
            "--slice", help="Query slices to show: dated, difficulty, long, overlap or unseen."
        ),
    ] = None,
    judge: Annotated[
        str | None,
        typer.Option(
            help="Also compare with the labels that this judge added (`hone judge unjudged`)."
        ),
    ] = None,
    weight: Annotated[
        str | None,
        typer.Option(
            help="Weights of the queries: `traffic`, the number of searches in a click log."
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Compare two rounds query by query: the difference, its significance, and the queries that
    got worse.
    """
    from commands.compare.command import compare as compare_systems

    compare_systems(baseline, candidate, collection, tolerance, out, slices, judge, json, weight)


@app.command()
def evaluate(
    model: Annotated[
        str, typer.Argument(help="A round, a model folder, a package, or a Hub id@REVISION.")
    ],
    more: Annotated[
        list[str] | None, typer.Argument(metavar="COLLECTION", help="More collections of --on.")
    ] = None,
    on: Annotated[
        list[str] | None,
        typer.Option(help="beir:NAME, beir:FOLDER, mteb:TASK, mteb:BENCHMARK or folder:PATH."),
    ] = None,
    max_length: Annotated[
        int | None, typer.Option(help="Tokens per text; the model's own length by default.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Evaluate a model on published benchmarks or folders. It needs no params.yaml."""
    from commands.evaluate.command import evaluate as evaluate_model

    evaluate_model(model, [*(on or []), *(more or [])], max_length, json)
