"""What is left of a round's budget: limits less what these judges spent on these questions."""

from __future__ import annotations

import hashlib

import polars as pl

from hone.data.questions import in_blocks
from hone.data.training_set import TrainingSet
from hone.files import fingerprint, fingerprint_of_file
from hone.judging.settings import ResolvedRelabel
from hone.judging.versions import prompted
from hone.layout import PAIR, round_table
from hone.llm.budget import NAMES, Budget
from hone.llm.spending import Spending
from hone.stage import say
from tasks.relabel.settings import RelabelSettings


def judges_of(section: ResolvedRelabel) -> list[str]:
    """The fingerprints of a cascade's judges, each once."""
    return list(dict.fromkeys(line["fingerprint"] for line in section.cascade))


def fingerprint_of_questions(negatives: pl.DataFrame, known: pl.DataFrame, training: TrainingSet) -> str:
    """A hash of what a round's judges read: every negative's query and document, and the known answers, in an order of their own.

    The same on every machine, in every folder and under every name of the round.
    """
    total = hashlib.blake2b(digest_size=16)
    for questions in in_blocks(negatives.sort(PAIR), known.sort(PAIR), training):
        pairs = questions.pairs.select(PAIR).sort(PAIR)
        for texts in (
            pairs["query_id"], pairs["doc_id"],
            questions.queries.sort("query_id")["text"], questions.documents.sort("doc_id")["full_text"],
        ):  # fmt: skip
            raw = "\0".join(texts).encode("utf-8", "surrogatepass")
            total.update(len(raw).to_bytes(8, "little") + raw)
    return total.hexdigest()


def order_before(settings: RelabelSettings) -> str:
    """The third word of the names of runs of earlier versions that share this budget: they had no accounts in the ledger."""
    section = settings.relabel
    asked = [line["fingerprint"] for line in section.cascade if prompted(line)]
    negatives = fingerprint_of_file(round_table(settings.round, "negatives"))
    return word_before(negatives, section.retry, asked)


def word_before(negatives: str, retry: int, judges: list[str]) -> str:
    """That word: a hash of the negatives' file, of the attempt, and of the judges that cost something."""
    return fingerprint(negatives, str(retry), *judges)[:12]


def what_is_left(limits: dict, spending: Spending, order: str, round: str) -> Budget:
    """The stage's budget, less what was spent on these questions by these judges, wherever and by whomever.

    Args:
        limits: by name; null: none.
        spending: the judges' accounts.
        order: names the runs of earlier versions, which count too.
        round: its name, to report what was spent.
    """
    budget = Budget(**limits, spending=spending)
    if any(limits[name] is not None for name in NAMES):
        before = spending.ledger.spent(order=order)
        budget.begun_with(before)
        total, open_ = spending.total(), spending.reserved()
        spent = {name: before[name] + total[name] for name in NAMES}
        if spent["pairs"]:
            told = f"{spent['pairs']:,} pairs, {spent['tokens']:,} tokens, {spent['money']:.4g} of money"
            say(f"relabel {round}: {told} of the budget are spent already, by earlier runs or by another that works now")
        if open_["tokens"] or open_["money"]:
            say(
                f"relabel {round}: of these, {open_['tokens']:,.0f} tokens and {open_['money']:.4g} of money are set aside for calls that "
                "have not ended, or whose process was killed; what those cost is not known, so they count in full"
            )
    return budget
