"""The ledger in a real PostgreSQL: what holds of a file on this machine holds of a server that
several machines share.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import polars as pl
import pytest
from sqlalchemy import text

from commands.judge import log
from hone.errors import Refused
from hone.llm.ledger import layout
from hone.llm.ledger.ledger import Ledger, Verdict
from tests.hone.llm import test_spending as spending
from tests.hone.llm.ledger import test_ledger as same
from tests.hone.llm.ledger.test_layout import OF_LAYOUT_1, open_it, rows_of, write_layout_1
from tests.hone.llm.ledger.test_ledger import ANSWER, KEYS, count, elsewhere, run_all, verdicts_of

USER = "postgres"


def programs() -> Path | None:
    """The folder of initdb and pg_ctl, which Debian does not put into PATH."""
    if found := shutil.which("initdb"):
        return Path(found).parent
    return max(Path("/usr/lib/postgresql").glob("*/bin"), default=None)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of the socket of a server that lives as long as these tests."""
    bin = programs()
    if bin is None:
        pytest.skip(
            "needs PostgreSQL's own programs (apt-get install postgresql), which are not here"
        )
    pytest.importorskip("psycopg")
    folder = Path(tmp_path_factory.mktemp("postgresql", numbered=True))
    # It refuses to run as root, and a socket's path must be short.
    as_user = {}
    if os.getuid() == 0:
        as_user = {"user": USER, "group": USER, "extra_groups": []}
        folder = Path(tempfile.mkdtemp(prefix="pg"))
        shutil.chown(folder, USER, USER)
    data = folder / "data"

    def run(*words: str | Path) -> None:
        done = subprocess.run(
            words, check=False, cwd="/", capture_output=True, text=True, **as_user
        )
        assert done.returncode == 0, done.stdout + done.stderr

    try:
        run(
            bin / "initdb",
            "-D",
            data,
            "-U",
            USER,
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--no-locale",
            "--no-sync",
        )
        options = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off"
        run(bin / "pg_ctl", "-D", data, "-l", folder / "log", "-o", options, "-w", "start")
        try:
            yield folder
        finally:
            run(bin / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
    finally:
        if os.getuid() == 0:
            shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def url(server: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """An empty database of this test, as HONE_LEDGER."""
    import psycopg

    name = f"test{abs(hash(request.node.nodeid))}"
    with psycopg.connect(
        host=str(server), user=USER, dbname="postgres", autocommit=True
    ) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    made = f"postgresql+psycopg://{USER}@/{name}?host={server}"
    monkeypatch.setenv("HONE_LEDGER", made)
    return made


HOLDS: dict[str, Callable[[], None]] = {
    test.__name__: test
    for test in (
        same.test_an_answer_is_found_with_its_verdicts_and_cost,
        same.test_what_is_known_outweighs_a_later_unknown_and_the_newer_of_two_known_counts,
        same.test_an_unknown_of_an_earlier_attempt_is_open_again,
        same.test_a_judge_is_described_once_and_reports_its_first_model,
        same.test_halves_of_characters_and_the_character_0_do_not_stop_it,
        same.test_an_answer_whose_verdicts_cannot_be_kept_is_not_kept_either,
        same.test_a_question_claimed_by_another_process_is_free_after_its_release,
        same.test_a_process_claims_again_what_it_has,
        same.test_claims_of_a_process_that_died_are_taken_over,
        same.test_claims_of_a_process_whose_number_another_has_now_are_taken_over,
        same.test_processes_that_record_at_once_lose_nothing,
        same.test_threads_share_one_ledger,
        same.test_what_a_stage_spent_is_counted_over_all_its_runs,
        same.test_only_what_is_still_its_own_is_renewed,
        spending.test_a_second_process_has_what_the_first_has_left,
        spending.test_other_questions_another_judge_and_a_retry_have_budgets_of_their_own,
        spending.test_a_judge_that_the_cascade_does_not_name_counts_too,
        spending.test_a_call_of_a_killed_process_counts_as_spent_for_good,
        spending.test_a_call_that_another_run_collects_is_counted_once,
        spending.test_a_call_that_another_round_collects_moves_to_its_account,
        spending.test_processes_at_once_do_not_exceed_it_together,
    )
} | {
    "two loops at once ask each question once": partial(
        same.test_two_loops_at_once_ask_each_question_once, backwards=True
    ),
    "answers cannot be changed": partial(
        same.test_what_was_answered_cannot_be_changed, "UPDATE answers SET raw = ''"
    ),
    "verdicts cannot be deleted": partial(
        same.test_what_was_answered_cannot_be_changed, "DELETE FROM verdicts"
    ),
}


@pytest.mark.parametrize("name", HOLDS)
def test_it_does_what_a_file_does(name: str, url: str, hone_home: Path):
    HOLDS[name]()
    assert not (hone_home / "judgments.db").exists()


def test_what_is_exported_is_brought_into_a_file(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    Ledger().describe("f" * 32, {"model": "m"})
    Ledger().record("f" * 32, ANSWER, [Verdict(key, "positive") for key in KEYS[:5]], "r1 today")
    log.export(tmp_path / "all.parquet")
    log.show()
    assert len(pl.read_parquet(tmp_path / "all.parquet")) == 5
    monkeypatch.delenv("HONE_LEDGER")
    log.import_from(tmp_path / "all.parquet")
    assert set(verdicts_of(Ledger().find("f" * 32, KEYS[:9]))) == set(KEYS[:5])
    monkeypatch.setenv("HONE_LEDGER", url)
    log.import_from(tmp_path / "all.parquet")  # it has them
    assert count(Ledger(), "verdicts") == 5


def test_others_may_have_tables_beside_it(url: str):
    import psycopg

    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("CREATE TABLE pupils (name text)")
    Ledger().record("f", ANSWER, [Verdict(KEYS[0], "positive")], "r")
    assert count(Ledger(), "pupils") == 0


def test_a_database_that_is_not_there_is_a_sentence(server: Path):
    with pytest.raises(Refused, match='cannot be opened: .*"nowhere" does not exist'):
        Ledger(f"postgresql+psycopg://{USER}@/nowhere?host={server}")


@pytest.mark.parametrize("off", [-3e8, -1000.0, 1000.0, 3e8])
def test_leases_go_by_the_clock_of_the_server(
    off: float, url: str, monkeypatch: pytest.MonkeyPatch
):
    """However wrong the clocks of those who claim are."""
    ledger = Ledger()
    other = elsewhere(ledger)
    right = time.time

    def by_a_wrong_clock(does: Callable[[str, list[bytes]], set[bytes]]) -> set[bytes]:
        with monkeypatch.context() as changed:
            changed.setattr(time, "time", lambda: right() + off)
            return does("f", KEYS[:1])

    def run_out() -> None:
        with ledger.writing() as connection:
            connection.execute(text("UPDATE claims SET until = extract(epoch FROM now()) - 1"))

    assert by_a_wrong_clock(other.claim) == set(KEYS[:1])
    assert ledger.claim("f", KEYS[:1]) == by_a_wrong_clock(ledger.claim) == set()
    run_out()
    assert by_a_wrong_clock(other.renew) == set(KEYS[:1])  # nobody has taken it yet
    assert ledger.claim("f", KEYS[:1]) == by_a_wrong_clock(ledger.claim) == set()
    run_out()
    assert by_a_wrong_clock(ledger.claim) == set(KEYS[:1])


@pytest.fixture
def old(url: str, tmp_path: Path) -> Path:
    """A file of layout 1 whose rows are in the database too."""
    import psycopg

    file = tmp_path / "layout-1.db"
    write_layout_1(file)
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(
            (Path(__file__).parent / "ledger_layout_1_postgresql.sql").read_text(encoding="utf-8")
        )
        for table in ("judges", "answers", "verdicts", "claims"):
            for row in rows_of(file, table):
                connection.execute(
                    f"INSERT INTO {table} VALUES ({', '.join(['%s'] * len(row))})", row
                )
        for table in ("answers", "verdicts"):
            connection.execute(
                f"SELECT setval('{table}_number_seq', (SELECT max(number) FROM {table}))"
            )
        connection.execute("INSERT INTO layout VALUES (1)")
    return file


def rows_there(ledger: Ledger, table: str) -> list[tuple]:
    with ledger.reading() as connection:
        rows = connection.execute(text(f"SELECT * FROM {table} ORDER BY 1, 2")).mappings()
        return [
            tuple(value for name, value in row.items() if name != "details") for row in rows
        ]  # which layout 2 adds


def test_an_old_layout_is_migrated_and_no_row_changes(old: Path):
    ledger = Ledger()
    for table in OF_LAYOUT_1:
        assert rows_there(ledger, table) == rows_of(old, table)
    assert rows_there(ledger, "(SELECT version, 0 FROM layout) AS it") == [(2, 0)]
    questions = [row[2] for row in rows_of(old, "verdicts")]
    for judge in {row[1] for row in rows_of(old, "verdicts")}:
        found = ledger.find(judge, questions)
        assert set(found["question"]) == {
            row[2] for row in rows_of(old, "verdicts") if row[1] == judge
        }
    assert spending.budget(pairs=1).of(spending.CHEAP).reserve(1, 0, 0)


def test_a_migrated_database_has_the_tables_of_a_new_one(old: Path, url: str, server: Path):
    import psycopg

    with psycopg.connect(
        host=str(server), user=USER, dbname="postgres", autocommit=True
    ) as connection:
        connection.execute("DROP DATABASE IF EXISTS new_one")
        connection.execute("CREATE DATABASE new_one")
    assert described(Ledger()) == described(
        Ledger(f"postgresql+psycopg://{USER}@/new_one?host={server}")
    )


def described(ledger: Ledger) -> list[tuple]:
    """Columns, indexes, keys and triggers of every table."""
    queries = (
        "SELECT table_name, column_name, data_type, is_nullable, character_maximum_length FROM "
        "information_schema.columns",
        "SELECT tablename, indexname, indexdef FROM pg_indexes",
        "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint",
        "SELECT event_object_table, trigger_name, event_manipulation, action_statement FROM "
        "information_schema.triggers",
    )
    ours = {
        "layout",
        "judges",
        "answers",
        "verdicts",
        "claims",
        "completions",
        "budgets",
        "reservations",
    }
    with ledger.reading() as connection:
        rows = [tuple(row) for query in queries for row in connection.execute(text(query))]
    return sorted((row for row in rows if row[0] in ours), key=repr)


def test_processes_that_open_an_old_database_at_once_migrate_it_once(
    old: Path, capfd: pytest.CaptureFixture[str]
):
    run_all([(open_it, None)] * 3)
    assert capfd.readouterr().err.count("migrated from layout 1 to 2") == 1
    assert count(Ledger(), "answers") == 25 + 3


def test_a_step_that_fails_leaves_the_old_database(old: Path, monkeypatch: pytest.MonkeyPatch):
    def fails(connection) -> None:
        connection.execute(text("CREATE TABLE halfway (x integer)"))
        connection.execute(text("no SQL"))

    monkeypatch.setitem(layout.STEPS, 2, fails)
    with pytest.raises(Refused, match="cannot be opened"):
        Ledger()
    monkeypatch.setitem(layout.STEPS, 2, layout.to_2)
    ledger = Ledger()
    assert rows_there(ledger, "answers") == rows_of(old, "answers")
    with pytest.raises(Refused, match="could not be read"):
        count(ledger, "halfway")
