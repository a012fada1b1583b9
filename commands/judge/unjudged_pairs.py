"""What `hone judge holes` puts to a judge, and what that takes: said before anything is asked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import polars as pl

from commands.console import line
from commands.judge.inputs import OfSplit
from commands.plan.judging import SAMPLE, cost, counter_of
from hone.config.params import Params
from hone.data import questions
from hone.data.labels import positives_of
from hone.data.qrels_labels import known_labels
from hone.data.questions import Questions
from hone.data.tables import Documents
from hone.errors import Refused
from hone.judging.ask import questions_by_key, ways
from hone.judging.fingerprint import fingerprint, variant
from hone.judging.prompt import load
from hone.judging.requests import Asking
from hone.judging.versions import prompted
from hone.layout import PAIR
from hone.llm.ledger.ledger import Ledger
from hone.present.number_format import count, share

BLOCK = 1024  # pairs that are asked about at once, the heaviest first: a budget that ends leaves the lightest
ONCE = {"votes": 1, "twice": False, "swap": False}


@dataclass(frozen=True)
class Wanted:
    """What is to be judged.

    Attributes:
        pairs: query_id, doc_id, weight, rank: in the order in which they are asked.
        shown: query_id, doc_id: known answers that a prompt may show.
        collection: where queries come from.
    """

    pairs: pl.DataFrame
    shown: pl.DataFrame
    collection: OfSplit

    def blocks(self) -> Iterator[Questions]:
        """Questions in the order of weight; in a block a query's pairs stand together, those of the heaviest query first."""
        queries, documents = self.collection.queries(), self.collection.documents
        for start in range(0, len(self.pairs), BLOCK):
            part = self.pairs.slice(start, BLOCK)
            together = part["query_id"].unique(maintain_order=True).to_frame().join(part, on="query_id", maintain_order="left_right")
            ranked = together.with_columns(rank=pl.int_range(1, pl.len() + 1, dtype=pl.Int32).over("query_id"))
            known = self.shown.join(ranked, on="query_id", how="semi", maintain_order="left")
            yield questions.of(ranked, known, queries, texts_of(documents, pl.concat([ranked["doc_id"], known["doc_id"]])))


def wanted_of(holes: pl.DataFrame, limit: int | None, collection: OfSplit, depth: int) -> Wanted:
    """The holes that are asked about, of those whose text is there.

    Raises:
        Refused: there is none.
    """
    if holes.is_empty():
        raise Refused(f"there is nothing to fill: the first {depth} documents of these rankings on {collection.name} are all judged.")
    documents = collection.documents
    there = pl.concat([documents.ids, documents.parents["parent_id"]]).unique()
    pairs = holes.join(there.to_frame("doc_id"), on="doc_id", how="semi", maintain_order="left")
    pairs = pairs.join(collection.queries(), on="query_id", how="semi", maintain_order="left")
    if pairs.is_empty():
        raise Refused(f"none of the unjudged documents is in data/{collection.name}: it has changed since. `dvc repro` evaluates anew.")
    labels = known_labels(collection)
    return Wanted(pairs.head(limit or len(pairs)), positives_of(labels).select(PAIR), collection)


def texts_of(documents: Documents, ids: pl.Series) -> pl.DataFrame:
    """doc_id and full_text; that of a parent, which rankings show where labels are of parents, is its chunks' in their order."""
    own = documents.texts(ids.unique()).select("doc_id", "full_text")
    parts = documents.parents.filter(pl.col("parent_id").is_in(ids.implode()) & ~pl.col("parent_id").is_in(own["doc_id"].implode()))
    if parts.is_empty():
        return own
    texts = documents.texts(parts["doc_id"]).select("doc_id", "full_text")
    whole = parts.join(texts, on="doc_id", how="inner", maintain_order="left").group_by("parent_id", maintain_order=True)
    return pl.concat([own, whole.agg(pl.col("full_text").str.join("\n")).rename({"parent_id": "doc_id"})])


def told_before(
    judge: dict, wanted: Wanted, every: pl.DataFrame, names: list[str], depth: int, given: Params, ledger: Ledger, trains: bool
) -> None:  # fmt: skip
    """Say what will be asked and what that takes, before anything is.

    Args:
        judge: its line.
        wanted: what it is asked about.
        every: query_id, doc_id, weight, rank of every hole, to any depth.
        names: whose rankings they are of.
        depth: of those among which `wanted` is chosen.
        given: params.yaml.
        ledger: what was answered before.
        trains: whether there is a training set, from which a pairwise prompt shows examples; what is asked is then known only
            once they are chosen, and the ledger is not looked at here.
    """
    holes, pairs, collection = every.filter(pl.col("rank") <= depth), wanted.pairs, wanted.collection
    open_, weight = int((holes["weight"] > 0).sum()), every["weight"].sum()
    line(
        f"{collection.name}, {collection.split}: of the first {depth} documents of {', '.join(names)} nobody has judged "
        f"{count(len(holes), 'pair')}; {open_:,} of them leave {'differences' if len(names) > 1 else 'the measure'} open."
    )
    of_width = f", {share(pairs['weight'].sum() / weight)} of all that is open" if weight else ""
    line(f"The judge {judge['name']} reads {count(len(pairs), 'pair')}{of_width}, those that weigh most in the bounds first.")
    if not prompted(judge):
        line("It costs no tokens.")
        return
    answered = 0
    if load(judge["parameters"]["prompt"]).kind != "pairwise" or not trains:
        answered = at_hand(judge, wanted, ledger)
        line(f"The ledger has the answers to {answered:,} of them.")
    if left := len(pairs) - answered:
        used, paid = cost(given, judge["parameters"], left, pairs["query_id"].n_unique(), size_of(judge["parameters"], wanted))
        line(f"{f'The other {left:,}' if answered else 'They'} take about {used:,} tokens{f' and {paid:.2f} of money' if paid else ''}.")


def at_hand(judge: dict, wanted: Wanted, ledger: Ledger) -> int:
    """To how many of the pairs the ledger has an answer already, in every way in which this judge asks."""
    parameters = judge["parameters"]
    prompt = load(parameters["prompt"])
    base = fingerprint({"method": judge["method"], "parameters": parameters | ONCE})
    settings = Asking(**{name: parameters[name] for name in ("temperature", *ONCE)})
    names = [variant(base, way) if way else base for way, _ in ways(prompt, settings)]
    total = 0
    for block in wanted.blocks():
        keys, _ = questions_by_key(block, prompt, parameters["known"], {})
        found = [set(ledger.find(one, [key for key in keys if key])["question"]) for one in names]
        total += sum(key in set.intersection(*found) for key in keys if key)
    return total


def size_of(parameters: dict, wanted: Wanted) -> dict[str, float]:
    """Mean tokens of these queries and documents as far as they are shown, in a sample, and known answers of a query."""
    sample = next(replace(wanted, pairs=wanted.pairs.head(SAMPLE)).blocks())
    counter, trim = counter_of(parameters), parameters.get("trim")
    lengths = {
        kind: [min(counter.count(text), trim or len(text)) for text in texts]
        for kind, texts in (("query", sample.queries["text"]), ("document", sample.documents["full_text"]))
    }
    mean = {kind: sum(found) / len(found) for kind, found in lengths.items()}
    return mean | {"known": len(sample.positives) / len(sample.queries)}
