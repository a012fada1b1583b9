"""local: a GGUF chat model that runs on this machine and is queried like an endpoint; no text
leaves the machine.

RLHN's cheap judge (arXiv 2505.16967) with a local model. A model of 1.5 billion parameters is a
weak judge: measure it (`hone judge check`) before you rely on it.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import Annotated, Any, Literal

import polars as pl
from pydantic import Field

from hone.data.questions import Questions
from hone.judging import fingerprint as judge
from hone.judging.ask import Asking, ask, refuse_contradictions
from hone.judging.context import Desk
from hone.judging.few_shot import examples as similar
from hone.judging.prompt import load
from hone.llm import gguf
from hone.llm.completion import Endpoint
from hone.llm.local_model import Served

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
    """Verdicts of the model. It is loaded only if the judgment log lacks an answer.

    Args:
        questions: one block.
        desk: judgment log, budget, seed.
        fingerprint: of this judge.
        model: qwen2.5-coder-1.5b (see `make judge`), a path to a .gguf file, or
            owner/repository:file.gguf of the Hub. [Hone default]
        prompt: yes-no, yes-no-alone, yes-no-opposite, graded, pairwise, listwise, listwise-brief,
            or a file below inputs/. [Hone default]
        temperature: 0, so that a repeated question gets the same answer. [Hone default]
        max_tokens: maximum number of output tokens; null: 1 for yes or no with alternatives, 4 for
            a word, 2,048 for lists. [Hone default]
        structured: request JSON output; auto: for lists. [Hone default]
        logprobs: request the alternatives of the first token, which give probabilities. [Hone
            default]
        votes: number of answers per question; the majority verdict is used. Set a temperature at
            which answers vary. [Hone default]
        twice: repeat listwise prompts in another order; only verdicts on which both agree are used.
            [Hone default]
        swap: also send the inverted prompt (yes-no), and average. [Hone default]
        documents: maximum number of candidates per listwise prompt. [Hone default]
        known: maximum number of positives per prompt; each lengthens every prompt. [Hone default]
        examples: few-shot examples of a pairwise prompt. [Hone default]
        trim: maximum number of tokens per text (two cores read about 80 tokens per second). [Hone
            default]
        context: maximum number of tokens of prompt and completion. [Hone default]
        positive_from: minimum grade of a positive verdict. [Hone default]
        slots: concurrent prompts; more than one gains little on few cores and changes probabilities
            by up to 0.016 (another order of sums). [Hone default]
        threads: null: all cores. [Hone default]
        timeout: seconds per call. [Hone default]

    Returns:
        Verdicts: one row per pair.

    Raises:
        Refused: an unknown model or prompt, or contradictory settings.
    """
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
        "positive_from": positive_from,
    }
    where = Endpoint(
        url="http://127.0.0.1/v1",
        model=gguf.name_of(model),
        slots=slots,
        timeout=timeout,
        known_as="local",
    )
    with ExitStack() as stack:
        served = Served(model, stack, slots, context, threads)
        one_word = logprobs and loaded_prompt.kind == "yes-no" and structured != "always"
        how = Asking(
            temperature,
            max_tokens or (1 if one_word else None),
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
            complete=served.complete,
            base=None
            if votes == 1 and not twice and not swap
            else judge.fingerprint({"method": "local", "parameters": parameters | ONCE}),
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


def identity(parameters: dict[str, Any]) -> dict[str, Any]:
    """What else determines the answers: the model's checksum and the prompt file.

    Raises:
        Refused: an unknown model or prompt.
    """
    prompt = load(parameters["prompt"])
    refuse_contradictions(
        prompt, Asking(**{name: parameters[name] for name in ("temperature", *ONCE)})
    )
    more = {"opposite": load(prompt.opposite).fingerprint} if parameters["swap"] else {}
    return {"model": gguf.checksum(parameters["model"]), "prompt": prompt.fingerprint} | more


def missing(parameters: dict[str, Any]) -> str | None:
    """Why this judge cannot be used on this machine; null: it can."""
    return gguf.missing(parameters["model"])
