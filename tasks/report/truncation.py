"""Documents that are longer than what the model reads."""

from __future__ import annotations

from hone.compare.query_strata import BASE_MODEL
from hone.data.tables import Documents
from hone.encoders.encoder import Reading
from hone.encoders.model_folder import ModelFolder
from hone.encoders.text_lengths import cut_documents
from hone.layout import collection_table
from tasks.report.settings import ReportSettings


def describe_truncation(settings: ReportSettings) -> list[str]:
    """A sentence for each collection, and each length of training, that truncates documents;
    none if the base model has no tokenizer.
    """
    if not any(BASE_MODEL.rglob("tokenizer.json")):
        return []
    model, reading = ModelFolder(BASE_MODEL), Reading.of(settings.model)
    trained = {settings.recipes[name]["train"].get("max_length") for name in settings.rounds} - {
        None
    }
    sentences = []
    for name in dict.fromkeys([*settings.train_on, *settings.evaluate_on]):
        documents = Documents(collection_table(name, "documents"))
        for length in [None, *(sorted(trained) if name in settings.train_on else ())]:
            found = cut_documents(documents, model, reading, length)
            if found.cut:
                sentences.append(
                    f"Of {name}{' in training' if length else ''}, {found.describe()}."
                )
    return sentences
