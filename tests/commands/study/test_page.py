"""The page of a study: it begins with the answer, is one file, and no name becomes markup or a
script.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from itertools import pairwise
from pathlib import Path

import pytest

from commands.study import conclusions
from commands.study.page import figures
from commands.study.page.render import render
from commands.study.results import Contrast, Result
from commands.study.resume_command import resume_command
from tests.browser import load_page
from tests.commands.study.made_up import RANDOM, after, known, question, result
from tests.report.test_page import ADDRESS, HOSTILE, Elements, own

NEVER = {"method": "art", "did": "candidates removed", "count": 0}
SHOWN = Contrast("top-k", "ance", known(0.023, 0.009, p=0.002, least=0.012))
OPEN = Contrast("top-k", "bm25", known(0.003, 0.01, p=0.4, least=0.015))


def study(*contrasts: Contrast, **changes: object) -> Result:
    """top-k (a control), ance, bm25 and art, which never acted."""
    return result(
        after("top-k", 0.45),
        after(
            "ance",
            0.47,
            acts=[RANDOM],
            seconds={"train": 50.0, "evaluate": 10.0},
            texts=9000.0,
            **changes,
        ),
        after("art", 0.48, acts=[NEVER]),
        after("bm25", 0.44, acts=[{"method": "bm25", "did": "negatives came from it", "count": 3}]),
        contrasts=contrasts,
    )


def page(found: Result, *arms: str, **given: object) -> Elements:
    asked = question(
        *(arms or ("top-k", "ance", "art", "bm25")),
        contrasts=[(one.one, one.other) for one in found.contrasts],
    )
    return Elements(render("harder", asked, [found], differs={}, **given))


def words(found: Elements) -> str:
    return " ".join(found.text.split())


def test_it_begins_with_the_question_and_the_answer():
    text = words(page(study(SHOWN, OPEN)))
    answered = (
        "ance is above top-k by 0.023 nDCG@10 (+0.014 to +0.032); the other contrast is "
        "not significant."
    )
    places = [
        text.rindex(part)
        for part in ("What do harder negatives do here?", answered, "Contrasts", "Arms on scifact")
    ]
    assert places == sorted(places)
    assert "p = 0.002" in text


def test_where_nothing_is_shown_it_says_what_could_have_been():
    """The greater of .012 and .015 would have been seen in both."""
    open_too = Contrast("top-k", "ance", known(0.003, 0.01, p=0.4, least=0.012))
    said = conclusions.headline(study(open_too, OPEN))
    assert (
        said
        == "No arm differs significantly from top-k in nDCG@10 (minimum detectable effect 0.015, "
        "80 % power)."
    )


def test_an_interval_without_a_small_p_shows_nothing():
    """Holm may take away what an interval by itself shows."""
    found = study(Contrast("top-k", "ance", known(0.023, 0.009, p=0.06, least=0.012)))
    assert conclusions.headline(found).startswith("No arm differs significantly")
    assert conclusions.verdict(found.contrasts[0], []) == ("no significant difference", "")


def test_an_arm_that_never_acted_is_not_ranked():
    never = Contrast("top-k", "art", known(0.03, 0.01, p=0.001, least=0.01))
    found = study(never)
    assert (
        conclusions.headline(found)
        == "No arm can be ranked: every contrast with results has an inactive arm (art)."
    )
    text = words(page(found))
    assert "Inactive and not ranked: art." in text
    assert "art inactive: not ranked" in text
    drawn = {one["name"]: one for one in figures.against_cost(found, "seconds")["data"]}
    assert drawn["art (inactive)"]["marker"]["symbol"].endswith("-open")
    assert not drawn["ance"]["marker"]["symbol"].endswith("-open")
    assert text.rindex(
        "bm25", 0, text.index("base model", text.index("Arms on scifact"))
    ) < text.index("art inactive".replace(" ", ""))


def test_quality_is_drawn_against_what_a_trial_costs():
    """top-k: 2 + 34 + 3 seconds; ance: 50 + 10, and 9,000 texts."""
    seconds, texts = (
        {one["name"]: one for one in figures.against_cost(study(), cost)["data"]}
        for cost in ("seconds", "texts")
    )
    assert seconds["top-k (control)"]["x"] == [39.0]
    assert (seconds["ance"]["x"], texts["ance"]["x"]) == ([60.0], [9000.0])
    assert seconds["ance"]["y"] == [0.47]
    assert seconds["ance"]["error_y"]["array"] == pytest.approx([0.02])
    # The line of the base model leads to the right end: the greatest cost and an eighth.
    assert seconds["r0, the base model"]["x"] == pytest.approx([0, 60 * 1.12])
    assert seconds["r0, the base model"]["y"] == [0.4, 0.4]


def test_an_arm_whose_cost_nobody_measured_is_not_drawn_over_it():
    found = result(after("top-k", 0.45), after("ance", 0.47, seconds={}, texts=None))
    for cost in ("seconds", "texts"):
        assert "ance" not in {one["name"] for one in figures.against_cost(found, cost)["data"]}
    assert "Not drawn: ance." in words(page(found))
    assert figures.time_by_stage(found.last)["data"][0]["y"] == ["top-k"]
    assert "Not drawn" not in words(page(study()))


def test_controls_look_otherwise_than_arms():
    looks = figures.looks(study())
    assert {name for name, look in looks.items() if look.colour == "soft"} == {"top-k", "bm25"}
    assert len({(look.colour, look.symbol) for look in looks.values()}) == 4


def test_stages_that_take_least_are_one_part_of_the_bars():
    """Nine kinds of 1 to 9 seconds: seven have a colour, the others are 1 + 2 seconds."""
    [bars] = [
        figures.time_by_stage(
            [after("a", 0.5, seconds={f"stage{number}": float(number) for number in range(1, 10)})]
        )["data"]
    ]
    assert {one["name"]: one["x"] for one in bars}[figures.OTHER] == [3.0]
    assert sum(one["x"][0] for one in bars) == 45
    assert len(bars) == figures.KINDS + 1


def test_rounds_are_drawn_where_there_are_several():
    assert "rounds-0" not in json.loads(page(study()).scripts[0])
    found = result(after("ance", 0.42, round="r1"), after("ance", 0.45, round="r2"))
    [line] = json.loads(page(found, "ance").scripts[0])["rounds-0"]["data"]
    assert line["y"] == [0.4, 0.42, 0.45]


def test_one_arm_with_one_seed():
    found = page(result(after("top-k", 0.42, seeds=1)), "top-k")
    text = words(found)
    assert "top-k changes nDCG@10 by +0.0200 from the base model (+0.0100 to +0.0300)" in text
    assert "Only 1 seed per arm: one seed does not show the variance between runs." in text
    assert "None: there is one arm, or no contrast was named." in text


def test_few_seeds_are_said_and_five_are_not():
    assert "Only 3 seeds per arm" in words(page(study(seeds=3)))
    assert "Only" not in words(page(study()))


def test_an_arm_without_a_trial_is_named():
    text = words(
        page(
            study(Contrast("top-k", "star", None)),
            "top-k",
            "ance",
            "art",
            "bm25",
            "star",
            left=["star, seed 1"],
            command="hone study x",
        )
    )
    assert "Missing because no trial has ended yet: star." in text
    assert "no trial of it has ended yet" in text
    assert "No comparison is possible yet" in text
    assert "no results yet" in text
    assert "1 trial not finished: star, seed 1." in text
    assert "hone study x" in text


def test_without_held_out_positives_no_share_of_them_is_shown():
    assert "2.5 %12 of 480" in words(page(study()))
    text = words(page(study(), hides=False))
    assert "12 of 480" not in text
    assert "There are no held-out positives" in text


def test_an_arm_that_mined_nothing():
    found = result(
        after(
            "in-batch", 0.42, negatives=0, hidden=0, candidates=0, removed={}, seconds={}, texts=0.0
        )
    )
    text = words(page(found, "in-batch"))
    assert "no candidates" in text
    assert "Time by stage" not in text


def test_what_cross_encoders_and_judges_read_stands_beside_texts():
    text = words(
        page(
            result(
                after("rocketqa", 0.42, pairs=4100.0, scored=130.0, judged=71.0, judged_free=92.0)
            ),
            "rocketqa",
        )
    )
    assert "texts readpairs by cross-encoderspairs judged by LLMs" in text
    assert "4,100130 were new" in text
    assert "7192 by free judges" in text
    assert "by free judges" not in words(page(study()))


def test_queries_that_left_are_shown():
    text = words(page(result(after("art", 0.42, left=2.5, short=7.0, filled=4.0)), "art"))
    assert "2.5 of 1207 short4 filled up" in text
    assert "0 of 120" in words(page(study()))


def test_it_says_what_differs_and_what_leaks():
    differs = {"ance": ["negatives 4", "init base"], "top-k": []}
    told = render(
        "s",
        question("ance"),
        [study()],
        differs=differs,
        leaks=["Leakage on x: all of it."],
        tuned=["ance takes <this>."],
    )
    assert "<p>ance takes &lt;this&gt;.</p>" in told
    text = words(Elements(told))
    assert "ancenegatives 4; init base" in text
    assert "Leakage on x: all of it." in text
    assert "Batch, start, number of negatives" not in text


def test_sentences_of_the_question_end_once():
    told = render("s", question("ance", source="A paper.", expected="more"), [study()], differs={})
    assert " From: A paper. Expected: more.</p>" in told


def test_other_collections_have_tables_of_their_own():
    other = study()
    told = render(
        "s",
        question("ance"),
        [study(SHOWN), Result("nfcorpus", "test", 7, other.base, other.rounds, [])],
        differs={},
    )
    assert "nfcorpus, 7 test queries" in words(Elements(told))
    assert "seconds-1" in json.loads(Elements(told).scripts[0])


def hostile() -> Elements:
    """Every name and text is one that means harm."""
    acts = [{"method": HOSTILE, "did": HOSTILE, "count": 1}]
    rounds = [
        after(name, 0.4, recipe=HOSTILE, acts=acts, removed={HOSTILE: 3}, seconds={HOSTILE: 3.0})
        for name in ("top-k", HOSTILE)
    ]
    found = result(
        *rounds,
        contrasts=[Contrast("top-k", HOSTILE, known(0.1, 0.01, p=0.001, least=0.01))],
        collection=HOSTILE,
    )
    asked = question("top-k", HOSTILE, source=HOSTILE, expected=HOSTILE).model_copy(
        update={"question": HOSTILE}
    )
    given = {
        "differs": {HOSTILE: [HOSTILE]},
        "left": [HOSTILE],
        "leaks": [HOSTILE],
        "command": HOSTILE,
        "files": {HOSTILE: HOSTILE},
    }
    return Elements(render(HOSTILE, asked, [found, found], **given))


def test_names_are_escaped():
    found = hostile()
    assert not {"img", "h4", "pre"} & {tag for tag, _ in found.tags}
    assert not [
        name for _, attributes in found.tags for name in attributes if name.startswith("on")
    ]
    assert len(found.scripts) == 3
    assert found.text.count(HOSTILE) >= 8
    traces = [trace for figure in json.loads(found.scripts[0]).values() for trace in figure["data"]]
    shown = [
        text
        for trace in traces
        for key in ("name", "text", "y")
        for text in listed(trace.get(key))
        if isinstance(text, str)
    ]
    assert sum("alert(1)" in text for text in shown) >= 4
    assert not [text for text in shown if "<" in text]


def listed(value: object) -> list:
    return value if isinstance(value, list) else [value]


def test_it_asks_no_network_for_anything_and_runs_its_own_scripts_only():
    text = render("s", question("ance"), [study(SHOWN)], differs={})
    found, mine = Elements(text), own(text)
    addresses = {one or other for one, other in ADDRESS.findall(mine)}
    assert addresses
    assert all(address.startswith("#") for address in addresses)
    assert not re.search(r"https?://|fetch\(|XMLHttpRequest|WebSocket|import\(", mine)
    [policy] = [
        tag["content"]
        for name, tag in found.tags
        if name == "meta" and tag.get("http-equiv") == "Content-Security-Policy"
    ]
    for script in found.scripts[1:]:
        assert (
            f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
            in policy
        )


def test_headings_are_in_order_and_links_lead_somewhere():
    other = study()
    text = render(
        "s",
        question("ance"),
        [study(SHOWN), Result("nfcorpus", "test", 7, other.base, other.rounds, [])],
        differs={},
    )
    found = Elements(text)
    levels = [int(tag[1]) for tag, _ in found.tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert all(later - before <= 1 for before, later in pairwise(levels))
    ids = [attributes["id"] for _, attributes in found.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {attributes["href"][1:] for tag, attributes in found.tags if tag == "a"} <= set(ids)


def test_the_command_that_goes_on():
    changes = {
        "rounds": 2,
        "seeds": None,
        "contrasts": [("top-k", "ance"), ("top-k", "simans")],
        "first": "warm-up",
    }
    assert resume_command(["top-k", "ance"], changes) == (
        "hone study top-k ance --rounds 2 --contrast top-k:ance --contrast top-k:simans "
        "--warmup-recipe warm-up"
    )
    assert resume_command(["studies/my study.yaml"], {}) == "hone study 'studies/my study.yaml'"


def test_the_page_draws_its_figures_in_a_browser(workspace: Path):
    """Its scripts run under its own policy, with names that mean harm."""
    found = study(SHOWN)
    asked = question("top-k", "ance").model_copy(update={"question": HOSTILE})
    (workspace / "index.html").write_text(
        render(HOSTILE, asked, [found], differs={}), encoding="utf-8"
    )
    shown = load_page(workspace / "index.html")
    assert 'class="scripted"' in shown
    assert shown.count("main-svg") >= 2
    assert "r0, the base model" in shown
    assert "<img" not in shown
