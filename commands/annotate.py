"""`hone annotate`: write annotation sheets, and import completed ones."""

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
LETTERS = str.maketrans(
    "0123456789abcdef", "bcdfghjklmnpqrst"
)  # no spreadsheet converts such an id to a number or a date
MOST_CHARACTERS = 30_000  # of a text; a spreadsheet's cell holds 32,767
CUT = " […]"
KINDS = {"known": "positives", "random": "random documents"}


def create_sheet(round: str, n: int, out: Path, seed: int, of: Of = "negatives") -> None:
    """Write an annotation sheet of a round's pairs as CSV, an HTML page to complete it, and its key
    in HONE_HOME.

    The key maps each row to its pair and kind. The sheet itself does not contain them.

    Args:
        round: the round.
        n: pairs to label; positives and random documents are added as controls.
        out: the CSV; the page has the suffix .html.
        seed: seed of the random sample.
        of: the pool to sample from: negatives, which the judges of a round read, or all candidates.

    Raises:
        Refused: the round does not exist, the pool is empty, or a file already exists.
    """
    if n < 1:
        raise Refused(f"--pairs is {n}. Use 1 or more pairs.")
    folder = round_folder(round)
    training = training_set.read()
    positives = known_answers()
    queries = training.queries()
    pairs = pairs_of(folder, of).join(positives, on=PAIR, how="anti", maintain_order="left")
    pairs = pairs.join(queries, on="query_id", how="semi", maintain_order="left")
    if pairs.is_empty():
        raise Refused(
            f"Round {round} has no {of} to sample from. Choose a round that mines negatives."
        )
    ids = {collection.name: collection.documents.ids for collection in training}
    made = drawn(
        pairs,
        positives.select(PAIR),
        queries.select("query_id", "collection"),
        ids,
        n,
        generator(seed, round, "sheet", of),
    )
    texts = dict(
        training.texts(pl.concat([made.rows["doc_id"], made.rows["shown"].drop_nulls()]).unique())
        .select("doc_id", "full_text")
        .iter_rows()
    )
    put_out(
        made,
        dict(queries.select("query_id", "text").iter_rows()),
        texts,
        out,
        f"round {round}",
        of,
        seed,
    )


def put_out(
    made: Sheet,
    query_texts: dict[str, str],
    texts: dict[str, str],
    out: Path,
    where: str,
    of: str,
    seed: int,
) -> None:
    """Write a sampled sheet, its page and its key.

    Args:
        made: the sheet.
        query_texts: query texts by id.
        texts: document texts by id.
        out: the CSV.
        where: the origin of the pairs in words, such as "round r1".
        of: the pool of the pairs.
        seed: seed of the random sample.

    Raises:
        Refused: a file already exists.
    """
    id = fingerprint(
        where.removeprefix("round "), of, str(seed), *(f"{row}" for row in made.rows.iter_rows())
    )[:8].translate(LETTERS)
    rows = [
        {
            "number": f"{id}-{place:03}",
            "query": cut(query_texts[row["query_id"]]),
            "candidate": cut(texts[row["doc_id"]]),
            "known_answer": cut(texts[row["shown"]]) if row["shown"] else "",
            "verdict": "",
            "note": "",
        }
        for place, row in enumerate(made.rows.iter_rows(named=True), start=1)
    ]
    page = out.with_suffix(".html")
    refuse_to_overwrite(out, page, id)
    write_json(key_file(id), key_of(id, where, of, seed, made, rows, query_texts, texts))
    csv.write(rows, out)
    write_text(
        page,
        render(
            id,
            f"{out.stem}-filled.csv",
            [{name: row[name] for name in ("number", *csv.TEXTS)} for row in rows],
        ),
    )
    found = ", ".join(
        f"{item['drawn']} of {item['pairs']:,} at ranks {name}"
        for name, item in made.bands.items()
        if item["pairs"]
    )
    line(
        f"sheet {id}: {len(rows)} rows ({found}), including "
        f"{' and '.join(f'{count(made, kind)} {name}' for kind, name in KINDS.items())}"
    )
    line(
        f"Label them in {page} (it opens offline), or fill in the column `verdict` of {out}: yes, "
        "no or unsure."
    )
    line(f"Then run: hone annotate import {out.stem}-filled.csv (or {out}) --annotator NAME")


def known_answers() -> pl.DataFrame:
    """The positives of the collections, without those that judges added."""
    labels = tables.read("labels", round_table(BASE, "labels"))
    return labelled_positives(labels)


def pairs_of(folder: Path, of: Of) -> pl.DataFrame:
    """query_id, doc_id, rank: the position among the query's negatives, or the best rank of a
    candidate in any source.
    """
    found = tables.read(of, folder / f"{of}.parquet")
    if of == "negatives":
        return found.select(
            *PAIR, rank=pl.int_range(1, pl.len() + 1, dtype=pl.Int32).over("query_id")
        )
    return found.group_by(PAIR, maintain_order=True).agg(pl.col("rank").min())


def count(made: Sheet, kind: str) -> int:
    return int((made.rows["kind"] == kind).sum())


def cut(text: str) -> str:
    return text if len(text) <= MOST_CHARACTERS else text[:MOST_CHARACTERS].rstrip() + CUT


def refuse_to_overwrite(out: Path, page: Path, id: str) -> None:
    """Raises Refused if a file exists, because it may contain verdicts."""
    if out.suffix.lower() != ".csv":
        raise Refused(
            f"--out is {out}. Use a file that ends in .csv. The page gets the suffix .html."
        )
    for file in (out, page):
        if file.exists():
            raise Refused(
                f"{file} already exists and may contain verdicts. Use another --out, or delete it "
                f"(the new sheet is {id})."
            )


def key_file(id: str) -> Path:
    return home() / "sheets" / f"{id}.json"


def key_of(
    id: str,
    where: str,
    of: str,
    seed: int,
    made: Sheet,
    rows: list[dict],
    query_texts: dict[str, str],
    texts: dict[str, str],
) -> dict:
    """The key of a sheet: for each row the pair, its kind, its question in the judgment log, and
    hashes of the displayed texts.
    """
    return {
        "id": id,
        "where": where,
        "of": of,
        "seed": seed,
        "bands": made.bands,
        "rows": {
            row["number"]: item
            | {
                "question": question_key(
                    query_texts[item["query_id"]], texts[item["doc_id"]]
                ).hex(),
                "texts": {name: hash_of(row[name]) for name in csv.TEXTS},
            }
            for row, item in zip(rows, made.rows.iter_rows(named=True), strict=True)
        },
    }


def hash_of(text: str) -> str:
    """A hash that does not depend on line ends and white space, which spreadsheets may change."""
    return fingerprint(" ".join(text.split()))[:16]


def import_sheet(file: Path, by: str) -> None:
    """Record the verdicts of a completed sheet, and print the annotator's accuracy on the control
    pairs.

    Raises:
        Refused: the name is invalid, the sheet is not in this HONE_HOME, or rows were changed.
            Nothing is recorded then.
    """
    if not re.fullmatch(NAME, by):
        raise Refused(
            f"--annotator is '{by}'. Use letters, digits and . _ @ - only, and start with a letter "
            "or digit."
        )
    filled = csv.read(file)
    key = key_for(filled, file)
    verdicts = checked(filled, key, file)
    judge = {"method": "people", "parameters": {"who": by}}
    name = identity.fingerprint(judge)
    ledger = Ledger()
    ledger.describe(name, {"name": f"people:{by}", **identity.described(judge)})
    counts = record(ledger, name, verdicts, f"sheet {key['id']} of {where_of(key)}")
    line(
        f"sheet {key['id']} of {where_of(key)}, by {by}: {len(verdicts)} of "
        f"{len(key['rows'])} rows judged, "
        f"{counts['new']} recorded, {len(verdicts) - sum(counts.values())} already recorded"
    )
    if counts["kept"]:
        unchanged = f"{counts['kept']} verdict{'' if counts['kept'] == 1 else 's'}"
        line(f"{unchanged} changed from yes or no to unsure. The earlier verdict remains in use.")
    table(("rows", "judged", "yes", "no", "unsure"), summary(verdicts))
    for sentence in fitness(verdicts):
        line(sentence)
    line(f"To use these verdicts as a judge: {{people: {{who: {by}}}}}")
    line(
        "To use them as gold labels: hone judge check NAME --collection COLLECTION --gold "
        f"people:{by}"
    )


def where_of(key: dict) -> str:
    """The origin of a sheet's pairs in words. Old keys only have the round."""
    return key.get("where") or f"round {key['round']}"


def key_for(filled: list[Filled], file: Path) -> dict:
    """The key of the sheet that all rows belong to.

    Raises:
        Refused: the sheet is unknown, or the rows belong to several sheets.
    """
    known_sheets = [path.stem for path in (home() / "sheets").glob("*.json")]
    if not filled:
        raise Refused(f"{file} has no rows. Use a sheet from `hone annotate create`.")
    for item in filled:
        id = item.fields["number"].strip().rpartition("-")[0]
        if id not in known_sheets:
            raise Refused(
                f"{file}, row {item.row}: the number '{item.fields['number']}' does not belong to "
                f"any sheet in {home() / 'sheets'} "
                f"({nearest(id, known_sheets)}). Import a sheet with the HONE_HOME in which it was "
                "created."
            )
    ids = list(dict.fromkeys(item.fields["number"].strip().rpartition("-")[0] for item in filled))
    if len(ids) > 1:
        raise Refused(
            f"{file} has rows of the sheets {' and '.join(ids[:2])}. Use a separate file for each "
            "sheet."
        )
    return read_json(key_file(ids[0]))


def checked(filled: list[Filled], key: dict, file: Path) -> list[dict]:
    """Key, verdict, word and note of each judged row, in the order of the sheet.

    Raises:
        Refused: a row is unknown or repeated, its texts were changed, or its verdict is invalid.
    """
    verdicts: dict[str, dict] = {}
    seen: dict[str, int] = {}
    for item in filled:
        number = item.fields["number"].strip()
        where = f"{file}, row {item.row} ({number})"
        row = key["rows"].get(number)
        if row is None:
            raise Refused(
                f"{where}: sheet {key['id']} has no such row (it has {len(key['rows'])}). Restore "
                "the number, or delete the row."
            )
        if number in seen:
            raise Refused(f"{where}: this row repeats row {seen[number]}. Delete one of them.")
        seen[number] = item.row
        altered = [name for name in csv.TEXTS if hash_of(item.fields[name]) != row["texts"][name]]
        if altered:
            raise Refused(
                f"{where}: the text in column `{altered[0]}` was changed "
                f"('{item.fields[altered[0]][:60]}'). Copy the verdicts into "
                "the original file."
            )
        verdict = csv.verdict_of(item, file)
        if verdict is not None:
            verdicts[number] = row | {
                "verdict": verdict,
                "word": item.fields["verdict"].strip().casefold(),
                "note": item.fields["note"].strip(),
            }
    return [verdicts[number] for number in key["rows"] if number in verdicts]


def record(ledger: Ledger, judge: str, rows: list[dict], run: str) -> dict[str, int]:
    """Record new verdicts. Returns the number of new verdicts, and of earlier verdicts that a later
    "unsure" does not replace.

    A known verdict always takes precedence over an unknown one, regardless of their order.
    """
    questions = [bytes.fromhex(row["question"]) for row in rows]
    found = ledger.find(judge, questions, 0)
    known = {
        question: (verdict, raw)
        for question, verdict, raw in found.select("question", "verdict", "raw").iter_rows()
    }
    counts = {"new": 0, "kept": 0}
    for question, row in zip(questions, rows, strict=True):
        raw = f"{row['word']}: {row['note']}" if row["note"] else row["word"]
        before = known.get(question)
        if before == (row["verdict"], raw):
            continue
        if before and row["verdict"] == "unknown" and before[0] != "unknown":
            counts["kept"] += 1
            continue
        reason = "unsure" if row["verdict"] == "unknown" else None
        ledger.record(
            judge,
            Answer(raw, None, 0, 0, 0.0, 0.0),
            [Verdict(question, row["verdict"], reason=reason)],
            run,
        )
        known[question] = (row["verdict"], raw)
        counts["new"] += 1
    return counts


def summary(judged_rows: list[dict]) -> list[tuple]:
    """Rows of a table: each rank band and kind, the number of judged rows, and the number of
    each verdict.
    """
    groups = {
        f"ranks {name}": [row for row in judged_rows if row["band"] == name]
        for name, _ in SHEET_BANDS
    }
    groups |= {
        name: [row for row in judged_rows if row["kind"] == kind] for kind, name in KINDS.items()
    }
    return [
        (name, len(rows), *(sum(row["word"] == word for row in rows) for word in csv.VERDICTS))
        for name, rows in groups.items()
        if rows
    ]


def fitness(judged_rows: list[dict]) -> list[str]:
    """Sentences on the annotator's accuracy on the control pairs."""
    sentences = []
    for kind, right in (("known", "yes"), ("random", "no")):
        rows = [row for row in judged_rows if row["kind"] == kind]
        hits = sum(row["word"] == right for row in rows)
        if rows:
            sentences.append(
                f"{hits} of {len(rows)} {KINDS[kind]} judged {right} ({hits / len(rows):.0%})"
            )
        else:
            sentences.append(f"no {KINDS[kind]} judged, so the accuracy on them is unknown")
    return sentences
