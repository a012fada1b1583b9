"""The pairs of `hone judge unjudged`, and their estimated cost, which is printed before the judge
is called.
"""

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

# pairs per block, the most influential first, so that an exhausted budget skips the least
# influential ones
BLOCK = 1024
ONCE = {"votes": 1, "twice": False, "swap": False}


@dataclass(frozen=True)
class Wanted:
    """The pairs to judge.

    Attributes:
        pairs: query_id, doc_id, weight, rank, in the order of the judge calls.
        prompt_positives: query_id, doc_id of the positives that a prompt may show.
        collection: the collection of the queries.
    """

    pairs: pl.DataFrame
    prompt_positives: pl.DataFrame
    collection: OfSplit

    def blocks(self) -> Iterator[Questions]:
        """Questions by weight. Within a block, pairs are grouped by query, the most influential
        query first.
        """
        queries, documents = self.collection.queries(), self.collection.documents
        for start in range(0, len(self.pairs), BLOCK):
            part = self.pairs.slice(start, BLOCK)
            together = (
                part["query_id"]
                .unique(maintain_order=True)
                .to_frame()
                .join(part, on="query_id", maintain_order="left_right")
            )
            ranked = together.with_columns(
                rank=pl.int_range(1, pl.len() + 1, dtype=pl.Int32).over("query_id")
            )
            known = self.prompt_positives.join(
                ranked, on="query_id", how="semi", maintain_order="left"
            )
            yield questions.of(
                ranked,
                known,
                queries,
                texts_of(documents, pl.concat([ranked["doc_id"], known["doc_id"]])),
            )


def wanted_of(holes: pl.DataFrame, limit: int | None, collection: OfSplit, depth: int) -> Wanted:
    """The unjudged documents to judge, if their text exists.

    Raises:
        Refused: there are none.
    """
    if holes.is_empty():
        raise Refused(
            f"Nothing to judge: the first {depth} documents of these rankings on "
            f"{collection.name} are all judged."
        )
    documents = collection.documents
    known_ids = pl.concat([documents.ids, documents.parents["parent_id"]]).unique()
    pairs = holes.join(known_ids.to_frame("doc_id"), on="doc_id", how="semi", maintain_order="left")
    pairs = pairs.join(collection.queries(), on="query_id", how="semi", maintain_order="left")
    if pairs.is_empty():
        raise Refused(
            f"data/{collection.name} has none of the unjudged documents, so it has changed. Run "
            "`dvc repro` to evaluate again."
        )
    labels = known_labels(collection)
    return Wanted(pairs.head(limit or len(pairs)), positives_of(labels).select(PAIR), collection)


def texts_of(documents: Documents, ids: pl.Series) -> pl.DataFrame:
    """doc_id and full_text. The text of a parent document is the text of its chunks, in order."""
    own = documents.texts(ids.unique()).select("doc_id", "full_text")
    parts = documents.parents.filter(
        pl.col("parent_id").is_in(ids.implode())
        & ~pl.col("parent_id").is_in(own["doc_id"].implode())
    )
    if parts.is_empty():
        return own
    texts = documents.texts(parts["doc_id"]).select("doc_id", "full_text")
    whole = parts.join(texts, on="doc_id", how="inner", maintain_order="left").group_by(
        "parent_id", maintain_order=True
    )
    return pl.concat(
        [own, whole.agg(pl.col("full_text").str.join("\n")).rename({"parent_id": "doc_id"})]
    )


def announce_calls(
    judge: dict,
    wanted: Wanted,
    every: pl.DataFrame,
    names: list[str],
    depth: int,
    given: Params,
    ledger: Ledger,
    trains: bool,
) -> int:
    """Print the number of pairs and the estimated cost, before any call. Returns the number of
    pairs for which a model is prompted.

    Args:
        judge: the resolved judge.
        wanted: the pairs to judge.
        every: query_id, doc_id, weight, rank of every unjudged document, to any depth.
        names: the systems of the rankings.
        depth: the depth at which `wanted` was chosen.
        given: params.yaml.
        ledger: the judgment log.
        trains: whether a training set exists. A pairwise prompt takes few-shot examples from it, so
            recorded answers cannot be counted in advance.
    """
    holes, pairs, collection = (
        every.filter(pl.col("rank") <= depth),
        wanted.pairs,
        wanted.collection,
    )
    open_, weight = int((holes["weight"] > 0).sum()), every["weight"].sum()
    line(
        f"{collection.name}, {collection.split}: {count(len(holes), 'unjudged document')} in the "
        f"first {depth} ranks of "
        f"{', '.join(names)}. {open_:,} of them affect the "
        f"{'differences' if len(names) > 1 else 'measure'}."
    )
    of_width = f" ({share(pairs['weight'].sum() / weight)} of the total weight)" if weight else ""
    line(
        f"Judge {judge['name']} reads {count(len(pairs), 'pair')}{of_width}, the most influential "
        "first."
    )
    if not prompted(judge):
        line("The judge uses no tokens.")
        return 0
    answered = 0
    if load(judge["parameters"]["prompt"]).kind != "pairwise" or not trains:
        answered = at_hand(judge, wanted, ledger)
        line(f"The judgment log has verdicts on {answered:,} of them.")
    if left := len(pairs) - answered:
        used, paid = cost(
            given,
            judge["parameters"],
            left,
            pairs["query_id"].n_unique(),
            size_of(judge["parameters"], wanted),
        )
        line(
            f"{f'The other {left:,}' if answered else 'They'} need about {used:,} "
            f"tokens{f', cost {paid:.2f}' if paid else ''}."
        )
    return left


def at_hand(judge: dict, wanted: Wanted, ledger: Ledger) -> int:
    """The number of pairs with recorded answers to every prompt variant of this judge."""
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
    """Means over a sample of the pairs: tokens of a query, tokens of a (trimmed) document, and
    positives per query.
    """
    sample = next(replace(wanted, pairs=wanted.pairs.head(SAMPLE)).blocks())
    counter, trim = counter_of(parameters), parameters.get("trim")
    lengths = {
        kind: [min(counter.count(text), trim or len(text)) for text in texts]
        for kind, texts in (
            ("query", sample.queries["text"]),
            ("document", sample.documents["full_text"]),
        )
    }
    mean = {kind: sum(found) / len(found) for kind, found in lengths.items()}
    return mean | {"known": len(sample.positives) / len(sample.queries)}
