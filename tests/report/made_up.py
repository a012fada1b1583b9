"""A small loop as its stages would have left it: collections, rounds, scores and settings, in
the current folder.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import polars as pl

from hone.data import tables, training_set
from hone.files import read_json, write_json
from hone.ir.measures import NAMES, means
from hone.ir.provenance import as_metadata, seen
from hone.ir.trec_run import write_run
from hone.layout import TRAINING_LIST

TRAINING = {"q1": "sum of an array", "q2": "sort a list", "q3": "invert a matrix"}
DOCUMENTS = {f"d{number}": f"text of d{number}" for number in range(1, 10)}
KNOWN = [("q1", "d1"), ("q2", "d2"), ("q3", "d3")]
HIDDEN = [("q1", "d4"), ("q2", "d5"), ("q3", "d9")]
ROUNDS = {
    "r1": {"from": "r0", "recipe": "warm-up"},
    "r2": {"from": "r1", "recipe": "mining"},
    "r3": {"from": "r2", "recipe": "mining"},
}
# nDCG@10 of four test queries and two dev queries. Against r0, r1 is better on t1, worse on none;
# r2 is better on t1 and t2 and worse on t4; r3 is as r2 and better on t3 besides. On dev r2 is
# best.
TEST = {
    "bm25": [0.0, 0.0, 0.5, 0.5],
    "r0": [0.0, 0.5, 0.5, 1.0],
    "r1": [0.5, 0.5, 0.5, 1.0],
    "r2": [1.0, 1.0, 0.5, 0.5],
    "r3": [1.0, 1.0, 1.0, 0.5],
}
DEV = {"bm25": [0.0, 0.0], "r0": [0.2, 0.4], "r1": [0.4, 0.4], "r2": [1.0, 0.8], "r3": [0.8, 0.8]}
# Candidates of r2: d1 and d2 are labelled, d4 (a hidden answer of q1) is removed by a rule and d5
# (one of q2) is chosen.
CANDIDATES = {
    "r2": [
        ("q1", "d1"),
        ("q1", "d4"),
        ("q1", "d6"),
        ("q1", "d7"),
        ("q2", "d2"),
        ("q2", "d5"),
        ("q2", "d6"),
    ],
    "r3": [("q1", "d6"), ("q1", "d8"), ("q2", "d5"), ("q2", "d8"), ("q3", "d8")],
}
REMOVED = {
    "r2": [
        ("q1", "d1", "labelled"),
        ("q2", "d2", "labelled"),
        ("q1", "d4", "positive-aware"),
        ("q3", None, "shortage"),
    ],
    "r3": [],
}
CHOSEN = {
    "r2": [("q1", "d6"), ("q2", "d5")],
    "r3": [("q1", "d6"), ("q1", "d8"), ("q2", "d8"), ("q3", "d8")],
}
# Of r3's four negatives a judge reads all; it finds q2-d8, and cannot say of q3-d8.
JUDGED = {
    "r3": [
        ("q1", "d6", "negative"),
        ("q1", "d8", "negative"),
        ("q2", "d8", "positive"),
        ("q3", "d8", "unknown"),
    ]
}
ACCOUNTS = {
    "r3": {
        "judges": [
            {
                "judge": "cheap",
                "asked": 4,
                "positive": 1,
                "negative": 2,
                "unknown": 1,
                "unknown_because": {"timed out": 1},
                "sent_on": None,
            }
        ],
        "control": None,
        "actions": {"drop": 1, "keep": 2, "mask": 1},
        "promotion": {"allowed": False, "why": "nobody has shown it", "wanted": 1, "forced": False},
        "left_out": {},
        "over_budget": None,
    }
}


def write_collection(
    name: str,
    texts: dict[str, str] | None = None,
    test: dict[str, str] | None = None,
    hidden: bool = True,
) -> None:
    """Tables of one collection; `texts` replaces texts of queries and documents by their ids."""
    texts, folder = texts or {}, Path("data") / name
    documents = {doc_id: texts.get(doc_id, text) for doc_id, text in DOCUMENTS.items()}
    split_texts = {
        "train": {query_id: texts.get(query_id, text) for query_id, text in TRAINING.items()},
        "test": test
        or {
            f"t{number}": texts.get(f"t{number}", f"test query {number}") for number in range(1, 5)
        },
        "dev": {"v1": "a dev query", "v2": "another dev query"},
    }
    save(
        "documents",
        {"doc_id": list(documents), "text": list(documents.values())},
        folder / "documents.parquet",
    )
    save("metadata", {"doc_id": [], "name": [], "value": []}, folder / "metadata.parquet")
    for split, queries in split_texts.items():
        save(
            "queries",
            {"query_id": list(queries), "text": list(queries.values())},
            folder / split / "queries.parquet",
        )
        pairs = KNOWN if split == "train" else [(query_id, "d1") for query_id in queries]
        save(
            "qrels",
            columns(pairs) | {"relevance": 1, "weight": 1.0, "source": "made up"},
            folder / split / "qrels.parquet",
        )
    if hidden:
        save(
            "hidden",
            columns(HIDDEN) | {"relevance": 1, "weight": 1.0, "source": "made up"},
            folder / "hidden.parquet",
        )


def write_training(names: list[str]) -> training_set.TrainingSet:
    """The list of what is trained on, as `start` writes it."""
    rules = (dict.fromkeys(names, 1), dict.fromkeys(names, "english"), dict.fromkeys(names, "keep"))
    write_json(TRAINING_LIST, training_set.admit(names, {}, *rules))
    return training_set.read()


def write_round(name: str) -> None:
    """Tables of one round; the loss of step s is s in the mean."""
    folder = Path("rounds") / name
    ranked = {"source": "dense", "rank": 1, "score": 0.5}
    chosen, removed = columns(CHOSEN.get(name, [])), REMOVED.get(name, [])
    save("candidates", columns(CANDIDATES.get(name, [])) | ranked, folder / "candidates.parquet")
    save("negatives", chosen | ranked, folder / "negatives.parquet")
    rules = {"rule": [rule for _, _, rule in removed], "detail": None}
    save(
        "removed",
        columns([(query_id, doc_id) for query_id, doc_id, _ in removed]) | rules,
        folder / "removed" / "sample.parquet",
    )
    save(
        "scores",
        columns(KNOWN if chosen["query_id"] else []) | {"scorer": "dense", "score": 0.9},
        folder / "scores.parquet",
    )
    save(
        "labels",
        columns(KNOWN) | {"label": "positive", "grade": 1.0, "source": "made up"},
        folder / "labels.parquet",
    )
    steps = {
        "step": [1, 1, 2, 2],
        "query_id": ["q1", "q2", "q1", "q2"],
        "doc_id": ["d1", "d2", "d1", "d2"],
        "role": "positive",
    }
    save("trained", steps | {"loss": [0.5, 1.5, 1.0, 3.0]}, folder / "trained.parquet")
    checks = [{"step": 1, "ndcg_at_10": 0.25}, {"step": 2, "ndcg_at_10": 0.5}]
    write_json(
        folder / "dev_checks.json",
        {"queries": 2, "documents": 9, "checks": checks, "better_before": None},
    )
    shortage = {"short": 1, "rule": "drop-query", "filled": 0, "still_short": 0}
    judged = JUDGED.get(name, [])
    verdict_columns = {
        "judge": "cheap",
        "place": 1,
        "verdict": [verdict for _, _, verdict in judged],
        "fingerprint": "f" * 64,
    }
    save(
        "judgments",
        columns([(query_id, doc_id) for query_id, doc_id, _ in judged]) | verdict_columns,
        folder / "judgments.parquet",
    )
    write_json(folder / "relabel.json", ACCOUNTS.get(name, {"judges": [], "left_out": {}}))
    write_json(folder / "sample.json", {"shortage": shortage if chosen["query_id"] else {}})


def write_scores(
    name: str, collection: str, test: list[float] | None, dev: list[float] | None
) -> None:
    """What `evaluate` leaves of a round or reference; every measure has the value of nDCG@10."""
    parts = [scored("t", "test", test), scored("v", "dev", dev)]
    lies = {} if name == "bm25" else {"alignment": 0.5, "uniformity": -2.5, "gap": None}
    by_split = {
        split: means(part) | {"queries": len(part)} | lies
        for split, part in zip(("test", "dev"), parts, strict=True)
        if len(part)
    }
    write_json(
        Path("reports/metrics") / name / f"{collection}.json", by_split.pop("test", {}) | by_split
    )
    file = Path("reports/queries") / name / f"{collection}.parquet"
    file.parent.mkdir(parents=True, exist_ok=True)
    pl.concat(parts).write_parquet(file)
    # The better the score, the higher the labelled document; the others are judged by nobody.
    ranked = [
        (query, [*others[:place], "d1", *others[place:]])
        for query, value in pl.concat(parts)
        .select("query_id", pl.col("ndcg_at_10").fill_nan(0))
        .iter_rows()
        for others, place in [(["d3", "d4", "d5"], 3 - round(3 * value))]
    ]
    rows = [
        (query, doc, 1.0 / place)
        for query, docs in ranked
        for place, doc in enumerate(docs, start=1)
    ]
    run = pl.DataFrame(
        rows, schema={"query_id": pl.String, "doc_id": pl.String, "score": pl.Float64}, orient="row"
    )
    write_run(run, name, Path("reports/runs") / name / f"{collection}.trec")


def generate_dev(collection: str, names: Iterable[str] = TEST) -> None:
    """Make the dev queries of a collection generated ones, as `generate` and `evaluate` would."""
    own, made = Path("data") / collection / "dev", Path("generated") / collection / "dev"
    made.mkdir(parents=True)
    for table in ("queries", "qrels"):
        (own / f"{table}.parquet").rename(made / f"{table}.parquet")
        tables.write(table, tables.empty(table), own / f"{table}.parquet")
    for name in names:
        file = Path("reports/metrics") / name / f"{collection}.json"
        metrics = read_json(file)
        metrics["dev"]["generated_queries"] = True
        write_json(file, metrics)


def write_all(
    collections: tuple[str, ...] = ("made-up",),
    texts: dict[str, str] | None = None,
    **changes: object,
) -> dict:
    """Everything that `report` reads, and its settings, which `changes` replace in part."""
    for collection in collections:
        write_collection(collection, texts)
        for name, values in TEST.items():
            write_scores(name, collection, values, DEV[name])
    write_training([collections[0]])
    for name in ROUNDS:
        write_round(name)
    for collection in collections:
        write_leakage(collection)
    write_drift(changes.get("rounds", ROUNDS))
    write_json(Path("reports/mlflow/loop.json"), {"loop": "0" * 16, "name": "a model on made-up"})
    settings = {
        "rounds": ROUNDS,
        "compare_with": ["r0", "bm25"],
        "evaluate_on": list(collections),
        "abilities": {},
        "min_relevance": dict.fromkeys(collections, 1),
        "language": dict.fromkeys(collections, "english"),
        "train_on": [collections[0]],
        "refuse_above": 0.05,
        "seed": 13,
        "evidence": {},
        "recipes": {name: {"about": "what it does", "paper": None} for name in ROUNDS},
        "model": {
            "name": "a model",
            "revision": None,
            "max_length": 96,
            "prompts": {},
            "precision": "fp32",
        },
        "versions": {"polars": "2.1.0"},
    } | changes
    write_json(Path("resolved/report.json"), settings)
    return settings


def write_leakage(collection: str, leaked: int = 0, training: str = "sum of an array") -> None:
    """What `leakage` leaves: of four test and two dev queries training sees the first ones of
    test, nearly.
    """
    splits = {
        split: {
            "queries": count,
            "compared": count,
            "same": 0,
            "near": near,
            "leaked": near,
            "share": near / count,
        }
        for split, count, near in (("test", 4, leaked), ("dev", 2, 0))
    }
    all_compared = {"query": 3, "positive": 3, "asked": 6}
    pair = {
        "how": "near",
        "kind": "query",
        "collection": collection,
        "training_id": "q1",
        "training": training,
        "split": "test",
    }
    account = {
        "collection": collection,
        "train_on": [collection],
        "looked_at": {
            "training_queries": 3,
            "training_positives": 3,
            "asked": 6,
            "comparable": all_compared,
            "compared": all_compared,
        },
        "splits": splits,
        "training": {"query": {"leaked": leaked, "of": 3}, "positive": {"leaked": 0, "of": 3}},
        "shared_answers": {"training_queries": 1, "training_of": 3, "asked": 6, "asked_of": 6},
        "examples": [
            pair | {"asked_id": f"t{number + 1}", "asked": f"test query {number + 1}"}
            for number in range(leaked)
        ],
        "take_out": {collection: ["q1"]} if leaked else {},
    }
    write_json(Path("reports/leakage") / f"{collection}.json", account)


def write_drift(rounds: dict[str, dict]) -> None:
    """What `drift` leaves: of two pairs that r2 trained on its model learnt both, and r3 has
    forgotten one.
    """
    models = [
        {"model": "r1", "above": 1, "gap": -0.1, "forgotten": None},
        {"model": "r2", "above": 0, "gap": 0.2, "forgotten": None},
        {"model": "r3", "above": 1, "gap": 0.1, "forgotten": 1},
    ]
    example = {
        "query_id": "q2",
        "positive": "d2",
        "negative": "d5",
        "model": "r3",
        "before": 0.3,
        "after": -0.2,
    }
    moved = [
        {
            "round": name,
            "from": item["from"],
            "documents_start": 0.9,
            "documents_base": 0.8,
            "queries_start": 0.7,
            "queries_base": 0.6,
        }
        for name, item in rounds.items()
    ]
    trained = (
        {"r2": {"pairs": 2, "learnt": 2, "models": models, "examples": [example]}}
        if "r3" in rounds
        else {}
    )
    write_json(
        Path("reports/drift.json"),
        {"vectors": moved, "documents": 9, "queries": 3, "trained": trained},
    )


def evaluated_on(name: str, collection: str = "made-up", **changes: str) -> None:
    """Have a table of queries say what it was evaluated on, as `evaluate` does: what stands in
    data/ now, but for `changes`.
    """
    file = Path("reports/queries") / name / f"{collection}.parquet"
    pl.read_parquet(file).write_parquet(file, metadata=as_metadata(seen(collection, 1) | changes))


def scored(prefix: str, split: str, values: list[float] | None) -> pl.DataFrame:
    frame = pl.DataFrame(
        {"query_id": [f"{prefix}{number}" for number in range(1, len(values or []) + 1)]},
        schema={"query_id": pl.String},
    )
    return frame.with_columns(
        pl.Series(name, values or [], dtype=pl.Float64) for name in NAMES
    ).with_columns(split=pl.lit(split))


def columns(pairs: list[tuple[str, str | None]]) -> dict[str, list]:
    return {
        "query_id": [query_id for query_id, _ in pairs],
        "doc_id": [doc_id for _, doc_id in pairs],
    }


def save(table: str, values: dict[str, object], path: Path) -> None:
    """Write a table; a value that is no list stands in every row."""
    lists = {name: value for name, value in values.items() if isinstance(value, list)}
    rows = len(next(iter(lists.values())))
    frame = pl.DataFrame(
        lists | {name: [value] * rows for name, value in values.items() if name not in lists},
        strict=False,
    )
    tables.write(table, tables.shaped(table, frame), path)
