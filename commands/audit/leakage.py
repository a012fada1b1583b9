"""What training sees of test: queries that are the same or nearly, queries in two splits, shared answers."""

from __future__ import annotations

import polars as pl

from commands.audit.dataset import Subject, with_same
from commands.audit.finding import LISTED, SHOWN, Example, Finding, cut
from hone.seeds import generator
from hone.text.alike import near_queries


def leakage(subject: Subject, test: Subject | None, seed: int, most: int) -> list[Finding]:
    """Findings between training queries and those of test and dev.

    Args:
        subject: what is audited; its own dev and test queries count.
        test: what `--test` names: its dev and test queries count too, or all of them where it has no such splits.
        seed: of the draw where there are more queries than `most`.
        most: queries to look for near-duplicates in.
    """
    training = subject.training.select("query", "same", "text", "split", name=named(subject))
    asked = [subject.asked.select("same", "text", "split", name=named(subject))]
    answers = [with_same(subject.positives.join(subject.asked.select("query"), on="query", how="semi"), subject)["document_same"]]
    if test is not None:
        of_test = test.asked if len(test.asked) else test.queries
        asked.append(of_test.select("same", "text", split=pl.lit(test.name), name=named(test)))
        answers.append(with_same(test.positives.join(of_test.select("query"), on="query", how="semi"), test)["document_same"])
    against = pl.concat(asked).filter(pl.col("same").is_not_null()).unique("same", keep="first", maintain_order=True)
    if against.is_empty():
        return []
    exact = training.join(
        against.select("same", other="text", other_split="split", other_name="name"), on="same", how="inner", maintain_order="left"
    )
    rest = training.filter(pl.col("same").is_not_null()).join(against, on="same", how="anti", maintain_order="left")
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
            harm="mend",
            means="The model is trained on what it is asked: the score is too good, and says nothing of new queries.",
            cure="Take them out of training: `repeated_queries: leave-out` in params.yaml keeps the copy in test (docs/collections.md).",
            examples=examples(exact),
            places=tuple(exact["name"].head(LISTED).to_list()),
        ),
        Finding(
            name="near-test-queries",
            title="Training queries that are near-duplicates of a test or dev query",
            count=len(nearly),
            of=len(training),
            unit="training queries",
            harm="mend",
            means="Nearly the same question, usually with the same answer: part of the score is memory.",
            cure="Leave the split to Hone, which keeps near-duplicates together, or take these out of training.",
            examples=examples(nearly),
            places=tuple(nearly["name"].head(LISTED).to_list()),
            note=note,
        ),
        Finding(
            name="shared-answers",
            title="Training positives that also answer a test or dev query",
            count=len(shared),
            of=len(known),
            unit="training positives",
            harm="know",
            means="Usual where one corpus serves all splits (BEIR): the model has seen the document, not the question.",
            cure="Nothing, unless the test is meant to show how new documents are found.",
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
                harm="mend",
                means="Some of the query's answers are trained on and the others asked: `collect` refuses it.",
                cure="Keep each query's labels in one split.",
                places=tuple(names[:LISTED]),
                examples=tuple(Example(f"query {name}", ()) for name in names[:SHOWN]),
            )
        )
    return found


def named(subject: Subject) -> pl.Expr:
    """A query's name: its line in a training file, its id in a collection."""
    return pl.format("line {}", "row") if subject.kind == "triplets" else pl.col("query_id")


def examples(rows: pl.DataFrame) -> tuple[Example, ...]:
    return tuple(
        Example(
            f"{row['name']} and {row['other_name']} ({row['other_split']})",
            (("Training query", cut(row["text"])), (f"Query of {row['other_split']}", cut(row["other"]))),
        )
        for row in rows.head(SHOWN).to_dicts()
    )
