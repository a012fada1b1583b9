"""What several people said, read and compared."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from hone.errors import Refused
from hone.judging.reliability.annotators import agreements, read_people

SHEET = "query-id\tcorpus-id\tann\tbob\n1\ta\t2\t1\n1\tb\t0\t1\n2\ta\t0\t0\n2\tb\t1\t\n"


def written(tmp_path: Path, text: str, name: str = "said.tsv") -> Path:
    (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path / name


def test_a_grade_above_0_is_a_yes(tmp_path: Path):
    people = read_people(written(tmp_path, SHEET), prefix="c/")
    assert people["query_id"].to_list() == ["c/1", "c/1", "c/2", "c/2"]
    assert people["ann"].to_list() == [True, False, False, True]
    assert people["bob"].to_list() == [True, True, False, None]


def test_kappa_between_people_and_with_the_judge_by_hand(tmp_path: Path):
    people = read_people(written(tmp_path, SHEET))
    rows = pl.DataFrame(
        {
            "query_id": ["1", "1", "2", "3"],
            "doc_id": ["a", "b", "a", "a"],
            "verdict": ["positive", "negative", "unknown", "positive"],
        }
    )
    found = {(one["one"], one["other"], one["pairs"]): one for one in agreements(people, rows)}
    # All three where both said something: 2 of 3 agree, by chance (1 * 2 + 2 * 1) / 9; kappa (2/3 -
    # 4/9) / (5/9) = .4
    assert found["ann", "bob", "all"]["estimate"] == pytest.approx(0.4)
    assert found["ann", "bob", "all"]["count"] == 3
    # The judge answered for two of these pairs, as ann did; of bob's two yes it says one.
    assert found["the judge", "ann", "asked"]["estimate"] == pytest.approx(1.0)
    assert found["the judge", "bob", "asked"]["estimate"] == pytest.approx(0.0)
    assert found["the judge", "bob", "asked"]["count"] == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("query-id\tann\tbob\n1\t1\t1\n", "lacks the column query-id or doc-id"),
        ("query-id\tdoc-id\tann\n1\ta\t1\n", "has 1 columns besides the ids"),
        ("query-id\tdoc-id\tann\tbob\n1\ta\t1\tyes\n", "row 2: 'yes' of bob is not a grade"),
        (
            "query-id\tdoc-id\tann\tbob\n1\ta\t1\t1\n1\ta\t0\t1\n",
            "contains query 1 with document a twice",
        ),
        ("", "cannot be read as CSV"),
    ],
)
def test_a_bad_sheet_is_refused(tmp_path: Path, text: str, message: str):
    with pytest.raises(Refused, match=message):
        read_people(written(tmp_path, text))


def test_a_sheet_that_is_not_there(tmp_path: Path):
    with pytest.raises(Refused, match="does not exist"):
        read_people(tmp_path / "nobody.tsv")


@pytest.mark.shared
def test_the_four_judges_of_cystic_fibrosis(shared: Path):
    """They agree far less than one would think, and each of them with each other."""
    people = read_people(shared / "cystic_fibrosis" / "judges.tsv")
    assert len(people) == 4801
    found = agreements(
        people,
        pl.DataFrame(schema={"query_id": pl.String, "doc_id": pl.String, "verdict": pl.String}),
    )
    between = [one["estimate"] for one in found if one["pairs"] == "all"]
    assert len(between) == 6
    assert max(between) < 0.6
    assert int((~people["judge2"]).sum()) == 2653
