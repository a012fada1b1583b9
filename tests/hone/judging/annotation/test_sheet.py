"""Sheets for people: what is drawn, the file that comes and goes, and the page."""

from __future__ import annotations

import csv
import json
import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hone.errors import Refused
from hone.judging.annotation import csv as sheet_csv
from hone.judging.annotation.csv import COLUMNS, marked, unmarked
from hone.judging.annotation.page.render import render
from hone.judging.annotation.sheet import Sheet, drawn, shares
from hone.present.html import hash_script
from tests.report.test_page import ADDRESS, HOSTILE, Elements

QUERIES = [f"q{number}" for number in range(40)]


def sheet_of(n: int = 100, seed: int = 1, answers: int = 2, deep: int = 50) -> Sheet:
    """Forty queries with `answers` known answers and `deep` other candidates each, of a
    collection of 1,000 documents.
    """
    pairs = [(query, f"{query}-c{rank}", rank) for query in QUERIES for rank in range(1, deep + 1)]
    positives = [(query, f"{query}-a{number}") for query in QUERIES for number in range(answers)]
    return drawn(
        pl.DataFrame(pairs, schema=["query_id", "doc_id", "rank"], orient="row"),
        pl.DataFrame(positives, schema=["query_id", "doc_id"], orient="row"),
        pl.DataFrame({"query_id": QUERIES}).with_columns(collection=pl.lit("ours")),
        {"ours": pl.Series([f"d{number}" for number in range(1000)])},
        n,
        np.random.default_rng(seed),
    )


def kinds(made: Sheet) -> Counter:
    return Counter(made.rows["kind"])


def test_each_rank_band_has_its_share_while_it_lasts():
    """Of 10 wanted the first band has only 2 and the second 1: the others share the rest."""
    assert shares({"a": 2, "b": 1, "c": 9, "d": 50}, 10) == {"a": 2, "b": 1, "c": 4, "d": 3}
    assert shares({"a": 1, "b": 0}, 10) == {"a": 1, "b": 0}
    assert sheet_of().bands == {
        "1 to 3": {"pairs": 120, "drawn": 25},
        "4 to 10": {"pairs": 280, "drawn": 25},
        "11 to 30": {"pairs": 800, "drawn": 25},
        "31 and more": {"pairs": 800, "drawn": 25},
    }
    shallow = sheet_of(n=30, deep=4)
    assert [item["drawn"] for item in shallow.bands.values()] == [15, 15, 0, 0]


def test_a_band_is_that_of_the_rank():
    rows = sheet_of().rows.filter(pl.col("kind") == "drawn")
    first = {"1 to 3": 1, "4 to 10": 4, "11 to 30": 11, "31 and more": 31}
    last = {"1 to 3": 3, "4 to 10": 10, "11 to 30": 30, "31 and more": 50}
    for doc_id, band in rows.select("doc_id", "band").iter_rows():
        assert first[band] <= int(doc_id.partition("-c")[2]) <= last[band]


def test_a_tenth_of_known_answers_and_of_random_documents_is_mixed_in():
    made = sheet_of()
    assert kinds(made) == {"drawn": 100, "known": 10, "random": 10}
    assert not made.rows.select("query_id", "doc_id").is_duplicated().any()
    by_kind = {
        kind: set(
            made.rows.filter(pl.col("kind") == kind)["doc_id"]
            .str.slice(-3)
            .str.extract("-?([acd])")
        )
        for kind in kinds(made)
    }
    assert by_kind["known"] == {"a"}
    assert by_kind["drawn"] == {"c"}
    assert all(
        doc.startswith("d") for doc in made.rows.filter(pl.col("kind") == "random")["doc_id"]
    )
    # Not sorted by kind: the known answers are not all in the first or the last tenth.
    places = made.rows.with_row_index().filter(pl.col("kind") == "known")["index"]
    assert places.max() - places.min() > 20


def test_a_known_answer_is_never_shown_beside_itself():
    known = sheet_of().rows.filter(pl.col("kind") == "known")
    assert (known["shown"] != known["doc_id"]).all()
    assert known["shown"].is_not_null().all()
    assert (known["shown"].str.split("-").list.first() == known["query_id"]).all()


def test_an_empty_field_gives_nothing_away():
    """Queries with one known answer: the ten known rows can show none, so ten of each other kind
    show none either.
    """
    rows = sheet_of(answers=1).rows
    hidden = rows.filter(pl.col("shown").is_null())
    assert Counter(hidden["kind"]) == {"known": 10, "random": 10, "drawn": 10}
    filled = rows.filter(pl.col("shown").is_not_null())
    assert (filled["shown"] == filled["query_id"] + "-a0").all()


def test_the_same_seed_draws_the_same_sheet_and_another_another():
    assert sheet_of().rows.equals(sheet_of().rows)
    assert not sheet_of().rows.equals(sheet_of(seed=2).rows)


def test_more_than_there_is():
    made = sheet_of(n=5000)
    assert kinds(made)["drawn"] == 2000
    assert kinds(made)["known"] == 80


SIGNS = "=+-@＝＋－＠"


@given(
    text=st.text(
        alphabet=st.one_of(st.sampled_from("'=+-@＝＠;\t\r\n a1"), st.characters(codec="utf-8"))
    )
)
def test_no_cell_begins_a_formula_however_a_spreadsheet_separates_cells(text: str):
    """Cells of readers that separate by semicolons, tabs and line breaks, whatever quotes there
    are.
    """
    cells = re.split(r"[;\t\r\n]", marked(text))
    assert not any(cell.startswith(tuple(SIGNS)) for cell in cells)
    assert not marked(text).startswith(("\t", "\r", "\n"))
    assert unmarked(marked(text)) == text


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("what is a dog;=cmd|' /C calc'!A0;x", "what is a dog;'=cmd|' /C calc'!A0;x"),
        ("list:\n- one\n- two", "list:\n'- one\n'- two"),
        ("＝1+1", "'＝1+1"),
        ("a=b; c-d", "a=b; c-d"),
    ],
)
def test_an_apostrophe_stands_before_each_formula_and_nowhere_else(text: str, written: str):
    assert marked(text) == written


def test_the_page_marks_formulas_as_the_file_does():
    """The page's own function, run by Node.js where there is one."""
    if (node := shutil.which("node")) is None:
        pytest.skip("needs Node.js to run the page's function")
    texts = [
        "=1",
        "'=1",
        "a;=1",
        "a;'=1",
        "a\n=1",
        "\n\n=1",
        "\t=x",
        "one\n\ntwo",
        "-a\r\n-b",
        "＝1",
        "a;＠b",
        "plain",
        "",
    ]
    line = next(
        line
        for line in Elements(page()).scripts[1].splitlines()
        if line.strip().startswith("const marked = ")
    )
    code = f"{line}\nconsole.log(JSON.stringify({json.dumps(texts)}.map(marked)));"
    done = subprocess.run([node, "-e", code], check=True, capture_output=True, text=True)
    assert json.loads(done.stdout) == [marked(text) for text in texts]


def test_a_sheet_comes_back_as_it_went(tmp_path: Path):
    texts = ["=1+1", "'=x", "-2", "@home", "+49", 'say "yes", or\nno', "naïve; 日本", "", "a;=1"]
    rows = [
        dict.fromkeys(COLUMNS, text) | {"number": f"bcd-{place}"}
        for place, text in enumerate(texts)
    ]
    file = tmp_path / "sheet.csv"
    sheet_csv.write(rows, file)
    assert [item.fields for item in sheet_csv.read(file)] == rows
    assert [item.row for item in sheet_csv.read(file)] == list(range(2, 11))
    for separator in ",;":
        with file.open(encoding="utf-8-sig", newline="") as opened:
            cells = [cell for row in csv.reader(opened, delimiter=separator) for cell in row]
        assert not [cell for cell in cells if cell.startswith(tuple(SIGNS))]


def test_a_spreadsheet_may_write_semicolons_another_order_and_empty_rows(tmp_path: Path):
    file = tmp_path / "sheet.csv"
    file.write_text(
        "verdict;number;query;known_answer;candidate;note;mine\nyes;bcd-1;a;b;c;;x\n;;;;;;\nNO "
        ";bcd-2;a;b;c\n"
    )
    found = sheet_csv.read(file)
    assert [(item.row, sheet_csv.verdict_of(item, file)) for item in found] == [
        (2, "positive"),
        (4, "negative"),
    ]
    assert found[1].fields["note"] == ""


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"number,query,known_answer,candidate,note\n", "lacks the column 'verdict'"),
        (b"", "lacks the column"),
        (
            "number,query,known_answer,candidate,verdict,note\nb-1,é,,c,yes,\n".encode("latin-1"),
            "is not UTF-8",
        ),
        (
            b'number,query,known_answer,candidate,verdict,note\nb-1,"a" b,,c,yes,\n',
            "cannot be read as CSV",
        ),
        (
            b"number,query,known_answer,candidate,verdict,note\nb-1,a,,c,yess,\n",
            "row 2 (b-1): the verdict is 'yess'.*did you mean 'yes'",
        ),
    ],
)
def test_a_file_that_is_no_sheet_is_refused(tmp_path: Path, content: bytes, message: str):
    file = tmp_path / "sheet.csv"
    file.write_bytes(content)
    with pytest.raises(Refused, match=message.replace("(", r"\(").replace(")", r"\)")):
        [sheet_csv.verdict_of(item, file) for item in sheet_csv.read(file)]


def test_a_file_that_is_not_there(tmp_path: Path):
    with pytest.raises(Refused, match="does not exist. Run `hone annotate create`"):
        sheet_csv.read(tmp_path / "none.csv")


def page(text: str = "plain") -> str:
    row = {
        "number": "bcd-001",
        "query": f"q {text}",
        "known_answer": f"k {text}",
        "candidate": f"c {text}",
    }
    return render("bcd", "sheet-filled.csv", [row, row | {"number": "bcd-002", "known_answer": ""}])


def test_texts_are_no_markup_and_no_script_on_the_page():
    clean, found = Elements(page()), Elements(page(HOSTILE))
    assert [tag for tag, _ in found.tags] == [tag for tag, _ in clean.tags]
    assert len(found.scripts) == 2
    assert not [
        name for _, attributes in found.tags for name in attributes if name.startswith("on")
    ]
    assert json.loads(found.scripts[0])["rows"][0]["candidate"] == f"c {HOSTILE}"


def test_the_page_puts_texts_in_as_text_only():
    code = Elements(page()).scripts[1]
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function|srcdoc", code
    )


def test_the_page_asks_no_network_for_anything_and_runs_only_its_own_script():
    text = page()
    assert not ADDRESS.findall(re.sub(r"<script.*?</script>", "", text, flags=re.DOTALL))
    assert not re.search(r"https?://|fetch\(|XMLHttpRequest|WebSocket|import\(", text)
    found = Elements(text)
    [policy] = [
        tag["content"]
        for name, tag in found.tags
        if name == "meta" and tag.get("http-equiv") == "Content-Security-Policy"
    ]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == hash_script(found.scripts[1])


def test_everything_that_the_script_names_is_on_the_page_and_fields_have_names():
    found = Elements(page())
    ids = {tag["id"] for _, tag in found.tags if "id" in tag}
    assert set(re.findall(r'part\("([a-z-]+)"\)', found.scripts[1])) <= ids
    assert {
        tag["data-verdict"]
        for name, tag in found.tags
        if name == "button" and "data-verdict" in tag
    } == set(sheet_csv.VERDICTS)
    labelled = {tag["for"] for name, tag in found.tags if name == "label"}
    assert labelled == {tag["id"] for name, tag in found.tags if name in ("input", "progress")}


def test_the_page_gives_no_kind_away():
    assert set(json.loads(Elements(page()).scripts[0])["rows"][0]) == {
        "number",
        "query",
        "known_answer",
        "candidate",
    }


def test_a_field_of_many_letters_comes_back(tmp_path: Path):
    """Python's csv reads no field of more than 131,072 letters unless it is allowed to."""
    row = dict.fromkeys(sheet_csv.COLUMNS, "") | {"number": "a-001", "candidate": "x" * 200_000}
    sheet_csv.write([row], tmp_path / "s.csv")
    assert sheet_csv.read(tmp_path / "s.csv")[0].fields == row
