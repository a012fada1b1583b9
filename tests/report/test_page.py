"""The page: complete, one file, and no text of a collection becomes markup or a script."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest
import yaml
from typer.main import get_command

from commands.__main__ import app as hone
from hone.files import read_json, write_json
from tests.conftest import PROJECT
from tests.report.made_up import DEV, ROUNDS, TEST, write_all, write_leakage, write_scores
from tests.stages import report

ADDRESS = re.compile(
    r"""(?:src|href|action|srcset|poster|data)\s*=\s*["']?([^"'\s>]+)|url\(\s*["']?([^)"']+)|@import""",
    re.IGNORECASE,
)
HOSTILE = (
    "</script><script>alert(1)</script><img src=x onerror=alert(2)> {{ 7 * 7 }} {% raw %} &lt;b&gt;"
)


class Elements(HTMLParser):
    """Tags, text, and scripts of a page as a browser would see them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.scripts: list[str] = []
        self.text = ""
        self.inside = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.tags.append((tag, dict(attrs)))
        self.inside = tag
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        self.inside = ""

    def handle_data(self, data: str) -> None:
        if self.inside == "script":
            self.scripts[-1] += data
        elif self.inside != "style":
            self.text += data


def page(**changes: object) -> str:
    write_all(**changes)
    report()
    return Path("reports/index.html").read_text(encoding="utf-8")


def own(text: str) -> str:
    """A page without plotly, which names addresses that it never asks for."""
    return re.sub(r"<script>/\*\*\n\* plotly\.js.*?</script>", "", text, flags=re.DOTALL)


def test_it_says_what_the_rounds_gave(workspace: Path, capsys: pytest.CaptureFixture):
    text = Elements(page()).text
    output = capsys.readouterr().err
    for sentence in (
        "Round r2 is not significantly different from r0",
        "Use models/r2",
        "The change from r1, its starting round, is",
    ):
        assert sentence in text
    for sentence in (
        "Do not ship: models/r2 is not significantly different from r0 on made-up.",
        "labelled test queries of made-up to detect a change of 0.01",
    ):
        assert sentence in text
        assert sentence in output
    assert "Worse: 1 of 4 queries (2 better)." in output
    assert output.rstrip().endswith(
        "open reports/index.html, or `make ui` for MLflow (experiment hone, run a model on made-up)"
    )
    assert "3 positives are held out of training" in text
    assert (
        "r1 (warm-up): retrieves no candidates. Its negatives are in-batch negatives."
        in " ".join(text.split())
    )
    assert "75.0 %" in text  # churn of r3
    # Loss by step is (0.5 + 1.5) / 2 = 1 and (1 + 3) / 2 = 2.
    assert json.loads(Elements(page()).scripts[0])["losses"]["data"][0]["y"] == [1.0, 2.0]


def test_a_round_that_was_better_on_dev_before_its_end_has_a_sentence(workspace: Path):
    sentence = (
        "Dev nDCG@10 was higher at step 1 (0.750) than at the end, step 2 (0.500), on 2 "
        "dev queries and a pool of 9 documents"
    )
    write_all()
    record = read_json(Path("rounds/r2/dev_checks.json"))
    write_json(Path("rounds/r2/dev_checks.json"), record | {"better_before": sentence})
    write_json(Path("rounds/r3/dev_checks.json"), record | {"checks": []})
    report()
    section = Elements(
        own(Path("reports/index.html").read_text())
        .partition('id="loss"')[2]
        .partition("</section>")[0]
    ).text
    assert section.count(sentence) == 1
    assert f"r2: {sentence}" in section
    assert section.count("0.250 (1), 0.500 (2)") == 2
    assert section.count("not measured") == 1
    assert {name: sentence in Path(f"reports/cards/{name}.md").read_text() for name in ROUNDS} == {
        "r1": False,
        "r2": True,
        "r3": False,
    }


def test_the_first_screen_answers_what_one_asks_first(workspace: Path):
    first = own(page()).partition('id="answer"')[2].partition("</section>")[0]
    answers = dict(re.findall(r"<dt>(.*?)</dt>\s*<dd>(.*?) <a", first, re.DOTALL))
    assert list(answers) == [
        "Is the difference significant?",
        "Which queries got worse?",
        "What did it cost?",
        "Which model should I use?",
    ]
    assert (
        "A randomization test over queries gives p = " in answers["Is the difference significant?"]
    )
    # t4 falls from 1 to .5; r1 and r2 train two steps each, and nobody judged for them.
    assert (
        answers["Which queries got worse?"]
        == "1 of 4 test queries of made-up are worse, 2 better, 1 equal. The largest loss is "
        "−0.500: “test query 4”."
    )
    assert answers["What did it cost?"] == "4 training steps in 2 rounds."
    assert answers["Which model should I use?"].endswith(
        "Load it with SentenceTransformer(&#34;models/r2&#34;)."
    )


def test_every_link_of_the_page_leads_somewhere_in_it(workspace: Path):
    found = Elements(page())
    places = {attributes["id"] for _, attributes in found.tags if "id" in attributes}
    links = {attributes["href"] for tag, attributes in found.tags if tag == "a"}
    assert links
    assert links <= {f"#{place}" for place in places}


def test_every_section_says_which_files_and_which_command_it_is_made_of(workspace: Path):
    text = own(page())
    sections = re.findall(r'<section id="([\w-]+)"(.*?)(?=<section id=|</main>)', text, re.DOTALL)
    assert len(sections) > 12
    stages = set(yaml.safe_load((PROJECT / "dvc.yaml").read_text())["stages"])
    known = set(get_command(hone).commands)
    for name, content in sections:
        if name in ("answer", "settings", "sources"):
            continue
        source = html.unescape(re.search(r'<p class="source">(.*?)</p>', content, re.DOTALL)[1])
        files, commands = (
            re.findall(r"<code>(.*?)</code>", part) for part in source.split("; command: ")
        )
        for file in files:
            assert list(Path().glob(file)) or file in (
                "params.yaml",
                "recipes/*.yaml",
                "resolved/report.json",
            ), (name, file)
        assert commands[0].split()[:2] == ["dvc", "repro"], name
        assert set(commands[0].split()[2:]) <= stages, (name, commands[0])
        for command in commands[1:]:
            assert command.split()[0] == "hone", (name, command)
            assert command.split()[1] in known, (name, command)


def test_every_file_of_dvcs_lock_that_the_page_reads_has_its_hash(workspace: Path):
    lock = {
        "train@r1": {
            "outs": [
                {"path": "models/r1", "md5": "m1.dir"},
                {"path": "rounds/r1/trained.parquet", "md5": "t1"},
            ]
        },
        "evaluate@r1-made-up": {
            "outs": [{"path": "reports/queries/r1/made-up.parquet", "md5": "q1"}]
        },
        "report": {"outs": [{"path": "reports/index.html", "md5": "x"}]},
    }
    Path("dvc.lock").write_text(yaml.safe_dump({"stages": lock}))
    listed = own(page()).partition('id="sources"')[2]
    rows = re.findall(
        r"<code>(.*?)</code></th><td><code>(.*?)</code></td><td><code>(.*?)</code>", listed
    )
    assert rows == [
        ("models/r1", "dvc repro train@r1", "m1.dir"),
        ("reports/queries/r1/made-up.parquet", "dvc repro evaluate@r1-made-up", "q1"),
        ("rounds/r1/trained.parquet", "dvc repro train@r1", "t1"),
    ]


def test_what_nobody_has_judged_and_how_vectors_lie(workspace: Path):
    text = " ".join(re.sub(r"<[^>]*>", " ", own(page())).split())
    # One of four documents is labelled in each ranking; r1 ranks it nowhere lower than r0.
    assert "Unjudged documents made-up Round judged among first ten" in text
    assert "r1 25.0 %" in text
    assert "could reverse its sign" in text
    assert "made-up has labels of relevant documents only" in text
    lying = text.partition("Embedding geometry")[2].partition("Alignment:")[0]
    assert lying.split()[-4:] == ["r3", "0.500", "−2.500", "–"]
    assert "bm25" not in lying  # it has no vectors


def test_what_one_must_know_first_stands_under_the_headline(workspace: Path):
    write_all(("made-up", "other"))
    for name, dev in DEV.items():
        write_scores(name, "other", [1.0] * 40 if name in ("r0", "bm25") else [0.0, 1.0] * 20, dev)
    write_leakage("other", 2)
    lying = Path("reports/metrics/r3/other.json")
    write_json(lying, read_json(lying) | {"uniformity": -0.1})
    report()
    text = own(Path("reports/index.html").read_text(encoding="utf-8"))
    warnings = re.findall(r'<p class="warning">(.*?)</p>', text)
    assert [line.partition(":")[0] for line in warnings] == [
        "Leakage on other",
        "Training hurt the base model",
        "The vectors of r3 have collapsed on other",
    ]
    assert "Whether training hurt the base model on made-up is inconclusive" in text
    plain_text = " ".join(re.sub(r"<[^>]*>", " ", text).split())
    assert (
        "r2 other (not trained on) −0.5000 −0.650 to −0.350 p &lt; 0.001 p = 1.000 yes, "
        "significantly worse" in plain_text
    )
    assert (
        "r3 r2 made-up 4 4 0 0.0 % 0 0 1" in plain_text
    )  # flips: queries, answered, lost, their share, won, fell, rose
    assert (
        "r2 2 r3 1 50.0 % 1 50.0 % +0.100" in plain_text
    )  # of r2's two pairs r3 has forgotten one
    assert "Negative, above the positive again d5 text of d5" in plain_text
    assert "other test 4 4 0 2 50.0 %" in plain_text
    assert "Hone stops if more than 5.0 % of a split leaks" in plain_text


def test_a_partial_comparison_for_near_duplicates_is_reported(workspace: Path):
    write_all()
    file = Path("reports/leakage/made-up.json")
    account = read_json(file)
    account["looked_at"]["comparable"] = {"query": 3, "positive": 2, "asked": 6}
    account["looked_at"]["compared"] = {"query": 2, "positive": 2, "asked": 3}
    account["splits"]["test"] |= {"compared": 2, "near": 1, "leaked": 1, "share": 0.5}
    write_json(file, account)
    report()
    plain_text = " ".join(
        re.sub(r"<[^>]*>", " ", own(Path("reports/index.html").read_text(encoding="utf-8"))).split()
    )
    assert "made-up test 4 2 0 1 50.0 %" in plain_text
    assert (
        "1 document is too long for the near-duplicate search and was compared verbatim only."
        in plain_text
    )
    assert (
        "Near-duplicates were searched in 3 of 6 evaluation queries and 2 of 3 training queries, "
        "sampled at random." in plain_text
    )
    assert "training data contains 50.0 % of 4 test queries (estimated)" in plain_text


def test_texts_of_leaks_and_of_forgotten_pairs_are_escaped(workspace: Path):
    clean = Elements(page())
    write_all(texts={name: f"{HOSTILE} {name}" for name in ("q2", "d2", "d5")})
    write_leakage("made-up", 1, training=HOSTILE)
    report()
    found = Elements(own(Path("reports/index.html").read_text(encoding="utf-8")))
    assert found.text.count(HOSTILE) >= 4
    assert {tag for tag, _ in found.tags} == {tag for tag, _ in clean.tags}
    assert not [
        name for _, attributes in found.tags for name in attributes if name.startswith("on")
    ]


def test_the_score_by_mtebs_own_scorer_stands_beside_ours(workspace: Path):
    write_all()
    for name, value in (("r0", 0.25), ("r1", 0.5)):
        file = Path(f"reports/metrics/{name}/made-up.json")
        write_json(file, read_json(file) | {"mteb": {"map_at_1000": value}})
    report()
    assert "Scores by mteb's own scorer, map at 1000: r0 0.2500, r1 0.5000." in html.unescape(
        own(Path("reports/index.html").read_text())
    )


def test_texts_are_escaped(workspace: Path):
    # The same words without markup, for the kinds of queries follow from words.
    ids = ("q1", "q2", "d1", "d5", "d6", "t1", "t4")
    clean = Elements(page(texts={name: re.sub(r"\W+", " ", f"{HOSTILE} {name}") for name in ids}))
    found = Elements(page(texts={name: f"{HOSTILE} {name}" for name in ids}))
    assert [tag for tag, _ in found.tags] == [tag for tag, _ in clean.tags]
    assert len(found.scripts) == len(clean.scripts) == 3
    assert not [
        name for _, attributes in found.tags for name in attributes if name.startswith("on")
    ]
    for name in ids:
        assert f"{HOSTILE} {name}" in found.text  # shown as it was written


def test_names_are_escaped(workspace: Path):
    hostile = "</script><b>x"
    settings = {
        "rounds": {"r1": ROUNDS["r1"] | {"recipe": hostile}},
        "recipes": {"r1": {"about": hostile, "paper": hostile}},
        "model": {
            "name": hostile,
            "revision": hostile,
            "max_length": None,
            "prompts": {},
            "precision": "fp32",
        },
    }
    clean, found = Elements(page(rounds={"r1": ROUNDS["r1"]})), Elements(page(**settings))
    assert found.text.count(hostile) >= 5
    assert sum(tag == "b" for tag, _ in found.tags) == sum(tag == "b" for tag, _ in clean.tags)
    assert len(found.scripts) == 3


def test_it_asks_no_network_for_anything(workspace: Path):
    text = own(page())
    addresses = {one or other for one, other in ADDRESS.findall(text)}
    assert addresses
    assert all(address.startswith("#") for address in addresses)
    assert not re.search(r"https?://|fetch\(|XMLHttpRequest|WebSocket|import\(", text)


def test_only_its_own_scripts_may_run(workspace: Path):
    found = Elements(page())
    [policy] = [
        tag["content"]
        for name, tag in found.tags
        if name == "meta" and tag.get("http-equiv") == "Content-Security-Policy"
    ]
    hashes = {
        f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
        for script in found.scripts[1:]
    }
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert set(rules["script-src"].split()) == hashes
    assert "connect-src" not in rules


def test_headings_are_in_order_and_figures_and_fields_have_names(workspace: Path):
    found = Elements(page())
    levels = [int(tag[1]) for tag, _ in found.tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    figures = [attributes for _, attributes in found.tags if "data-figure" in attributes]
    assert len(figures) == 7
    assert all(attributes["role"] == "img" and attributes["aria-label"] for attributes in figures)
    assert {attributes["data-figure"] for attributes in figures} == set(
        json.loads(found.scripts[0])
    )
    named = {attributes["for"] for tag, attributes in found.tags if tag == "label"}
    assert {
        attributes["id"] for tag, attributes in found.tags if tag in ("select", "input")
    } == named
    ids = [attributes["id"] for _, attributes in found.tags if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_the_same_inputs_give_the_same_page(workspace: Path):
    assert page() == page()


def test_rounds_that_mine_nothing(workspace: Path):
    text = Elements(page(rounds={"r1": ROUNDS["r1"]})).text
    assert "No round retrieves candidates" in text
    assert "No round mines negatives, so none of them is a negative." in text
    assert "Fewer than two successive rounds mine negatives" in text
    assert "No round has mined negatives to show." in text


def test_no_hidden_answers_no_dev_queries_and_several_collections(workspace: Path):
    write_all(("first", "second"))
    for collection in ("first", "second"):
        Path(f"data/{collection}/hidden.parquet").unlink()
        for name, values in TEST.items():
            write_scores(name, collection, values, None)
    report()
    text = Elements(Path("reports/index.html").read_text(encoding="utf-8")).text
    assert "No positives are held out of training" in text
    assert "the last round. There are no dev queries to select a round by" in text
    for part in (
        "first, 4 test queries",
        "second, 4 test queries",
        "r2 on first",
        "r3 on second",
        "Mean over collections",
        "Borda count",
    ):
        assert part in text


def test_no_references(workspace: Path):
    text = Elements(page(compare_with=[])).text
    assert "Round r2 is not significantly different from r1" in text
    assert "difference from r1" in text


def test_a_round_that_params_no_longer_names_is_not_shown(workspace: Path):
    rounds = {name: ROUNDS[name] for name in ("r1", "r2")}
    found = Elements(page(rounds=rounds))
    assert "r3" not in found.text
    assert sorted(file.name for file in Path("reports/plots/loss").iterdir()) == [
        "r1.csv",
        "r2.csv",
    ]


def test_tables_for_dvc_plots(workspace: Path):
    import polars as pl

    page()
    scores = pl.read_csv("reports/plots/scores/made-up.csv")
    assert scores.select("place", "name", "ndcg_at_10").rows() == [
        (0, "r0", 0.5),
        (1, "r1", 0.625),
        (2, "r2", 0.75),
        (3, "r3", 0.875),
    ]
    assert (scores["low"] <= scores["ndcg_at_10"]).all()
    assert pl.read_csv("reports/plots/loss/r1.csv").rows() == [(1, 1.0), (2, 2.0)]


def test_where_false_negatives_are_as_gold_verdicts_say(workspace: Path):
    strata = [
        {
            "source": "dense",
            "band": "1",
            "negatives": 40,
            "estimate": 0.25,
            "low": 0.051,
            "high": 0.6,
            "count": 9,
        },
        {
            "source": "<i>words",
            "band": "11 to 30",
            "negatives": 7,
            "estimate": None,
            "low": None,
            "high": None,
            "count": 0,
        },
    ]
    share = {"estimate": 0.1, "low": 0.05, "high": 0.2}
    text = page(
        evidence={
            "r3": [{"share_of_false_negatives": share, "elsewhere": None, "by_stratum": strata}]
        }
    )
    assert "False negatives by source and rank" in text
    assert "<td>25.0 %</td><td>5.1 % to 60.0 %</td><td>9</td>" in text
    assert (
        '&lt;i&gt;words</th><td class="text">11 to 30</td><td>7</td><td>–</td><td>–</td><td>0</td>'
        in text
    )
