"""Leakage of a study's collections. All trials share the training data, so one trial represents
all.
"""

from __future__ import annotations

from commands.study.trial_results import TrialResult
from tasks.leakage.sentences import list_judged_splits, sentence
from tasks.report.leakage import warn_of_leaks


def leaks_of(trial: TrialResult, collections: list[str]) -> list[str]:
    """A sentence for each collection with test or dev queries in the training data.

    Args:
        trial: any trial of the study.
        collections: the evaluation collections.
    """
    accounts = [trial.facts["leakage"][name] for name in collections]
    return warn_of_leaks(
        [
            account
            | {
                "sentence": sentence(account),
                "leaked": any(one["leaked"] for _, one in list_judged_splits(account)),
            }
            for account in accounts
        ]
    )
