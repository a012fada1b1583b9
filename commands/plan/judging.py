"""What judging would take: pairs, tokens, money and time, before anything is asked."""

from __future__ import annotations

import math
from dataclasses import dataclass

import polars as pl

from commands.console import line, spell, table
from hone.config.params import Params
from hone.config.sections.relabel import Budget
from hone.config.stage_settings import NONE, StageSettings
from hone.data import tables
from hone.data.training_set import UNLABELLED
from hone.judging.versions import prompted, with_how
from hone.layout import DATA, collection_table, round_table
from hone.llm.ledger.ledger import Ledger
from hone.llm.tokenizer import Estimated, Tokenizer, of_file
from tasks.relabel.settings import RelabelSettings
from tasks.sample.settings import SampleSettings

SAMPLE = 200
# Judges that need no model but encoders and cross-encoders on this machine, and people.
FREE = frozenset({"encoder", "cross-encoder", "scores", "group", "neighbours", "replay", "people"})


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


def plan_judging(given: Params, settings: dict[str, StageSettings], running: list[str]) -> None:
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
        line(f"tokens are those of {SAMPLE} queries and documents; without a judge's `tokenizer` 4 bytes are one, give or take a quarter.")
        line("Answers that the ledger has already cost nothing and are not taken off here.")
    for name in given.rounds:
        section = settings[f"rounds/{name}/relabel"].relabel
        limits = {what: limit for what, limit in (section.budget if section != NONE else Budget()) if limit is not None}
        if limits and f"relabel@{name}" in running:
            line(f"budget of {name}: {', '.join(f'{what} {limit:g}' for what, limit in limits.items())}; judging stops there")


def judging(given: Params, settings: RelabelSettings, sample: SampleSettings, round: str) -> list[Judging]:
    """What each judge of a round's cascade would be asked at most."""
    section = settings.relabel
    if section == NONE:
        return []
    every = pairs = negatives(given, sample, section.depth, round, settings.unlabelled)
    queries, graded = training_queries(given, settings.unlabelled), known_answers(given) if section.grades else None
    bound, made, ledger = "", [], Ledger()
    for place, item in enumerate(section.cascade, start=1):
        if place == len(section.cascade):
            pairs = min(every, pairs + round_up(section.control * every if place > 1 else 0))
        parameters = with_how(item, given.judges.get(item["name"]))
        tokens, money = (None, None)
        if prompted(item):
            tokens, money = cost(given, parameters, pairs, queries)
            if graded and place == len(section.cascade):
                more, paid = cost(given, parameters, *graded)
                tokens, money = tokens + more, None if money is None else money + paid
        asked = pairs + (graded[0] if graded and place == len(section.cascade) else 0)
        made.append(Judging(round, item["name"], asked, bound, tokens, money, seconds(ledger, item, parameters, asked)))
        rule = item["escalate"]
        if rule["method"] == "most":
            pairs = min(pairs, rule["parameters"]["pairs"])
        elif rule["method"] != "all":
            bound = "at most "
    return made


def training_queries(given: Params, unlabelled: bool) -> int:
    """Training queries of all collections, with those that have no known answer where `unlabelled`."""
    kinds = ("train/queries.parquet", *((UNLABELLED,) if unlabelled else ()))
    files = [DATA / name / kind for name in given.train_on for kind in kinds]
    return sum(tables.scan("queries", file).select(pl.len()).collect().item() for file in files if file.exists())


def known_answers(given: Params) -> tuple[int, int]:
    """Known answers of all training queries, which get a grade too where labels have grades, and how many queries have any."""
    answers = queries = 0
    for name in given.train_on:
        file = collection_table(name, "qrels", "train")
        if file.exists():
            right = tables.scan("qrels", file).filter(pl.col("relevance") >= given.collections[name].min_relevance)
            more, asked = right.select(pl.len(), pl.col("query_id").n_unique().alias("queries")).collect().row(0)
            answers, queries = answers + more, queries + asked
    return answers, queries


def round_up(number: float) -> int:
    return math.ceil(number - 1e-9)


def negatives(given: Params, sample: SampleSettings, depth: int | None, round: str, unlabelled: bool) -> int:
    """Pairs of a round: its negatives where they are there, else as many as the recipe may choose."""
    file = round_table(round, "negatives")
    n = sample.sample.choose["parameters"]["n"]
    n = n if depth is None else min(n, depth)
    if file.exists():
        return tables.scan("negatives", file).filter(pl.int_range(pl.len()).over("query_id") < n).select(pl.len()).collect().item()
    return n * training_queries(given, unlabelled)


def cost(given: Params, parameters: dict, pairs: int, queries: int = 1, size: dict[str, float] | None = None) -> tuple[int, float | None]:
    """Tokens, and money at the prices given, of asking about so many pairs of so many queries, spread evenly: no prompt has two queries.

    A prompt is counted as its frame, one query, the known answers and worked examples that it shows, and its documents, each
    as long as in a sample of the training set (or as `size` says, which is like `mean_tokens`); an answer as what the prompt's kind needs.
    """
    from hone.judging import prompt

    loaded, counter = prompt.load(parameters["prompt"]), counter_of(parameters)
    size = size or mean_tokens(given, counter, parameters.get("trim"))
    listed = parameters.get("documents", 25) if loaded.kind == "listwise" else 1
    shown = min(size["known"], 1 if loaded.kind == "pairwise" else parameters.get("known", 1)) if loaded.shows_positives else 0
    worked = parameters.get("examples", 0) if loaded.kind == "pairwise" else 0
    frame = counter.count(loaded.system) + counter.count(loaded.user)
    of_queries = max(1, min(pairs, queries))
    calls = min(pairs, of_queries * math.ceil(pairs / of_queries / listed))
    beside = size["query"] + shown * size["document"] + worked * (size["query"] + 2 * size["document"])
    tokens_in = calls * (frame + beside) + pairs * size["document"]
    a_document = 40 if loaded.reasoning else 2
    tokens_out = calls * {"listwise": a_document * listed, "graded": 8, "yes-no": 1, "pairwise": 1}[loaded.kind]
    price = parameters.get("price")
    times = parameters.get("votes", 1) * (2 if parameters.get("twice") or parameters.get("swap") else 1)
    money = times * (tokens_in * price.get("input", 0) + tokens_out * price.get("output", 0)) / 1e6 if price else None
    return round(times * (tokens_in + tokens_out)), money


def counter_of(parameters: dict) -> Tokenizer:
    """What counts a judge's tokens: its tokenizer where params.yaml names one, else bytes."""
    return of_file(parameters["tokenizer"]) if parameters.get("tokenizer") else Estimated()


def mean_tokens(given: Params, counter: Tokenizer, trim: int | None) -> dict[str, float]:
    """Mean tokens of a training query and of a document as far as it is shown, in a sample, and known answers of a query."""
    lengths: dict[str, list[float]] = {"query": [], "document": [], "known": []}
    for name in given.train_on:
        folder = DATA / name
        if not (folder / "documents.parquet").exists():
            continue
        documents = tables.scan("documents", folder / "documents.parquet").select("title", "text").head(SAMPLE).collect()
        counts = (counter.count(text) for text in documents.select(tables.full_text()).to_series())
        lengths["document"] += [min(count, trim or count) for count in counts]
        queries = tables.scan("queries", folder / "train" / "queries.parquet").select("text").head(SAMPLE).collect()
        lengths["query"] += [counter.count(text) for text in queries["text"]]
        qrels = tables.scan("qrels", folder / "train" / "qrels.parquet")
        of_query = qrels.filter(pl.col("relevance") >= given.collections[name].min_relevance).group_by("query_id").len()
        lengths["known"] += of_query.select("len").collect().to_series().to_list()
    return {kind: sum(found) / len(found) if found else 0.0 for kind, found in lengths.items()}


def seconds(ledger: Ledger, item: dict, parameters: dict, pairs: int) -> float | None:
    """Time for so many pairs at the speed that this judge has had so far; null where it never answered."""
    if item["method"] in FREE:
        return 0.0
    each = ledger.seconds_per_verdict(item["fingerprint"])
    return None if each is None else pairs * each / max(1, parameters.get("slots") or 1)
