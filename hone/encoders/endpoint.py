"""Vectors from an endpoint that speaks OpenAI's /v1/embeddings (vLLM, llama.cpp, Ollama, a vendor), kept in the store like any others."""

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

from hone.addresses import public, secret, shown
from hone.encoders.device_lock import endpoint_lock
from hone.encoders.encoder import TextEncoder
from hone.encoders.model_folder import Route
from hone.encoders.store import Space, other_model
from hone.errors import Refused
from hone.files import fingerprint
from hone.stage import Progress

LONGEST_VECTOR = 512 << 10  # bytes of a vector in an answer: 16,384 numbers of 32 letters (ours)
LONGEST_NAME = 200  # characters of a reported name that are kept
BACKOFF, LONGEST_BACKOFF = 0.5, 8.0  # seconds before the second attempt, doubled for each further one (ours)
ROWS = 512  # texts whose vectors are kept at once: they may cost money, so that a kill loses few


@dataclass(frozen=True)
class EndpointEncoder(TextEncoder):
    """A model behind an endpoint.

    What the model's weights are cannot be seen from here: the store's address has the url, the model's name, and `version`,
    which a user changes when the server has another model under the same name. The name that the endpoint reports and the length
    of its vectors are kept with the first ones: another name or length is refused.

    Args:
        url: the base address, ending in /v1 as a rule.
        model: as the endpoint calls it.
        key: name of the environment variable that holds the key; null: none is needed.
        plain_http: the key may be sent to another machine without encryption.
        prompts: what is put before every query and every document.
        dimensions: of the vectors, where the model can give several; null: its own.
        characters: after which a text is cut off; null: whole texts.
        similarity: "cosine" or "dot".
        version: any text.
        batch: texts in a request.
        slots: requests at once.
        timeout: seconds for a request.
        attempts: times that a request is tried.
        user: who asks, as `hone store` shows it.
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
                "endpoint": shown(self.url),
                "model": self.model,
                "prompt": self.prompt(route),
                **{name: value for name in ("dimensions", "characters", "version") if (value := getattr(self, name)) is not None},
            }
        )

    def prompt(self, route: Route) -> str:
        return self.prompts.get(route) or ""

    def worker(self, route: Route) -> Requests:
        return Requests(self, route, [self.space(one) for one in ("query", "document")])

    def alone(self) -> AbstractContextManager:
        return endpoint_lock(fingerprint(self.url, self.model)[:16])


class Requests:
    """Requests for vectors of one route.

    Args:
        encoder: the endpoint.
        route: whether the texts are queries or documents.
        spaces: of both routes: queries and documents are compared, so that one model must have made both.
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
        """Vectors [n, d], fp32, in the order of the texts.

        Raises:
            Refused: the endpoint does not let us in, has no such model, cannot be reached, or gives what are no vectors.
        """
        encoder = self.encoder
        asked = [f"{encoder.prompt(self.route)}{text[: encoder.characters]}" or " " for text in texts]
        batches = [asked[start : start + encoder.batch] for start in range(0, len(asked), encoder.batch)]
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
        """Raises Refused where an answer comes from another model than those before it, in this run or in the store."""
        who = f"{self.where} with the model '{self.encoder.model}'"
        with self.checking:
            if reported and self.reported not in (None, reported):
                raise Refused(other_model(f"{who} answers as", self.reported, reported))
            if self.dimension not in (None, dimension):
                raise Refused(
                    f"{who}, which answers as '{reported or 'no name'}', gives {dimension:,}-dimensional vectors, and gave "
                    f"{self.dimension:,}-dimensional ones before (as '{self.reported or 'no name'}'): it is another model now. Serve the "
                    "first one again, or set `version` (any text) so that all texts are encoded by the new one."
                )
            self.reported, self.dimension = self.reported or reported, dimension

    def vectors_of(self, texts: list[str]) -> np.ndarray:
        """What one request brings: array [texts, d]."""
        encoder = self.encoder
        more: dict[str, Any] = {} if encoder.dimensions is None else {"dimensions": encoder.dimensions}
        told = f"{self.where} with the model '{encoder.model}'"
        response = self.answered({"model": encoder.model, "input": texts, "encoding_format": "float"} | more, told)
        code = response.status_code
        if code in (401, 403):
            help = (
                f"check the key in {encoder.key}" if encoder.key else "it wants a key; `key` names the environment variable that holds one"
            )
            raise Refused(f"{told} does not let us in (status {code}): {help}.")
        if code == 404:
            raise Refused(f"{told}: there is no such model or address (status 404). An address ends in /v1 as a rule.")
        if not response.is_success:
            cut = "" if encoder.characters else " Where texts are too long for the model, `characters` cuts them off."
            raise Refused(f"{told} refuses {len(texts)} texts (status {code}).{cut}")
        try:
            answer = json.loads(response.content)
        except (ValueError, RecursionError):
            raise Refused(f"{told} gives what is no JSON, or JSON that breaks off.") from None
        vectors = matrix(answer, len(texts), told)
        if encoder.similarity == "cosine" and not vectors.any(axis=1).all():
            raise Refused(f"{told} gives a vector of zeros, which has no direction and so no cosine with any other.")
        self.refuse_another_model(reported_by(answer), vectors.shape[1])
        return vectors

    def answered(self, given: dict[str, Any], told: str) -> Any:
        """The endpoint's last word on a request, after as many attempts as it takes; each has an end in time.

        Raises:
            Refused: it cannot be reached, or answers what is not read to its end.
        """
        import httpx2

        from hone.http import Unreadable, below
        from hone.llm.chat_completion import passes, pause
        from hone.llm.client import JSON, encode

        body, last = encode(given), self.encoder.attempts - 1
        for attempt in range(self.encoder.attempts):
            wait = random.uniform(0.5, 1) * min(BACKOFF * 2**attempt, LONGEST_BACKOFF)
            try:
                response = self.client.request("POST", below(self.where, "embeddings"), self.encoder.timeout, content=body, headers=JSON)
            except Unreadable as error:
                raise Refused(f"{told} gives {error}.") from None
            except (TimeoutError, httpx2.TransportError) as error:
                if attempt == last:
                    raise Refused(f"{told} cannot be reached ({type(error).__name__}), tried {attempt + 1} times.") from None
            else:
                if attempt == last or not passes(response.status_code):
                    return response
                asked = pause(response.headers.get("retry-after"))
                wait = wait if asked is None else asked
            time.sleep(wait)
        raise AssertionError("an endpoint is tried at least once")


def client_of(encoder: EndpointEncoder, key: str | None) -> Any:
    """A client for several requests at once, each of which has an end in time."""
    from hone.http import LONGEST_ANSWER, Waiting, asynchronous

    longest = LONGEST_ANSWER + encoder.batch * LONGEST_VECTOR
    return Waiting(asynchronous(encoder.url, encoder.slots, encoder.timeout, key, longest))


def reported_by(answer: Any) -> str | None:
    """The name that an answer gives of the model, at most 200 characters; null where it gives none."""
    name = answer.get("model") if isinstance(answer, dict) else None
    return name.strip()[:LONGEST_NAME] or None if isinstance(name, str) else None


def matrix(answer: Any, count: int, told: str) -> np.ndarray:
    """The vectors of an answer in the order of the texts.

    Raises:
        Refused: one is missing, stands twice, is of another length or holds what is no number.
    """
    data = answer.get("data") if isinstance(answer, dict) else None
    rows = [one if isinstance(one, dict) else {} for one in (data if isinstance(data, list) else ())]
    given = [(one.get("index"), one.get("embedding")) for one in rows]
    found = {place: vector for place, vector in given if type(place) is int}
    try:
        if len(given) != count:
            raise KeyError
        vectors = np.array([found[place] for place in range(count)])
    except (KeyError, ValueError):
        raise Refused(f"{told} gives no vector for each of {count} texts, all of one length.") from None
    if vectors.ndim != 2 or not vectors.shape[1] or vectors.dtype.kind not in "iuf":
        raise Refused(f"{told} gives vectors with what is no number.")
    with np.errstate(over="ignore"):
        vectors = vectors.astype(np.float32)
    if not np.isfinite(vectors).all():
        raise Refused(f"{told} gives vectors with what is no number, or one too large.")
    return vectors
