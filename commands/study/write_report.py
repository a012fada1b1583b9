"""The outputs of a study: its page, the same in Markdown, the times of its stages, and its
MLflow runs.
"""

from __future__ import annotations

from pathlib import Path

from commands.study import conclusions
from commands.study.design import Question
from commands.study.leaks import leaks_of
from commands.study.mlflow import log_study
from commands.study.page.render import render
from commands.study.results import ByArm, Result
from commands.study.text import markdown, times_table
from hone.config.params import Params
from hone.files import write_text, written_whole

PAGE = "index.html"
FILES = {
    "study.md": "the same in Markdown",
    "queries.parquet": "every measure of every query, by arm, seed and round",
    "arms.parquet": "each arm after each round, as in the tables above",
    "contrasts.parquet": "the contrasts",
    "tuning.parquet": "nDCG@10 on dev of each setting that an arm was tried with",
    "times.parquet": "the time of every stage of every trial, and the texts and pairs read",
}


def write_report(
    folder: Path,
    name: str,
    question: Question,
    reported: list[tuple[Result, list[str]]],
    by_arm: ByArm,
    given: Params,
    *,
    differs: dict[str, list[str]],
    left: list[str],
    command: str,
    tuned: list[str] | None = None,
    older: list[tuple[str, ...]] | None = None,
) -> int:
    """Write the page of a study, study.md and the times of its stages, and log it.

    Args:
        folder: the report folder. The page lists its files.
        name: the name of the study.
        question: its question.
        reported: the result on each collection, with its sentences. The contrasts are tested on the
            first.
        by_arm: the trials of each arm.
        given: the user's params.yaml.
        differs: training settings in which each arm differs from params.yaml.
        left: names of unfinished trials.
        command: the command that resumes the study.
        tuned: sentences on tuning.
        older: rows of results from older code.

    Returns:
        The number of new MLflow runs.
    """
    with written_whole(folder / "times.parquet") as part:
        times_table(by_arm).write_parquet(part)
    some = next(trials[0] for trials in by_arm.values() if trials)
    found = [result for result, _ in reported]
    leaks = leaks_of(some, [result.collection for result in found])
    hides = any(given.collections[one].hide for one in given.train_on)
    limits = conclusions.limits(question, found[0], hides, leaks)
    write_text(folder / "study.md", markdown(name, question, reported, limits, command, older))
    text = render(
        name,
        question,
        found,
        differs=differs,
        left=left,
        leaks=leaks,
        hides=hides,
        command=command,
        tuned=tuned or [],
        older=older or [],
        files={
            str(folder / file): description
            for file, description in FILES.items()
            if (folder / file).exists()
        },
    )
    write_text(folder / PAGE, text)
    return log_study(name, question, found, by_arm, given)
