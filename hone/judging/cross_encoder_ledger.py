"""Scores of a model that reads query and document together, kept in the ledger by its weights and the texts: none is made twice.

A score is no verdict yet: thresholds may change without scoring anew. The ledger therefore calls it unknown, with the
score as its grade.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

import polars as pl

from hone.data.questions import Questions
from hone.encoders import cross_encoder_folder
from hone.encoders.device_lock import torch_lock
from hone.encoders.precision import device_of
from hone.files import fingerprint
from hone.judging.context import Desk
from hone.layout import PAIR
from hone.llm.ledger.ledger import Answer, Verdict, question_key
from hone.stage import Progress, say

if TYPE_CHECKING:
    from types import ModuleType

PAIRS_PER_ANSWER = 256  # what a kill loses at most
PAIRS_PER_BATCH = 32
POLL = 0.5  # seconds between two looks at what another process scores
A_SCORE = "a score; a threshold makes a verdict of it"
NO_NUMBER = "the score is no number"


@dataclass
class Scorer:
    """One model with one length of texts.

    Args:
        name, revision: of the model.
        max_length: tokens after which a query with its document is cut off; null: the model's own.
        desk: ledger, budget, device.
        kind: the module that knows such models: `identity_of` and `model_of`.
        what: how its scores are called in the ledger.
    """

    name: str
    revision: str | None
    max_length: int | None
    desk: Desk
    kind: ModuleType = cross_encoder_folder
    what: str = "cross-encoder scores"
    weights: str = field(init=False)
    judge: str = field(init=False)
    over: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        self.weights = self.kind.identity_of(self.name, self.revision)
        description = {"method": self.what, "weights": self.weights, "max_length": self.max_length}
        self.judge = fingerprint(*(f"{name} {value}" for name, value in description.items()))[:32]
        self.desk.ledger.describe(self.judge, description | {"model": self.name, "revision": self.revision})

    def scores(self, pairs: pl.DataFrame, questions: Questions) -> pl.DataFrame:
        """Scores of pairs, from the ledger as far as it has them.

        Args:
            pairs: query_id, doc_id.
            questions: whose texts they have.

        Returns:
            query_id, doc_id, and what the ledger has of the answer (grade is the score); null where the budget was over.
        """
        queries, documents = questions.query_texts, questions.document_texts
        texts = {pair: (queries[pair[0]], documents[pair[1]]) for pair in pairs.select(PAIR).iter_rows()}
        keys = {pair: question_key(*both) for pair, both in texts.items()}
        wanted = {keys[pair]: both for pair, both in texts.items()}
        self._make(wanted)
        found = self.desk.ledger.find(self.judge, list(wanted))
        asked = pairs.select(*PAIR, question=pl.Series([keys[pair] for pair in pairs.select(PAIR).iter_rows()], dtype=pl.Binary))
        return asked.join(found, on="question", how="left", maintain_order="left").drop("question")

    def _make(self, wanted: dict[bytes, tuple[str, str]]) -> None:
        """Have every wanted score in the ledger, made here or by another process, until the budget is over."""
        told = False
        while missing := self._missing(list(wanted)):
            # The longest first: pairs of like length share a batch, and what does not fit the memory shows at once.
            order = sorted(missing, key=lambda key: -sum(map(len, wanted[key])))
            done = self._score(order, wanted)
            if self.over:
                return
            if not done:
                if not told:
                    say(f"{self.desk.stage}: waiting for {len(missing):,} pairs that another process is scoring now")
                    told = True
                time.sleep(POLL)

    def _missing(self, keys: list[bytes]) -> list[bytes]:
        known = set(self.desk.ledger.find(self.judge, keys)["question"])
        return [key for key in keys if key not in known]

    def _score(self, order: list[bytes], wanted: dict[bytes, tuple[str, str]]) -> int:
        """Score what nobody else scores now and nobody has scored meanwhile, block by block; how many these were."""
        ledger, done = self.desk.ledger, 0
        progress = Progress(f"relabel {self.desk.round}: {self.name}", len(order))
        for start in range(0, len(order), PAIRS_PER_ANSWER):
            if not self._may_go_on():
                self.over = True
                break
            block = order[start : start + PAIRS_PER_ANSWER]
            mine = ledger.claim(self.judge, block)
            try:
                left = set(self._missing([key for key in block if key in mine]))
                if left:
                    self._record([key for key in block if key in left], wanted)
            finally:
                ledger.release(self.judge, list(mine))
            progress.add(len(block))
            done += len(left)
        return done

    def _record(self, keys: list[bytes], wanted: dict[bytes, tuple[str, str]]) -> None:
        """Score these and keep what came out at once."""
        with torch_lock(self.device):
            model = loaded(self.kind, self.weights, self.name, self.revision, self.max_length, self.device)
            began = time.monotonic()
            made = model.predict([wanted[key] for key in keys], batch_size=PAIRS_PER_BATCH, show_progress_bar=False).tolist()
            spent = time.monotonic() - began
        said = [
            Verdict(key, "unknown", score, reason=A_SCORE) if math.isfinite(score) else Verdict(key, "unknown", reason=NO_NUMBER)
            for key, score in zip(keys, made, strict=True)
        ]
        raw = "\n".join(map(repr, made))
        self.desk.ledger.record(self.judge, Answer(raw, self.name, 0, 0, 0.0, spent), said, self.desk.run)

    @cached_property
    def device(self) -> str:
        return device_of(self.desk.models.machine["device"] if self.desk.models else "auto")

    def _may_go_on(self) -> bool:
        """Whether there is budget left: a score costs time and neither money nor tokens, and is no pair that is asked for."""
        budget = self.desk.budget
        reservation = None if budget.over else budget.reserve(0, 0, 0.0)
        if reservation is None:
            return False
        budget.settle(reservation, 0, 0.0)
        return True


@lru_cache(maxsize=1)
def loaded(kind: ModuleType, weights: str, name: str, revision: str | None, max_length: int | None, device: str) -> Any:
    """The model in torch, kept from one block of questions to the next; `weights` tells whether it is still the same."""
    return kind.model_of(name, revision, max_length, device)
