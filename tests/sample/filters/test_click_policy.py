"""click-policy: logs of clicks by hand, and logs that cannot be meant."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest
import yaml

from hone.config import methods
from hone.errors import Refused
from tasks.sample.filters.click_policy import click_policy
from tests.prepared import write_params
from tests.stages import resolve

# One list of q, four documents: b and d clicked. Of p nothing was clicked.
LISTED = (
    "query_id,doc_id,rank,clicked\nq,a,1,0\nq,b,2,1\nq,c,3,false\nq,d,4,TRUE\nq,e,5,0\np,a,1,0\n"
)


@dataclass(frozen=True)
class One:
    """A collection with these queries."""

    prefix: str
    own: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.prefix.rstrip("/")

    def queries(self) -> pl.DataFrame:
        return pl.DataFrame({"query_id": [f"{self.prefix}{name}" for name in self.own]})


@dataclass(frozen=True)
class Training:
    """As much of a training set as the rule asks for."""

    collections: tuple[One, ...]

    def __iter__(self):
        return iter(self.collections)

    def queries(self) -> pl.DataFrame:
        return pl.concat([collection.queries() for collection in self.collections])


ALONE = (One("", ("q", "p", "r")),)


def list_removed(
    folder: Path,
    log: str,
    pool=(("q", "a"), ("q", "b"), ("q", "c"), ("q", "d"), ("q", "e"), ("q", "f"), ("p", "a")),
    collections: tuple[One, ...] = ALONE,
    **parameters,
):
    (folder / "clicks.csv").write_text(log)
    rows = pl.DataFrame(pool, schema=["query_id", "doc_id"], orient="row")
    found = click_policy(rows, Training(collections), file=str(folder / "clicks.csv"), **parameters)
    return dict(found.select(pl.concat_str("query_id", "doc_id"), "detail").iter_rows())


def test_what_was_clicked_is_no_negative(tmp_path: Path):
    assert list_removed(tmp_path, LISTED) == {
        "qb": "clicked 1 of 1 times",
        "qd": "clicked 1 of 1 times",
    }


def test_only_what_was_passed_over_above_a_click_is_one(tmp_path: Path):
    """Above the last click of q, on d, stand a and c without a click. e lies below it, f was not
    shown, and nothing of p was clicked.
    """
    out = list_removed(tmp_path, LISTED, policy="skipped-above")
    assert set(out) == {"qb", "qd", "qe", "qf", "pa"}
    assert out["qe"] == "was not shown above a click"


def test_lists_of_one_query_are_distinguished_by_session(tmp_path: Path):
    """In s1 x stands above the click on y; in s2 z stands above nothing that was clicked. y is
    clicked, whatever s2 shows.
    """
    log = "query_id,session,doc_id,rank,clicked\nq,s1,x,1,0\nq,s1,y,2,1\nq,s2,z,1,0\nq,s2,y,2,0\n"
    pool = (("q", "x"), ("q", "y"), ("q", "z"))
    assert set(list_removed(tmp_path, log, pool, policy="skipped-above")) == {"qy", "qz"}
    assert set(
        list_removed(tmp_path, log.replace("session", "other"), pool, policy="skipped-above")
    ) == {"qy"}


def test_a_click_through_that_is_too_small_is_no_click(tmp_path: Path):
    """a: 1 of 10, b: 3 of 4 in two rows; from .5 on only b counts."""
    log = "query_id,doc_id,clicked,shown\nq,a,1,10\nq,b,1,2\nq,b,2,2\n"
    pool = (("q", "a"), ("q", "b"))
    assert set(list_removed(tmp_path, log, pool)) == {"qa", "qb"}
    assert list_removed(tmp_path, log, pool, minimum=0.5) == {"qb": "clicked 3 of 4 times"}


def test_ids_of_joined_collections(tmp_path: Path):
    log = "query_id,doc_id,clicked\nq,a,1\n"
    two = (One("one/", ("q",)), One("two/", ("p",)))
    assert set(list_removed(tmp_path, log, (("one/q", "one/a"), ("two/p", "two/a")), two)) == {
        "one/qone/a"
    }


def test_a_log_of_one_of_two_collections_with_the_same_ids(tmp_path: Path):
    """Both have a query q: without a word the click would count in both."""
    log, pool = "query_id,doc_id,clicked\nq,a,1\n", (("one/q", "one/a"), ("two/q", "two/a"))
    two = (One("one/", ("q",)), One("two/", ("q",)))
    with pytest.raises(
        Refused, match="names the query 'q', which exists in both collections 'one', 'two'"
    ):
        list_removed(tmp_path, log, pool, two)
    assert set(list_removed(tmp_path, log, pool, two, ids_of="two")) == {"two/qtwo/a"}
    with pytest.raises(
        Refused, match="`ids_of: tow` is not a training collection; did you mean 'two'"
    ):
        list_removed(tmp_path, log, pool, two, ids_of="tow")


def test_queries_that_the_log_does_not_have_keep_their_candidates(tmp_path: Path):
    """As where random documents are drawn for r alone: nobody clicked anything of r, and the log
    is right all the same.
    """
    assert list_removed(tmp_path, LISTED, (("r", "a"), ("r", "b"))) == {}
    assert list_removed(tmp_path, LISTED, (("q", "b"), ("r", "b"))) == {
        "qb": "clicked 1 of 1 times"
    }


@pytest.mark.parametrize(
    ("log", "message"),
    [
        ("query_id,doc_id,click\nq,a,1\n", "lacks the column 'clicked'.*did you mean 'click'"),
        ("query_id,doc_id,clicked\nq,a,often\n", "row 1: the clicked 'often' is not a number"),
        ("query_id,doc_id,clicked\nq,a,1\nq,b,-1\n", "row 2: -1 clicks"),
        ("query_id,doc_id,clicked,shown\nq,a,3,2\n", "row 1: 3 clicks of 2 displays"),
        (
            "query_id,doc_id,clicked\nx,a,1\n",
            "has no line for any training query. Its first query is 'x'",
        ),
    ],
)
def test_a_log_that_cannot_be_meant(tmp_path: Path, log: str, message: str):
    with pytest.raises(Refused, match=message):
        list_removed(tmp_path, log)


def written(rule: dict) -> None:
    Path("recipes").mkdir(exist_ok=True)
    made = {
        "about": "a",
        "retrieve": ["random"],
        "sample": {"filters": ["labelled", {"click-policy": rule}]},
    }
    Path("recipes/tried.yaml").write_text(yaml.safe_dump(made))
    write_params(rounds={"r1": {"from": "r0", "recipe": "tried"}})
    Path("inputs/ours").mkdir(exist_ok=True)


def test_a_log_that_is_missing_or_lacks_a_column_is_refused_before_any_stage_works(workspace: Path):
    written({"file": "inputs/clicks.csv"})
    with pytest.raises(
        Refused, match=r"reads inputs/clicks\.csv, which is not a file below inputs/"
    ):
        resolve()
    Path("inputs/clicks.csv").write_text("query_id,document,clicked\nq,a,1\n")
    with pytest.raises(Refused, match="lacks the column 'doc_id'"):
        resolve()
    Path("inputs/clicks.csv").write_text("query_id,doc_id,clicked\nq,a,1\n")
    written({"file": "inputs/clicks.csv", "policy": "skipped-above"})
    with pytest.raises(Refused, match="has no column `rank`"):
        resolve()
    with pytest.raises(Refused, match="'file' is missing"):
        methods.checked("sample.filters", "click-policy", "here")


def test_another_log_runs_the_stage_again(workspace: Path):
    written({"file": "inputs/clicks.csv"})
    outcomes = []
    for clicked in (1, 0):
        Path("inputs/clicks.csv").write_text(f"query_id,doc_id,clicked\nq,a,{clicked}\n")
        resolve()
        outcomes.append(Path("resolved/rounds/r1/sample.json").read_text())
    assert outcomes[0] != outcomes[1]
