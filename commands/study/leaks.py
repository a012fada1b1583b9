"""What leaked of the collections that a study is on: its trials have the same training data, so one of them says it for all."""

from __future__ import annotations

from commands.study.collect_trial import Left
from commands.study.trial_results import Kept
from hone.layout import LEAKAGE
from tasks.leakage.sentences import asked, sentence
from tasks.report.leakage import warn_of_leaks


def leaks_of(trial: Kept, collections: list[str]) -> list[str]:
    """A sentence for each collection of which training sees test or dev queries, or of which that is not known.

    Args:
        trial: any of the study.
        collections: that it is evaluated on.
    """
    left, found, said = Left(trial.facts["commit"]), [], []
    for name in collections:
        file = f"{LEAKAGE}/{name}.json"
        if not left.exists(file):
            said.append(f"Leakage on {name} is not known any more: the experiment {trial.facts['experiment']} was removed.")
            continue
        account = left.json(file)
        found.append(account | {"told": sentence(account), "leaked": any(one["leaked"] for _, one in asked(account))})
    return [*warn_of_leaks(found), *said]
