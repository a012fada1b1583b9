"""`hone filters train`: the damage of false negatives to a trained model, and how much
each filter or judge repairs.
"""

from __future__ import annotations

from pathlib import Path

from commands.console import line, spell, table
from commands.filters import sentences
from commands.filters.arms import CLEAN, NOISY, Arm, arms, default_names
from commands.filters.measure import Bench, looked_at
from commands.filters.repaired_labels import MEASURE, Repaired, by_seed, repaired
from commands.filters.training import Run, StoredResult, Trial, run_of, written
from hone.errors import Refused, nearest
from hone.files import write_text
from hone.ir.split_names import name_split
from hone.layout import FILTERS

SEEDS = 5


def train_filters(
    round: str,
    names: list[str] | None = None,
    seeds: int = SEEDS,
    steps: int | None = None,
    on: str | None = None,
    depth: int = 10,
) -> list[Repaired]:
    """Train every arm with every seed, print the results, and write them below
    reports/filters/.

    Finished trainings are cached and not repeated, so a killed run can be resumed.

    Args:
        round: a round that mined candidates.
        names: names of arms; null: noisy, clean, and every free filter, judge and recipe.
        seeds: trainings of each arm. All arms of a seed start from the same model and get the same
            batches.
        steps: steps of each training; null: those of the round.
        on: the evaluation collection; null: the first of params.yaml.
        depth: candidates per query that are its mined negatives.

    Raises:
        Refused: no such round, arm or collection, no held-out positive, fewer than two judged
            queries, or nothing to train.
    """
    if seeds < 2:
        raise Refused(
            f"--seeds is {seeds}, which does not show the variance between runs. Use 2 or more, "
            f"preferably {SEEDS}."
        )
    if steps is not None and steps < 1:
        raise Refused(f"--steps is {steps}. Use 1 or more.")
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
    place = FILTERS / f"{round}-{collection}"
    written(Path(f"{place}.parquet"), sentences.every_query(scores, queries))
    write_text(Path(f"{place}.md"), sentences.markdown(found, made, about))
    line()
    line(about)
    line(sentences.sentence(found))
    line()
    table(sentences.COLUMNS, sentences.rows_of(found, made))
    line()
    for remark in sentences.remarks(found, made):
        line(remark)
    line(f"written: {place}.md, and {place}.parquet with every query of every seed")
    return found


def name_judged(run: Run) -> str:
    """The evaluation split for readers: `test`, `dev`, or `generated dev`."""
    return name_split(run.judged.split, run.judged.generated)


def refuse_one_query(run: Run) -> None:
    """Raises Refused if fewer than two queries are judged. The interval over queries and seeds
    needs two of each.
    """
    judged = run.judged.qrels["query_id"].unique()
    if len(judged) < 2:
        raise Refused(
            f"{run.collection} has only one judged {name_judged(run)} query, '{judged[0]}', but "
            "an interval needs at least two. "
            "Judge more queries, or choose another collection with --collection."
        )


def all_trained(run: Run, made: list[Arm], seeds: int) -> dict[str, list[StoredResult]]:
    """The results of every arm by seed. Missing ones are trained, all arms of a seed before the
    next seed.

    Arms with the same labels are trained once.
    """
    trials = {arm.name: [Trial(run, arm, seed) for seed in range(1, seeds + 1)] for arm in made}
    # Arms with the same labels have the same keys: the first of them in `made` is trained.
    work = {trial.key: trial for arm in reversed(made) for trial in trials[arm.name]}
    found = {key: stored for key, trial in work.items() if (stored := trial.stored()) is not None}
    differ = len({tuple(trial.key for trial in of_arm) for of_arm in trials.values()})
    line(f"{len(work)} trainings ({len(made)} arms, {differ} of them different, {seeds} seeds)")
    line(
        f"{len(found)} cached, {len(work) - len(found)} to "
        f"train{pace(found, len(work) - len(found))}"
    )
    for key, trial in sorted(work.items(), key=lambda item: item[1].seed):
        if key in found:
            continue
        found[key] = (
            trial.stored() or trial.train()
        )  # another process may have trained it meanwhile
        left = len(work) - len(found)
        line(
            f"seed {trial.seed}, {trial.arm.name}: nDCG@10 "
            f"{found[key].values[MEASURE].mean():.4f}; {left} left{pace(found, left)}"
        )
    return {name: [found[trial.key] for trial in of_arm] for name, of_arm in trials.items()}


def pace(found: dict[str, StoredResult], left: int) -> str:
    """The mean time per training, and the estimated time left; empty if nothing was trained."""
    if not found or not left:
        return ""
    each = sum(one.seconds for one in found.values()) / len(found)
    return (
        f"; {spell(each)} per training so far ({len(found)} trainings), about "
        f"{spell(each * left)} left"
    )


def collection_of(bench: Bench, on: str | None) -> str:
    """The evaluation collection."""
    known = bench.given.evaluate_on
    if on is not None and on not in known:
        raise Refused(
            f"--collection: {on} is not in `evaluate_on` of params.yaml: {nearest(on, known)}"
        )
    return on or known[0]


def in_words(bench: Bench, run: Run, seeds: int, depth: int) -> str:
    steps = run.section.steps or f"{run.section.epochs:g} epochs of"
    return (
        f"Round {bench.round}: the mined negatives are the first {depth} candidates of each "
        f"query. Training starts from {run.start.name}, "
        f"with {seeds} seeds of {steps} {'steps' if run.section.steps else 'training'} each. "
        "nDCG@10 is on "
        f"{len(run.judged.queries):,} {name_judged(run)} queries of {run.collection}. The 95 % "
        "intervals are over queries and seeds."
    )
