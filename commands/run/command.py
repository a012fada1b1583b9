"""`hone run`: repair what a kill left, run `dvc repro` with progress, print the verdict last."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager

from commands.run.display import open_display
from commands.run.dvc_output import DvcOutput
from commands.run.summary import print_result
from hone.errors import Refused
from hone.pipeline import graph as dvc
from hone.pipeline import repair
from hone.pipeline.abandoned import end_abandoned
from hone.pipeline.tracker import Tracker
from hone.pipeline.watch import Watched, alone_here, refuse_running_dvc
from hone.stage import say

FIRST = "resolve"  # writes inputs of most stages
INTERRUPTED = 130  # the exit status after Ctrl-C, as in a shell


def run(until: str | None = None) -> None:
    """Bring the rounds of params.yaml up to date.

    Args:
        until: a stage or a round; only it and its dependencies run. Null: everything.

    Raises:
        Refused: a stage failed, the stage or round does not exist, or another run uses this folder.
    """
    command = f"hone run --until {shlex.quote(until)}" if until else "hone run"
    with alone_here():
        prepare_folder()
        watched = Watched()
        every = [stage for stage in dvc.graph() if not stage.name.endswith(".dvc")]
        stages = dvc.select_stages(every, until)
        with tracked(command, stages) as tracker, dvc.Runner(started=tracker.add_group) as runner:
            run_stages(until, stages, watched, tracker, runner)
        if watched.changed():
            say(
                "params.yaml, dvc.yaml or a recipe changed during the run. Run `hone run` again to "
                "use the change."
            )
        print_result(every, stages)


def prepare_folder() -> None:
    """End the processes of a killed run, and repair the files that it left half written.

    Raises:
        Refused: DVC runs here.
    """
    for stage in end_abandoned():
        say(f"{stage}: the stage of a killed run was still running and is ended")
    repair.main()
    refuse_running_dvc()


@contextmanager
def tracked(command: str, stages: Sequence[dvc.Stage]) -> Iterator[Tracker]:
    """A tracker for the block. If the user stops the run, a sentence says how to resume it."""
    tracker = Tracker(command, [stage.name for stage in stages])
    try:
        yield tracker
    except KeyboardInterrupt:
        say(describe_stop(tracker, command))
        sys.exit(INTERRUPTED)
    except SystemExit:  # SIGTERM, see Runner
        say(describe_stop(tracker, command))
        raise
    finally:
        tracker.close()


def describe_stop(tracker: Tracker, command: str) -> str:
    """What a stopped run leaves, and how to resume it."""
    during = f" during {', '.join(tracker.running)}" if tracker.running else ""
    return (
        f"Stopped{during}. {tracker.done} of {len(tracker.stages)} stages are finished and kept. "
        f"Run `{command}` to resume."
    )


def run_stages(
    until: str | None,
    stages: list[dvc.Stage],
    watched: Watched,
    tracker: Tracker,
    runner: dvc.Runner,
) -> None:
    """Run DVC: first for `resolve` if it is outdated, because the stages that must run are known
    only after it.

    Raises:
        Refused: a stage failed.
    """
    names = {stage.name for stage in stages}
    with closing(open_display(tracker)) as display:
        output = DvcOutput(tracker, display)
        outdated = dvc.out_of_date() & names
        if FIRST in outdated:
            run_dvc([FIRST], output, runner)
            watched.refuse_changes(f"while {FIRST} ran")
            outdated = dvc.out_of_date() & names
        tracker.expect(dvc.add_dependents(stages, outdated))
        run_dvc([] if until is None else dvc.select_ends(stages, until), output, runner)
    if not output.ran:
        say(f"Nothing to run: all {len(stages)} stages are up to date.")


def run_dvc(targets: list[str], output: DvcOutput, runner: dvc.Runner) -> None:
    """Run `dvc repro` once.

    Raises:
        Refused: a stage failed. The message has its last lines.
    """
    # `hone status` holds DVC's lock for seconds.
    words = [*dvc.dvc(), "--wait-for-lock", "repro", *targets]
    code, _ = runner.run_command(words, "hone run", output.hear)
    if code:
        raise Refused(describe_failure(output))
    output.finish()


def describe_failure(output: DvcOutput) -> str:
    """The failed stage, its last lines, and how to resume."""
    tracker = output.tracker
    what = f"{output.stage} failed" if output.stage else "DVC failed"
    return (
        f"{what}. Its last lines:\n{output.last_lines or '(none)'}\n"
        f"{tracker.done} of {len(tracker.stages)} stages are finished and kept. Fix the problem, "
        f"then run `{tracker.command}` again to resume."
    )
