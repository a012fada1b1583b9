"""What a study leaves to be looked at: its page, the same in Markdown, the times of its stages, and its runs in MLflow."""

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
    "queries.parquet": "every measure of every query, of each arm, seed and round",
    "arms.parquet": "each arm after each round, as in the tables here",
    "contrasts.parquet": "the contrasts",
    "tuning.parquet": "nDCG@10 on dev of each setting that an arm was tried with",
    "times.parquet": "every stage of every trial: what it took, and what models read for it",
}


def published(
    folder: Path, name: str, question: Question, told_of: list[tuple[Result, list[str]]], by_arm: ByArm, given: Params, *,
    differs: dict[str, list[str]], left: list[str], command: str, tuned: list[str] | None = None,
) -> int:  # fmt: skip
    """Write the page of a study, study.md and the times of its stages, and log it.

    Args:
        folder: of its reports; the page names those files of it that are there.
        name: of the study.
        question: of it.
        told_of: the result on each collection, that which the contrasts are about first, and what is said of it in sentences.
        by_arm: the trials that these are of.
        given: the user's params.yaml.
        differs: of each arm, what it does otherwise than others besides what its recipe is about.
        left: names of trials that have not ended.
        command: that goes on with the study.
        tuned: sentences on what the arms were tried with and what they took.

    Returns:
        How many runs of MLflow are new.
    """
    with written_whole(folder / "times.parquet") as part:
        times_table(by_arm).write_parquet(part)
    some = next(trials[0] for trials in by_arm.values() if trials)
    found = [result for result, _ in told_of]
    leaks = leaks_of(some, [result.collection for result in found])
    hides = any(given.collections[one].hide for one in given.train_on)
    write_text(folder / "study.md", markdown(name, question, told_of, conclusions.limits(question, found[0], hides, leaks), command))
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
        files={str(folder / file): told for file, told in FILES.items() if (folder / file).exists()},
    )
    write_text(folder / PAGE, text)
    return log_study(name, question, found, by_arm, given)
