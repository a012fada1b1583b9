"""A study as a Prefect flow: one task for each arm and seed, one after the other, and the result at the end.

What a trial is and what was run before is `hone study`'s to know: every task is that command for one trial, so that a flow that
was ended goes on where it was. Run it with `python -m flows.study`; docs/flow.md says the rest.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from hone.stage import SWITCHES

# Before Prefect is imported: nothing phones home, and a slow machine may take its time to start a server.
os.environ.update(SWITCHES | {"PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "90", "PREFECT_LOGGING_LOG_PRINTS": "false"} | os.environ)

from prefect import flow, get_run_logger, runtime, task
from prefect.cache_policies import NO_CACHE
from prefect.states import Completed, Failed, State
from pydantic import Field

from commands.study.design import Question, asked, settings
from commands.study.resume_command import option
from flows import access, artifacts
from flows.loop import format_counts, message_of
from hone.errors import Refused, printable
from hone.pipeline import graph as dvc
from hone.pipeline.watch import Watched, alone_here

access.protect()

PROJECT = Path(__file__).parent.parent
RESULT = "result"
PATIENCE = 2 * dvc.TERM_SECONDS  # the command ends DVC and its stage within one
# What the form offers: the files that are there when the flow is deployed.
RECIPES = tuple(sorted(file.stem for file in (PROJECT / "recipes").glob("*.yaml")))
FILES = tuple(sorted(f"studies/{file.name}" for file in (PROJECT / "studies").glob("*.yaml")))
Recipe = Literal[RECIPES] if RECIPES else str
StudyFile = Literal[FILES] if FILES else str
Setting = Annotated[str, Field(min_length=1, description="{learning_rate: 2.0e-5}")]
Contrast = Annotated[str, Field(pattern="^[^:]+:[^:]+$", description="ONE:OTHER")]


@dataclass(frozen=True)
class Work:
    """What the tasks of one run share: the command of the whole study, and who runs it."""

    runner: dvc.Runner
    watched: Watched
    command: list[str]

    def run(self, name: str, *more: str) -> str:
        """Run the command with more words; all that it said.

        Raises:
            StageFailed: it ended badly.
        """
        self.watched.refuse_changes(f"before {name}")
        code, said = self.runner.heard([*self.command, *more], name, get_run_logger().info)
        if code:
            raise dvc.StageFailed(f"{name} failed. It said last:\n{dvc.last_lines(said)}")
        return said


@task(cache_policy=NO_CACHE, persist_result=False)
def run_trial(arm: str, seed: int, work: Work) -> State:
    """Run an arm with a seed, unless it was run before."""
    name = name_of(arm, seed)
    outcome = told(work.run(name, "--arm", arm, "--seed", str(seed)), name)
    message = {"Completed": "ran", "Unchanged": "was run before"}[outcome]
    return Completed(name=outcome, message=f"{name}: {message}", data=outcome)


@task(name=RESULT, task_run_name=RESULT, cache_policy=NO_CACHE, persist_result=False)
def write_result(work: Work) -> State:
    """Write what all trials say together; one that failed is tried once more."""
    work.run("the result")
    return Completed(message="reports/studies/")


@flow(name="study", persist_result=False)
def study(
    # A list and not null: the form then has a multi-select. Nothing changes these lists.
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
    """Recipes side by side on the collections of params.yaml: what was run before is not run again.

    Args:
        recipes: The arms, each with every seed. None where a file says them.
        file: A study of studies/, with its question, arms and contrasts.
        rounds: Of each recipe, one after the other. Null: as the file says, or 1.
        seeds: Trials of each recipe; five or more make a claim. Null: as the file says, or 5.
        first: A recipe whose round all arms begin with. Null: as the file says, or none.
        steps: Of training a round, the same for all. Null: as the file says, or enough epochs.
        split: Whose queries are measured. Null: as the file says, or test.
        contrasts: ONE:OTHER, two arms each: OTHER - ONE is tested; six at most. None: as the file says, or each recipe against the
            strongest control.
        first_seed: Fresh seeds begin with it, where something was chosen by others. Null: as the file says, or 1.
        collection: That the contrasts are about. Null: as the file says, or all that are evaluated on.
        tune: Settings of training that each arm is tried with on dev queries before; it takes the best. None: as the file says, or no
            tuning.
        refresh: Run trials again that have a result of older code.
    """
    changes = {"rounds": rounds, "seeds": seeds, "first": first, "steps": steps, "first_seed": first_seed}
    try:
        changes |= {"contrasts": pairs(list(contrasts)), "collection": collection, "split": split}
        changes |= {"tune": settings(list(tune)) if tune else None}
        what = words(list(recipes), file)
        with alone_here(), dvc.Runner({"HONE_PREFECT_RUN": str(runtime.flow_run.id)}, PATIENCE) as runner:
            name, question = asked(what, changes)
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
    """Every arm with every seed, all arms of a seed before the next seed; a trial that fails does not keep the others from running."""
    return {
        name: run_trial.with_options(name=name, task_run_name=name)(arm, seed, work, return_state=True)
        for seed in question.all_seeds
        for arm in question.arms
        for name in [name_of(arm, seed)]
    }


def words(recipes: list[str], file: str | None) -> list[str]:
    """What the command is told that the study is of.

    Raises:
        Refused: neither recipes nor a file, or both.
    """
    if bool(recipes) == bool(file):
        raise Refused("a study is of recipes or of a file of studies/: name one of them" + (", not both." if file else "."))
    return [file] if file else recipes


def pairs(contrasts: list[str]) -> list[tuple[str, str]] | None:
    """Contrasts as a study has them; null where none is named.

    Raises:
        Refused: one is not two arms with a colon between them.
    """
    found = [tuple(one.split(":")) for one in contrasts]
    if odd := [one for one, arms in zip(contrasts, found, strict=True) if len(arms) != 2 or not all(arms)]:
        raise Refused(f"the contrast '{odd[0]}' is not ONE:OTHER, two arms of the study.")
    return found or None


def command(what: list[str], changes: dict[str, Any], refresh: bool = False) -> list[str]:
    """`hone study` of this environment, for the whole study."""
    said = [part for key, value in changes.items() if value is not None for part in option(key, value)]
    return [sys.executable, "-m", "commands", "study", *what, *said, *(["--refresh"] if refresh else []), "--no-probe"]


def name_of(arm: str, seed: int) -> str:
    """A trial's name, as `hone study` has it."""
    return f"{arm}, seed {seed}"


def told(said: str, name: str) -> dvc.Outcome:
    """What became of a trial, from what the command said of it."""
    return "Completed" if f"{name}: done" in said else "Unchanged"


def result(name: str, states: dict[str, State], last: State) -> State:
    """The flow's own state: what failed, by name, or what was done.

    The last task runs once more what failed: where it ended well, nothing is missing.
    """
    if last.is_completed():
        counts: dict[str, int] = {}
        for state in states.values():
            counts[state.name] = counts.get(state.name, 0) + 1
        return Completed(message=f"{len(states)} trials: {format_counts(counts)}. reports/studies/{name}/ has the result.")
    failed = [state.message for state in (*states.values(), last) if not state.is_completed()]
    reasons = "\n".join(message_of(text) for text in failed)
    return Failed(message=f"{reasons}\nWhat is finished stays: mend the cause and run the same again.")


def main(arguments: Iterable[str] | None = None) -> int:
    """`python -m flows.study [RECIPE... | FILE] [--rounds N] [--seeds N] [--steps N] [--split dev] [--contrast ONE:OTHER] ...`."""
    import argparse

    parser = argparse.ArgumentParser(prog="flows.study", description="Recipes side by side through Prefect.")
    parser.add_argument("what", nargs="+", help="recipes, or a file of studies/")
    parser.add_argument("--rounds", type=int, help="of each recipe")
    parser.add_argument("--seeds", type=int, help="of each recipe")
    parser.add_argument("--first", help="a recipe whose round all begin with")
    parser.add_argument("--steps", type=int, help="of training a round")
    parser.add_argument("--split", choices=["test", "dev"], help="whose queries are measured")
    parser.add_argument("--contrast", action="append", default=[], help="ONE:OTHER, tested; as often as needed, six at most")
    parser.add_argument("--first-seed", type=int, help="fresh seeds begin with it")
    parser.add_argument("--on", help="the collection that the contrasts are about")
    parser.add_argument("--tune", action="append", default=[], help="a setting that each arm is tried with on dev: {learning_rate: 2.0e-5}")
    parser.add_argument("--refresh", action="store_true", help="run trials again that have a result of older code")
    given = parser.parse_args(None if arguments is None else list(arguments))
    try:
        pairs(given.contrast)
        settings(given.tune)
    except Refused as refusal:
        parser.error(str(refusal))
    access.join()
    file = given.what[0] if len(given.what) == 1 and given.what[0].endswith((".yaml", ".yml")) else None
    recipes = [] if file else given.what
    state = study(
        recipes, file, rounds=given.rounds, seeds=given.seeds, first=given.first, steps=given.steps, split=given.split,
        contrasts=given.contrast, first_seed=given.first_seed, collection=given.on, tune=given.tune,
        refresh=given.refresh, return_state=True,
    )  # fmt: skip
    print(printable(f"{state.name}: {state.message}"), file=sys.stderr)
    return 0 if state.is_completed() else 1


if __name__ == "__main__":
    sys.exit(main())
