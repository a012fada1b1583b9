"""Ask a model to write: items become requests, answers become texts, and the ledger keeps both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from hone.generation.prompt import Example, WritingPrompt
from hone.generation.session import (
    FAULT,
    WRITTEN,
    WritingItem,
    WritingSession,
    WritingSettings,
    WritingWording,
)
from hone.llm.budget import Budget, JudgeBudget
from hone.llm.completion import Endpoint
from hone.llm.endpoint_state import habits
from hone.llm.ledger.ledger import Ledger, question_key
from hone.stage import say

ITEMS_PER_BLOCK = 2048  # whose prompts are in memory at once


@dataclass(frozen=True)
class WritingDesk:
    """The context of a generation run.

    Attributes:
        ledger: all texts so far; looked up before a model is asked.
        run: name of this run in the ledger.
        seed: from params.yaml.
        stage: the beginning of log lines.
        budget: limits of the stage.
        retry: count of attempts.
    """

    ledger: Ledger
    run: str
    seed: int
    stage: str
    budget: Budget | JudgeBudget = field(default_factory=Budget)
    retry: int = 0

    def log(self, message: str) -> None:
        """Write a log line."""
        say(f"{self.stage}: {message}")


def make_item(
    texts: Mapping[str, str], examples: Sequence[Example] = (), sample: int = 0
) -> WritingItem:
    """An item. Its key is a hash of the texts, the examples and the number of the sample, whatever
    the ids of the documents.
    """
    named = [part for name in sorted(texts) for part in (name, texts[name])]
    shown = [part for example in examples for tag_text in example for part in tag_text]
    key = question_key("generate", str(sample), (*named, "", *shown))
    return WritingItem(key, dict(texts), tuple(examples))


def ask_to_write(
    items: Sequence[WritingItem],
    desk: WritingDesk,
    fingerprint: str,
    endpoint: Endpoint,
    prompt: WritingPrompt,
    settings: WritingSettings,
    reported: str | list[str] | None = None,
) -> pl.DataFrame:
    """A model's answers to items. Items with the same texts are asked once.

    Args:
        items: any number; asked in blocks.
        desk: ledger, budget, seed.
        fingerprint: of model and prompt.
        endpoint: receives the requests.
        prompt: what is asked.
        settings: how it is asked.
        reported: the model name, or names, that completions must report; null: that of the first.

    Returns:
        item (row in `items`), kind (`text`, `cut text`, `fault`), text, answer: one row per item,
        in their order.

    Raises:
        Refused: the endpoint rejects the key or the model.
    """
    desk.ledger.describe(fingerprint, describe_writer(endpoint, prompt, settings))
    wording = WritingWording(prompt, settings, desk.seed, fingerprint, habits(endpoint).without)
    expected = reported or desk.ledger.reported(fingerprint)
    rows = pl.DataFrame(
        {"question": [item.key for item in items]}, schema={"question": pl.Binary}
    ).with_row_index("item")
    parts = [pl.DataFrame(schema=WRITTEN)]
    distinct = list({item.key: item for item in items}.values())
    for start in range(0, len(distinct), ITEMS_PER_BLOCK):
        block = {item.key: item for item in distinct[start : start + ITEMS_PER_BLOCK]}
        session = WritingSession(desk, fingerprint, endpoint, wording, expected)
        parts.append(session.write(block))
        expected = session.expected
    return (
        rows.join(pl.concat(parts), on="question", how="left", maintain_order="left")
        .with_columns(kind=pl.col("kind").fill_null(FAULT))
        .drop("question")
    )


def describe_writer(
    endpoint: Endpoint, prompt: WritingPrompt, settings: WritingSettings
) -> dict[str, object]:
    """The description of model and prompt that `hone judge log` shows."""
    return {
        "model": endpoint.model,
        "prompt": prompt.name,
        "version": prompt.header.version,
        "file": prompt.fingerprint,
        "temperature": settings.temperature,
        "task": "generate",
    }
