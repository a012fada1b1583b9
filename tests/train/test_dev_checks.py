"""Dev checks: nDCG@10 on a small pool while a model trains, a warning where dev was better
before the end, and the same weights.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from hone.data import tables, training_set
from hone.encoders.encoder import Encoder, Reading
from hone.encoders.model_folder import ModelFolder
from hone.files import read_json
from hone.ir.ranking import RankingPart
from tasks.train import dev_checks, trainer
from tasks.train.card import dev_runs
from tasks.train.dev_checks import Checks, Part, better_before, checks_of
from tasks.train.settings import TrainSettings
from tests.prepared import pairs, prepare, write_params, write_rows
from tests.stages import resolve, train
from tests.tiny_model import WORDS, tiny_model

MODEL = {"name": "inputs/tiny", "max_length": 16, "precision": "fp32"}
DOCUMENTS = [
    " ".join([WORDS[n % 23], WORDS[(n * 7 + n // 23) % 23]] * 4) for n in range(50)
]  # ten tokens
TRAIN, DEV = 12, 36  # queries: a training query is the first word of its document
PART = Part(
    pl.DataFrame({"query_id": ["q1", "q2"], "text": ["east", "north"]}),
    pl.DataFrame({"doc_id": ["a", "b", "c"], "full_text": ["e", "ne", "n"]}),
    None,
    pl.DataFrame(
        {"query_id": ["q1", "q2", "q2"], "doc_id": ["b", "c", "a"], "relevance": [1, 2, 1]}
    ),
    1,
    RankingPart(),
)
PLACES = {"east": (1, 0), "north": (0.1, 1), "e": (1, 0), "ne": (0.8, 0.7), "n": (0, 1)}


def by_hand(texts: list[str], route: str) -> np.ndarray:
    return np.array([PLACES[text] for text in texts], dtype=np.float32)


def rounds(**changes) -> dict:
    section = {"batch": {"random": {"size": 4}}, "dropout": 0.1, "checkpoint_steps": 4, "steps": 9}
    return {"r1": {"from": "r0", "recipe": "top-k", "train": section | changes}}


def prepared(query_texts: str | None = "{1} {0} " * 4, grade: int = 1, **changes) -> None:
    """A folder collection with training and dev queries, a tiny model, and labels of r1: two
    negatives a query.

    Args:
        query_texts: a dev query's text, of the two words of its document. Null: there are no dev
            queries.
        grade: of a dev query's document.
    """
    queries = [{"query_id": f"train{n}", "text": WORDS[n], "split": "train"} for n in range(TRAIN)]
    queries.append({"query_id": "t", "text": "old", "split": "test"})
    known = pairs(*((f"train{n}", f"d{n}") for n in range(TRAIN)), ("t", "d49"), relevance=1)
    if query_texts:
        queries += [
            {
                "query_id": f"dev{n}",
                "text": query_texts.format(*DOCUMENTS[n].split()),
                "split": "dev",
            }
            for n in range(DEV)
        ]
        known += pairs(*((f"dev{n}", f"d{n}") for n in range(DEV)), relevance=grade)
    write_rows(
        Path("inputs/ours"),
        [{"doc_id": f"d{n}", "text": text} for n, text in enumerate(DOCUMENTS)],
        queries,
        known,
    )
    tiny_model(Path("inputs/tiny"))
    prepare(model=MODEL, rounds=rounds(**changes))
    rows = [
        (f"train{n}", f"d{n + 30 + rank}", "negative", rank)
        for n in range(TRAIN)
        for rank in (1, 2)
    ]
    mined = tables.shaped(
        "labels", pl.DataFrame(rows, schema=["query_id", "doc_id", "label", "rank"], orient="row")
    )
    Path("rounds/r1").mkdir(parents=True, exist_ok=True)
    tables.write(
        "labels",
        pl.concat([tables.read("labels", Path("rounds/r0/labels.parquet")), mined]),
        Path("rounds/r1/labels.parquet"),
    )


def record() -> dict:
    return read_json(Path("rounds/r1/dev_checks.json"))


def weights() -> bytes:
    return next(Path("models/r1").rglob("model.safetensors")).read_bytes()


def scored(means: dict[int, float], count: int = 40) -> dict[int, list[float]]:
    """Scores of that many queries at each step: half are .1 above the mean, half below, in a
    different order at each step.
    """
    around = np.tile([-0.1, -0.1, 0.1, 0.1], count // 4)
    return {
        step: (mean + np.roll(around, place)).tolist()
        for place, (step, mean) in enumerate(means.items())
    }


def test_ndcg_on_a_pool_by_hand():
    """East's positive, ne, is second after e: 1 / log2 3. North ranks n (grade 2), ne and e
    (grade 1): 2 + 1 / 2 of 2 + 1 / log2 3.
    """
    assert PART.scores(by_hand) == pytest.approx([1 / np.log2(3), 2.5 / (2 + 1 / np.log2(3))])


def test_chunks_of_the_pool_stand_for_their_document():
    """The best chunk of a document ranks it: e and n are one document, which is first for both
    queries.
    """
    unit = pl.DataFrame({"doc_id": ["a", "b", "c"], "unit": ["whole", "b", "whole"]})
    qrels = pl.DataFrame({"query_id": ["q1", "q2"], "doc_id": ["whole", "b"], "relevance": [1, 1]})
    part = Part(PART.queries, PART.texts, unit, qrels, 1, RankingPart())
    assert part.scores(by_hand) == pytest.approx([1, 1 / np.log2(3)])
    assert part.documents == 2


@pytest.mark.parametrize(
    ("count", "last", "steps"),
    [(4, 96, [24, 48, 72, 96]), (4, 9, [3, 5, 7, 9]), (4, 3, [1, 2, 3]), (1, 9, [9]), (2, 1, [1])],
)
def test_checks_are_evenly_spaced_and_the_last_is_the_end(count: int, last: int, steps: list[int]):
    assert [step for step in range(1, last + 1) if Checks([PART], count).due(step, last)] == steps
    assert not any(Checks([], count).due(step, last) for step in range(1, last + 1))


def test_the_sentence_has_both_scores_both_steps_and_the_queries():
    assert better_before(scored({24: 0.6, 48: 0.55, 72: 0.5, 96: 0.4}), 430) == (
        "Dev nDCG@10 was higher at step 24 (0.600) than at the end, step 96 (0.400), on 40 dev "
        "queries and a pool of 430 documents. "
        "Train less, or lower the learning rate."
    )


@pytest.mark.parametrize(
    "seen",
    [
        {},
        scored({96: 0.5}),
        scored({24: 0.3, 48: 0.4, 72: 0.5, 96: 0.6}),
        scored({24: 0.5, 48: 0.5, 96: 0.5}),
        {1: [0.9], 2: [0.1]},  # one query
        {1: [0.5, 0.5, 0.5], 2: [0.25, 0.25, 0.25]},  # no t-test without spread
        {1: [1.0, 0.0, 0.5, 0.4], 2: [0.0, 0.9, 0.5, 0.1]},
    ],
)
def test_without_a_significant_loss_there_is_no_sentence(seen: dict):
    assert better_before(seen, 430) is None


def test_the_best_of_several_checks_needs_more_than_one_alone():
    """Nine queries lose .1 +- .1265 in the mean: t = 2.372 with 8 degrees of freedom, p = .045,
    and .136 where three are compared.
    """
    loss = np.array([0.1] * 5 + [-0.1, 0.3, 0.1 - 0.154919, 0.1 + 0.154919])
    end = np.full(9, 0.5)
    worse = {2: (end + loss).tolist(), 3: end.tolist()}
    alone, among = (
        better_before(worse, 9),
        better_before(worse | {1: end.tolist(), 0: end.tolist()}, 9),
    )
    assert alone.startswith("Dev nDCG@10 was higher at step 2 (0.600)")
    assert among is None


def runs(training: training_set.TrainingSet) -> dict[str, pl.DataFrame]:
    """A ranking in which every dev query has the same documents: d49, d48, ... d36, which are no
    positives.
    """
    ids = training.queries("dev")["query_id"].to_list()
    rows = [(query, f"d{n}", float(n)) for query in ids for n in range(49, DEV - 1, -1)]
    return {"ours": pl.DataFrame(rows, schema=["query_id", "doc_id", "score"], orient="row")}


def test_the_pool_has_the_positives_and_the_ten_nearest(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
):
    prepared()
    training = training_set.read()
    (part,) = checks_of(training, runs(training), 4, 13).parts
    assert set(part.texts["doc_id"]) == {f"d{n}" for n in [*range(DEV), *range(40, 50)]}
    assert set(part.queries["query_id"]) == {f"dev{n}" for n in range(DEV)}
    monkeypatch.setattr(dev_checks, "MOST_QUERIES", 5)
    drawn = [
        checks_of(training, runs(training), 4, seed).parts[0].queries["query_id"].to_list()
        for seed in (13, 13, 14)
    ]
    assert len(drawn[0]) == 5
    assert drawn[0] == drawn[1]
    assert set(drawn[0]) != set(drawn[2])
    monkeypatch.setattr(
        dev_checks, "MOST_TEXTS", 13
    )  # ten nearest, and the positives of the first three queries
    small = checks_of(training, runs(training), 4, 13)
    assert (small.queries, small.documents) == (3, 13)
    assert not checks_of(training, runs(training), 0, 13).parts
    assert not checks_of(training, {}, 4, 13).parts


def test_the_pool_of_chunks_and_of_several_collections(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
):
    """Both have the same ids. Labels name parents: all chunks of a parent are in the pool, which
    counts parents.
    """
    texts = [("red cat", "blue dog"), ("hot fire", "old stone"), ("sweet water", "new bird")]
    chunks = [
        {"doc_id": f"p{number}-{part}", "text": text, "parent_id": f"p{number}"}
        for number, of_parent in enumerate(texts)
        for part, text in enumerate(of_parent)
    ]
    query_texts = {"train": "big tree", "dev": "red cat", "dev2": "fire hot", "test": "dark light"}
    queries = [
        {"query_id": name, "text": text, "split": name.removesuffix("2")}
        for name, text in query_texts.items()
    ]
    known = pairs(("train", "p0"), ("dev", "p0"), ("dev2", "p1"), ("test", "p0"))
    for name in ("one", "two"):
        write_rows(Path("inputs", name), chunks, queries, known)
    tiny_model(Path("inputs/tiny"))
    collections = {name: {"source": "folder", "path": f"inputs/{name}"} for name in ("one", "two")}
    shared = {
        "collections": collections,
        "train_on": ["one", "two"],
        "evaluate_on": ["one"],
        "leakage": {"refuse_above": None},
    }
    prepare(model=MODEL, rounds=rounds(), **shared)
    training, settings = training_set.read(), TrainSettings.read(round="r1")
    ranked = dev_runs(Path("models/r0"), "r0", settings, training)
    checks = checks_of(training, ranked, 4, 13)
    assert (checks.queries, checks.documents) == (4, 6)
    assert [len(part.texts) for part in checks.parts] == [6, 6]
    base = Encoder(ModelFolder(Path("models/r0")), Reading(16, (), "fp32"))
    checks.measure(1, lambda texts, route: base.vectors([texts], route).take(slice(None)))
    assert len(checks.seen[1]) == 4
    assert (
        checks.seen[1][0] == checks.seen[1][2] == 1
    )  # the text of p0's first chunk is the query's own
    monkeypatch.setattr(dev_checks, "MOST_QUERIES", 3)
    assert checks_of(training, ranked, 4, 13).queries == 3
    monkeypatch.setattr(dev_checks, "MOST_TEXTS", 5)  # the first query has six chunks already
    assert not checks_of(training, ranked, 4, 13).parts


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_checks_change_no_weight(workspace: Path, capsys: pytest.CaptureFixture, precision: str):
    """With dropout, and with training that reads less than a check."""
    section = {"max_length": 8, "precision": precision}
    prepared(dev_checks=0, **section)
    train("r1")
    plain, card = weights(), Path("models/r1/README.md").read_text()
    assert record() == {
        "queries": 0,
        "queries_name": "dev queries",
        "documents": 0,
        "checks": [],
        "better_before": None,
    }
    assert "Dev checks" not in card
    assert "| ours | r0 | " in card
    write_params(model=MODEL, rounds=rounds(**section))
    resolve()
    train("r1")
    assert weights() == plain
    assert [one["step"] for one in record()["checks"]] == [3, 5, 7, 9]
    assert record()["queries"] == DEV
    assert "dev check at step 9 of 9: nDCG@10 " in capsys.readouterr().err
    assert (
        "Dev checks during training (nDCG@10 on 36 dev queries and a pool of "
        in Path("models/r1/README.md").read_text()
    )


def test_the_last_check_is_of_the_model_that_is_saved(workspace: Path):
    """It scores what the saved model scores on the same pool, read as encoding reads."""
    prepared()
    train("r1")
    training, settings = training_set.read(), TrainSettings.read(round="r1")
    (part,) = checks_of(
        training, dev_runs(Path("models/r0"), "r0", settings, training), 4, 13
    ).parts
    saved = Encoder(ModelFolder(Path("models/r1")), Reading(16, (), "fp32"))
    values = part.scores(lambda texts, route: saved.vectors([texts], route).take(slice(None)))
    assert record()["checks"][-1]["ndcg_at_10"] == pytest.approx(np.mean(values))
    assert record()["documents"] == len(part.texts)


class Killed(BaseException):
    """What a killed process cannot catch."""


@pytest.mark.parametrize("step", [4, 6, 8])
def test_a_training_that_was_killed_reports_the_same_checks(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture, step: int
):
    """Nine steps with checks at 3, 5, 7 and 9 and a checkpoint after each fourth."""
    prepared()
    train("r1")
    unbroken, same = record(), weights()

    def killed(self, args, state, control, **_):
        if state.global_step == step:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(trainer.Record, "on_step_end", killed)
        with pytest.raises(Killed):
            train("r1")
    capsys.readouterr()
    train("r1")
    output = capsys.readouterr().err
    last = {4: 0, 6: 4, 8: 4}[step]
    assert (f"resuming from checkpoint-{last}" in output) is (last > 0)
    assert output.count("dev check at step") == len(
        [check for check in (3, 5, 7, 9) if check > last]
    )
    assert record() == unbroken
    assert weights() == same


def test_training_that_ruins_dev_is_reported(workspace: Path, capsys: pytest.CaptureFixture):
    """The learning rate rises to .1: the first steps move little, and the last ones leave
    nothing in order.
    """
    prepared(learning_rate=0.1, schedule="constant_with_warmup", warmup=0.9, steps=16, dropout=0.0)
    train("r1")
    sentence = record()["better_before"]
    assert sentence.startswith("Dev nDCG@10 was higher at step 4 ")
    assert "than at the end, step 16 (" in sentence
    assert f"train r1: {sentence}" in capsys.readouterr().err
    assert sentence in Path("models/r1/README.md").read_text()


def test_training_that_helps_dev_is_not(workspace: Path, capsys: pytest.CaptureFixture):
    prepared("{0} {0}", learning_rate=2e-3, steps=60, dropout=0.0)
    train("r1")
    checks = record()["checks"]
    assert checks[-1]["ndcg_at_10"] > checks[0]["ndcg_at_10"]
    assert record()["better_before"] is None
    assert "Train less" not in capsys.readouterr().err + Path("models/r1/README.md").read_text()


@pytest.mark.parametrize("given", [{"query_texts": None}, {"grade": 0}, {"dev_scores": False}])
def test_without_dev_queries_positives_or_scores_nothing_is_checked(workspace: Path, given: dict):
    prepared(**given)
    train("r1")
    assert record() == {
        "queries": 0,
        "queries_name": "dev queries",
        "documents": 0,
        "checks": [],
        "better_before": None,
    }
