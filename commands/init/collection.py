"""The collection that a data folder holds: its source, its tables, and the settings for its
flaws.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import polars as pl

from commands.init.generation import can_generate
from commands.init.inventory import Entry
from hone.config import methods
from hone.config.params import Split
from hone.data.file_faults import Faults, Faulty
from hone.data.source import Source
from hone.data.tables import normalised
from hone.encoders.model_folder import pinned
from hone.errors import Refused, listed
from tasks.collect.click_log import find_log
from tasks.collect.click_rows import PositionsFromZero
from tasks.collect.refusals import bare, examined
from tasks.collect.settings import CollectionChecks

SHOWN = 10  # unusable files in a message
FILES = "files"  # the source of folders with text files
CLICKS = "clicks"  # the source of folders with a click log
LOGS = ("click log", "UBI events", "UBI searches")
MOST_ABSENT = 0.05  # fraction of labels for missing queries or documents to ignore [Hone default]
FORMS = (
    "Hone needs documents, queries and labels: `documents`, `queries` and `qrels` as .parquet, "
    ".csv or .jsonl; or corpus.jsonl, queries.jsonl and qrels/<split>.tsv; or one .jsonl file of "
    "training examples (docs/how-to/collections.md); or documents alone, for which queries are "
    "generated (docs/how-to/generate.md)"
)
MISSING = {
    "documents": "no documents. Add documents.csv with the columns doc_id and text",
    "queries": "no queries. Add queries.csv with the columns query_id and text, for example from a "
    "search log. Or remove the labels, and queries are generated (docs/how-to/generate.md)",
    "labels": "no labels. Add qrels.csv with the columns query_id and doc_id: which document "
    "answers which query. Or add a click log: docs/how-to/clicks.md",
}
MISSING_BEIR = {
    "documents": "no documents. Add corpus.jsonl with _id and text",
    "queries": "no queries. Add queries.jsonl with _id and text. To generate queries, write the "
    "documents to documents.jsonl with doc_id and text (docs/how-to/generate.md)",
    "labels": "no labels. Add qrels/train.tsv and qrels/test.tsv: query-id, corpus-id and score",
}


@dataclass(frozen=True)
class Chosen:
    """The source of a collection in params.yaml, the path that DVC tracks, and options of the
    source, each with its reason. `generated`: nothing is labelled, so queries are generated.
    """

    source: str
    path: Path
    options: dict[str, tuple[Any, str]] = field(default_factory=dict)
    generated: bool = False

    @property
    def parameters(self) -> dict[str, Any]:
        """The options without their reasons."""
        return {name: value for name, (value, _) in self.options.items()}


@dataclass(frozen=True)
class Collection:
    """A collection as read, with the settings that its flaws need.

    Attributes:
        source: without the rows that the settings exclude. Splits are null if the files define
            none.
        given_splits: whether the files define the splits.
        settings: settings of params.yaml by name, each with the reason.
    """

    source: Source
    given_splits: bool
    settings: dict[str, tuple[Any, str]] = field(default_factory=dict)


def choose(path: Path, entries: list[Entry]) -> Chosen:
    """The source that reads a folder or a file.

    Raises:
        Refused: the data is not usable. The message names everything that is missing.
    """
    if not entries:
        raise Refused(f"{path} has no files. {FORMS}.")
    usable = [entry for entry in entries if entry.usable]
    training = [entry for entry in usable if entry.kind == "training examples"]
    if path.is_file():
        if training:
            return Chosen("triplets", path)
        raise Refused(f"{path}: {entries[0].problem or 'one table alone is not a collection'}.")
    if any(entry.name == "corpus.jsonl" or "_id" in entry.used for entry in entries):
        refuse_missing(path, entries, MISSING_BEIR)
        return Chosen("beir", path)
    logs = [entry for entry in usable if entry.kind in LOGS]
    if logs and not any(entry.kind == "labels" for entry in usable):
        return log_of(path, entries, logs)
    if any(entry.kind == "documents" for entry in entries):
        generated = can_generate(entries)
        if not generated:
            refuse_missing(path, entries, MISSING)
        return Chosen("folder", path, generated=generated)
    if any(entry.kind == "texts" for entry in entries):
        return files_of(path, entries)
    if len(training) == 1:
        return Chosen("triplets", path / training[0].name)
    if training:
        names = [str(path / entry.name) for entry in training]
        raise Refused(
            f"{path} has {len(training)} training files ({listed(names)}). A collection is one "
            f"file: join them, or name one of them, such as `hone init {names[0]}`."
        )
    refuse_missing(path, entries, MISSING)
    raise Refused(f"{path}: {FORMS}.")


def refuse_missing(path: Path, entries: list[Entry], missing: dict[str, str]) -> None:
    """Raise Refused if a kind of `missing` is absent or unusable. The message has everything."""
    problems = []
    for kind, fix in missing.items():
        found = [entry for entry in entries if entry.kind == kind]
        problems += [f"{entry.name}: {entry.problem}" for entry in found if entry.problem]
        problems += [] if found else [fix]
    if not problems:
        return
    others = [entry for entry in entries if entry.kind == "other"]
    problems += [f"{entry.name}: {entry.problem}" for entry in others[:SHOWN]]
    raise Refused("\n".join([f"{path} is not usable yet:", *(f"- {one}." for one in problems)]))


def log_of(path: Path, entries: list[Entry], logs: list[Entry]) -> Chosen:
    """A folder with documents and a click log.

    Raises:
        Refused: the documents are missing, or the log needs a queries file.
    """
    wanted = {"documents": MISSING["documents"]}
    if not any({"query", "user_query", "action_name"} & set(entry.used) for entry in logs):
        wanted["queries"] = "the click log has query_id and no query. Add queries.csv with the "
        wanted["queries"] += "columns query_id and text"
    refuse_missing(path, entries, wanted)
    try:
        find_log(path, None)
    except Refused:
        if len(logs) > 1:
            raise
        reason = "the name of the click log"
        return Chosen(CLICKS, path, {"log": (logs[0].name, reason)})
    return Chosen(CLICKS, path)


def files_of(path: Path, entries: list[Entry]) -> Chosen:
    """A folder of text files, with its queries and labels, or with neither.

    Raises:
        Refused: queries or labels are missing, or this checkout cannot read text files.
    """
    generated = can_generate(entries)
    if not generated:
        refuse_missing(path, entries, {kind: MISSING[kind] for kind in ("queries", "labels")})
    if FILES not in methods.names("collect"):
        raise Refused(
            f"{path} has text files. This version of Hone has no `source: {FILES}`. Write their "
            "texts to documents.csv, with the columns doc_id and text."
        )
    return Chosen(FILES, path, generated=generated)


def read(chosen: Chosen, name: str, model: tuple[str, str | None]) -> Collection:
    """The collection, checked as the stage `collect` checks it.

    Args:
        chosen: the source.
        name: the collection's name.
        model: name and revision of the base model, whose tokenizer may measure chunks.

    Raises:
        Refused: the files contain errors that no setting excludes. The message has all of them.
    """
    try:
        source, faults = read_source(chosen, name, model)
    except PositionsFromZero:
        zero = {"first_position": (0, "the positions of the log start at 0")}
        chosen = replace(chosen, options=chosen.options | zero)
        source, faults = read_source(chosen, name, model)
    given_splits = bool(source.queries["split"].is_not_null().any())
    settings = settings_for(source)
    if chosen.options:
        reasons = "; ".join(reason for _, reason in chosen.options.values())
        settings["options"] = chosen.parameters, reasons
    wanted = checks(settings, Split(), train=False, generated=chosen.generated)
    clean = examined(name, source, wanted, faults).source
    return Collection(clean if given_splits else without_splits(clean), given_splits, settings)


def without_splits(source: Source) -> Source:
    """The source with a null split for every query and label."""
    null = pl.lit(None, dtype=pl.String).alias("split")
    return replace(
        source, queries=source.queries.with_columns(null), qrels=source.qrels.with_columns(null)
    )


def read_source(chosen: Chosen, name: str, model: tuple[str, str | None]) -> tuple[Source, Faults]:
    """The tables of a source, with the errors found in its readable files.

    Raises:
        Refused: the files cannot be read at all.
    """
    faults, line = (
        Faults(),
        methods.checked("collect", {chosen.source: chosen.parameters}, "hone init"),
    )
    reader = methods.find("collect", chosen.source)
    given: dict[str, Any] = {
        "path": chosen.path,
        "what": None,
        "split": Split(),
        "generated": chosen.generated,
    }
    if "model" in reader.reads:  # `files` measures its chunks by the model's tokenizer
        given["model"] = pinned(*model) | {"max_length": None, "prompt": None}
    try:
        return reader(line["parameters"], **given), faults
    except Faulty as faulty:
        faults.add(faulty.faults)
        if faulty.source is None:
            raise Refused(faults.message(name)) from None
        return faulty.source, faults


def checks(
    settings: dict[str, tuple[Any, str]], split: Split, train: bool, generated: bool = False
) -> CollectionChecks:
    """The checks of `collect` with these settings."""
    return CollectionChecks(
        train=train,
        generated=generated,
        own_id="keep",
        min_relevance=1,
        split=split,
        absent_labels=settings.get("absent_labels", ("refuse",))[0],
        repeated_queries=settings.get("repeated_queries", ("refuse",))[0],
        empty_documents=settings.get("empty_documents", ("refuse",))[0],
    )


def settings_for(source: Source) -> dict[str, tuple[Any, str]]:
    """The settings that exclude empty documents, repeated queries, and a few labels of missing
    texts, each with the number of rows as its reason.
    """
    settings: dict[str, tuple[Any, str]] = {}
    if empty := int(source.documents.select(bare("documents").sum()).item()):
        settings["empty_documents"] = "leave-out", f"{empty:,} documents have no text"
    same = source.queries.with_columns(same=normalised(pl.col("text")))
    spread = same.group_by("same").agg(pl.col("split").n_unique()).filter(pl.col("split") > 1)
    if len(spread):
        reason = f"{len(spread):,} queries occur in two splits; the copy in test stays"
        settings["repeated_queries"] = "leave-out", reason
    absent = absent_labels(source)
    if 0 < absent <= MOST_ABSENT * len(source.qrels):
        reason = f"{absent:,} labels name a query or document that does not exist"
        settings["absent_labels"] = "ignore", reason
    return settings


def absent_labels(source: Source) -> int:
    """The number of labels whose query or document is missing."""
    documents = pl.concat([source.documents["doc_id"], source.documents["parent_id"]]).drop_nulls()
    queries = source.queries["query_id"].drop_nulls()
    known = pl.col("query_id").is_in(queries.implode()) & pl.col("doc_id").is_in(
        documents.implode()
    )
    return int(source.qrels.select((~known).fill_null(False).sum()).item())


def labelled(source: Source) -> pl.DataFrame:
    """The queries with a positive label."""
    positives = source.qrels.filter(pl.col("relevance") >= 1)
    return source.queries.join(positives, on="query_id", how="semi", maintain_order="left")
