"""A study as a Prefect flow: one task for each variant and seed, in sequence, and a task for the
result.

Each task runs `hone study` for one trial. The command decides which trials are finished, so an
interrupted flow can be resumed. Run it with `python -m flows.study`; see docs/how-to/schedule.md.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from hone.stage import SWITCHES

# Set before Prefect is imported: telemetry is off, and a slow machine gets more time to start a
# server.
os.environ.update(
    SWITCHES
    | {
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "90",
        "PREFECT_LOGGING_LOG_PRINTS": "false",
    }
    | os.environ
)

from prefect import flow, get_run_logger, runtime, task
from prefect.cache_policies import NO_CACHE
from prefect.states import Completed, Failed, State
from pydantic import Field

from commands.study.design import Question, parse_question, settings
from commands.study.resume_command import option
from flows import access, artifacts
from flows.loop import format_counts, message_of
from hone.errors import Refused, printable
from hone.pipeline import graph as dvc
from hone.pipeline.watch import Watched, alone_here

access.protect()

PROJECT = Path(__file__).parent.parent
RESULT = "result"
PATIENCE = 2 * dvc.TERM_SECONDS  # the command ends DVC and its stage within TERM_SECONDS
# The choices of the form: the files that exist when the flow is deployed.
RECIPES = tuple(sorted(file.stem for file in (PROJECT / "recipes").glob("*.yaml")))
FILES = tuple(sorted(f"studies/{file.name}" for file in (PROJECT / "studies").glob("*.yaml")))
Recipe = Literal[RECIPES] if RECIPES else str
StudyFile = Literal[FILES] if FILES else str
Setting = Annotated[str, Field(min_length=1, description="{learning_rate: 2.0e-5}")]
Contrast = Annotated[str, Field(pattern="^[^:]+:[^:]+$", description="ONE:OTHER")]


@dataclass(frozen=True)
class Work:
    """State that the tasks of one run share: the command of the whole study and its runner."""

    runner: dvc.Runner
    watched: Watched
    command: list[str]

    def run(self, name: str, *more: str) -> str:
        """Run the command with more arguments, and return its output.

        Raises:
            StageFailed: the command failed.
        """
        self.watched.refuse_changes(f"before {name}")
        code, output = self.runner.run_command([*self.command, *more], name, get_run_logger().info)
        if code:
            raise dvc.StageFailed(
                f"{name} failed. Last lines of its output:\n{dvc.last_lines(output)}"
            )
        return output


@task(cache_policy=NO_CACHE, persist_result=False)
def run_trial(arm: str, seed: int, work: Work) -> State:
    """Run a variant with a seed, unless the trial has a result."""
    name = name_of(arm, seed)
    outcome = read_outcome(work.run(name, "--only-arm", arm, "--only-seed", str(seed)), name)
    message = {"Completed": "ran", "Unchanged": "already has a result"}[outcome]
    return Completed(name=outcome, message=f"{name}: {message}", data=outcome)


@task(name=RESULT, task_run_name=RESULT, cache_policy=NO_CACHE, persist_result=False)
def write_result(work: Work) -> State:
    """Write the result of all trials. A trial that failed runs once more."""
    work.run("the result")
    return Completed(message="reports/studies/")


@flow(name="study", persist_result=False)
def study(
    # Lists, not null: the form then has a multi-select. Nothing changes these lists.
    recipes: list[Recipe] = [],  # noqa: B006
    file: StudyFile | None = None,
    rounds: Annotated[int, Field(ge=1, le=10)] | None = None,
    seeds: Annotated[int, Field(ge=1, le=100)] | None = None,
    first: Recipe | None = None,
    steps: Annotated[int, Field(ge=1)] | None = None,
    split: Literal["test", "dev"] | None = None,
    contrasts: list[Contrast] = [],  # noqa: B006
    first_seed: Annotated[int, Field(ge=1)] | None = None,
    collection: str | None = None,
    tune: list[Setting] = [],  # noqa: B006
    refresh: bool = False,
) -> State:
    """Compare recipes on the collections of params.yaml. Finished trials do not run again.

    Args:
        recipes: The recipes to compare, each with every seed. Leave empty if you choose a file.
        file: A file of studies/, with its question, arms and contrasts.
        rounds: Number of rounds of each recipe. Null: the file's value, or 1.
        seeds: Number of trials of each recipe. Use five or more for a claim. Null: the file's
            value, or 5.
        first: The recipe of a first round that all variants share. Null: the file's value, or none.
        steps: Training steps of a round, the same for all. Null: the file's value, or enough
            epochs.
        split: The split that is measured. Null: the file's value, or test.
        contrasts: Comparisons to test, as ONE:OTHER (OTHER - ONE), at most six. Empty: the file's,
            or each recipe against one control (in-batch, else random, else the first other
            control).
        first_seed: The first seed. Use unseen seeds if earlier ones were used for tuning. Null: the
            file's value, or 1.
        collection: The collection of the comparisons. Null: the file's value, or all evaluation
            collections.
        tune: Training settings. Each variant is tried with each on dev queries, and the best is
            used. Empty: the file's, or no tuning.
        refresh: Also run trials whose result is from older code.
    """
    changes = {
        "rounds": rounds,
        "seeds": seeds,
        "first": first,
        "steps": steps,
        "first_seed": first_seed,
    }
    try:
        changes |= {"contrasts": pairs(list(contrasts)), "collection": collection, "split": split}
        changes |= {"tune": settings(list(tune)) if tune else None}
        what = words(list(recipes), file)
        with (
            alone_here(),
            dvc.Runner({"HONE_PREFECT_RUN": str(runtime.flow_run.id)}, PATIENCE) as runner,
        ):
            name, question = parse_question(what, changes)
            work = Work(runner, Watched(), command(what, changes, refresh))
            states = run_all(question, work)
            last = write_result(work, return_state=True)
    except Refused as refusal:
        return Failed(message=str(refusal))
    artifacts.study(name)
    state = result(name, states, last)
    get_run_logger().info(state.message)
    return state


def run_all(question: Question, work: Work) -> dict[str, State]:
    """Run every variant with every seed, all variants of a seed before the next seed. The other
    trials run even if one fails.
    """
    return {
        name: run_trial.with_options(name=name, task_run_name=name)(
            arm, seed, work, return_state=True
        )
        for seed in question.all_seeds
        for arm in question.arms
        for name in [name_of(arm, seed)]
    }


def words(recipes: list[str], file: str | None) -> list[str]:
    """The positional arguments of the command: recipes or a file.

    Raises:
        Refused: neither recipes nor a file is given, or both are.
    """
    if bool(recipes) == bool(file):
        raise Refused(
            "A study needs recipes or a file of studies/. Choose one of them"
            + (", not both." if file else ".")
        )
    return [file] if file else recipes


def pairs(contrasts: list[str]) -> list[tuple[str, str]] | None:
    """The contrasts as pairs of names; null if there are none.

    Raises:
        Refused: a contrast is not two names separated by a colon.
    """
    found = [tuple(one.split(":")) for one in contrasts]
    if odd := [
        one for one, arms in zip(contrasts, found, strict=True) if len(arms) != 2 or not all(arms)
    ]:
        raise Refused(
            f"Contrast '{odd[0]}' is not valid. Write it as ONE:OTHER, with two arms of the study."
        )
    return found or None


def command(what: list[str], changes: dict[str, Any], refresh: bool = False) -> list[str]:
    """The `hone study` command of this environment, for the whole study."""
    options = [
        part for key, value in changes.items() if value is not None for part in option(key, value)
    ]
    return [
        sys.executable,
        "-m",
        "commands",
        "study",
        *what,
        *options,
        *(["--refresh"] if refresh else []),
        "--no-probe",
    ]


def name_of(arm: str, seed: int) -> str:
    """The name that `hone study` gives a trial."""
    return f"{arm}, seed {seed}"


def read_outcome(output: str, name: str) -> dvc.Outcome:
    """The outcome of a trial, from the output of the command."""
    return "Completed" if f"{name}: done" in output else "Unchanged"


def result(name: str, states: dict[str, State], last: State) -> State:
    """The state of the flow: the failures by name, or the counts of trials.

    The last task runs failed trials once more. If it succeeds, no trial is missing.
    """
    if last.is_completed():
        counts: dict[str, int] = {}
        for state in states.values():
            counts[state.name] = counts.get(state.name, 0) + 1
        return Completed(
            message=f"{len(states)} trials: {format_counts(counts)}. Result: "
            f"reports/studies/{name}/."
        )
    failed = [state.message for state in (*states.values(), last) if not state.is_completed()]
    reasons = "\n".join(message_of(text) for text in failed)
    return Failed(
        message=f"{reasons}\nFinished trials are kept. Fix the cause and run the same command "
        "again."
    )


def main(arguments: Iterable[str] | None = None) -> int:
    """Run `python -m flows.study [RECIPE... | FILE]` with options such as `--rounds N`."""
    import argparse

    parser = argparse.ArgumentParser(
        prog="flows.study", description="Compare recipes, with Prefect."
    )
    parser.add_argument("what", nargs="+", help="recipes, or a file of studies/")
    parser.add_argument("--rounds", type=int, help="number of rounds of each recipe")
    parser.add_argument("--seeds", type=int, help="number of seeds of each recipe")
    parser.add_argument(
        "--warmup-recipe", dest="first", help="the recipe of a first round that all share"
    )
    parser.add_argument("--steps", type=int, help="training steps of a round")
    parser.add_argument("--split", choices=["test", "dev"], help="the split that is measured")
    parser.add_argument(
        "--contrast",
        action="append",
        default=[],
        help="ONE:OTHER, a comparison to test; repeatable, at most six",
    )
    parser.add_argument("--seed-offset", type=int, help="use the seeds after this number")
    parser.add_argument("--collection", help="the collection of the comparisons")
    parser.add_argument(
        "--tune",
        action="append",
        default=[],
        help="a setting to try on dev, such as {learning_rate: 2.0e-5}",
    )
    parser.add_argument(
        "--refresh", action="store_true", help="also run trials whose result is from older code"
    )
    given = parser.parse_args(None if arguments is None else list(arguments))
    try:
        pairs(given.contrast)
        settings(given.tune)
    except Refused as refusal:
        parser.error(str(refusal))
    access.join()
    file = (
        given.what[0]
        if len(given.what) == 1 and given.what[0].endswith((".yaml", ".yml"))
        else None
    )
    recipes = [] if file else given.what
    state = study(
        recipes,
        file,
        rounds=given.rounds,
        seeds=given.seeds,
        first=given.first,
        steps=given.steps,
        split=given.split,
        contrasts=given.contrast,
        first_seed=None if given.seed_offset is None else given.seed_offset + 1,
        collection=given.collection,
        tune=given.tune,
        refresh=given.refresh,
        return_state=True,
    )
    print(printable(f"{state.name}: {state.message}"), file=sys.stderr)
    return 0 if state.is_completed() else 1


if __name__ == "__main__":
    sys.exit(main())
