"""Vectors from an endpoint that speaks OpenAI's /v1/embeddings (vLLM, llama.cpp, Ollama, a vendor), kept in the store like any others."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from tasks.encode.encoder import TextEncoder
from tasks.encode.model import Route
from tasks.encode.store import Space
from tasks.errors import Refused
from tasks.files import fingerprint, home
from tasks.stage import Progress

if TYPE_CHECKING:
    from openai import OpenAI

LONGEST_VECTOR = 512 << 10  # bytes of a vector in an answer: 16,384 numbers of 32 letters (ours)
ROWS = 512  # texts whose vectors are kept at once: they may cost money, so that a kill loses few


@dataclass(frozen=True)
class EndpointEncoder(TextEncoder):
    """A model behind an endpoint.

    What the model's weights are cannot be seen from here: the store's address has the url, the model's name, and `version`,
    which a user changes when the server has another model under the same name.

    Args:
        url: the base address, ending in /v1 as a rule.
        model: as the endpoint calls it.
        key: name of the environment variable that holds the key; null: none is needed.
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

    @property
    def rows_per_shard(self) -> int:
        return ROWS

    @property
    def name(self) -> str:
        return self.model

    def space(self, route: Route) -> Space:
        from tasks.transport import shown

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
        return Requests(self, route)

    def alone(self) -> AbstractContextManager:
        from filelock import FileLock

        return FileLock(home() / f"embeddings-{fingerprint(self.url, self.model)[:16]}.lock")


class Requests:
    """Requests for vectors of one route."""

    def __init__(self, encoder: EndpointEncoder, route: Route) -> None:
        from tasks.transport import public, secret

        self.encoder, self.route = encoder, route
        self.where = public(encoder.url)
        self.client = client_of(encoder, secret(encoder.url, encoder.key))

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
        if len({part.shape[1] for part in made}) > 1:
            raise Refused(f"{self.where} gives vectors of different lengths for the model '{encoder.model}'.")
        return np.concatenate(made)

    def vectors_of(self, texts: list[str]) -> np.ndarray:
        """What one request brings: array [texts, d]."""
        import openai

        from tasks.transport import Unreadable

        more: dict[str, Any] = {} if self.encoder.dimensions is None else {"dimensions": self.encoder.dimensions}
        told = f"{self.where} with the model '{self.encoder.model}'"
        try:
            answer = self.client.embeddings.create(model=self.encoder.model, input=texts, encoding_format="float", **more)
        except (openai.AuthenticationError, openai.PermissionDeniedError) as error:
            key = self.encoder.key
            help = f"check the key in {key}" if key else "it wants a key; `key` names the environment variable that holds one"
            raise Refused(f"{told} does not let us in (status {error.status_code}): {help}.") from None
        except openai.NotFoundError:
            raise Refused(f"{told}: there is no such model or address (status 404). An address ends in /v1 as a rule.") from None
        except openai.APIStatusError as error:
            cut = "" if self.encoder.characters else " Where texts are too long for the model, `characters` cuts them off."
            raise Refused(f"{told} refuses {len(texts)} texts (status {error.status_code}).{cut}") from None
        except openai.OpenAIError as error:
            if isinstance(error.__cause__, Unreadable):
                raise Refused(f"{told} gives {error.__cause__}.") from None
            raise Refused(f"{told} cannot be reached ({type(error).__name__}), tried {self.encoder.attempts} times.") from None
        except OverflowError:
            raise Refused(f"{told} gives vectors with what is no number, or one too large.") from None
        except (ValueError, RecursionError):
            raise Refused(f"{told} gives what is no JSON, or JSON that breaks off.") from None
        vectors = matrix(answer, len(texts), told)
        if self.encoder.similarity == "cosine" and not vectors.any(axis=1).all():
            raise Refused(f"{told} gives a vector of zeros, which has no direction and so no cosine with any other.")
        return vectors


def client_of(encoder: EndpointEncoder, key: str) -> OpenAI:
    """A client that tries again by itself (with pauses, as the endpoint asks for) and follows no redirection."""
    from openai import OpenAI

    from tasks.transport import LONGEST_ANSWER, synchronous

    longest = LONGEST_ANSWER + encoder.batch * LONGEST_VECTOR
    http = synchronous(encoder.url, encoder.timeout, encoder.timeout, slots=encoder.slots, longest=longest)
    return OpenAI(base_url=encoder.url, api_key=key, max_retries=encoder.attempts - 1, timeout=encoder.timeout, http_client=http)


def matrix(answer: Any, count: int, told: str) -> np.ndarray:
    """The vectors of an answer in the order of the texts.

    Raises:
        Refused: one is missing, stands twice, is of another length or holds what is no number.
    """
    data = getattr(answer, "data", None)
    given = [(getattr(one, "index", None), getattr(one, "embedding", None)) for one in (data if isinstance(data, list) else ())]
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
