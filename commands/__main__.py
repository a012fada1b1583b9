"""The `hone` command line: plan, inspect, compare and export. `hone --help` lists the commands."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

sys.path.insert(0, str(Path.cwd()))  # use the checkout in the current folder
if importlib.util.find_spec("tasks") is None:
    sys.exit(
        "hone: this folder is not a checkout of Hone. Change to the folder with params.yaml and "
        "tasks/ first."
    )

from hone.errors import Refused
from hone.stage import SWITCHES, ended_by_sentences

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Fine-tune dense retrievers in rounds. Run `hone` in a checkout of Hone.",
)
store_app = typer.Typer(
    invoke_without_command=True, help="Show the embedding cache, and which entries no model needs."
)
export_app = typer.Typer(
    no_args_is_help=True, help="Export a round's training data or model for other tools."
)
judge_app = typer.Typer(no_args_is_help=True, help="Measure, run and serve judges.")
judgments_app = typer.Typer(
    invoke_without_command=True,
    help="Show the judgment log: every judge, its verdicts and its cost.",
)
app.add_typer(judgments_app, name="judgments")
app.add_typer(store_app, name="store")
app.add_typer(export_app, name="export")
app.add_typer(judge_app, name="judge")

Format = Literal["sentence-transformers", "flagembedding", "tevatron"]


@app.command()
def doctor() -> None:
    """Check this machine and this checkout. Each problem comes with its fix."""
    from commands.doctor import doctor as check_machine

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
def plan(
    probe: Annotated[
        bool, typer.Option(help="Measure this machine for half a minute to estimate the time.")
    ] = True,
) -> None:
    """Show what `dvc repro` would run: stages, texts to encode, training pairs, disk space and
    time.
    """
    from commands.plan.command import plan as print_plan

    print_plan(probe)


@app.command()
def why(
    query_id: str,
    doc_id: str,
    round: Annotated[str, typer.Option(help="The round: r1, r2, ...")],
) -> None:
    """Show everything that happened to a query-document pair in a round: candidate, score,
    filter, label, training steps.
    """
    from commands.why import why as trace_pair

    trace_pair(query_id, doc_id, round)


@app.command()
def compare(
    one: Annotated[
        str,
        typer.Argument(
            help="The baseline: an evaluated round or reference (r0, r1, bm25, ...), or an MLflow "
            "run id."
        ),
    ],
    other: Annotated[str, typer.Argument(help="The system to compare with the baseline.")],
    on: Annotated[str | None, typer.Option(help="The collection; all by default.")] = None,
    margin: Annotated[float, typer.Option(help="Loss of nDCG@10 that counts as harmless.")] = 0.005,
    out: Annotated[
        Path | None, typer.Option(help="Output file: .md for the tables, .parquet for every query.")
    ] = None,
    by: Annotated[
        str | None,
        typer.Option(help="Query slices to show: dated, difficulty, long, overlap or unseen."),
    ] = None,
    filled: Annotated[
        str | None,
        typer.Option(
            help="Also compare with the labels that this judge added with `hone judge holes`."
        ),
    ] = None,
) -> None:
    """Compare two rounds query by query: the difference, its significance, and the queries that
    got worse.
    """
    from commands.compare.command import compare as compare_systems

    compare_systems(one, other, on, margin, out, by, filled)


@app.command()
def threshold(
    name: Annotated[
        str, typer.Argument(help="The evaluated round from which yours starts: r0, r1, ...")
    ],
    on: Annotated[str, typer.Option(help="A collection whose dev queries have several positives.")],
    lose: Annotated[
        float, typer.Option(help="Largest fraction of true negatives that the filter may remove.")
    ] = 0.1,
    false: Annotated[
        float, typer.Option(help="Largest fraction of false negatives among the kept negatives.")
    ] = 0.05,
    keep: Annotated[int, typer.Option(help="Negatives per query that the recipe samples.")] = 4,
    risk: Annotated[
        float, typer.Option(help="Error probability of the false-negative guarantee.")
    ] = 0.1,
    splits: Annotated[int, typer.Option(help="Number of random half-splits for validation.")] = 200,
) -> None:
    """Calibrate the threshold of the `positive-aware` filter on dev queries, in place of 0.95."""
    from commands.threshold import threshold as calibrate

    calibrate(name, on, lose, false, keep, risk, splits)


@app.command("bench-labels")
def bench_labels(
    round: Annotated[str, typer.Argument(help="A round that mined candidates.")],
    depth: Annotated[int, typer.Option(help="Number of top candidates per query to check.")] = 10,
    keep: Annotated[
        int | None,
        typer.Option(help="Without --train: negatives per query that a recipe would sample. [4]"),
    ] = None,
    train: Annotated[
        bool,
        typer.Option(
            "--train",
            help="Train on each variant's negatives, and measure how much loss each recovers.",
        ),
    ] = False,
    arm: Annotated[
        list[str] | None,
        typer.Option(
            help="With --train: rule:NAME, judge:NAME, recipe:NAME, random or no-mining. "
            "Repeatable."
        ),
    ] = None,
    seeds: Annotated[
        int | None, typer.Option(help="With --train: training runs per variant. [5]")
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option(help="With --train: steps per training run; the round's own by default."),
    ] = None,
    on: Annotated[str | None, typer.Option(help="With --train: the evaluation collection.")] = None,
) -> None:
    """Show how many held-out positives each filter and free judge catches, and how many true
    negatives it removes.
    """
    of_training = {"--arm": arm or None, "--seeds": seeds, "--steps": steps, "--on": on}
    refuse_unread(
        {"--keep": keep} if train else of_training, "without --train" if train else "with --train"
    )
    if train:
        from commands.bench_labels.training_command import SEEDS, bench_training

        bench_training(round, arm, SEEDS if seeds is None else seeds, steps, on, depth)
        return
    from commands.bench_labels.command import KEEP
    from commands.bench_labels.command import bench_labels as print_bench

    print_bench(round, depth, KEEP if keep is None else keep)


@app.command()
def study(
    what: Annotated[
        list[str],
        typer.Argument(
            help="Recipes (top-k ance simans), or one study file (studies/stronger-miner.yaml)."
        ),
    ],
    rounds: Annotated[
        int | None, typer.Option(min=1, help="Consecutive rounds per recipe. [1]")
    ] = None,
    seeds: Annotated[
        int | None,
        typer.Option(min=1, help="Runs per recipe; significance needs five or more. [5]"),
    ] = None,
    first: Annotated[
        str | None,
        typer.Option(help="A recipe for a shared first round from which all variants start."),
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option(
            min=1, help="Training steps per round, the same for all variants; one epoch by default."
        ),
    ] = None,
    first_seed: Annotated[
        int | None,
        typer.Option(
            min=1, help="First seed. Use unseen seeds if earlier ones were used for tuning. [1]"
        ),
    ] = None,
    contrast: Annotated[
        list[str] | None,
        typer.Option(help="ONE:OTHER, a comparison to test. Repeatable, six at most."),
    ] = None,
    on: Annotated[
        str | None, typer.Option(help="The collection; all evaluation collections by default.")
    ] = None,
    split: Annotated[
        str | None, typer.Option(help="Evaluation queries: test or dev. [test]")
    ] = None,
    tune: Annotated[
        list[str] | None,
        typer.Option(
            help="A setting to try on dev for each variant, such as '{learning_rate: 2.0e-5}'. "
            "Give two or more."
        ),
    ] = None,
    dry: Annotated[
        bool, typer.Option("--dry", help="Show what would run and how long it takes; run nothing.")
    ] = False,
    probe: Annotated[
        bool, typer.Option(help="Measure this machine's speed for the time estimate.")
    ] = True,
    so_far: Annotated[
        bool, typer.Option("--so-far", help="Write the results so far; run nothing.")
    ] = False,
    refresh: Annotated[
        bool,
        typer.Option("--refresh", help="Run trials again if their results come from older code."),
    ] = False,
    arm: Annotated[
        str | None, typer.Option(help="Run just this variant; skip the summary.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Run just this seed; skip the summary.")] = None,
) -> None:
    """Compare recipes from the same start, with the same steps, queries and seeds. Rerun the
    command to resume.
    """
    from commands.study.command import study as compare_recipes
    from commands.study.design import settings

    pairs = [tuple(one.split(":")) for one in contrast] if contrast else None
    if pairs and any(len(pair) != 2 for pair in pairs):
        raise Refused(
            f"--contrast is {', '.join(contrast)}. Write ONE:OTHER, with two variants of the study."
        )
    changes = {
        "rounds": rounds,
        "seeds": seeds,
        "first": first,
        "steps": steps,
        "first_seed": first_seed,
        "contrasts": pairs,
    }
    changes |= {"collection": on, "split": split, "tune": settings(tune) if tune else None}
    if so_far and (dry or refresh or arm is not None or seed is not None):
        raise Refused(
            "--so-far writes the results so far and runs nothing. Omit --dry, --refresh, --arm "
            "and --seed."
        )
    if not compare_recipes(what, changes, dry, probe, arm, seed, so_far, refresh):
        raise typer.Exit(1)


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
def search(
    query: Annotated[str, typer.Argument(help="The text of a query, or the id of one.")] = "",
    models: Annotated[
        str | None,
        typer.Option(help="One or two rounds, such as r0,r2; by default r0 and the best on dev."),
    ] = None,
    collection: Annotated[
        str | None,
        typer.Option("--collection", "-c", help="The collection; the first evaluated by default."),
    ] = None,
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


@export_app.command("model")
def export_model(
    round: Annotated[str, typer.Argument(help="The round: r1, r2, ...")],
    out: Annotated[Path, typer.Argument(help="A new folder.")],
) -> None:
    """Copy a round's model to a new folder, with its model card."""
    from commands.export import export_model as copy_to

    copy_to(round, out)


@app.command()
def recipes(
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="NAME", help="The recipe to describe. With --check also a file."),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Check the named recipe or file, or all recipes.")
    ] = False,
    as_yaml: Annotated[
        bool, typer.Option("--yaml", help="Print the recipe as YAML with every default.")
    ] = False,
) -> None:
    """List the recipes, describe one, or check one. `show NAME` and `check FILE` work too."""
    from commands.recipes.command import recipes as run

    if not run(words or [], check, as_yaml):
        raise typer.Exit(1)


@store_app.callback()
def store(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        from commands.store import show

        show()


@store_app.command("clean")
def store_clean(
    yes: Annotated[bool, typer.Option("--yes", help="Delete. Without it, only list.")] = False,
) -> None:
    """Delete cache entries that no model of this checkout needs, damaged files, and old
    checkpoints.
    """
    from commands.store import clean

    clean(yes)


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


@judge_app.command("check")
def judge_check(
    name: Annotated[str, typer.Argument(help="An entry of params.yaml's `judges`.")],
    on: Annotated[str, typer.Option(help="The collection to measure on.")],
    round: Annotated[
        str | None,
        typer.Option(
            help="The round whose negatives are the candidates; by default the last one with "
            "negatives."
        ),
    ] = None,
    gold: Annotated[
        str | None,
        typer.Option(help="Source of reference labels: hidden, judge:NAME or people:NAME."),
    ] = None,
    pairs: Annotated[
        int, typer.Option(help="Pairs per set, and number of reference labels.")
    ] = 150,
    limit: Annotated[
        int | None, typer.Option(help="Largest number of pairs to query the judge with.")
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(help="The split: train, dev or test; by default the first with positives."),
    ] = None,
    people: Annotated[
        Path | None,
        typer.Option(help="A table with query-id, doc-id and one column per annotator."),
    ] = None,
    precision: Annotated[
        float,
        typer.Option(help="Lower bound of the precision that allows the judge to add positives."),
    ] = 0.8,
    again: Annotated[
        bool,
        typer.Option(
            "--again",
            help="Query the judge again for 20 judged pairs, and count the changed verdicts.",
        ),
    ] = False,
) -> None:
    """Measure a judge: accuracy, calibration, cost, and whether it may add positives."""
    if again:
        from commands.judge.again import again as ask_again

        ask_again(name, on, round, split, limit)
        return
    from commands.judge.check import check

    check(name, on, round, gold, pairs, limit, split, people, precision)


@judge_app.command("holes")
def judge_holes(
    name: Annotated[
        str, typer.Argument(help="An entry of params.yaml's `judges`, or people:NAME.")
    ],
    on: Annotated[str, typer.Option(help="An evaluated collection.")],
    depth: Annotated[int, typer.Option(help="Judge the documents in the first DEPTH ranks.")] = 10,
    limit: Annotated[
        int | None,
        typer.Option(help="Largest number of pairs, the most influential first; all by default."),
    ] = None,
    names: Annotated[
        str | None,
        typer.Option(
            help="The systems whose rankings count, such as r0,r3; all of params.yaml by default."
        ),
    ] = None,
    split: Annotated[Literal["test", "dev"], typer.Option(help="The split.")] = "test",
    tokens: Annotated[
        int | None, typer.Option(min=1, help="Stop after this many prompt and completion tokens.")
    ] = None,
    money: Annotated[
        float | None, typer.Option(min=0, help="Stop at this cost, at the judge's `price`.")
    ] = None,
    sheet: Annotated[
        Path | None,
        typer.Option(
            help="With people:NAME: write the pairs as an annotation sheet (CSV and HTML)."
        ),
    ] = None,
) -> None:
    """Judge unjudged documents in the rankings. The labels are used for evaluation only."""
    from commands.judge.unjudged_command import fill

    fill(
        name,
        on,
        depth,
        limit,
        None if names is None else [one.strip() for one in names.split(",")],
        split,
        tokens,
        money,
        sheet,
    )


@judge_app.command("sheet")
def judge_sheet(
    round: Annotated[str, typer.Argument(help="The round whose pairs to label: r1, r2, ...")],
    out: Annotated[
        Path, typer.Option(help="The CSV file; an HTML page to fill it in is written beside it.")
    ],
    n: Annotated[
        int,
        typer.Option(
            "--n",
            help="Pairs to label. Positives and random documents are added as controls, 10 % each.",
        ),
    ] = 180,
    seed: Annotated[int, typer.Option(help="Seed of the random sample.")] = 0,
    of: Annotated[
        Literal["negatives", "candidates"],
        typer.Option(help="Pool to sample from. Judges read negatives."),
    ] = "negatives",
) -> None:
    """Write an annotation sheet of a round's pairs, as CSV and as an HTML page that opens
    offline.
    """
    from commands.judge.people import sheet

    sheet(round, n, out, seed, of)


@judge_app.command("read")
def judge_read(
    file: Annotated[Path, typer.Argument(help="The completed sheet.")],
    by: Annotated[str, typer.Option(help="The annotator's name, as in people:NAME.")],
) -> None:
    """Record the verdicts of a completed sheet, and report the annotator's accuracy on the
    control pairs.
    """
    from commands.judge.people import read

    read(file, by)


@judge_app.command("serve")
def judge_serve(
    model: Annotated[
        str, typer.Option(help="qwen2.5-coder-1.5b, a .gguf file, or owner/repository:file.gguf.")
    ] = "qwen2.5-coder-1.5b",
    port: Annotated[
        int, typer.Option(min=1, max=65535, help="Port on the loopback interface.")
    ] = 8080,
    slots: Annotated[int, typer.Option(min=1, help="Number of concurrent prompts.")] = 1,
    context: Annotated[
        int, typer.Option(min=256, help="Context length: tokens of prompt and answer together.")
    ] = 4096,
) -> None:
    """Serve a local model with the OpenAI protocol, until Ctrl-C."""
    from commands.judge.serve import serve

    serve(model, port, slots, context)


@judge_app.command("retry")
def judge_retry(
    round: Annotated[str, typer.Argument(help="The round whose unknown verdicts to retry.")],
) -> None:
    """Mark the unknown verdicts of a round for a retry by the next `dvc repro`."""
    from commands.judge.retry import retry

    retry(round)


@judgments_app.callback()
def judgments(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        from commands.judgments import show

        show()


@judgments_app.command("agreement")
def judgments_agreement() -> None:
    """Show the agreement of judges on the pairs that both judged."""
    from commands.judgments import agreement

    agreement()


@judgments_app.command("export")
def judgments_export(file: Annotated[Path, typer.Argument(help="A Parquet file.")]) -> None:
    """Write every judgment to a Parquet file."""
    from commands.judgments import export

    export(file)


@judgments_app.command("import")
def judgments_import(
    file: Annotated[Path, typer.Argument(help="A file that `export` wrote.")],
) -> None:
    """Add the judgments of a file, without duplicates."""
    from commands.judgments import import_from

    import_from(file)


def refuse_unread(given: dict[str, object], when: str) -> None:
    """Raises Refused if an option is given (not null) that has an effect only `when`."""
    if unread := [name for name, value in given.items() if value is not None]:
        raise Refused(
            f"{' and '.join(unread)} would have no effect: bench-labels reads "
            f"{'it' if len(unread) == 1 else 'them'} {when} only."
        )


def main() -> None:
    """Run a command. An error prints one sentence on standard error and exits with code 1."""
    for name, value in SWITCHES.items():
        os.environ.setdefault(name, value)
    with ended_by_sentences("hone"):
        app()


if __name__ == "__main__":
    main()
