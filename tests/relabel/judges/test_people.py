"""A person as a judge: the sheet goes out, comes back, and stands in the ledger."""

from __future__ import annotations

import csv
import json
from collections import Counter
from pathlib import Path

import polars as pl
import pytest

from commands import annotate
from hone.data import tables
from hone.data.questions import Questions
from hone.errors import Refused
from hone.files import home
from hone.judging import fingerprint
from hone.judging.annotation import csv as sheet_csv
from hone.judging.context import Desk
from hone.llm.ledger.ledger import Ledger, question_key
from tasks.relabel.judges.people import people
from tests.prepared import pairs, prepare, write_rows

QUERIES = {f"q{number}": f"question {number}" for number in range(1, 9)}
TEXTS = {f"d{number}": f"text of number {number}" for number in range(1, 61)} | {
    "d1": "=HYPERLINK(1) text of number 1"
}
FILE = Path("sheet.csv")


@pytest.fixture
def round(workspace: Path) -> Path:
    """Eight training queries with two known answers and five negatives each, in round r1."""
    queries = [{"query_id": name, "text": text, "split": "train"} for name, text in QUERIES.items()]
    queries += [{"query_id": "t", "text": "a test", "split": "test"}]
    known = [
        (query, f"d{2 * place + number}")
        for place, query in enumerate(QUERIES)
        for number in (1, 2)
    ]
    write_rows(
        Path("inputs/ours"),
        [{"doc_id": name, "text": text} for name, text in TEXTS.items()],
        queries,
        pairs(*known, ("t", "d60")),
    )
    prepare()
    rows = [
        (query, f"d{17 + 5 * place + rank}", "dense", rank, 0.5)
        for place, query in enumerate(list(QUERIES)[:8])
        for rank in range(1, 6)
    ]
    rows.append(
        ("q1", "d2", "dense", 6, 0.5)
    )  # a known answer among the negatives is not to be judged
    negatives = pl.DataFrame(
        rows, schema=["query_id", "doc_id", "source", "rank", "score"], orient="row"
    )
    tables.write(
        "negatives", tables.shaped("negatives", negatives), Path("rounds/r1/negatives.parquet")
    )
    tables.write(
        "candidates", tables.shaped("candidates", negatives), Path("rounds/r1/candidates.parquet")
    )
    return workspace


def rows_of(file: Path = FILE) -> list[dict[str, str]]:
    return [item.fields for item in sheet_csv.read(file)]


def filled(change: dict[str, str], file: Path = Path("filled.csv")) -> Path:
    """The sheet with verdicts by row number."""
    sheet_csv.write([row | {"verdict": change.get(row["number"], "")} for row in rows_of()], file)
    return file


def key() -> dict:
    [file] = (home() / "sheets").iterdir()
    return json.loads(file.read_text())


def numbers(kind: str) -> list[str]:
    return [number for number, row in key()["rows"].items() if row["kind"] == kind]


def answers(who: str = "anna") -> dict[tuple[str, str], tuple[str, str | None]]:
    """What the judge says of every row of the sheet."""
    row_pairs = [(row["query_id"], row["doc_id"]) for row in key()["rows"].values()]
    questions = Questions(
        pl.DataFrame(row_pairs, schema=["query_id", "doc_id"], orient="row").with_columns(
            rank=pl.lit(1, dtype=pl.Int32)
        ),
        pl.DataFrame(schema={"query_id": pl.String, "doc_id": pl.String}),
        pl.DataFrame(list(QUERIES.items()), schema=["query_id", "text"], orient="row"),
        pl.DataFrame(list(TEXTS.items()), schema=["doc_id", "full_text"], orient="row"),
    )
    name = fingerprint.fingerprint({"method": "people", "parameters": {"who": who}})
    made = people(questions, Desk(Ledger(), "test", 1), name, who=who)
    assert set(made["fingerprint"]) == {name}
    return {
        (query, doc): (verdict, reason)
        for query, doc, verdict, reason in made.select(
            "query_id", "doc_id", "verdict", "reason"
        ).iter_rows()
    }


def test_a_sheet_has_what_was_wanted_and_gives_no_kind_away(
    round: Path, capsys: pytest.CaptureFixture
):
    annotate.create_sheet("r1", 20, FILE, 0)
    made = key()
    assert Counter(row["kind"] for row in made["rows"].values()) == {
        "drawn": 20,
        "known": 2,
        "random": 2,
    }
    assert made["bands"]["1 to 3"] == {"pairs": 24, "drawn": 10}
    assert made["bands"]["4 to 10"] == {"pairs": 16, "drawn": 10}
    with FILE.open(encoding="utf-8-sig", newline="") as file:
        assert next(csv.reader(file)) == [
            "number",
            "query",
            "known_answer",
            "candidate",
            "verdict",
            "note",
        ]
    for row in rows_of():
        behind = made["rows"][row["number"]]
        assert row["query"] == QUERIES[behind["query_id"]]
        assert row["candidate"] == TEXTS[behind["doc_id"]]
        assert row["known_answer"] == TEXTS[behind["shown"]] != row["candidate"]
    assert ("q1", "d2") not in [
        (row["query_id"], row["doc_id"]) for row in made["rows"].values() if row["kind"] == "drawn"
    ]
    text = FILE.with_suffix(".html").read_text()
    assert "random" not in text
    assert '"kind"' not in text
    assert "24 rows" in capsys.readouterr().out


def test_verdicts_of_a_person_are_those_of_the_judge(round: Path, capsys: pytest.CaptureFixture):
    annotate.create_sheet("r1", 20, FILE, 0)
    drawn, known, random = numbers("drawn"), numbers("known"), numbers("random")
    verdicts = {
        drawn[0]: "yes",
        drawn[1]: "No",
        drawn[2]: "unsure",
        known[0]: "yes",
        known[1]: "no",
    } | dict.fromkeys(random, "no")
    annotate.import_sheet(filled(verdicts), "anna")
    output = capsys.readouterr().out
    assert "by anna: 7 of 24 rows judged, 7 recorded, 0 already recorded" in output
    assert "1 of 2 positives judged yes (50%)" in output
    assert "2 of 2 random documents judged no (100%)" in output
    pair = {number: (row["query_id"], row["doc_id"]) for number, row in key()["rows"].items()}
    found = answers()
    assert found[pair[drawn[0]]] == ("positive", None)
    assert found[pair[drawn[1]]] == ("negative", None)
    assert found[pair[drawn[2]]] == ("unknown", "unsure")
    assert found[pair[drawn[3]]] == ("unknown", "not judged by anna yet")
    assert set(answers("ben").values()) == {("unknown", "not judged by ben yet")}


def test_a_verdict_is_found_by_its_texts_whatever_known_answer_stood_beside_them(round: Path):
    annotate.create_sheet("r1", 5, FILE, 0)
    [first, *_] = numbers("drawn")
    row = key()["rows"][first]
    assert bytes.fromhex(row["question"]) == question_key(
        QUERIES[row["query_id"]], TEXTS[row["doc_id"]]
    )


def test_reading_again_records_only_what_is_new(round: Path, capsys: pytest.CaptureFixture):
    annotate.create_sheet("r1", 20, FILE, 0)
    first, second, third, *_ = numbers("drawn")
    annotate.import_sheet(filled({first: "yes", second: "no"}), "anna")
    annotate.import_sheet(filled({first: "yes", second: "no"}), "anna")
    assert "0 recorded, 2 already recorded" in capsys.readouterr().out
    annotate.import_sheet(filled({first: "no", second: "unsure", third: "yes"}), "anna")
    output = capsys.readouterr().out
    assert "2 recorded, 0 already recorded" in output
    assert "1 verdict changed from yes or no to unsure" in output
    pair = {number: (row["query_id"], row["doc_id"]) for number, row in key()["rows"].items()}
    assert [answers()[pair[number]][0] for number in (first, second, third)] == [
        "negative",
        "negative",
        "positive",
    ]


def test_a_formula_in_a_text_does_no_harm(round: Path):
    """d1 begins with =: it is marked in the file, and the row is read back as it was."""
    annotate.create_sheet("r1", 20, FILE, 0)
    assert TEXTS["d1"] in [row["known_answer"] for row in rows_of()]
    assert ",=HYPERLINK" not in FILE.read_text(encoding="utf-8-sig")
    number = next(row["number"] for row in rows_of() if row["known_answer"] == TEXTS["d1"])
    annotate.import_sheet(filled({number: "no"}), "anna")


def altered(**change: str) -> Path:
    """The sheet with its second row changed."""
    rows = rows_of()
    rows[1] |= change
    file = Path("filled.csv")
    sheet_csv.write(rows, file)
    return file


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"verdict": "yess"}, r"row 3 \(.*\): the verdict is 'yess'. Write yes, no or unsure"),
        (
            {"candidate": "something else", "verdict": "yes"},
            r"row 3 \(.*\): the text in column `candidate` was changed",
        ),
        ({"known_answer": ""}, "the text in column `known_answer` was changed"),
        ({"number": "xyz-001"}, r"row 3: the number 'xyz-001' does not belong to any sheet in"),
        ({"number": ""}, "row 3: the number ''"),
    ],
)
def test_a_sheet_that_is_not_as_it_was_is_refused_and_nothing_recorded(
    round: Path, change: dict, message: str
):
    annotate.create_sheet("r1", 20, FILE, 0)
    with pytest.raises(Refused, match=message):
        annotate.import_sheet(altered(**change), "anna")
    assert {verdict for verdict, _ in answers().values()} == {"unknown"}


def test_a_row_that_stands_there_twice_and_one_that_never_was(round: Path):
    annotate.create_sheet("r1", 20, FILE, 0)
    rows = rows_of()
    with pytest.raises(Refused, match=r"row 3 \(.*-001\): this row repeats row 2"):
        annotate.import_sheet(altered(**rows[0]), "anna")
    with pytest.raises(Refused, match="has no such row .it has 24"):
        annotate.import_sheet(altered(number=rows[0]["number"].replace("-001", "-099")), "anna")


def test_line_ends_and_blanks_of_a_spreadsheet_are_no_change(round: Path):
    annotate.create_sheet("r1", 20, FILE, 0)
    text = rows_of()[1]["candidate"]
    annotate.import_sheet(
        altered(candidate=f" {text.replace(' ', chr(13) + chr(10))} ", verdict="yes"), "anna"
    )
    assert "positive" in {verdict for verdict, _ in answers().values()}


def test_nobodys_work_is_overwritten(round: Path):
    annotate.create_sheet("r1", 20, FILE, 0)
    before = FILE.read_bytes()
    with pytest.raises(Refused, match="may contain verdicts"):
        annotate.create_sheet("r1", 20, FILE, 1)
    assert FILE.read_bytes() == before


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"round": "r9"}, "Round 'r9' is not in"),
        ({"n": 0}, "Use 1 or more pairs"),
        ({"out": Path("sheet.xlsx")}, "ends in .csv"),
        ({"round": "r0"}, "has no negatives to sample from"),
    ],
)
def test_what_cannot_be_meant_is_refused(round: Path, given: dict, message: str):
    with pytest.raises(Refused, match=message):
        annotate.create_sheet(**{"round": "r1", "n": 20, "out": FILE, "seed": 0} | given)


def test_a_name_is_plain(round: Path):
    annotate.create_sheet("r1", 20, FILE, 0)
    with pytest.raises(Refused, match="--annotator is 'anna b'"):
        annotate.import_sheet(FILE, "anna b")


def test_the_best_rank_of_several_sources_is_a_candidates(round: Path):
    both = pl.DataFrame(
        {
            "query_id": "q1",
            "doc_id": ["d20", "d20"],
            "source": ["bm25", "dense"],
            "rank": [40, 2],
            "score": [1.0, 0.5],
        }
    )
    tables.write(
        "candidates", tables.shaped("candidates", both), Path("rounds/r1/candidates.parquet")
    )
    annotate.create_sheet("r1", 5, FILE, 0, "candidates")
    assert key()["bands"]["1 to 3"] == {"pairs": 1, "drawn": 1}
    assert key()["bands"]["31 and more"] == {"pairs": 0, "drawn": 0}
