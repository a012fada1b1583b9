"""The cards of what `--push` uploads: README.md with metadata of the Hub."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from hone import hub
from hone.data import tables
from hone.data.training_set import TrainingCollection, TrainingSet
from hone.encoders.model_folder import COPIES
from hone.errors import Refused
from hone.files import read_json
from hone.layout import about_file, round_table
from hone.present.markdown import escape_text, format_texts, join_blocks

TAGS = {
    "model": ["sentence-transformers", "feature-extraction", "hone"],
    "dataset": ["sentence-transformers", "hone"],
}
ORIGIN = "method, prompt and model of a generated query; null for others"
COLUMNS = {
    "sentence-transformers": {
        "anchor": "the query",
        "positive": "a relevant document: title, a space, text",
        "negative_1, negative_2, ...": "the negatives of the query, in the round's order",
    },
    "flagembedding": {
        "query": "the query",
        "pos": "the relevant documents: title, a space, text",
        "neg": "the negatives, in the round's order",
        "origin": ORIGIN,
    },
    "tevatron": {
        "query_id": "the id of the query in the collection",
        "query": "the query",
        "positive_passages": "the relevant documents: docid, title, text",
        "negative_passages": "the negatives, in the round's order: docid, title, text",
        "origin": ORIGIN,
    },
}
QRELS = "qrels"  # the judge of a label that the collection has


def with_header(about: dict[str, Any], body: str) -> str:
    """A card with its metadata as YAML (each value as JSON, which is valid YAML)."""
    rows = [f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in about.items()]
    return "\n".join(["---", *rows, "---", "", body.lstrip("\n")])


def model_card(card: str, license: str | None) -> str:
    """A model's card for the Hub.

    Args:
        card: the card that `report` wrote.
        license: for the metadata. Null: none, whatever the base model has.

    Raises:
        Refused: the card has no metadata.
    """
    header, end, body = card.removeprefix("---\n").partition("\n---\n")
    about = yaml.safe_load(header) if card.startswith("---\n") and end else None
    if not isinstance(about, dict):
        raise Refused(
            "the model card has no metadata. Write it again with `dvc repro --force report`."
        )
    base = base_on_hub(str(about.pop("base_model", "")))
    about |= {"tags": TAGS["model"]}
    about |= {"base_model": base} if base else {}
    about |= {"license": license} if license else {}
    return with_header(about, body)


def base_on_hub(name: str) -> str | None:
    """The Hub id of a base model. Null for a folder of this project."""
    ids = {package: hub_id for hub_id, package in COPIES.items()}
    if name in ids:
        return ids[name]
    return name if hub.NAME.fullmatch(name) and not Path(name).exists() else None


def data_card(
    round: str, format: str, file: str, push_license: str | None, examples: list[dict]
) -> str:
    """The card of a round's training data.

    Args:
        round: the round.
        format: the layout of the file.
        file: its path in the repository.
        push_license: for the metadata. Null: none.
        examples: every query with its documents.
    """
    from hone.data import training_set

    training = training_set.read()
    labels = tables.read("labels", round_table(round, "labels")).filter(
        pl.col("label") != "unknown"
    )
    about: dict[str, Any] = {"tags": TAGS["dataset"]}
    about |= {"configs": [{"config_name": "default", "data_files": [train_file(file)]}]}
    about |= {"license": push_license} if push_license else {}
    negatives = sum(len(example["negatives"] or []) for example in examples)
    positives = sum(len(example["positives"]) for example in examples)
    body = join_blocks(
        f"# Training data of round {round}",
        f"{len(examples):,} queries with {positives:,} positives and {negatives:,} negatives, "
        f"from round {round} of a Hone project, in the layout `{format}`.",
        "## Columns",
        format_texts(("column", "content"), columns_of(format, examples).items()),
        "## Origin of the texts",
        format_texts(
            ("collection", "source", "address", "commit or checksum", "license", "documents"),
            [origin_row(collection) for collection in training],
        ),
        "The texts keep the licenses of their sources. A missing license means that it is "
        "unknown, not that there is none.",
        "## Origin of the labels",
        "Labels of `qrels` are those of the collections, and those of generated queries with the "
        "source `generated`, which no person has checked. All others are verdicts of the named "
        "judge, and negatives without a judge are mined: no person has checked them.",
        format_texts(("label", "judge", "source", "number"), label_rows(labels)),
        *judge_blocks(round),
        "## Generated rows",
        describe_generated(training),
        *origin_blocks(examples),
    )
    return with_header(about, body)


def columns_of(format: str, examples: list[dict]) -> dict[str, str]:
    """The columns of a file. `origin` is one only if a query is generated."""
    columns = COLUMNS[format]
    if "origin" not in columns or any(example.get("origin") for example in examples):
        return columns
    return {name: content for name, content in columns.items() if name != "origin"}


def origin_blocks(examples: list[dict]) -> list[str]:
    """The methods, prompts and models that wrote queries."""
    found = Counter(example["origin"] for example in examples if example.get("origin"))
    rows = [(origin, f"{count:,}") for origin, count in found.most_common()]
    return [format_texts(("origin (method, prompt, model)", "queries"), rows)] if rows else []


def train_file(file: str) -> dict[str, str]:
    return {"split": "train", "path": file}


def origin_row(collection: TrainingCollection) -> tuple[object, ...]:
    """Where a collection is from. A file of this project has no address."""
    file = about_file(collection.name)
    origin = read_json(file).get("origin", {}) if file.exists() else {}
    return (
        collection.name,
        source_name(collection.name, origin),
        origin.get("address"),
        origin.get("commit") or origin.get("md5"),
        origin.get("license"),
        f"{len(collection.documents):,}",
    )


def source_name(collection: str, origin: dict[str, str]) -> str:
    """The source of a collection in params.yaml, without the paths of files."""
    from hone.config import params

    given = params.read().collections.get(collection)
    if given is None:
        return "no longer in params.yaml"
    method, _, what = given.source.partition(":")
    published = bool(origin) or method == "mteb"
    return f"{method}:{what}" if what and published else f"{method}, files of the project"


def label_rows(labels: pl.DataFrame) -> list[tuple[object, ...]]:
    """label, judge, source and number of each kind of label, the most frequent first."""
    counted = (
        labels.group_by("label", "judge", "source")
        .len()
        .sort("len", "label", "judge", "source", descending=[True, False, False, False])
    )
    return [
        (label, judge or "none", source, f"{count:,}")
        for label, judge, source, count in counted.rows()
    ]


def judge_blocks(round: str) -> list[str]:
    """The judges of a round with their models, as their answers name them."""
    file = round_table(round, "judgments")
    if not file.exists():
        return []
    found = tables.read("judgments", file)
    rows = found.group_by("judge", "model").len().sort("judge", "model").rows()
    named = [(judge, public_name(model), f"{count:,}") for judge, model, count in rows]
    return [format_texts(("judge", "model", "verdicts in this round"), named)] if named else []


def public_name(model: str | None) -> str:
    """A model's name, without the folders of a path."""
    text = model or ""
    is_path = text.startswith(("/", "~", ".")) or "\\" in text or text[1:2] == ":"
    return Path(text.replace("\\", "/")).name if is_path else text


def describe_generated(training: TrainingSet) -> str:
    """How many queries and documents a model wrote, by the column `origin`."""
    queries = training.queries()
    counted = [("queries", marked(queries), len(queries))]
    for collection in training:
        scanned = tables.scan("documents", collection.documents.path)
        if "origin" in scanned.collect_schema().names():
            documents = scanned.select("origin").collect()
            counted.append((f"documents of {collection.name}", marked(documents), len(documents)))
        if collection.documents.generated is not None:
            count = tables.scan("documents", collection.documents.generated).select(pl.len())
            number = count.collect().item()
            what = f"documents that were generated for {collection.name}"
            counted.append((what, number, number))
    lines = [
        f"{count:,} of {total:,} {escape_text(what)}" for what, count, total in counted if count
    ]
    if not lines:
        return "No query and no document is marked as generated."
    return f"Written by a model or by a rule: {', '.join(lines)}."


def marked(rows: pl.DataFrame) -> int:
    """The number of rows with an `origin`."""
    return int(rows["origin"].is_not_null().sum()) if "origin" in rows.columns else 0
