"""`hone study`: recipes side by side on the user's collection, each with several seeds; what was run before is not run again."""

from __future__ import annotations

from pathlib import Path

from flows import stages as dvc
from flows.guard import Watched
from hone.plan import counts
from hone.screen import line, spell, table
from hone.study import told, tuning
from hone.study.again import again
from hone.study.arms import Trial, trials, user_params
from hone.study.estimate import estimate
from hone.study.experiment import TrialFailed, carried_out, refuse_left_out
from hone.study.kept import Kept, kept
from hone.study.named import named_after
from hone.study.protocol import differences
from hone.study.published import PAGE, published
from hone.study.question import Question, asked
from hone.study.results import ByArm, every_query, results
from hone.study.tuning import Choice, Try
from tasks.errors import Refused, nearest
from tasks.files import write_text, written_whole
from tasks.params import Params

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
    name, question = asked(what, changes)
    given = user_params()
    collections_of(question, given)
    refuse_left_out()
    refuse_unknown(question, arm, seed)
    tries = [one for one in tuning_of(question, given) if arm in (None, one.arm)]
    tried = there([one.trial for one in tries])
    work, made = settled(question, given, tries, tried)
    found = there([trial for trial in work if not tries or trial.arm in made])
    tell_what_runs(name, question, work, found, [one.trial for one in tries], tried, probe and arm is None and not so_far)
    if dry:
        return True
    named_after(name, question, len(found))
    if so_far:
        if not found:
            raise Refused("no trial of this study has ended yet: without --so-far it runs them.")
        conclude(name, question, work, found, given, again(what, changes), made)
        return True
    failed = run_missing([one.trial for one in tries], tried)
    work, made = settled(question, given, tries, tried)
    ready = [trial for trial in work if not tries or trial.arm in made]
    found = there(ready)
    failed |= run_missing([trial for trial in ready if arm in (None, trial.arm) and seed in (None, trial.seed)], found)
    if arm is None and seed is None:
        conclude(name, question, work, found, given, again(what, changes), made)
    for message in failed.values():
        line(message)
    return not failed


def refuse_unknown(question: Question, arm: str | None, seed: int | None) -> None:
    """Raises Refused where the study has no such arm or seed."""
    if arm is not None and arm not in question.arms:
        raise Refused(f"the study has no arm '{arm}': {nearest(arm, list(question.arms))}")
    if seed is not None and seed not in question.all_seeds:
        raise Refused(f"the study has no seed {seed}: its seeds are {question.all_seeds[0]} to {question.all_seeds[-1]}.")


def tuning_of(question: Question, given: Params) -> list[Try]:
    """What is tried before the study; nothing where it tunes nothing.

    Raises:
        Refused: a collection has no dev query to choose by.
    """
    if question.tune:
        collections_of(question.model_copy(update={"split": tuning.SPLIT}), given)
    return tuning.tries_of(question, given)


def settled(question: Question, given: Params, tries: list[Try], tried: dict[str, Kept]) -> tuple[list[Trial], dict[str, Choice]]:
    """The trials of the study, and what the arms take that have been tried with every setting."""
    made = tuning.choices(tries, tried, collections_of(question, given))
    return trials(question, given, {arm: choice.taken for arm, choice in made.items()}), made


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


def conclude(
    name: str, question: Question, work: list[Trial], found: dict[str, Kept], given: Params, command: str, made: dict[str, Choice]
) -> None:
    """Say what the trials that are there say together, and write it."""
    by_arm: ByArm = {arm: [found[trial.name] for trial in work if trial.arm == arm and trial.name in found] for arm in question.arms}
    if not any(by_arm.values()):
        return
    protocol, left = differences(work, given), [trial.name for trial in work if trial.name not in found]
    after = named_after(name, question, len(found))
    by_collection = [results(question, by_arm, collection, after) for collection in collections_of(question, given)]
    tuned = tuning.sentences(question, made)
    with_words = [(result, [*told.sentences(question, result, protocol, left), *tuned]) for result in by_collection]
    folder = REPORTS / name
    write_text(folder / "study.md", told.markdown(name, question, with_words))
    tables = {"queries": every_query(by_arm), "arms": told.arms_table(by_collection), "contrasts": told.contrasts_table(by_collection)}
    tables |= {"tuning": tuning.table(made)} if made else {}
    for table_name, frame in tables.items():
        with written_whole(folder / f"{table_name}.parquet") as part:
            frame.write_parquet(part)
    published(folder, name, question, by_collection, by_arm, given, differs=protocol, left=left, command=command, tuned=tuned)
    for result, said in with_words:
        for sentence in ["", *said]:
            line(sentence)
        for title, columns, rows in told.tables(result):
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


def tell_what_runs(
    name: str, question: Question, work: list[Trial], found: dict[str, Kept], tries: list[Trial], tried: dict[str, Kept], probe: bool
) -> None:
    line(f"{name}: {question.question}")
    contrasts = ", ".join(f"{other} − {one}" for one, other in question.contrasts) or "none"
    line(f"contrasts: {contrasts}")
    line(f"{len(work)} trials ({len(question.arms)} arms, {question.seeds} seeds), {len(found)} are there, {len(work) - len(found)} to run")
    if tries:
        settings = f"{len(question.tune)} settings of training for each arm, told apart by dev queries, seed {question.first_seed}"
        line(f"tuned before: {settings}: {len(tries)} trials, {len(tried)} are there, {len(tries) - len(tried)} to run")
    left = [trial for trial in tries if trial.name not in tried] + [trial for trial in work if trial.name not in found]
    for sentence in estimate(left, [*tried.values(), *found.values()], probe):
        line(sentence)
