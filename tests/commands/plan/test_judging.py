"""What judging would take, before anything is asked; and asking again what could not be said."""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace

import polars as pl
import pytest
import yaml

from commands.judge.retry import retry
from commands.plan.judging import cost, judging, plan_judging
from hone.config import params
from hone.data import tables
from hone.errors import Refused
from hone.files import read_json, write_json
from hone.judging.prompt import load
from hone.llm.ledger.ledger import Answer, Ledger, Verdict, question_key
from tasks.resolve.stages import everything
from tests.prepared import pairs, prepare, write_rows

JUDGES = {
    "guide": {"encoder": {"to": "positives", "model": "r0"}},
    "strong": {
        "endpoint": {
            "url": "http://127.0.0.1:9/v1",
            "model": "m",
            "prompt": "yes-no",
            "price": {"input": 2.0, "output": 8.0},
            "slots": 4,
        }
    },
}


@pytest.fixture
def planned(workspace: Path) -> tuple[params.Params, dict]:
    """Two queries with three negatives each; a guide passes two pairs to an endpoint with a
    price.
    """
    documents = [{"doc_id": f"d{number}", "text": "x" * 100} for number in range(8)]
    queries = [{"query_id": f"q{number}", "text": "y" * 40, "split": "train"} for number in (1, 2)]
    write_rows(Path("inputs/ours"), documents, queries, pairs(("q1", "d0"), ("q2", "d1")))
    Path("recipes").mkdir()
    section = {
        "cascade": [{"judge": "guide", "escalate": {"most": {"pairs": 2}}}, {"judge": "strong"}],
        "budget": {"money": 1.5},
    }
    recipe = {
        "about": "a test",
        "retrieve": ["dense"],
        "sample": {"choose": {"top": {"n": 3}}},
        "relabel": section,
    }
    Path("recipes/tried.yaml").write_text(yaml.safe_dump(recipe))
    prepare(rounds={"r1": {"from": "r0", "recipe": "tried"}}, judges=JUDGES)
    given = params.read()
    return given, everything(given)


def of(planned: tuple[params.Params, dict]):
    given, settings = planned
    return judging(given, settings["rounds/r1/relabel"], settings["rounds/r1/sample"], "r1")


def test_pairs_tokens_and_money_of_each_judge(planned: tuple[params.Params, dict]):
    guide, strong = of(planned)
    assert (guide.pairs, guide.tokens, guide.money, guide.seconds) == (6, None, None, 0.0)
    assert strong.pairs == 2
    # Two prompts: the frame, 40 bytes of query, 100 of known answer and of candidate, 4 bytes a
    # token; one token back.
    frame = math.ceil(len(load("yes-no").system) / 4) + math.ceil(len(load("yes-no").user) / 4)
    read = 2 * (frame + 10 + 25 + 25)
    assert strong.tokens == read + 2
    assert strong.money == pytest.approx((2.0 * read + 8.0 * 2) / 1e6)
    assert strong.seconds is None  # it never answered


def test_a_control_and_grades_of_known_answers_are_counted(planned: tuple[params.Params, dict]):
    given, settings = planned
    relabel = settings["rounds/r1/relabel"]

    def pairs(**changes: object) -> list[int]:
        changed = relabel.model_copy(update={"relabel": relabel.relabel.model_copy(update=changes)})
        return [one.pairs for one in of((given, settings | {"rounds/r1/relabel": changed}))]

    assert pairs(control=0.5) == [6, 5]  # two by the rule, three of six at random
    assert pairs(control=0.5, grades=True) == [6, 7]


def test_no_prompt_lists_documents_of_two_queries(workspace: Path):
    given = params.Params.model_construct(train_on=[])
    settings = {"prompt": "listwise-brief", "documents": 25}
    one = cost(given, settings, 25, 1)[0]
    assert (
        cost(given, settings, 100, 25)[0] == 25 * one
    )  # four documents of each query, a prompt for each
    assert cost(given, settings, 1000, 25)[0] == 50 * one  # forty of each: two prompts
    assert cost(given, settings, 10, 25)[0] == 10 * one


def test_tokens_by_a_models_own_tokenizer_and_worked_examples(
    planned: tuple[params.Params, dict], monkeypatch: pytest.MonkeyPatch
):
    by_word = SimpleNamespace(count=lambda text: len(text.split()))
    monkeypatch.setattr("commands.plan.judging.of_file", lambda path: by_word)
    given = planned[0]
    frame = sum(by_word.count(part) for part in (load("pairwise").system, load("pairwise").user))
    parameters = {
        "prompt": "pairwise",
        "tokenizer": "inputs/tokenizer.json",
        "examples": 3,
        "trim": 64,
    }
    # Each text is one word: query, known answer and candidate, three examples of a query and two
    # passages; one word back.
    assert cost(given, parameters, 1)[0] == frame + 1 + 1 + 1 + 3 * 3 + 1


def test_time_by_the_speed_that_the_ledger_knows(planned: tuple[params.Params, dict]):
    _, settings = planned
    judge = settings["rounds/r1/relabel"].relabel.cascade[1]["fingerprint"]
    for number in range(2):
        Ledger().record(
            judge,
            Answer("no", "m", 10, 1, 0.0, 6.0),
            [Verdict(question_key("q", str(number)), "negative")],
            "before",
        )
    assert of(planned)[1].seconds == pytest.approx(2 * 6.0 / 4)


def test_the_plan_names_the_budget_and_says_how_sure_it_is(
    planned: tuple[params.Params, dict], capsys: pytest.CaptureFixture[str]
):
    plan_judging(*planned, ["relabel@r1"])
    output = capsys.readouterr().out
    for part in (
        "guide",
        "strong",
        "not measured yet",
        "(±25 %)",
        "budget of r1: at most 1.5 of money (as set)",
    ):
        assert part in output
    plan_judging(*planned, [])
    assert capsys.readouterr().out == ""


def test_retry_counts_and_refuses_where_nothing_is_unknown(planned: tuple[params.Params, dict]):
    file = Path("rounds/r1/judgments.parquet")
    rows = {
        "query_id": ["q1", "q2"],
        "doc_id": ["d2", "d3"],
        "verdict": ["unknown", "negative"],
        "reason": ["timed out: 5 s", None],
    }
    tables.write("judgments", tables.shaped("judgments", pl.DataFrame(rows)), file)
    retry("r1")
    retry("r1")
    assert read_json(Path("inputs/labels/retries.json")) == {"r1": 2}
    write_json(
        Path("inputs/labels/retries.json"), {"r1": 2, "r9": 4}
    )  # what r9 has asked again is asked once more
    retry("r1")
    assert read_json(Path("inputs/labels/retries.json")) == {"r1": 5, "r9": 4}
    tables.write("judgments", tables.empty("judgments"), file)
    with pytest.raises(Refused, match="nothing to retry"):
        retry("r1")


def test_several_answers_cost_as_many_times_and_half_a_price_is_a_price(workspace: Path):
    given = params.Params.model_construct(train_on=[])
    once = {"prompt": "yes-no", "price": {"input": 2.0}}
    tokens, money = cost(given, once, 10)
    assert money == pytest.approx(2 * (tokens - 10) / 1e6)
    for settings, times in (({"votes": 5}, 5), ({"swap": True}, 2), ({"twice": True}, 2)):
        assert cost(given, once | settings, 10)[0] == times * tokens


def test_the_plan_shows_the_default_budget_and_that_null_is_no_limit(
    planned: tuple[params.Params, dict], capsys: pytest.CaptureFixture[str]
):
    file = Path("recipes/tried.yaml")
    recipe = yaml.safe_load(file.read_text())
    for budget, sentence in (
        ({"budget": None}, "budget of r1: no limit. Set `relabel.budget` to limit the cost."),
        ({}, "budget of r1: at most 5 of money (Hone default; `relabel.budget` changes it)."),
    ):
        del recipe["relabel"]["budget"]
        recipe["relabel"] |= budget
        file.write_text(yaml.safe_dump(recipe))
        given = params.read()
        plan_judging(given, everything(given), ["relabel@r1"])
        assert sentence in capsys.readouterr().out
        recipe["relabel"].setdefault("budget", None)


def test_pairs_of_a_collection_that_was_not_read_are_unknown(
    planned: tuple[params.Params, dict], capsys: pytest.CaptureFixture[str]
):
    Path("data/ours/about.json").unlink()
    assert [one.pairs for one in of(planned)] == [None, None]
    plan_judging(*planned, ["relabel@r1"])
    rows = capsys.readouterr().out.splitlines()[1:3]
    assert [row.split() for row in rows] == [
        ["r1", judge, *["unknown"] * 4] for judge in ("guide", "strong")
    ]
