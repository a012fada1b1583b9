"""local: a GGUF chat model that runs on this machine; no text leaves the machine."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from typing import Annotated, Any

import polars as pl
from pydantic import Field

from hone.generation.prompt import WritingPrompt
from hone.generation.session import WritingItem, WritingSettings
from hone.generation.write import WritingDesk, ask_to_write
from hone.llm import gguf
from hone.llm.completion import Endpoint
from hone.llm.local_model import Served

HOW = frozenset({"threads", "timeout"})


def local(
    items: Sequence[WritingItem],
    desk: WritingDesk,
    prompt: WritingPrompt,
    fingerprint: str,
    *,
    model: str = "qwen2.5-coder-1.5b",
    temperature: Annotated[float, Field(ge=0, le=2)] = 0.7,
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None,
    max_tokens: Annotated[int, Field(ge=1, le=500_000)] | None = None,
    trim: Annotated[int, Field(ge=16)] = 192,
    context: Annotated[int, Field(ge=256)] = 2048,
    slots: Annotated[int, Field(ge=1, le=1_024)] = 2,
    threads: Annotated[int, Field(ge=1, le=1_024)] | None = None,
    timeout: Annotated[float, Field(gt=0, le=86_400)] = 600,
) -> pl.DataFrame:
    """Texts of the model. It is loaded only if the ledger lacks one.

    Args:
        items: what is shown in each call.
        desk: ledger, budget, seed.
        prompt: what is asked.
        fingerprint: of this generator with the prompt.
        model: qwen2.5-coder-1.5b (see `make judge`), a path to a .gguf file, or
            owner/repository:file.gguf of the Hub. [Hone default]
        temperature: sampling temperature. Each call has its own seed. [Hone default]
        top_p: nucleus sampling; null: the server's default. [Hone default]
        max_tokens: maximum number of output tokens; null: as the prompt says. [Hone default]
        trim: maximum number of tokens of each shown text, at 4 bytes per token. The time of a call
            grows with it. [Hone default]
        context: maximum number of tokens of prompt and completion. [Hone default]
        slots: concurrent calls. Two are faster than one on two cores. The number changes the sums,
            and so the texts. [Hone default]
        threads: null: all cores. [Hone default]
        timeout: seconds per call. [Hone default]

    Returns:
        item, kind, text, answer; see `ask_to_write`.

    Raises:
        Refused: an unknown model.
    """
    where = Endpoint(
        url="http://127.0.0.1/v1",
        model=gguf.name_of(model),
        slots=slots,
        timeout=timeout,
        known_as="local",
        stage=desk.stage,
    )
    with ExitStack() as stack:
        served = Served(model, stack, slots, context, threads)
        settings = WritingSettings(
            temperature, top_p, max_tokens, trim, context, complete=served.complete
        )
        return ask_to_write(items, desk, fingerprint, where, prompt, settings)


def identity(parameters: dict[str, Any]) -> dict[str, Any]:
    """What else determines the texts: the model's checksum."""
    return {"model": gguf.checksum(parameters["model"])}


def missing(parameters: dict[str, Any]) -> str | None:
    """Why this generator cannot be used on this machine; null: it can."""
    return gguf.missing(parameters["model"])


def model_name(parameters: dict[str, Any]) -> str:
    """The name of the model."""
    return gguf.name_of(parameters["model"])
