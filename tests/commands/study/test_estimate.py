"""What a study would take, before anything runs."""

from __future__ import annotations

from pathlib import Path

from commands.study.arms import Trial, trials, user_params
from commands.study.design import parse_question
from commands.study.estimate import estimate
from tests.prepared import pairs, write_params, write_rows


def missing(**arms: dict) -> list[Trial]:
    write_params()
    write_rows(
        Path("inputs/ours"),
        [{"doc_id": "d", "text": "a"}],
        [{"query_id": "q", "text": "b"}],
        pairs(("q", "d")),
    )
    _, question = parse_question(["top-k"], {"steps": 3, "seeds": 2, "arms": arms})
    return trials(question, user_params())


def test_rankers_and_their_scores_are_said_to_be_in_no_figure(workspace: Path):
    """r2anker trains a ranker and scores by it; two arms of it are one sentence, whatever the
    seeds (and train once).
    """
    said = estimate(
        missing(
            **{"top-k": {"recipe": "top-k"}, "a": {"recipe": "r2anker"}, "b": {"recipe": "r2anker"}}
        ),
        [],
        probe=False,
    )
    assert said[0].startswith("to do: 12 training steps")
    assert said[1:-1] == [
        "a, b: not counted: rank@r1, score@r1 (cross-encoder training or scoring)"
    ]
    assert len(estimate(missing(**{"top-k": {"recipe": "top-k"}}), [], probe=False)) == 2
