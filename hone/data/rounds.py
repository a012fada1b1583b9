"""Predecessors and successors of a round."""

from __future__ import annotations


def with_start(rounds: dict[str, dict], name: str) -> list[str]:
    """The start round of `name`, the round itself, and every round whose model descends from it,
    in the order of params.yaml.
    """
    line = [name]
    for other, item in rounds.items():
        if item["from"] in line:
            line.append(other)
    return [rounds[name]["from"], *line]


def ancestors(rounds: dict[str, dict], name: str) -> list[str]:
    """The round and all its predecessors, the newest first and r0 last."""
    line = [name]
    while line[-1] in rounds:
        line.append(rounds[line[-1]]["from"])
    return line


def draws_of(rounds: dict[str, dict], name: str) -> str:
    """The random stream of a round: its depth in its lineage, not its name.

    Rounds with the same start round, such as a round and its control, share a stream. So they share
    batches and draws where their recipes agree. A renamed round draws as before. The next round of
    a lineage draws anew.
    """
    return f"position {len(made_by(rounds, name))}"


def made_by(rounds: dict[str, dict], name: str) -> list[str]:
    """The lineage of a round's model, from the first round to the round itself. Empty for the
    base model.
    """
    return [one for one in reversed(ancestors(rounds, name)) if one in rounds]
