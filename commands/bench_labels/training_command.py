"""`hone bench-labels --train`: what false negatives cost a trained model, and how much each way of cleaning gives back."""

from __future__ import annotations

from pathlib import Path

from commands.bench_labels import sentences
from commands.bench_labels.arms import CLEAN, NOISY, Arm, arms, default_names
from commands.bench_labels.command import Bench, looked_at
from commands.bench_labels.repaired_labels import MEASURE, Repaired, by_seed, repaired
from commands.bench_labels.training import Kept, Run, Trial, run_of, written
from commands.console import line, spell, table
from hone.errors import Refused, nearest
from hone.files import write_text

REPORTS = Path("reports/bench-labels")
SEEDS = 5


def bench_training(
    round: str, names: list[str] | None = None, seeds: int = SEEDS, steps: int | None = None, on: str | None = None, depth: int = 10
) -> list[Repaired]:
    """Train every arm with every seed, say what each gives, and write it below reports/bench-labels/.

    What was trained before, by this command in whatever run of it, is not trained again; a run that was killed goes on.

    Args:
        round: one that mined candidates.
        names: of arms; null: noisy, clean, and whatever cleans and costs nothing.
        seeds: trainings of each arm; all arms of a seed start from the same model and see the same batches.
        steps: of each training; null: the round's own.
        on: a collection that is evaluated on; null: the first of params.yaml.
        depth: of each query's candidates, the first so many are its mined negatives.

    Raises:
        Refused: no such round, arm or collection, nothing is hidden, fewer than two queries are judged, or there is nothing to train.
    """
    if seeds < 2:
        raise Refused(f"--seeds is 2 or more, better {SEEDS}: {seeds} says nothing of another draw of batches.")
    if steps is not None and steps < 1:
        raise Refused(f"--steps is 1 or more: {steps}.")
    bench = looked_at(round, depth)
    collection = collection_of(bench, on)
    run = run_of(round, steps, collection, bench.training)
    refuse_one_query(run)
    made = arms(bench, names or default_names(bench), run.section.negatives)
    results = all_trained(run, made, seeds)
    scores = {name: by_seed([one.values for one in by_arm]) for name, by_arm in results.items()}
    found = repaired(scores, NOISY, CLEAN)
    about = in_words(bench, run, seeds, depth)
    queries = results[NOISY][0].values["query_id"].sort()
    place = REPORTS / f"{round}-{collection}"
    written(Path(f"{place}.parquet"), sentences.every_query(scores, queries))
    write_text(Path(f"{place}.md"), sentences.markdown(found, made, about))
    line()
    line(about)
    line(sentences.sentence(found))
    line()
    table(sentences.COLUMNS, sentences.rows_of(found, made))
    line()
    for said in sentences.remarks(found, made):
        line(said)
    line(f"written: {place}.md, and every query of every seed in {place}.parquet")
    return found


def refuse_one_query(run: Run) -> None:
    """Raises Refused where fewer than two queries are judged: the interval over queries and seeds needs two of each."""
    judged = run.judged.qrels["query_id"].unique()
    if len(judged) < 2:
        raise Refused(
            f"{run.collection} has one judged {run.judged.split} query, '{judged[0]}', which says nothing of others. "
            "Judge more of them, or choose another collection with --on."
        )


def all_trained(run: Run, made: list[Arm], seeds: int) -> dict[str, list[Kept]]:
    """The results of every arm, seed by seed; what was not trained yet is, all arms of a seed before the next seed.

    Arms with the same labels are trained once.
    """
    trials = {arm.name: [Trial(run, arm, seed) for seed in range(1, seeds + 1)] for arm in made}
    # Arms with the same labels have the same keys: the first of them in `made` is trained.
    work = {trial.key: trial for arm in reversed(made) for trial in trials[arm.name]}
    found = {key: there for key, trial in work.items() if (there := trial.kept()) is not None}
    differ = len({tuple(trial.key for trial in of_arm) for of_arm in trials.values()})
    line(f"{len(work)} trainings ({len(made)} arms, of which {differ} differ, {seeds} seeds)")
    line(f"{len(found)} are kept from before, {len(work) - len(found)} to do{pace(found, len(work) - len(found))}")
    for key, trial in sorted(work.items(), key=lambda item: item[1].seed):
        if key in found:
            continue
        found[key] = trial.kept() or trial.trained()  # another process may have done it meanwhile
        left = len(work) - len(found)
        line(f"seed {trial.seed}, {trial.arm.name}: nDCG@10 {found[key].values[MEASURE].mean():.4f}; {left} left{pace(found, left)}")
    return {name: [found[trial.key] for trial in of_arm] for name, of_arm in trials.items()}


def pace(found: dict[str, Kept], left: int) -> str:
    """How long each took so far, and what that makes of those that are left; nothing where none was trained."""
    if not found or not left:
        return ""
    each = sum(one.seconds for one in found.values()) / len(found)
    return f"; each took {spell(each)} so far ({len(found)} trainings), so about {spell(each * left)} to go"


def collection_of(bench: Bench, on: str | None) -> str:
    """The collection that is evaluated on."""
    known = bench.given.evaluate_on
    if on is not None and on not in known:
        raise Refused(f"--on: {on} is not in `evaluate_on` of params.yaml: {nearest(on, known)}")
    return on or known[0]


def in_words(bench: Bench, run: Run, seeds: int, depth: int) -> str:
    steps = run.section.steps or f"{run.section.epochs:g} epochs of"
    return (
        f"Round {bench.round}, the first {depth} candidates of each query as its mined negatives, from {run.start.name}, {seeds} seeds of "
        f"{steps} {'steps' if run.section.steps else 'training'} each; nDCG@10 on {len(run.judged.queries):,} {run.judged.split} "
        f"queries of {run.collection}. Intervals are 95 %, over queries and seeds."
    )
