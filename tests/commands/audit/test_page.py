"""The page of `hone audit`: one file, complete, and no text of a collection becomes markup or a
script.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from itertools import pairwise
from pathlib import Path

from commands.audit.command import audit
from tests.browser import load_page
from tests.report.test_page import ADDRESS, HOSTILE, Elements

LINES = [
    {
        "query": f"question {number}",
        "pos": [f"answer {number}"],
        "neg": [f"answer {number}.", f"something {number}"],
    }
    for number in range(6)
]


def page(lines: list[dict], file: str = "t.jsonl") -> str:
    Path(file).write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    audit(file, encode=False)
    return Path("audit.html").read_text(encoding="utf-8")


def test_it_begins_with_the_answer(workspace: Path):
    text = " ".join(Elements(page(LINES)).text.split())
    assert "negatives that are the positive itself (6 of 12 negatives, 50.0 %)" in text
    assert text.index("Problems: ") < text.index("Findings", text.index("Summary"))
    assert "6 pairs to label" in text
    assert "hone audit t.jsonl --no-encoder --verdicts verdicts.csv" in text


def lines_with(prefix: str) -> list[dict]:
    """Texts that all begin with `prefix` and resemble each other little."""
    body = [
        " ".join(f"{letter}{number}" for number in range(60)) for letter in "abcdefghijklmnopqr"
    ]
    return [
        {
            "query": f"{prefix} {body[line]}",
            "pos": [f"{prefix} {body[line + 6]}"],
            "neg": [f"{prefix} {body[line + 6]}.", f"{prefix} {body[line + 12]}"],
        }
        for line in range(6)
    ]


def test_texts_are_escaped(workspace: Path):
    clean, found = Elements(page(lines_with("harmless"))), Elements(page(lines_with(HOSTILE)))
    assert [tag for tag, _ in found.tags] == [tag for tag, _ in clean.tags]
    assert len(found.scripts) == len(clean.scripts) == 1
    assert not [
        name for _, attributes in found.tags for name in attributes if name.startswith("on")
    ]
    assert f"{HOSTILE} a0 a1" in found.text
    assert f"{HOSTILE} m0 m1" in found.text


def test_names_are_escaped(workspace: Path):
    name = "<b>`<script>alert(1)<`.jsonl"
    found = Elements(page(LINES, name))
    assert found.text.count(name) >= 3
    assert "b" not in {tag for tag, _ in found.tags}


def test_it_asks_no_network_for_anything_and_runs_its_own_script_only(workspace: Path):
    text = page(LINES)
    found = Elements(text)
    addresses = {one or other for one, other in ADDRESS.findall(text.replace(found.scripts[0], ""))}
    assert addresses
    assert all(address.startswith("#") for address in addresses)
    assert not re.search(r"https?://|fetch\(|XMLHttpRequest|WebSocket|import\(", text)
    [policy] = [
        tag["content"]
        for name, tag in found.tags
        if name == "meta" and tag.get("http-equiv") == "Content-Security-Policy"
    ]
    own = base64.b64encode(hashlib.sha256(found.scripts[0].encode()).digest()).decode()
    assert policy.startswith("default-src 'none'")
    assert f"script-src 'sha256-{own}'" in policy


def test_headings_are_in_order_and_ids_stand_once(workspace: Path):
    found = Elements(page(LINES))
    levels = [int(tag[1]) for tag, _ in found.tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    ids = [attributes["id"] for _, attributes in found.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    links = {attributes["href"][1:] for tag, attributes in found.tags if tag == "a"}
    assert links <= set(ids)


def test_the_page_loads_in_a_browser(workspace: Path):
    """Its script runs under its own policy: only the script writes how many of the pairs are
    read.
    """
    hostile = [line | {"query": f"{HOSTILE} {line['query']}"} for line in LINES]
    page(hostile)
    loaded_page = load_page(workspace / "audit.html")
    assert "0 of 6 labelled" in loaded_page
    assert 'class="scripted"' in loaded_page
    assert "<img" not in loaded_page
