"""`hone export`: write a round's labels in the formats of other libraries, or copy its model
with the model card. `--push` also uploads the result to the Hugging Face Hub.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from commands.console import line
from commands.publish.cards import data_card, model_card
from commands.publish.push import Push, push_files, refuse_silent
from commands.workspace import round_folder
from hone.data import tables, training_set
from hone.encoders.model_folder import copy_model
from hone.errors import Refused, nearest
from hone.files import folder_written_whole, home, written_whole
from hone.layout import CARDS, MODELS

README = "README.md"
ORIGIN = "origin"  # of a generated query: method, prompt and model
# sentence-transformers trains on every column as a text, so its files have no origins
TEXT_COLUMNS_ONLY = ("sentence-transformers",)
OF_STAGES = (
    "models",
    "rankers",
    "rounds",
    "data",
    "generated",
    "reports",
    "resolved",
)  # folders with outputs of dvc.yaml


def export(round: str, format: str, out: Path | None, push: Push | None = None) -> None:
    """Write each query with its positives and ranked negatives. The file is written completely
    or not at all.

    Args:
        round: the round.
        format: the layout.
        out: the file. Null: a name in the current folder.
        push: where to upload the file, with a card. Null: nowhere.
    """
    if push is not None:
        refuse_silent(push)
    examples = examples_of(round)
    if not examples:
        raise Refused(f"Round {round} has no query with a positive, so there is nothing to export.")
    target = out or Path(f"{round}.{format}.jsonl")
    count = 0
    with written_whole(target) as part, part.open("w", encoding="utf-8") as file:
        for record in LAYOUTS[format](examples):
            file.write(json.dumps(record, ensure_ascii=False) + "\n")
            count += 1
    line(f"{target}: {count:,} lines, {len(examples):,} queries")
    if generated := [one for one in examples if one.get(ORIGIN)]:
        line(f"{len(generated):,} of the queries are generated.{where_origins(format, target)}")
    if generated and format in TEXT_COLUMNS_ONLY:
        write_origins(generated, origins_file(target))
    if push is not None:
        name = f"{round}.{format}.jsonl"
        with tempfile.TemporaryDirectory(prefix=".export-", dir=home()) as folder:
            card = Path(folder) / README
            text = data_card(round, format, name, push.license, examples)
            card.write_text(text, encoding="utf-8")
            message = f"Training data of round {round}"
            push_files(push, "dataset", {README: card, name: target}, message)


def where_origins(format: str, target: Path) -> str:
    """Where the origin of each generated query is, as a sentence."""
    if format in TEXT_COLUMNS_ONLY:
        return f" {origins_file(target)} has their origin."
    return f" The key `{ORIGIN}` has their origin."


def origins_file(target: Path) -> Path:
    """The file with the origins of generated queries, beside a file of texts."""
    return target.with_name(f"{target.stem}.origins.jsonl")


def write_origins(generated: list[dict], file: Path) -> None:
    """Write the origin of each generated query: query_id, query, origin."""
    with written_whole(file) as part, part.open("w", encoding="utf-8") as opened:
        for one in generated:
            record = {"query_id": one["query_id"], "query": one["text"], ORIGIN: one[ORIGIN]}
            opened.write(json.dumps(record, ensure_ascii=False) + "\n")


def export_model(round: str, out: Path | None, push: Push | None = None) -> None:
    """Copy a round's model to a new folder, with its model card as README.md. The folder is written
    completely or not at all.

    Args:
        round: the round.
        out: the folder. Null: none, for an upload.
        push: where to upload the copy. Null: nowhere.

    Raises:
        Refused: the model or its card is missing; or the folder exists, cannot be created, or is
            below a folder of DVC; or the upload is refused.
    """
    if out is None and push is None:
        raise Refused(
            "hone export model needs a new folder, such as `hone export model r2 my-model`, or "
            "--push OWNER/NAME."
        )
    if push is not None:
        refuse_silent(push)
    model, card = MODELS / round, CARDS / f"{round}.md"
    if not (model / "modules.json").exists():
        trained_models = [
            folder.name for folder in sorted(MODELS.glob("*")) if (folder / "modules.json").exists()
        ]
        if not trained_models:
            raise Refused("No trained model found. Run `dvc repro` first.")
        raise Refused(f"{model} is not a trained model: {nearest(round, trained_models)}")
    if not card.exists():
        raise Refused(
            f"{card} is missing. `dvc repro report` writes a model card for every round except "
            "r0, the base model."
        )
    with tempfile.TemporaryDirectory(prefix=".export-", dir=home()) as folder:
        if out is not None:
            refuse_place(out)
        copy = Path(folder) / "model" if out is None else out
        with folder_written_whole(copy) as place:
            copy_model(model, place)
            text = card.read_text(encoding="utf-8")
            name = str(out) if push is None else push.name  # the path as given
            (place / README).write_text(card_for(text, round, name, push), encoding="utf-8")
        if out is not None:
            line(f"{out}: the model of {round}, with its model card in {README}")
        if push is not None:
            push_files(push, "model", files_below(copy), f"Model of round {round}")


def card_for(card: str, round: str, name: str, push: Push | None) -> str:
    """The card of a copy, which loads the model by `name`."""
    loaded = f"SentenceTransformer({json.dumps(name, ensure_ascii=False)})"
    text = card.replace(f'SentenceTransformer("models/{round}")', loaded)
    return text if push is None else model_card(text, push.license)


def files_below(folder: Path) -> dict[str, Path]:
    """The files of a folder by their relative paths."""
    return {
        file.relative_to(folder).as_posix(): file
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def refuse_place(out: Path) -> None:
    """Raises Refused if a folder exists, cannot be created, or is below a folder that stages
    write.
    """
    if out.exists() or out.is_symlink():
        raise Refused(f"{out} already exists. Use a new folder, or delete it.")
    for name in OF_STAGES:
        if out.resolve().is_relative_to(Path(name).resolve()):
            raise Refused(
                f"{out} is below {name}/, which DVC manages and may delete. Use a folder elsewhere."
            )
    above = next(folder for folder in out.absolute().parents if folder.exists())
    if not above.is_dir():
        raise Refused(f"Cannot create {out}: {above} is a file.")


def examples_of(round: str) -> list[dict]:
    """Every training query of a round: query_id, text, origin (if any is generated), positives and
    negatives (each doc_id, title, text).
    """
    training = training_set.read()
    labels = tables.read("labels", round_folder(round) / "labels.parquet").filter(
        pl.col("label") != "unknown"
    )
    documents = pl.concat([texts_of(collection, labels["doc_id"]) for collection in training])
    rows = labels.join(documents, on="doc_id", how="left", maintain_order="left").with_columns(
        document=pl.struct("doc_id", "title", "text")
    )
    kinds = {
        name: rows.filter(pl.col("label") == label)
        .sort("rank", nulls_last=True, maintain_order=True)
        .group_by("query_id", maintain_order=True)
        .agg(pl.col("document").alias(name))
        for name, label in (("positives", "positive"), ("negatives", "negative"))
    }
    joined = training.queries().join(
        kinds["positives"], on="query_id", how="inner", maintain_order="left"
    )
    return joined.join(
        kinds["negatives"], on="query_id", how="left", maintain_order="left"
    ).to_dicts()


def texts_of(collection: training_set.TrainingCollection, ids: pl.Series) -> pl.DataFrame:
    """doc_id, title and text of the documents in `ids` that belong to a collection, or were
    generated for it.
    """
    wanted = ids.unique().to_frame("doc_id").lazy()
    own, generated = collection.documents.path, collection.documents.generated
    parts = [
        tables.scan("documents", path)
        .with_columns(tables.prefixed(collection.prefix, "doc_id"))
        .join(wanted, on="doc_id", how="semi")
        .select("doc_id", pl.col("title").fill_null(""), "text")
        .collect()
        for path in (own, *([] if generated is None else [generated]))
    ]
    return pl.concat(parts)


def origin_of(example: dict) -> dict[str, str | None]:
    """The origin of a query as part of a record. Empty if no query of the round is generated."""
    return {ORIGIN: example[ORIGIN]} if ORIGIN in example else {}


def full_text(document: dict) -> str:
    """A document as an encoder reads it: title, a space, text."""
    return f"{document['title']} {document['text']}".strip()


def sentence_transformers(examples: list[dict]) -> Iterator[dict]:
    """One line per positive: anchor, positive, negative_1 ... negative_n."""
    for example in examples:
        negatives = {
            f"negative_{number}": full_text(document)
            for number, document in enumerate(example["negatives"] or [], start=1)
        }
        for positive in example["positives"]:
            yield {"anchor": example["text"], "positive": full_text(positive), **negatives}


def flagembedding(examples: list[dict]) -> Iterator[dict]:
    """One line per query: query, pos, neg; and its origin, if any is generated."""
    for example in examples:
        positives, negatives = example["positives"], example["negatives"] or []
        yield {
            "query": example["text"],
            "pos": [full_text(one) for one in positives],
            "neg": [full_text(one) for one in negatives],
            **origin_of(example),
        }


def tevatron(examples: list[dict]) -> Iterator[dict]:
    """One line per query: query_id, query, positive_passages, negative_passages (each docid,
    title, text); and its origin, if any is generated.
    """
    for example in examples:
        yield {
            "query_id": example["query_id"],
            "query": example["text"],
            **{
                f"{kind}_passages": [
                    {"docid": one["doc_id"], "title": one["title"], "text": one["text"]}
                    for one in example[f"{kind}s"] or []
                ]
                for kind in ("positive", "negative")
            },
            **origin_of(example),
        }


LAYOUTS = {
    "sentence-transformers": sentence_transformers,
    "flagembedding": flagembedding,
    "tevatron": tevatron,
}
