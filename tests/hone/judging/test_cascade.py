"""Who is asked what, in which order, and what a cascade misses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import polars as pl
import pytest

from hone.config import methods
from hone.data import tables
from hone.data.questions import in_blocks
from hone.judging import verdicts
from hone.judging.cascade import Cascade
from hone.layout import PAIR
from hone.stats.proportions import wilson
from tasks.relabel.cascade_recall import missed

QUERIES = [f"q{number}" for number in range(1, 7)]


@dataclass(frozen=True)
class Training:
    """As much of a training set as judging asks for."""

    def queries(self) -> pl.DataFrame:
        return pl.DataFrame(
            {
                "query_id": QUERIES,
                "text": [f"text of {query}" for query in QUERIES],
                "collection": "c",
            }
        )

    def texts(self, ids) -> pl.DataFrame:
        wanted = sorted(set(ids))
        return pl.DataFrame(
            {"doc_id": wanted, "full_text": [f"a text about {doc}" for doc in wanted]}
        )


@dataclass(frozen=True)
class Desk:
    seed: int = 13
    round: str = "r1"
    draws: str = "position 1"


LABELS = tables.shaped(
    "labels",
    pl.DataFrame(
        {
            "query_id": [*QUERIES, "q1"],
            "doc_id": ["p"] * 6 + ["promoted"],
            "label": "positive",
            "judge": ["qrels"] * 6 + ["strong"],
        }
    ),
)
NEGATIVES = tables.shaped(
    "negatives",
    pl.DataFrame(
        [(query, doc, "dense", 1, 0.5) for query in QUERIES for doc in "abc"],
        schema=list(tables.CANDIDATES),
        orient="row",
    ),
)


def line(name: str, send: str | dict = "found") -> dict:
    return {
        "name": name,
        "escalate": methods.checked("relabel.escalate", send, "test"),
        "evidence": [],
    }


def run(
    says: dict[str, Callable[[str, str], str]], send: str | dict = "found", control: float = 0.0
) -> tuple[Cascade, dict, pl.DataFrame]:
    """A cascade of judges that each say what a function of query and document says; what each
    was asked; all rows kept.
    """
    requested: dict[str, list[tuple[str, str]]] = {name: [] for name in says}
    positives: list[pl.DataFrame] = []

    def ask(given: dict, questions, desk) -> pl.DataFrame:
        requested[given["name"]] += questions.pairs.select(PAIR).rows()
        positives.append(questions.positives)
        judge = says[given["name"]]
        return verdicts.verdicts(
            questions.pairs.select(PAIR).with_columns(
                verdict=pl.Series(
                    [judge(query, doc) for query, doc in questions.pairs.select(PAIR).iter_rows()],
                    dtype=pl.String,
                )
            )
        )

    made = Cascade([line(name, send) for name in says])
    blocks = list(made.run(NEGATIVES, LABELS, Training(), control, Desk(), ask))
    assert not any((frame["doc_id"] == "promoted").any() for frame in positives)
    return made, requested, pl.concat(blocks)


def finds(*pairs: str) -> Callable[[str, str], str]:
    return lambda query, doc: "positive" if query + doc in pairs else "negative"


def test_the_strong_judge_reads_only_queries_of_which_the_cheap_one_found_something():
    made, requested, verdicts = run({"cheap": finds("q2a", "q5c"), "strong": finds("q5c", "q1b")})
    assert len(requested["cheap"]) == 18
    assert requested["strong"] == [(query, doc) for query in ("q2", "q5") for doc in "abc"]
    final = made.final()
    assert final.filter(pl.col("verdict") == "positive").select(PAIR).rows() == [("q5", "c")]
    assert len(final) == 18
    assert sorted(verdicts["place"].value_counts().rows()) == [(1, 18), (2, 6)]


def test_a_pair_may_need_every_judges_word():
    made, _, _ = run({"cheap": finds("q2a"), "strong": finds("q2a", "q2b")})
    assert made.final().filter(pl.col("verdict") == "positive").select(PAIR).rows() == [
        ("q2", "a"),
        ("q2", "b"),
    ]
    assert made.final(agreed=True).filter(pl.col("verdict") == "positive").select(PAIR).rows() == [
        ("q2", "a")
    ]


def test_what_judges_disagree_on_goes_to_the_third():
    """Both read everything; they differ on q1a and q3b, and the third judge reads these two
    alone.
    """
    says = {"one": finds("q1a", "q2a"), "two": finds("q2a", "q3b"), "three": finds("q1a")}
    requested: dict[str, list[tuple[str, str]]] = {name: [] for name in says}

    def ask(given: dict, questions, desk) -> pl.DataFrame:
        pairs = questions.pairs.select(PAIR)
        requested[given["name"]] += pairs.rows()
        verdict = pl.Series(
            [says[given["name"]](query, doc) for query, doc in pairs.iter_rows()], dtype=pl.String
        )
        return verdicts.verdicts(pairs.with_columns(verdict=verdict))

    lines = [line("one", "all"), line("two", "disagreement"), line("three")]
    made = Cascade(lines)
    list(made.run(NEGATIVES, LABELS, Training(), 0.0, Desk(), ask))
    assert requested["three"] == [("q1", "a"), ("q3", "b")]
    assert made.final().filter(pl.col("verdict") == "positive").select(PAIR).sort(PAIR).rows() == [
        ("q1", "a"),
        ("q2", "a"),
    ]


def test_without_hits_the_next_judge_reads_nothing():
    made, requested, _ = run({"cheap": finds(), "strong": finds("q1a")})
    assert requested["strong"] == []
    assert set(made.final()["verdict"]) == {"negative"}


def test_the_last_judges_doubt_is_not_a_label():
    made, _, _ = run({"cheap": finds("q1a"), "strong": lambda query, doc: "unknown"})
    assert made.final().filter(pl.col("query_id") == "q1")["verdict"].to_list() == ["unknown"] * 3


def test_a_control_goes_to_the_last_judge_whatever_the_rules_say():
    made, requested, _ = run({"cheap": finds(), "strong": finds("q1a", "q3b")}, control=1.0)
    assert len(requested["strong"]) == 18
    estimate = missed(made)
    assert (estimate["pairs"], estimate["control"], estimate["hits"]) == (18, 18, 2)
    assert estimate["missed"][0] == pytest.approx(2)


def test_what_an_earlier_judge_has_found_is_not_missed():
    send = {"most": {"pairs": 1, "among": "not-found"}}
    made, requested, _ = run(
        {"cheap": finds("q1a"), "strong": finds("q1a", "q3b")}, send, control=1.0
    )
    assert len(requested["strong"]) == 18
    estimate = missed(made)
    assert (estimate["pairs"], estimate["control"], estimate["hits"]) == (17, 17, 1)


def test_verdicts_in_another_order_belong_to_the_same_pairs():
    def ask(given: dict, questions, desk) -> pl.DataFrame:
        hit = pl.col("query_id") + pl.col("doc_id") == "q2a"
        verdict = pl.when(hit).then(pl.lit("positive")).otherwise(pl.lit("negative"))
        return verdicts.verdicts(
            questions.pairs.select(*PAIR, verdict=verdict, grade=pl.col("rank") + 0.5)
        ).reverse()

    lines = [line("cheap"), line("strong")]
    made = Cascade(lines)
    list(made.run(NEGATIVES, LABELS, Training(), 0.0, Desk(), ask))
    assert made.final().filter(pl.col("verdict") == "positive").select(PAIR).rows() == [("q2", "a")]
    for frame, queries in zip(made.answers, (QUERIES, ["q2"]), strict=True):
        rows = [
            (query, doc, "c", rank, rank + 0.5)
            for query in queries
            for rank, doc in enumerate("abc", 1)
        ]
        assert (
            frame.select(*PAIR, pl.col("collection").cast(pl.String), "rank", "grade").rows()
            == rows
        )


def test_negatives_of_a_query_that_are_scattered_are_not_judged():
    calls = []
    with pytest.raises(AssertionError, match="are not adjacent"):
        list(
            Cascade([line("one")]).run(
                NEGATIVES.sort("doc_id"),
                LABELS,
                Training(),
                0.0,
                Desk(),
                lambda *given: calls.append(given),
            )
        )
    assert calls == []


def test_a_block_is_yielded_before_the_next_is_judged(monkeypatch: pytest.MonkeyPatch):
    """Six queries in blocks of one query each: after two blocks two queries have been judged,
    and there is no final verdict.
    """
    monkeypatch.setattr("hone.judging.cascade.in_blocks", partial(in_blocks, size=1))
    query_ids = []

    def ask(given: dict, block, desk) -> pl.DataFrame:
        query_ids.append(block.pairs["query_id"].unique().to_list())
        return verdicts.unknown(block.pairs, "a reason")

    cascade = Cascade([line("one")])
    blocks = cascade.run(NEGATIVES, LABELS, Training(), 0.0, Desk(), ask)
    assert (
        [next(blocks)["query_id"].unique().to_list() for _ in range(2)]
        == query_ids
        == [["q1"], ["q2"]]
    )
    blocks.close()
    with pytest.raises(AssertionError, match="has not been run to its end"):
        cascade.final()


def test_the_control_is_drawn_by_seed_and_round():
    assert (
        run({"a": finds(), "b": finds()}, control=0.4)[1]["b"]
        == run({"a": finds(), "b": finds()}, control=0.4)[1]["b"]
        != []
    )


def test_without_a_control_nothing_is_estimated():
    assert missed(run({"cheap": finds(), "strong": finds()})[0]) is None


def test_wilsons_interval_by_hand():
    # 2 of 10 at z = 2: centre (.2 + .2) / 1.4 = .285714, half 2 sqrt(.016 + .01) / 1.4 = .230350
    assert wilson(2, 10, z=2.0) == pytest.approx((0.055364, 0.516064), abs=1e-6)
    assert wilson(0, 0) == (0.0, 1.0)


def test_the_interval_of_the_missed_share_has_its_nominal_coverage():
    """Of 400 cascades that miss one pair in five, the interval of at least 380 less three
    standard errors holds the truth.
    """
    import numpy as np

    draw = np.random.default_rng(1)
    covered = 0
    for hits in draw.binomial(60, 0.2, size=400):
        low, high = wilson(int(hits), 60)
        covered += low <= 0.2 <= high
    assert covered >= 367
