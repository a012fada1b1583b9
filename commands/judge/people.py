"""`hone judge sheet` and `hone judge read`: pairs for a person to judge, and what the person said."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

import polars as pl

from commands.console import line, table
from commands.workspace import round_folder
from hone.data import tables, training_set
from hone.data.labels import labelled_positives
from hone.errors import Refused, nearest
from hone.files import fingerprint, home, read_json, write_json, write_text
from hone.judging import fingerprint as identity
from hone.judging.annotation import csv
from hone.judging.annotation.csv import Filled
from hone.judging.annotation.page.render import render
from hone.judging.annotation.sheet import Sheet, drawn
from hone.judging.rank_bands import SHEET_BANDS
from hone.layout import BASE, PAIR, round_table
from hone.llm.ledger.ledger import Answer, Ledger, Verdict, question_key
from hone.seeds import generator
from tasks.relabel.judges.people import NAME

Of = Literal["negatives", "candidates"]
LETTERS = str.maketrans("0123456789abcdef", "bcdfghjklmnpqrst")  # a name that no spreadsheet takes for a number or a date
MOST_CHARACTERS = 30_000  # of a text; a spreadsheet's cell holds 32,767
CUT = " […]"
KINDS = {"known": "known answers", "random": "random documents"}


def sheet(round: str, n: int, out: Path, seed: int, of: Of = "negatives") -> None:
    """Write a sheet of a round's pairs as CSV, a page beside it that fills it in, and its key in HONE_HOME.

    The key says which row is which pair and of which kind; the sheet does not.

    Args:
        round: whose pairs.
        n: pairs to be judged; known answers and random documents come on top.
        out: the CSV; the page has the ending .html.
        seed: of the draw.
        of: what the pairs are drawn from: negatives, which the judges of a round read, or all candidates.

    Raises:
        Refused: no such round, nothing to draw from, or a file that is there and is no sheet of the same draw.
    """
    if n < 1:
        raise Refused(f"--n is {n}: a sheet has at least one pair.")
    folder = round_folder(round)
    training = training_set.read()
    positives = known_answers()
    queries = training.queries()
    pairs = pairs_of(folder, of).join(positives, on=PAIR, how="anti", maintain_order="left")
    pairs = pairs.join(queries, on="query_id", how="semi", maintain_order="left")
    if pairs.is_empty():
        raise Refused(f"round {round} has no {of} to draw from: choose a round that mines negatives.")
    ids = {collection.name: collection.documents.ids for collection in training}
    made = drawn(pairs, positives.select(PAIR), queries.select("query_id", "collection"), ids, n, generator(seed, round, "sheet", of))
    texts = dict(
        training.texts(pl.concat([made.rows["doc_id"], made.rows["shown"].drop_nulls()]).unique()).select("doc_id", "full_text").iter_rows()
    )
    put_out(made, dict(queries.select("query_id", "text").iter_rows()), texts, out, f"round {round}", of, seed)


def put_out(made: Sheet, asked: dict[str, str], texts: dict[str, str], out: Path, where: str, of: str, seed: int) -> None:
    """Write a sheet that was drawn, its page and its key.

    Args:
        made: the sheet.
        asked: texts of queries.
        texts: of documents.
        out: the CSV.
        where: what the pairs are of, in words, such as "round r1".
        of: which of its pairs.
        seed: of the draw.

    Raises:
        Refused: a file that is there and is no sheet of the same draw.
    """
    id = fingerprint(where.removeprefix("round "), of, str(seed), *(f"{row}" for row in made.rows.iter_rows()))[:8].translate(LETTERS)
    rows = [
        {
            "number": f"{id}-{place:03}", "query": cut(asked[row["query_id"]]), "candidate": cut(texts[row["doc_id"]]),
            "known_answer": cut(texts[row["shown"]]) if row["shown"] else "", "verdict": "", "note": "",
        }
        for place, row in enumerate(made.rows.iter_rows(named=True), start=1)
    ]  # fmt: skip
    page = out.with_suffix(".html")
    refuse_to_overwrite(out, page, id)
    write_json(key_file(id), key_of(id, where, of, seed, made, rows, asked, texts))
    csv.write(rows, out)
    write_text(page, render(id, f"{out.stem}-filled.csv", [{name: row[name] for name in ("number", *csv.TEXTS)} for row in rows]))
    found = ", ".join(f"{item['drawn']} of {item['pairs']:,} at ranks {name}" for name, item in made.bands.items() if item["pairs"])
    line(f"sheet {id}: {len(rows)} rows: {found}; {' and '.join(f'{count(made, kind)} {name}' for kind, name in KINDS.items())} among them")
    line(f"judge them in {page} (it opens without a network), or fill in the column `verdict` of {out}: yes, no or unsure")
    line(f"then: hone judge read {out.stem}-filled.csv (or {out}) --by NAME")


def known_answers() -> pl.DataFrame:
    """The positives that came with the collections; what judges promoted is not known."""
    labels = tables.read("labels", round_table(BASE, "labels"))
    return labelled_positives(labels)


def pairs_of(folder: Path, of: Of) -> pl.DataFrame:
    """query_id, doc_id, rank: the place among the query's negatives, or the best rank that a source gave a candidate."""
    found = tables.read(of, folder / f"{of}.parquet")
    if of == "negatives":
        return found.select(*PAIR, rank=pl.int_range(1, pl.len() + 1, dtype=pl.Int32).over("query_id"))
    return found.group_by(PAIR, maintain_order=True).agg(pl.col("rank").min())


def count(made: Sheet, kind: str) -> int:
    return int((made.rows["kind"] == kind).sum())


def cut(text: str) -> str:
    return text if len(text) <= MOST_CHARACTERS else text[:MOST_CHARACTERS].rstrip() + CUT


def refuse_to_overwrite(out: Path, page: Path, id: str) -> None:
    """Raises Refused when a file is in the way that may hold somebody's work."""
    if out.suffix.lower() != ".csv":
        raise Refused(f"--out is {out}: a sheet's file ends in .csv (the page beside it in .html).")
    for file in (out, page):
        if file.exists():
            raise Refused(f"{file} is there already and may hold verdicts: give another --out, or remove it (the new sheet is {id}).")


def key_file(id: str) -> Path:
    return home() / "sheets" / f"{id}.json"


def key_of(id: str, where: str, of: str, seed: int, made: Sheet, rows: list[dict], asked: dict[str, str], texts: dict[str, str]) -> dict:
    """What a sheet's rows are: pairs, kinds, the questions by which the ledger finds them, and hashes of the texts as shown."""
    return {
        "id": id,
        "where": where,
        "of": of,
        "seed": seed,
        "bands": made.bands,
        "rows": {
            row["number"]: item
            | {
                "question": question_key(asked[item["query_id"]], texts[item["doc_id"]]).hex(),
                "texts": {name: hash_of(row[name]) for name in csv.TEXTS},
            }
            for row, item in zip(rows, made.rows.iter_rows(named=True), strict=True)
        },
    }


def hash_of(text: str) -> str:
    """A hash that does not change when a spreadsheet writes line ends and blanks in its own way."""
    return fingerprint(" ".join(text.split()))[:16]


def read(file: Path, by: str) -> None:
    """Record what a person said on a sheet, and say how the person did on the pairs that are known.

    Raises:
        Refused: no usable name, no sheet of this HONE_HOME, or rows that are not as they were; nothing is recorded then.
    """
    if not re.fullmatch(NAME, by):
        raise Refused(f"--by is '{by}': a name has letters, digits and . _ @ - and begins with a letter or digit.")
    filled = csv.read(file)
    key = key_for(filled, file)
    said = checked(filled, key, file)
    judge = {"method": "people", "parameters": {"who": by}}
    name = identity.fingerprint(judge)
    ledger = Ledger()
    ledger.describe(name, {"name": f"people:{by}", **identity.described(judge)})
    counts = record(ledger, name, said, f"sheet {key['id']} of {where_of(key)}")
    line(
        f"sheet {key['id']} of {where_of(key)}, by {by}: {len(said)} of {len(key['rows'])} rows judged; "
        f"{counts['new']} recorded, {len(said) - sum(counts.values())} were known already"
    )
    if counts["kept"]:
        line(f"{counts['kept']} are unsure now and were yes or no before: the ledger forgets nothing, so the earlier word stands")
    table(("rows", "judged", "yes", "no", "unsure"), summary(said))
    for sentence in fitness(said):
        line(sentence)
    line(f"as a judge: {{people: {{who: {by}}}}}, and as gold: hone judge check NAME --on COLLECTION --gold people:{by}")


def where_of(key: dict) -> str:
    """What a sheet's pairs are of, in words; keys that were written before other sheets existed name the round alone."""
    return key.get("where") or f"round {key['round']}"


def key_for(filled: list[Filled], file: Path) -> dict:
    """The key of the sheet that all rows belong to.

    Raises:
        Refused: there is none, or the rows are of several sheets.
    """
    there = [path.stem for path in (home() / "sheets").glob("*.json")]
    if not filled:
        raise Refused(f"{file} has no rows: it is not a sheet that `hone judge sheet` wrote, or all rows were deleted.")
    for item in filled:
        id = item.fields["number"].strip().rpartition("-")[0]
        if id not in there:
            raise Refused(
                f"{file}, row {item.row}: the number is '{item.fields['number']}', which is of no sheet in {home() / 'sheets'}: "
                f"{nearest(id, there)}. Sheets are read where they were written."
            )
    ids = list(dict.fromkeys(item.fields["number"].strip().rpartition("-")[0] for item in filled))
    if len(ids) > 1:
        raise Refused(f"{file} has rows of the sheets {' and '.join(ids[:2])}: read each sheet from a file of its own.")
    return read_json(key_file(ids[0]))


def checked(filled: list[Filled], key: dict, file: Path) -> list[dict]:
    """Of each judged row its key, verdict, word and note, in the order of the sheet.

    Raises:
        Refused: a row that the sheet has not, has twice, or whose texts are others; or another verdict.
    """
    said: dict[str, dict] = {}
    seen: dict[str, int] = {}
    for item in filled:
        number = item.fields["number"].strip()
        where = f"{file}, row {item.row} ({number})"
        row = key["rows"].get(number)
        if row is None:
            raise Refused(
                f"{where}: the sheet {key['id']} has no such row: it has {len(key['rows'])}. Put the number back, or delete the row."
            )
        if number in seen:
            raise Refused(f"{where}: the row stands there twice, also as row {seen[number]}. Delete one of them.")
        seen[number] = item.row
        altered = [name for name in csv.TEXTS if hash_of(item.fields[name]) != row["texts"][name]]
        if altered:
            raise Refused(
                f"{where}: the text under `{altered[0]}` is not the one that was written ('{item.fields[altered[0]][:60]}'). A verdict on "
                "another text is no use: copy the verdicts into the file as it was."
            )
        verdict = csv.verdict_of(item, file)
        if verdict is not None:
            said[number] = row | {
                "verdict": verdict,
                "word": item.fields["verdict"].strip().casefold(),
                "note": item.fields["note"].strip(),
            }
    return [said[number] for number in key["rows"] if number in said]


def record(ledger: Ledger, judge: str, said: list[dict], run: str) -> dict[str, int]:
    """Put into the ledger what is not there yet: how many verdicts are new, and how many a later "unsure" could not take back.

    The ledger holds that a verdict which is known outweighs one that is not, whichever came first.
    """
    questions = [bytes.fromhex(row["question"]) for row in said]
    found = ledger.find(judge, questions, 0)
    known = {question: (verdict, raw) for question, verdict, raw in found.select("question", "verdict", "raw").iter_rows()}
    counts = {"new": 0, "kept": 0}
    for question, row in zip(questions, said, strict=True):
        raw = f"{row['word']}: {row['note']}" if row["note"] else row["word"]
        before = known.get(question)
        if before == (row["verdict"], raw):
            continue
        if before and row["verdict"] == "unknown" and before[0] != "unknown":
            counts["kept"] += 1
            continue
        reason = "unsure" if row["verdict"] == "unknown" else None
        ledger.record(judge, Answer(raw, None, 0, 0, 0.0, 0.0), [Verdict(question, row["verdict"], reason=reason)], run)
        known[question] = (row["verdict"], raw)
        counts["new"] += 1
    return counts


def summary(said: list[dict]) -> list[tuple]:
    """Rows of a table: each band and kind, how many were judged, and what was said."""
    groups = {f"ranks {name}": [row for row in said if row["band"] == name] for name, _ in SHEET_BANDS}
    groups |= {name: [row for row in said if row["kind"] == kind] for kind, name in KINDS.items()}
    return [
        (name, len(rows), *(sum(row["word"] == word for row in rows) for word in csv.VERDICTS)) for name, rows in groups.items() if rows
    ]


def fitness(said: list[dict]) -> list[str]:
    """How the person did where it is known what is right."""
    sentences = []
    for kind, right in (("known", "yes"), ("random", "no")):
        rows = [row for row in said if row["kind"] == kind]
        hits = sum(row["word"] == right for row in rows)
        if rows:
            sentences.append(f"of {len(rows)} {KINDS[kind]} {hits} got a {right} ({hits / len(rows):.0%})")
        else:
            sentences.append(f"none of the {KINDS[kind]} was judged, so this side of the person is not measured")
    return sentences
