"""encoder: how alike a candidate and the known positives (or the query) are to a bi-encoder. A guide that costs nothing.

Its vectors come from the store, so that its verdicts are free and can be repeated: they are not recorded in the ledger.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import polars as pl

from tasks.errors import Refused, nearest
from tasks.relabel import verdicts
from tasks.relabel.by_grade import by_grade
from tasks.relabel.questions import Questions
from tasks.relabel.verdicts import PAIR

if TYPE_CHECKING:
    from tasks.encode.encoder import Encoder
    from tasks.encode.models import Models
    from tasks.relabel.desk import Desk

BASE = "r0"
# Cosines from which on a candidate counts as an answer; ours, to be measured on each collection (`hone judge check`).
THRESHOLDS = {"positives": 0.8, "query": 0.7}


def encoder(
    questions: Questions,
    desk: Desk,
    fingerprint: str,
    *,
    to: Literal["query", "positives"] = "positives",
    model: str | None = None,
    revision: str | None = None,
    threshold: float | None = None,
) -> pl.DataFrame:
    """A verdict on every pair by similarity: cosine or inner product, as the model compares.

    Compared with the known positives, a candidate is graded by the one that it is most like: it need repeat only one of
    them, and the mean would fall with every further answer to another side of the query. The maximum is ours. A known
    positive is never compared with itself.

    Args:
        questions: what is asked; known positives are encoded as documents.
        desk: where encoders come from.
        fingerprint: of this judge.
        to: what a candidate is compared with. [Hone default]
        model: a teacher, or `r0` for the base model; null: the round's starting model, which changes with each round, and with it what a
            grade means. For a guide the base model is steadier. [Hone default]
        revision: of a teacher from the Hub. [Hone default]
        threshold: similarity from which on a candidate is positive; null: .8 to the positives, .7 to the query. [Hone default]

    Returns:
        Verdicts with the similarity as `grade` and no probability; unknown where there is nothing to compare with.

    Raises:
        Refused: no models at hand, or no threshold for a model that does not compare by cosine.
    """
    if questions.pairs.is_empty():
        return verdicts.empty()
    used = encoder_of(desk.models, model)
    if threshold is None and used.similarity != "cosine":
        raise Refused(f"the judge encoder has a default `threshold` for cosine only, and {model or 'the model'} compares by inner product.")
    bound = THRESHOLDS[to] if threshold is None else threshold
    graded = {"query": to_query, "positives": to_positives}[to](questions, used)
    missing = "there is no known answer to compare it with" if to == "positives" else "its text is missing"
    found = questions.pairs.select(PAIR).join(graded, on=PAIR, how="left", maintain_order="left")
    reason = pl.when(pl.col("grade").is_null()).then(pl.lit(missing)).when(~pl.col("grade").is_finite()).then(pl.lit("no number"))
    return verdicts.verdicts(by_grade(found.with_columns(reason=reason, bound=pl.lit(bound), fingerprint=pl.lit(fingerprint))))


def to_query(questions: Questions, used: Encoder) -> pl.DataFrame:
    """query_id, doc_id and `grade`, the similarity of each candidate to its query."""
    from tasks.encode.search import pair_scores

    queries, documents = questions.queries.with_row_index("left"), questions.documents.with_row_index("right")
    rows = (
        questions.pairs.select(PAIR)
        .join(queries.select("query_id", "left"), on="query_id", how="inner", maintain_order="left")
        .join(documents.select("doc_id", "right"), on="doc_id", how="inner", maintain_order="left")
    )
    asked = used.queries(queries["text"].to_list())
    answers = used.vectors([documents["full_text"].to_list()], "document", len(documents))
    return rows.select(*PAIR, grade=pl.Series(pair_scores(asked, answers, places(rows))))


def to_positives(questions: Questions, used: Encoder) -> pl.DataFrame:
    """query_id, doc_id and `grade`, the similarity of each candidate to the known positive that it is most like."""
    from tasks.encode.search import pair_scores

    documents = questions.documents.with_row_index("row")
    known = questions.positives.select("query_id", known="doc_id")
    rows = (
        questions.pairs.select(PAIR)
        .join(known, on="query_id", how="inner", maintain_order="left")
        .filter(pl.col("known") != pl.col("doc_id"))
        .join(documents.select(known="doc_id", left="row"), on="known", how="inner", maintain_order="left")
        .join(documents.select("doc_id", right="row"), on="doc_id", how="inner", maintain_order="left")
    )
    vectors = used.vectors([documents["full_text"].to_list()], "document", len(documents))
    scored = rows.select(*PAIR, grade=pl.Series(pair_scores(vectors, vectors, places(rows))))
    return scored.group_by(PAIR, maintain_order=True).agg(pl.col("grade").max())


def places(rows: pl.DataFrame) -> np.ndarray:
    """The columns left and right as an array [n, 2]."""
    return rows.select("left", "right").to_numpy().astype(np.int64)


def encoder_of(models: Models | None, name: str | None) -> Encoder:
    """The encoder of a name: `r0`, a teacher, or null for the round's starting model.

    Raises:
        Refused: no models are at hand, or this one was not pinned by `resolve`.
    """
    from tasks.encode.encoder import encoder_for

    if models is None:
        raise Refused("the judge encoder needs the models of a round, and none is at hand here.")
    if name == BASE:
        folder = Path("models") / BASE
        if not folder.is_dir():
            raise Refused(f"the judge encoder wants the base model {folder}, which is missing: `dvc repro start` makes it.")
        return encoder_for(folder, models.reading, models.machine, user=BASE)
    if name is not None and name not in models.teachers:
        raise Refused(
            f"the judge encoder names the model '{name}', which `resolve` has not seen: {nearest(name, [BASE, *models.teachers])}"
        )
    return models.encoder(name)


def identity(parameters: dict) -> dict:
    """What else decides its answers: the weights that a name leads to. The round's starting model is not known beforehand."""
    from tasks import params
    from tasks.encode.model import pinned

    name = parameters["model"]
    if name != BASE:
        return {} if name is None else {"model": pinned(name, parameters["revision"])}
    if not params.FILE.is_file():
        return {}
    base = params.read().model
    return {"model": pinned(base.name, base.revision), "max_length": base.max_length, "prompts": base.prompts.model_dump()}


def changes_with_round(parameters: dict[str, Any]) -> bool:
    """Whether it reads with the round's own starting model."""
    return parameters["model"] is None
