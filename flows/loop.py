"""The loop as a Prefect flow: one task per stage of DVC's graph, in topological order.

DVC decides what must run. The flow adds early stopping, retries, cancellation and a page with the
progress. Run it with `python -m flows.loop`. See docs/how-to/schedule.md.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, field, replace
from graphlib import TopologicalSorter
from typing import Annotated, Any

from hone.stage import SWITCHES

# Set these before importing Prefect: no telemetry, and enough time to start a server on a slow
# machine.
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
from prefect.futures import PrefectFuture, wait
from prefect.states import Completed, Failed, State
from prefect.task_runners import ThreadPoolTaskRunner
from pydantic import Field

from flows import access, artifacts, early_stop
from hone.config import params
from hone.config.params import Params
from hone.errors import Refused, printable
from hone.pipeline import graph as dvc
from hone.pipeline import repair
from hone.pipeline.abandoned import end_abandoned
from hone.pipeline.tracker import Tracker
from hone.pipeline.watch import Watched, alone_here

access.protect()

FIRST = "resolve"
NOT_RUN = "Not run"
# torch.lock allows one stage at a time to use torch; a second stage can run BM25 or write tables
# meanwhile
AT_ONCE = 2


@dataclass
class Loop:
    """The shared state of the tasks of one run."""

    runner: dvc.Runner
    watched: Watched
    given: Params
    stages: list[dvc.Stage]
    progress: artifacts.Progress
    stale: set[str] = field(default_factory=set)
    stopped: str | None = None

    def bring_up_to_date(self, stage: dvc.Stage, outcomes: dict[str, str]) -> tuple[str, str]:
        """Run or restore a stage if needed. Returns the name and message of its state."""
        self.watched.refuse_changes(f"before {stage.name}")
        if NOT_RUN in outcomes.values():
            return NOT_RUN, "; ".join(
                sorted(name for name, outcome in outcomes.items() if outcome == NOT_RUN)
            ) + " did not run"
        reason = self.reason_to_stop(stage)
        if reason:
            self.stopped = self.stopped or reason
            return NOT_RUN, reason
        if stage.name not in self.stale and all(
            outcome == "Unchanged" for outcome in outcomes.values()
        ):
            return "Unchanged", "DVC: the stage and its dependencies are unchanged"
        self.progress.begin(stage.name)
        outcome = self.runner.run(stage.name, get_run_logger().info)
        self.watched.refuse_changes(f"while {stage.name} ran")
        return outcome, {"Completed": "ran", "Restored": "restored from the DVC cache"}.get(
            outcome, "nothing to do"
        )

    def reason_to_stop(self, stage: dvc.Stage) -> str | None:
        """The reason to skip the round of a stage; null to run it."""
        if stage.round in self.given.rounds and early_stop.makes_model(stage):
            return early_stop.reason_to_stop(stage.round, self.given)
        return None


@task(cache_policy=NO_CACHE, persist_result=False)
def run_stage(stage: dvc.Stage, upstream: dict[str, str], loop: Loop) -> State:
    """Bring one stage up to date. `upstream` has the outcomes of the stages that it depends on."""
    try:
        outcome, message = loop.bring_up_to_date(stage, upstream)
    except BaseException:
        loop.progress.tracker.drop(stage.name)
        raise
    loop.progress.finish(stage.name, outcome)
    return Completed(name=outcome, message=f"{stage.name}: {message}", data=outcome)


@flow(name="loop", task_runner=ThreadPoolTaskRunner(max_workers=AT_ONCE), persist_result=False)
def loop(until: str | None = None, retries: Annotated[int, Field(ge=0, le=10)] = 0) -> State:
    """Bring the rounds of params.yaml up to date, one task for each DVC stage.

    Args:
        until: A stage ("train@r2") or a round ("r1"). Only it and its dependencies are run. Null:
            everything.
        retries: How often to retry a failed stage. It resumes where it stopped.
    """
    logger = get_run_logger()
    try:
        with alone_here(), dvc.Runner({"HONE_PREFECT_RUN": str(runtime.flow_run.id)}) as runner:
            watched = Watched()
            given = params.read()
            end_abandoned()
            repair.main()
            stages = dvc.select_stages(add_decisions(dvc.graph(), given), until)
            with closing(Tracker("flows.loop", [stage.name for stage in stages])) as tracker:
                runner.started = tracker.add_group
                work = Loop(runner, watched, given, stages, artifacts.Progress(tracker))
                futures = submit_stages(work, retries)
                wait(list(futures.values()))
            state = summarize_run(work, {name: future.state for name, future in futures.items()})
    except Refused as refusal:
        return Failed(message=str(refusal))
    artifacts.scores(given)
    logger.info(state.message)
    return state


def submit_stages(work: Loop, retries: int) -> dict[str, PrefectFuture]:
    """Submit a task for each stage.

    `resolve` writes inputs of most stages, so it runs first. After that, the outdated stages are
    determined again.
    """
    futures: dict[str, PrefectFuture] = {}
    work.stale = dvc.out_of_date()
    for stage in work.stages:
        upstream: dict[str, Any] = {name: futures[name] for name in stage.needs}
        if FIRST in upstream:
            upstream[FIRST] = "Unchanged"
        options = {"name": stage.name, "task_run_name": stage.name, "retries": retries}
        if stage.name == FIRST:
            futures[stage.name] = run_stage.with_options(**options).submit(stage, upstream, work)
            futures[stage.name].wait()
            if not futures[stage.name].state.is_completed():
                break
            if futures[stage.name].state.name != "Unchanged":
                work.stale = dvc.out_of_date()
            work.progress.tracker.expect(dvc.add_dependents(work.stages, work.stale))
        else:
            futures[stage.name] = run_stage.with_options(**options).submit(stage, upstream, work)
    return futures


def add_decisions(stages: list[dvc.Stage], given: Params) -> list[dvc.Stage]:
    """Make each round depend on the evaluations that decide whether it runs, if a minimum gain
    is set.
    """
    if given.stop.minimum_gain is None:
        return stages
    names = [stage.name for stage in stages]
    before = {
        name: decisive_evaluations(given.rounds[item.start].start, item.start, given)
        for name, item in given.rounds.items()
        if item.start in given.rounds
    }
    extended = {
        stage.name: replace(
            stage,
            needs=(
                *stage.needs,
                *(
                    name
                    for name in before[stage.round]
                    if name in names and name not in stage.needs
                ),
            ),
        )
        if stage.round in before and early_stop.makes_model(stage)
        else stage
        for stage in stages
    }
    return [
        extended[name]
        for name in TopologicalSorter(
            {stage.name: stage.needs for stage in extended.values()}
        ).static_order()
    ]


def decisive_evaluations(first: str, then: str, given: Params) -> list[str]:
    """The evaluations of two rounds from which a gain is computed."""
    return early_stop.evaluations_of(first, given) + early_stop.evaluations_of(then, given)


def summarize_run(work: Loop, states: dict[str, State]) -> State:
    """The state of the flow: the failed stages, or the counts of outcomes."""
    failed = {
        name: state.message
        for name, state in states.items()
        if state.is_failed() or state.is_crashed()
    }
    if failed:
        behind = [
            stage.name
            for stage in work.stages
            if stage.name not in states or states[stage.name].name in ("NotReady", "Pending")
        ]
        reasons = "\n".join(message_of(text) for text in failed.values())
        skipped = f"\nSkipped because of this: {', '.join(behind)}." if behind else ""
        return Failed(
            message=f"{reasons}{skipped}\nFinished stages are kept. Fix the problem and rerun the "
            "command."
        )
    if work.stopped:
        return Completed(
            name="Stopped early",
            message=f"{work.stopped}. The report needs every round of params.yaml. Remove the "
            "rounds that did not run from it, and run "
            "again. Nothing is trained twice.",
        )
    counts: dict[str, int] = {}
    for state in states.values():
        counts[state.name] = counts.get(state.name, 0) + 1
    return Completed(message=f"{len(states)} stages: {format_counts(counts)}")


def message_of(text: str | None) -> str:
    """A failed task's message, without Prefect's prefix and the name of the exception."""
    words = text or "a stage failed without a message"
    for kind in (dvc.StageFailed, dvc.Stopping, Refused):
        words = words.replace(f"Task run encountered an exception {kind.__name__}: ", "").replace(
            f"{kind.__name__}: ", ""
        )
    return words


def format_counts(counts: dict[str, int]) -> str:
    names = ("Completed", "Restored", "Unchanged", NOT_RUN)
    return ", ".join(f"{counts[name]} {name.lower()}" for name in names if name in counts)


def main(arguments: Iterable[str] | None = None) -> int:
    """`python -m flows.loop [--until STAGE-OR-ROUND] [--retries N]`."""
    import argparse

    parser = argparse.ArgumentParser(
        prog="flows.loop", description="Bring the rounds of params.yaml up to date through Prefect."
    )
    parser.add_argument(
        "--until", help="a stage (train@r2) or a round (r1); run only it and its dependencies"
    )
    parser.add_argument("--retries", type=int, default=0, help="how often to retry a failed stage")
    given = parser.parse_args(None if arguments is None else list(arguments))
    access.join()
    state = loop(until=given.until, retries=given.retries, return_state=True)
    print(printable(f"{state.name}: {state.message}"), file=sys.stderr)
    return 0 if state.is_completed() else 1


if __name__ == "__main__":
    sys.exit(main())
