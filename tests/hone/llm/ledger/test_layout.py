"""A ledger of an earlier version is migrated in place, once, and every answer that was paid for
is found again.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from hone.errors import Refused
from hone.llm.ledger import layout
from hone.llm.ledger.ledger import Answer, GeneratedText, Ledger, Verdict
from tasks.relabel.budget import word_before
from tests.hone.llm.answering import questions, serving
from tests.hone.llm.ledger.test_ledger import ANSWER, KEYS, run_all, verdicts_of
from tests.relabel.judges.test_endpoint import judge

HERE = Path(__file__).parent
BEFORE = HERE / "ledger_layout_1.sql"
OF_LAYOUT_1 = ("answers", "claims", "judges", "verdicts")
PAIRS = [
    (f"question {query}", f"text number {number}")
    for query, numbers in ((1, (2, 3, 4)), (2, (5, 6, 7)))
    for number in numbers
]
NEW_PAIR = ("question 1", "text number 4")  # of the first judge
KNOWN = {"question 1": ["text number 1"], "question 2": ["text number 1"]}


def write_layout_1(file: Path, more: str = "") -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.executescript(BEFORE.read_text(encoding="utf-8") + more)


def rows_of(file: Path, table: str) -> list[tuple]:
    """The rows of a table, without what layout 2 adds to them."""
    with closing(sqlite3.connect(file)) as connection:
        found = connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2")
        places = [place for place, (name, *_) in enumerate(found.description) if name != "details"]
        return [tuple(row[place] for place in places) for row in found]


def layout_of(file: Path) -> int:
    return rows_of(file, "(SELECT version, 0 FROM layout)")[0][0]


@pytest.fixture
def old(hone_home: Path) -> Path:
    write_layout_1(hone_home / "judgments.db")
    return hone_home / "judgments.db"


@pytest.mark.parametrize(
    ("given", "verdicts"),
    [
        (
            {"prompt": "yes-no", "timeout": 5},
            ["negative", "unknown", "negative", "negative", "negative"],
        ),
        ({"prompt": "listwise", "structured": "never"}, ["negative"] * 6),
        (
            {"prompt": "yes-no-alone", "votes": 3, "temperature": 0.7},
            ["negative", "positive", "negative", "negative", "negative", "negative"],
        ),
    ],
)
def test_what_an_earlier_version_has_paid_for_costs_no_call(
    old: Path, given: dict, verdicts: list[str]
):
    """The judges' identities, the questions' keys and the ledger's rows are those of cb6e966."""
    with serving(lambda body: "yes") as server:
        pairs = (
            PAIRS if len(verdicts) == len(PAIRS) else [pair for pair in PAIRS if pair != NEW_PAIR]
        )
        answered = judge(server, model="made-up-1", **given)(questions(*pairs, known=KNOWN))
        assert server.requests == []
    assert answered["verdict"].cast(pl.String).to_list() == verdicts


def test_a_new_pair_is_judged_now(old: Path):
    with serving(lambda body: "yes") as server:
        answered = judge(server, model="made-up-1", prompt="yes-no", timeout=5)(
            questions(*PAIRS, known=KNOWN)
        )
        assert len(server.requests) == 1
    found = {
        tuple(row[:2]): row[2]
        for row in answered.select(
            "query_id", "doc_id", pl.col("verdict").cast(pl.String)
        ).iter_rows()
    }
    assert found[NEW_PAIR] == "positive"


def test_no_row_changes_and_the_copy_is_the_ledger_as_it_was(
    old: Path, capfd: pytest.CaptureFixture[str]
):
    before = {table: rows_of(old, table) for table in OF_LAYOUT_1}
    ledger = Ledger()
    copy = old.with_name("judgments.db.layout-1")
    assert {table: rows_of(old, table) for table in OF_LAYOUT_1} == before
    assert {table: rows_of(copy, table) for table in OF_LAYOUT_1} == before
    assert (layout_of(old), layout_of(copy)) == (2, 1)
    assert f"migrated from layout 1 to 2. The original is in {copy}" in capfd.readouterr().err
    assert {file.stat().st_mode & 0o777 for file in (old, copy)} == {0o600}
    ledger.record(
        "f",
        ANSWER,
        [Verdict(KEYS[0], "positive")],
        "r",
        completions=[GeneratedText(KEYS[1], "query", "why?")],
    )
    Ledger()
    assert "migrated" not in capfd.readouterr().err
    assert ledger.completions("f", KEYS[:3], "query").rows() == [(KEYS[1], "why?", 26)]
    assert ledger.completions("f", KEYS[:3], "passage").is_empty()


def schema_of(ledger: Ledger) -> list[tuple]:
    with ledger.reading() as connection:
        rows = connection.execute(
            text("SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'")
        ).all()
    return sorted((kind, name, " ".join((sql or "").split())) for kind, name, sql in rows)


def test_a_migrated_ledger_has_the_tables_of_a_new_one(old: Path, tmp_path: Path):
    assert schema_of(Ledger()) == schema_of(Ledger(f"sqlite:///{tmp_path}/new.db"))


VERDICTS = st.lists(
    st.tuples(
        st.binary(min_size=16, max_size=16),
        st.sampled_from(["positive", "negative", "unknown"]),
        st.text(max_size=5),
    ),
    max_size=6,
)


@settings(max_examples=8)
@given(
    st.lists(
        st.tuples(st.sampled_from(["f", "g"]), st.text(max_size=8), st.floats(0, 5), VERDICTS),
        max_size=6,
    )
)
def test_a_migration_keeps_every_row(answers: list):
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "judgments.db"
        write_layout_1(file)
        with closing(sqlite3.connect(file)) as connection, connection:
            for number, (name, raw, money, verdicts) in enumerate(answers, start=100):
                raw = raw.encode("utf-8", "replace").decode()
                connection.execute(
                    "INSERT INTO answers VALUES (?,?,?,NULL,1,1,?,0,'2026-01-31T12:00:00Z','r',0)",
                    (number, name, raw, money),
                )
                for question, verdict, reason in verdicts:
                    reason = reason.encode("utf-8", "replace").decode()
                    values = (name, question, number, verdict, reason)
                    connection.execute(
                        "INSERT INTO verdicts VALUES (NULL,?,?,?,?,NULL,NULL,?,0)", values
                    )
        before = {table: rows_of(file, table) for table in OF_LAYOUT_1}
        ledger = Ledger(f"sqlite:///{file}")
        assert {table: rows_of(file, table) for table in OF_LAYOUT_1} == before
        for name in ("f", "g"):
            keys = [
                question
                for one, _, _, verdicts in answers
                for question, *_ in verdicts
                if one == name
            ]
            assert set(verdicts_of(ledger.find(name, keys))) == set(keys)
        for engine in (ledger.engine,):
            engine.dispose()


KILLED = """
import os, signal, sys
from hone.llm.ledger import layout
step = layout.STEPS[2]
def killed(connection):
    if sys.argv[1] == "after":
        step(connection)
    os.kill(os.getpid(), signal.SIGKILL)
def killed_copy(connection, version, copied=layout.copied):
    if sys.argv[1] == "copying":
        os.kill(os.getpid(), signal.SIGKILL)
    return copied(connection, version)
layout.STEPS[2], layout.copied = killed, killed_copy
from hone.llm.ledger.ledger import Ledger
Ledger()
"""


@pytest.mark.parametrize("when", ["copying", "before", "after"])
def test_a_kill_in_the_middle_loses_nothing(old: Path, when: str):
    before = {table: rows_of(old, table) for table in OF_LAYOUT_1}
    done = subprocess.run(
        [sys.executable, "-c", KILLED, when], check=False, cwd=HERE.parents[1], env=os.environ
    )
    assert done.returncode == -signal.SIGKILL
    assert {table: rows_of(old, table) for table in OF_LAYOUT_1} == before
    assert layout_of(old) == 1
    Ledger()
    assert layout_of(old) == 2
    assert {table: rows_of(old, table) for table in OF_LAYOUT_1} == before
    assert sorted(
        file.name
        for file in old.parent.iterdir()
        if "-wal" not in file.name and "-shm" not in file.name
    ) == [
        "judgments.db",
        "judgments.db.layout-1",
    ]


def open_it(barrier: object, _: object) -> None:
    barrier.wait(60)
    ledger = Ledger()
    ledger.record("f", ANSWER, [Verdict(KEYS[0], "positive")], str(os.getpid()))


def test_processes_that_open_an_old_ledger_at_once_migrate_it_once(
    old: Path, capfd: pytest.CaptureFixture[str]
):
    run_all([(open_it, None)] * 3)
    assert capfd.readouterr().err.count("migrated from layout 1 to 2") == 1
    assert len(rows_of(old, "answers")) == 25 + 3


def test_a_process_of_an_earlier_version_that_still_runs_can_keep_its_answers(old: Path):
    """It has the file open already, and writes the columns that it knows."""
    with closing(sqlite3.connect(old)) as running, running:
        Ledger()
        known = "judge, raw, model, tokens_in, tokens_out, money, seconds, asked_at, run, attempt"
        running.execute(
            f"INSERT INTO answers ({known}) VALUES "
            "('f','yes','m',1,1,0.5,0,'2026-01-31T12:00:00Z','r',0)"
        )
    assert len(rows_of(old, "answers")) == 26


def test_a_step_that_fails_leaves_the_old_layout(old: Path, monkeypatch: pytest.MonkeyPatch):
    def fails(connection) -> None:
        connection.execute(text("CREATE TABLE halfway (x)"))
        connection.execute(text("no SQL"))

    monkeypatch.setitem(layout.STEPS, 2, fails)
    with pytest.raises(Refused, match="cannot be opened"):
        Ledger()
    assert layout_of(old) == 1
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        rows_of(old, "halfway")


def test_without_room_for_the_copy_nothing_is_changed(old: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=100))
    with pytest.raises(
        Refused, match=r"Its copy needs .* MB, but only 0 MB are free.*nothing was changed"
    ):
        Ledger()
    assert layout_of(old) == 1
    assert not old.with_name("judgments.db.layout-1").exists()


def test_a_ledger_that_cannot_be_copied_is_not_migrated(old: Path):
    old.with_name("judgments.db.layout-1").mkdir()  # a folder is in the way
    (old.with_name("judgments.db.layout-1") / "x").write_text("")
    with pytest.raises(Refused, match=r"cannot be copied to .*nothing was changed"):
        Ledger()
    assert layout_of(old) == 1


def test_runs_of_an_earlier_version_are_found_by_what_was_judged():
    """Their names have a hash that is the same on every machine. These are the values of the
    file, of its run at cb6e966.
    """
    negatives = "b9ad47be90ffdb61a171cd5d78af6b29baef4d4d43ebd34cec7300e25da097f1"
    assert word_before(negatives, 0, ["8e49231f9772e8ae5eee928c43d9e633"]) == "abc726910b83"


def test_what_runs_of_an_earlier_version_have_spent_counts(old: Path):
    """Two runs of one order, named by another machine, asked 4 pairs and 1 more: 110 tokens
    each.
    """
    assert Ledger().spent(order="abc726910b83") == {"pairs": 5, "tokens": 550, "money": 0.0}


def test_answers_without_verdicts_are_no_pairs():
    ledger = Ledger()
    ledger.record("f", Answer("", None, 100, 0, 0.5, 0.0), [], "r1 aaaaaaaa bbbbbbbbbbbb today")
    assert ledger.spent(order="bbbbbbbbbbbb") == {"pairs": 0, "tokens": 100, "money": 0.5}
