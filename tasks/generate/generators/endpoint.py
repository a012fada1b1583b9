"""endpoint: a chat model behind any server with OpenAI's protocol (vLLM, llama.cpp, Ollama, a
vendor).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import polars as pl
from pydantic import Field

from hone.files import fingerprint_of_file
from hone.generation.prompt import WritingPrompt
from hone.generation.session import WritingItem, WritingSettings
from hone.generation.write import WritingDesk, ask_to_write
from hone.llm import tokenizer as tokens
from hone.llm.completion import Endpoint
from hone.llm.prompt_file import below_inputs

HOW = frozenset({"url", "key", "plain_http", "slots", "timeout", "price", "batch"})


def endpoint(
    items: Sequence[WritingItem],
    desk: WritingDesk,
    prompt: WritingPrompt,
    fingerprint: str,
    *,
    url: str,
    model: str,
    key: str | None = None,
    plain_http: bool = False,
    temperature: Annotated[float, Field(ge=0, le=2)] | None = 0.7,
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None,
    max_tokens: Annotated[int, Field(ge=1, le=500_000)] | None = None,
    trim: Annotated[int, Field(ge=16)] | None = 512,
    context: Annotated[int, Field(ge=64)] | None = None,
    tokenizer: str | None = None,
    reported: str | list[str] | None = None,
    version: str | None = None,
    slots: Annotated[int, Field(ge=1, le=1_024)] = 32,
    timeout: Annotated[float, Field(gt=0, le=86_400)] = 120,
    price: dict[Literal["input", "output"], Annotated[float, Field(ge=0)]] | None = None,
    batch: bool = False,
) -> pl.DataFrame:
    """Texts of a model behind an OpenAI-compatible endpoint. Texts in the ledger are reused.

    Args:
        items: what is shown in each call.
        desk: ledger, budget, seed.
        prompt: what is asked.
        fingerprint: of this generator with the prompt.
        url: base address of the server, such as http://127.0.0.1:8080/v1.
        model: name of the model at the server.
        key: name of the environment variable that holds the key; null: no key is sent. [Hone
            default]
        plain_http: allow sending the key to another machine over `http://`. [Hone default]
        temperature: sampling temperature; null: not sent, for models without one. 0.7 as in
            Promptagator (arXiv 2209.11755). [survey]
        top_p: nucleus sampling; null: not sent. [Hone default]
        max_tokens: maximum number of output tokens; null: as the prompt says. [Hone default]
        trim: maximum number of tokens of each shown text; null: whole texts. [Hone default]
        context: maximum number of tokens of prompt and completion; texts are shortened until they
            fit. [Hone default]
        tokenizer: a model's tokenizer.json below inputs/; null: 4 bytes per token. [Hone default]
        reported: model name, or list of names of one model, that completions must report; null: the
            name in the first. [Hone default]
        version: any text; change it if another model answers under the same name. [Hone default]
        slots: maximum number of concurrent calls. [Hone default]
        timeout: seconds per call. [Hone default]
        price: per million tokens of input and output. [Hone default]
        batch: use the vendor's batch endpoint: slower, usually at half the price. [Hone default]

    Returns:
        item, kind, text, answer; see `ask_to_write`.

    Raises:
        Refused: a server that rejects the key or the model.
    """
    price = price or {}
    where = Endpoint(
        url=url,
        model=model,
        key=key,
        plain_http=plain_http,
        slots=slots,
        timeout=timeout,
        price_in=price.get("input", 0),
        price_out=price.get("output", 0),
        reported=tuple([reported] if isinstance(reported, str) else reported or ()),
        stage=desk.stage,
    )
    settings = WritingSettings(
        temperature,
        top_p,
        max_tokens,
        trim,
        context,
        tokens.of_file(tokenizer) if tokenizer else tokens.Estimated(),
        **sending(batch),
    )
    return ask_to_write(items, desk, fingerprint, where, prompt, settings, reported)


def sending(batch: bool) -> dict[str, Any]:
    """How requests reach the server, as settings; nothing for single calls."""
    if not batch:
        return {}
    from hone.llm.batch.runner import complete_in_batches

    return {"complete": complete_in_batches, "later": True}


def missing(parameters: dict[str, Any]) -> str | None:
    """Why this generator cannot be used here: its key is not set. Null: it can be used."""
    key = parameters["key"]
    return (
        None
        if key is None or os.environ.get(key)
        else f"the environment variable {key}, which holds its key, is not set"
    )


def identity(parameters: dict[str, Any]) -> dict[str, Any]:
    """What else determines the texts: the tokenizer, which cuts them."""
    if not parameters["tokenizer"]:
        return {}
    file = below_inputs(parameters["tokenizer"], "the tokenizer")
    return {"tokenizer": fingerprint_of_file(file)}


def model_name(parameters: dict[str, Any]) -> str:
    """The name of the model."""
    return parameters["model"]
