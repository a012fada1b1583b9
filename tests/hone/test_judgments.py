"""The ledger as a person sees it: who said what at which cost, and to and from a file without doubles."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from hone.judgments import agreement, agreements, bring, everything, export, show
from tasks.errors import Refused
from tasks.relabel.ledger import Answer, Ledger, Verdict, question_key

KEYS = [question_key("q", str(number)) for number in range(4)]


def filled() -> Ledger:
    """Two judges: `aaaa` said yes, yes, no and could not say; `bbbb` said yes, no, no in one answer."""
    ledger = Ledger()
    ledger.describe("aaaa", {"model": "small", "prompt": "yes-no"})
    for key, verdict in zip(KEYS, ("positive", "positive", "negative", "unknown"), strict=True):
        ledger.record("aaaa", Answer("said", "small-1", 10, 1, 0.5, 2.0), [Verdict(key, verdict)], "first")
    said = [Verdict(key, verdict) for key, verdict in zip(KEYS, ("positive", "negative", "negative"), strict=False)]
    ledger.record("bbbb", Answer("a list", "large-1", 100, 20, 3.0, 5.0), said, "first")
    return ledger


def test_a_row_for_each_judge_with_what_it_said_and_cost(capsys: pytest.CaptureFixture[str]):
    filled()
    show()
    first, second = (row for row in capsys.readouterr().out.splitlines() if row.strip(" │").startswith(("aaaa", "bbbb")))
    for part in ("small, yes-no", "44", "2.00", "8 s"):
        assert part in first
    for part in ("120", "3.00", "5 s"):
        assert part in second


def test_agreement_by_hand(capsys: pytest.CaptureFixture[str]):
    # yes yes no against yes no no: two of three agree; by chance 2/3 * 1/3 + 1/3 * 2/3 = 4/9; kappa (2/3 - 4/9) / (5/9) = .4
    ((left, right, count, share, kappa),) = agreements(everything(filled()).filter(pl.col("verdict") != "unknown"))
    assert (left, right, count) == ("aaaa", "bbbb", 3)
    assert share == pytest.approx(2 / 3)
    assert kappa == pytest.approx(0.4)
    agreement()
    assert "66.7%" in capsys.readouterr().out


def test_an_export_brings_everything_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    before = everything(filled())
    export(tmp_path / "judgments.parquet")
    monkeypatch.setenv("HONE_HOME", str(tmp_path / "other"))
    bring(tmp_path / "judgments.parquet")
    bring(tmp_path / "judgments.parquet")
    after = everything(Ledger())
    assert after.drop("answer").equals(before.drop("answer"))
    assert Ledger().find("bbbb", KEYS)["verdict"].to_list().count("negative") == 2


def test_files_that_are_none(tmp_path: Path):
    with pytest.raises(Refused, match="does not exist"):
        bring(tmp_path / "none.parquet")
    pl.DataFrame({"judge": ["a"]}).write_parquet(tmp_path / "other.parquet")
    with pytest.raises(Refused, match=r"other.parquet is no file of judgments: its columns 'description'"):
        bring(tmp_path / "other.parquet")


def test_an_empty_ledger_says_so(capsys: pytest.CaptureFixture[str]):
    show()
    assert "nobody has been asked" in capsys.readouterr().out
