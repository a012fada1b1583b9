"""encoder: how alike a candidate and the known positives (or the query) are to a bi-encoder. A guide that costs nothing.

Its vectors come from the store, so that its verdicts are free and can be repeated: they are not recorded in the ledger.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import polars as pl

from hone.data.questions import Questions
from hone.encoders.round_encoders import encoder_of
from hone.errors import Refused
from hone.judging import verdicts
from hone.judging.verdicts import by_grade
from hone.layout import BASE, PAIR

if TYPE_CHECKING:
    from hone.encoders.encoder import Encoder
    from hone.judging.context import Desk

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
        questions: one block; positives are encoded as documents.
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
    from hone.encoders.search import pair_scores

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
    from hone.encoders.search import pair_scores

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


def identity(parameters: dict) -> dict:
    """What else decides its answers: the weights that a name leads to. The round's starting model is not known beforehand."""
    from hone.config import params
    from hone.encoders.model_folder import pinned

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
