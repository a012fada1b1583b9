"""What judging would take: pairs, tokens, money and time, before anything is asked."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from hone.screen import line, spell, table
from tasks import tables
from tasks.params import Params
from tasks.relabel.how import with_how
from tasks.relabel.ledger import Ledger

SAMPLE = 200
CHARACTERS_PER_TOKEN = 4.0
FREE = frozenset({"encoder", "cross-encoder", "replay", "people"})
NO_TOKENS = FREE | {"likelihood"}  # a model of this machine that is given texts and no prompt


@dataclass(frozen=True)
class Judging:
    """What one judge of a round would be asked.

    Attributes:
        pairs: at most; null where it depends on what an earlier judge finds.
        tokens: of the prompts and answers of so many pairs; null where the judge counts none.
        money: at the prices given; null where none are given.
        seconds: at the speed that the ledger has of this judge; null where it has none.
    """

    round: str
    judge: str
    pairs: int
    bound: str
    tokens: int | None
    money: float | None
    seconds: float | None


def plan_judging(given: Params, settings: dict[str, dict], running: list[str]) -> None:
    """Print it for the rounds whose `relabel` would run."""
    found = [
        one
        for name in given.rounds
        if f"relabel@{name}" in running
        for one in judging(given, settings[f"rounds/{name}/relabel"], settings[f"rounds/{name}/sample"], name)
    ]
    if not found:
        return
    rows = [
        (
            one.round, one.judge, f"{one.bound}{one.pairs:,}", f"{one.tokens:,}" if one.tokens else "–",
            f"{one.money:.2f}" if one.money else "–", spell(one.seconds) if one.seconds is not None else "not measured yet",
        )
        for one in found
    ]  # fmt: skip
    table(("round", "judge", "pairs", "tokens", "money", "time"), rows)
    if any(one.tokens for one in found):
        line(f"tokens are estimated from {SAMPLE} documents at {CHARACTERS_PER_TOKEN:g} characters a token, give or take a quarter;")
        line("answers that the ledger has already cost nothing and are not taken off here.")
    for name in given.rounds:
        section = settings[f"rounds/{name}/relabel"]["relabel"]
        limits = {what: limit for what, limit in section["budget"].items() if limit is not None} if isinstance(section, dict) else {}
        if limits and f"relabel@{name}" in running:
            line(f"budget of {name}: {', '.join(f'{what} {limit:g}' for what, limit in limits.items())}; judging stops there")


def judging(given: Params, settings: dict, sample: dict, round: str) -> list[Judging]:
    """What each judge of a round's cascade would be asked at most."""
    section = settings["relabel"]
    if section == "none":
        return []
    pairs, bound, made = negatives(given, sample, section["depth"], round), "", []
    ledger = Ledger()
    for item in section["cascade"]:
        parameters = with_how(item, given.judges.get(item["name"]))
        tokens, money = cost(given, item["method"], parameters, pairs) if item["method"] not in NO_TOKENS else (None, None)
        made.append(Judging(round, item["name"], pairs, bound, tokens, money, seconds(ledger, item, parameters, pairs)))
        rule = item["send"]
        if rule["method"] == "most":
            pairs = min(pairs, rule["parameters"]["pairs"])
        elif rule["method"] != "all":
            bound = "at most "
    return made


def negatives(given: Params, sample: dict, depth: int | None, round: str) -> int:
    """Pairs of a round: its negatives where they are there, else as many as the recipe may choose."""
    file = Path("rounds") / round / "negatives.parquet"
    n = sample["sample"]["choose"]["parameters"]["n"] if sample["sample"] != "none" else 0
    n = n if depth is None else min(n, depth)
    if file.exists():
        return tables.scan("negatives", file).filter(pl.int_range(pl.len()).over("query_id") < n).select(pl.len()).collect().item()
    total = 0
    for name in given.train_on:
        queries = Path("data") / name / "train" / "queries.parquet"
        total += n * tables.scan("queries", queries).select(pl.len()).collect().item() if queries.exists() else 0
    return total


def cost(given: Params, method: str, parameters: dict, pairs: int) -> tuple[int, float | None]:
    """Tokens, and money at the prices given, of asking about so many pairs.

    A prompt is counted as its frame, one query with one known answer, and the documents that it shows; an answer as what
    the prompt's kind needs.
    """
    from tasks.relabel import prompt

    loaded = prompt.load(parameters["prompt"])
    size = mean_characters(given)
    shown = min(size["document"], (parameters.get("trim") or math.inf) * CHARACTERS_PER_TOKEN)
    listed = parameters.get("documents", 25) if loaded.kind == "listwise" else 1
    frame = len(loaded.system) + len(loaded.user) + size["query"] + (shown if loaded.shows_positives else 0)
    calls = math.ceil(pairs / listed)
    tokens_in = calls * frame / CHARACTERS_PER_TOKEN + pairs * shown / CHARACTERS_PER_TOKEN
    a_document = 40 if loaded.reasoning else 2
    tokens_out = calls * {"listwise": a_document * listed, "graded": 8, "yes-no": 1, "pairwise": 1}[loaded.kind]
    price = parameters.get("price")
    times = parameters.get("votes", 1) * (2 if parameters.get("twice") or parameters.get("swap") else 1)
    money = times * (tokens_in * price.get("input", 0) + tokens_out * price.get("output", 0)) / 1e6 if price else None
    return round(times * (tokens_in + tokens_out)), money


def mean_characters(given: Params) -> dict[str, float]:
    """Mean length of a training query and of a document, of a sample of the collections that are trained on."""
    lengths: dict[str, list[int]] = {"query": [], "document": []}
    for name in given.train_on:
        folder = Path("data") / name
        if (folder / "documents.parquet").exists():
            documents = tables.scan("documents", folder / "documents.parquet").select("title", "text").head(SAMPLE).collect()
            lengths["document"] += documents.select(tables.full_text().str.len_chars()).to_series().to_list()
            queries = tables.scan("queries", folder / "train" / "queries.parquet").select("text").head(SAMPLE).collect()
            lengths["query"] += queries["text"].str.len_chars().to_list()
    return {kind: sum(found) / len(found) if found else 0.0 for kind, found in lengths.items()}


def seconds(ledger: Ledger, item: dict, parameters: dict, pairs: int) -> float | None:
    """Time for so many pairs at the speed that this judge has had so far; null where it never answered."""
    if item["method"] in FREE:
        return 0.0
    each = ledger.seconds_per_verdict(item["fingerprint"])
    return None if each is None else pairs * each / max(1, parameters.get("slots") or 1)
