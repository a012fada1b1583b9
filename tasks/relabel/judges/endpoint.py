"""endpoint: a chat model behind any server that speaks OpenAI's protocol (vLLM, llama.cpp, Ollama, a vendor).

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
from hone.judging.prompt import below_inputs, load
from hone.llm import tokenizer as tokens
from hone.llm.client import Endpoint

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
    """What the model says of each pair; the ledger's answers are taken first.

    Args:
        questions: one block.
        desk: ledger, budget, seed.
        fingerprint: of this judge.
        url: of the server, such as http://127.0.0.1:8080/v1.
        model: as the server calls it.
        key: name of the environment variable that has the key; null: the server wants none. [Hone default]
        plain_http: allow `http://` to another machine although the network can then read the key. [Hone default]
        prompt: listwise, listwise-brief, rlhn-cheap, rlhn-strong, graded, yes-no, yes-no-alone, yes-no-opposite, pairwise, or a file below
            inputs/. [Hone default]
        temperature: .1 (RLHN, paper and code); null: not sent, for models that take none. [paper]
        max_tokens: room for an answer; null: 2,048 for lists (RLHN: 2,048 to 4,096), 4 for one word. [Hone default]
        structured: hold the server to JSON; auto: lists, and only if the server knows how. [Hone default]
        logprobs: ask for the first token's alternatives, which give probabilities; left out if the server refuses them. [Hone default]
        votes: answers to each question; the majority counts. Use a temperature that makes them differ. [Hone default]
        twice: ask listwise again in another order; only what both say counts. [Hone default]
        swap: ask the opposite question too (yes-no), and take the mean. [Hone default]
        documents: candidates of one listwise prompt; 25 (RLHN). [paper]
        known: known answers shown at most (RLHN shows all). [Hone default]
        examples: worked comparisons of a pairwise prompt. [Hone default]
        trim: tokens that each text is cut to; null: whole texts. [Hone default]
        context: tokens of prompt and answer together; texts are cut further until they fit. [Hone default]
        tokenizer: a model's tokenizer.json below inputs/; null: 4 bytes are a token. [Hone default]
        positive_from: grade from which on a candidate counts as found; 2. [Hone default]
        reported: model name that answers must carry, or a list of names of one model; null: that of the first answer. [Hone default]
        version: any text; change it when another model answers under the same name, and it is another judge. [Hone default]
        slots: calls at once, at most. [Hone default]
        timeout: seconds for one call. [Hone default]
        price: money per million tokens of input and output. [Hone default]
        batch: use the vendor's batch endpoint: slower, half the price as a rule; `price` is then the batch's, nothing is halved here. [Hone
            default]

    Returns:
        verdicts: one row for each pair.

    Raises:
        Refused: no such prompt, settings that do not go together, or a server that refuses the key or the model.
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
    asked = load(prompt)
    parameters = {
        "model": model, "prompt": prompt, "temperature": temperature, "max_tokens": max_tokens, "structured": structured,
        "logprobs": logprobs, "documents": documents, "known": known, "examples": examples, "trim": trim, "context": context,
        "tokenizer": tokenizer, "positive_from": positive_from, "reported": reported, "version": version,
    }  # fmt: skip
    how = Asking(
        temperature, max_tokens, structured, logprobs, votes, twice, swap, documents, known, trim, context, positive_from,
        tokens.of_file(tokenizer) if tokenizer else tokens.Estimated(), reported,
        base=None if votes == 1 and not twice and not swap else judge.fingerprint({"method": "endpoint", "parameters": parameters | PLAIN}),
        version=version,
        **sender(batch),
    )  # fmt: skip
    return ask(questions, desk, fingerprint, where, asked, how, similar(questions, desk, examples) if asked.kind == "pairwise" else None)


def sender(batch: bool) -> dict[str, Any]:
    """What puts calls to the server, where it is not one call at a time."""
    if not batch:
        return {}
    from hone.llm.batch.runner import ask_batch

    return {"send": ask_batch, "later": True}


def missing(parameters: dict[str, Any]) -> str | None:
    """Why this judge cannot work here, as far as it can be seen without a call: its key is not set; null when it can."""
    key = parameters["key"]
    return None if key is None or os.environ.get(key) else f"the environment variable {key}, which holds its key, is not set"


def identity(parameters: dict[str, Any]) -> dict[str, Any]:
    """What else decides the answers: the prompts' files and the tokenizer.

    Raises:
        Refused: a prompt that is not there or cannot be meant, settings that do not go together.
    """
    prompt = load(parameters["prompt"])
    asked = {name: parameters[name] for name in ("temperature", *PLAIN)}
    refuse_contradictions(prompt, Asking(**asked))
    reported = parameters["reported"]
    if reported is not None and (not reported or "" in (reported if isinstance(reported, list) else [reported])):
        raise Refused("`reported` is empty: name the model as the server's answers do, or leave it out.")
    more = {"prompt": prompt.fingerprint}
    if parameters["swap"]:
        more["opposite"] = load(prompt.opposite).fingerprint
    if parameters["tokenizer"]:
        more["tokenizer"] = fingerprint_of_file(below_inputs(parameters["tokenizer"], "the tokenizer"))
    return more
