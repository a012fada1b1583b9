"""Cross-encoder scores in the ledger, found by the model's weights and the texts, so that each
score is computed once.

A score is not a verdict: thresholds may change without new scores. So the ledger stores the verdict
unknown, with the score as grade.
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

PAIRS_PER_ANSWER = 256  # maximum number of scores that a kill loses
PAIRS_PER_BATCH = 32
POLL = 0.5  # seconds between two look-ups of another process's scores
A_SCORE = "a score; a threshold makes a verdict of it"
NO_NUMBER = "the score is no number"


@dataclass
class Scorer:
    """One model with one maximum text length.

    Args:
        name, revision: of the model.
        max_length: maximum number of tokens of query and document together; null: the model's own
            maximum.
        desk: ledger, budget, device.
        kind: module with `identity_of` and `model_of` for such models.
        what: the name of its scores in the ledger.
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
        self.desk.ledger.describe(
            self.judge, description | {"model": self.name, "revision": self.revision}
        )

    def scores(self, pairs: pl.DataFrame, questions: Questions) -> pl.DataFrame:
        """Scores of pairs, from the ledger where possible.

        Args:
            pairs: query_id, doc_id.
            questions: source of their texts.

        Returns:
            query_id, doc_id, and the answer's columns in the ledger (grade is the score); null if
            the budget was used up.
        """
        queries, documents = questions.query_texts, questions.document_texts
        texts = {
            pair: (queries[pair[0]], documents[pair[1]]) for pair in pairs.select(PAIR).iter_rows()
        }
        keys = {pair: question_key(*both) for pair, both in texts.items()}
        wanted = {keys[pair]: both for pair, both in texts.items()}
        self._make(wanted)
        found = self.desk.ledger.find(self.judge, list(wanted))
        keyed_pairs = pairs.select(
            *PAIR,
            question=pl.Series(
                [keys[pair] for pair in pairs.select(PAIR).iter_rows()], dtype=pl.Binary
            ),
        )
        return keyed_pairs.join(found, on="question", how="left", maintain_order="left").drop(
            "question"
        )

    def _make(self, wanted: dict[bytes, tuple[str, str]]) -> None:
        """Wait until the ledger has every score, computed here or by another process, or the
        budget is used up.
        """
        logged = False
        while missing := self._missing(list(wanted)):
            # The longest first: pairs of similar length share a batch, and a memory error shows at
            # once.
            order = sorted(missing, key=lambda key: -sum(map(len, wanted[key])))
            done = self._score(order, wanted)
            if self.over:
                return
            if not done:
                if not logged:
                    say(
                        f"{self.desk.stage}: waiting for {len(missing):,} pairs that another "
                        "process is scoring"
                    )
                    logged = True
                time.sleep(POLL)

    def _missing(self, keys: list[bytes]) -> list[bytes]:
        known = set(self.desk.ledger.find(self.judge, keys)["question"])
        return [key for key in keys if key not in known]

    def _score(self, order: list[bytes], wanted: dict[bytes, tuple[str, str]]) -> int:
        """Score the pairs that no other process is scoring or has scored, block by block;
        returns their number.
        """
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
        """Score these pairs and record the scores at once."""
        with torch_lock(self.device):
            model = loaded(
                self.kind, self.weights, self.name, self.revision, self.max_length, self.device
            )
            began = time.monotonic()
            made = model.predict(
                [wanted[key] for key in keys], batch_size=PAIRS_PER_BATCH, show_progress_bar=False
            ).tolist()
            spent = time.monotonic() - began
        verdicts = [
            Verdict(key, "unknown", score, reason=A_SCORE)
            if math.isfinite(score)
            else Verdict(key, "unknown", reason=NO_NUMBER)
            for key, score in zip(keys, made, strict=True)
        ]
        raw = "\n".join(map(repr, made))
        self.desk.ledger.record(
            self.judge, Answer(raw, self.name, 0, 0, 0.0, spent), verdicts, self.desk.run
        )

    @cached_property
    def device(self) -> str:
        return device_of(self.desk.models.machine["device"] if self.desk.models else "auto")

    def _may_go_on(self) -> bool:
        """Whether the budget allows more scores. A score takes time, but no tokens or money, and
        does not count as a pair.
        """
        budget = self.desk.budget
        reservation = None if budget.over else budget.reserve(0, 0, 0.0)
        if reservation is None:
            return False
        budget.settle(reservation, 0, 0.0)
        return True


@lru_cache(maxsize=1)
def loaded(
    kind: ModuleType,
    weights: str,
    name: str,
    revision: str | None,
    max_length: int | None,
    device: str,
) -> Any:
    """The model in torch, cached between blocks of questions; `weights` shows whether it has
    changed.
    """
    return kind.model_of(name, revision, max_length, device)
