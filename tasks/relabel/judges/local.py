"""local: a chat model in GGUF that runs on this machine, asked as an endpoint is; no answer leaves it.

RLHN's cheap judge (arXiv 2505.16967) with a model of one's own. A model of 1.5 billion parameters is a weak judge: measure it
(`hone judge check`) before you believe it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import polars as pl
from pydantic import Field

from hone.data.questions import Questions
from hone.encoders.device_lock import torch_lock
from hone.judging import fingerprint as judge
from hone.judging.ask import Asking, ask, refuse_contradictions
from hone.judging.context import Desk
from hone.judging.few_shot import examples as similar
from hone.judging.prompt import load
from hone.llm import client, gguf, llama_server
from hone.llm.budget import Budget
from hone.llm.client import Call, Endpoint, Reply

MODEL_ROUTE = "prompt"
HOW = frozenset({"slots", "threads", "timeout"})
ONCE = {"votes": 1, "twice": False, "swap": False}


def local(
    questions: Questions,
    desk: Desk,
    fingerprint: str,
    *,
    model: str = "qwen2.5-coder-1.5b",
    prompt: str = "yes-no",
    temperature: Annotated[float, Field(ge=0, le=2)] = 0.0,
    max_tokens: Annotated[int, Field(ge=1, le=500_000)] | None = None,
    structured: Literal["auto", "always", "never"] = "auto",
    logprobs: bool = True,
    votes: Annotated[int, Field(ge=1, le=99)] = 1,
    twice: bool = False,
    swap: bool = False,
    documents: Annotated[int, Field(ge=1, le=1_000)] = 10,
    known: Annotated[int, Field(ge=1, le=1_000)] = 1,
    examples: Annotated[int, Field(ge=0, le=100)] = 3,
    trim: Annotated[int, Field(ge=16)] = 256,
    context: Annotated[int, Field(ge=256)] = 4096,
    positive_from: Annotated[float, Field(ge=0, le=3)] = 2,
    slots: Annotated[int, Field(ge=1, le=1_024)] = 1,
    threads: Annotated[int, Field(ge=1, le=1_024)] | None = None,
    timeout: Annotated[float, Field(gt=0, le=86_400)] = 600,
) -> pl.DataFrame:
    """What the model says of each pair; it is loaded only if the ledger lacks an answer.

    Args:
        questions: one block.
        desk: ledger, budget, seed.
        fingerprint: of this judge.
        model: qwen2.5-coder-1.5b (`make judge` brings it), a path to a .gguf file, or owner/repository:file.gguf of the Hub. [Hone default]
        prompt: yes-no, yes-no-alone, yes-no-opposite, graded, pairwise, listwise, listwise-brief, or a file below inputs/. [Hone default]
        temperature: 0, so that the same question has the same answer. [Hone default]
        max_tokens: room for an answer; null: 1 for yes or no, whose alternatives say enough, 4 for a word, 2,048 for lists. [Hone default]
        structured: hold the model to JSON; auto: lists. [Hone default]
        logprobs: ask for the first token's alternatives, which give probabilities. [Hone default]
        votes: answers to each question; the majority counts. Use a temperature that makes them differ. [Hone default]
        twice: ask listwise again in another order; only what both say counts. [Hone default]
        swap: ask the opposite question too (yes-no), and take the mean. [Hone default]
        documents: candidates of one listwise prompt. [Hone default]
        known: known answers shown; each costs its length in every prompt. [Hone default]
        examples: worked comparisons of a pairwise prompt. [Hone default]
        trim: tokens that each text is cut to (two cores read some 80 tokens a second). [Hone default]
        context: tokens of prompt and answer together. [Hone default]
        positive_from: grade from which on a candidate counts as found. [Hone default]
        slots: prompts at once; more than one gains little on few cores, and moves probabilities by up to .016 (sums in another order).
            [Hone default]
        threads: null: all cores. [Hone default]
        timeout: seconds for one call. [Hone default]

    Returns:
        verdicts: one row for each pair.

    Raises:
        Refused: no such model or prompt, or settings that do not go together.
    """
    asked = load(prompt)
    parameters = {
        "model": model, "prompt": prompt, "temperature": temperature, "max_tokens": max_tokens, "structured": structured,
        "logprobs": logprobs, "documents": documents, "known": known, "examples": examples, "trim": trim, "context": context,
        "positive_from": positive_from,
    }  # fmt: skip
    where = Endpoint(url="http://127.0.0.1/v1", model=gguf.name_of(model), slots=slots, timeout=timeout, known_as="local")
    with ExitStack() as stack:
        served = Served(model, stack, slots, context, threads)
        one_word = logprobs and asked.kind == "yes-no" and structured != "always"
        how = Asking(
            temperature, max_tokens or (1 if one_word else None), structured, logprobs, votes, twice, swap, documents, known,
            trim, context, positive_from, send=served.send,
            base=None if votes == 1 and not twice and not swap else judge.fingerprint({"method": "local", "parameters": parameters | ONCE}),
        )  # fmt: skip
        return ask(
            questions, desk, fingerprint, where, asked, how, similar(questions, desk, examples) if asked.kind == "pairwise" else None
        )


@dataclass
class Served:
    """A server of a model that is started for the first call, and not at all where there is none."""

    model: str
    stack: ExitStack
    slots: int
    context: int
    threads: int | None
    running: llama_server.Running | None = field(default=None, init=False)

    def send(
        self, endpoint: Endpoint, calls: Iterable[Call], budget: Budget, on_reply: Callable[[Reply], None], expected: str | None = None
    ) -> None:
        """Make calls, as `client.ask_all` does."""
        calls = iter(calls)
        first = list(islice(calls, 1))
        if not first:
            return
        if self.running is None:
            file = gguf.file_of(self.model)
            self.stack.enter_context(torch_lock())  # two users of the processor's cores are slower than one after the other
            self.running = self.stack.enter_context(
                llama_server.serving(file, slots=self.slots, context=self.context, threads=self.threads, name=endpoint.model)
            )
            # Calls take keys from variables; one of its own for each server, for two may run at once.
            self.stack.callback(os.environ.pop, self.variable, None)
            os.environ[self.variable] = self.running.key
        client.ask_all(replace(endpoint, url=self.running.url, key=self.variable), chain(first, calls), budget, on_reply, expected)

    @property
    def variable(self) -> str:
        """The variable that holds the server's key."""
        return f"HONE_LOCAL_KEY_{urlsplit(self.running.url).port}"


def identity(parameters: dict[str, Any]) -> dict[str, Any]:
    """What else decides the answers: the model's checksum and the prompt's file.

    Raises:
        Refused: there is no such model or prompt.
    """
    prompt = load(parameters["prompt"])
    refuse_contradictions(prompt, Asking(**{name: parameters[name] for name in ("temperature", *ONCE)}))
    more = {"opposite": load(prompt.opposite).fingerprint} if parameters["swap"] else {}
    return {"model": gguf.checksum(parameters["model"]), "prompt": prompt.fingerprint} | more


def missing(parameters: dict[str, Any]) -> str | None:
    """Why this judge cannot work on this machine; null when it can."""
    return gguf.missing(parameters["model"])
