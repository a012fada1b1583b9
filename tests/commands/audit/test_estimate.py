"""The pairs to read, the verdicts read back, and the estimate: worked by hand, and held against
populations whose share is known.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from commands.audit.command import audit
from commands.audit.dataset import PAIRS as COLUMNS
from commands.audit.dataset import Subject, numbered
from commands.audit.estimate import Stratum, estimate
from commands.audit.false_negative_suspects import KINDS, estimate_suspicion
from commands.audit.sheet import (
    LEAST,
    PAIRS,
    allocate_pairs,
    read_verdicts,
    refuse_others,
    sample_pairs,
)
from hone.errors import Refused

RUNS = 2_000


def test_each_stratum_weighs_as_many_pairs_as_it_has():
    """100 pairs of which 4 of 8 say yes, 900 of which 1 of 10: (100 x .5 + 900 x .1) / 1000 =
    .14, and not 5 of 18.
    """
    found = estimate([Stratum(100, 8, 4), Stratum(900, 10, 1)], 1000, 1.0)
    assert found.share == pytest.approx(0.14)
    assert found.low < 0.14 < found.high
    assert found.read == 18


def test_what_is_read_whole_is_certain():
    found = estimate([Stratum(10, 10, 3), Stratum(30, 30, 0)], 40, 1.0)
    assert (found.share, found.low, found.high) == (0.075, 0.075, 0.075)


def test_read_whole_but_drawn_from_more_is_as_sure_as_the_draw():
    """40 of 4,000: Wilson's interval for .075 of 40 / (1 - .01) observations."""
    found = estimate([Stratum(40, 40, 3)], 40, 0.01)
    assert (round(found.low, 3), round(found.high, 3)) == (0.026, 0.198)


def test_no_yes_is_no_proof_that_there_is_none():
    found = estimate([Stratum(1000, 50, 0)], 1000, 1.0)
    assert (found.share, found.low) == (0, 0)
    assert 0.05 < found.high < 0.08  # 3 / n, roughly


def test_a_stratum_without_a_verdict_may_be_anything():
    found = estimate([Stratum(200, 0, 0), Stratum(800, 800, 80)], 1000, 1.0)
    assert found.share is None
    assert (round(found.low, 6), round(found.high, 6)) == (0.08, 0.28)


def covered(
    sizes: tuple[int, ...], shares: tuple[float, ...], scored: int
) -> tuple[float, float, float]:
    """Share of RUNS whose interval covers the truth, mean of the estimates less the truth, and mean
    width.

    A population of so many pairs of each kind, of which so many are false negatives; `scored` pairs
    are drawn from it, and of these as many are read as the page shows.
    """
    draw, counts_of = (
        np.random.default_rng(1),
        cache(lambda seen: allocate_pairs(dict(zip(KINDS, seen, strict=True)))),
    )
    true = np.array([round(size * share) for size, share in zip(sizes, shares, strict=True)])
    cells = np.stack([true, np.array(sizes) - true], axis=1).ravel()
    truth = true.sum() / sum(sizes)
    found = []
    for _ in range(RUNS):
        seen = draw.multivariate_hypergeometric(cells, scored).reshape(-1, 2)
        counts = counts_of(tuple(seen.sum(1).tolist()))
        strata = [
            Stratum(
                int(yes + no),
                counts[kind],
                int(draw.hypergeometric(yes, no, counts[kind])) if counts[kind] else 0,
            )
            for kind, (yes, no) in zip(KINDS, seen, strict=True)
        ]
        found.append(estimate(strata, scored, scored / sum(sizes)))
    inside = np.mean([one.low <= truth <= one.high for one in found])
    return (
        float(inside),
        float(np.mean([one.share for one in found]) - truth),
        float(np.mean([one.high - one.low for one in found])),
    )


@pytest.mark.parametrize(
    ("sizes", "shares", "scored"),
    [
        ((500, 3_500, 16_000), (0.6, 0.3, 0.05), 2_000),
        ((200, 1_000, 800), (0.7, 0.2, 0.02), 2_000),  # every pair is scored
        ((40, 400, 1_560), (0.9, 0.1, 0.0), 2_000),
        ((500, 3_500, 16_000), (0.9, 0.6, 0.3), 500),
        ((2_000, 4_000, 4_000), (0.05, 0.05, 0.05), 1_000),  # the suspicion says nothing
        ((0, 0, 3_000), (0, 0, 0.2), 2_000),  # no encoder
    ],
)
def test_the_interval_covers_the_truth(
    sizes: tuple[int, ...], shares: tuple[float, ...], scored: int
):
    inside, bias, width = covered(sizes, shares, scored)
    assert inside >= 0.935
    assert abs(bias) < 0.005
    assert width < 0.35


def test_the_interval_covers_where_candidates_of_a_query_agree():
    """300 of 800 queries with ten candidates each, all of which are answers or none: queries and
    not pairs are independent.
    """
    draw = np.random.default_rng(2)
    answered = draw.random(800) < 0.15
    truth = answered.mean()
    inside = []
    for _ in range(RUNS):
        queries = answered[draw.permutation(800)[:300]]
        pairs = np.repeat(queries, 10)
        kind = np.where(draw.random(3000) < np.where(pairs, 0.5, 0.1), KINDS[1], KINDS[2])
        counts = allocate_pairs({name: int((kind == name).sum()) for name in KINDS})
        strata = [
            Stratum(
                len(rows := pairs[kind == name]),
                counts[name],
                int(draw.permutation(rows)[: counts[name]].sum()),
            )
            for name in KINDS
        ]
        found = estimate(strata, 300, 300 / 800)
        inside.append(found.low <= truth <= found.high)
    assert np.mean(inside) >= 0.935


@given(st.lists(st.integers(0, 3000), min_size=3, max_size=3))
def test_as_many_pairs_as_the_page_holds(sizes: list[int]):
    given_sizes = dict(zip(KINDS, sizes, strict=True))
    counts = allocate_pairs(given_sizes)
    assert sum(counts.values()) == min(PAIRS, sum(sizes))
    assert all(min(size, LEAST) <= counts[kind] <= size for kind, size in given_sizes.items())


def test_the_bootstrap_draws_queries_and_not_pairs():
    """Ten queries of ten pairs, half of the queries all suspicious: pair by pair the interval
    would be .40 to .60.
    """
    pairs = pl.DataFrame(
        {"query": np.repeat(np.arange(10), 10), "kind": np.repeat([KINDS[0], KINDS[2]], 50)}
    )
    found = estimate_suspicion(pairs, 13)["narrow"]
    assert found.mean == 0.5
    assert (found.low, found.high) == (pytest.approx(0.2, abs=0.001), pytest.approx(0.8, abs=0.001))


def subject(pairs: int) -> tuple[Subject, pl.DataFrame]:
    texts = pl.DataFrame({"text": [f"text {number}" for number in range(pairs)]})
    kinds = [KINDS[0]] * 20 + [KINDS[1]] * 60 + [KINDS[2]] * (pairs - 80)
    rows = pl.DataFrame(
        {"query": range(pairs), "document": range(pairs), "row": range(pairs)}, schema=COLUMNS
    )
    made = Subject(
        "made", "triplets", numbered(texts, "document"), numbered(texts, "query"), rows, rows
    )
    return made, rows.with_columns(kind=pl.Series(kinds))


def test_pairs_are_drawn_by_the_seed_and_shuffled():
    made, rows = subject(400)
    sheet = sample_pairs(made, rows, 13)
    assert len(sheet) == PAIRS
    assert sheet["pair"].n_unique() == PAIRS
    assert sheet["kind"].to_list() != sorted(sheet["kind"])
    assert sheet.equals(sample_pairs(made, rows, 13))
    assert not sheet.equals(sample_pairs(made, rows, 14))


SHEET = pl.DataFrame({"pair": ["aa", "bb", "cc", "dd"], "kind": ["rest"] * 4})


def test_verdicts_are_read_back(workspace: Path):
    Path("v.csv").write_text("pair,verdict\naa,yes\nbb,N\ncc,unsure\ndd,\n")
    read = read_verdicts(Path("v.csv"))
    assert read.rows() == [("aa", True, 2), ("bb", False, 3), ("cc", None, 4)]
    refuse_others(read, SHEET, Path("v.csv"))
    with pytest.raises(
        Refused, match=r"v\.csv, row 3: the pair 'bb' is not among the 1 pairs of this report"
    ):
        refuse_others(read, SHEET.head(1), Path("v.csv"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"pair,verdict\naa,yes\naa,no\n", "v.csv, row 3: the pair 'aa' repeats row 2"),
        (
            b"pair,verdict\naa,yess\n",
            "v.csv, row 2: the verdict 'yess' is not yes, no or unsure: did you mean 'yes'?",
        ),
        (
            b"pair,said\naa,yes\n",
            "v.csv has the columns 'pair', 'said', but needs 'pair', 'verdict'",
        ),
        (b"", "v.csv cannot be read as CSV"),
        (b"pair,verdict\naa,\xff\n", "v.csv, line 2: byte 0xff is not UTF-8"),
        (None, "v.csv does not exist"),
    ],
)
def test_verdicts_that_cannot_be_meant(workspace: Path, content: bytes | None, message: str):
    if content is not None:
        Path("v.csv").write_bytes(content)
    with pytest.raises(Refused) as refused:
        read_verdicts(Path("v.csv"))
    assert message in str(refused.value)


def test_verdicts_give_the_estimate(workspace: Path):
    """Of 200 negatives 40 hold the word right: reading 50 of them, without an encoder, tells
    about as much.
    """
    lines = [
        {
            "anchor": f"q{number}",
            "positive": f"p{number}",
            "negative": f"{'right' if number % 5 == 0 else 'wrong'} n{number}",
        }
        for number in range(200)
    ]
    Path("t.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    before = audit("t.jsonl", encode=False)
    assert before["estimate"] is None
    page = Path("audit.html").read_text()
    parts = page.split('data-pair="')[1:]
    verdicts = {part[:12]: "yes" if "right n" in part else "no" for part in parts}
    assert len(verdicts) == PAIRS
    Path("v.csv").write_text(
        "pair,verdict\n" + "".join(f"{pair},{verdict}\n" for pair, verdict in verdicts.items())
    )
    after = audit("t.jsonl", encode=False, verdicts=Path("v.csv"))
    yes = sum(verdict == "yes" for verdict in verdicts.values())
    assert after["estimate"]["share"] == pytest.approx(yes / PAIRS)
    assert after["estimate"]["low"] < 0.2 < after["estimate"]["high"]
    assert "from 50 pairs that you labelled" in after["answer"]


def test_verdicts_without_pairs_are_refused(workspace: Path):
    Path("t.jsonl").write_text('{"query": "a", "pos": ["b"], "neg": ["B"]}\n')
    Path("v.csv").write_text("pair,verdict\naa,yes\n")
    with pytest.raises(Refused, match="has no pairs to label"):
        audit("t.jsonl", encode=False, verdicts=Path("v.csv"))
