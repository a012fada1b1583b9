"""Documents that a model writes for queries: which texts can be one, and why the others cannot."""

from __future__ import annotations

import polars as pl

from hone.data.tables import normalised
from hone.generation.answers import LONGEST
from hone.generation.rows import REMOVED, Generated, join_generated, make_documents
from hone.generation.writer import WrittenTexts
from hone.text.alike import resemble
from tasks.generate.context import GenerationContext
from tasks.generate.decisions import decide
from tasks.generate.filters.language import accepted_codes, load_classifier
from tasks.generate.filters.length import count_words

SHORTEST = 3  # words of a generated document [Hone default]
SURE = 0.95  # probability of another language, as in the filter `language` [Hone default]


def write_documents(
    collection: GenerationContext,
    prompt: str,
    queries: pl.DataFrame,
    relevance: int,
    method: str,
    samples: int = 1,
    verify: str | None = None,
) -> Generated:
    """Documents for queries, as their positives or negatives.

    Args:
        collection: with the generator.
        prompt: name of a prompt that shows `query`, `document` or both.
        queries: query_id, query, doc_id, document: the query, and the document that it comes from.
        relevance: 1 or 0.
        method: its name in the recipe.
        samples: number of documents per query, each with its own seed.
        verify: a prompt that answers whether a text answers the query. Texts are removed where the
            answer is not that of the relevance. Null: texts are not verified.

    Returns:
        Documents with their labels, without queries. Texts that cannot be a document are in
        `removed`: they repeat the query or the document, or have another language or length.
    """
    parts = []
    for sample in range(samples):
        written = collection.writer.write(prompt, queries, sample=sample)
        found = written.texts.filter(pl.col("number") == 0)
        rows = queries[found["row"]].with_columns(text=found["text"])
        if verify is not None:
            rows, wrong = split_verified(rows, collection, verify, relevance)
            parts.append(Generated(removed=wrong))
        parts += [
            label_documents(rows, collection, relevance, f"{method} {written.origin}"),
            Generated(removed=unwritten_documents(written, queries, relevance)),
        ]
    return join_generated(parts)


def split_verified(
    rows: pl.DataFrame, collection: GenerationContext, prompt: str, relevance: int
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows whose text answers the query as its relevance says, and the table `removed` of the
    others.

    Args:
        rows: query_id, query, doc_id, text.
        collection: with the generator.
        prompt: answers whether `document` answers `query`.
        relevance: 1 or 0.
    """
    decisions = decide(collection, prompt, rows.select("query", document="text"))
    judged = pl.concat([rows, decisions], how="horizontal")
    agrees = (pl.col("decision") == bool(relevance)).fill_null(False)
    part, wrong = part_of(relevance), "does not answer" if relevance else "answers"
    removed = judged.filter(~agrees).select(
        "query_id",
        "doc_id",
        rule=pl.format("{}-{}", pl.lit(part), pl.col("rule").fill_null("verified")),
        detail=pl.col("detail").fill_null(
            pl.format(f"the model finds that it {wrong} the query: '{{}}'", first_words("text"))
        ),
    )
    return judged.filter(agrees).drop("decision", "rule", "detail"), removed


def first_words(column: str) -> pl.Expr:
    """The beginning of a text, for a detail."""
    return pl.col(column).str.slice(0, 80)


def label_documents(
    rows: pl.DataFrame,
    collection: GenerationContext,
    relevance: int,
    origin: str,
    near: bool = True,
) -> Generated:
    """Written texts as documents with a label.

    Args:
        rows: query_id, query, doc_id, document, text.
        collection: its language.
        relevance: 1 or 0.
        origin: method, prompt and model.
        near: remove texts that resemble the document, not only those that are equal to it.
    """
    usable, unusable = split_usable(rows, collection.language, near)
    documents = make_documents(usable.select("text"), origin)
    labels = usable.select(
        "query_id",
        doc_id=documents["doc_id"],
        relevance=pl.lit(relevance, dtype=pl.Int32),
    )
    removed = unusable.select(
        "query_id", "doc_id", pl.format("{}-{}", pl.lit(part_of(relevance)), "rule"), "detail"
    )
    removed.columns = list(REMOVED)
    return Generated(
        labels=labels.unique(["query_id", "doc_id"], keep="first", maintain_order=True),
        documents=documents.unique("doc_id", keep="first", maintain_order=True),
        removed=removed,
    )


def unwritten_documents(
    written: WrittenTexts, queries: pl.DataFrame, relevance: int
) -> pl.DataFrame:
    """The table `removed` of the queries for which no document was written."""
    rows = queries[written.failed["row"]].select("query_id", "doc_id")
    return rows.with_columns(
        rule=f"{part_of(relevance)}-" + written.failed["rule"], detail=written.failed["detail"]
    )


def part_of(relevance: int) -> str:
    """The beginning of a rule in the table `removed`, where the query stays."""
    return "positive" if relevance else "negative"


def split_usable(
    rows: pl.DataFrame, language: str, near: bool = True
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Texts that can be a document, and the others with rule and detail.

    Args:
        rows: text, and the texts that it must not repeat: query, document.
        language: of the collection.
        near: whether a part or a near-duplicate of the document repeats it; otherwise only an equal
            text does.
    """
    text, plain = pl.col("text"), normalised(pl.col("text"))
    words = count_words(text)
    repeats = (plain == normalised(pl.col("query"))) | (plain == normalised(pl.col("document")))
    if near:
        repeats |= normalised(pl.col("document")).str.contains(plain, literal=True)
        alike = pl.Series(resemble(rows["text"], rows["document"]), dtype=pl.Boolean)
        repeats |= pl.lit(alike)
    foreign = find_foreign(rows, language)
    marked = rows.with_columns(
        rule=pl.when(words < SHORTEST)
        .then(pl.lit("short-text"))
        .when(text.str.len_chars() >= LONGEST)
        .then(pl.lit("long-text"))
        .when(repeats)
        .then(pl.lit("copy"))
        .when(pl.lit(foreign).is_not_null())
        .then(pl.lit("language")),
        detail=pl.when(words < SHORTEST)
        .then(pl.format("{} words", words))
        .when(text.str.len_chars() >= LONGEST)
        .then(pl.lit(f"{LONGEST:,} characters or more"))
        .when(repeats)
        .then(pl.lit("it repeats the query or the document"))
        .otherwise(pl.lit(foreign)),
    )
    usable = marked.filter(pl.col("rule").is_null()).drop("rule", "detail")
    return usable, marked.filter(pl.col("rule").is_not_null())


def find_foreign(rows: pl.DataFrame, language: str) -> pl.Series:
    """For each text, the language that it has with high probability, if neither the collection nor
    the document of the row has it. Null: none.
    """
    accepted = accepted_codes(None, language)
    if not accepted or rows.is_empty():
        return pl.Series([None] * len(rows), dtype=pl.String)
    classifier = load_classifier()
    found = []
    for text, document in rows.select("text", "document").iter_rows():
        code, probability = classifier.classify(text)
        is_foreign = code not in accepted and probability >= SURE
        if is_foreign and classifier.classify(document)[0] != code:
            found.append(f"{code} with probability {probability:.2f}")
        else:
            found.append(None)
    return pl.Series(found, dtype=pl.String)
