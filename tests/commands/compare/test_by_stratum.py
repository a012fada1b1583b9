"""`hone compare --slice`: the difference in each kind of query."""

from __future__ import annotations

from pathlib import Path

import pytest

from commands.compare.command import compare
from hone.errors import Refused
from tests.prepared import COLLECTION, write_params
from tests.report.made_up import save, write_all


@pytest.fixture
def loop(workspace: Path) -> None:
    """Four test queries; t1 and t2 are answered by what was written in 2020, t3 and t4 by what
    was written in 2010.
    """
    write_all()
    write_params(collections={"made-up": COLLECTION}, train_on=["made-up"], evaluate_on=["made-up"])
    folder = Path("data/made-up")
    qrels = {"query_id": ["t1", "t2", "t3", "t4"], "doc_id": ["d1", "d1", "d2", "d2"]}
    save(
        "qrels",
        qrels | {"relevance": 1, "weight": 1.0, "source": "made up"},
        folder / "test" / "qrels.parquet",
    )
    save(
        "dates",
        {"doc_id": ["d1", "d2"], "clock": "calendar", "date": ["2020", "2010"]},
        folder / "dates.parquet",
    )


def test_each_kind_has_a_line(loop: None, capsys: pytest.CaptureFixture[str]):
    compare("r0", "r2", by="dated", out=Path("out.md"))
    output = capsys.readouterr().out
    # On t1 and t2 0 and .5 become 1 and 1, on t3 and t4 .5 and 1 become .5 and .5.
    [newer] = [line for line in output.splitlines() if line.startswith("newer: ")]
    [older] = [line for line in output.splitlines() if line.startswith("older: ")]
    assert newer.split("too few for a conclusion")[1].split()[:4] == [
        "2",
        "0.2500",
        "1.0000",
        "+0.7500",
    ]
    assert older.split("too few for a conclusion")[1].split()[:4] == [
        "2",
        "0.7500",
        "0.5000",
        "−0.2500",
    ]
    assert "p = 1.000" in newer  # .5 of four ways to turn two signs, twice
    assert "| newer: " in Path("out.md").read_text()
    compare("r0", "r2")
    assert "newer: " not in capsys.readouterr().out


def test_what_cannot_be_cut_is_refused(loop: None):
    with pytest.raises(
        Refused, match="--slice dates: no query slices have this name: did you mean 'dated'"
    ):
        compare("r0", "r2", by="dates")
    with pytest.raises(
        Refused, match="the ranking of bm25 defines these slices, and it is one of the two"
    ):
        compare("bm25", "r2", by="difficulty")
    Path("data/made-up/dates.parquet").unlink()
    with pytest.raises(
        Refused,
        match="--slice dated does not separate the queries: made-up: no relevant document has a "
        "date",
    ):
        compare("r0", "r2", by="dated")
