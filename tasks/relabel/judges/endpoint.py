"""endpoint: a chat model behind any server with OpenAI's protocol (vLLM, llama.cpp, Ollama, a
vendor).

The listwise prompt with a cheap and then a strong model is RLHN's judge (arXiv 2505.16967).
"""

from __future__ import annotations

import os
from typing import Annotated, Any, Literal

import polars as pl
from pydantic import Field

from hone.data.questions import Questions
from hone.errors import Refused
from hone.files import fingerprint_of_file
from hone.judging import fingerprint as judge
from hone.judging.ask import Asking, ask, refuse_contradictions
from hone.judging.context import Desk
from hone.judging.few_shot import examples as similar
from hone.judging.prompt import load
from hone.llm import tokenizer as tokens
from hone.llm.completion import Endpoint
from hone.llm.prompt_file import below_inputs

MODEL_ROUTE = "prompt"
HOW = frozenset({"url", "key", "plain_http", "slots", "timeout", "price", "batch"})
PLAIN = {"votes": 1, "twice": False, "swap": False}  # each question is asked once
ONCE = PLAIN | {"version": None}


def endpoint(
    questions: Questions,
    desk: Desk,
    fingerprint: str,
    *,
    url: str,
    model: str,
    key: str | None = None,
    plain_http: bool = False,
    prompt: str = "listwise",
    temperature: Annotated[float, Field(ge=0, le=2)] | None = 0.1,
    max_tokens: Annotated[int, Field(ge=1, le=500_000)] | None = None,
    structured: Literal["auto", "always", "never"] = "auto",
    logprobs: bool = True,
    votes: Annotated[int, Field(ge=1, le=99)] = 1,
    twice: bool = False,
    swap: bool = False,
    documents: Annotated[int, Field(ge=1, le=1_000)] = 25,
    known: Annotated[int, Field(ge=1, le=1_000)] = 8,
    examples: Annotated[int, Field(ge=0, le=100)] = 3,
    trim: Annotated[int, Field(ge=16)] | None = 512,
    context: Annotated[int, Field(ge=64)] | None = None,
    tokenizer: str | None = None,
    positive_from: Annotated[float, Field(ge=0, le=3)] = 2,
    reported: str | list[str] | None = None,
    version: str | None = None,
    slots: Annotated[int, Field(ge=1, le=1_024)] = 32,
    timeout: Annotated[float, Field(gt=0, le=86_400)] = 120,
    price: dict[Literal["input", "output"], Annotated[float, Field(ge=0)]] | None = None,
    batch: bool = False,
) -> pl.DataFrame:
    """Verdicts of a model behind an OpenAI-compatible endpoint. Answers in the judgment log are
    reused.

    Args:
        questions: one block.
        desk: judgment log, budget, seed.
        fingerprint: of this judge.
        url: base address of the server, such as http://127.0.0.1:8080/v1.
        model: name of the model at the server.
        key: name of the environment variable that holds the key; null: no key is sent. [Hone
            default]
        plain_http: allow sending the key to another machine over `http://`, where the network can
            read it. [Hone default]
        prompt: listwise, listwise-brief, rlhn-cheap, rlhn-strong, graded, yes-no, yes-no-alone,
            yes-no-opposite, pairwise, or a file below inputs/. [Hone default]
        temperature: 0.1 (RLHN, paper and code); null: not sent, for models without one. [paper]
        max_tokens: maximum number of output tokens; null: 2,048 for lists (RLHN: 2,048 to 4,096), 4
            for one word. [Hone default]
        structured: request JSON output; auto: for lists, if the server supports it. [Hone default]
        logprobs: request the alternatives of the first token, which give probabilities; omitted if
            the server rejects them. [Hone default]
        votes: number of answers per question; the majority verdict is used. Set a temperature at
            which answers vary. [Hone default]
        twice: repeat listwise prompts in another order; only verdicts on which both agree are used.
            [Hone default]
        swap: also send the inverted prompt (yes-no), and average. [Hone default]
        documents: maximum number of candidates per listwise prompt; 25 (RLHN). [paper]
        known: maximum number of positives per prompt (RLHN shows all). [Hone default]
        examples: few-shot examples of a pairwise prompt. [Hone default]
        trim: maximum number of tokens per text; null: whole texts. [Hone default]
        context: maximum number of tokens of prompt and completion; texts are shortened until they
            fit. [Hone default]
        tokenizer: a model's tokenizer.json below inputs/; null: 4 bytes per token. [Hone default]
        positive_from: minimum grade of a positive verdict; 2. [Hone default]
        reported: model name, or list of names of one model, that completions must report; null: the
            name in the first. [Hone default]
        version: any text; change it if another model answers under the same name, so that it counts
            as another judge. [Hone default]
        slots: maximum number of concurrent calls. [Hone default]
        timeout: seconds per call. [Hone default]
        price: per million tokens of input and output. [Hone default]
        batch: use the vendor's batch endpoint: slower, usually at half the price. `price` is then
            the batch price. [Hone default]

    Returns:
        Verdicts: one row per pair.

    Raises:
        Refused: an unknown prompt, contradictory settings, or a server that rejects the key or the
            model.
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
    )
    loaded_prompt = load(prompt)
    parameters = {
        "model": model,
        "prompt": prompt,
        "temperature": temperature,
        "max_tokens": max_tokens,
        "structured": structured,
        "logprobs": logprobs,
        "documents": documents,
        "known": known,
        "examples": examples,
        "trim": trim,
        "context": context,
        "tokenizer": tokenizer,
        "positive_from": positive_from,
        "reported": reported,
        "version": version,
    }
    how = Asking(
        temperature,
        max_tokens,
        structured,
        logprobs,
        votes,
        twice,
        swap,
        documents,
        known,
        trim,
        context,
        positive_from,
        tokens.of_file(tokenizer) if tokenizer else tokens.Estimated(),
        reported,
        base=None
        if votes == 1 and not twice and not swap
        else judge.fingerprint({"method": "endpoint", "parameters": parameters | PLAIN}),
        version=version,
        **transport(batch),
    )
    return ask(
        questions,
        desk,
        fingerprint,
        where,
        loaded_prompt,
        how,
        similar(questions, desk, examples) if loaded_prompt.kind == "pairwise" else None,
    )


def transport(batch: bool) -> dict[str, Any]:
    """How requests reach the server, as settings of `Asking`; nothing for single calls."""
    if not batch:
        return {}
    from hone.llm.batch.runner import complete_in_batches

    return {"complete": complete_in_batches, "later": True}


def missing(parameters: dict[str, Any]) -> str | None:
    """Why this judge cannot be used here, as far as it shows without a call: its key is not set.
    Null: it can be used.
    """
    key = parameters["key"]
    return (
        None
        if key is None or os.environ.get(key)
        else f"the environment variable {key}, which holds its key, is not set"
    )


def identity(parameters: dict[str, Any]) -> dict[str, Any]:
    """What else determines the answers: the prompt files and the tokenizer.

    Raises:
        Refused: a missing or invalid prompt, or contradictory settings.
    """
    prompt = load(parameters["prompt"])
    asking = {name: parameters[name] for name in ("temperature", *PLAIN)}
    refuse_contradictions(prompt, Asking(**asking))
    reported = parameters["reported"]
    if reported is not None and (
        not reported or "" in (reported if isinstance(reported, list) else [reported])
    ):
        raise Refused(
            "`reported` is empty: name the model as the server's answers do, or leave it out."
        )
    more = {"prompt": prompt.fingerprint}
    if parameters["swap"]:
        more["opposite"] = load(prompt.opposite).fingerprint
    if parameters["tokenizer"]:
        more["tokenizer"] = fingerprint_of_file(
            below_inputs(parameters["tokenizer"], "the tokenizer")
        )
    return more
