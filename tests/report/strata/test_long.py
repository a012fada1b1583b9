from __future__ import annotations

import polars as pl

from tasks.report.strata.long import long


def test_one_answer_that_is_read_to_its_end_is_enough():
    answers = pl.DataFrame(
        {"query_id": ["both", "both", "just", "over"], "doc_id": ["short", "long", "just", "long"]}
    )
    lengths = pl.DataFrame({"doc_id": ["short", "just", "long"], "tokens": [5, 96, 97]})
    assert dict(long(answers, lengths, 96).rows()) == {
        "both": "whole",
        "just": "whole",
        "over": "cut",
    }
