"""`hone study`: recipes side by side on the user's collection, each with several seeds; what was run before is not run again."""

from __future__ import annotations

from pathlib import Path

from flows import stages as dvc
from flows.guard import Watched
from hone.screen import line, spell
from hone.study.arms import Trial, trials, user_params
from hone.study.experiment import TrialFailed, carried_out, refuse_left_out
from hone.study.kept import Kept, kept
from hone.study.question import Question, asked
from hone.study.results import ByArm, results
from tasks.errors import Refused, nearest

REPORTS = Path("reports/studies")


def study(what: list[str], changes: dict, dry: bool = False, arm: str | None = None, seed: int | None = None) -> bool:
    """Run what is missing of a study, say what is known, and write it below reports/studies/.

    Args:
        what: names of recipes, or one file of a study.
        changes: of what the file says, or of the defaults: rounds, seeds, first, steps, split, on, contrasts.
        dry: say what would run, and run nothing.
        arm, seed: only this trial is run, and nothing is said of the whole.

    Returns:
        Whether every trial that was to run has ended well.
    """
    name, question = asked(what, changes)
    given = user_params()
    refuse_left_out()
    work = trials(question, given)
    wanted = [trial for trial in work if arm in (None, trial.arm) and seed in (None, trial.seed)]
    if not wanted:
        raise Refused(f"the study has no arm '{arm}' with the seed {seed}: {nearest(str(arm), list(question.arms))}")
    found = {trial.name: there for trial in work if (there := kept(trial.address)) is not None}
    tell_what_runs(name, question, work, found)
    if dry:
        return True
    failed = run_missing(wanted, found)
    if arm is None and seed is None:
        conclude(name, question, work, found, failed)
    for message in failed.values():
        line(message)
    return not failed


def run_missing(wanted: list[Trial], found: dict[str, Kept]) -> dict[str, str]:
    """Run the trials that are not there yet; why any of them failed, by name. One that fails does not keep the others from running."""
    failed: dict[str, str] = {}
    missing = [trial for trial in wanted if trial.name not in found]
    watched = Watched()
    with dvc.Runner() as runner:
        for place, trial in enumerate(missing, start=1):
            watched.refuse_changes(f"before {trial.name}")
            line(f"{trial.name} ({place} of {len(missing)})")
            try:
                found[trial.name] = carried_out(trial, runner, told_of_stage)
            except TrialFailed as failure:
                failed[trial.name] = str(failure)
                line(f"{trial.name} failed; the others go on")
                continue
            left = len(missing) - place
            each = [one.ran_for for one in found.values()]
            line(f"{trial.name}: done; {left} left" + (f", about {spell(left * sum(each) / len(each))}" if left else ""))
    return failed


def told_of_stage(said: str) -> None:
    """A stage's own line about its work, as it comes."""
    if said[:2].isdigit() and said[2:3] == ":":
        line(f"  {said}")


def conclude(name: str, question: Question, work: list[Trial], found: dict[str, Kept], failed: dict[str, str]) -> None:
    by_arm: ByArm = {arm: [found[trial.name] for trial in work if trial.arm == arm and trial.name in found] for arm in question.arms}
    if not any(by_arm.values()):
        return
    for collection in work[0].params.evaluate_on:
        print(results(question, by_arm, collection))


def tell_what_runs(name: str, question: Question, work: list[Trial], found: dict[str, Kept]) -> None:
    line(f"{name}: {question.question}")
    line(f"{len(work)} trials ({len(question.arms)} arms, {question.seeds} seeds), {len(found)} there, {len(work) - len(found)} to run")
