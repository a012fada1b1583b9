"""entities: sentences of documents, with entities and quantities changed by a language model or
from the corpus, as hard negatives of the original.

The augmentation of GCSE (arXiv 2409.12887), with the operations of the authors' code: the sentence
in other words is its positive; its opposite, and sentences with another entity or quantity, are its
negatives.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal

import polars as pl
from pydantic import Field

from hone.generation.prompt import PromptUse
from hone.generation.rows import (
    REMOVED,
    Generated,
    join_generated,
    label_with,
    make_queries,
    removed_rows,
)
from hone.generation.writer import WrittenTexts
from hone.seeds import unit_hashes
from tasks.generate.context import GenerationContext
from tasks.generate.ict import split_sentences
from tasks.generate.written_documents import label_documents, unwritten_documents

NEEDS_WRITER = True
SENTENCE = PromptUse(("document",))
PROMPTS = {
    "extract_prompt": PromptUse(("document",), ("text", "type")),
    "rewrite_prompt": SENTENCE,
    "opposite_prompt": SENTENCE,
    "swap_prompt": PromptUse(("document", "entity", "replacement")),
    "facts_prompt": PromptUse(("facts",)),
}
Operation = Literal["opposite", "entity", "quantity", "facts"]
QUANTITY = "quantity"  # the type of a quantity in the answers of `extract_prompt`
NO_TYPE = ("", "none", "o")  # types of entities that are not swapped [authors' code]
LARGEST = 1_000  # of a new quantity, from 0 [authors' code]
PUNCTUATION = ".,;:!?()[]\"'"
NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
MENTIONS = {
    "row": pl.UInt32,
    "sentence": pl.String,
    "text": pl.String,
    "type": pl.String,
}
SWAPS = {"row": pl.UInt32, "entity": pl.String, "type": pl.String, "replacement": pl.String}


def entities(
    documents: pl.DataFrame,
    collection: GenerationContext,
    *,
    operations: Annotated[tuple[Operation, ...], Field(min_length=1)] = (
        "opposite",
        "entity",
        "quantity",
    ),
    swap: Literal["model", "corpus"] = "model",
    positive: Literal["rewrite", "document"] = "rewrite",
    sentences: Annotated[int, Field(ge=1, le=20)] = 1,
    shortest: Annotated[int, Field(ge=1)] = 5,
    longest: Annotated[int, Field(ge=1)] = 60,
    extract_prompt: str = "entities",
    rewrite_prompt: str = "rewrite",
    opposite_prompt: str = "opposite",
    swap_prompt: str = "swap",
    facts_prompt: str = "from-facts",
) -> Generated:
    """Sentences with a positive and hard negatives.

    A new entity is another entity of the same type in the chosen documents. A new quantity is a
    random number from 0 to 1,000. A negative without its new entity or quantity is removed.

    Args:
        documents: doc_id, text of the chosen documents.
        collection: with the generator.
        operations: the negatives of a sentence: its `opposite`, another `entity`, another
            `quantity`, or a new sentence from its `facts`, one of which is changed. [authors' code]
        swap: whether the `model` writes the sentence with the new entity or quantity, or it is
            replaced in the text with what the `corpus` has, without a call. [authors' code]
        positive: the sentence in other words (`rewrite`), or the whole `document`. [authors' code]
        sentences: number of sentences per document. [Hone default]
        shortest: minimum number of words of a sentence. [Hone default]
        longest: maximum number of words of a sentence. Lines of which less than half are words,
            such as program code, are never used. [Hone default]
        extract_prompt: answers with a JSON object of text and type for each entity. [Hone default]
        rewrite_prompt: answers with the sentence in other words. [Hone default]
        opposite_prompt: answers with the opposite. [Hone default]
        swap_prompt: shows the sentence, the entity and its replacement. [Hone default]
        facts_prompt: shows entities and quantities, and answers with a sentence. [Hone default]

    Returns:
        The sentence as the query, its positive (1), and a negative (0) for each operation that fits
        it.
    """
    found, removed = draw_sentences(documents, collection.seed, sentences, (shortest, longest))
    queries = make_queries(found.select("doc_id", "text"), "entities", "entities")
    given = queries.select("query_id", "doc_id", query="text", document="text")
    parts = [Generated(queries, removed=removed)]
    if positive == "document":
        parts.append(Generated(labels=label_with(queries, queries["doc_id"], 1)))
    else:
        parts.append(write_variants(collection, rewrite_prompt, given, 1))
    if "opposite" in operations:
        parts.append(write_variants(collection, opposite_prompt, given, 0))
    if {"entity", "quantity", "facts"} & set(operations):
        mentions, failed = find_mentions(collection, extract_prompt, given)
        parts.append(Generated(removed=failed))
    for operation in (one for one in operations if one != "opposite"):
        swaps = choose_swaps(mentions, operation, collection.seed)
        parts.append(Generated(removed=without_swap(mentions, operation, swaps, given)))
        if operation == "facts":
            parts.append(write_from_facts(collection, facts_prompt, given, mentions, swaps))
        elif swap == "model":
            parts.append(write_swapped(collection, swap_prompt, given, swaps))
        else:
            parts.append(replace_in_text(collection, given, swaps))
    rows = join_generated(parts)
    positives = rows.labels.filter(pl.col("relevance") > 0)
    alone = queries.join(positives, on="query_id", how="anti", maintain_order="left")
    return rows.without(removed_rows(alone, "no-positive", "the sentence could not be rewritten"))


def draw_sentences(
    documents: pl.DataFrame, seed: int, number: int, lengths: tuple[int, int]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """doc_id, text: the sentences of each document that come first by a hash; and the table
    `removed` of documents without one.
    """
    rows = [
        (doc_id, " ".join(part.split()))
        for doc_id, text in documents.select("doc_id", "text").iter_rows()
        for part in split_sentences(text)
        if is_sentence(part.split(), *lengths)
    ]
    schema = {"doc_id": pl.String, "text": pl.String}
    every = pl.DataFrame(rows, schema=schema, orient="row").unique(maintain_order=True)
    places = unit_hashes([f"{doc_id} {text}" for doc_id, text in every.iter_rows()], seed)
    ranks = pl.col("place").rank("ordinal").over("doc_id")
    drawn = every.with_columns(place=pl.Series(places)).filter(ranks <= number).drop("place")
    absent = documents.join(every, on="doc_id", how="anti", maintain_order="left")
    return drawn, removed_rows(
        absent,
        "no-sentence",
        f"the document has no sentence of {lengths[0]} to {lengths[1]} words",
    )


def is_sentence(words: list[str], shortest: int, longest: int) -> bool:
    """Whether words are a sentence of this length: at least half of them have letters alone, apart
    from punctuation at their ends.
    """
    if not shortest <= len(words) <= longest:
        return False
    return 2 * sum(word.strip(PUNCTUATION).isalpha() for word in words) >= len(words)


def write_variants(
    collection: GenerationContext, prompt: str, given: pl.DataFrame, relevance: int
) -> Generated:
    """A sentence that the model writes for each sentence, other than the original."""
    written = collection.writer.write(prompt, given)
    first = written.texts.filter(pl.col("number") == 0)
    rows = given[first["row"]].with_columns(text=first["text"])
    origin = f"entities {written.origin}"
    made = label_documents(rows, collection, relevance, origin, near=False)
    return join_generated([made, Generated(removed=unwritten_documents(written, given, relevance))])


def find_mentions(
    collection: GenerationContext, prompt: str, given: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """row, sentence, text, type: the entities and quantities that stand in each sentence in these
    words; and the table `removed` of sentences without one.
    """
    written = collection.writer.write(prompt, given)
    rows = [
        (row, sentence, " ".join(text.split()), kind.strip().lower())
        for row, text, kind, sentence in written.texts.select("row", "text", "type")
        .with_columns(sentence=given["document"].gather(written.texts["row"]))
        .iter_rows()
    ]
    kept = [one for one in rows if stands_in(one[2], one[1]) and one[3] not in NO_TYPE]
    mentions = pl.DataFrame(kept, schema=MENTIONS, orient="row").unique(maintain_order=True)
    answered = written.texts.select("row").unique(maintain_order=True)
    without = answered.join(mentions, on="row", how="anti", maintain_order="left")
    none = given[without["row"]].select("query_id", "doc_id")
    return mentions, pl.concat(
        [
            unwritten_documents(written, given, 0).select(list(REMOVED)),
            removed_rows(none, "negative-no-entity", "no entity stands in the sentence"),
        ]
    )


def stands_in(text: str, sentence: str) -> bool:
    """Whether a text stands in a sentence as whole words."""
    return bool(text) and bool(re.search(whole(text), sentence))


def whole(text: str) -> str:
    """The pattern of a text that is not a part of longer words."""
    return rf"(?<!\w){re.escape(text)}(?!\w)"


def choose_swaps(mentions: pl.DataFrame, operation: str, seed: int) -> pl.DataFrame:
    """row, entity, type, replacement: what is replaced in each sentence that has it. The choices
    depend on the sentence, the candidates and the seed, so that more documents change few of them.

    Args:
        mentions: row, sentence, text, type.
        operation: `entity`, `quantity`, or `facts` for either.
        seed: of the collection.
    """
    pools = {
        kind: sorted(set(texts))
        for kind, texts in mentions.group_by("type", maintain_order=True).agg("text").iter_rows()
    }
    swaps = []
    for (row,), own in fitting(mentions, operation).group_by("row", maintain_order=True):
        order = [f"{operation} {sentence} {text}" for _, sentence, text, _ in own.rows()]
        places = unit_hashes(order, seed)
        for _, (_, sentence, text, kind) in sorted(zip(places, own.rows(), strict=True)):
            new = replacement_of(text, kind, sentence, pools[kind], seed)
            if new is not None:
                swaps.append((row, text, kind, new))
                break
    return pl.DataFrame(swaps, schema=SWAPS, orient="row")


def fitting(mentions: pl.DataFrame, operation: str) -> pl.DataFrame:
    """The entities and quantities that an operation may replace."""
    if operation == "facts":
        return mentions
    return mentions.filter((pl.col("type") == QUANTITY) == (operation == "quantity"))


def without_swap(
    mentions: pl.DataFrame, operation: str, swaps: pl.DataFrame, given: pl.DataFrame
) -> pl.DataFrame:
    """The table `removed` of sentences whose entities have no replacement."""
    found = fitting(mentions, operation).select("row").unique(maintain_order=True)
    rows = found.join(swaps, on="row", how="anti", maintain_order="left")["row"]
    return removed_rows(
        given[rows].select("query_id", "doc_id"),
        "negative-no-replacement",
        f"{operation}: the other sentences have nothing of this type",
    )


def replacement_of(text: str, kind: str, sentence: str, pool: list[str], seed: int) -> str | None:
    """What replaces an entity or quantity. Null: the corpus has nothing else of this type."""
    number = NUMBER.search(text) if kind == QUANTITY else None
    if number:
        places = unit_hashes([f"{sentence} {text} {one}" for one in range(LARGEST + 1)], seed)
        values = (str(value) for value in places.argsort())
        new = next(value for value in values if value not in NUMBER.findall(sentence))
        return text[: number.start()] + new + text[number.end() :]
    others = [
        one for one in pool if one != text and not re.search(whole(one), sentence, re.IGNORECASE)
    ]
    if not others:
        return None
    places = unit_hashes([f"{sentence} {text} {one}" for one in others], seed)
    return others[int(places.argmin())]


def write_swapped(
    collection: GenerationContext, prompt: str, given: pl.DataFrame, swaps: pl.DataFrame
) -> Generated:
    """Sentences that the model writes with the new entity or quantity in place of the old."""
    rows = given[swaps["row"]].with_columns(
        entity=swaps["entity"], replacement=swaps["replacement"]
    )
    written = collection.writer.write(prompt, rows)
    return label_swapped(collection, rows, written, old_must_go=True)


def write_from_facts(
    collection: GenerationContext,
    prompt: str,
    given: pl.DataFrame,
    mentions: pl.DataFrame,
    swaps: pl.DataFrame,
) -> Generated:
    """Sentences that the model writes from the entities and quantities, one of them changed."""
    facts = (
        mentions.join(swaps, on="row", how="inner", maintain_order="left")
        .with_columns(
            text=pl.when(pl.col("text") == pl.col("entity"))
            .then(pl.col("replacement"))
            .otherwise(pl.col("text"))
        )
        .group_by("row", maintain_order=True)
        .agg(
            pl.format("{} ({})", "text", "type").unique(maintain_order=True).str.join("\n"),
            pl.first("replacement"),
            pl.first("entity"),
        )
    )
    rows = given[facts["row"]].with_columns(
        facts=facts["text"], replacement=facts["replacement"], entity=facts["entity"]
    )
    written = collection.writer.write(prompt, rows)
    return label_swapped(collection, rows, written, old_must_go=False)


def replace_in_text(
    collection: GenerationContext, given: pl.DataFrame, swaps: pl.DataFrame
) -> Generated:
    """Sentences in which the new entity or quantity stands in place of the old."""
    rows = given[swaps["row"]]
    texts = [
        re.sub(whole(old), lambda found, new=new: new, sentence)
        for sentence, old, new in zip(
            rows["document"], swaps["entity"], swaps["replacement"], strict=True
        )
    ]
    return label_documents(
        rows.with_columns(text=pl.Series(texts, dtype=pl.String)),
        collection,
        0,
        "entities corpus",
        near=False,
    )


def label_swapped(
    collection: GenerationContext, rows: pl.DataFrame, written: WrittenTexts, old_must_go: bool
) -> Generated:
    """Written sentences as negatives, without those that lack the replacement.

    Args:
        collection: its language.
        rows: query_id, query, doc_id, document, entity, replacement of each call.
        written: the answers.
        old_must_go: whether the replaced text must not stand in the sentence any more.
    """
    first = written.texts.filter(pl.col("number") == 0)
    texts = rows[first["row"]].with_columns(text=first["text"])
    swapped = pl.Series(
        [
            is_swapped(text, old, new, old_must_go)
            for text, old, new in texts.select("text", "entity", "replacement").iter_rows()
        ],
        dtype=pl.Boolean,
    )
    unchanged = removed_rows(
        texts.filter(~swapped).select("query_id", "doc_id"),
        "negative-not-swapped",
        "the new entity is missing, or the old one is still there",
    )
    made = label_documents(
        texts.filter(swapped), collection, 0, f"entities {written.origin}", near=False
    )
    failed = unwritten_documents(written, rows, 0)
    return join_generated([made, Generated(removed=pl.concat([failed, unchanged]))])


def is_swapped(text: str, old: str, new: str, old_must_go: bool) -> bool:
    """Whether a sentence has the new entity and, where it must, lacks the old one."""
    words = " ".join(text.split())
    if not re.search(whole(new), words, re.IGNORECASE):
        return False
    rest = re.sub(whole(new), " ", words, flags=re.IGNORECASE)
    return not (old_must_go and re.search(whole(old), rest, re.IGNORECASE))
