"""Record when a study's contrasts were named: before its first trial ended, or after."""

from __future__ import annotations

from datetime import UTC, datetime

from commands.study.design import Question
from hone.files import read_json, write_json
from hone.layout import contrasts_file


def count_trials_before(name: str, question: Question, there: int) -> int:
    """The number of trials that had ended when these contrasts were first named. The first call
    records it.

    Args:
        name: the name of the study.
        question: its question.
        there: number of trials that have ended by now.
    """
    file = contrasts_file(name)
    known = read_json(file) if file.exists() else []
    entry = {
        "contrasts": [list(pair) for pair in question.contrasts],
        "collection": question.collection,
    }
    for one in known:
        if {key: one[key] for key in entry} == entry:
            return one["after"]
    write_json(
        file,
        [*known, entry | {"after": there, "at": datetime.now(UTC).isoformat(timespec="seconds")}],
    )
    return there
