"""people: a person's verdicts on an annotation sheet (`hone annotate`), from the judgment
log.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import polars as pl
from pydantic import Field

from hone.data.questions import Questions
from hone.judging import verdicts
from hone.layout import PAIR

if TYPE_CHECKING:
    from hone.judging.context import Desk

NAME = r"^[A-Za-z0-9][A-Za-z0-9_.@-]*$"


def people(
    questions: Questions, desk: Desk, fingerprint: str, *, who: Annotated[str, Field(pattern=NAME)]
) -> pl.DataFrame:
    """A person's recorded verdict on every pair.

    The question for a person is query and candidate. The labelled positive on the sheet is only an
    aid. It is not part of the key by which the judgment log finds the verdict.

    Args:
        questions: one block.
        desk: the judgment log.
        fingerprint: of this judge, the same for all sheets of one person.
        who: the name under which the sheet was imported.

    Returns:
        Verdicts without grade and probability; unknown if the person was unsure or has not judged
        the pair.
    """
    from hone.llm.ledger.ledger import question_key

    queries, documents = questions.query_texts, questions.document_texts
    keys = [
        question_key(queries[query], documents[doc])
        for query, doc in questions.pairs.select(PAIR).iter_rows()
    ]
    keyed_pairs = questions.pairs.select(*PAIR, question=pl.Series(keys, dtype=pl.Binary))
    # Unsure is an answer that does not change when repeated, so it counts whatever
    # `hone judge retry` sets.
    found = keyed_pairs.join(
        desk.ledger.find(fingerprint, keys, 0), on="question", how="left", maintain_order="left"
    )
    silent = pl.col("verdict").is_null()
    return verdicts.verdicts(
        found.with_columns(
            verdict=pl.col("verdict").cast(pl.String).fill_null("unknown"),
            reason=pl.when(silent).then(pl.lit(f"not judged by {who} yet")).otherwise("reason"),
            fingerprint=pl.lit(fingerprint),
        )
    )
