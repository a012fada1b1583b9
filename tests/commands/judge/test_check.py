"""`hone judge check`, on a collection of the test's own, with judges behind a local server."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import polars as pl
import pytest

from commands.judge.again import again
from commands.judge.check import check
from commands.judge.inputs import OfSplit, collection_of, judge_line
from hone.config import methods, params
from hone.data import tables
from hone.errors import Refused
from hone.files import read_json
from hone.judging import fingerprint
from hone.judging.reliability.gate import gate
from hone.llm.ledger.ledger import Answer, Ledger, Verdict, question_key
from hone.stats.calibration import apply
from tests.prepared import prepare, write_params, write_rows

TOPICS = [f"topic{number}" for number in range(40)]
ANSWERS, OTHERS = 4, 8


class Server(ThreadingHTTPServer):
    """Answers yes-no questions by the document's words. `strong` is always right. `cheap` calls the
    first other document of a topic an answer. `mute` writes what nobody can read. `requests` has
    model, query, document and known positives of each call.
    """

    daemon_threads = True
    request_queue_size = 64  # a connection that is reset in a full queue counts as perhaps paid

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.requests: list[tuple[str, str, str, list[str]]] = []
        self.changed = False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"


class Answering(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        given = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        text = given["messages"][-1]["content"]
        query, document = (inside(name, text)[0] for name in ("query", "document"))
        self.server.requests.append((given["model"], query, document, inside("known_answer", text)))
        right = document.startswith("answer") and query.split()[-1] in document.split()
        yes = right != self.server.changed or (
            given["model"] == "cheap" and document.startswith("other 0")
        )
        word = "perhaps, who knows" if given["model"] == "mute" else "yes" if yes else "no"
        sure = [
            {"token": one, "logprob": -0.223 if one == word else -1.609, "bytes": None}
            for one in ("yes", "no")
        ]
        tops = {
            "content": [{"token": word, "logprob": -0.223, "bytes": None, "top_logprobs": sure}]
        }
        body = {
            "id": "x",
            "object": "chat.completion",
            "created": 1,
            "model": given["model"],
            "choices": [
                {
                    "index": 0,
                    "finish_reason": "stop",
                    "message": {"role": "assistant", "content": word},
                    "logprobs": tops
                    if given.get("logprobs") and given["model"] != "mute"
                    else None,
                }
            ],
            "system_fingerprint": "fp_2" if self.server.changed else "fp_1",
            "usage": {"prompt_tokens": 100, "completion_tokens": 1, "total_tokens": 101},
        }
        raw = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *_: object) -> None:
        pass


def inside(name: str, text: str) -> list[str]:
    return [found.strip() for found in re.findall(rf"<{name}[^>]*>(.*?)</{name}>", text, re.DOTALL)]


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()
        yield running
        running.shutdown()


def endpoint(server: Server, model: str) -> dict:
    return {
        "endpoint": {
            "url": server.url,
            "model": model,
            "prompt": "yes-no",
            "structured": "never",
            "price": {"input": 10, "output": 10},
        }
    }


@pytest.fixture
def made(workspace: Path, server: Server) -> Path:
    """Forty topics, each with four answers (some hidden) and eight other documents (one judged not
    relevant); half train, half test.
    Round r1 has the hidden answers and the eight others of each training query as negatives, the
    answers from the third place."""
    documents, queries, qrels = [], [], []
    for number, topic in enumerate(TOPICS):
        queries.append(
            {
                "query_id": topic,
                "text": f"what about {topic}",
                "split": "train" if number % 2 else "test",
            }
        )
        documents += [
            {"doc_id": f"{topic}-a{k}", "text": f"answer {k} {topic}"} for k in range(ANSWERS)
        ]
        documents += [
            {"doc_id": f"{topic}-o{k}", "text": f"other {k} {topic}"} for k in range(OTHERS)
        ]
        qrels += [
            {"query_id": topic, "doc_id": f"{topic}-a{k}", "relevance": 1} for k in range(ANSWERS)
        ]
        qrels.append({"query_id": topic, "doc_id": f"{topic}-o0", "relevance": 0})
    write_rows(Path("inputs/ours"), documents, queries, qrels)
    judges = {name: endpoint(server, name) for name in ("cheap", "strong", "mute")}
    about = {"source": "folder", "path": "inputs/ours"}
    collections = {"ours": about | {"hide": {"share": 0.25, "seed": 1}}}
    prepare(
        collections=collections
    )  # without the judges: their port differs in each test, and the template would too
    write_params(judges=judges, collections=collections | {"later": about})
    write_negatives()
    return workspace


def hidden() -> pl.DataFrame:
    return tables.read("hidden", Path("data/ours/hidden.parquet"))


def negatives() -> pl.DataFrame:
    return tables.read("negatives", Path("rounds/r1/negatives.parquet"))


def write_negatives(prefix: str = "") -> None:
    rows = []
    for topic in TOPICS[1::2]:
        own = [f"{topic}-o{k}" for k in range(OTHERS)]
        own[2:2] = hidden().filter(pl.col("query_id") == topic)["doc_id"].to_list()
        rows += [
            (prefix + topic, prefix + doc, "dense", rank, 0.5) for rank, doc in enumerate(own, 1)
        ]
    frame = pl.DataFrame(rows, schema=list(tables.CANDIDATES), orient="row")
    tables.write(
        "negatives", tables.shaped("negatives", frame), Path("rounds/r1/negatives.parquet")
    )


def test_a_judge_is_measured_and_what_was_found_is_written(
    made: Path, server: Server, capsys: pytest.CaptureFixture
):
    found = check("cheap", "ours", gold="hidden")
    file = Path("inputs/labels/fitness/cheap@ours.json")
    assert read_json(file) == json.loads(json.dumps(found))
    # Every answer is found; of the documents that are none it takes the first of each topic, which
    # is the one judged.
    assert found["split"] == "train"
    assert found["recall"]["estimate"] == 1.0
    assert found["sets"]["not-relevant"]["yes"]["estimate"] == 1.0
    assert found["sets"]["random"]["yes"]["estimate"] < 0.3
    assert found["auc"]["estimate"] == 0.5
    assert found["auc_by_set"]["known over random"]["estimate"] > 0.8
    # Prices: 101 tokens at 10 a million.
    assert found["cost"]["money"]["estimate"] == pytest.approx(101 * 10 / 1e6)
    # At use: of each topic one hidden answer (where there is one) and one wrong yes.
    assert found["share_of_false_negatives"]["estimate"] == pytest.approx(
        len(hidden()) / len(negatives())
    )
    assert found["precision_at_use"]["estimate"] == pytest.approx(
        len(hidden()) / (len(hidden()) + 20)
    )
    # Hidden answers were put from rank 3 on, and the hidden table knows every pair.
    bands = {one["band"]: one for one in found["by_stratum"]}
    assert {one["source"] for one in found["by_stratum"]} == {"dense"}
    assert sum(one["negatives"] for one in bands.values()) == len(negatives())
    assert bands["1"]["estimate"] == 0
    third = (
        negatives()
        .filter(pl.col("rank") == 3)
        .join(hidden(), on=["query_id", "doc_id"], how="semi")
    )
    assert bands["2 to 3"]["estimate"] == pytest.approx(len(third) / bands["2 to 3"]["negatives"])
    assert len(third)
    assert not gate(found)[0]
    output = capsys.readouterr().out
    assert "precision at use" in output
    assert "false-negative rate" in output
    assert "The judge cheap on ours may not promote" in output
    assert str(file) in output


def test_a_second_run_costs_nothing(made: Path, server: Server):
    one = check("cheap", "ours", gold="hidden")
    calls = len(server.requests)
    assert len({(*parts, tuple(known)) for *parts, known in server.requests}) == calls
    assert check("cheap", "ours", gold="hidden") == one
    assert len(server.requests) == calls


def test_a_positive_is_not_its_own_example_and_held_out_ones_are_none(made: Path, server: Server):
    check("cheap", "ours")
    texts = {
        f"answer {doc[-1]} {query}"
        for query, doc in hidden().select("query_id", "doc_id").iter_rows()
    }
    assert server.requests
    for _, query, document, known in server.requests:
        assert document not in known
        assert known
        assert all(query.split()[-1] in text for text in known)
        assert not texts & set(known)


def test_another_judges_word_may_be_gold(made: Path, server: Server):
    found = check("cheap", "ours", gold="judge:strong", pairs=60)
    assert found["precision_at_use"]["gold"] == 60
    assert sum(model == "strong" for model, *_ in server.requests) == 60
    # Gold lies on yes and on no, and the estimate corrects for it.
    share = found["share_of_false_negatives"]
    assert share["low"] <= len(hidden()) / len(negatives()) <= share["high"]
    assert gate(found)[1].endswith(
        "60 gold verdicts on candidates are too few, 150 are needed (--sample)."
    )


def test_verdicts_of_a_person_may_be_gold(made: Path, server: Server):
    """Ann has judged the first, third and fifth negative of each query, wherever the judge reads
    whole queries.
    """
    ann = fingerprint.fingerprint(
        methods.checked("relabel.judges", {"people": {"who": "ann"}}, "test")
    )
    ledger, judged = Ledger(), []
    for topic, doc in (
        negatives().filter(pl.col("rank").is_in([1, 3, 5])).select("query_id", "doc_id").iter_rows()
    ):
        kind, number = ("answer", doc[-1]) if "-a" in doc else ("other", doc[-1])
        key = question_key(f"what about {topic}", f"{kind} {number} {topic}")
        judged.append(Verdict(key, "positive" if kind == "answer" else "negative"))
    ledger.describe(ann, {"who": "ann"})
    ledger.record(ann, Answer("a sheet", None, 0, 0, 0.0, 0.0), judged, "test")
    found = check("cheap", "ours", gold="people:ann", limit=160)
    assert found["precision_at_use"]["gold"] == 60
    assert found["candidates"]["judged"] < 180
    assert len(server.requests) <= 160
    share = found["share_of_false_negatives"]
    assert share["low"] <= len(hidden()) / len(negatives()) <= share["high"]


def test_removed_gold_is_reported(made: Path, capsys: pytest.CaptureFixture):
    check("strong", "ours", gold="hidden", pairs=10)
    check("strong", "ours", pairs=10)
    assert "which used gold hidden. `--gold hidden` restores it" in capsys.readouterr().err


def test_joined_collections_keep_their_names_apart(made: Path, server: Server):
    """Ids of the round's negatives carry the collection's name; the pairs that are measured do
    too.
    """
    about = {"source": "folder", "path": "inputs/ours", "hide": {"share": 0.25, "seed": 1}}
    write_rows(
        Path("inputs/more"),
        [{"doc_id": "d", "text": "t"}],
        [{"query_id": "q", "text": "x y", "split": "train"}],
        [{"query_id": "q", "doc_id": "d"}],
    )
    more = {"source": "folder", "path": "inputs/more"}
    prepare(
        collections={"ours": about, "more": more},
        train_on=["ours", "more"],
        judges={"cheap": endpoint(server, "cheap")},
    )
    write_negatives("ours/")
    found = check("cheap", "ours", gold="hidden")
    assert found["precision_at_use"]["estimate"] == pytest.approx(
        len(hidden()) / (len(hidden()) + 20)
    )
    assert found["sets"]["known"]["pairs"] > 0


def test_a_fit_judge_may_promote(made: Path):
    found = check("strong", "ours", gold="hidden")
    assert found["precision_at_use"]["estimate"] == 1.0
    assert found["precision_at_use"]["gold"] >= 150
    assert gate(found, bound=0.7)[0]
    assert "may promote" in gate(found, bound=0.7)[1]


def test_a_limit_holds(made: Path, server: Server):
    check("cheap", "ours", gold="hidden", limit=40)
    assert 0 < len(server.requests) <= 40


def test_test_queries_may_measure_for_they_train_nothing(made: Path):
    found = check("cheap", "ours", split="test")
    assert found["split"] == "test"
    assert found["sets"]["known"]["pairs"] > 0
    assert "hidden" not in found["sets"]


def test_calibration_uses_no_hidden_pair(made: Path):
    found = check("strong", "ours")
    account = found["calibration_account"]
    assert (
        account["pairs"]
        == found["sets"]["known"]["pairs"] + found["sets"][found["against"]]["pairs"]
    )
    if found["calibration"]:
        assert apply(found["calibration"], pl.Series([0.8]).to_numpy())[0] > 0.8


def test_people_agree_beside_the_judge(made: Path, capsys: pytest.CaptureFixture):
    rows = [f"{topic}\t{topic}-a{k}\t1\t{k % 2}" for topic in TOPICS[1::2] for k in range(ANSWERS)]
    rows += [f"{topic}\t{topic}-o0\t0\t0" for topic in TOPICS[1::2]]
    Path("inputs/said.tsv").write_text("query-id\tdoc-id\tann\tbob\n" + "\n".join(rows) + "\n")
    found = check("strong", "ours", people=Path("inputs/said.tsv"))["people"]
    kappas = {(one["one"], one["other"], one["pairs"]): one["estimate"] for one in found}
    assert kappas["the judge", "ann", "asked"] == 1.0
    assert 0 < kappas["ann", "bob", "all"] < 1
    assert "the judge" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"name": "cheep", "on": "ours"},
            "there is no judge 'cheep' in params.yaml's `judges`: did you mean 'cheap'?",
        ),
        (
            {"name": "cheap", "on": "our"},
            "Collection 'our' is not in params.yaml: did you mean 'ours'?",
        ),
        (
            {"name": "cheap", "on": "later"},
            "Collection 'later' has not been read yet. Run `dvc repro collect@later`",
        ),
        (
            {"name": "cheap", "on": "ours", "split": "dev"},
            "Split dev of ours has no positives, so a judge cannot be measured on it. Use",
        ),
        ({"name": "cheap", "on": "ours", "split": "trian"}, "did you mean 'train'?"),
        (
            {"name": "cheap", "on": "ours", "round": "r2"},
            "Round 'r2' is not in params.yaml: did you mean 'r1'?",
        ),
        (
            {"name": "cheap", "on": "ours", "gold": "judge:cheap"},
            "judge cheap cannot be its own reference",
        ),
        ({"name": "cheap", "on": "ours", "gold": "judge:strang"}, "did you mean 'strong'?"),
        ({"name": "cheap", "on": "ours", "gold": "crowd"}, "Use hidden, judge:NAME or people:NAME"),
        (
            {"name": "cheap", "on": "ours", "gold": "people:ann"},
            "ann has not labelled any negative of this round",
        ),
        (
            {"name": "cheap", "on": "ours", "gold": "hidden", "split": "test"},
            "--gold hidden: ours has no held-out positives",
        ),
        ({"name": "cheap", "on": "ours", "pairs": 0}, "--sample is 0"),
    ],
)
def test_what_cannot_be_meant_is_refused(made: Path, arguments: dict, message: str):
    with pytest.raises(Refused) as refused:
        check(**arguments)
    assert message in str(refused.value)
    assert not Path("inputs/labels/fitness").exists()


def test_a_judge_that_answers_nothing_is_reported(made: Path):
    with pytest.raises(
        Refused,
        match="Judge mute returned no verdict on any of .* pairs: .*unparsable.* Nothing was "
        "written.",
    ):
        check("mute", "ours")
    assert not Path("inputs/labels/fitness").exists()


@pytest.mark.shared
def test_pairs_judged_not_relevant_by_trec(shared: Path, workspace: Path):
    """The pool's test split has 1,592 of them, and no other split has known answers."""
    pool = shared / "trec_dl19_pool"
    write_rows(
        Path("inputs/ours"),
        [{"doc_id": "d", "text": "t"}],
        [{"query_id": "q", "text": "x", "split": "train"}],
        [{"query_id": "q", "doc_id": "d"}],
    )
    prepare(
        collections={
            "ours": {"source": "folder", "path": "inputs/ours"},
            "trec": {"source": f"beir:{pool}", "path": str(pool)},
        },
        evaluate_on=["ours"],
    )
    from hone.data.qrels_labels import known_labels
    from hone.judging.reliability.probe_pairs import pair_sets

    found = collection_of(params.read(), "trec", None)
    assert isinstance(found, OfSplit)
    assert found.split == "test"
    made = pair_sets(
        known_labels(found),
        pl.DataFrame(schema={"query_id": pl.String, "doc_id": pl.String}),
        found.documents.ids,
        5000,
        13,
    )
    assert dict(made.pairs["set"].value_counts().rows())["not-relevant"] == 1592


def test_old_pairs_are_judged_again_and_changes_are_counted(
    made: Path, server: Server, capsys: pytest.CaptureFixture
):
    with pytest.raises(
        Refused, match="The judgment log has no verdict of cheap on negatives of ours in round r1"
    ):
        again("cheap", "ours")
    check("cheap", "ours", gold="hidden", pairs=40)
    paid, before = len(server.requests), Ledger().spent("judge check")
    found = again("cheap", "ours")
    assert len(server.requests) == paid + 20
    assert found["asked"] == found["read"] == 20
    assert found["changed"] == 0
    assert found["interval"][1] == pytest.approx(
        0.161, abs=0.001
    )  # Wilson: z^2 / (n + z^2) = 3.84 / 23.84
    assert (
        len({query for _, query, *_ in server.requests[paid:]}) > 15
    )  # of as many queries as there are
    assert found["spent"]["tokens"] == 20 * 101
    assert Ledger().spent("judge check")["tokens"] == before["tokens"] + 20 * 101
    # The model behind the name changes on the second day, and takes wrong for right.
    server.changed = True
    found = again("cheap", "ours", limit=15)
    one = server.requests[-15:]
    assert (
        found["changed"] == sum(not document.startswith("other 0") for _, _, document, _ in one) > 0
    )
    output = capsys.readouterr().out
    assert ", now positive" in output
    assert "Its system_fingerprint was fp_1 then and is fp_2 now." in output
    # What was judged before stays what it is.
    server.requests.clear()
    check("cheap", "ours", gold="hidden", pairs=40)
    assert not server.requests


def test_repeated_calls_count_against_the_rounds_budget(made: Path, server: Server):
    """20 pairs of 101 tokens, and 400 tokens are left: three more calls fit, each of which may
    use 116.
    """
    check("cheap", "ours", gold="hidden", pairs=40)
    judge = judge_line(params.read(), "cheap")
    line = judge | {"escalate": {"method": "found", "parameters": {}}, "evidence": []}
    section = {"cascade": [line], "retry": 0, "budget": {"tokens": 20 * 101 + 400}}
    section |= {"confirmed_at": 1, "left_out": {}, "train_on": ["ours"]}
    file = Path("resolved/rounds/r1/relabel.json")
    file.write_text(json.dumps(read_json(file) | {"relabel": section}))
    assert again("cheap", "ours")["spent"]["tokens"] == 20 * 101
    found = again("cheap", "ours")
    assert (found["read"], found["spent"]["tokens"]) == (3, 3 * 101)


def test_a_judge_that_cannot_change_is_not_called_again(made: Path):
    with pytest.raises(Refused, match="does not prompt a language model"):
        again("encoder", "ours")
