"""A writer: one generator that a recipe's methods ask for texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from hone.config import methods
from hone.data.unknown_reasons import ITS_FAULT, kind
from hone.errors import Refused
from hone.generation import generators
from hone.generation.prompt import Example, WritingPrompt, load
from hone.generation.session import CUT, FAULT, WritingItem
from hone.generation.write import WritingDesk, make_item

STOPPED = "stopped"  # after another call's fault, which is the better explanation
UNANSWERED = (*ITS_FAULT, STOPPED, "cut")  # faults after which the same call may succeed


@dataclass(frozen=True)
class WrittenTexts:
    """The texts that a model wrote for the rows of a table.

    Attributes:
        texts: row (of the table), number (of the text in the answer, from 0), and a column for
            each field of the prompt (`text`, unless the answer is JSON).
        failed: row, rule, detail of the rows without a text.
        origin: prompt, its version, and the model.
    """

    texts: pl.DataFrame
    failed: pl.DataFrame
    origin: str

    def of(self, doc_ids: pl.Series) -> pl.DataFrame:
        """The texts with the doc_id of each row of the table."""
        return self.texts.with_columns(doc_id=doc_ids.gather(self.texts["row"]))

    def removed(self, doc_ids: pl.Series) -> pl.DataFrame:
        """The rows without a text, as the table `removed`."""
        return self.failed.select(
            pl.lit(None, dtype=pl.String).alias("query_id"),
            doc_ids.gather(self.failed["row"]).alias("doc_id"),
            "rule",
            "detail",
        )


@dataclass
class Writer:
    """A generator, and the context in which it writes.

    Attributes:
        line: method and parameters of the generator, with addresses and prices.
        desk: ledger, budget, seed.
        answers: numbers of the answers in the ledger that this run has used.
    """

    line: dict[str, Any]
    desk: WritingDesk
    answers: list[int] = field(default_factory=list)

    def write(
        self,
        prompt: str,
        table: pl.DataFrame,
        examples: Sequence[Sequence[Example]] | None = None,
        sample: int = 0,
    ) -> WrittenTexts:
        """Ask for a text for each row of a table.

        Args:
            prompt: name of a prompt, or its path below inputs/.
            table: a column for each text that the prompt shows, such as `document` and `query`.
            examples: worked examples of each row; null: none.
            sample: number of the sample. Another number asks again for other texts.

        Raises:
            Refused: the endpoint answers some calls with failures that may pass. Texts that were
                received are in the ledger, so the next run asks only for the others.
        """
        loaded = load(prompt)
        items = make_items(loaded, table, examples, sample)
        fingerprint = generators.fingerprint_of(self.line, loaded)
        answered = methods.find(generators.PLACE, self.line["method"])(
            self.line["parameters"],
            items=items,
            desk=self.desk,
            prompt=loaded,
            fingerprint=fingerprint,
        )
        self.answers += answered["answer"].drop_nulls().to_list()
        refuse_failed(answered, self.desk.stage)
        return read_answers(answered, loaded, self.origin(loaded))

    def origin(self, prompt: WritingPrompt) -> str:
        """Prompt, version and model."""
        return f"{prompt.label} {generators.model_name(self.line)}"


def make_items(
    prompt: WritingPrompt,
    table: pl.DataFrame,
    examples: Sequence[Sequence[Example]] | None,
    sample: int,
) -> list[WritingItem]:
    """The calls for the rows of a table; see `Writer.write`."""
    shown = table.select(*prompt.header.shows, *prompt.sets)
    return [
        make_item(texts, () if examples is None else examples[row], sample)
        for row, texts in enumerate(shown.iter_rows(named=True))
    ]


def refuse_failed(answered: pl.DataFrame, stage: str) -> None:
    """Raise Refused if calls failed in a way that may pass."""
    faults = answered.filter(pl.col("kind") == FAULT)["text"].fill_null("stopped: no answer")
    flags = [kind(fault) in UNANSWERED for fault in faults]
    passing = faults.filter(pl.Series(flags, dtype=pl.Boolean))
    if len(passing):
        reason = next((fault for fault in passing if kind(fault) != STOPPED), passing[0])
        raise Refused(
            f"{stage}: {len(passing):,} of {len(answered):,} texts could not be written: "
            f"{reason}. {len(answered) - len(faults):,} texts are stored. Check the generator, "
            "and run the stage again: only the missing ones are requested."
        )


def read_answers(answered: pl.DataFrame, prompt: WritingPrompt, origin: str) -> WrittenTexts:
    """The texts in answers, and the rows without one.

    Args:
        answered: item, kind, text of each row.
        prompt: decides the format.
        origin: of the texts.
    """
    fields = prompt.fields
    found, failed = [], []
    for row, how, text in answered.select("item", "kind", "text").iter_rows():
        if how == FAULT:
            failed.append((row, kind(text or "stopped").replace(" ", "-"), text))
            continue
        texts = prompt.parse(text, cut=how == CUT)
        found += [
            (row, number, *(one[name] for name in fields)) for number, one in enumerate(texts)
        ]
        if not texts:
            rule = "incomplete" if how == CUT else "no-text"
            failed.append((row, rule, describe_answer(text, how)))
    schema = {"row": pl.UInt32, "number": pl.UInt32} | dict.fromkeys(fields, pl.String)
    return WrittenTexts(
        pl.DataFrame(found, schema=schema, orient="row"),
        pl.DataFrame(
            failed, schema={"row": pl.UInt32, "rule": pl.String, "detail": pl.String}, orient="row"
        ),
        origin,
    )


def describe_answer(text: str, how: str) -> str:
    """Why an answer has no text."""
    if how == CUT:
        return "the answer ended at its limit before a text was complete"
    shown = " ".join(text.split())[:80]
    return f"the answer has no text in the requested format: {shown!r}" if shown else "empty answer"
