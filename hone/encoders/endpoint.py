"""Embeddings from an endpoint with OpenAI's /v1/embeddings API (vLLM, llama.cpp, Ollama, a
vendor), cached like any others.
"""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hone.encoders.device_lock import endpoint_lock
from hone.encoders.encoder import TextEncoder
from hone.encoders.model_folder import Route
from hone.encoders.store import Space, other_model
from hone.errors import Refused
from hone.files import fingerprint
from hone.stage import Progress
from hone.urls import public, secret, show_url

LONGEST_VECTOR = (
    512 << 10
)  # bytes of a vector in a response: 16,384 numbers of 32 characters [Hone default]
LONGEST_NAME = 200  # stored characters of a reported name
BACKOFF, LONGEST_BACKOFF = (
    0.5,
    8.0,
)  # seconds before the second attempt, doubled for each further one [Hone default]
ROWS = 512  # texts stored at once; small, because they may cost money


@dataclass(frozen=True)
class EndpointEncoder(TextEncoder):
    """A model behind an endpoint.

    The weights behind an endpoint are unknown. The cache address therefore contains the URL, the
    model's name and `version`. The user changes `version` when the server changes its model. The
    reported name and the vector length are stored with the first vectors, and other values are
    refused.

    Args:
        url: the base URL, usually ending in /v1.
        model: the model's name at the endpoint.
        key: name of the environment variable that holds the key. Null: no key is needed.
        plain_http: whether the key may be sent to another machine without encryption.
        prompts: the prefixes of queries and documents.
        dimensions: of the vectors, if the model supports several. Null: the model's default.
        characters: number of characters after which a text is truncated. Null: whole texts.
        similarity: "cosine" or "dot".
        version: any text.
        batch: texts in a request.
        slots: concurrent requests.
        timeout: seconds for a request.
        attempts: maximum attempts of a request.
        user: the caller, shown by `hone cache`.
    """

    url: str
    model: str
    key: str | None = None
    prompts: dict[Route, str | None] = field(default_factory=dict)
    dimensions: int | None = None
    characters: int | None = None
    similarity: str = "cosine"
    version: str | None = None
    batch: int = 64
    slots: int = 4
    timeout: float = 120.0
    attempts: int = 6
    user: str | None = None
    plain_http: bool = False

    @property
    def rows_per_shard(self) -> int:
        return ROWS

    @property
    def name(self) -> str:
        return self.model

    def space(self, route: Route) -> Space:
        return Space(
            {
                "endpoint": show_url(self.url),
                "model": self.model,
                "prompt": self.prompt(route),
                **{
                    name: value
                    for name in ("dimensions", "characters", "version")
                    if (value := getattr(self, name)) is not None
                },
            }
        )

    def prompt(self, route: Route) -> str:
        return self.prompts.get(route) or ""

    def worker(self, route: Route) -> Requests:
        return Requests(self, route, [self.space(one) for one in ("query", "document")])

    def alone(self) -> AbstractContextManager:
        return endpoint_lock(fingerprint(self.url, self.model)[:16])


class Requests:
    """Requests embeddings of one route.

    Args:
        encoder: the endpoint.
        route: whether the texts are queries or documents.
        spaces: cache entries of both routes. Queries and documents are compared, so both must come
            from one model.
    """

    def __init__(self, encoder: EndpointEncoder, route: Route, spaces: Sequence[Space]) -> None:
        self.encoder, self.route = encoder, route
        noted = [space.noted for space in spaces]
        self.reported = next((one["reported"] for one in noted if one.get("reported")), None)
        self.dimension = next((one["dimension"] for one in noted if one.get("dimension")), None)
        self.checking = threading.Lock()
        self.where = public(encoder.url)
        self.client = client_of(encoder, secret(encoder.url, encoder.key, encoder.plain_http))

    def encode(self, texts: list[str], progress: Progress) -> np.ndarray:
        """Embeddings [n, d], fp32, in the order of the texts.

        Raises:
            Refused: authentication fails, the model does not exist, the endpoint cannot be reached,
                or it returns invalid vectors.
        """
        encoder = self.encoder
        prompted = [
            f"{encoder.prompt(self.route)}{text[: encoder.characters]}" or " " for text in texts
        ]
        batches = [
            prompted[start : start + encoder.batch]
            for start in range(0, len(prompted), encoder.batch)
        ]
        made: list[np.ndarray] = []
        with ThreadPoolExecutor(encoder.slots) as pool:
            try:
                for vectors in pool.map(self.vectors_of, batches):
                    made.append(vectors)
                    progress.add(len(vectors))
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        return np.concatenate(made)

    def refuse_another_model(self, reported: str | None, dimension: int) -> None:
        """Raise Refused if a response comes from another model than earlier ones, in this run or
        in the cache.
        """
        who = f"{self.where} with the model '{self.encoder.model}'"
        with self.checking:
            if reported and self.reported not in (None, reported):
                raise Refused(other_model(f"{who} reports the model", self.reported, reported))
            if self.dimension not in (None, dimension):
                raise Refused(
                    f"{who}, which reports the model '{reported or 'no name'}', returned "
                    f"{dimension:,}-dimensional vectors, but "
                    f"returned {self.dimension:,}-dimensional ones before (as "
                    f"'{self.reported or 'no name'}'), so the model has "
                    "changed. Serve the first model again, or set `version` (any text) to encode "
                    "all texts with the new one."
                )
            self.reported, self.dimension = self.reported or reported, dimension

    def vectors_of(self, texts: list[str]) -> np.ndarray:
        """The result of one request: array [texts, d]."""
        encoder = self.encoder
        more: dict[str, Any] = (
            {} if encoder.dimensions is None else {"dimensions": encoder.dimensions}
        )
        source = f"{self.where} with the model '{encoder.model}'"
        response = self.answered(
            {"model": encoder.model, "input": texts, "encoding_format": "float"} | more, source
        )
        code = response.status_code
        if code in (401, 403):
            help = (
                f"Check the environment variable {encoder.key}"
                if encoder.key
                else "Set `key` to the environment variable that holds the key"
            )
            raise Refused(f"{source}: authentication failed (HTTP {code}). {help}.")
        if code == 404:
            raise Refused(
                f"{source}: the model or URL does not exist (HTTP 404). Check both. A URL usually "
                "ends in /v1."
            )
        if not response.is_success:
            cut = (
                ""
                if encoder.characters
                else " If texts are too long for the model, set `characters` to truncate them."
            )
            raise Refused(f"{source} rejected {len(texts)} texts (HTTP {code}).{cut}")
        try:
            answer = json.loads(response.content)
        except (ValueError, RecursionError):
            raise Refused(f"{source} returned invalid or incomplete JSON.") from None
        vectors = matrix(answer, len(texts), source)
        if encoder.similarity == "cosine" and not vectors.any(axis=1).all():
            raise Refused(f"{source} returned a zero vector, whose cosine is undefined.")
        self.refuse_another_model(reported_by(answer), vectors.shape[1])
        return vectors

    def answered(self, given: dict[str, Any], source: str) -> Any:
        """The final response to a request, after retries. Each attempt has a deadline.

        Raises:
            Refused: it cannot be reached, or the response exceeds the limit.
        """
        import httpx2

        from hone.http import Unreadable, below
        from hone.llm.client import JSON, encode
        from hone.llm.retry_policy import is_temporary, pause

        body, last = encode(given), self.encoder.attempts - 1
        for attempt in range(self.encoder.attempts):
            wait = random.uniform(0.5, 1) * min(BACKOFF * 2**attempt, LONGEST_BACKOFF)
            try:
                response = self.client.request(
                    "POST",
                    below(self.where, "embeddings"),
                    self.encoder.timeout,
                    content=body,
                    headers=JSON,
                )
            except Unreadable as error:
                raise Refused(f"{source}: {error}.") from None
            except (TimeoutError, httpx2.TransportError) as error:
                if attempt == last:
                    raise Refused(
                        f"{source} cannot be reached ({type(error).__name__}, {attempt + 1} "
                        "attempts). Check the URL and the server."
                    ) from None
            else:
                if attempt == last or not is_temporary(response.status_code):
                    return response
                retry_after = pause(response.headers.get("retry-after"))
                wait = wait if retry_after is None else retry_after
            time.sleep(wait)
        raise AssertionError("`attempts` must be at least 1")


def client_of(encoder: EndpointEncoder, key: str | None) -> Any:
    """A client for concurrent requests, each with a deadline."""
    from hone.http import LONGEST_ANSWER, Waiting, asynchronous

    longest = LONGEST_ANSWER + encoder.batch * LONGEST_VECTOR
    return Waiting(asynchronous(encoder.url, encoder.slots, encoder.timeout, key, longest))


def reported_by(answer: Any) -> str | None:
    """The model name in a response, at most 200 characters. Null if it has none."""
    name = answer.get("model") if isinstance(answer, dict) else None
    return name.strip()[:LONGEST_NAME] or None if isinstance(name, str) else None


def matrix(answer: Any, count: int, source: str) -> np.ndarray:
    """The vectors of a response in the order of the texts.

    Raises:
        Refused: a vector is missing, duplicated, of another length, or contains NaN.
    """
    data = answer.get("data") if isinstance(answer, dict) else None
    rows = [
        one if isinstance(one, dict) else {} for one in (data if isinstance(data, list) else ())
    ]
    given = [(one.get("index"), one.get("embedding")) for one in rows]
    found = {place: vector for place, vector in given if type(place) is int}
    try:
        if len(given) != count:
            raise KeyError
        vectors = np.array([found[place] for place in range(count)])
    except (KeyError, ValueError):
        raise Refused(
            f"{source} did not return one vector of equal length for each of {count} texts."
        ) from None
    if vectors.ndim != 2 or not vectors.shape[1] or vectors.dtype.kind not in "iuf":
        raise Refused(f"{source} returned vectors with values that are not numbers.")
    with np.errstate(over="ignore"):
        vectors = vectors.astype(np.float32)
    if not np.isfinite(vectors).all():
        raise Refused(f"{source} returned vectors with NaN or values that are too large.")
    return vectors
