"""The judge `cross-encoder`: verdicts from scores that the ledger keeps, and models that are
refused.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import polars as pl
import pytest

from hone.data.questions import Questions
from hone.encoders.cross_encoder_folder import CrossModel
from hone.errors import Refused
from hone.judging import cross_encoder_ledger, fingerprint
from hone.judging.context import Desk
from hone.llm.budget import Budget
from hone.llm.ledger.ledger import Ledger, question_key
from tasks.relabel.judges.cross_encoder import cross_encoder
from tests.relabel.judges.test_encoder import DOCUMENTS, PAIRS, POSITIVES, QUERIES, questions
from tests.tiny_cross_encoder import tiny_cross_encoder
from tests.tiny_model import tiny_model

NAME = "inputs/cross"
DEFAULTS = {
    "model": NAME,
    "revision": None,
    "compare": "positives",
    "threshold": None,
    "margin": 0.0,
    "max_length": None,
}


@pytest.fixture
def desk(workspace: Path) -> Desk:
    tiny_cross_encoder(Path(NAME))
    return Desk(Ledger(), "test", 1, "r2")


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many pairs the model really scores, call by call."""
    from sentence_transformers import CrossEncoder

    calls: list[int] = []
    real = CrossEncoder.predict

    def predict(self: CrossEncoder, inputs: list, **more: object):
        calls.append(len(inputs))
        return real(self, inputs, **more)

    monkeypatch.setattr(CrossEncoder, "predict", predict)
    return calls


def true_scores(folder: str = NAME) -> dict[tuple[str, str], float]:
    """Of every query and document, one at a time, by sentence-transformers itself."""
    from sentence_transformers import CrossEncoder

    model = CrossEncoder(folder, device="cpu")
    return {
        (query, doc): float(model.predict([(text, other)])[0])
        for query, text in QUERIES.items()
        for doc, other in DOCUMENTS.items()
    }


def test_the_lowest_other_known_answer_less_the_margin_is_the_bound(desk: Desk):
    true = true_scores()
    for margin in (0.0, 0.05, 0.5):
        made = cross_encoder(questions(), desk, "f", model=NAME, margin=margin)
        assert made.select("query_id", "doc_id").rows() == PAIRS
        for query, doc, grade, verdict in made.select(
            "query_id", "doc_id", "grade", "verdict"
        ).iter_rows():
            others = [
                true[query, known]
                for other_query, known in POSITIVES
                if other_query == query and known != doc
            ]
            if not others:
                assert verdict == "unknown"
                continue
            assert grade == pytest.approx(true[query, doc], abs=1e-5)
            assert verdict == (
                "positive" if true[query, doc] >= min(others) - margin else "negative"
            )
    assert made["reason"].drop_nulls().unique().to_list() == [
        "there is no labelled positive to compare it with"
    ]
    assert made["probability"].is_null().all()


def test_a_threshold_against_the_query_alone(desk: Desk):
    true = true_scores()
    bound = sorted(true[pair] for pair in PAIRS)[2] - 1e-4
    made = cross_encoder(questions(), desk, "f", model=NAME, compare="query", threshold=bound)
    assert made["verdict"].to_list() == [
        "positive" if true[pair] >= bound else "negative" for pair in PAIRS
    ]
    assert made["reason"].is_null().all()


def test_nothing_is_scored_twice_whatever_the_bound_and_the_folders_name(
    desk: Desk, counted: list[int]
):
    cross_encoder(questions(), desk, "f", model=NAME)
    assert sum(counted) == len({*PAIRS, *POSITIVES})
    counted.clear()
    cross_encoder(questions(), desk, "g", model=NAME, margin=0.3)
    cross_encoder(questions(), desk, "h", model=NAME, compare="query", threshold=0.5)
    Path(NAME).rename("inputs/moved")
    cross_encoder(questions(), desk, "f", model="inputs/moved")
    assert counted == []
    tiny_cross_encoder(Path(NAME), seed=1)
    counted.clear()  # saving a model scores the examples of its card
    cross_encoder(questions(), desk, "f", model=NAME)
    assert sum(counted) == len({*PAIRS, *POSITIVES})


def test_pairs_of_the_same_texts_are_scored_once(desk: Desk, counted: list[int]):
    pair_questions = questions([("q1", "d1"), ("q1", "copy")])
    copied = pl.concat(
        [
            pair_questions.documents,
            pl.DataFrame({"doc_id": ["copy"], "full_text": [DOCUMENTS["d1"]]}),
        ]
    )
    made = cross_encoder(
        Questions(pair_questions.pairs, pair_questions.positives, pair_questions.queries, copied),
        desk,
        "f",
        model=NAME,
        compare="query",
        threshold=0.5,
    )
    assert counted == [1]
    assert made["grade"].n_unique() == 1
    assert made["grade"].is_not_null().all()


def test_an_answer_and_its_cost_stand_once(desk: Desk):
    made = cross_encoder(questions(), desk, "f", model=NAME, compare="query", threshold=0.5)
    assert made["answer"].n_unique() == 1
    assert made["raw"].is_not_null().to_list() == [True] + [False] * (len(PAIRS) - 1)
    assert len(made["raw"][0].splitlines()) == len(PAIRS)
    assert made["seconds"].drop_nulls().len() == 1


def test_a_kill_loses_one_block_at_most(
    desk: Desk, counted: list[int], monkeypatch: pytest.MonkeyPatch
):
    """Two pairs an answer; the second block fails. The first is kept, and no claim stays."""
    monkeypatch.setattr(cross_encoder_ledger, "PAIRS_PER_ANSWER", 2)
    record = Ledger.record
    block_sizes: list[int] = []

    def failing(self: Ledger, judge: str, answer: object, verdicts: list, *more: object) -> int:
        if block_sizes:
            raise OSError("no space left")
        block_sizes.append(len(verdicts))
        return record(self, judge, answer, verdicts, *more)

    monkeypatch.setattr(Ledger, "record", failing)
    with pytest.raises(OSError, match="no space"):
        cross_encoder(questions(), desk, "f", model=NAME, compare="query", threshold=0.5)
    monkeypatch.setattr(Ledger, "record", record)
    counted.clear()
    made = cross_encoder(questions(), desk, "f", model=NAME, compare="query", threshold=0.5)
    assert sum(counted) == len(PAIRS) - 2
    assert made["grade"].is_not_null().all()


def test_when_the_time_is_over_the_rest_is_unknown(desk: Desk, counted: list[int]):
    spent = Desk(desk.ledger, "test", 1, "r2", Budget(minutes=0))
    made = cross_encoder(questions(), spent, "f", model=NAME)
    assert counted == []
    assert set(made["verdict"].cast(pl.String)) == {"unknown"}
    assert sum(reason.startswith("over budget") for reason in made["reason"]) == 4


def test_what_another_process_is_scoring_is_waited_for(
    desk: Desk, counted: list[int], monkeypatch: pytest.MonkeyPatch
):
    """Another process holds the claim on a pair; while this one waits, it records its score."""
    import multiprocessing

    cross_encoder(questions(PAIRS[1:2]), desk, "f", model=NAME, compare="query", threshold=0.5)
    scorer = cross_encoder_ledger.Scorer(NAME, None, None, desk)
    key = question_key(QUERIES["q1"], DOCUMENTS["d1"])
    context = multiprocessing.get_context("spawn")
    claimed, go_on = context.Event(), context.Event()
    other = context.Process(target=hold_and_record, args=(scorer.judge, key, claimed, go_on))
    other.start()
    assert claimed.wait(60)
    monkeypatch.setattr(cross_encoder_ledger.time, "sleep", lambda _: go_on.set())
    counted.clear()
    made = cross_encoder(
        questions(PAIRS[:1]), desk, "f", model=NAME, compare="query", threshold=0.5
    )
    other.join()
    assert counted == []
    assert made["grade"].to_list() == [0.75]


def hold_and_record(judge: str, key: bytes, claimed: object, go_on: object) -> None:
    """What the other process does."""
    from hone.llm.ledger.ledger import Answer, Verdict

    ledger = Ledger()
    assert ledger.claim(judge, [key]) == {key}
    claimed.set()
    go_on.wait(60)
    ledger.record(
        judge, Answer("0.75", None, 0, 0, 0.0, 0.0), [Verdict(key, "unknown", 0.75)], "other"
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"compare": "query"}, "needs a `threshold`"),
        ({"threshold": 0.5}, "set `compare: query`"),
        ({"model": "org/name"}, "set `revision` to its 40-digit commit"),
        ({"model": "org/name", "revision": "main"}, "set `revision` to its 40-digit commit"),
        ({"model": "elsewhere"}, "is not below inputs/"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_does(desk: Desk, changes: dict, message: str):
    shutil.copytree(NAME, "elsewhere")
    with pytest.raises(Refused, match=message):
        fingerprint.fingerprint({"method": "cross-encoder", "parameters": DEFAULTS | changes})


def test_a_judges_fingerprint_is_of_its_weights(desk: Desk):
    line = {"method": "cross-encoder", "parameters": DEFAULTS}
    before = fingerprint.fingerprint(line)
    assert fingerprint.fingerprint(line) == before
    shutil.rmtree(NAME)
    tiny_cross_encoder(Path(NAME), seed=1)
    assert fingerprint.fingerprint(line) != before


def altered(name: str, **changes: object) -> None:
    file = Path(NAME, name)
    given = json.loads(file.read_text()) if file.exists() else {}
    file.write_text(json.dumps(given | changes))


def test_a_model_with_code_or_pickles_of_its_own_is_refused(desk: Desk):
    model = CrossModel(Path(NAME))
    model.refuse_unsafe()
    altered("config.json", auto_map={"AutoModel": "theirs.Model"})
    with pytest.raises(Refused, match="contains its own code"):
        model.refuse_unsafe()


def test_a_function_that_is_not_torchs_is_refused(desk: Desk):
    altered("config_sentence_transformers.json", activation_fn="os.getcwd")
    with pytest.raises(Refused, match="'os.getcwd'"):
        CrossModel(Path(NAME)).refuse_unsafe()


def test_weights_that_can_run_code_are_refused(desk: Desk):
    for file in Path(NAME).rglob("*.safetensors"):
        file.rename(file.with_name("pytorch_model.bin"))
    with pytest.raises(Refused, match="but no model.safetensors"):
        CrossModel(Path(NAME)).refuse_unsafe()


def test_an_encoder_is_no_cross_encoder(workspace: Path):
    """It would be given a head with random weights, and score all the same."""
    with pytest.raises(Refused, match="is not a cross-encoder"):
        CrossModel(tiny_model(Path("inputs/encoder"))).refuse_unsafe()


def test_a_model_with_several_scores_is_refused(workspace: Path):
    with pytest.raises(Refused, match="returns 3 scores for a pair"):
        CrossModel(tiny_cross_encoder(Path("inputs/three"), labels=3)).load()
