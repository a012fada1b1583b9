"""encoder: similarity of a candidate to the labelled positives (or to the query) by a bi-encoder. A
free judge.

Its vectors come from the embedding cache, so its verdicts are free and reproducible. They are not
recorded in the judgment log.
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

# Minimum cosines of a positive verdict [Hone default]; measure them on each collection
# (`hone judge check`).
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
    """A verdict on every pair by similarity: cosine or inner product, whichever the model uses.

    With `to: positives`, the grade is the highest similarity to a labelled positive [Hone default].
    A candidate needs to repeat only one of them. A mean would fall with every positive about
    another aspect of the query. A labelled positive is never compared with itself.

    Args:
        questions: one block; positives are encoded as documents.
        desk: source of encoders.
        fingerprint: of this judge.
        to: what a candidate is compared with. [Hone default]
        model: a teacher, or `r0` for the base model; null: the round's starting model. That model
            changes with each round, and so does the meaning of a grade. The base model is more
            stable. [Hone default]
        revision: of a teacher from the Hub. [Hone default]
        threshold: minimum similarity of a positive verdict; null: 0.8 to the positives, 0.7 to the
            query. [Hone default]

    Returns:
        Verdicts with the similarity as `grade` and no probability; unknown if there is nothing to
        compare with.

    Raises:
        Refused: no models are available, or the model does not use cosine and has no threshold.
    """
    if questions.pairs.is_empty():
        return verdicts.empty()
    used = encoder_of(desk.models, model)
    if threshold is None and used.similarity != "cosine":
        raise Refused(
            f"the judge encoder needs a `threshold`: {model or 'the model'} uses inner products, "
            "and the default is for cosines."
        )
    bound = THRESHOLDS[to] if threshold is None else threshold
    graded = {"query": to_query, "positives": to_positives}[to](questions, used)
    missing = (
        "there is no labelled positive to compare it with"
        if to == "positives"
        else "its text is missing"
    )
    found = questions.pairs.select(PAIR).join(graded, on=PAIR, how="left", maintain_order="left")
    reason = (
        pl.when(pl.col("grade").is_null())
        .then(pl.lit(missing))
        .when(~pl.col("grade").is_finite())
        .then(pl.lit("no number"))
    )
    return verdicts.verdicts(
        by_grade(
            found.with_columns(reason=reason, bound=pl.lit(bound), fingerprint=pl.lit(fingerprint))
        )
    )


def to_query(questions: Questions, used: Encoder) -> pl.DataFrame:
    """query_id, doc_id and `grade`, the similarity of each candidate to its query."""
    from hone.encoders.search import pair_scores

    queries, documents = (
        questions.queries.with_row_index("left"),
        questions.documents.with_row_index("right"),
    )
    rows = (
        questions.pairs.select(PAIR)
        .join(queries.select("query_id", "left"), on="query_id", how="inner", maintain_order="left")
        .join(documents.select("doc_id", "right"), on="doc_id", how="inner", maintain_order="left")
    )
    query_vectors = used.queries(queries["text"].to_list())
    document_vectors = used.vectors([documents["full_text"].to_list()], "document", len(documents))
    return rows.select(
        *PAIR, grade=pl.Series(pair_scores(query_vectors, document_vectors, places(rows)))
    )


def to_positives(questions: Questions, used: Encoder) -> pl.DataFrame:
    """query_id, doc_id and `grade`, the similarity of each candidate to its most similar
    labelled positive.
    """
    from hone.encoders.search import pair_scores

    documents = questions.documents.with_row_index("row")
    known = questions.positives.select("query_id", known="doc_id")
    rows = (
        questions.pairs.select(PAIR)
        .join(known, on="query_id", how="inner", maintain_order="left")
        .filter(pl.col("known") != pl.col("doc_id"))
        .join(
            documents.select(known="doc_id", left="row"),
            on="known",
            how="inner",
            maintain_order="left",
        )
        .join(
            documents.select("doc_id", right="row"), on="doc_id", how="inner", maintain_order="left"
        )
    )
    vectors = used.vectors([documents["full_text"].to_list()], "document", len(documents))
    scored = rows.select(*PAIR, grade=pl.Series(pair_scores(vectors, vectors, places(rows))))
    return scored.group_by(PAIR, maintain_order=True).agg(pl.col("grade").max())


def places(rows: pl.DataFrame) -> np.ndarray:
    """The columns left and right as an array [n, 2]."""
    return rows.select("left", "right").to_numpy().astype(np.int64)


def identity(parameters: dict) -> dict:
    """What else determines its answers: the weights of a named model. The round's starting model
    is not known beforehand.
    """
    from hone.config import params
    from hone.encoders.model_folder import pinned

    name = parameters["model"]
    if name != BASE:
        return {} if name is None else {"model": pinned(name, parameters["revision"])}
    if not params.FILE.is_file():
        return {}
    base = params.read().model
    return {
        "model": pinned(base.name, base.revision),
        "max_length": base.max_length,
        "prompts": base.prompts.model_dump(),
    }


def changes_with_round(parameters: dict[str, Any]) -> bool:
    """Whether it uses the round's starting model."""
    return parameters["model"] is None
