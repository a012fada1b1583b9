"""A session: one judge answers one block of questions."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from itertools import groupby

import polars as pl

from hone.judging.context import Desk
from hone.judging.requests import Item, Wording
from hone.llm.completion import Completion
from hone.llm.endpoint_state import habits
from hone.llm.ledger.ledger import Verdict, question_key
from hone.llm.session import QuestionSession
from hone.seeds import generator


@dataclass
class Session(QuestionSession):
    """One judge and one block of questions, whose answers are verdicts."""

    desk: Desk
    wording: Wording

    def answer(self, items: dict[bytes, Item]) -> pl.DataFrame:
        """Answer every question, from the ledger where possible.

        Returns:
            One row per question: question, verdict, reason, and the answer that it comes from.
        """
        found, failed = self.answer_all(items)
        unknown = pl.DataFrame(
            {
                "question": list(failed),
                "verdict": ["unknown"] * len(failed),
                "reason": list(failed.values()),
            },
            schema={"question": pl.Binary, "verdict": pl.String, "reason": pl.String},
        )
        return pl.concat([found, unknown], how="diagonal_relaxed")

    def look_up(self, keys: list[bytes]) -> pl.DataFrame:
        """The recorded verdicts."""
        return self.desk.ledger.find(self.judge, keys, self.desk.retry)

    def bundle(self, item: Item) -> Hashable:
        """The questions of one query are claimed together."""
        return item.query, item.positives

    def groups(self, items: list[Item]) -> Iterator[list[Item]]:
        """The questions of one request each. Those of a listwise prompt are shuffled, so that
        positions do not reveal ranks.
        """
        if self.wording.prompt.kind != "listwise":
            yield from ([item] for item in items)
            return
        for (query, _), group in groupby(items, key=lambda item: (item.query, item.positives)):
            of_query = list(group)
            order = generator(
                self.desk.seed, self.judge, question_key(query, "").hex()
            ).permutation(len(of_query))
            for start in range(0, len(of_query), self.wording.settings.documents):
                yield [
                    of_query[place]
                    for place in order[start : start + self.wording.settings.documents]
                ]

    def record_answer(self, completion: Completion, group: list[Item]) -> None:
        """Write the answer in a completion, with its verdicts on a group, to the ledger."""
        wording = self.wording
        if completion.fault:
            verdicts = [Verdict(item.key, "unknown", reason=completion.fault) for item in group]
        else:
            self.expected = self.expected or completion.model
            read = wording.prompt.parse(
                completion.text,
                completion.tops,
                completion.cut,
                len(group),
                wording.settings.positive_from,
            )
            if stopped := habits(self.endpoint).judge_room(
                completion, any(verdict.verdict != "unknown" for verdict in read)
            ):
                self.endpoint.log(stopped)
            verdicts = [
                Verdict(
                    item.key, verdict.verdict, verdict.grade, verdict.probability, verdict.reason
                )
                for item, verdict in zip(group, read, strict=True)
            ]
        # A batch's answer is on the disk before the batch's own files mark it as collected.
        self.desk.ledger.record(
            self.judge,
            self.record_cost(completion),
            verdicts,
            self.desk.run,
            self.desk.retry,
            durable=wording.settings.later,
        )
