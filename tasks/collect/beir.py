"""beir: a collection in BEIR's layout, from a folder or downloaded by name.

Source: Thakur et al., BEIR (arXiv 2104.08663); read by the beir package, whose loader says nothing of lines that are
doubled or cannot be read, so each file is looked through first.
"""

from __future__ import annotations

import csv
import logging
import zipfile
from collections.abc import Iterator
from pathlib import Path

from tasks.collect.metadata import of_records
from tasks.collect.source import DOCUMENTS, QRELS, QUERIES, SPLITS, Source, frame, json_lines, need, text_lines
from tasks.errors import Refused, listed
from tasks.files import home

OWN = ("_id", "title", "text")  # of a line of the corpus; all else is metadata
DOWNLOADS = "https://public.ukp.informatik.tu-darmstadt.de/thakur/BEIR/datasets/{}.zip"


def beir(path: Path, what: str | None) -> Source:
    """Read corpus.jsonl, queries.jsonl and qrels/<split>.tsv.

    What a line of corpus.jsonl has beside `_id`, `title` and `text`, and the keys of its object `metadata`, is metadata.

    Args:
        path: the folder (of no meaning where a collection is downloaded).
        what: the name of a published collection to download, or a folder, or null.

    Raises:
        Refused: a file is missing, a line cannot be read, a field is missing, an id stands twice, or a download fails.
    """
    from beir.datasets.data_loader import GenericDataLoader

    folder = path if what is None else Path(what) if Path(what).is_dir() else downloaded(what)
    judged = {split: folder / "qrels" / f"{split}.tsv" for split in SPLITS if (folder / "qrels" / f"{split}.tsv").exists()}
    if not judged:
        raise Refused(
            f"{folder} has none of {listed(f'qrels/{split}.tsv' for split in SPLITS)}: "
            "a collection in BEIR's layout has corpus.jsonl, queries.jsonl and qrels/<split>.tsv."
        )
    document_lines, query_lines = lines_of(folder / "corpus.jsonl"), lines_of(folder / "queries.jsonl")
    metadata = of_records(
        (str(record["_id"]), {name: value for name, value in record.items() if name not in OWN})
        for _, record in json_lines(folder / "corpus.jsonl")
    )
    labels = [
        (query, doc, grade, "beir", split, str(file), number)
        for split, file in judged.items()
        for number, query, doc, grade in grades(file)
    ]
    logging.getLogger("beir").setLevel(logging.WARNING)
    loader = GenericDataLoader(str(folder))
    documents = loader.load_corpus()
    loader._load_queries()
    split_of = {query: split for query, _, _, _, split, _, _ in labels}
    return Source(
        documents=frame(
            DOCUMENTS,
            [
                (str(doc), found["title"], found["text"], None, str(folder / "corpus.jsonl"), document_lines[str(doc)])
                for doc, found in documents.items()
            ],
        ),
        queries=frame(
            QUERIES,
            [
                (str(query), text, split_of[str(query)], str(folder / "queries.jsonl"), query_lines[str(query)])
                for query, text in loader.queries.items()
                if str(query) in split_of
            ],
        ),
        qrels=frame(QRELS, labels),
        metadata=metadata,
    )


def lines_of(file: Path) -> dict[str, int]:
    """Every id of a corpus or query file, with its line; an id that stands twice is refused."""
    lines: dict[str, int] = {}
    for number, record in json_lines(file):
        need(record, ("_id", "text"), file, number)
        name = str(record["_id"])
        if name in lines:
            raise Refused(
                f"{file}, line {number}: the id '{name}' stands on line {lines[name]} already. "
                "Delete one of the two lines, or give one another id (and mend the qrels)."
            )
        lines[name] = number
    return lines


def grades(file: Path) -> Iterator[tuple[int, str, str, int]]:
    """Line, query id, document id and grade of every line of a qrels file but its header."""
    rows = csv.reader((text for _, text in text_lines(file)), delimiter="\t")
    next(rows, None)
    for row in rows:
        try:
            query, doc, grade = row
            yield rows.line_num, query, doc, int(grade)
        except ValueError:
            raise Refused(
                f"{file}, line {rows.line_num}: {row!r} should be query-id, corpus-id and a whole number, parted by tabs."
            ) from None


def downloaded(name: str) -> Path:
    """The folder of a published collection, fetched once into HONE_HOME/downloads."""
    folder = home() / "downloads" / "beir"
    if not (folder / name / "corpus.jsonl").exists():
        from beir.util import download_and_unzip

        folder.mkdir(parents=True, exist_ok=True)
        try:
            download_and_unzip(DOWNLOADS.format(name), str(folder))
        except (OSError, zipfile.BadZipFile) as error:
            (folder / f"{name}.zip").unlink(missing_ok=True)
            raise Refused(
                f"the BEIR collection '{name}' could not be downloaded ({type(error).__name__}: {error}). Check the name "
                "and the network, or unpack it yourself and write `source: beir` with `path:` of its folder."
            ) from None
    return folder / name
