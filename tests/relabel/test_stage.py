"""The stage as a whole: a real cascade replayed, an endpoint that answers, one that is dead, and
what a person overrules.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import polars as pl
import pytest
import yaml

from hone import processes
from hone.data import tables
from hone.data.unknown import is_dropped
from hone.files import read_json, write_json
from hone.layout import PAIR
from tests.hone.llm.answering import serving
from tests.prepared import pairs, prepare, write_params, write_rows
from tests.stages import relabel, resolve, retrieve, sample, score

THENS = ("keep", "drop", "drop-query", "weight", "mask", "promote")


def write_recipe(section: dict | str, n: int = 25) -> None:
    """A recipe whose candidates are those of a run file, so that it is known which negatives are
    judged.
    """
    Path("recipes").mkdir(exist_ok=True)
    recipe = {
        "about": "a test",
        "retrieve": [{"run": {"file": "inputs/candidates.trec"}}],
        "sample": {"filters": ["labelled"], "choose": {"top": {"n": n}}, "on_shortage": "fewer"},
        "relabel": section,
    }
    Path("recipes/judged.yaml").write_text(yaml.safe_dump(recipe))


def write_run(ranked: dict[str, list[str]]) -> None:
    lines = [
        f"{query} Q0 {doc} {place} {100 - place} made-up"
        for query, docs in ranked.items()
        for place, doc in enumerate(docs, start=1)
    ]
    Path("inputs/candidates.trec").write_text("\n".join(lines) + "\n")


def run_to_negatives() -> None:
    for stage in (retrieve, score, sample):
        stage("r1")


def judged(section: dict, judges: dict | None = None) -> tuple[pl.DataFrame, pl.DataFrame, dict]:
    """Labels, removed rows and account after the stage has run with another section `relabel`."""
    write_recipe(section)
    write_params(rounds={"r1": {"from": "r0", "recipe": "judged"}}, judges=judges or {})
    resolve()
    relabel("r1")
    folder = Path("rounds/r1")
    return (
        tables.read("labels", folder / "labels.parquet"),
        tables.read("removed", folder / "removed" / "relabel.parquet"),
        read_json(folder / "relabel.json"),
    )


# A real cascade: 50 queries, gpt-4o-mini and gpt-4o, 86 answers.


@pytest.fixture
def recorded(workspace: Path, shared: Path) -> list[dict]:
    """The recorded queries as a collection, their mined negatives as its candidates."""
    lines = []
    Path("inputs").mkdir()
    with Path("inputs/recorded.jsonl").open("w") as out:
        for name in ("fiqa", "msmarco_passage"):
            text = (shared / "rlhn_cascade" / f"{name}.jsonl").read_text(encoding="utf-8")
            out.write(text)
            lines += [json.loads(line) for line in text.splitlines()]
    documents = {
        one["docid"]: one
        for line in lines
        for one in (*line["positive_passages"], *line["negative_passages"])
    }
    write_rows(
        Path("inputs/ours"),
        [
            {"doc_id": name, "title": one["title"], "text": one["text"]}
            for name, one in documents.items()
        ],
        [{"query_id": line["query_id"], "text": line["query"], "split": "train"} for line in lines],
        pairs(
            *(
                (line["query_id"], one["docid"])
                for line in lines
                for one in line["positive_passages"]
            )
        ),
    )
    write_run(
        {line["query_id"]: [one["docid"] for one in line["negative_passages"]] for line in lines}
    )
    write_recipe({"cascade": [{"judge": "mini"}]})
    prepare(rounds={"r1": {"from": "r0", "recipe": "judged"}}, judges=RECORDED)
    run_to_negatives()
    return lines


RECORDED = {
    name: {"replay": {"file": "inputs/recorded.jsonl", "stage": stage}}
    for name, stage in (("mini", "stage1"), ("large", "stage2"))
}
CASCADE = [{"judge": "mini", "escalate": "found"}, {"judge": "large"}]


def hits(line: dict, stage: str, judged_pairs: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """The pairs that the recorded lists of a stage name, of those that are among the negatives."""
    numbers = {*line[stage]["better"], *line[stage]["worse"]} if line.get(stage) else set()
    found = {
        (line["query_id"], line["negative_passages"][number - 1]["docid"])
        for number in numbers
        if number >= 1
    }
    return found & judged_pairs


@pytest.mark.shared
def test_the_recorded_lists_are_the_labels_under_each_then(recorded: list[dict]):
    negatives = tables.read("negatives", Path("rounds/r1/negatives.parquet")).select(PAIR).rows()
    judged_pairs = set(negatives)
    assert len(judged_pairs) > 800
    final: set[tuple[str, str]] = set()
    for line in recorded:
        if hits(line, "stage1", judged_pairs):
            final |= hits(line, "stage2", judged_pairs)
    assert len(final) > 40
    for then in THENS:
        labels, removed, account = judged(
            {"cascade": CASCADE, "action": then, "force": True}, RECORDED
        )
        of = {
            kind: set(
                labels.filter(pl.col("label") == kind, pl.col("judge") != "qrels")
                .select(PAIR)
                .rows()
            )
            for kind in ("positive", "negative", "unknown")
        }
        removed_pairs = set(removed.filter(pl.col("doc_id").is_not_null()).select(PAIR).rows())
        left = set(removed.filter(pl.col("doc_id").is_null())["query_id"])
        assert account["judges"][1]["positive"] == len(final)
        assert of["positive"] == (final if then == "promote" else set())
        assert removed_pairs == (final if then == "drop" else set())
        assert of["unknown"] == (final if then in ("mask", "drop") else set())
        assert set(labels.filter(is_dropped()).select(PAIR).rows()) == removed_pairs
        assert left == ({query for query, _ in final} if then == "drop-query" else set())
        spared = {pair for pair in judged_pairs if pair[0] not in left} - (
            final if then in ("drop", "mask", "promote") else set()
        )
        assert of["negative"] == spared
        weights = set(
            labels.filter(pl.col("label") == "negative", pl.col("weight") == 0).select(PAIR).rows()
        )
        assert weights == (final if then == "weight" else set())


@pytest.mark.shared
def test_queries_with_more_than_seven_hits_are_set_aside(recorded: list[dict]):
    labels, removed, _ = judged(
        {"cascade": CASCADE, "action": "promote", "force": True, "most_hits": 7}, RECORDED
    )
    crowded = set(removed.filter(pl.col("rule") == "too-many-hits")["query_id"])
    promoted = (
        labels.filter(pl.col("judge") == "large", pl.col("label") == "positive")
        .group_by("query_id")
        .len()
    )
    assert crowded.isdisjoint(labels["query_id"])
    assert promoted["len"].max() <= 7


@pytest.mark.shared
def test_promotion_without_measured_precision_drops(recorded: list[dict]):
    labels, removed, account = judged({"cascade": CASCADE, "action": "promote"}, RECORDED)
    assert labels.filter(pl.col("label") == "positive", pl.col("judge") != "qrels").is_empty()
    assert len(removed) == account["promotion"]["wanted"] > 40
    assert "hone judge check large" in account["promotion"]["why"]


# An endpoint.

DOCUMENTS = [{"doc_id": f"d{number}", "text": f"text number {number}"} for number in range(1, 8)]
QUERIES = [
    {"query_id": f"q{number}", "text": f"question {number}", "split": "train"} for number in (1, 2)
]
RANKED = {"q1": ["d2", "d3", "d4"], "q2": ["d5", "d6", "d7"]}


@pytest.fixture
def small(workspace: Path) -> None:
    write_rows(Path("inputs/ours"), DOCUMENTS, QUERIES, pairs(("q1", "d1"), ("q2", "d1")))
    write_run(RANKED)
    write_recipe({"cascade": [{"judge": {"encoder": {"to": "query", "model": "r0"}}}]})
    prepare(rounds={"r1": {"from": "r0", "recipe": "judged"}})
    run_to_negatives()


def endpoint_judge(url: str, **more: object) -> dict:
    return {
        "one": {
            "endpoint": {"url": url, "model": "made-up-1", "prompt": "yes-no", "timeout": 5} | more
        }
    }


def says_yes_to(*texts: str):
    """An endpoint's answers: yes where the candidate is one of these texts."""

    def answer(body: dict) -> str:
        candidate = body["messages"][-1]["content"].rpartition("<document>")[2]
        return "yes" if any(text in candidate for text in texts) else "no"

    return answer


def test_what_an_endpoint_finds_is_dropped_and_never_sent_again(small: None):
    with serving(says_yes_to("text number 3")) as server:
        labels, removed, account = judged(
            {"cascade": [{"judge": "one"}]}, endpoint_judge(server.url)
        )
        assert removed.select("query_id", "doc_id", "rule").rows() == [("q1", "d3", "judge")]
        assert labels.filter(pl.col("label") == "negative").select(*PAIR, "rank").sort(
            PAIR
        ).rows() == [
            ("q1", "d2", 1),
            ("q1", "d4", 2),
            ("q2", "d5", 1),
            ("q2", "d6", 2),
            ("q2", "d7", 3),
        ]
        assert account["actions"] == {"drop": 1, "keep": 5}
        assert len(server.requests) == 6
        before = Path("rounds/r1/judgments.parquet").read_bytes()
        judged({"cascade": [{"judge": "one"}]}, endpoint_judge(server.url))
        assert len(server.requests) == 6
        assert Path("rounds/r1/judgments.parquet").read_bytes() == before
    judgments = tables.read("judgments", Path("rounds/r1/judgments.parquet"))
    assert judgments["model"].to_list() == ["made-up-1"] * 6


CONFIRMED = {
    "cascade": [
        {"judge": "cheap", "escalate": {"most": {"pairs": 2, "per_query": 1, "among": "found"}}},
        {"judge": "strong", "optional": True},
    ],
    "unconfirmed": "mask",
}


def ends_of(labels: pl.DataFrame) -> dict[str, str]:
    """Every mined document that has a label, and which; `dropped` leaves a label that trains
    nowhere.
    """
    label = pl.when(is_dropped()).then(pl.lit("dropped")).otherwise(pl.col("label").cast(pl.String))
    return dict(labels.filter(pl.col("judge") != "qrels").select("doc_id", label).iter_rows())


def test_the_last_judge_confirms_what_the_first_proposes_and_what_it_did_not_read_is_masked(
    small: None,
):
    """Of three proposals the strong judge reads two: it confirms one (dropped), rejects one (a
    negative again); the third is masked.
    """
    with (
        serving(says_yes_to("number 2", "number 3", "number 5")) as cheap,
        serving(says_yes_to("number 2")) as strong,
    ):
        judges = {
            "cheap": endpoint_judge(cheap.url)["one"],
            "strong": endpoint_judge(strong.url, model="made-up-2")["one"],
        }
        labels, removed, account = judged(CONFIRMED, judges)
    assert removed.select("doc_id", "rule", pl.col("detail").str.head(20)).rows() == [
        ("d2", "judge", "strong says positive")
    ]
    assert ends_of(labels) == {
        "d2": "dropped",
        "d3": "unknown",
        "d4": "negative",
        "d5": "negative",
        "d6": "negative",
        "d7": "negative",
    }
    assert account["unconfirmed"] == {"pairs": 1, "action": "mask"}
    assert len(strong.requests) == 2


def test_without_the_judge_that_confirms_all_proposals_are_masked_and_counted(small: None):
    with serving(says_yes_to("number 2", "number 3", "number 5")) as cheap:
        judges = {
            "cheap": endpoint_judge(cheap.url)["one"],
            "strong": {"local": {"model": "inputs/none.gguf"}},
        }
        labels, removed, account = judged(CONFIRMED, judges)
    assert removed.is_empty()
    assert ends_of(labels) == {
        "d2": "unknown",
        "d3": "unknown",
        "d4": "negative",
        "d5": "unknown",
        "d6": "negative",
        "d7": "negative",
    }
    assert account["unconfirmed"] == {"pairs": 3, "action": "mask"}
    assert list(account["left_out"]) == ["strong"]


def test_a_proposal_that_the_confirming_judge_cannot_answer_is_masked(small: None):
    with (
        serving(says_yes_to("number 2", "number 5")) as cheap,
        serving(lambda body: "perhaps") as strong,
    ):
        judges = {
            "cheap": endpoint_judge(cheap.url)["one"],
            "strong": endpoint_judge(strong.url, logprobs=False)["one"],
        }
        labels, removed, account = judged(CONFIRMED, judges)
    assert removed.is_empty()
    assert ends_of(labels) == {
        "d2": "unknown",
        "d3": "negative",
        "d4": "negative",
        "d5": "unknown",
        "d6": "negative",
        "d7": "negative",
    }
    assert account["unconfirmed"] == {"pairs": 0, "action": "mask"}


def test_a_dead_endpoint_leaves_no_label_and_says_why(small: None, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(
        "hone.llm.retry_policy.random.uniform", lambda low, high: low
    )  # between attempts nothing is waited for
    with serving(says_yes_to()) as server:
        url = server.url
    labels, removed, account = judged({"cascade": [{"judge": "one"}]}, endpoint_judge(url))
    assert removed.is_empty()
    assert set(labels.filter(pl.col("judge") == "one")["label"].cast(pl.String)) == {"unknown"}
    assert account["judges"][0]["unknown"] == 6
    assert set(account["judges"][0]["unknown_because"]) <= {"unreachable", "stopped"}


def test_unreadable_answers_are_repeated_by_retry_only(small: None):
    with serving(lambda body: "perhaps") as server:
        judges = endpoint_judge(server.url, logprobs=False)
        account = judged({"cascade": [{"judge": "one"}]}, judges)[2]
        assert account["judges"][0]["unknown"] == len(server.requests) == 6
        judged({"cascade": [{"judge": "one"}]}, judges)
        assert len(server.requests) == 6
        write_json(Path("inputs/retries.json"), {"r1": 1})
        server.answer = says_yes_to("text number 3")
        account = judged({"cascade": [{"judge": "one"}]}, judges)[2]
        assert len(server.requests) == 12
        assert (account["judges"][0]["positive"], account["judges"][0]["unknown"]) == (1, 0)


def test_a_budget_ends_the_asking_and_not_the_stage(small: None):
    with serving(says_yes_to()) as server:
        labels, _, account = judged(
            {"cascade": [{"judge": "one"}], "budget": {"pairs": 4}}, endpoint_judge(server.url)
        )
        assert len(server.requests) == 4
    assert account["judges"][0]["unknown_because"] == {"over budget": 2}
    assert "4 pairs" in account["over_budget"]
    assert labels.filter(pl.col("judge") == "one")["label"].cast(pl.String).value_counts().sort(
        "label"
    ).rows() == [
        ("negative", 4),
        ("unknown", 2),
    ]


def test_a_run_that_ended_early_and_the_next_one_share_the_budget(small: None):
    def count_requests(budget: int, retry: int = 0) -> int:
        write_json(Path("inputs/retries.json"), {"r1": retry})
        judged(
            {"cascade": [{"judge": "one"}], "budget": {"pairs": budget}},
            endpoint_judge(server.url, logprobs=False),
        )
        return len(server.requests)

    with serving(lambda body: "perhaps") as server:
        assert [count_requests(4), count_requests(4)] == [4, 4]
        assert count_requests(5) == 5
        assert count_requests(5, retry=1) == 10  # a person's order to ask again


def test_a_budget_belongs_to_what_is_judged_in_every_folder_container_and_round(
    small: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    section = {"cascade": [{"judge": "one"}], "budget": {"pairs": 4}}
    with serving(lambda body: "perhaps") as server:
        account = judged(section, endpoint_judge(server.url, logprobs=False))[2]
        assert len(server.requests) == 4
        shutil.copytree(Path.cwd(), tmp_path / "moved")
        monkeypatch.chdir(tmp_path / "moved")
        monkeypatch.setattr(processes, "machine", lambda: "another container")
        again = judged(section, endpoint_judge(server.url, logprobs=False))[2]
        assert again["run"] == account["run"]
        shutil.move("rounds/r1", "rounds/r9")
        write_params(
            rounds={"r9": {"from": "r0", "recipe": "judged"}},
            judges=endpoint_judge(server.url, logprobs=False),
        )
        resolve()
        relabel("r9")
        assert len(server.requests) == 4
    assert "4 pairs" in read_json(Path("rounds/r9/relabel.json"))["over_budget"]


def test_what_an_earlier_run_spent_in_money_counts(small: None):
    price = {"input": 5000, "output": 0}  # a call of 100 tokens costs a half
    with serving(says_yes_to()) as server:
        for most, calls in ((1.6, 1), (1.6, 1), (2.6, 3)):
            judged(
                {"cascade": [{"judge": "one"}], "budget": {"money": most}},
                endpoint_judge(server.url, price=price, slots=1),
            )
            assert len(server.requests) <= 2 * most
            assert len(server.requests) >= calls


def test_a_pair_that_nobody_could_judge_for_want_of_budget_is_a_candidate_again_in_the_next_round(
    small: None,
):
    both = {"r1": {"from": "r0", "recipe": "judged"}, "r2": {"from": "r1", "recipe": "judged"}}
    with serving(says_yes_to("text number 2")) as server:
        judges = endpoint_judge(server.url, slots=1)
        labels, _, _ = judged(
            {"cascade": [{"judge": "one"}], "budget": {"pairs": 4}, "action": "mask"}, judges
        )
        unjudged = set(
            labels.filter(pl.col("reason").str.starts_with("over budget")).select(PAIR).rows()
        )
        assert len(unjudged) == 2
        write_params(rounds=both, judges=judges)
        resolve()
        for stage in (retrieve, score, sample, relabel):
            stage("r2")
        assert len(server.requests) == 6  # both, and nothing twice
    mined = set(tables.read("negatives", Path("rounds/r2/negatives.parquet")).select(PAIR).rows())
    assert unjudged <= mined
    assert ("q1", "d2") not in mined  # what a judge did say stays
    later = tables.read("labels", Path("rounds/r2/labels.parquet"))
    assert not later.select(PAIR).is_duplicated().any()
    assert later.filter(pl.col("reason").str.starts_with("over budget")).is_empty()


def test_a_persons_word_wins_over_the_judge(small: None):
    Path("inputs/overrides.csv").write_text(
        "query_id,doc_id,label\nq1,d3,negative\nq1,d2,positive\n"
    )
    with serving(says_yes_to("text number 3")) as server:
        labels, _, account = judged(
            {"cascade": [{"judge": "one"}], "action": "mask"}, endpoint_judge(server.url)
        )
    of = dict(
        labels.filter(pl.col("query_id") == "q1")
        .select("doc_id", pl.col("label").cast(pl.String))
        .iter_rows()
    )
    assert of == {"d1": "positive", "d2": "positive", "d3": "negative", "d4": "negative"}
    assert account["overridden"] == 1  # d3 is a negative still: no judge was asked about it


def test_pairs_decided_by_a_person_are_not_judged_and_not_overruled(small: None):
    Path("inputs/overrides.csv").write_text("query_id,doc_id,label\nq1,d3,negative\n")
    for trim, then in (
        (64, "drop"),
        (65, "drop-query"),
        (66, "mask"),
    ):  # another trim is another judge, which is asked anew
        with serving(says_yes_to("text number 3")) as server:
            labels, removed, _ = judged(
                {"cascade": [{"judge": "one"}], "action": then},
                endpoint_judge(server.url, trim=trim),
            )
        assert len(server.requests) == 5
        assert removed.is_empty()
        negatives = labels.filter(
            (pl.col("query_id") == "q1") & (pl.col("label") == "negative")
        ).sort("rank")
        assert negatives.select("doc_id", "rank").rows() == [("d2", 1), ("d3", 2), ("d4", 3)]


def test_without_a_cascade_nothing_is_judged_and_the_tables_exist(small: None):
    shutil.rmtree(Path("rounds/r1/removed"))
    Path("rounds/r1/removed").mkdir()
    run_to_negatives()
    write_recipe("none")
    write_params(rounds={"r1": {"from": "r0", "recipe": "judged"}})
    resolve()
    relabel("r1")
    assert tables.read("judgments", Path("rounds/r1/judgments.parquet")).is_empty()
    assert read_json(Path("rounds/r1/relabel.json"))["judges"] == []


def test_grades_of_negatives_and_of_known_answers_go_into_the_labels(small: None):
    section = {
        "cascade": [{"judge": {"encoder": {"to": "query", "model": "r0", "threshold": 2.0}}}],
        "action": "keep",
        "grades": True,
    }
    labels, _, _ = judged(section)
    assert len(labels) == 8
    assert labels["grade"].is_between(-1, 1).all()
    known = labels.filter(pl.col("label") == "positive")
    judgments = tables.read("judgments", Path("rounds/r1/judgments.parquet"))
    assert (
        judgments.filter(pl.col("place") == 0).select(*PAIR, "grade").rows()
        == known.select(*PAIR, "grade").rows()
    )
    assert (
        known["grade"].n_unique() == 2
    )  # their own similarity, and no longer the grade of the qrels


def test_what_is_sent_where_is_logged_before_the_first_request_and_once(
    small: None, hone_home: Path, capfd: pytest.CaptureFixture[str]
):
    announced = []

    def answer(body: dict) -> str:
        announced.append((hone_home / "announced.json").exists())
        return "no"

    with serving(answer) as server:
        price = {"input": 1.0, "output": 1.0}
        judges = endpoint_judge(server.url, price=price)
        judged({"cascade": [{"judge": "one"}]}, judges)
        log = capfd.readouterr().err
        assert f"relabel r1: judge one sends texts of collection ours to {server.url}" in log
        assert "at most 5 of money" in log
        assert len(announced) == 6
        assert all(announced)
        judged({"cascade": [{"judge": "one"}], "action": "mask"}, judges)
        assert "sends texts" not in capfd.readouterr().err


def test_judging_without_a_budget_stops_at_the_default_and_null_has_no_limit(
    small: None, monkeypatch: pytest.MonkeyPatch
):
    """One prompt of `yes-no` has more than 50 tokens, so no call fits."""
    monkeypatch.setattr("hone.judging.transfers.TOKENS", 50)
    with serving(says_yes_to()) as server:
        judges = endpoint_judge(server.url, slots=1)
        account = judged({"cascade": [{"judge": "one"}]}, judges)[2]
        assert server.requests == []
        assert account["over_budget"] == "the budget of 50 tokens is used up"
        account = judged({"cascade": [{"judge": "one"}], "budget": None}, judges)[2]
        assert len(server.requests) == 6
        assert account["over_budget"] is None
