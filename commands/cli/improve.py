"""The commands of the panel Improve: recipes, generation, filters, judges and labels."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from commands.cli.options import Collection, OptionalCollection, Probe
from hone.errors import Refused

app = typer.Typer()
recipes_app = typer.Typer(no_args_is_help=True, help="List, describe and check recipes.")
generate_app = typer.Typer(no_args_is_help=True, help="Try the generation of queries.")
filters_app = typer.Typer(
    no_args_is_help=True, help="Measure what filters and free judges remove from a round."
)
judge_app = typer.Typer(no_args_is_help=True, help="Measure, run and serve judges.")
log_app = typer.Typer(
    invoke_without_command=True,
    help="Show the judgment log: every judge, its verdicts and its cost.",
)
annotate_app = typer.Typer(no_args_is_help=True, help="Let people label pairs.")
judge_app.add_typer(log_app, name="log")
app.add_typer(recipes_app, name="recipes")
app.add_typer(generate_app, name="generate")
app.add_typer(filters_app, name="filters")
app.add_typer(judge_app, name="judge")
app.add_typer(annotate_app, name="annotate")


@recipes_app.command("list")
def list_recipes() -> None:
    """List the recipes with their papers."""
    from commands.recipes.command import list_all

    list_all()


@recipes_app.command("show")
def show_recipe(
    name: Annotated[str, typer.Argument(help="The name of a recipe of rounds, or of generation.")],
    as_yaml: Annotated[
        bool, typer.Option("--yaml", help="Print the recipe as YAML with every default.")
    ] = False,
) -> None:
    """Describe a recipe: its stages, settings and source."""
    from commands.recipes.show import show

    show(name, as_yaml)


@recipes_app.command("check")
def check_recipes(
    name: Annotated[
        str | None,
        typer.Argument(
            help="A recipe or a file; by default all recipes and the rounds of params.yaml."
        ),
    ] = None,
) -> None:
    """Check recipes, and name the line and the nearest valid name of each mistake."""
    from commands.recipes.validate import check

    if not check(name):
        raise typer.Exit(1)


@generate_app.command("preview")
def generate_preview(
    collection: Annotated[
        str, typer.Argument(help="A collection of params.yaml that has been read.")
    ],
    recipe: Annotated[
        str | None,
        typer.Option(help="A recipe of generation. [that of params.yaml]"),
    ] = None,
    number: Annotated[int, typer.Option(help="Number of documents.")] = 10,
    all_filters: Annotated[
        bool,
        typer.Option(
            "--all-filters", help="Also apply filters that encode the collection or ask a judge."
        ),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the calls and their cost; send nothing.")
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="Send texts to an endpoint without asking.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON; ask nothing.")] = False,
) -> None:
    """Show what generation would send and cost, and the queries for the first documents. Their
    texts are kept, so the stage does not pay for them again.
    """
    from commands.generate.command import preview

    preview(collection, recipe, number, all_filters, dry_run, yes, json)


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
    warmup_recipe: Annotated[
        str | None,
        typer.Option(help="A recipe for a shared first round from which all variants start."),
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option(
            min=1, help="Training steps per round, the same for all variants; one epoch by default."
        ),
    ] = None,
    seed_offset: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Use the seeds after this number, if earlier ones were used for tuning. [0]",
        ),
    ] = None,
    contrast: Annotated[
        list[str] | None,
        typer.Option(help="ONE:OTHER, a comparison to test. Repeatable, six at most."),
    ] = None,
    collection: OptionalCollection = None,
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
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Show what would run and how long it takes; run nothing."),
    ] = False,
    probe: Probe = True,
    report_only: Annotated[
        bool, typer.Option("--report-only", help="Write the results so far; run nothing.")
    ] = False,
    refresh: Annotated[
        bool,
        typer.Option("--refresh", help="Run trials again if their results come from older code."),
    ] = False,
    only_arm: Annotated[
        str | None, typer.Option(help="Run just this variant; skip the summary.")
    ] = None,
    only_seed: Annotated[
        int | None, typer.Option(help="Run just this seed; skip the summary.")
    ] = None,
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
        "first": warmup_recipe,
        "steps": steps,
        "first_seed": None if seed_offset is None else seed_offset + 1,
        "contrasts": pairs,
    }
    changes |= {"collection": collection, "split": split, "tune": settings(tune) if tune else None}
    if report_only and (dry_run or refresh or only_arm is not None or only_seed is not None):
        raise Refused(
            "--report-only writes the results so far and runs nothing. Omit --dry-run, "
            "--refresh, --only-arm and --only-seed."
        )
    if not compare_recipes(
        what, changes, dry_run, probe, only_arm, only_seed, report_only, refresh
    ):
        raise typer.Exit(1)


@filters_app.command("measure")
def measure_filters(
    round: Annotated[str, typer.Argument(help="A round that mined candidates.")],
    depth: Annotated[int, typer.Option(help="Number of top candidates per query to check.")] = 10,
    negatives: Annotated[
        int, typer.Option(help="Negatives per query that a recipe would sample.")
    ] = 4,
) -> None:
    """Show how many held-out positives each filter and free judge catches, and how many true
    negatives it removes.
    """
    from commands.filters.measure import measure_filters as print_table

    print_table(round, depth, negatives)


@filters_app.command("train")
def train_filters(
    round: Annotated[str, typer.Argument(help="A round that mined candidates.")],
    arm: Annotated[
        list[str] | None,
        typer.Option(help="rule:NAME, judge:NAME, recipe:NAME, random or no-mining. Repeatable."),
    ] = None,
    seeds: Annotated[int, typer.Option(help="Training runs per variant.")] = 5,
    steps: Annotated[
        int | None, typer.Option(help="Steps per training run; the round's own by default.")
    ] = None,
    collection: OptionalCollection = None,
    depth: Annotated[int, typer.Option(help="Number of top candidates per query.")] = 10,
) -> None:
    """Train on the negatives that each filter leaves, and measure how much loss each recovers."""
    from commands.filters.train import train_filters as compare_filters

    compare_filters(round, arm, seeds, steps, collection, depth)


@app.command()
def calibrate(
    name: Annotated[
        str, typer.Argument(help="The evaluated round from which yours starts: r0, r1, ...")
    ],
    collection: Collection,
    max_negatives_lost: Annotated[
        float, typer.Option(help="Largest fraction of true negatives that the filter may remove.")
    ] = 0.1,
    max_false_negatives: Annotated[
        float,
        typer.Option(
            help="Largest fraction of false negatives among the negatives that it leaves."
        ),
    ] = 0.05,
    negatives: Annotated[
        int, typer.Option(help="Negatives per query that the recipe samples.")
    ] = 4,
    error_probability: Annotated[
        float, typer.Option(help="Error probability of the false-negative guarantee.")
    ] = 0.1,
    validation_splits: Annotated[
        int, typer.Option(help="Number of random half-splits for validation.")
    ] = 200,
) -> None:
    """Calibrate the threshold of the `positive-aware` filter on dev queries, in place of 0.95."""
    from commands.calibrate import calibrate as calibrate_threshold

    calibrate_threshold(
        name,
        collection,
        max_negatives_lost,
        max_false_negatives,
        negatives,
        error_probability,
        validation_splits,
    )


@judge_app.command("check")
def judge_check(
    name: Annotated[str, typer.Argument(help="An entry of params.yaml's `judges`.")],
    collection: Collection,
    round: Annotated[
        str | None,
        typer.Option(
            help="The round whose negatives are the candidates; by default the last one with "
            "negatives."
        ),
    ] = None,
    gold: Annotated[
        str | None,
        typer.Option(help="Source of gold labels: hidden, judge:NAME or people:NAME."),
    ] = None,
    sample: Annotated[int, typer.Option(help="Pairs per set, and number of gold labels.")] = 150,
    limit: Annotated[
        int | None, typer.Option(help="Largest number of pairs to query the judge with.")
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(help="The split: train, dev or test; by default the first with positives."),
    ] = None,
    annotations: Annotated[
        Path | None,
        typer.Option(help="A table with query-id, doc-id and one column per annotator."),
    ] = None,
    min_precision: Annotated[
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

        ask_again(name, collection, round, split, limit)
        return
    from commands.judge.check import check

    check(name, collection, round, gold, sample, limit, split, annotations, min_precision)


@judge_app.command("unjudged")
def judge_unjudged(
    name: Annotated[
        str, typer.Argument(help="An entry of params.yaml's `judges`, or people:NAME.")
    ],
    collection: Collection,
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
        int | None,
        typer.Option(
            min=1,
            help="Stop after this many prompt and completion tokens; for an endpoint without "
            "`price`, 2,000,000 by default.",
        ),
    ] = None,
    money: Annotated[
        float | None,
        typer.Option(
            min=0, help="Stop at this cost, at the judge's `price`; 5 by default with a price."
        ),
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
        collection,
        depth,
        limit,
        None if names is None else [one.strip() for one in names.split(",")],
        split,
        tokens,
        money,
        sheet,
    )


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


@annotate_app.command("create")
def create_sheet(
    round: Annotated[str, typer.Argument(help="The round whose pairs to label: r1, r2, ...")],
    out: Annotated[
        Path, typer.Option(help="The CSV file; an HTML page to fill it in is written beside it.")
    ],
    pairs: Annotated[
        int,
        typer.Option(
            help="Pairs to label. Positives and random documents are added as controls, 10 % each.",
        ),
    ] = 180,
    seed: Annotated[int, typer.Option(help="Seed of the random sample.")] = 0,
    pool: Annotated[
        Literal["negatives", "candidates"],
        typer.Option(help="Pool to sample from. Judges read negatives."),
    ] = "negatives",
) -> None:
    """Write an annotation sheet of a round's pairs, as CSV and as an HTML page that opens
    offline.
    """
    from commands.annotate import create_sheet as write_sheet

    write_sheet(round, pairs, out, seed, pool)


@annotate_app.command("import")
def import_sheet(
    file: Annotated[Path, typer.Argument(help="The completed sheet.")],
    annotator: Annotated[str, typer.Option(help="The annotator's name, as in people:NAME.")],
) -> None:
    """Record the verdicts of a completed sheet, and report the annotator's accuracy on the
    control pairs.
    """
    from commands.annotate import import_sheet as read_sheet

    read_sheet(file, annotator)


@log_app.callback()
def log(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        from commands.judge.log import show

        show()


@log_app.command("agreement")
def log_agreement() -> None:
    """Show the agreement of judges on the pairs that both judged."""
    from commands.judge.log import agreement

    agreement()


@log_app.command("export")
def log_export(file: Annotated[Path, typer.Argument(help="A Parquet file.")]) -> None:
    """Write every judgment to a Parquet file."""
    from commands.judge.log import export

    export(file)


@log_app.command("import")
def log_import(
    file: Annotated[Path, typer.Argument(help="A file that `export` wrote.")],
) -> None:
    """Add the judgments of a file, without duplicates."""
    from commands.judge.log import import_from

    import_from(file)
