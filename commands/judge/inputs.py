"""The inputs of `hone judge check`: the judge, the reference labels, the collection and its
split, the round's candidates.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from hone.config import methods
from hone.config.params import Params
from hone.data import tables
from hone.data.chunks import of_chunks
from hone.data.labels import carried_labels
from hone.data.training_set import TrainingCollection, TrainingSet
from hone.errors import Refused, nearest
from hone.judging import fingerprint, settings
from hone.layout import DATA, PAIR, round_table
from tasks.relabel.settings import RelabelSettings

SPLITS = ("train", "dev", "test")


@dataclass(frozen=True)
class OfSplit(TrainingCollection):
    """A collection with one of its splits. Measuring a judge on test queries is allowed, because
    nothing is trained.
    """

    split: str = "train"

    def queries(self, split: str | None = None) -> pl.DataFrame:
        return super().queries(split or self.split)

    def qrels(self, split: str | None = None) -> pl.DataFrame:
        return super().qrels(split or self.split)


def judge_line(given: Params, name: str, command: str = "hone judge check") -> dict:
    """A resolved judge: name, method, parameters, fingerprint.

    Raises:
        Refused: the judge does not exist, or it is unavailable on this machine.
    """
    name, line = settings.judge_of(given, name, command)
    if reason := settings.unable(line):
        raise Refused(f"Judge {name} is unavailable: {reason}")
    return {"name": name, **line, "fingerprint": fingerprint.fingerprint(line)}


def gold_judge(given: Params, gold: str | None, judge: dict) -> dict | None:
    """The resolved judge that provides reference labels; null for held-out positives and for no
    reference.
    """
    if gold in (None, "hidden"):
        return None
    kind, _, who = gold.partition(":")
    if kind not in ("judge", "people") or not who:
        raise Refused(f"--gold is '{gold}'. Use hidden, judge:NAME or people:NAME.")
    line = (
        judge_line(given, who)
        if kind == "judge" or who in given.judges
        else person_line(who, f"--gold {gold}")
    )
    if line["fingerprint"] == judge["fingerprint"]:
        raise Refused(
            f"--gold {gold}: judge {judge['name']} cannot be its own reference. Choose a "
            "different judge, or people:NAME."
        )
    return line


def person_line(who: str, where: str) -> dict:
    """An annotator as a resolved judge."""
    checked = methods.checked("relabel.judges", {"people": {"who": who}}, where)
    return {"name": who, **checked, "fingerprint": fingerprint.fingerprint(checked)}


def collection_of(given: Params, name: str, split: str | None) -> OfSplit:
    """A collected collection with the requested split."""
    if name not in given.collections:
        raise Refused(
            f"Collection '{name}' is not in params.yaml: {nearest(name, given.collections)}"
        )
    folder = DATA / name
    if not (folder / "documents.parquet").exists():
        raise Refused(f"Collection '{name}' has not been read yet. Run `dvc repro collect@{name}`.")
    if split is not None and split not in SPLITS:
        raise Refused(f"--split is '{split}': {nearest(split, SPLITS)}")
    about = given.collections[name]
    names = list(given.train_on)
    prefix = f"{name}/" if name in names and len(names) > 1 else ""
    found = {
        one: OfSplit(name, folder, None, about.min_relevance, about.language, prefix, one)
        for one in SPLITS
        if (folder / one / "qrels.parquet").exists()
    }
    answered = [
        one
        for one, part in found.items()
        if (part.qrels()["relevance"] >= about.min_relevance).any()
    ]
    chosen = split or next(iter(answered), None)
    if chosen not in answered:
        where, others = (
            f"Split {split} of {name}" if split else f"Collection '{name}'",
            f" Use --split {' or '.join(answered)}.",
        )
        raise Refused(
            f"{where} has no positives, so a judge cannot be measured on "
            f"it.{others if answered else ''}"
        )
    return found[chosen]


def round_of(given: Params, round: str | None, needed: bool) -> str:
    """The requested round; by default the last one with negatives, else the last one."""
    if round is not None and round not in given.rounds:
        raise Refused(f"Round '{round}' is not in params.yaml: {nearest(round, given.rounds)}")
    if round is not None:
        return round
    mined = [name for name in given.rounds if has_rows(round_table(name, "negatives"))]
    if needed and not mined:
        raise Refused(
            "--gold needs a round's negatives, but no round has mined negatives yet. Run `dvc "
            "repro` first."
        )
    return (mined or list(given.rounds))[-1]


def has_rows(file: Path) -> bool:
    return file.exists() and tables.scan("negatives", file).select(pl.len()).collect().item() > 0


def candidates_of(
    given: Params, round: str, collection: TrainingCollection, training: TrainingSet | None
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The negatives of a round that belong to the collection, and the labels of the round that
    it starts from.
    """
    if training is None or collection.name not in [one.name for one in training]:
        raise Refused(
            f"--gold needs a round's negatives, but no round trains on {collection.name}. See "
            "`train_on` in params.yaml."
        )
    file = round_table(round, "negatives")
    own = next(one for one in training if one.name == collection.name)
    negatives = tables.read("negatives", file).join(
        own.queries().select("query_id"), on="query_id", how="semi", maintain_order="left"
    )
    if negatives.is_empty():
        raise Refused(f"Round {round} has no negatives of {collection.name}. Use another --round.")
    return negatives, carried_labels(
        given.rounds[round].start, training.queries(), RelabelSettings.read(round=round).refreshed
    )


def hidden_of(collection: OfSplit) -> pl.DataFrame:
    """query_id, doc_id of the held-out positives of training queries. A parent document is
    replaced by its chunks.
    """
    file = collection.folder / "hidden.parquet"
    if collection.split != "train" or not file.exists():
        return pl.DataFrame(schema=dict.fromkeys(PAIR, pl.String))
    hidden = tables.read("hidden", file).select(tables.prefixed(collection.prefix, *PAIR))
    return of_chunks(hidden, collection.documents.parents)
