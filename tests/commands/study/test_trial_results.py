"""A trial's file: what it holds, who finds it, and what is said of one that cannot be read."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from commands.study.trial_results import (
    KEY,
    LARGE,
    TrialResult,
    older_files,
    results_of,
    trial_files,
    write_trial,
)
from hone.config import code_fingerprint
from hone.errors import Refused
from tests.commands.study.trials import FACTS, ROWS, made


@pytest.fixture
def file(workspace: Path) -> Path:
    return write_trial("mine", made(), TrialResult(ROWS, FACTS)).path


@pytest.fixture
def other_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """The code of `evaluate` has changed since."""
    monkeypatch.setattr(code_fingerprint, "meaning", lambda file: f"other {file.name}")


def test_a_file_is_named_after_its_trial_and_says_what_it_depends_on(file: Path):
    trial = made()
    assert file == Path(f"reports/studies/mine/trials/ance-seed1-{trial.address[:8]}.parquet")
    [found] = trial_files("mine")
    assert (found.name, found.fingerprints) == ("ance, seed 1", trial.fingerprints)
    kept = found.read()
    assert kept.values.equals(ROWS)
    assert kept.facts["seed"] == 1
    assert kept.measured("r1", "ours", "test")["ndcg_at_10"].to_list() == [0.25, 0.5]


def test_a_trial_of_ten_thousand_rows_is_small(workspace: Path):
    ids = [f"query-{number}" for number in range(2500)]
    rows = pl.concat(
        [ROWS.head(1).drop("query_id").join(pl.DataFrame({"query_id": ids}), how="cross")] * 4
    ).select(ROWS.columns)
    assert write_trial("mine", made(), TrialResult(rows, FACTS)).path.stat().st_size < LARGE


def test_whichever_study_ran_a_trial_it_is_not_run_again(file: Path):
    assert results_of([made("ance", "top-k"), made("top-k")]).keys() == {"ance, seed 1"}
    assert results_of([made(seed=2)]) == {}


def test_a_result_of_other_code_is_older_and_not_the_trials(file: Path, other_code: None):
    trial = made()
    assert results_of([trial]) == {}
    [older] = older_files("mine", [trial, made(seed=2)])[trial.name]
    assert older.path == file
    assert older_files("another", [trial]) == {}


def test_a_result_with_other_settings_or_data_is_neither(file: Path):
    assert results_of([made(steps=4)]) == {}
    assert older_files("mine", [made(steps=4)]) == {}
    Path("inputs/ours/queries.jsonl").write_text('{"query_id": "q", "text": "another"}\n')
    assert results_of([made()]) == {}
    assert older_files("mine", [made()]) == {}


def test_both_results_stay(file: Path, other_code: None):
    write_trial("mine", made(), TrialResult(ROWS, FACTS))
    assert len(trial_files("mine")) == 2


FIX = (
    r"Restore it with `git checkout -- reports/studies/mine/trials/ance-seed1-\w+\.parquet`, or "
    r"delete it and run the study again"
)


def test_a_damaged_file_is_named_with_what_to_do(file: Path):
    file.write_bytes(file.read_bytes()[:-40])
    with pytest.raises(Refused, match=rf"{file} is damaged \(.*{FIX}"):
        trial_files()


def test_damaged_rows_are_found_when_they_are_read(file: Path):
    content = bytearray(file.read_bytes())
    content[4:400] = bytes(396)
    file.write_bytes(content)
    with pytest.raises(Refused, match=rf"{file} is damaged \(.*{FIX}"):
        results_of([made()])


def test_a_table_that_is_no_trial(file: Path):
    ROWS.write_parquet(file)
    with pytest.raises(
        Refused, match=rf"{file} is not a trial file: its metadata has no 'hone.trial'\. {FIX}"
    ):
        trial_files()


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (ROWS.drop("ndcg_at_10"), "'ndcg_at_10'"),
        (ROWS.with_columns(pl.col("ndcg_at_10").cast(pl.String)), "'ndcg_at_10'"),
        (ROWS.drop("query_id", "split"), "'split', 'query_id'"),
    ],
)
def test_a_wrong_column_is_named(file: Path, rows: pl.DataFrame, said: str):
    rows.write_parquet(file, metadata={KEY: pl.read_parquet_metadata(file)[KEY]})
    with pytest.raises(Refused, match=rf"{file} has no column {said} of the expected type\. {FIX}"):
        results_of([made()])


def test_a_file_of_another_layout(file: Path):
    facts = json.loads(pl.read_parquet_metadata(file)[KEY])
    ROWS.write_parquet(file, metadata={KEY: json.dumps(facts | {"layout": 99})})
    with pytest.raises(Refused, match="has layout 99, and this version of Hone reads layout 1"):
        trial_files()


def test_a_metadata_without_fingerprints(file: Path):
    facts = json.loads(pl.read_parquet_metadata(file)[KEY])
    ROWS.write_parquet(
        file,
        metadata={KEY: json.dumps({name: facts[name] for name in facts if name != "fingerprints"})},
    )
    with pytest.raises(
        Refused, match=rf"{file} is not a trial file: its metadata lacks 'fingerprints'\. {FIX}"
    ):
        trial_files()
