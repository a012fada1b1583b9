"""`hone`: what this checkout can do, what would run, and why something is as it is. `hone --help` lists the commands."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

sys.path.insert(0, str(Path.cwd()))  # the checkout one stands in is the one that is meant
if importlib.util.find_spec("tasks") is None:
    sys.exit("hone: this folder is no checkout of Hone: run it in the one that holds params.yaml and tasks/ (`cd` there first).")

from hone.errors import Refused
from hone.stage import SWITCHES, ended_by_sentences

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Makes dense retrievers better, in rounds. Run it in a checkout of Hone.",
)
store_app = typer.Typer(invoke_without_command=True, help="What the vector store holds, and what of it no model needs any more.")
export_app = typer.Typer(no_args_is_help=True, help="Write a round's data or its model for other tools.")
judge_app = typer.Typer(no_args_is_help=True, help="Judges: how far each can be believed, and how to use one.")
judgments_app = typer.Typer(invoke_without_command=True, help="The ledger: what was asked, by whom, and at what cost.")
app.add_typer(judgments_app, name="judgments")
app.add_typer(store_app, name="store")
app.add_typer(export_app, name="export")
app.add_typer(judge_app, name="judge")

Format = Literal["sentence-transformers", "flagembedding", "tevatron"]


@app.command()
def doctor() -> None:
    """What this machine and this checkout can do; each line is ok, or says what to do."""
    from commands.doctor import doctor as examine

    if not examine():
        raise typer.Exit(1)


@app.command()
def plan(probe: Annotated[bool, typer.Option(help="Measure this machine for half a minute, and estimate the time.")] = True) -> None:
    """What `dvc repro` would run, how many texts it would encode and pairs it would train on, disk and time."""
    from commands.plan.command import plan as show

    show(probe)


@app.command()
def why(
    query_id: str,
    doc_id: str,
    round: Annotated[str, typer.Option(help="The round: r1, r2, ...")],
) -> None:
    """The life of a pair in a round: retrieved by whom, removed or chosen, its label, the steps that it trained at."""
    from commands.why import why as tell

    tell(query_id, doc_id, round)


@app.command()
def compare(
    one: Annotated[str, typer.Argument(help="A round or reference that was evaluated (r0, r1, bm25, ...), or a run's id in MLflow.")],
    other: Annotated[str, typer.Argument(help="Another; what it gives more is told.")],
    on: Annotated[str | None, typer.Option(help="A collection; all by default.")] = None,
    margin: Annotated[float, typer.Option(help="Of nDCG@10, that may be lost without harm.")] = 0.005,
    out: Annotated[Path | None, typer.Option(help="A file: .md for the tables, .parquet for every query.")] = None,
    by: Annotated[str | None, typer.Option(help="A kind of query: dated, difficulty, long, overlap, unseen.")] = None,
    filled: Annotated[str | None, typer.Option(help="A judge that has filled holes (`hone judge holes`): with its labels too.")] = None,
) -> None:
    """Two rounds, query by query: what changed, how sure that is, and for which queries it got worse."""
    from commands.compare.command import compare as hold

    hold(one, other, on, margin, out, by, filled)


@app.command()
def threshold(
    name: Annotated[str, typer.Argument(help="A round that was evaluated, from which another starts: r0, r1, ...")],
    on: Annotated[str, typer.Option(help="A collection whose dev queries have several known answers.")],
    lose: Annotated[float, typer.Option(help="Share of true negatives that may be lost.")] = 0.1,
    false: Annotated[float, typer.Option(help="Share of what is kept that may be false.")] = 0.05,
    keep: Annotated[int, typer.Option(help="Negatives that the recipe chooses of a query.")] = 4,
    risk: Annotated[float, typer.Option(help="The chance that the second is wrong.")] = 0.1,
    splits: Annotated[int, typer.Option(help="Halvings of the queries on which both are tried.")] = 200,
) -> None:
    """The bound of `positive-aware` with a guarantee, from dev queries, in place of .95."""
    from commands.threshold import threshold as find

    find(name, on, lose, false, keep, risk, splits)


@app.command("bench-labels")
def bench_labels(
    round: Annotated[str, typer.Argument(help="A round that mined candidates.")],
    depth: Annotated[int, typer.Option(help="Of each query's candidates, the first so many are looked at.")] = 10,
    keep: Annotated[int | None, typer.Option(help="Without --train: negatives that a recipe would choose of each query. [4]")] = None,
    train: Annotated[bool, typer.Option("--train", help="Train on each arm's negatives, and say how much damage each repairs.")] = False,
    arm: Annotated[
        list[str] | None, typer.Option(help="With --train: rule:NAME, judge:NAME, recipe:NAME, random, no-mining; once for each.")
    ] = None,
    seeds: Annotated[int | None, typer.Option(help="With --train: trainings of each arm. [5]")] = None,
    steps: Annotated[int | None, typer.Option(help="With --train: of each training; the round's own by default.")] = None,
    on: Annotated[str | None, typer.Option(help="With --train: the collection that is evaluated on.")] = None,
) -> None:
    """How many hidden right answers each filter and each free judge finds among a round's candidates, and what else it removes."""
    of_training = {"--arm": arm or None, "--seeds": seeds, "--steps": steps, "--on": on}
    refuse_unread({"--keep": keep} if train else of_training, "without --train" if train else "with --train")
    if train:
        from commands.bench_labels.training_command import SEEDS, bench_training

        bench_training(round, arm, SEEDS if seeds is None else seeds, steps, on, depth)
        return
    from commands.bench_labels.command import KEEP
    from commands.bench_labels.command import bench_labels as hold

    hold(round, depth, KEEP if keep is None else keep)


@app.command()
def study(
    what: Annotated[list[str], typer.Argument(help="Recipes (top-k ance simans), or one file (studies/stronger-miner.yaml).")],
    rounds: Annotated[int | None, typer.Option(min=1, help="Of each recipe, one after the other. [1]")] = None,
    seeds: Annotated[int | None, typer.Option(min=1, help="Trials of each recipe; five or more make a claim. [5]")] = None,
    first: Annotated[str | None, typer.Option(help="A recipe whose round all begin with, the same for all.")] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Of training a round, the same for all; by default one epoch.")] = None,
    first_seed: Annotated[int | None, typer.Option(min=1, help="Fresh ones, where something was chosen by others. [1]")] = None,
    contrast: Annotated[list[str] | None, typer.Option(help="ONE:OTHER, tested; as often as needed, six at most.")] = None,
    on: Annotated[str | None, typer.Option(help="The collection; by default all that are evaluated on.")] = None,
    split: Annotated[str | None, typer.Option(help="Whose queries: test or dev. [test]")] = None,
    tune: Annotated[
        list[str] | None, typer.Option(help="A setting that each arm is tried with on dev, such as '{learning_rate: 2.0e-5}'; two or more.")
    ] = None,
    dry: Annotated[bool, typer.Option("--dry", help="Say what would run and how long it takes; run nothing.")] = False,
    probe: Annotated[bool, typer.Option(help="Measure the machine's speed for the estimate.")] = True,
    so_far: Annotated[bool, typer.Option("--so-far", help="Run nothing, and write what is known by now.")] = False,
    refresh: Annotated[bool, typer.Option("--refresh", help="Run trials again that have a result of older code.")] = False,
    arm: Annotated[str | None, typer.Option(help="Run this arm alone, and say nothing of the whole.")] = None,
    seed: Annotated[int | None, typer.Option(help="Run this seed alone, and say nothing of the whole.")] = None,
) -> None:
    """Recipes side by side: the same start, updates and queries, several seeds, contrasts named beforehand; goes on where it was."""
    from commands.study.command import study as compare_recipes
    from commands.study.design import settings

    pairs = [tuple(one.split(":")) for one in contrast] if contrast else None
    if pairs and any(len(pair) != 2 for pair in pairs):
        raise Refused(f"--contrast is ONE:OTHER, two arms of the study: {', '.join(contrast)}")
    changes = {"rounds": rounds, "seeds": seeds, "first": first, "steps": steps, "first_seed": first_seed, "contrasts": pairs}
    changes |= {"collection": on, "split": split, "tune": settings(tune) if tune else None}
    if so_far and (dry or refresh or arm is not None or seed is not None):
        raise Refused("--so-far writes what is known of the whole study and runs nothing: leave out --dry, --refresh, --arm and --seed.")
    if not compare_recipes(what, changes, dry, probe, arm, seed, so_far, refresh):
        raise typer.Exit(1)


@app.command()
def audit(
    what: Annotated[str, typer.Argument(help="A training file (JSON Lines), a folder of a collection, or the name of a collected one.")],
    test: Annotated[str | None, typer.Option(help="Another such: whatever of its queries stands in training is told.")] = None,
    out: Annotated[Path, typer.Option(help="The page.")] = Path("audit.html"),
    json: Annotated[bool, typer.Option("--json", help="Write every place of every finding beside the page.")] = False,
    verdicts: Annotated[Path | None, typer.Option(help="verdicts.csv from the page: gives the estimate with its interval.")] = None,
    encoder: Annotated[bool, typer.Option(help="Ask an encoder which negatives are suspicious.")] = True,
    model: Annotated[str | None, typer.Option(help="Which encoder; that of params.yaml by default.")] = None,
    seed: Annotated[int, typer.Option(help="Of what is drawn by lot.")] = 13,
) -> None:
    """What is wrong with training data, before anything trains: duplicates, false negatives, leaks, 50 pairs to read; one page."""
    from commands.audit.command import audit as examine

    examine(what, test, out, json, verdicts, encoder, model, seed)


@export_app.command("model")
def export_model(
    round: Annotated[str, typer.Argument(help="A round.")],
    out: Annotated[Path, typer.Argument(help="A new folder.")],
) -> None:
    """A round's model in a folder of its own, with the report's card of it."""
    from commands.export import export_model as write

    write(round, out)


@app.command()
def recipes(
    words: Annotated[
        list[str] | None, typer.Argument(metavar="NAME", help="A recipe: what it does, in order. With --check also a file.")
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Look for mistakes, in the recipe or file that is named, or in all.")] = False,
    as_yaml: Annotated[bool, typer.Option("--yaml", help="The recipe as a file that leaves nothing to defaults.")] = False,
) -> None:
    """List the recipes, tell what one does, or look for mistakes in one (`show NAME` and `check FILE` say the same)."""
    from commands.recipes.command import recipes as run

    if not run(words or [], check, as_yaml):
        raise typer.Exit(1)


@store_app.callback()
def store(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        from commands.store import show

        show()


@store_app.command("clean")
def store_clean(yes: Annotated[bool, typer.Option("--yes", help="Delete; without it, only list.")] = False) -> None:
    """Delete vectors of models that no round of this checkout has, damaged files, and old checkpoints."""
    from commands.store import clean

    clean(yes)


@export_app.command("data")
def export_data(
    round: Annotated[str, typer.Argument(help="The round whose labels are written: r1, r2, ...")],
    format: Annotated[Format, typer.Option(help="The layout of the lines.")],
    out: Annotated[Path | None, typer.Option(help="The file; by default <round>.<format>.jsonl here.")] = None,
) -> None:
    """Write the training data of a round as JSON Lines that other libraries read."""
    from commands.export import export

    export(round, format, out)


@judge_app.command("check")
def judge_check(
    name: Annotated[str, typer.Argument(help="An entry of params.yaml's `judges`.")],
    on: Annotated[str, typer.Option(help="The collection it is measured on.")],
    round: Annotated[str | None, typer.Option(help="Whose negatives are the candidates; by default the last that has some.")] = None,
    gold: Annotated[str | None, typer.Option(help="Who knows of candidates: hidden, judge:NAME or people:WHO.")] = None,
    pairs: Annotated[int, typer.Option(help="Pairs of each set, and gold verdicts.")] = 150,
    limit: Annotated[int | None, typer.Option(help="Most pairs that the judge is asked about.")] = None,
    split: Annotated[str | None, typer.Option(help="Whose queries: train, dev or test; by default the first with known answers.")] = None,
    people: Annotated[Path | None, typer.Option(help="A table with query-id, doc-id and a column for each of several people.")] = None,
    precision: Annotated[float, typer.Option(help="What the lower end of its precision must reach to promote.")] = 0.8,
    again: Annotated[
        bool, typer.Option("--again", help="Ask again about 20 pairs that it has answered, and count what has changed.")
    ] = False,
) -> None:
    """How well a judge tells answers from others, what its probabilities mean, what it costs, and whether it may promote."""
    if again:
        from commands.judge.again import again as ask_again

        ask_again(name, on, round, split, limit)
        return
    from commands.judge.check import check

    check(name, on, round, gold, pairs, limit, split, people, precision)


@judge_app.command("holes")
def judge_holes(
    name: Annotated[str, typer.Argument(help="An entry of params.yaml's `judges`, or people:NAME.")],
    on: Annotated[str, typer.Option(help="A collection that was evaluated.")],
    depth: Annotated[int, typer.Option(help="What a ranking shows among its first so many documents is judged.")] = 10,
    limit: Annotated[int | None, typer.Option(help="Most pairs, those first that weigh most; all by default.")] = None,
    names: Annotated[str | None, typer.Option(help="Whose rankings: r0,r3; by default all of params.yaml.")] = None,
    split: Annotated[Literal["test", "dev"], typer.Option(help="Whose queries.")] = "test",
    tokens: Annotated[int | None, typer.Option(min=1, help="Most that may be read and written.")] = None,
    money: Annotated[float | None, typer.Option(min=0, help="Most that may be spent, at the judge's `price`.")] = None,
    sheet: Annotated[Path | None, typer.Option(help="With people:NAME: write the pairs on a sheet, as CSV and as a page.")] = None,
) -> None:
    """Let a judge fill holes: documents that rankings show and nobody has judged, as labels of its own that nothing trains on."""
    from commands.judge.unjudged_command import fill

    fill(name, on, depth, limit, None if names is None else [one.strip() for one in names.split(",")], split, tokens, money, sheet)


@judge_app.command("sheet")
def judge_sheet(
    round: Annotated[str, typer.Argument(help="The round whose pairs are judged: r1, r2, ...")],
    out: Annotated[Path, typer.Option(help="The CSV file; a page that fills it in is written beside it.")],
    n: Annotated[int, typer.Option("--n", help="Pairs; known answers and random documents, a tenth each, come on top.")] = 180,
    seed: Annotated[int, typer.Option(help="Another seed draws other pairs.")] = 0,
    of: Annotated[Literal["negatives", "candidates"], typer.Option(help="What is drawn from: judges read negatives.")] = "negatives",
) -> None:
    """Write a sheet of a round's pairs for a person to judge, as CSV and as a page that opens offline."""
    from commands.judge.people import sheet

    sheet(round, n, out, seed, of)


@judge_app.command("read")
def judge_read(
    file: Annotated[Path, typer.Argument(help="The sheet, filled in.")],
    by: Annotated[str, typer.Option(help="Who judged: the judge people:NAME.")],
) -> None:
    """Record what a person said on a sheet, and say how the person did on the pairs that are known."""
    from commands.judge.people import read

    read(file, by)


@judge_app.command("serve")
def judge_serve(
    model: Annotated[str, typer.Option(help="qwen2.5-coder-1.5b, a .gguf file, or owner/repository:file.gguf.")] = "qwen2.5-coder-1.5b",
    port: Annotated[int, typer.Option(min=1, max=65535, help="On loopback.")] = 8080,
    slots: Annotated[int, typer.Option(min=1, help="Prompts at once.")] = 1,
    context: Annotated[int, typer.Option(min=256, help="Tokens of prompt and answer together.")] = 4096,
) -> None:
    """Serve a model of this machine by OpenAI's protocol, until Ctrl-C."""
    from commands.judge.serve import serve

    serve(model, port, slots, context)


@judge_app.command("retry")
def judge_retry(round: Annotated[str, typer.Argument(help="The round whose unknown verdicts are asked for again.")]) -> None:
    """Ask again what judges could not say in a round; `dvc repro` then does it."""
    from commands.judge.retry import retry

    retry(round)


@judgments_app.callback()
def judgments(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        from commands.judgments import show

        show()


@judgments_app.command("agreement")
def judgments_agreement() -> None:
    """How far judges agree on the questions that both answered."""
    from commands.judgments import agreement

    agreement()


@judgments_app.command("export")
def judgments_export(file: Annotated[Path, typer.Argument(help="A Parquet file.")]) -> None:
    """Write every judgment to a file."""
    from commands.judgments import export

    export(file)


@judgments_app.command("import")
def judgments_import(file: Annotated[Path, typer.Argument(help="A file that `export` wrote.")]) -> None:
    """Add the judgments of a file; what is there already adds nothing."""
    from commands.judgments import bring

    bring(file)


def refuse_unread(given: dict[str, object], when: str) -> None:
    """Raises Refused where an option is given (not null) that would change nothing: it is read only `when`."""
    if unread := [name for name, value in given.items() if value is not None]:
        raise Refused(
            f"{' and '.join(unread)} would change nothing: bench-labels reads {'it' if len(unread) == 1 else 'them'} {when} only."
        )


def main() -> None:
    """Run a command; what is refused is one sentence on standard error, and exit code 1."""
    for name, value in SWITCHES.items():
        os.environ.setdefault(name, value)
    with ended_by_sentences("hone"):
        app()


if __name__ == "__main__":
    main()
