"""Training of a round's cross-encoder: from pairs to the ranker's folder."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import polars as pl

from hone.config import stage_settings
from hone.data.training_set import TrainingSet
from hone.encoders.cross_encoder_folder import CrossModel
from hone.encoders.cross_encoder_scores import CrossScorer
from hone.encoders.device_lock import torch_lock
from hone.encoders.encoder import encoder_for
from hone.encoders.precision import device_of
from hone.encoders.round_cross_encoders import ABOUT, RANKERS
from hone.files import fingerprint, fingerprint_of_file, folder_written_whole, home, write_json
from hone.layout import MODELS, TRAINING_LIST, round_table
from hone.present.model_card import put_first
from hone.seeds import seed_of
from tasks.rank import card
from tasks.rank.evaluate import reranked
from tasks.rank.settings import RankSettings
from tasks.rank.start import Start, length_of, start_of


def train_ranker(pairs: pl.DataFrame, training: TrainingSet, settings: RankSettings) -> dict:
    """Train on pairs and write the ranker's folder. Returns the content of its ranker.json."""
    section, round = settings.rank, settings.round
    start = start_of(settings)
    length = length_of(section, settings.model, start)
    device = device_of(stage_settings.machine()["device"])
    checkpoints = home() / "checkpoints" / address(settings, start)[:32]
    with torch_lock(device), folder_written_whole(RANKERS / round) as place:
        from tasks.rank.fit import fitted

        seed = seed_of(settings.seed, settings.draws, "rank")
        model, steps = fitted(
            start, with_texts(pairs, training), section, length, seed, checkpoints, device
        )
        model.save_pretrained(str(place))
        about = {
            "ranker": "cross-encoder",
            "round": round,
            "from": start.name,
            "ranked_before": start.ranks,
            "max_length": length,
            "queries": pairs["query_id"].n_unique(),
            "positives": int((pairs["label"] == 1).sum()),
            "negatives": int((pairs["label"] == 0).sum()),
            "steps": steps,
            "dev": on_dev(place, training, settings),
        }
        put_first(card.section(settings, about), place / "README.md")
        write_json(place / ABOUT, about)
    shutil.rmtree(checkpoints, ignore_errors=True)
    return about


def with_texts(pairs: pl.DataFrame, training: TrainingSet) -> pl.DataFrame:
    """query, document (texts) and label of pairs, in order."""
    documents = (
        training.texts(pairs["doc_id"].unique())
        .unique("doc_id")
        .select("doc_id", document="full_text")
    )
    return (
        pairs.join(
            training.queries().select("query_id", query="text"),
            on="query_id",
            how="inner",
            maintain_order="left",
        )
        .join(documents, on="doc_id", how="inner", maintain_order="left")
        .select("query", "document", "label")
    )


def on_dev(place: Path, training: TrainingSet, settings: RankSettings) -> dict[str, dict]:
    """nDCG@10 of the encoder's ranking and of the reranked one, by collection."""
    machine, start = stage_settings.machine(), settings.parent
    device = device_of(machine["device"])
    scorer = CrossScorer(
        CrossModel(place),
        None,
        settings.model["precision"],
        device,
        machine["batch_tokens"],
        f"ranker {settings.round}",
    )
    encoder = encoder_for(MODELS / start, settings.model, machine, user=start)
    depth = settings.rank.rerank
    found = {
        collection.name: reranked(scorer, encoder, collection, depth) for collection in training
    }
    return {name: values for name, values in found.items() if values}


def address(settings: RankSettings, start: Start) -> str:
    """A hash of all training inputs. Checkpoints of other inputs must not be resumed."""
    return fingerprint(
        json.dumps(settings.plain(), sort_keys=True),
        fingerprint_of_file(round_table(settings.parent, "labels")),
        fingerprint_of_file(round_table(settings.round, "candidates")),
        fingerprint_of_file(TRAINING_LIST),
        start.fingerprint(),
    )
