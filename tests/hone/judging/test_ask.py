"""How questions become calls, and what becomes of several answers to one."""

from __future__ import annotations

import multiprocessing
import signal
import threading
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from hone.errors import Refused
from hone.judging import votes as several
from hone.judging.ask import Asking, ask
from hone.judging.few_shot import examples, triples
from hone.judging.prompt import load
from hone.judging.requests import Item
from hone.judging.session import Session
from hone.llm import session
from hone.llm.completion import Completion, Endpoint, Request
from hone.llm.ledger.ledger import Answer, Verdict, question_key
from tests.hone.llm import unruly
from tests.hone.llm.answering import desk, documents_of, finds, questions, says, serving
from tests.hone.llm.ledger.test_ledger import KEYS, another


def votes_of(*rows: tuple[str, float | None]) -> pl.DataFrame:
    """A frame as one way of asking leaves it; each row is an answer of its own that cost 1."""
    frame = pl.DataFrame(
        rows, schema={"verdict": pl.String, "probability": pl.Float64}, orient="row"
    ).with_row_index("place")
    nothing = {"grade": pl.Float64, "reason": pl.String}
    return frame.select(
        pl.lit("q").alias("query_id"),
        pl.col("place").cast(pl.String).alias("doc_id"),
        "verdict",
        "probability",
        *(pl.lit(None, dtype=kind).alias(name) for name, kind in nothing.items()),
        answer=pl.col("place"),
        raw=pl.format("raw {}", "place"),
        model=pl.lit("m"),
        tokens_in=pl.lit(10),
        tokens_out=pl.lit(1),
        money=pl.lit(1.0),
        seconds=pl.lit(1.0),
        asked_at=pl.lit("now"),
        run=pl.lit("run"),
    )


def test_the_majority_of_votes_counts_and_ties_are_unknown():
    votes = [
        votes_of(
            ("positive", None),
            ("positive", 0.9),
            ("negative", None),
            ("unknown", None),
            ("negative", 0.0),
        ),
        votes_of(
            ("positive", None),
            ("negative", 0.3),
            ("positive", None),
            ("unknown", None),
            ("negative", 0.1),
        ),
        votes_of(
            ("positive", None),
            ("positive", 0.6),
            ("unknown", None),
            ("unknown", None),
            ("negative", 0.2),
        ),
    ]
    tally = several.Tally()
    combined = several.voted(votes, tally)
    assert combined["verdict"].to_list() == [
        "positive",
        "positive",
        "unknown",
        "unknown",
        "negative",
    ]
    assert combined["probability"].to_list() == [
        1.0,
        pytest.approx(0.6),
        0.5,
        None,
        pytest.approx(0.1),
    ]
    assert combined["reason"].to_list() == [
        None,
        "2 of 3 votes",
        "the votes are tied: 1 to 1",
        None,
        None,
    ]
    assert combined["money"].to_list() == [3.0] * 5
    assert combined["raw"][1] == "raw 1\n\nraw 1\n\nraw 1"
    assert tally.figures() == {"agreed": 0.5}  # of four pairs with a vote, the first and the last
    several.voted(votes, tally)
    assert (tally.votes, tally.unanimous) == (8, 4)  # a second block


def failed(frame: pl.DataFrame, reason: str, *rows: int) -> pl.DataFrame:
    """The frame with some answers missing for a reason."""
    there = ~pl.col("place").is_in(rows)
    marked = frame.with_row_index("place").with_columns(
        verdict=pl.when(there).then("verdict").otherwise(pl.lit("unknown")),
        reason=pl.when(there).then("reason").otherwise(pl.lit(reason)),
        **{
            name: pl.when(there).then(name)
            for name in (*several.PAID, "answer", "model", "asked_at", "run")
        },
    )
    return marked.drop("place")


def test_a_vote_that_failed_and_could_turn_the_majority_leaves_it_open_for_that_reason():
    over = "over budget: the budget of 4 pairs is used up"
    first, second = (
        votes_of(("positive", None), ("positive", None)),
        votes_of(("negative", None), ("positive", None)),
    )
    third = failed(votes_of(("positive", None), ("positive", None)), over, 0, 1)
    combined = several.voted([first, second, third], several.Tally())
    assert combined["verdict"].to_list() == ["unknown", "positive"]
    assert combined["reason"].to_list() == [over, "2 of 3 votes"]
    orders = several.agreed([second, third], "they differ")
    assert orders["verdict"].to_list() == ["unknown", "unknown"]
    assert orders["reason"].to_list() == [over, over]


def test_answers_of_an_earlier_run_cost_nothing_again():
    earlier = votes_of(("positive", None)).with_columns(
        run=pl.lit("r1 here order monday"), asked_at=pl.lit("2026-01-01"), answer=pl.lit(7)
    )
    same = earlier.with_columns(
        run=pl.lit("r1 here order tuesday"), asked_at=pl.lit("2026-01-02"), answer=pl.lit(8)
    )
    later = earlier.with_columns(
        run=pl.lit("r2 here order friday"), asked_at=pl.lit("2026-01-05"), answer=pl.lit(9)
    )
    combined = several.voted([earlier, later, later], several.Tally())
    assert combined.select("run", "answer", "money", "tokens_in").rows() == [
        ("r2 here order friday", 9, 2.0, 20)
    ]
    combined = several.voted(
        [earlier, same], several.Tally()
    )  # a run that was killed, and the one that ends its work
    assert combined.select("answer", "money").rows() == [(7, 2.0)]


def test_two_orders_must_agree():
    combined = several.agreed(
        [
            votes_of(("positive", None), ("positive", None), ("unknown", None)),
            votes_of(("positive", None), ("negative", None), ("positive", None)),
        ],
        "they differ",
    )
    assert combined["verdict"].to_list() == ["positive", "unknown", "unknown"]
    assert combined["reason"].to_list() == [None, "they differ", None]


def test_two_polarities_are_averaged_where_both_are_sure_and_must_agree_elsewhere():
    tally = several.Tally()
    combined = several.averaged(
        [
            votes_of(("positive", 0.9), ("positive", 0.6), ("positive", None), ("negative", 0.4)),
            votes_of(("negative", 0.3), ("negative", 0.1), ("negative", 0.2), ("negative", None)),
        ],
        tally,
    )
    # Of the two pairs with both: (.9 - .3) / 2 and (.6 - .1) / 2 above what the mean says.
    assert tally.figures() == {"yes_bias": pytest.approx(0.275)}
    assert combined["verdict"].to_list() == ["positive", "negative", "unknown", "negative"]
    assert combined["probability"].to_list() == [
        pytest.approx(0.6),
        pytest.approx(0.35),
        None,
        None,
    ]


def endpoint(url: str) -> Endpoint:
    return Endpoint(url=url, model="m", key=None, slots=4)


def test_long_texts_are_cut_until_the_prompt_fits():
    long = "word " * 4000
    for settings, most in (
        (Asking(trim=64, max_tokens=8), 64 * 4 + 10),
        (Asking(trim=None, context=600, max_tokens=8), 600 * 4),
    ):
        with serving(says("word")) as server:
            ask(
                questions(("q", long)),
                desk(),
                f"f{most}",
                endpoint(server.url),
                load("yes-no-alone"),
                settings,
            )
            assert len(documents_of(server.requests[0])[0]) <= most
            assert (
                len("".join(message["content"] for message in server.requests[0]["messages"]))
                <= 4 * 600
            )


def test_known_answers_that_are_not_shown_do_not_belong_to_the_question():
    known = {"q": ["k1", "k2", "k3"]}
    with serving(says("good")) as server:
        ask(
            questions(("q", "good"), known=known),
            desk(),
            "f",
            endpoint(server.url),
            load("yes-no"),
            Asking(known=2),
        )
        ask(
            questions(("q", "good"), known={"q": ["k1", "k2"]}),
            desk(),
            "f",
            endpoint(server.url),
            load("yes-no"),
            Asking(known=2),
        )
        assert len(server.requests) == 1
        assert "k2" in server.prompts[0]
        assert "k3" not in server.prompts[0]


def test_calls_say_how_many_pairs_and_tokens_they_are():
    calls: list[Request] = []

    def noted(where, given, budget, expected=None):
        for call in given:
            calls.append(call)
            yield [
                Completion(
                    call,
                    "<better>[]</better><worse>[]</worse>",
                    None,
                    "m",
                    1,
                    1,
                    0.0,
                    0.0,
                    False,
                    None,
                )
            ]

    pairs = [("q1", f"d{number}") for number in range(30)] + [("q2", "d")]
    ask(
        questions(*pairs),
        desk(),
        "f",
        endpoint("http://nowhere"),
        load("listwise"),
        Asking(complete=noted),
    )
    assert sorted(call.pairs for call in calls) == [1, 5, 25]
    assert len({call.number for call in calls}) == 3
    for call in calls:
        letters = sum(len(message["content"].encode()) for message in call.messages)
        assert abs(call.tokens - letters / 4) <= 20


@pytest.mark.parametrize("kind", ["timed out", "over budget", "unreachable", "broken", "stopped"])
def test_faults_are_the_reason_and_are_not_kept(kind: str):
    def failing(where, given, budget, expected=None):
        for call in given:
            yield [
                Completion(
                    call, None, None, None, 0, 0, 0.0, 0.0, False, f"{kind}: after 3 attempts"
                )
            ]

    judgments = ask(
        questions(("q", "d")),
        desk(),
        "f",
        endpoint("http://nowhere"),
        load("yes-no"),
        Asking(complete=failing),
    )
    assert judgments.select("verdict", "reason").rows() == [
        ("unknown", f"{kind}: after 3 attempts")
    ]
    with serving(says("d")) as server:
        assert (
            ask(questions(("q", "d")), desk(), "f", endpoint(server.url), load("yes-no"))[
                "verdict"
            ][0]
            == "positive"
        )


def test_an_exception_leaves_nothing_claimed():
    def crashing(where, given, budget, expected=None):
        next(iter(given))
        raise KeyboardInterrupt
        yield

    pairs = [("q", f"d{number}") for number in range(5)]
    with pytest.raises(KeyboardInterrupt):
        ask(
            questions(*pairs),
            desk(),
            "f",
            endpoint("http://nowhere"),
            load("yes-no"),
            Asking(complete=crashing),
        )
    with serving(says("d")) as server:
        judgments = ask(questions(*pairs), desk(), "f", endpoint(server.url), load("yes-no"))
        assert len(server.requests) == 5
    assert set(judgments["verdict"].cast(pl.String)) == {"positive"}


def together(where, given, budget, expected=None):
    """All completions at once, as they arrive when an endpoint answers faster than the ledger
    writes.
    """
    yield [Completion(request, "yes", None, "m", 1, 1) for request in given]


def test_ctrl_c_and_an_error_with_one_answer_lose_no_other(monkeypatch: pytest.MonkeyPatch):
    pairs, at = [("q", f"d{number}") for number in range(5)], desk()

    class Failing(type(at.ledger)):
        def record(
            self,
            judge: str,
            answer: Answer,
            verdicts: list[Verdict],
            *more: object,
            **options: object,
        ) -> int:
            if verdicts and verdicts[0].question == question_key("q", "d1", ["known"]):
                raise OSError("disk full")
            if verdicts and verdicts[0].question == question_key("q", "d3", ["known"]):
                signal.raise_signal(signal.SIGINT)
            return super().record(judge, answer, verdicts, *more, **options)

    with pytest.raises(KeyboardInterrupt):
        ask(
            questions(*pairs),
            replace(at, ledger=Failing()),
            "f",
            endpoint("http://nowhere"),
            load("yes-no"),
            Asking(complete=together),
        )
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    with serving(says("d"), model="m") as server:
        judgments = ask(questions(*pairs), at, "f", endpoint(server.url), load("yes-no"))
        assert [documents_of(body) for body in server.requests] == [["d1"]]
    assert set(judgments["verdict"].cast(pl.String)) == {"positive"}


def test_an_answer_is_in_the_ledger_before_the_next_is_waited_for():
    """What a process that is killed now would leave behind."""
    at, keys = desk(), [question_key("q", f"d{number}", ["known"]) for number in range(3)]
    there = []

    def one_by_one(where, given, budget, expected=None):
        for request in given:
            yield [Completion(request, "yes", None, "m", 1, 1)]
            there.append(len(at.ledger.find("f", keys)))

    ask(
        questions(*(("q", f"d{number}") for number in range(3))),
        at,
        "f",
        endpoint("http://nowhere"),
        load("yes-no"),
        Asking(complete=one_by_one, logprobs=False),
    )
    assert there == [1, 2, 3]


def test_a_run_that_fails_closes_its_completions():
    closed = []

    def endless(where, given, budget, expected=None):
        try:
            for request in given:
                yield [Completion(request, "yes", None, "m", 1, 1)]
        finally:
            closed.append(True)

    class Failing(type(desk().ledger)):
        def record(self, *given: object, **options: object) -> int:
            raise Refused("the ledger could not be written")

    with pytest.raises(Refused):
        ask(
            questions(("q", "d")),
            replace(desk(), ledger=Failing()),
            "f",
            endpoint("http://nowhere"),
            load("yes-no"),
            Asking(complete=endless),
        )
    assert closed == [True]
    assert not [thread for thread in threading.enumerate() if thread.name == "claims"]


def one_loop(url: str, pairs: list[tuple[str, str]], verdicts) -> None:
    rows = ask(questions(*pairs), desk(), "f", endpoint(url), load("yes-no"))
    verdicts.put(rows["verdict"].cast(pl.String).to_list())


def test_two_loops_at_once_do_not_ask_the_same_pair_twice():
    pairs = [("q", f"{'good' if number % 2 else 'bad'} {number}") for number in range(40)]
    context = multiprocessing.get_context("spawn")
    with serving(says("good")) as server:
        verdicts = context.Queue()
        loops = [
            context.Process(target=one_loop, args=(server.url, pairs, verdicts)) for _ in range(2)
        ]
        for loop in loops:
            loop.start()
        results = [verdicts.get(timeout=120) for _ in loops]
        for loop in loops:
            loop.join()
        assert sorted(documents_of(body)[0] for body in server.requests) == sorted(
            text for _, text in pairs
        )
    assert (
        results[0]
        == results[1]
        == ["positive" if text.startswith("good") else "negative" for _, text in pairs]
    )


@given(
    st.lists(
        st.tuples(st.sampled_from("pqr"), st.sampled_from("abcdefgh")),
        unique=True,
        min_size=1,
        max_size=20,
    ),
    st.integers(1, 5),
)
def test_every_pair_has_one_row_whatever_the_groups(pairs: list[tuple[str, str]], documents: int):
    pairs = sorted(pairs)

    def answering(where, given, budget, expected=None):
        for call in given:
            body = {"messages": call.messages}
            assert len(documents_of(body)) == call.pairs <= documents
            yield [Completion(call, finds("a", "b")(body), None, "m", 1, 1, 0.0, 0.0, False, None)]

    judgments = ask(
        questions(*pairs),
        desk(),
        f"f{documents}",
        endpoint("http://nowhere"),
        load("listwise"),
        Asking(complete=answering, documents=documents),
    )
    assert judgments.select("query_id", "doc_id").rows() == pairs
    assert judgments["verdict"].cast(pl.String).to_list() == [
        "positive" if text in "ab" else "negative" for _, text in pairs
    ]


def test_examples_are_other_queries_with_an_answer_and_a_worse_passage():
    passages = {"d1": "one", "d2": "two", "d3": "three"}
    similar = [("me", "d1"), ("near", "d2"), ("copy", "d2"), ("far", "d3"), ("lost", "gone")]
    assert triples("me", similar, passages, 3) == [
        ("near", "two", "three"),
        ("copy", "two", "three"),
    ]
    assert triples("me", similar, passages, 1) == [("near", "two", "three")]


def test_examples_come_from_the_training_queries_most_similar_to_the_base_model(
    monkeypatch: pytest.MonkeyPatch,
):
    places = {"asked": [1, 0], "x": [0.9, 0.1], "y": [0.8, 0.2], "z": [0, 1]}

    class Vectors:
        def __init__(self, texts: list[str]) -> None:
            self.array = np.array([places[text] for text in texts], dtype=np.float32)

        def __len__(self) -> int:
            return len(self.array)

        def take(self, rows: slice) -> np.ndarray:
            return self.array[rows]

    collection = SimpleNamespace(
        min_relevance=1,
        queries=lambda: pl.DataFrame(
            {"query_id": ["a", "x", "y", "z"], "text": ["asked", "x", "y", "z"]}
        ),
        qrels=lambda: pl.DataFrame(
            {
                "query_id": ["a", "x", "y", "z"],
                "doc_id": ["da", "dx", "dy", "dz"],
                "relevance": [1, 1, 2, 1],
            }
        ),
    )

    class Training(list):
        def texts(self, ids) -> pl.DataFrame:
            return pl.DataFrame(
                {"doc_id": list(ids), "full_text": [f"text of {doc}" for doc in ids]}
            )

    encoders = {"r0": SimpleNamespace(queries=Vectors)}
    monkeypatch.setattr("hone.judging.few_shot.encoder_of", lambda models, name: encoders[name])
    at = SimpleNamespace(training=Training([collection]), models=SimpleNamespace())
    found = examples(questions(("asked", "d")), at, 2)
    assert found == {
        "asked": [("x", "text of dx", "text of dy"), ("y", "text of dy", "text of dz")]
    }
    assert examples(questions(("asked", "d")), SimpleNamespace(training=None, models=None), 2) == {}


def test_examples_belong_to_the_question():
    with serving(lambda body: "equal") as server:
        for worked in (
            [("a", "better", "worse")],
            [("b", "better", "worse")],
            [("b", "better", "worse")],
        ):
            judgments = ask(
                questions(("q", "d")),
                desk(),
                "f",
                endpoint(server.url),
                load("pairwise"),
                examples={"q": worked},
            )
        assert len(server.requests) == 2
    assert judgments["verdict"][0] == "positive"


def test_claims_of_slow_calls_are_renewed_though_a_renewal_fails(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
):
    """The call ends only when its claim was renewed three times; the first two attempts fail,
    which is reported once.
    """
    monkeypatch.setattr(session, "RENEWED", 0.01)
    renewals: list[list[bytes]] = []
    renewed = threading.Event()
    at = desk()

    class Watched(type(at.ledger)):
        def renew(self, judge: str, questions) -> set[bytes]:
            renewals.append(list(questions))
            if len(renewals) < 3:
                raise Refused("the ledger could not be written (database is locked)")
            mine = super().renew(judge, questions)
            if len(renewals) == 5:
                renewed.set()
            return mine

    def slow(where, given, budget, expected=None):
        for call in given:
            assert renewed.wait(60)
            yield [Completion(call, "yes", None, "m", 1, 1, 0.0, 0.0, False, None)]

    rows = ask(
        questions(("q", "d")),
        replace(at, ledger=Watched()),
        "f",
        endpoint("http://nowhere"),
        load("yes-no"),
        Asking(complete=slow),
    )
    assert rows["verdict"][0] == "positive"
    assert renewals[0] == renewals[4] == [question_key("q", "d", ["known"])]
    reported = capfd.readouterr().err
    assert (
        reported.count("claims could not be renewed, trying again")
        == reported.count("claims are renewed again")
        == 1
    )


def taken_over(other, keys: list[bytes], verdict: str | None) -> None:
    """Another process takes claims for dead, asks, answers and lets go, or goes on asking."""
    with other.writing() as connection:
        connection.execute(text("DELETE FROM claims"))
    assert other.claim("f", keys) == set(keys)
    if verdict:
        other.record(
            "f",
            Answer(verdict, "m", 1, 1, 0.0, 0.0),
            [Verdict(key, verdict) for key in keys],
            "other run",
        )


def test_a_call_whose_claim_another_process_has_taken_over_is_not_sent_again(
    monkeypatch: pytest.MonkeyPatch,
):
    """The first attempt fails after the takeover; a second would be paid twice."""
    monkeypatch.setattr(session, "RENEWED", 0.01)
    monkeypatch.setattr(session, "POLL", 0.01)
    at, keys, seen_lost = desk(), [question_key("q", "d", ["known"])], []
    other = another(at.ledger, f"elsewhere:1:{at.ledger.owner}")

    class Watched(type(at.ledger)):
        def renew(self, judge: str, questions) -> set[bytes]:
            mine = super().renew(judge, questions)
            if len(mine) < len(questions):
                seen_lost.append(1)
            return mine

    def answer(body: dict) -> object:
        taken_over(other, keys, "negative")
        assert wait_for(lambda: seen_lost)
        return 500, "gone"

    with serving(answer) as server:
        judgments = ask(
            questions(("q", "d")),
            replace(at, ledger=Watched()),
            "f",
            endpoint(server.url),
            load("yes-no"),
            Asking(logprobs=False),
        )
        assert len(server.requests) == 1
    assert judgments.select(pl.col("verdict").cast(pl.String), "run").rows() == [
        ("negative", "other run")
    ]


def wait_for(condition) -> bool:
    """Whether it has come true; a call that is renewed each hundredth of a second does not take
    long.
    """
    for _ in range(1000):
        if condition():
            threading.Event().wait(0.02)  # what was seen is noted
            return True
        threading.Event().wait(0.01)
    return False


def test_after_a_sleep_of_the_machine_claims_are_renewed_before_anything_is_sent(
    monkeypatch: pytest.MonkeyPatch,
):
    """The clock that stands still while a machine sleeps shows nothing; the other one does."""
    at, keys = desk(), [question_key("q", "d", ["known"])]
    other = another(at.ledger, f"elsewhere:1:{at.ledger.owner}")
    one = Session(at, "f", endpoint("http://nowhere"), None)
    at.ledger.claim("f", keys)
    one.under_way[1] = [Item(keys[0], "q", "d", ("known",), ())]
    assert one.may_send(1)
    one.renewed = (one.renewed[0], one.renewed[1] - session.UNSURE - 1)
    assert one.may_send(1)  # nobody has taken it
    one.renewed = (one.renewed[0], one.renewed[1] - session.UNSURE - 1)
    taken_over(other, keys, None)
    assert not one.may_send(1)
    assert one.lost == set(keys)


def test_while_nobody_can_say_whose_a_claim_is_nothing_is_sent(monkeypatch: pytest.MonkeyPatch):
    at = desk()
    one = Session(at, "f", endpoint("http://nowhere"), None)
    one.under_way[1] = [Item(KEYS[0], "q", "d", ("known",), ())]
    one.renewed = (one.renewed[0] - session.UNSURE - 1, one.renewed[1])

    def fails(self, judge: str, questions) -> None:
        raise Refused("no connection")

    monkeypatch.setattr(type(at.ledger), "renew", fails)
    assert not one.may_send(1)


def never(where, calls, *_: object):
    assert list(calls) == []
    yield from ()


def test_waiting_for_another_process_has_an_end(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(session, "POLL", 0.001)
    monkeypatch.setattr(session, "LONGEST_WAIT", 0.01)
    at, keys = desk(), [question_key("q", "d", ["known"])]
    another(at.ledger, f"elsewhere:1:{at.ledger.owner}").claim("f", keys)
    judgments = ask(
        questions(("q", "d")),
        at,
        "f",
        endpoint("http://nowhere"),
        load("yes-no"),
        Asking(complete=never),
    )
    assert judgments["verdict"].cast(pl.String).to_list() == ["unknown"]
    assert judgments["reason"][0].startswith("stopped: another process has been asking for")


def test_what_another_process_is_asking_is_waited_for_and_taken_over_when_it_gives_up(
    monkeypatch: pytest.MonkeyPatch,
):
    """Of two pairs that another asks it answers one and lets go of the other; nothing is asked
    twice.
    """
    monkeypatch.setattr(session, "POLL", 0.01)
    at, keys = desk(), [question_key("q", text, ["known"]) for text in ("answered", "let go")]
    other = type(at.ledger)()
    other.owner = f"elsewhere:1:{other.owner}"
    assert other.claim("f", keys) == set(keys)
    polls = iter(range(1000))

    class Watched(type(at.ledger)):
        def find(self, judge: str, questions, retry: int = 0) -> pl.DataFrame:
            if (
                next(polls) == 2
            ):  # after the first look at the ledger and the first look at what is claimed
                other.record(
                    "f",
                    Answer("no", "m", 1, 1, 0.0, 0.0),
                    [Verdict(keys[0], "negative")],
                    "other run",
                )
                other.release("f", keys[1:])
            return super().find(judge, questions, retry)

    given = questions(("q", "answered"), ("q", "let go"))
    with serving(says("let", "answered")) as server:
        judgments = ask(
            given,
            replace(at, ledger=Watched()),
            "f",
            endpoint(server.url),
            load("yes-no"),
            Asking(logprobs=False),
        )
        assert [documents_of(body) for body in server.requests] == [["let go"]]
    assert judgments["verdict"].cast(pl.String).to_list() == ["negative", "positive"]
    assert judgments["run"].to_list() == ["other run", "test"]


def test_a_thousand_pairs_three_faults_in_ten_and_a_budget_that_does_not_reach():
    """Every pair is judged or unknown with its reason, none is paid twice, and the next run asks
    for what is left and nothing else.
    """
    pairs = [(f"query {number // 20}", f"document {number}") for number in range(1000)]
    ways = tuple(way for way in unruly.WRONG if way not in ("hang", "drip", "long"))
    settings = Asking(logprobs=False, structured="never", reported="made-up-1")

    def judged(budget: int) -> tuple[pl.DataFrame, dict[str, float]]:
        at = desk(tokens=budget)
        judgments = ask(
            questions(*pairs), at, "f", unruly.endpoint(server.url), load("yes-no-alone"), settings
        )
        assert judgments.select("query_id", "doc_id").rows() == pairs
        assert (judgments["verdict"].cast(pl.String) != "unknown").to_list() == judgments[
            "reason"
        ].is_null().to_list()
        return judgments, at.budget.spent

    with unruly.serving(unruly.drawn(3, 0.3, ways)) as server:
        first, spent = judged(60_000)
        assert spent["tokens"] <= 60_000
        assert 110 * sum(server.good.values()) <= spent["tokens"]
        reasons = set(first["reason"].drop_nulls().str.split(":").list.first())
        assert (
            {"over budget"} < reasons <= {"over budget", "unreachable", "broken", "another model"}
        )
        answered = len(first.filter(pl.col("verdict") == "positive"))
        assert 100 < answered == sum(server.good.values()) < 900
        second, _ = judged(10_000_000)
        assert set(server.good.values()) == {1}
        assert len(second.filter(pl.col("verdict") == "positive")) == len(server.good) > 950
        assert "over budget" not in set(second["reason"].drop_nulls().str.split(":").list.first())


def test_what_attempts_without_an_answer_cost_is_known_to_the_next_run():
    at = desk()
    with unruly.serving(lambda name, attempt: "wrong" if attempt == 1 else "well") as server:
        judgments = ask(
            questions(("q", "a"), ("q", "b")),
            at,
            "f",
            unruly.endpoint(server.url),
            load("yes-no-alone"),
            Asking(logprobs=False),
        )
    assert judgments["verdict"].to_list() == ["positive", "positive"]
    spent, known = at.budget.spent, at.ledger.spent("test")
    assert spent["tokens"] > 2 * 110
    assert (known["tokens"], known["pairs"]) == (spent["tokens"], 2)
    assert known["money"] == pytest.approx(spent["money"])
