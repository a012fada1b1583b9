"""Which rounds come before and after a round."""

from __future__ import annotations


def with_start(rounds: dict[str, dict], name: str) -> list[str]:
    """The round that `name` starts from, itself, and every round whose model comes from it, in the order of params.yaml."""
    line = [name]
    for other, item in rounds.items():
        if item["from"] in line:
            line.append(other)
    return [rounds[name]["from"], *line]


def ancestors(rounds: dict[str, dict], name: str) -> list[str]:
    """The round itself and all before it, the newest first; r0 last."""
    line = [name]
    while line[-1] in rounds:
        line.append(rounds[line[-1]]["from"])
    return line


def draws_of(rounds: dict[str, dict], name: str) -> str:
    """What a round's random numbers are drawn for: its place in its line, and not its name.

    Rounds that start from the same round, such as a round and its control, share it, and so they share batches and draws wherever their
    recipes agree. A renamed round draws as before; the next round of a line draws anew.
    """
    return f"position {len(made_by(rounds, name))}"


def made_by(rounds: dict[str, dict], name: str) -> list[str]:
    """The rounds that made a round's model, the first first and itself last; none for the base model."""
    return [one for one in reversed(ancestors(rounds, name)) if one in rounds]
