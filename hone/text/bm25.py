"""BM25: tokenization for any script, an index of documents, and scores (Robertson and Zaragoza
2009; Lucene's variant, by bm25s).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from hone.data.tables import Documents
from hone.encoders.search import as_table, rows_of
from hone.errors import Refused, nearest
from hone.stage import say

if TYPE_CHECKING:
    from bm25s import BM25

K1, B = 0.9, 0.4  # Anserini's values, used with BEIR


def ranked(
    queries: pl.DataFrame,
    documents: Documents,
    language: str,
    *,
    depth: int = 100,
    k1: float = K1,
    b: float = B,
) -> pl.DataFrame:
    """The `depth` best documents of every query. Documents that share no term with the query are
    excluded.

    Args:
        queries: query_id, text.
        documents: the collection.
        language: language of the stemmer, from the collection's settings. "none" disables stemming.
            Scripts without spaces between words, and Korean, are always indexed as character
            bigrams.
        depth: documents per query.
        k1, b: term saturation and length normalization.

    Returns:
        query_id, doc_id, rank (from 1), score (above 0).
    """
    index = indexed(documents.chunks(), language, k1, b)
    query_terms = index.words.of(queries["text"])
    index.say_without_terms(query_terms)
    if index.found is None:
        return as_table(
            queries["query_id"],
            documents.ids,
            np.empty((len(queries), 0)),
            np.empty((len(queries), 0), dtype=np.int64),
        )
    rows, scores = index.best(query_terms, depth)
    found = as_table(queries["query_id"], documents.ids, scores, rows)
    return found.filter(pl.col("score") > 0)


def scores_of(
    pairs: pl.DataFrame, queries: pl.DataFrame, documents: Documents, language: str
) -> pl.DataFrame:
    """BM25 scores of given pairs, with the defaults of `bm25`. 0 if a pair shares no term.

    Args:
        pairs: query_id, doc_id.
        queries: query_id, text.
        documents: the collection, for document frequencies.
        language: language of the stemmer.

    Returns:
        query_id, doc_id, score.
    """
    index = indexed(documents.chunks(), language, K1, B)
    found = np.zeros(len(pairs), dtype=np.float32)
    query_terms = index.words.of(queries["text"])
    index.say_without_terms(query_terms)
    rows = rows_of(pairs, queries["query_id"], documents.ids)
    order = np.argsort(rows[:, 0], kind="stable")
    for places in np.split(order, np.flatnonzero(np.diff(rows[order, 0])) + 1):
        # All documents' scores for one query at a time. For all queries at once they would not fit
        # in memory.
        if index.found is not None and len(places) and query_terms[rows[places[0], 0]]:
            found[places] = index.found.get_scores(query_terms[rows[places[0], 0]])[rows[places, 1]]
    return pairs.with_columns(score=pl.Series(found))


def indexed(chunks: Iterable[list[str]], language: str, k1: float = K1, b: float = B) -> Index:
    """Build the index of all documents.

    Args:
        chunks: chunks of document texts.
        language: language of the stemmer.
        k1, b: term saturation and length normalization.
    """
    import bm25s

    words, numbers = Words(language), {}
    ids = [
        row
        for chunk in chunks
        for row in words.numbered(pl.Series(chunk, dtype=pl.String), numbers)
    ]
    bare = sum(not row for row in ids)
    if bare == len(ids):  # only stop words and punctuation, which bm25s cannot index
        return Index(None, words, len(ids), bare)
    index = bm25s.BM25(method="lucene", k1=k1, b=b)
    index.index((ids, numbers), show_progress=False)
    return Index(index, words, len(ids), bare)


@dataclass(frozen=True)
class Index:
    """A BM25 index.

    Attributes:
        found: the bm25s index. Null if no document has a term.
        words: the tokenizer for queries.
        documents: number of documents.
        bare: number of documents without a term, which no query can retrieve.
    """

    found: BM25 | None
    words: Words
    documents: int
    bare: int

    def best(self, query_terms: list[list[str]], depth: int) -> tuple[np.ndarray, np.ndarray]:
        """Rows and scores, [queries, depth] each, of the best documents of every query. A score
        of 0 means no match.
        """
        rows, scores = self.found.retrieve(
            query_terms,
            k=min(depth, self.documents),
            show_progress=False,
            return_as="tuple",
            n_threads=-1,
        )
        return np.asarray(rows), np.asarray(scores)

    def say_without_terms(self, query_terms: list[list[str]]) -> None:
        """Log how many queries and documents have no term."""
        bare = sum(not terms for terms in query_terms)
        if bare or self.bare:
            say(
                f"BM25: {bare:,} of {len(query_terms):,} queries and {self.bare:,} of "
                f"{self.documents:,} documents contain only stop "
                "words or punctuation and are never matched"
            )


def without_terms(texts: pl.Series, language: str) -> pl.Series:
    """Whether a text has no term, so BM25 finds nothing for it."""
    return pl.Series([not terms for terms in Words(language).of(texts)], dtype=pl.Boolean)


# Scripts without spaces between words, and Korean, which attaches particles to words.
UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\u{30FC}"
RUN = rf"^[{UNSPACED}]"
TOKEN = rf"[{UNSPACED}]+|[\w--[{UNSPACED}]]+"
LETTER = rf"[{UNSPACED}]\p{{M}}*"  # with its vowel signs and tone marks
# Languages of these scripts, which need no stemmer.
WITHOUT_STEMMER = ("burmese", "chinese", "japanese", "khmer", "korean", "lao", "thai")
DOTLESS = {"I": "\u0131", "\u0130": "i"}  # Turkish capitals
SAME = {
    "i\u0307": "i",
    "\u03c2": "\u03c3",
    "\u200b": " ",
    "\u200c": "",
    "\u200d": "",
    "\u2060": "",
    "\ufeff": "",
    "\u00ad": "",
}


class Words:
    """Tokenizer: stemmed words without the language's stop words.

    In a script without spaces, a run of characters becomes its character bigrams, as in Lucene's
    CJKAnalyzer. Documents also index each character, so a query of one character matches. Texts are
    normalized to lowercase NFKC. A single letter or digit is a term. The exception is one next to
    an apostrophe in a word (`don't`, `l'eau`).
    """

    def __init__(self, language: str) -> None:
        import Stemmer
        from bm25s.tokenization import _infer_stopwords

        if language != "none" and language not in (*Stemmer.algorithms(), *WITHOUT_STEMMER):
            known = (*Stemmer.algorithms(), *WITHOUT_STEMMER)
            raise Refused(
                f"BM25 has no stemmer for the language '{language}'; {nearest(language, known)} "
                "Use `none` for no stemming."
            )
        self.turkish = language == "turkish"
        self.stemmer = (
            None if language == "none" or language in WITHOUT_STEMMER else Stemmer.Stemmer(language)
        )
        self.stop_words = list(_infer_stopwords(language)) if language in STOP_WORDS else []

    def of(self, texts: Sequence[str] | pl.Series) -> list[list[str]]:
        """The terms of each query."""
        return as_lists(
            self.terms(pl.Series(list(texts), dtype=pl.String), single=False), "term", len(texts)
        )

    def numbered(self, texts: pl.Series, numbers: dict[str, int]) -> list[list[int]]:
        """The terms of each document, as numbers. New terms are added to `numbers`."""
        found = self.terms(texts, single=True)
        distinct = found["term"].unique(maintain_order=True)
        column = pl.Series(
            "number", [numbers.setdefault(term, len(numbers)) for term in distinct], dtype=pl.Int32
        )
        return as_lists(
            found.join(
                pl.DataFrame([distinct, column]), on="term", how="left", maintain_order="left"
            ),
            "number",
            len(texts),
        )

    def terms(self, texts: pl.Series, single: bool) -> pl.DataFrame:
        """row (UInt32), term: in the order of the texts.

        Args:
            texts: any number of texts.
            single: whether each character of a run is also a term. Otherwise only if it is alone.
        """
        plain = texts.str.normalize("NFKC")
        plain = (
            (plain.str.replace_many(DOTLESS) if self.turkish else plain)
            .str.to_lowercase()
            .str.replace_many(SAME)
        )
        plain = plain.str.replace_all(r"(\w)['\u{2019}\u{02BC}]\w\b", "$1 ").str.replace_all(
            r"\b\w['\u{2019}\u{02BC}](\w)", " $1"
        )
        tokens = (
            pl.DataFrame({"token": plain.str.extract_all(TOKEN)})
            .with_row_index("row")
            .explode("token")
            .drop_nulls("token")
        )
        known = tokens.select(pl.col("token").unique(maintain_order=True)).filter(
            pl.col("token") != "_"
        )
        runs = known.filter(pl.col("token").str.contains(RUN))
        words = known.filter(
            ~pl.col("token").str.contains(RUN) & ~pl.col("token").is_in(self.stop_words)
        )
        stems = words["token"].to_list()
        words = words.with_columns(
            term=pl.Series(
                self.stemmer.stemWords(stems) if self.stemmer else stems, dtype=pl.String
            )
        )
        terms = pl.concat(
            [words, letters_of(runs, single).filter(~pl.col("term").is_in(self.stop_words))]
        )
        return tokens.join(terms, on="token", how="inner", maintain_order="left_right").select(
            "row", "term"
        )


def letters_of(runs: pl.DataFrame, single: bool) -> pl.DataFrame:
    """token, term: the character bigrams of each run. A run of one character is its own term."""
    letters = runs.with_columns(term=pl.col("token").str.extract_all(LETTER)).explode("term")
    pairs = letters.with_columns(
        term=pl.col("term") + pl.col("term").shift(-1).over("token")
    ).drop_nulls("term")
    alone = letters if single else letters.filter(pl.len().over("token") == 1)
    return pl.concat([alone, pairs])


def as_lists(found: pl.DataFrame, column: str, count: int) -> list[list]:
    """A column as a list for each of `count` rows."""
    lists: list[list] = [[] for _ in range(count)]
    for row, values in found.group_by("row", maintain_order=True).agg(column).iter_rows():
        lists[row] = values
    return lists


# Languages with stop words in bm25s.
STOP_WORDS = frozenset(
    {
        "english",
        "german",
        "dutch",
        "french",
        "spanish",
        "portuguese",
        "italian",
        "russian",
        "swedish",
        "norwegian",
        "chinese",
        "turkish",
    }
)


def content_words(texts: pl.DataFrame, language: str) -> pl.DataFrame:
    """The distinct words of each text.

    Args:
        texts: `text`, and columns that identify it.
        language: language of the stemmer, from the collection's settings.

    Returns:
        The other columns and `word`, one row for each distinct word. A text without words has no
        row.
    """
    words = pl.Series("word", Words(language).of(texts["text"]), dtype=pl.List(pl.String))
    return (
        texts.drop("text")
        .with_columns(words)
        .explode("word")
        .drop_nulls("word")
        .unique(maintain_order=True)
    )
