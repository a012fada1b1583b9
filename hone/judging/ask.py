"""Query an LLM judge with prompts: each question once per variant (votes, two orders, inverted
prompt), from the ledger where possible.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby

import polars as pl

from hone.data.questions import Questions
from hone.errors import Refused
from hone.judging import fingerprint as identity
from hone.judging import votes
from hone.judging.context import Desk
from hone.judging.prompt import Example, Prompt, load
from hone.judging.requests import Asking, Item, Wording
from hone.judging.session import Session
from hone.judging.verdicts import verdicts
from hone.layout import PAIR
from hone.llm.completion import Endpoint
from hone.llm.endpoint_state import habits
from hone.llm.ledger.ledger import question_key
from hone.seeds import seed_of

NO_POSITIVE = "the prompt shows labelled positives and the query has none"


def ask(
    questions: Questions,
    desk: Desk,
    fingerprint: str,
    endpoint: Endpoint,
    prompt: Prompt,
    settings: Asking | None = None,
    examples: dict[str, list[Example]] | None = None,
) -> pl.DataFrame:
    """Verdicts on every pair, from the ledger where possible.

    Args:
        questions: one block, small enough for memory.
        desk: ledger, budget, seed, attempt.
        fingerprint: of the judge.
        endpoint: receives the requests.
        prompt: the question.
        settings: how the judge is queried.
        examples: of a pairwise prompt: query, better and worse passage, by query_id.

    Returns:
        One row per pair, in their order. Cost, tokens and text of an answer are in its first row
        only.

    Raises:
        Refused: contradictory settings, or an endpoint that rejects the key or the model.
    """
    settings = settings or Asking()
    refuse_contradictions(prompt, settings)
    keys, items = questions_by_key(questions, prompt, settings.known, examples or {})
    endpoint = replace(endpoint, stage=desk.stage)
    frames = []
    base = settings.base or fingerprint
    expected = settings.reported
    for name, way in ways(prompt, settings):
        judge = identity.variant(base, name) if name else base
        desk.ledger.describe(judge, description(endpoint, way, settings, name))
        seed = seed_of(desk.seed, judge) >> 1  # some servers read a seed as a signed number
        wording = Wording(way, settings, seed, habits(endpoint).without)
        session = Session(
            desk,
            judge,
            endpoint,
            wording,
            expected or desk.ledger.reported(base) or desk.ledger.reported(judge),
        )
        frames.append(in_rows(questions.pairs, keys, session.answer(items)))
        expected = session.expected
    tally = desk.tallies.setdefault(fingerprint, votes.Tally())
    if settings.votes > 1:
        combined = votes.voted(frames, tally)
    elif settings.twice:
        combined = votes.agreed(frames, "the two orders disagree")
    elif settings.swap:
        combined = votes.averaged(frames, tally)
    else:
        combined = frames[0]
    return verdicts(combined.with_columns(fingerprint=pl.lit(fingerprint)))


def refuse_contradictions(prompt: Prompt, settings: Asking) -> None:
    """Raises Refused for settings that contradict each other."""
    if sum((settings.votes > 1, settings.twice, settings.swap)) > 1:
        raise Refused("`votes`, `twice` and `swap` exclude each other: set one of them.")
    if settings.votes > 1 and not settings.temperature:
        raise Refused(
            f"{settings.votes} votes at temperature 0 repeat one answer: set a temperature such "
            "as 0.7."
        )
    if settings.twice and prompt.kind != "listwise":
        raise Refused(
            f"`twice` changes the order of documents, but the prompt {prompt.name} shows one: use "
            "`votes` or `swap`."
        )
    if settings.swap and prompt.opposite is None:
        raise Refused(
            "`swap` needs a prompt whose header names its `opposite`, as yes-no does; "
            f"{prompt.name} does not."
        )
    if settings.swap and load(prompt.opposite).inverted == prompt.inverted:
        raise Refused(
            f"the prompts {prompt.name} and {prompt.opposite} are not opposites: exactly one of "
            "them must set `inverted: true`."
        )


def ways(prompt: Prompt, settings: Asking) -> list[tuple[str, Prompt]]:
    """Name and prompt of each variant of the question; the plain variant has no name."""
    if settings.swap:
        other = load(prompt.opposite)
        return [("", prompt), (f"opposite {other.fingerprint}", other)]
    if settings.twice:
        return [("", prompt), ("again", prompt)]
    return [("" if number == 0 else f"vote {number}", prompt) for number in range(settings.votes)]


def description(endpoint: Endpoint, prompt: Prompt, settings: Asking, name: str) -> dict:
    """The description of a judge that `hone judge log` shows."""
    described = {
        "model": endpoint.model,
        "prompt": prompt.name,
        "version": prompt.version,
        "file": prompt.fingerprint,
        "temperature": settings.temperature,
    }
    described |= {"model_version": settings.version} if settings.version else {}
    return described | ({"way": name.partition(" ")[0] if settings.swap else name} if name else {})


def questions_by_key(
    questions: Questions, prompt: Prompt, known: int, examples: dict[str, list[Example]]
) -> tuple[list[bytes | None], dict[bytes, Item]]:
    """The key of each pair, and each question once by its key. A pair without what the prompt must
    show has no key.

    Args:
        questions: one block.
        prompt: decides what is shown.
        known: maximum number of positives shown.
        examples: of a pairwise prompt, by query_id.
    """
    queries, documents, positives_of = (
        questions.query_texts,
        questions.document_texts,
        questions.positives_of,
    )
    most = 1 if prompt.kind == "pairwise" else known
    keys: list[bytes | None] = []
    items: dict[bytes, Item] = {}
    for query_id, pairs in groupby(
        questions.pairs.select(PAIR).iter_rows(), key=lambda pair: pair[0]
    ):
        query = queries[query_id]
        positives = (
            tuple(documents[doc_id] for doc_id in positives_of.get(query_id, [])[:most])
            if prompt.shows_positives
            else ()
        )
        worked = tuple(examples.get(query_id, ()))
        # Examples are part of the question, like the positives.
        beside = (*positives, *(text for item in worked for text in item))
        for _, doc_id in pairs:
            if prompt.shows_positives and not positives:
                keys.append(None)
                continue
            document = documents[doc_id]
            key = question_key(query, document, beside)
            keys.append(key)
            items.setdefault(key, Item(key, query, document, positives, worked))
    return keys, items


def in_rows(pairs: pl.DataFrame, keys: list[bytes | None], answers: pl.DataFrame) -> pl.DataFrame:
    """Answers as one row per pair; text and cost of an answer are in its first row only."""
    first = pl.col("answer").is_null() | pl.col("answer").is_first_distinct()
    return (
        pairs.select(*PAIR, question=pl.Series(keys, dtype=pl.Binary))
        .join(answers, on="question", how="left", maintain_order="left")
        .with_columns(
            verdict=pl.col("verdict").cast(pl.String).fill_null("unknown"),
            reason=pl.when(pl.col("question").is_null())
            .then(pl.lit(NO_POSITIVE))
            .otherwise("reason"),
        )
        .with_columns(pl.when(first).then(pl.col(name)) for name in votes.PAID)
        .drop("question")
    )
