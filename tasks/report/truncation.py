"""Documents that are longer than what the model reads."""

from __future__ import annotations

from dataclasses import dataclass

from hone.compare.query_strata import BASE_MODEL
from hone.data.tables import Documents
from hone.encoders.encoder import Reading
from hone.encoders.model_folder import ModelFolder
from hone.encoders.text_lengths import Cut, cut_documents
from hone.layout import collection_table
from tasks.report.settings import ReportSettings


@dataclass(frozen=True)
class CutCollection:
    """A collection whose documents are longer than what the model reads.

    Attributes:
        cut: how many documents and tokens.
        in_training: by a recipe's own length in training, which encoding does not have.
    """

    collection: str
    cut: Cut
    in_training: bool


def describe_truncation(found: list[CutCollection]) -> list[str]:
    """A sentence for each collection, and each length of training, that truncates documents."""
    return [
        f"Of {one.collection}{' in training' if one.in_training else ''}, {one.cut.describe()}."
        for one in found
    ]


def find_truncation(settings: ReportSettings) -> list[CutCollection]:
    """Each collection, and each length of training, that truncates documents; none if the base
    model has no tokenizer.
    """
    if not any(BASE_MODEL.rglob("tokenizer.json")):
        return []
    model, reading = ModelFolder(BASE_MODEL), Reading.of(settings.model)
    trained = {settings.recipes[name]["train"].get("max_length") for name in settings.rounds} - {
        None
    }
    found = []
    for name in dict.fromkeys([*settings.train_on, *settings.evaluate_on]):
        documents = Documents(collection_table(name, "documents"))
        for length in [None, *(sorted(trained) if name in settings.train_on else ())]:
            cut = cut_documents(documents, model, reading, length)
            if cut.cut:
                found.append(CutCollection(name, cut, length is not None))
    return found
