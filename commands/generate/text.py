"""The estimate and the examples of `hone generate preview`, as lines. Texts of documents and models
are untrusted: `commands.console` escapes them.
"""

from __future__ import annotations

from collections.abc import Iterator

from commands.console import shortened, spell
from commands.generate.estimate import StageEstimate
from commands.generate.examples import Example, Written
from hone.llm.tokenizer import ERROR
from hone.present.number_format import count, join_words
from hone.transfer import Transfer

SHOWN = 300  # characters of a document [Hone default]
STEP = "  "


def describe_estimate(found: StageEstimate, sent: list[Transfer]) -> Iterator[str]:
    """The whole stage: what it sends where, and its work."""
    yield f"generate {found.collection}: recipe {found.recipe}"
    for one in sent:
        yield f"endpoint: {one.describe()}"
    if not sent:
        yield "No text leaves this machine."
    yield f"The whole stage: {describe_work(found)}"
    if found.tokens_in:
        yield f"Token counts are estimates; without a `tokenizer`, {ERROR}."
    yield from describe_judging(found)
    yield f"budget: {found.limits or 'no limit'}"
    yield ""


def describe_judging(found: StageEstimate) -> Iterator[str]:
    """A sentence for each judge that filters."""
    for one in found.judging:
        tokens = f", about {one.tokens:,} tokens" if one.tokens is not None else ""
        money = f", cost {one.money:.2f}" if one.money is not None else ""
        yield f"judge {one.judge}: at most {count(one.pairs, 'query', 'queries')}{tokens}{money}"


def describe_work(found: StageEstimate) -> str:
    """Documents, calls, tokens, cost and time in a sentence."""
    documents = count(found.documents, "document")
    if found.reason is not None:
        return f"{documents}. The number of calls is unknown: {found.reason}."
    if not found.calls:
        return f"{documents}, no calls: no model writes."
    about = "" if found.is_exact else "about "
    parts = [
        documents,
        f"{about}{count(found.calls, 'call')} ({found.recorded:,} in the ledger, {found.left:,} "
        "left)",
    ]
    if found.left:
        most = "" if found.is_measured else "at most "
        parts.append(
            f"about {found.tokens_in:,} prompt tokens and {most}{found.tokens_out:,} output tokens"
        )
    parts += [describe_money(found), f"time {describe_time(found)}"]
    return f"{'; '.join(parts)}."


def describe_money(found: StageEstimate) -> str:
    """The cost of the calls that are left."""
    if not found.left:
        return "cost 0.00"
    if found.price == {}:
        return "no cost (the model runs on this machine)"
    if found.money is None:
        return "cost unknown (no `price` is set)"
    return f"cost {'about' if found.is_measured else 'at most'} {found.money:.2f}"


def describe_time(found: StageEstimate) -> str:
    """The time of the calls that are left."""
    if not found.left:
        return "0 s"
    if found.seconds is None:
        return "unknown (no call of this generator is recorded yet)"
    return f"about {spell(found.seconds)} with {count(found.slots, 'concurrent call')}"


def describe_examples(examples: list[Example], omitted: list[str]) -> Iterator[str]:
    """Every example, and what was not checked."""
    for number, one in enumerate(examples, start=1):
        yield f"{number}. {one.doc_id}: {shortened(one.text, SHOWN)}"
        for written in one.queries:
            yield from describe_written(written)
        if not one.queries:
            reason = f" ({one.rule}: {shortened(one.detail or '')})" if one.rule else ""
            yield f"{STEP}nothing was written{reason}"
    if not examples:
        return
    queries = [written for one in examples for written in one.queries]
    removed = sum(written.rule is not None for written in queries)
    yield ""
    yield f"{count(len(queries), 'query', 'queries')}, {removed:,} of them removed by a filter."
    if omitted:
        yield (
            f"Not applied: {join_words(omitted)}, which would encode the collection or ask a judge "
            "(--all-filters applies them)."
        )


def describe_written(one: Written) -> Iterator[str]:
    """A query, its other labelled documents, and the filter that removes it."""
    yield f"{STEP}query ({one.origin}): {shortened(one.text)}"
    for kind, documents in (("positive", one.positives), ("negative", one.negatives)):
        for doc_id, text in documents:
            yield f"{STEP * 2}{kind} {doc_id}: {shortened(text, SHOWN)}"
    if one.rule is not None:
        detail = f": {shortened(one.detail)}" if one.detail else ""
        yield f"{STEP * 2}removed by {one.rule}{detail}"
