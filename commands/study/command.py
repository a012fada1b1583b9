"""`hone study`: compare recipes on the user's collection, each with several seeds. Finished
trials do not run again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from commands.console import line, spell, table
from commands.plan.work import counts, has_own_dev
from commands.study import text, trial_models, tuning, worktree
from commands.study.arms import Trial, trials, user_params
from commands.study.design import Question, parse_question
from commands.study.estimate import estimate
from commands.study.preregistration import count_trials_before
from commands.study.protocol import differences
from commands.study.results import ByArm, every_query, results
from commands.study.resume_command import resume_command
from commands.study.run_trial import TrialFailed, refuse_left_out, run_trial
from commands.study.trial_results import TrialFile, TrialResult, older_files, results_of
from commands.study.tuning import Choice, Try
from commands.study.write_report import PAGE, write_report
from hone.config.params import Params
from hone.errors import Refused, listed, nearest
from hone.files import written_whole
from hone.ir.split_names import name_dev_queries
from hone.layout import STUDIES, about_file
from hone.pipeline import graph as dvc
from hone.pipeline.watch import Watched


def study(
    what: list[str],
    changes: dict,
    dry: bool = False,
    probe: bool = True,
    arm: str | None = None,
    seed: int | None = None,
    so_far: bool = False,
    refresh: bool = False,
) -> bool:
    """Run the missing trials of a study, print the results, and write them below reports/studies/.

    Args:
        what: names of recipes, or one study file.
        changes: values that replace those of the file or the defaults: rounds, seeds, first, steps,
            split, on, contrasts, tune.
        dry: print what would run, and run nothing.
        probe: measure the speed of this machine to estimate the time.
        arm, seed: run only the trials of this arm or seed, and write no summary.
        so_far: run nothing, and write the results so far.
        refresh: also run trials whose result is from older code.

    Returns:
        Whether every trial that ran has succeeded.
    """
    name, question = parse_question(what, changes)
    given = user_params()
    dev = name_dev(collections_of(question, given), given)
    refuse_left_out()
    refuse_unknown(question, arm, seed)
    now = study_progress(name, question, given, arm)
    tell_what_runs(name, question, now, probe and arm is None and not so_far, refresh, dev)
    if dry:
        return True
    if so_far and not (now.found or now.older):
        raise Refused(
            "No trial of this study is finished yet. Run the command without --report-only."
        )
    count_trials_before(name, question, len(now.found.keys() | now.older.keys()))
    failed = {}
    if not so_far:
        worktree.remove_abandoned()
        note_models(now, refresh)
        failed = run_missing(
            name, now.missing([one.trial for one in now.tries], refresh), now.tried
        )
        now = study_progress(name, question, given, arm)
        note_models(now, refresh)
        ready = [
            trial for trial in now.ready if arm in (None, trial.arm) and seed in (None, trial.seed)
        ]
        failed |= run_missing(name, now.missing(ready, refresh), now.found)
    if arm is None and seed is None:
        conclude(name, question, now, given, resume_command(what, changes))
    for message in failed.values():
        line(message)
    return not failed


def refuse_unknown(question: Question, arm: str | None, seed: int | None) -> None:
    """Raises Refused if the study has no such arm or seed."""
    if arm is not None and arm not in question.arms:
        raise Refused(f"The study has no arm '{arm}': {nearest(arm, list(question.arms))}")
    if seed is not None and seed not in question.all_seeds:
        raise Refused(
            f"The study has no seed {seed}. Its seeds are {question.all_seeds[0]} to "
            f"{question.all_seeds[-1]}."
        )


@dataclass(frozen=True)
class Progress:
    """The progress of a study.

    Attributes:
        tries: the tuning trials; none if the study has no tuning.
        tried: the results of finished tuning trials, by trial name.
        choices: the chosen settings of arms whose tuning is finished.
        work: every trial of the study. An arm without chosen settings has its untuned ones.
        ready: the trials that can run.
        found: the results of finished trials, by name.
        older: the results from older code of trials and tuning trials, by name.
    """

    tries: list[Try]
    tried: dict[str, TrialResult]
    choices: dict[str, Choice]
    work: list[Trial]
    ready: list[Trial]
    found: dict[str, TrialResult]
    older: dict[str, list[TrialFile]]

    def missing(self, trials: Sequence[Trial], refresh: bool) -> list[Trial]:
        """The trials without a result. Trials with a result from older code count only if
        `refresh` is set.
        """
        ended = self.found | self.tried
        return [
            trial
            for trial in trials
            if trial.name not in ended and (refresh or trial.name not in self.older)
        ]


def study_progress(
    name: str, question: Question, given: Params, arm: str | None = None
) -> Progress:
    """The current progress of a study. If an arm is given, tuning covers that arm only.

    Raises:
        Refused: an arm cannot run here, or a collection has no dev query for tuning.
    """
    if question.tune:
        refuse_no_queries(collections_of(question, given), tuning.SPLIT, given)
    tries = [one for one in tuning.tries_of(question, given) if arm in (None, one.arm)]
    tried = results_of([one.trial for one in tries])
    choices = tuning.choices(tries, tried, collections_of(question, given))
    work = trials(question, given, {name: choice.taken for name, choice in choices.items()})
    ready = [trial for trial in work if not question.tune or trial.arm in choices]
    older = older_files(name, [*(one.trial for one in tries), *ready])
    return Progress(tries, tried, choices, work, ready, results_of(ready), older)


def note_models(now: Progress, refresh: bool) -> None:
    """Note which trials still need their models. All arms and seeds count, because another
    command may run them next.
    """
    trials = [*(one.trial for one in now.tries), *now.ready]
    missing = {trial.name: trial for trial in now.missing(trials, refresh)}
    trial_models.note_unfinished(missing.values())
    for trial in trials:
        if trial.name not in missing:
            trial_models.note_finished(trial)


def run_missing(name: str, missing: list[Trial], found: dict[str, TrialResult]) -> dict[str, str]:
    """Run trials of a study, add their results to `found`, and return the errors by trial name.

    The other trials run even if one fails.
    """
    failed: dict[str, str] = {}
    watched = Watched()
    with dvc.Runner() as runner:
        for place, trial in enumerate(missing, start=1):
            watched.refuse_changes(f"before {trial.name}")
            line(f"{trial.name} ({place} of {len(missing)})")
            try:
                found[trial.name] = run_trial(name, trial, runner, print_progress)
            except TrialFailed as failure:
                failed[trial.name] = str(failure)
                line(f"{trial.name} failed; the other trials continue")
                continue
            left = len(missing) - place
            each = [one.ran_for for one in found.values()]
            line(
                f"{trial.name}: done; {left} left"
                + (f", about {spell(left * sum(each) / len(each))}" if left else "")
            )
    return failed


def print_progress(text: str) -> None:
    """Print a progress line of a stage."""
    if text[:2].isdigit() and text[2:3] == ":":
        line(f"  {text}")


def conclude(name: str, question: Question, now: Progress, given: Params, command: str) -> None:
    """Print and write the results of the finished trials."""
    found, work = now.found, now.work
    by_arm: ByArm = {
        arm: [found[trial.name] for trial in work if trial.arm == arm and trial.name in found]
        for arm in question.arms
    }
    older = text.older_rows(now.older, question)
    if older:
        line()
        line(text.OLDER_SENTENCE)
        table(text.OLDER_COLUMNS, older)
    if not any(by_arm.values()):
        return
    protocol, left = (
        differences(work, given),
        [trial.name for trial in work if trial.name not in found],
    )
    after = count_trials_before(name, question, len(found))
    by_collection = [
        results(question, by_arm, collection, after)
        for collection in collections_of(question, given)
    ]
    dev = name_dev(collections_of(question, given), given)
    tuned = tuning.sentences(question, now.choices, dev)
    with_words = [
        (result, [*text.sentences(question, result, protocol, left), *tuned])
        for result in by_collection
    ]
    folder = STUDIES / name
    tables = {
        "queries": every_query(by_arm),
        "arms": text.arms_table(by_collection),
        "contrasts": text.contrasts_table(by_collection),
    }
    tables |= {"tuning": tuning.table(now.choices)} if now.choices else {}
    for table_name, frame in tables.items():
        with written_whole(folder / f"{table_name}.parquet") as part:
            frame.write_parquet(part)
    write_report(
        folder,
        name,
        question,
        with_words,
        by_arm,
        given,
        differs=protocol,
        left=left,
        command=command,
        tuned=tuned,
        older=older,
    )
    for result, texts in with_words:
        for sentence in ["", *texts]:
            line(sentence)
        for title, columns, rows in text.tables(result):
            if rows:
                line()
                line(title)
                table(columns, rows)
    line()
    line(
        f"written: {folder}/{PAGE} (also as study.md, and as Parquet tables of queries, arms and "
        "contrasts), and logged to MLflow"
    )


def collections_of(question: Question, given: Params) -> list[str]:
    """The collections of the study. The contrasts are tested on the first.

    Raises:
        Refused: there is no such collection, or it has no query of the split, or only generated
            ones. Only collected collections are checked.
    """
    wanted = question.collection
    if wanted is not None and wanted not in given.evaluate_on:
        raise Refused(
            f"{wanted} is not in `evaluate_on` of params.yaml: {nearest(wanted, given.evaluate_on)}"
        )
    names = [wanted] if wanted else list(given.evaluate_on)
    for name in names:
        if question.split == "dev" and has_generated_dev_only(name, given):
            raise Refused(
                f"the dev queries of {name} are generated: they choose settings, and do not "
                "measure them. Label test queries and use `--split test`, or name another "
                "collection (--collection)."
            )
    refuse_no_queries(names, question.split, given)
    return names


def refuse_no_queries(names: list[str], split: str, given: Params) -> None:
    """Raise Refused if a collected collection has no query of a split, and none is generated."""
    for name in names:
        generated = split == "dev" and has_generated_dev_only(name, given)
        if (sizes := counts(name)) and not sizes[split] and not generated:
            raise Refused(
                f"{name} has no {split} query, so there is nothing to measure. Choose another "
                "split (--split) or collection (--collection), or remove it from `evaluate_on`."
            )


def has_generated_dev_only(name: str, given: Params) -> bool:
    """Whether the dev queries of a collected collection are generated, or will be."""
    item = given.collections[name]
    return item.generate is not None and about_file(name).exists() and not has_own_dev(name)


def name_dev(names: list[str], given: Params) -> str:
    """The dev queries of collections for readers, which are named if they are generated."""
    return name_dev_queries({name: has_generated_dev_only(name, given) for name in names})


def tell_what_runs(
    name: str, question: Question, now: Progress, probe: bool, refresh: bool, dev: str
) -> None:
    """Print the trials, the tuning on the `dev` queries, and the expected time."""
    line(f"{name}: {question.question}")
    contrasts = ", ".join(f"{other} − {one}" for one, other in question.contrasts) or "none"
    line(f"contrasts: {contrasts}")
    left, tries = (
        now.missing(now.work, refresh),
        now.missing([one.trial for one in now.tries], refresh),
    )
    line(
        f"{len(now.work)} trials ({len(question.arms)} arms, {question.seeds} seeds), "
        f"{len(now.found)} finished, {len(left)} to run"
    )
    if now.tries:
        settings = (
            f"{len(question.tune)} training settings for each arm, compared on {dev}, "
            f"seed {question.first_seed}"
        )
        line(
            f"tuning: {settings}: {len(now.tries)} trials, {len(now.tried)} finished, "
            f"{len(tries)} to run"
        )
    if skipped := sorted(
        now.older.keys()
        - (now.found.keys() | now.tried.keys() | {trial.name for trial in [*left, *tries]})
    ):
        line(
            f"{len(skipped)} trials have results from older code and do not run again; use "
            f"--refresh to run them: {listed(skipped)}"
        )
    for sentence in estimate([*tries, *left], [*now.tried.values(), *now.found.values()], probe):
        line(sentence)
