"""What the rounds have cost so far: training steps, judge calls, generated texts, tokens and
money.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import astuple, dataclass

from hone.files import read_json
from hone.layout import generation_account, round_account, round_table
from hone.present.number_format import count


@dataclass(frozen=True)
class Cost:
    """The cost of some rounds.

    Attributes:
        rounds: number of trained rounds.
        steps: training steps.
        calls, tokens, money, seconds: of judge calls that these rounds made. Cached verdicts cost
            nothing. The money is in the currency of the judge's `price`.
        texts, text_tokens, text_money: of the calls that wrote queries and documents for the
            collections, whenever they were paid.
    """

    rounds: int = 0
    steps: int = 0
    calls: int = 0
    tokens: int = 0
    money: float = 0.0
    seconds: float = 0.0
    texts: int = 0
    text_tokens: int = 0
    text_money: float = 0.0

    def __add__(self, other: Cost) -> Cost:
        return Cost(*(one + more for one, more in zip(astuple(self), astuple(other), strict=True)))

    def describe(self) -> str:
        """The cost in a sentence."""
        steps = count(self.steps, "training step")
        judged = count(self.calls, "judge call")
        spent = f", {self.tokens:,} tokens, cost {self.money:.2f}" if self.calls else ""
        written = (
            f"; {count(self.texts, 'call')} of generators, {self.text_tokens:,} tokens, cost "
            f"{self.text_money:.2f}"
            if self.texts
            else ""
        )
        return f"{steps} in {count(self.rounds, 'round')}; {judged}{spent}{written}."


def sum_cost(rounds: Iterable[str], collections: Iterable[str] = ()) -> Cost:
    """The cost of all rounds that have results, and of what was generated for collections."""
    return sum((*map(cost_of, rounds), *map(cost_of_generation, collections)), Cost())


def cost_of_generation(collection: str) -> Cost:
    """The calls whose texts the collection's generated queries are made of."""
    file = generation_account(collection)
    paid = read_json(file)["cost"] if file.exists() else None
    if not paid:
        return Cost()
    return Cost(texts=paid["calls"], text_tokens=paid["tokens"], text_money=paid["money"])


def cost_of(round: str) -> Cost:
    """The cost of one round, as far as it has run."""
    steps = count_steps(round)
    return Cost(rounds=int(steps > 0), steps=steps) + cost_of_judges(round)


def count_steps(round: str) -> int:
    """Training steps of a round; 0 if it is not trained."""
    import polars as pl

    from hone.data import tables

    path = round_table(round, "trained")
    if not path.exists():
        return 0
    return int(tables.scan("trained", path).select(pl.col("step").max()).collect().item() or 0)


def cost_of_judges(round: str) -> Cost:
    """The calls that a round's cascade made. An answer may have several verdicts."""
    import polars as pl

    from hone.data import tables

    account, path = round_account(round, "relabel"), round_table(round, "judgments")
    if not account.exists() or not path.exists():
        return Cost()
    fields = read_json(account)
    bought = pl.col("run").str.starts_with(fields.get("run") or "").fill_null(False)
    if before := fields.get("run_before"):
        bought |= pl.col("run").str.contains(f" {before} ", literal=True).fill_null(False)
    rows = tables.scan("judgments", path).filter(bought)
    tokens = pl.col("tokens_in").fill_null(0) + pl.col("tokens_out").fill_null(0)
    found = rows.select(
        calls=pl.col("answer").drop_nulls().n_unique(),
        tokens=tokens.sum(),
        money=pl.col("money").fill_null(0).sum(),
        seconds=pl.col("seconds").fill_null(0).sum(),
    )
    return Cost(**found.collect().row(0, named=True))
