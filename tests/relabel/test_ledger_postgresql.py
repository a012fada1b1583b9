"""The ledger in a real PostgreSQL: what holds of a file on this machine holds of a server that several machines share."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import polars as pl
import pytest

from hone import judgments
from tasks.errors import Refused
from tasks.relabel.ledger import Ledger, Verdict
from tests.relabel import test_ledger as same
from tests.relabel.test_ledger import KEYS, SAID, count, verdicts_of

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
        pytest.skip("needs PostgreSQL's own programs (apt-get install postgresql), which are not here")
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
        done = subprocess.run(words, check=False, cwd="/", capture_output=True, text=True, **as_user)
        assert done.returncode == 0, done.stdout + done.stderr

    try:
        run(bin / "initdb", "-D", data, "-U", USER, "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync")
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
    with psycopg.connect(host=str(server), user=USER, dbname="postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    made = f"postgresql+psycopg://{USER}@/{name}?host={server}"
    monkeypatch.setenv("HONE_LEDGER", made)
    return made


HOLDS: dict[str, Callable[[], None]] = {
    test.__name__: test
    for test in (
        same.test_an_answer_is_found_with_all_that_it_said_and_cost,
        same.test_what_is_known_outweighs_a_later_unknown_and_the_newer_of_two_known_counts,
        same.test_an_unknown_of_an_earlier_attempt_is_open_again,
        same.test_a_judge_is_described_once_and_reports_its_first_model,
        same.test_halves_of_characters_and_the_character_0_do_not_stop_it,
        same.test_an_answer_whose_verdicts_cannot_be_kept_is_not_kept_either,
        same.test_what_another_asks_is_not_to_be_asked_until_it_lets_go,
        same.test_a_process_claims_again_what_it_has,
        same.test_claims_of_a_process_that_died_are_taken_over,
        same.test_claims_of_a_process_whose_number_another_has_now_are_taken_over,
        same.test_processes_that_record_at_once_lose_nothing,
        same.test_threads_share_one_ledger,
        same.test_what_a_stage_spent_is_counted_over_all_its_runs,
    )
} | {
    "two loops at once ask each question once": partial(same.test_two_loops_at_once_ask_each_question_once, backwards=True),
    "answers cannot be changed": partial(same.test_what_was_answered_cannot_be_changed, "UPDATE answers SET raw = ''"),
    "verdicts cannot be deleted": partial(same.test_what_was_answered_cannot_be_changed, "DELETE FROM verdicts"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOLDS)
def test_it_does_what_a_file_does(name: str, url: str, hone_home: Path):
    HOLDS[name]()
    assert not (hone_home / "judgments.db").exists()


def test_what_is_exported_is_brought_into_a_file(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    Ledger().describe("f" * 32, {"model": "m"})
    Ledger().record("f" * 32, SAID, [Verdict(key, "positive") for key in KEYS[:5]], "r1 today")
    judgments.export(tmp_path / "all.parquet")
    judgments.show()
    assert len(pl.read_parquet(tmp_path / "all.parquet")) == 5
    monkeypatch.delenv("HONE_LEDGER")
    judgments.bring(tmp_path / "all.parquet")
    assert set(verdicts_of(Ledger().find("f" * 32, KEYS[:9]))) == set(KEYS[:5])
    monkeypatch.setenv("HONE_LEDGER", url)
    judgments.bring(tmp_path / "all.parquet")  # it has them
    assert count(Ledger(), "verdicts") == 5


def test_others_may_have_tables_beside_it(url: str):
    import psycopg

    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("CREATE TABLE pupils (name text)")
    Ledger().record("f", SAID, [Verdict(KEYS[0], "positive")], "r")
    assert count(Ledger(), "pupils") == 0


def test_a_database_that_is_not_there_is_a_sentence(server: Path):
    with pytest.raises(Refused, match='cannot be opened: .*"nowhere" does not exist'):
        Ledger(f"postgresql+psycopg://{USER}@/nowhere?host={server}")
