"""language: queries in another language than the collection's."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING, Annotated

import polars as pl
from pydantic import Field

from hone.errors import Refused, nearest
from tasks.generate.context import GenerationContext

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

# The codes (ISO 639-1) of the languages with a stemmer or their own script.
CODES = {
    "arabic": "ar", "armenian": "hy", "basque": "eu", "burmese": "my", "catalan": "ca",
    "chinese": "zh", "danish": "da", "dutch": "nl", "english": "en", "estonian": "et",
    "finnish": "fi", "french": "fr", "german": "de", "greek": "el", "hindi": "hi",
    "hungarian": "hu", "indonesian": "id", "irish": "ga", "italian": "it", "japanese": "ja",
    "khmer": "km", "korean": "ko", "lao": "lo", "lithuanian": "lt", "nepali": "ne",
    "norwegian": "no", "porter": "en", "portuguese": "pt", "romanian": "ro", "russian": "ru",
    "serbian": "sr", "spanish": "es", "swedish": "sv", "tamil": "ta", "thai": "th",
    "turkish": "tr",
}  # fmt: skip
ALIKE = {"no": ("nb", "nn"), "id": ("ms",), "sr": ("hr", "bs")}  # that the classifier confuses


def language(
    queries: pl.DataFrame,
    collection: GenerationContext,
    *,
    languages: list[str] | None = None,
    sure: Annotated[float, Field(gt=0, le=1)] = 0.95,
) -> pl.DataFrame:
    """Remove queries that are in another language with high probability (py3langid).

    Args:
        queries: query_id, text, doc_id, document.
        collection: its language.
        languages: accepted ISO 639-1 codes; null: that of the collection. A collection with
            `language: none` accepts all. [Hone default]
        sure: a query is removed if another language has this probability. Short queries rarely
            reach it. [Hone default]

    Returns:
        query_id, detail of the removed queries.

    Raises:
        Refused: an unknown code.
    """
    accepted = accepted_codes(languages, collection.language)
    if not accepted:
        return pl.DataFrame(schema={"query_id": pl.String, "detail": pl.String})
    classifier = load_classifier()
    refuse_unknown(languages or (), set(classifier.nb_classes))
    removed = []
    for query_id, text in queries.select("query_id", "text").iter_rows():
        found, probability = classifier.classify(text)
        if found not in accepted and probability >= sure:
            removed.append((query_id, f"{found} with probability {probability:.2f}"))
    return pl.DataFrame(removed, schema={"query_id": pl.String, "detail": pl.String}, orient="row")


def accepted_codes(languages: list[str] | None, language: str) -> set[str]:
    """The accepted codes, with those of languages that the classifier confuses. Empty: all."""
    codes = languages if languages is not None else [CODES[language]] if language in CODES else []
    return {*codes, *(other for code in codes for other in ALIKE.get(code, ()))}


@cache
def load_classifier() -> LanguageIdentifier:
    """The language identifier, with probabilities."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


def refuse_unknown(languages: Iterable[str], known: set[str]) -> None:
    """Raise Refused if the classifier does not know a code."""
    for code in languages:
        if code not in known:
            raise Refused(
                f"language: there is no language '{code}': {nearest(code, known)} Use ISO 639-1 "
                "codes such as en."
            )
