"""The rule: what is refused, and what the refusal says."""

from __future__ import annotations

from pathlib import Path

import pytest

from hone.errors import Refused
from hone.files import write_json
from hone.layout import ADMITTED
from hone.stage import call
from tasks.leakage import gate
from tasks.leakage.sentences import sentence
from tests.leakage.made_up import EVALUATION, TRAINED, account, evaluation_texts

NONE = {("t4", "test"): "nothing of the kind"}


def settings(refuse_above: float | None, **accounts: dict) -> None:
    write_json(
        Path("resolved/admit.json"), {"refuse_above": refuse_above, "evaluate_on": list(accounts)}
    )
    for name, found in accounts.items():
        write_json(
            Path(f"reports/leakage/{name}.json"),
            {"collection": name, "train_on": ["ours"], **found},
        )


def test_above_the_share_it_names_counts_an_example_and_what_to_do(workspace: Path):
    settings(0.5, clean=account(evaluation=evaluation_texts(NONE)), ours=account())
    with pytest.raises(Refused) as refused:
        call(gate.main)
    message = str(refused.value)
    for part in (
        "leak into the training data (limit leakage.refuse_above: 50.0 %)",
        "ours: training data contains 3 of 4 test queries (75.0 %) and 1 of 2 dev queries (50.0 "
        "%), verbatim or nearly.",
        f"the training query 'q1' of ours ({TRAINED['q1']!r}) and the test query 't1' "
        f"({EVALUATION['t1', 'test']!r})",
        "Remove the training queries listed in reports/leakage/ours.json (`take_out`: by "
        "collection, with the ids of its source)",
        "raise `leakage: {refuse_above: ...}` or set it to null",
    ):
        assert part in message
    assert "clean" not in message
    assert not ADMITTED.exists()


@pytest.mark.parametrize("refuse_above", [0.75, None])
def test_at_the_share_and_without_one_it_passes(workspace: Path, refuse_above: float | None):
    settings(refuse_above, ours=account())
    call(gate.main)
    assert gate.ADMITTED.exists()


def test_a_dev_split_counts_by_itself(workspace: Path):
    settings(
        0.4,
        ours=account(
            evaluation=evaluation_texts(
                {**NONE, ("v1", "dev"): "how to sort a list", ("v2", "dev"): "something else again"}
            )
        ),
    )
    with pytest.raises(
        Refused, match=r"0 of 1 test query \(0.0 %\) and 1 of 2 dev queries \(50.0 %\)"
    ):
        call(gate.main)


def test_what_it_writes_is_the_same_whatever_leaks_and_holds_no_text(workspace: Path):
    settings(0.1, ours=account(evaluation=evaluation_texts(NONE)))
    call(gate.main)
    before = gate.ADMITTED.read_bytes()
    settings(None, ours=account(), theirs=account(evaluation=evaluation_texts({})))
    call(gate.main)
    assert gate.ADMITTED.read_bytes() == before
    assert not [
        text for text in (*TRAINED.values(), *EVALUATION.values()) if text.encode() in before
    ]


def test_sentences_without_leaks_and_without_queries():
    assert (
        sentence(account(evaluation=evaluation_texts(NONE)))
        == "training data contains none of 1 test query."
    )
    assert (
        sentence(account(evaluation=evaluation_texts({})))
        == "no test or dev query is judged, so nothing can leak."
    )
