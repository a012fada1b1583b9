from __future__ import annotations

from pathlib import Path

from hone.present.number_format import CHARACTERS
from tasks.report import examples as module
from tasks.report.examples import draw_examples
from tasks.report.negatives import read_hidden_pairs
from tests.report.made_up import write_all, write_training


def drawn(round: str, seed: int = 13) -> list[module.Example]:
    training = write_training(["made-up"])
    return draw_examples(round, training, read_hidden_pairs(training), seed)


def test_an_example_has_query_positive_and_negative_with_scores(workspace: Path):
    write_all()
    by_query = {example.query_id: example for example in drawn("r2")}
    assert set(by_query) == {"q1", "q2"}  # q3 has no negative in r2
    q1 = by_query["q1"]
    assert (q1.query, q1.positive.doc_id, q1.positive.text, q1.positive.scorer) == (
        "sum of an array",
        "d1",
        "text of d1",
        "dense",
    )
    assert round(q1.positive.score, 3) == 0.9
    # The negative was not scored again, so it has the score of the source that found it.
    [negative] = q1.negatives
    assert (negative.doc_id, negative.text, negative.score, negative.scorer, negative.rank) == (
        "d6",
        "text of d6",
        0.5,
        "dense",
        1,
    )
    assert not negative.hidden


def test_a_negative_that_is_a_hidden_answer_is_marked_and_stands_last(workspace: Path):
    write_all()
    last = drawn("r2")[-1]
    assert (last.query_id, [one.hidden for one in last.negatives]) == ("q2", [True])


def test_hidden_answers_are_shown_however_rare_they_are(workspace: Path, monkeypatch):
    write_all()
    monkeypatch.setattr(module, "QUERIES", 0)
    assert [example.query_id for example in drawn("r2")] == ["q2"]


def test_the_same_seed_shows_the_same_queries_and_another_does_not_always(workspace: Path):
    write_all()
    orders = {seed: [example.query_id for example in drawn("r3", seed)] for seed in range(8)}
    assert orders == {
        seed: [example.query_id for example in drawn("r3", seed)] for seed in range(8)
    }
    assert len({tuple(order) for order in orders.values()}) > 1


def test_negatives_stand_in_the_order_in_which_they_were_chosen(workspace: Path):
    write_all()
    [q1] = [example for example in drawn("r3") if example.query_id == "q1"]
    assert [negative.doc_id for negative in q1.negatives] == ["d6", "d8"]


def test_a_round_that_mined_nothing_has_none(workspace: Path):
    write_all()
    assert drawn("r1") == []


def test_long_texts_are_cut(workspace: Path):
    write_all(texts={"d1": "x" * 5000})
    assert {len(example.positive.text) for example in drawn("r2")} == {
        CHARACTERS + 2,
        len("text of d2"),
    }
