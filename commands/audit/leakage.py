"""Leakage from test to training: equal or near-duplicate queries, queries in two splits, shared
positives.
"""

from __future__ import annotations

import polars as pl

from commands.audit.dataset import Subject, with_same
from commands.audit.finding import LISTED, MAX_EXAMPLES, Example, Finding, cut
from hone.seeds import generator
from hone.text.alike import near_queries


def leakage(subject: Subject, test: Subject | None, seed: int, most: int) -> list[Finding]:
    """Findings on training queries that overlap with evaluation queries.

    Args:
        subject: the data, including its own dev and test queries.
        test: the data of `--test`: its dev and test queries, or all queries if it has no splits.
        seed: seed of the sample if there are more queries than `most`.
        most: largest number of queries to compare for near-duplicates.
    """
    training = subject.training.select("query", "same", "text", "split", name=name_query(subject))
    evaluation_queries = [
        subject.evaluation_queries.select("same", "text", "split", name=name_query(subject))
    ]
    answers = [
        with_same(
            subject.positives.join(
                subject.evaluation_queries.select("query"), on="query", how="semi"
            ),
            subject,
        )["document_same"]
    ]
    if test is not None:
        of_test = test.evaluation_queries if len(test.evaluation_queries) else test.queries
        evaluation_queries.append(
            of_test.select("same", "text", split=pl.lit(test.name), name=name_query(test))
        )
        answers.append(
            with_same(test.positives.join(of_test.select("query"), on="query", how="semi"), test)[
                "document_same"
            ]
        )
    against = (
        pl.concat(evaluation_queries)
        .filter(pl.col("same").is_not_null())
        .unique("same", keep="first", maintain_order=True)
    )
    if against.is_empty():
        return []
    exact = training.join(
        against.select("same", other="text", other_split="split", other_name="name"),
        on="same",
        how="inner",
        maintain_order="left",
    )
    rest = training.filter(pl.col("same").is_not_null()).join(
        against, on="same", how="anti", maintain_order="left"
    )
    nearly, note = near_queries(rest, against, generator(seed, "audit", "leakage"), most)
    known = with_same(subject.of_training(subject.positives), subject)
    shared = known.filter(pl.col("document_same").is_in(pl.concat(answers).drop_nulls().implode()))
    found = [
        Finding(
            name="test-queries",
            title="Training queries that are test or dev queries",
            count=len(exact),
            of=len(training),
            unit="training queries",
            harm="fix",
            means="The model is trained on evaluation queries, so its score is too high and does "
            "not apply to new queries.",
            cure="Remove them from training. `repeated_queries: leave-out` in params.yaml keeps "
            "the test copy (docs/how-to/collections.md).",
            examples=examples(exact),
            places=tuple(exact["name"].head(LISTED).to_list()),
        ),
        Finding(
            name="near-test-queries",
            title="Training queries that are near-duplicates of a test or dev query",
            count=len(nearly),
            of=len(training),
            unit="training queries",
            harm="fix",
            means="Near-duplicate queries usually share positives, so the score partly reflects "
            "memorization.",
            cure="Use Hone's split, which keeps near-duplicates together, or remove these queries "
            "from training.",
            examples=examples(nearly),
            places=tuple(nearly["name"].head(LISTED).to_list()),
            note=note,
        ),
        Finding(
            name="shared-answers",
            title="Training positives that are also positives of a test or dev query",
            count=len(shared),
            of=len(known),
            unit="training positives",
            harm="note",
            means="This is normal if all splits share a corpus (BEIR). The model has seen the "
            "document, but not the query.",
            cure="None, unless the test should measure retrieval of new documents.",
        ),
    ]
    if subject.kind == "collection":
        names = subject.in_two_splits
        found.append(
            Finding(
                name="two-splits",
                title="Queries with labels in two splits",
                count=len(names),
                of=len(subject.queries),
                unit="queries",
                harm="fix",
                means="Some positives of the query are used for training, others for evaluation. "
                "The stage `collect` rejects this.",
                cure="Keep each query's labels in one split.",
                places=tuple(names[:LISTED]),
                examples=tuple(Example(f"query {name}", ()) for name in names[:MAX_EXAMPLES]),
            )
        )
    return found


def name_query(subject: Subject) -> pl.Expr:
    """The name of a query: its line in a training file, or its id in a collection."""
    return pl.format("line {}", "row") if subject.kind == "triplets" else pl.col("query_id")


def examples(rows: pl.DataFrame) -> tuple[Example, ...]:
    return tuple(
        Example(
            f"{row['name']} and {row['other_name']} ({row['other_split']})",
            (
                ("Training query", cut(row["text"])),
                (f"Query of {row['other_split']}", cut(row["other"])),
            ),
        )
        for row in rows.head(MAX_EXAMPLES).to_dicts()
    )
