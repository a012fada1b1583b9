"""Estimates of a study's work before it runs: steps, texts, and time from a short probe or from
finished trials.
"""

from __future__ import annotations

from commands.console import spell
from commands.plan.speed import HIGH, LOW, SECONDS_PER_STAGE, measure_speed
from commands.plan.training import training
from commands.plan.work import Work, counts, not_counted
from commands.study.arms import Trial
from commands.study.trial_results import TrialResult
from hone.config.params import STAGES
from hone.layout import BASE, TRAINING_LIST

STAGES_OF_ROUND = 7
STAGES_BEFORE = 6


def estimate(missing: list[Trial], found: list[TrialResult], probe: bool) -> list[str]:
    """Sentences on the work to do."""
    if not missing:
        return []
    work = work_of(missing)
    sentences = [
        f"to do: {work.steps:,} training steps"
        + (f", about {work.texts:,} texts to encode" if work.texts else ""),
        *left_out(missing),
        *of_commands(missing),
    ]
    if found:
        each = sum(one.ran_for for one in found) / len(found)
        return [
            *sentences,
            f"time: about {spell(each * len(missing))}, based on {spell(each)} per trial so far "
            f"({len(found)} finished)",
        ]
    if not probe:
        return [*sentences, "no time estimate (--no-probe)"]
    if not TRAINING_LIST.exists() or not work.texts:
        return [
            *sentences,
            "time: unknown until the first trial ends (or run `dvc repro start`, which collects "
            "the texts for a probe)",
        ]
    rate, step, how = measure_speed(missing[0].params, missing[0].stages, work)
    seconds = (
        work.texts / (rate or 1) + work.steps * (step or 0) + len(work.stages) * SECONDS_PER_STAGE
    )
    return [
        *sentences,
        how,
        f"time: about {spell(seconds)} (between {spell(LOW * seconds)} and "
        f"{spell(HIGH * seconds)}), if nothing else runs here",
    ]


def left_out(missing: list[Trial]) -> list[str]:
    """Work that the estimate does not count, as in `hone plan`: cross-encoders and their scores.
    Arms with the same sentence share it.
    """
    arms: dict[str, list[str]] = {}
    for trial in {trial.arm: trial for trial in missing}.values():
        for sentence in not_counted(
            trial.params,
            trial.stages,
            [f"{stage}@{name}" for stage in STAGES for name in trial.rounds],
        ):
            arms.setdefault(sentence, []).append(trial.arm)
    return [f"{', '.join(names)}: {sentence}" for sentence, names in arms.items()]


def of_commands(missing: list[Trial]) -> list[str]:
    """A sentence on the arms whose work is not known, because a command does it."""
    arms = list(dict.fromkeys(trial.arm for trial in missing if trial.command))
    return [f"{', '.join(arms)}: the time of a command is not estimated"] if arms else []


def work_of(missing: list[Trial]) -> Work:
    """Steps, texts and stages of trials. A round that several trials share counts once, and the
    base model encodes once.
    """
    given = missing[0].params
    sizes = {name: counts(name) for name in {*given.train_on, *given.evaluate_on}}
    work = Work([])
    done: set[str] = set()
    for trial in missing:
        way = ""
        for name, item in trial.rounds.items():
            way += f"/{item}"
            if f"{trial.seed}{way}" in done:
                continue
            done.add(f"{trial.seed}{way}")
            key = f"{trial.name}, {name}"
            section = trial.stages[f"rounds/{name}/train"].train
            limit = trial.factors.get("train_queries")
            known = [sizes[one]["train"] for one in given.train_on if sizes[one]]
            queries = sum(min(count, limit or count) for count in known)
            if trial.command:
                continue
            work.stages += [key] * STAGES_OF_ROUND
            work.train[name] = training(section, queries) | {
                "steps": work.train.get(name, {}).get("steps", 0) + section.steps
            }
            if None not in sizes.values():
                work.encode[key] = texts_of(sizes, trial, name)
        work.stages += [trial.name] * STAGES_BEFORE
    if work.encode:
        work.encode[BASE] = sum(
            one["documents"] + one["train"] + one["test"] + one["dev"] for one in sizes.values()
        )
    return work


def texts_of(sizes: dict[str, dict[str, int]], trial: Trial, name: str) -> int:
    """Texts that the model of a round encodes: for evaluation, and for mining if the next round
    mines with embeddings.
    """
    evaluated = {*trial.params.evaluate_on, *trial.params.train_on}
    texts = sum(
        sizes[one]["documents"] + sizes[one]["test"] + sizes[one]["dev"] for one in evaluated
    )
    mined = any(
        item["from"] == name and trial.settings[f"rounds/{later}/retrieve"]["retrieve"] != "none"
        for later, item in trial.rounds.items()
    )
    return texts + (sum(sizes[one]["train"] for one in trial.params.train_on) if mined else 0)
