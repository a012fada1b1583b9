"""`hone study`: recipes side by side on the user's collection, each with several seeds; what was run before is not run again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from commands.console import line, spell, table
from commands.plan.command import counts
from commands.study import stash, text, tuning
from commands.study.arms import Trial, trials, user_params
from commands.study.design import Question, asked
from commands.study.estimate import estimate
from commands.study.preregistration import named_after
from commands.study.protocol import differences
from commands.study.results import ByArm, every_query, results
from commands.study.resume_command import again
from commands.study.run_trial import TrialFailed, carried_out, refuse_left_out
from commands.study.trial_results import Kept, kept
from commands.study.tuning import Choice, Try
from commands.study.write_report import PAGE, published
from hone.config.params import Params
from hone.errors import Refused, nearest
from hone.files import written_whole
from hone.pipeline import graph as dvc
from hone.pipeline.watch import Watched

REPORTS = Path("reports/studies")


def study(
    what: list[str], changes: dict, dry: bool = False, probe: bool = True, arm: str | None = None, seed: int | None = None,
    so_far: bool = False,
) -> bool:  # fmt: skip
    """Run what is missing of a study, say what is known, and write it below reports/studies/.

    Args:
        what: names of recipes, or one file of a study.
        changes: of what the file says, or of the defaults: rounds, seeds, first, steps, split, on, contrasts, tune.
        dry: say what would run, and run nothing.
        probe: measure how fast this machine is, for an estimate of the time.
        arm, seed: only this trial is run, and nothing is said of the whole.
        so_far: run nothing, and write what is known by now.

    Returns:
        Whether every trial that was to run has ended well.
    """
    for sentence in stash.restore():
        line(sentence)
    name, question = asked(what, changes)
    given = user_params()
    collections_of(question, given)
    refuse_left_out()
    refuse_unknown(question, arm, seed)
    now = standing(question, given, arm)
    tell_what_runs(name, question, now, probe and arm is None and not so_far)
    if dry:
        return True
    named_after(name, question, len(now.found))
    if so_far and not now.found:
        raise Refused("no trial of this study has ended yet: without --so-far it runs them.")
    failed = {}
    if not so_far:
        failed = run_missing([one.trial for one in now.tries], now.tried)
        now = standing(question, given, arm)
        failed |= run_missing([trial for trial in now.ready if arm in (None, trial.arm) and seed in (None, trial.seed)], now.found)
    if arm is None and seed is None:
        conclude(name, question, now, given, again(what, changes))
    for message in failed.values():
        line(message)
    return not failed


def refuse_unknown(question: Question, arm: str | None, seed: int | None) -> None:
    """Raises Refused where the study has no such arm or seed."""
    if arm is not None and arm not in question.arms:
        raise Refused(f"the study has no arm '{arm}': {nearest(arm, list(question.arms))}")
    if seed is not None and seed not in question.all_seeds:
        raise Refused(f"the study has no seed {seed}: its seeds are {question.all_seeds[0]} to {question.all_seeds[-1]}.")


@dataclass(frozen=True)
class Standing:
    """How far a study is.

    Attributes:
        tries: what is tried before the study; none where it tunes nothing.
        tried: what those gave that have ended, by the name of their trial.
        choices: what the arms take that were tried with every setting.
        work: every trial of the study, those of arms that have no choice yet as they would be without tuning.
        ready: those that can run.
        found: what those gave that have ended, by name.
    """

    tries: list[Try]
    tried: dict[str, Kept]
    choices: dict[str, Choice]
    work: list[Trial]
    ready: list[Trial]
    found: dict[str, Kept]


def standing(question: Question, given: Params, arm: str | None = None) -> Standing:
    """How far a study is by now; with an arm, tuning is looked at for that arm alone.

    Raises:
        Refused: an arm cannot run here, or a collection has no dev query to tune by.
    """
    if question.tune:
        collections_of(question.model_copy(update={"split": tuning.SPLIT}), given)
    tries = [one for one in tuning.tries_of(question, given) if arm in (None, one.arm)]
    tried = there([one.trial for one in tries])
    choices = tuning.choices(tries, tried, collections_of(question, given))
    work = trials(question, given, {name: choice.taken for name, choice in choices.items()})
    ready = [trial for trial in work if not question.tune or trial.arm in choices]
    return Standing(tries, tried, choices, work, ready, there(ready))


def there(work: list[Trial]) -> dict[str, Kept]:
    """Of the trials that have ended what they gave, by name."""
    return {trial.name: found for trial in work if (found := kept(trial.address)) is not None}


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


def conclude(name: str, question: Question, now: Standing, given: Params, command: str) -> None:
    """Say what the trials that are there say together, and write it."""
    found, work = now.found, now.work
    by_arm: ByArm = {arm: [found[trial.name] for trial in work if trial.arm == arm and trial.name in found] for arm in question.arms}
    if not any(by_arm.values()):
        return
    protocol, left = differences(work, given), [trial.name for trial in work if trial.name not in found]
    after = named_after(name, question, len(found))
    by_collection = [results(question, by_arm, collection, after) for collection in collections_of(question, given)]
    tuned = tuning.sentences(question, now.choices)
    with_words = [(result, [*text.sentences(question, result, protocol, left), *tuned]) for result in by_collection]
    folder = REPORTS / name
    tables = {"queries": every_query(by_arm), "arms": text.arms_table(by_collection), "contrasts": text.contrasts_table(by_collection)}
    tables |= {"tuning": tuning.table(now.choices)} if now.choices else {}
    for table_name, frame in tables.items():
        with written_whole(folder / f"{table_name}.parquet") as part:
            frame.write_parquet(part)
    published(folder, name, question, with_words, by_arm, given, differs=protocol, left=left, command=command, tuned=tuned)
    for result, said in with_words:
        for sentence in ["", *said]:
            line(sentence)
        for title, columns, rows in text.tables(result):
            if rows:
                line()
                line(title)
                table(columns, rows)
    line()
    line(f"written: {folder}/{PAGE} (the same as study.md, and as Parquet every query, arm and contrast), and to MLflow")


def collections_of(question: Question, given: Params) -> list[str]:
    """The collections that are looked at, that which the contrasts are about first.

    Raises:
        Refused: there is no such collection, or it has no query of the split (as far as it is collected).
    """
    wanted = question.collection
    if wanted is not None and wanted not in given.evaluate_on:
        raise Refused(f"the study is on {wanted}, which is not in `evaluate_on` of params.yaml: {nearest(wanted, given.evaluate_on)}")
    names = [wanted] if wanted else list(given.evaluate_on)
    for name in names:
        if (sizes := counts(name)) and not sizes[question.split]:
            raise Refused(
                f"{name} has no {question.split} query: a study would have nothing to measure. Choose another split (--split) or "
                "collection (--on), or take it out of `evaluate_on`."
            )
    return names


def tell_what_runs(name: str, question: Question, now: Standing, probe: bool) -> None:
    line(f"{name}: {question.question}")
    contrasts = ", ".join(f"{other} − {one}" for one, other in question.contrasts) or "none"
    line(f"contrasts: {contrasts}")
    ended, count = len(now.found), len(now.work)
    line(f"{count} trials ({len(question.arms)} arms, {question.seeds} seeds), {ended} are there, {count - ended} to run")
    if now.tries:
        settings = f"{len(question.tune)} settings of training for each arm, told apart by dev queries, seed {question.first_seed}"
        ended, count = len(now.tried), len(now.tries)
        line(f"tuned before: {settings}: {count} trials, {ended} are there, {count - ended} to run")
    tries = [one.trial for one in now.tries if one.trial.name not in now.tried]
    left = tries + [trial for trial in now.work if trial.name not in now.found]
    for sentence in estimate(left, [*now.tried.values(), *now.found.values()], probe):
        line(sentence)
