"""Where the ledger lies, and what can be wrong with that: each is a sentence, and nothing is
lost.
"""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError

from hone.errors import Refused
from hone.llm.ledger import ledger as ledgers
from hone.llm.ledger.ledger import Answer, Ledger, Verdict
from tests.hone.llm.ledger.test_ledger import ANSWER, KEYS, verdicts_of


def test_it_lies_in_hone_home_whatever_that_is_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HONE_HOME", str(tmp_path / "what? 100%#"))
    Ledger().record("f", ANSWER, [Verdict(KEYS[0], "positive")], "r")
    assert (tmp_path / "what? 100%#" / "judgments.db").exists()


def test_the_variable_names_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hone_home: Path
):
    monkeypatch.setenv("HONE_LEDGER", f"sqlite:///{tmp_path}/ours.db")
    Ledger()
    assert (tmp_path / "ours.db").exists()
    assert not (hone_home / "judgments.db").exists()


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("/home/me/judgments.db", "should look like"),
        ("judgments", "should look like"),
        ("nosuch://u:secret@host/name", "should look like"),
        ("postgresql://u:secret@host:secret/name", "should look like"),
        ("mysql+pymysql://u:secret@host/name", "a mysql database"),
        ("postgresql+asyncpg://u:secret@host/name", "asynchronous driver asyncpg"),
        ("sqlite://", "in memory"),
        ("sqlite:///:memory:", "in memory"),
        ("sqlite:////nowhere/x.db?timeout=secret", "with these options"),
        ("postgresql+psycopg://u:secret@host/name?port=abc", "with these options"),
        ("postgresql+psycopg://u:secret@127.0.0.1:1/name?sslmode=secret", "cannot be opened"),
        (
            "postgresql+psycopg://u:secret@127.0.0.1:1/name?password=secret&connect_timeout=2",
            "cannot be opened",
        ),
        ("sqlite:///x.db", "a relative path"),
    ],
)
def test_a_url_that_cannot_be_meant_is_a_sentence(
    url: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Refused, match=message) as refused:
        Ledger(url)
    assert "secret" not in str(refused.value)
    assert (
        refused.value.__context__ is None or refused.value.__suppress_context__
    )  # no traceback tells it either


def test_a_password_is_never_shown():
    from hone.llm.ledger.tables import because, plain

    url = "postgresql+psycopg://me:hush%40@host/name?sslpassword=quiet"
    assert plain(url) == "postgresql+psycopg://me:***@host/name"
    assert because(DBAPIError("", {}, Exception('no "hush@"\n for me')), url) == 'no "***" for me'


def test_a_folder_that_cannot_be_is_a_sentence(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(Refused, match="cannot be opened: unable to open"):
        Ledger(f"sqlite:///{tmp_path}/file/judgments.db")


def test_a_file_that_is_no_database_is_a_sentence(tmp_path: Path):
    (tmp_path / "judgments.db").write_text(
        "no database, but long enough to be looked at as if it were one " * 20
    )
    with pytest.raises(Refused, match="not a database"):
        Ledger(f"sqlite:///{tmp_path}/judgments.db")


@pytest.mark.parametrize("name", ["answers", "pupils"])
def test_a_database_of_something_else_is_left_as_it_is(name: str, tmp_path: Path):
    with sqlite3.connect(tmp_path / "exam.db") as connection:
        connection.execute(f"CREATE TABLE {name} (pupil TEXT)")
    with pytest.raises(Refused, match=rf"is not a judgment log: it has the tables '{name}'"):
        Ledger(f"sqlite:///{tmp_path}/exam.db")
    with sqlite3.connect(tmp_path / "exam.db") as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [(name,)]


def test_a_newer_layout_is_refused_with_what_to_do(hone_home: Path):
    Ledger()
    with sqlite3.connect(hone_home / "judgments.db") as connection:
        connection.execute("UPDATE layout SET version = 3")
    with pytest.raises(
        Refused,
        match=r"has layout 3, from a newer Hone. This version supports layouts up to 2. .*Update "
        r"this checkout",
    ):
        Ledger()
    assert not list(hone_home.glob("*layout*"))


def test_a_full_disk_is_a_sentence_and_loses_nothing():
    ledger = Ledger()
    ledger.record("f", ANSWER, [Verdict(KEYS[0], "positive")], "r")
    ledger.engine.dispose()
    event.listen(
        ledger.engine,
        "connect",
        lambda connection, _: connection.execute("PRAGMA max_page_count=1"),
    )  # no page beyond those
    with pytest.raises(
        Refused, match=r"could not be written \(database or disk is full\).*Free disk space"
    ):
        ledger.record(
            "f", Answer("long " * 10_000, None, 0, 0, 0.0, 0.0), [Verdict(KEYS[1], "positive")], "r"
        )
    assert verdicts_of(Ledger().find("f", KEYS[:2])) == {KEYS[0]: "positive"}


def test_a_database_that_was_damaged_meanwhile_is_a_sentence(hone_home: Path):
    ledger = Ledger()
    with sqlite3.connect(hone_home / "judgments.db") as connection:
        connection.execute("DROP TABLE verdicts")
    with pytest.raises(Refused, match="could not be read"):
        ledger.find("f", KEYS[:1])


def test_a_ledger_that_may_only_be_read_says_so(hone_home: Path):
    Ledger()
    url = f"sqlite:///file:{hone_home}/judgments.db?mode=ro&uri=true"
    with pytest.raises(Refused, match="readonly database"):
        Ledger(url).describe("f", {})


def test_judgments_are_their_owners_alone(hone_home: Path):
    """Also where a version before this one has made the file; one that others may write is
    shared on purpose.
    """
    file = hone_home / "judgments.db"
    Ledger().record("f", ANSWER, [Verdict(KEYS[0], "positive")], "r")
    assert {part.stat().st_mode & 0o777 for part in hone_home.glob("judgments.db*")} == {0o600}
    for before, after in ((0o644, 0o600), (0o640, 0o600), (0o664, 0o664), (0o660, 0o660)):
        file.chmod(before)
        Ledger()
        assert file.stat().st_mode & 0o777 == after


def test_a_power_cut_loses_a_second_at_most_and_nothing_of_a_batch(monkeypatch: pytest.MonkeyPatch):
    ledger, levels, clock = (
        Ledger(),
        [],
        SimpleNamespace(monotonic=lambda: now[0], strftime=time.strftime, gmtime=time.gmtime),
    )
    now = [1000.0]
    monkeypatch.setattr(ledgers, "time", clock)

    @event.listens_for(ledger.engine, "commit")
    def committed(connection) -> None:
        levels.append(
            {1: "NORMAL", 2: "FULL"}[connection.exec_driver_sql("PRAGMA synchronous").scalar()]
        )

    def record(answer: Answer, later: float, **how: bool) -> str:
        now[0] += later
        ledger.record("f", answer, [Verdict(KEYS[0], "positive")], "r", **how)
        return levels[-1]

    free = Answer("yes", "m", 1, 1, 0.0, 0.0)
    assert record(free, 0) == "FULL"  # the first of a process
    assert [record(free, 0.9), record(free, 0.2), record(free, 0.9)] == ["NORMAL", "FULL", "NORMAL"]
    assert [record(ANSWER, 0), record(ANSWER, 0.09), record(ANSWER, 0.02)] == [
        "FULL",
        "NORMAL",
        "FULL",
    ]
    assert [record(free, 0, durable=True), record(free, 0, durable=True), record(free, 0)] == [
        "FULL",
        "FULL",
        "NORMAL",
    ]
