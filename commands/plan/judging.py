"""The planned work of judges: pairs, tokens, cost and time."""

from __future__ import annotations

import math
from dataclasses import dataclass

import polars as pl

from commands.console import line, spell, table
from commands.plan.generated import is_generated
from hone.config import recipe
from hone.config.params import Params
from hone.config.stage_settings import NONE, StageSettings
from hone.data import tables
from hone.data.training_set import UNLABELLED
from hone.judging.resolved_relabel import ResolvedRelabel
from hone.judging.transfers import format_limits, is_paid
from hone.judging.versions import prompted, with_how
from hone.layout import DATA, about_file, collection_table, generated_table, round_table
from hone.llm.ledger.ledger import Ledger
from hone.llm.tokenizer import Estimated, Tokenizer, of_file
from tasks.relabel.settings import RelabelSettings
from tasks.sample.settings import SampleSettings

SAMPLE = 200
UNKNOWN = "unknown"
# Judges that use only encoders and cross-encoders on this machine, or people.
FREE = frozenset({"encoder", "cross-encoder", "scores", "group", "neighbours", "replay", "people"})


@dataclass(frozen=True)
class Judging:
    """The planned work of one judge in a round.

    Attributes:
        pairs: largest number of pairs; null if a collection has not been read yet.
        bound: "at most " if the number depends on an earlier judge, else empty.
        tokens: prompt and completion tokens; null if the judge uses no prompt, or `pairs` is null.
        money: cost at the judge's `price`; null without a price.
        seconds: time at the speed recorded in the judgment log; null without a record.
    """

    round: str
    judge: str
    pairs: int | None
    bound: str
    tokens: int | None
    money: float | None
    seconds: float | None


def plan_judging(given: Params, settings: dict[str, StageSettings], running: list[str]) -> None:
    """Print the planned work of judges for the rounds whose `relabel` would run."""
    for name in given.rounds:
        section = settings[f"rounds/{name}/relabel"].relabel
        if f"relabel@{name}" in running and section != NONE:
            for judge, reason in section.left_out.items():
                line(f"{name}: judge {judge} is left out: {reason}")
    found = all_judging(given, settings, running)
    if not found:
        return
    rows = [
        (
            one.round,
            one.judge,
            f"{one.bound}{one.pairs:,}" if one.pairs is not None else UNKNOWN,
            *amounts(one),
        )
        for one in found
    ]
    table(("round", "judge", "pairs", "tokens", "cost", "time"), rows)
    if any(one.tokens for one in found):
        line(
            f"Token counts are estimates from {SAMPLE} queries and documents. Without a "
            "`tokenizer`, 4 bytes count as 1 token (±25 %)."
        )
        line(
            "The estimate includes pairs that are already in the judgment log. These cost nothing."
        )
    for name in given.rounds:
        section = settings[f"rounds/{name}/relabel"].relabel
        if f"relabel@{name}" in running and section != NONE:
            for sentence in budget_lines(given, section, name):
                line(sentence)


def all_judging(
    given: Params, settings: dict[str, StageSettings], running: list[str]
) -> list[Judging]:
    """The planned work of each judge, for the rounds whose `relabel` would run."""
    return [
        one
        for name in given.rounds
        if f"relabel@{name}" in running
        for one in judging(
            given, settings[f"rounds/{name}/relabel"], settings[f"rounds/{name}/sample"], name
        )
    ]


def budget_lines(given: Params, section: ResolvedRelabel, round: str) -> list[str]:
    """A sentence on the budget of a round, and whether its recipe or Hone sets it."""
    limits = format_limits(section.budget)
    paid = any(is_paid(with_how(item, given.judges.get(item["name"]))) for item in section.cascade)
    if not limits:
        warning = f"budget of {round}: no limit. Set `relabel.budget` to limit the cost."
        return [warning] if paid else []
    chosen = recipe.recipe_of(given, round).relabel.budget
    source = "Hone default; `relabel.budget` changes it" if chosen == "default" else "as set"
    return [f"budget of {round}: {limits} ({source}). Judging stops at this limit."]


def amounts(one: Judging) -> tuple[str, str, str]:
    """Tokens, cost and time of a judge as a table shows them."""
    if one.pairs is None:
        return UNKNOWN, UNKNOWN, UNKNOWN
    return (
        f"{one.tokens:,}" if one.tokens else "–",
        f"{one.money:.2f}" if one.money else "–",
        spell(one.seconds) if one.seconds is not None else "not measured yet",
    )


def judging(
    given: Params, settings: RelabelSettings, sample: SampleSettings, round: str
) -> list[Judging]:
    """The planned work of each judge in a round's cascade."""
    section = settings.relabel
    if section == NONE:
        return []
    every = negatives(given, sample, section.depth, round, settings.unlabelled)
    if every is None:
        return [
            Judging(round, item["name"], None, "", None, None, None) for item in section.cascade
        ]
    pairs = every
    queries, graded = (
        training_queries(given, settings.unlabelled),
        count_positives(given) if section.grades else None,
    )
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
        n_pairs = pairs + (graded[0] if graded and place == len(section.cascade) else 0)
        made.append(
            Judging(
                round,
                item["name"],
                n_pairs,
                bound,
                tokens,
                money,
                seconds(ledger, item, parameters, n_pairs),
            )
        )
        rule = item["escalate"]
        if rule["method"] == "most":
            pairs = min(pairs, rule["parameters"]["pairs"])
        elif rule["method"] != "all":
            bound = "at most "
    return made


def training_queries(given: Params, unlabelled: bool) -> int:
    """Number of training queries of all collections, including generated ones, and unlabelled ones
    if `unlabelled`.
    """
    kinds = ("train/queries.parquet", *((UNLABELLED,) if unlabelled else ()))
    files = [DATA / name / kind for name in given.train_on for kind in kinds]
    files += [generated_table(name, "queries") for name in given.train_on]
    return sum(
        tables.scan("queries", file).select(pl.len()).collect().item()
        for file in files
        if file.exists()
    )


def count_positives(given: Params) -> tuple[int, int]:
    """Number of positives of all training queries, and of queries with positives. Positives are
    scored too if labels have grades.
    """
    answers = queries = 0
    for name in given.train_on:
        file = collection_table(name, "qrels", "train")
        if file.exists():
            right = tables.scan("qrels", file).filter(
                pl.col("relevance") >= given.collections[name].min_relevance
            )
            more, n_queries = (
                right.select(pl.len(), pl.col("query_id").n_unique().alias("queries"))
                .collect()
                .row(0)
            )
            answers, queries = answers + more, queries + n_queries
    return answers, queries


def round_up(number: float) -> int:
    return math.ceil(number - 1e-9)


def negatives(
    given: Params, sample: SampleSettings, depth: int | None, round: str, unlabelled: bool
) -> int | None:
    """Number of a round's negatives if they exist, else the largest number that the recipe may
    sample. Null if a training collection has not been read yet, or its queries are not generated
    yet.
    """
    file = round_table(round, "negatives")
    n = sample.sample.choose["parameters"]["n"]
    n = n if depth is None else min(n, depth)
    if file.exists():
        return (
            tables.scan("negatives", file)
            .filter(pl.int_range(pl.len()).over("query_id") < n)
            .select(pl.len())
            .collect()
            .item()
        )
    if not all(about_file(name).exists() for name in given.train_on):
        return None
    if any(given.collections[name].generate and not is_generated(name) for name in given.train_on):
        return None
    return n * training_queries(given, unlabelled)


def cost(
    given: Params,
    parameters: dict,
    pairs: int,
    queries: int = 1,
    size: dict[str, float] | None = None,
) -> tuple[int, float | None]:
    """Tokens, and cost at the judge's price, for `pairs` spread evenly over `queries`. Each prompt
    has one query.

    A prompt counts as its template, one query, its positives and few-shot examples, and its
    documents. Text lengths are means over a sample of the training set, or `size` (with the keys of
    `mean_tokens`). An answer counts as the tokens that the prompt's kind needs.
    """
    from hone.judging import prompt

    loaded, counter = prompt.load(parameters["prompt"]), counter_of(parameters)
    size = size or mean_tokens(given, counter, parameters.get("trim"))
    listed = parameters.get("documents", 25) if loaded.kind == "listwise" else 1
    n_examples = (
        min(size["known"], 1 if loaded.kind == "pairwise" else parameters.get("known", 1))
        if loaded.shows_positives
        else 0
    )
    worked = parameters.get("examples", 0) if loaded.kind == "pairwise" else 0
    frame = counter.count(loaded.system) + counter.count(loaded.user)
    of_queries = max(1, min(pairs, queries))
    calls = min(pairs, of_queries * math.ceil(pairs / of_queries / listed))
    beside = (
        size["query"]
        + n_examples * size["document"]
        + worked * (size["query"] + 2 * size["document"])
    )
    tokens_in = calls * (frame + beside) + pairs * size["document"]
    a_document = 40 if loaded.reasoning else 2
    tokens_out = (
        calls
        * {"listwise": a_document * listed, "graded": 8, "yes-no": 1, "pairwise": 1}[loaded.kind]
    )
    price = parameters.get("price")
    times = parameters.get("votes", 1) * (
        2 if parameters.get("twice") or parameters.get("swap") else 1
    )
    money = (
        times * (tokens_in * price.get("input", 0) + tokens_out * price.get("output", 0)) / 1e6
        if price
        else None
    )
    return round(times * (tokens_in + tokens_out)), money


def counter_of(parameters: dict) -> Tokenizer:
    """The token counter of a judge: the tokenizer that params.yaml names, else an estimate from
    bytes.
    """
    return of_file(parameters["tokenizer"]) if parameters.get("tokenizer") else Estimated()


def mean_tokens(given: Params, counter: Tokenizer, trim: int | None) -> dict[str, float]:
    """Means over a sample: tokens of a training query, tokens of a (trimmed) document, and
    positives per query.
    """
    lengths: dict[str, list[float]] = {"query": [], "document": [], "known": []}
    for name in given.train_on:
        folder = DATA / name
        if not (folder / "documents.parquet").exists():
            continue
        documents = (
            tables.scan("documents", folder / "documents.parquet")
            .select("title", "text")
            .head(SAMPLE)
            .collect()
        )
        counts = (counter.count(text) for text in documents.select(tables.full_text()).to_series())
        lengths["document"] += [min(count, trim or count) for count in counts]
        for file in (folder / "train" / "queries.parquet", generated_table(name, "queries")):
            if file.exists():
                queries = tables.scan("queries", file).select("text").head(SAMPLE).collect()
                lengths["query"] += [counter.count(text) for text in queries["text"]]
        qrels = tables.scan("qrels", folder / "train" / "qrels.parquet")
        of_query = (
            qrels.filter(pl.col("relevance") >= given.collections[name].min_relevance)
            .group_by("query_id")
            .len()
        )
        lengths["known"] += of_query.select("len").collect().to_series().to_list()
    return {kind: sum(found) / len(found) if found else 0.0 for kind, found in lengths.items()}


def seconds(ledger: Ledger, item: dict, parameters: dict, pairs: int) -> float | None:
    """Seconds for `pairs` at the judge's recorded speed; null without a record."""
    if item["method"] in FREE:
        return 0.0
    each = ledger.seconds_per_verdict(item["fingerprint"])
    return None if each is None else pairs * each / max(1, parameters.get("slots") or 1)
