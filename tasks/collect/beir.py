"""beir: a collection in BEIR's layout, from a folder or downloaded by name.

Source: Thakur et al., BEIR (arXiv 2104.08663). Labels may also be in TREC's four-column layout.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path

from hone.data.file_faults import Faults, Faulty
from hone.data.input_values import NUMBER, Odd, grade_of, id_of, show_value, text_of
from hone.data.source import (
    DOCUMENTS,
    QRELS,
    QUERIES,
    SPLITS,
    Source,
    frame,
    has,
    json_lines,
    text_lines,
    value_of,
)
from hone.errors import Refused, listed
from tasks.collect.beir_download import downloaded, origin_of
from tasks.collect.metadata import of_records

READS_FILES = True
OWN = ("_id", "title", "text")  # fields of a corpus line; all others are metadata
# Valid headers of a grade column. Any other first line is refused, because it may be a label.
GRADES = re.compile(
    r"((corpus|doc|query)?[ "
    r"_-]*)?(scores?|rel|relevance|relevant|grades?|labels?|judge?ments?|ratings?)",
    re.IGNORECASE,
)
ITERATION = re.compile(r"[Qq]?[0-9]+")  # TREC's second field, which has no meaning
LAYOUTS = (
    "A label line is `query-id <tab> corpus-id <tab> grade` (BEIR) or `query-id 0 corpus-id "
    "grade` (TREC)"
)


def beir(path: Path, what: str | None) -> Source:
    """Read corpus.jsonl, queries.jsonl and qrels/<split>.tsv.

    Metadata are all fields of corpus.jsonl other than `_id`, `title` and `text`, and the keys of
    its object `metadata`. A downloaded collection is used as published.

    Args:
        path: the folder (ignored for downloads).
        what: the name of a published collection to download, or a folder, or null.

    Raises:
        Refused: a file or field is missing, a line cannot be read, an id is duplicated, or a
            download fails.
    """
    published = what is not None and not Path(what).is_dir()
    folder = downloaded(what) if published else path if what is None else Path(what)
    judged = {
        split: folder / "qrels" / f"{split}.tsv"
        for split in SPLITS
        if (folder / "qrels" / f"{split}.tsv").exists()
    }
    if not judged:
        raise Refused(
            f"{folder} has none of {listed(f'qrels/{split}.tsv' for split in SPLITS)}. A "
            "collection in BEIR's layout needs "
            "corpus.jsonl, queries.jsonl and qrels/<split>.tsv."
        )
    faults = Faults()
    documents, metadata, doubled = texts_of(folder / "corpus.jsonl", "documents", faults, published)
    queries, _, twice = texts_of(folder / "queries.jsonl", "queries", faults, published)
    labels, negative = [], 0
    for split, file in judged.items():
        for number, query, doc, grade, trec in grades(file, faults):
            if grade < 0 and (trec or published):
                grade, negative = 0, negative + 1
            labels.append((query, doc, grade, "beir", split, str(file), number))
    split_of = {query: split for query, _, _, _, split, _, _ in labels}
    source = Source(
        documents=frame(
            DOCUMENTS,
            [
                (doc, title, text, None, file, number)
                for doc, title, text, file, number in documents
            ],
        ),
        queries=frame(
            QUERIES,
            [
                (query, text, split_of[query], file, number)
                for query, _, text, file, number in queries
                if query in split_of
            ],
        ),
        qrels=frame(QRELS, labels),
        metadata=of_records(metadata),
        published=published,
        counts={
            "missing_titles": sum(title is None for _, title, *_ in documents),
            "negative_grades": negative,
            "repeated_ids": doubled + twice,
        },
        origin=origin_of(folder) if published else {},
    )
    if faults:
        raise Faulty(faults, source)
    return source


def texts_of(
    file: Path, table: str, faults: Faults, published: bool
) -> tuple[list[tuple], list[tuple[str, dict]], int]:
    """Id, title, text, file, line and other fields of each line of a corpus or query file, and the
    number of duplicated ids.

    A duplicated id is an error. In a published file the last line counts, as in BEIR's loader. A
    line without `_id` or `text` is an error.
    """
    rows: dict[str | int, tuple] = {}
    further: dict[str | int, tuple[str, dict]] = {}
    before, doubled = faults.count, 0
    for number, record in json_lines(file, faults):
        if not has(record, ("_id", "text"), file, number, faults):
            continue
        count = faults.count
        name = value_of(id_of, record, "_id", file, number, faults)
        title = (
            value_of(text_of, record, "title", file, number, faults) if "title" in record else ""
        )
        text = value_of(text_of, record, "text", file, number, faults)
        key = number if name is None else name  # each line without an id counts separately
        if key in rows:
            doubled += 1
            if not published:
                remedy = "Delete one of the two lines, or change one id (also in the qrels)"
                faults.line(
                    file,
                    number,
                    f"the id {show_value(name)} already occurs on line {rows[key][-1]}",
                    remedy,
                )
        if faults.count > count:
            continue
        rows[key] = (name, title, text, str(file), number)
        if name is not None:
            further[key] = (
                name,
                {other: value for other, value in record.items() if other not in OWN},
            )
    if faults.count > before:
        faults.tables.add(table)
    return list(rows.values()), list(further.values()), doubled


def grades(file: Path, faults: Faults) -> Iterator[tuple[int, str, str, int, bool]]:
    """Line, query id, document id, grade, and whether it is in TREC's layout, for every label of a
    file with or without header.

    Other lines are errors. The first line with three or four fields determines the layout. TREC
    fields are separated by white space.
    """
    first, width = True, 0
    for number, line in text_lines(file, faults):
        if not line.strip():
            continue
        fields, begins = fields_of(line.strip("\r\n")), first
        first = False
        count = len(fields or ())
        width, trec = width or (count if count in (3, 4) else 0), count == 4
        if (
            not fields
            or count != width
            or (trec and not begins and not ITERATION.fullmatch(fields[1]))
        ):
            what = f"{show_value(line.strip())} is not a label"
            faults.line(file, number, what, LAYOUTS, "fields")
            continue
        query, doc, grade = fields[0], fields[-2], fields[-1]
        if begins and GRADES.fullmatch(grade.strip()):
            continue
        if begins and (
            not NUMBER.fullmatch(grade.strip()) or (trec and not ITERATION.fullmatch(fields[1]))
        ):
            what = f"{show_value(line.strip())} is neither a label nor a header"
            faults.line(file, number, what, f"{LAYOUTS}; a header ends in `score`", "heading")
            continue
        try:
            yield number, query, doc, grade_of(grade), trec
        except Odd as odd:
            faults.line(file, number, f"the grade is {odd}", odd.remedy)


def fields_of(line: str) -> list[str] | None:
    """The fields of a label line: separated by tabs, or by any white space if that gives TREC's
    four or BEIR's three fields.
    """
    if "\t" in line:
        if '"' not in line:
            fields = line.split("\t")
        else:  # as in BEIR's loader: a quoted field may contain any character
            try:
                fields = next(csv.reader([line], delimiter="\t"))
            except csv.Error:
                return None
        if len(fields) in (3, 4):
            return fields
    return line.split()
