"""The remaining budget of a round: the limits less what its judges have spent on its questions."""

from __future__ import annotations

import hashlib

import polars as pl

from hone.data.questions import in_blocks
from hone.data.training_set import TrainingSet
from hone.files import fingerprint, fingerprint_of_file
from hone.judging.resolved_relabel import ResolvedRelabel
from hone.judging.versions import prompted
from hone.layout import PAIR, round_table
from hone.llm.budget import NAMES, Budget
from hone.llm.spending import Spending
from hone.stage import say
from tasks.relabel.settings import RelabelSettings


def judges_of(section: ResolvedRelabel) -> list[str]:
    """The fingerprints of a cascade's judges, without duplicates."""
    return list(dict.fromkeys(line["fingerprint"] for line in section.cascade))


def fingerprint_of_questions(
    negatives: pl.DataFrame, known: pl.DataFrame, training: TrainingSet
) -> str:
    """A hash of a round's questions: every negative's query and document, and the labelled
    positives, in canonical order.

    It does not depend on the machine, the folder or the round's name.
    """
    total = hashlib.blake2b(digest_size=16)
    for questions in in_blocks(negatives.sort(PAIR), known.sort(PAIR), training):
        pairs = questions.pairs.select(PAIR).sort(PAIR)
        for texts in (
            pairs["query_id"],
            pairs["doc_id"],
            questions.queries.sort("query_id")["text"],
            questions.documents.sort("doc_id")["full_text"],
        ):
            raw = "\0".join(texts).encode("utf-8", "surrogatepass")
            total.update(len(raw).to_bytes(8, "little") + raw)
    return total.hexdigest()


def order_before(settings: RelabelSettings) -> str:
    """The third word of run names of earlier versions that share this budget. They had no
    accounts in the judgment log.
    """
    section = settings.relabel
    fingerprints = [line["fingerprint"] for line in section.cascade if prompted(line)]
    negatives = fingerprint_of_file(round_table(settings.round, "negatives"))
    return word_before(negatives, section.retry, fingerprints)


def word_before(negatives: str, retry: int, judges: list[str]) -> str:
    """The third word: a hash of the negatives' file, the attempt, and the judges that cost
    something.
    """
    return fingerprint(negatives, str(retry), *judges)[:12]


def what_is_left(limits: dict, spending: Spending, order: str, round: str) -> Budget:
    """The stage's budget, less what these judges have spent on these questions in any process.

    Args:
        limits: by name; null: no limit.
        spending: the judges' accounts.
        order: third word of the run names of earlier versions, which also count.
        round: name of the round, for log lines.
    """
    budget = Budget(**limits, spending=spending)
    if any(limits[name] is not None for name in NAMES):
        before = spending.ledger.spent(order=order)
        budget.begun_with(before)
        total, open_ = spending.total(), spending.reserved()
        spent = {name: before[name] + total[name] for name in NAMES}
        if spent["pairs"]:
            amounts = (
                f"{spent['pairs']:,} pairs, {spent['tokens']:,} tokens, {spent['money']:.4g} "
                "of money"
            )
            say(
                f"relabel {round}: {amounts} of the budget are already spent, by earlier runs or "
                "another running process"
            )
        if open_["tokens"] or open_["money"]:
            say(
                f"relabel {round}: this includes {open_['tokens']:,.0f} tokens and "
                f"{open_['money']:.4g} of money for calls that have "
                "not ended, or whose process was killed. Their cost is unknown, so the "
                "reservations count in full"
            )
    return budget
