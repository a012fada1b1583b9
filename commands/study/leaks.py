"""Leakage of a study's collections: its trials share the training data, so that one of them tells it for all."""

from __future__ import annotations

from commands.study.trial_results import Kept
from tasks.leakage.sentences import asked, sentence
from tasks.report.leakage import warn_of_leaks


def leaks_of(trial: Kept, collections: list[str]) -> list[str]:
    """A sentence for each collection if training sees some of its test or dev queries.

    Args:
        trial: any of the study.
        collections: that it is evaluated on.
    """
    accounts = [trial.facts["leakage"][name] for name in collections]
    return warn_of_leaks(
        [account | {"told": sentence(account), "leaked": any(one["leaked"] for _, one in asked(account))} for account in accounts]
    )
