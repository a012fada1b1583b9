from __future__ import annotations

import polars as pl

from tasks.report.strata.unseen import unseen


def test_one_word_that_training_never_saw_is_enough():
    queries = pl.DataFrame(
        {
            "query_id": ["other form", "new word", "stop words"],
            "text": ["sorts the matrices", "sort a tensor", "is the of"],
        }
    )
    training = pl.DataFrame({"text": ["sorting by rows", "the matrix: matrices"]})
    assert unseen(queries, training, "english").rows() == [
        ("other form", "seen"),
        ("new word", "unseen"),
    ]
    assert set(unseen(queries, training, "none")["level"]) == {
        "unseen"
    }  # nothing is stemmed: "sorts" was not seen
