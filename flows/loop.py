"""The loop as a Prefect flow: one task for each stage of DVC's graph, in its order.

DVC decides what must run; the flow adds what a graph cannot say: where to stop, how often to try again, an end when it is
cancelled, and a page on which one can watch. Run it with `python -m flows.loop`; docs/flow.md says the rest.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from graphlib import TopologicalSorter
from typing import Annotated, Any

from hone.stage import SWITCHES

# Before Prefect is imported: nothing phones home, and a slow machine may take its time to start a server.
os.environ.update(SWITCHES | {"PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "90", "PREFECT_LOGGING_LOG_PRINTS": "false"} | os.environ)

from prefect import flow, get_run_logger, runtime, task
from prefect.cache_policies import NO_CACHE
from prefect.futures import PrefectFuture, wait
from prefect.states import Completed, Failed, State
from prefect.task_runners import ThreadPoolTaskRunner
from pydantic import Field

from flows import access, artifacts, early_stop
from hone.config import params
from hone.config.params import Params
from hone.errors import Refused, nearest, printable
from hone.pipeline import graph as dvc
from hone.pipeline import repair
from hone.pipeline.watch import Watched, alone_here

access.protect()

FIRST = "resolve"
NOT_RUN = "Not run"
AT_ONCE = 2  # torch.lock lets one stage at a time compute; another can retrieve words or write tables meanwhile


@dataclass
class Loop:
    """What the tasks of one run share."""

    runner: dvc.Runner
    watched: Watched
    given: Params
    stages: list[dvc.Stage]
    progress: artifacts.Progress
    stale: set[str] = field(default_factory=set)
    stopped: str | None = None

    def bring_up_to_date(self, stage: dvc.Stage, outcomes: dict[str, str]) -> tuple[str, str]:
        """Do what a stage needs, if anything, and say what was done: a state's name and message."""
        self.watched.refuse_changes(f"before {stage.name}")
        if NOT_RUN in outcomes.values():
            return NOT_RUN, "; ".join(sorted(name for name, outcome in outcomes.items() if outcome == NOT_RUN)) + " did not run"
        reason = self.reason_to_stop(stage)
        if reason:
            self.stopped = self.stopped or reason
            return NOT_RUN, reason
        if stage.name not in self.stale and all(outcome == "Unchanged" for outcome in outcomes.values()):
            return "Unchanged", "DVC: neither it nor anything before it has changed"
        outcome = self.runner.run(stage.name, get_run_logger().info)
        self.watched.refuse_changes(f"while {stage.name} ran")
        return outcome, {"Completed": "ran", "Restored": "DVC had the result of an earlier run"}.get(outcome, "nothing to do")

    def reason_to_stop(self, stage: dvc.Stage) -> str | None:
        """Why the round of a stage is not run, where it is not."""
        if stage.round in self.given.rounds and early_stop.makes_model(stage):
            return early_stop.reason_to_stop(stage.round, self.given)
        return None


@task(cache_policy=NO_CACHE, persist_result=False)
def run_stage(stage: dvc.Stage, upstream: dict[str, str], loop: Loop) -> State:
    """Bring one stage up to date; `upstream` is what became of the stages before it."""
    outcome, message = loop.bring_up_to_date(stage, upstream)
    loop.progress.add(stage.name, outcome)
    return Completed(name=outcome, message=f"{stage.name}: {message}", data=outcome)


@flow(name="loop", task_runner=ThreadPoolTaskRunner(max_workers=AT_ONCE), persist_result=False)
def loop(until: str | None = None, retries: Annotated[int, Field(ge=0, le=10)] = 0) -> State:
    """Bring the rounds of params.yaml up to date, one task for each DVC stage.

    Args:
        until: A stage ("train@r2") or a round ("r1"): it and what it needs are run, nothing else. Null: everything.
        retries: How often a stage that failed is tried again, from where it was.
    """
    logger = get_run_logger()
    try:
        with alone_here(), dvc.Runner({"HONE_PREFECT_RUN": str(runtime.flow_run.id)}) as runner:
            watched = Watched()
            given = params.read()
            repair.main()
            stages = wanted(with_decisions(dvc.graph(), given), until)
            work = Loop(runner, watched, given, stages, artifacts.Progress(len(stages)))
            futures = submitted(work, retries)
            wait(list(futures.values()))
            state = result(work, {name: future.state for name, future in futures.items()})
    except Refused as refusal:
        return Failed(message=str(refusal))
    artifacts.scores(given)
    logger.info(state.message)
    return state


def submitted(work: Loop, retries: int) -> dict[str, PrefectFuture]:
    """A task for each stage.

    `resolve` writes what most stages read a part of, so it goes first, and DVC is asked what is out of date when it has ended.
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
        else:
            futures[stage.name] = run_stage.with_options(**options).submit(stage, upstream, work)
    return futures


def with_decisions(stages: list[dvc.Stage], given: Params) -> list[dvc.Stage]:
    """The stages, each round's also behind the evaluations that decide whether it runs, where a minimum gain is asked for."""
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
            stage, needs=(*stage.needs, *(name for name in before[stage.round] if name in names and name not in stage.needs))
        )
        if stage.round in before and early_stop.makes_model(stage)
        else stage
        for stage in stages
    }
    return [extended[name] for name in TopologicalSorter({stage.name: stage.needs for stage in extended.values()}).static_order()]


def decisive_evaluations(first: str, then: str, given: Params) -> list[str]:
    """The evaluations of two rounds whose difference is a gain."""
    return early_stop.evaluations_of(first, given) + early_stop.evaluations_of(then, given)


def wanted(stages: list[dvc.Stage], until: str | None) -> list[dvc.Stage]:
    """All stages, or those that lead to a stage or to the stages of a round, each after those it needs.

    Raises:
        Refused: there is no such stage or round.
    """
    if until is None:
        return stages
    by_name = {stage.name: stage for stage in stages}
    ends = [until] if until in by_name else [stage.name for stage in stages if stage.round == until]
    if not ends:
        rounds = {stage.round for stage in stages if stage.kind == "train"}
        raise Refused(f"there is no stage or round '{until}': {nearest(until, {*by_name, *rounds})}")
    needed: set[str] = set()
    while ends:
        name = ends.pop()
        if name not in needed:
            needed.add(name)
            ends += by_name[name].needs
    return [stage for stage in stages if stage.name in needed]


def result(work: Loop, states: dict[str, State]) -> State:
    """The flow's own state: what failed, by name, or what was done."""
    failed = {name: state.message for name, state in states.items() if state.is_failed() or state.is_crashed()}
    if failed:
        behind = [stage.name for stage in work.stages if stage.name not in states or states[stage.name].name in ("NotReady", "Pending")]
        reasons = "\n".join(message_of(text) for text in failed.values())
        waits = f"\nNot run because of it: {', '.join(behind)}." if behind else ""
        return Failed(message=f"{reasons}{waits}\nWhat is finished stays: mend the cause and run the same again.")
    if work.stopped:
        return Completed(
            name="Stopped early",
            message=f"{work.stopped}. The report waits for every round of params.yaml: take the rounds that did not run out of it "
            "and run again; nothing is trained twice.",
        )
    counts: dict[str, int] = {}
    for state in states.values():
        counts[state.name] = counts.get(state.name, 0) + 1
    return Completed(message=f"{len(states)} stages: {spelled(counts)}")


def message_of(text: str | None) -> str:
    """A failed task's message without the name of the error that Prefect puts before it."""
    words = text or "a stage failed and said nothing"
    for kind in (dvc.StageFailed, dvc.Stopping, Refused):
        words = words.replace(f"Task run encountered an exception {kind.__name__}: ", "").replace(f"{kind.__name__}: ", "")
    return words


def spelled(counts: dict[str, int]) -> str:
    names = ("Completed", "Restored", "Unchanged", NOT_RUN)
    return ", ".join(f"{counts[name]} {name.lower()}" for name in names if name in counts)


def main(arguments: Iterable[str] | None = None) -> int:
    """`python -m flows.loop [--until STAGE-OR-ROUND] [--retries N]`."""
    import argparse

    parser = argparse.ArgumentParser(prog="flows.loop", description="Bring the rounds of params.yaml up to date through Prefect.")
    parser.add_argument("--until", help="a stage (train@r2) or a round (r1): it and what it needs, nothing else")
    parser.add_argument("--retries", type=int, default=0, help="how often a stage that failed is tried again")
    given = parser.parse_args(None if arguments is None else list(arguments))
    access.join()
    state = loop(until=given.until, retries=given.retries, return_state=True)
    print(printable(f"{state.name}: {state.message}"), file=sys.stderr)
    return 0 if state.is_completed() else 1


if __name__ == "__main__":
    sys.exit(main())
