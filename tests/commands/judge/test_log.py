"""The ledger as a person sees it: who said what at which cost, and to and from a file without
doubles.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from commands.judge.log import (
    agreement,
    agreements,
    export,
    format_description,
    import_from,
    judges,
    read_known_verdicts,
    shorten_fingerprints,
    show,
)
from hone.errors import Refused
from hone.llm.ledger import parquet
from hone.llm.ledger.ledger import Answer, Ledger, Verdict, question_key

PROJECT = Path(__file__).parent.parent.parent.parent
KEYS = [question_key("q", str(number)) for number in range(6)]


def filled() -> Ledger:
    """Two judges: `aaaa` said yes, yes, no and could not say; `bbbb` said yes, no, no in one
    answer.
    """
    ledger = Ledger()
    ledger.describe("aaaa", {"model": "small", "prompt": "yes-no"})
    for key, verdict in zip(KEYS, ("positive", "positive", "negative", "unknown"), strict=False):
        ledger.record(
            "aaaa", Answer("said", "small-1", 10, 1, 0.5, 2.0), [Verdict(key, verdict)], "first"
        )
    rows = [
        Verdict(key, verdict, 2.0)
        for key, verdict in zip(KEYS, ("positive", "negative", "negative"), strict=False)
    ]
    ledger.record("bbbb", Answer("a list", "large-1", 100, 20, 3.0, 5.0), rows, "first")
    return ledger


def everything(ledger: Ledger) -> pl.DataFrame:
    return pl.concat([pl.DataFrame(schema=parquet.SCHEMA), *parquet.blocks(ledger)])


def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ledger:
    """An empty ledger, as another machine has it."""
    monkeypatch.setenv("HONE_HOME", str(tmp_path / "other"))
    return Ledger()


# What is listed


def test_a_row_for_each_judge_with_its_verdicts_and_cost(capsys: pytest.CaptureFixture[str]):
    found = judges(filled())
    assert found.drop("first", "last").rows() == [
        ("aaaa", '{"model": "small", "prompt": "yes-no"}', 4, 2, 1, 1, 40, 4, 2.0, 8.0),
        ("bbbb", None, 1, 1, 2, 0, 100, 20, 3.0, 5.0),
    ]
    show()
    first, second = (
        row for row in capsys.readouterr().out.splitlines() if row.startswith(("aaaa", "bbbb"))
    )
    for part in ("small, yes-no", " 40 ", "2.0000", "8 s"):
        assert part in first
    for part in (" 100 ", "3.0000", "5 s"):
        assert part in second


def test_an_empty_ledger_says_so(capsys: pytest.CaptureFixture[str]):
    show()
    assert "No judgments recorded yet" in capsys.readouterr().out


def test_what_a_judge_is_called_cannot_move_the_cursor():
    assert (
        format_description('{"model": "a\\u001b[2Jb\\n", "prompt": "yes-no", "identity": {"a": 1}}')
        == "a[2Jb, yes-no"
    )
    assert len(format_description('{"model": "' + "long" * 50 + '"}')) == 60


def test_a_fingerprint_is_as_short_as_it_can_be():
    assert shorten_fingerprints(["a" * 32, "b" * 32]) == {"a" * 32: "a" * 8, "b" * 32: "b" * 8}
    assert shorten_fingerprints(["a" * 9 + "x", "a" * 9 + "y", "b"]) == {
        "a" * 9 + "x": "a" * 9 + "x",
        "a" * 9 + "y": "a" * 9 + "y",
        "b": "b",
    }


# Agreement


def test_agreement_by_hand(capsys: pytest.CaptureFixture[str]):
    # yes yes no against yes no no: two of three agree; by chance 2/3 * 1/3 + 1/3 * 2/3 = 4/9; kappa
    # (2/3 - 4/9) / (5/9) = .4
    ((left, right, count, share, kappa),) = agreements(read_known_verdicts(filled()))
    assert (left, right, count) == ("aaaa", "bbbb", 3)
    assert share == pytest.approx(2 / 3)
    assert kappa == pytest.approx(0.4)
    agreement()
    assert "66.7%" in capsys.readouterr().out


def test_the_newer_word_of_a_judge_is_compared():
    ledger = filled()
    ledger.record(
        "aaaa", Answer("no", "small-1", 10, 1, 0.5, 2.0), [Verdict(KEYS[1], "negative")], "second"
    )
    ((*_, share, kappa),) = agreements(read_known_verdicts(ledger))
    assert (share, kappa) == (1.0, 1.0)


def test_judges_that_say_one_and_the_same_have_no_kappa(capsys: pytest.CaptureFixture[str]):
    ledger = Ledger()
    for judge in ("aaaa", "bbbb"):
        ledger.record(
            judge,
            Answer("", None, 0, 0, 0.0, 0.0),
            [Verdict(KEYS[0], "negative"), Verdict(KEYS[1], "negative")],
            "r",
        )
    assert list(agreements(read_known_verdicts(ledger))) == [("aaaa", "bbbb", 2, 1.0, None)]
    agreement()
    assert "100.0%  –" in capsys.readouterr().out


def test_judges_without_a_common_question(capsys: pytest.CaptureFixture[str]):
    Ledger().record("aaaa", Answer("", None, 0, 0, 0.0, 0.0), [Verdict(KEYS[0], "negative")], "r")
    agreement()
    assert "No two judges" in capsys.readouterr().out


# To and from a file


def test_an_export_brings_everything_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    before = everything(filled())
    export(tmp_path / "judgments.parquet")
    other = elsewhere(tmp_path, monkeypatch)
    import_from(tmp_path / "judgments.parquet")
    import_from(tmp_path / "judgments.parquet")
    assert "5 answers added, 0 already recorded" in (output := capsys.readouterr().out)
    assert "0 answers added, 5 already recorded" in output
    assert everything(other).drop("answer").equals(before.drop("answer"))
    assert judges(other)["answers"].to_list() == [4, 1]
    assert other.find("bbbb", KEYS)["verdict"].to_list().count("negative") == 2


def test_only_what_is_new_is_added_in_whatever_order_it_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Blocks of two verdicts; an answer of three is never cut."""
    monkeypatch.setattr(parquet, "BLOCK", 2)
    here = filled()
    export(tmp_path / "old.parquet")
    here.record(
        "bbbb",
        Answer("another", "large-1", 1, 1, 0.0, 0.0),
        [Verdict(KEYS[4], "positive"), Verdict(KEYS[5], "unknown")],
        "r",
        2,
    )
    mixed = everything(here).sort("question")
    pl.concat([mixed, mixed]).write_parquet(tmp_path / "twice.parquet")
    other = elsewhere(tmp_path, monkeypatch)
    assert parquet.add(other, tmp_path / "old.parquet") == (5, 5)
    assert parquet.add(other, tmp_path / "twice.parquet") == (1, 6)
    columns = [name for name in parquet.SCHEMA if name != "answer"]
    assert (
        everything(other)
        .select(columns)
        .sort(columns)
        .equals(everything(here).select(columns).sort(columns))
    )
    assert other.find("bbbb", KEYS, retry=2)["question"].len() == 5


def test_a_word_that_comes_later_and_is_older_does_not_win(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    row = (
        everything(filled())
        .filter(judge="bbbb")
        .head(1)
        .with_columns(asked_at=pl.lit("2020-01-01T00:00:00Z"), verdict=pl.lit("negative"))
    )
    row.write_parquet(tmp_path / "old.parquet")
    assert parquet.add(Ledger(), tmp_path / "old.parquet") == (1, 1)
    assert Ledger().find("bbbb", KEYS[:1])["verdict"].to_list() == ["positive"]
    assert read_known_verdicts(Ledger())["bbbb"].filter(question=KEYS[0])["verdict"].to_list() == [
        "positive"
    ]


def test_files_that_are_none(tmp_path: Path):
    with pytest.raises(Refused, match="does not exist"):
        import_from(tmp_path / "none.parquet")
    (tmp_path / "text.parquet").write_text("no Parquet")
    with pytest.raises(Refused, match=r"text.parquet cannot be read as Parquet"):
        import_from(tmp_path / "text.parquet")
    pl.DataFrame({"judge": ["a"]}).write_parquet(tmp_path / "other.parquet")
    with pytest.raises(
        Refused, match=r"other.parquet is not a judgments file: columns 'description'"
    ):
        import_from(tmp_path / "other.parquet")
    with pytest.raises(Refused, match="does not exist. Create it"):
        export(tmp_path / "nowhere" / "judgments.parquet")


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("verdict", "maybe", "row 3: `verdict` is not positive, negative or unknown: 'maybe'"),
        ("question", b"short", "row 3: `question` is not a 16-byte hash"),
        ("question", None, "row 3: `question` is missing"),
        ("probability", 1.5, "row 3: `probability` is not between 0 and 1: '1.5'"),
        ("asked_at", "yesterday", "row 3: `asked_at` is not a time"),
        ("description", "[1]", "row 3: `description` is not a JSON object"),
        (
            "description",
            '{"a": ' + "[" * 100_000 + "]" * 100_000 + "}",
            "row 3: `description` is not a JSON object of at most 20 levels",
        ),
        (
            "description",
            '{"a": ' + "[" * 20 + "]" * 20 + "}",
            "row 3: `description` is not a JSON object of at most 20 levels",
        ),
        ("money", float("nan"), "row 3: `money` is not an amount"),
        ("tokens_in", -1, "row 3: `tokens_in` is not a count"),
    ],
)
def test_a_value_that_cannot_be_is_named_and_nothing_is_taken(
    column: str, value: object, message: str, tmp_path: Path
):
    frame = everything(filled())
    ledger = Ledger(f"sqlite:///{tmp_path}/empty.db")
    broken = (
        pl.when(pl.int_range(pl.len()) == 2)
        .then(pl.lit(value, dtype=frame.schema[column]))
        .otherwise(column)
    )
    frame.with_columns(broken.alias(column)).write_parquet(tmp_path / "file.parquet")
    with pytest.raises(Refused, match=message):
        parquet.add(ledger, tmp_path / "file.parquet")
    assert everything(ledger).is_empty()


def test_a_column_of_another_type_is_named(tmp_path: Path):
    everything(filled()).with_columns(pl.col("money").cast(pl.String)).write_parquet(
        tmp_path / "file.parquet"
    )
    with pytest.raises(Refused, match=r"file.parquet is not a judgments file: columns 'money'"):
        import_from(tmp_path / "file.parquet")


def test_the_command(tmp_path: Path):
    filled()

    def run(*words: str) -> subprocess.CompletedProcess:
        command = [sys.executable, "-m", "commands", "judge", "log", *words]
        return subprocess.run(command, check=False, capture_output=True, text=True, cwd=PROJECT)

    assert "small, yes-no" in run().stdout
    assert "0.40" in run("agreement").stdout
    assert "7 verdicts" in run("export", str(tmp_path / "file.parquet")).stdout
    assert (
        "0 answers added, 5 already recorded"
        in run("import", str(tmp_path / "file.parquet")).stdout
    )
    refused = run("import", str(tmp_path / "none.parquet"))
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith("hone: ")
