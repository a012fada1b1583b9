"""Sections of the report: a file in the folder is a section, and nothing else has to be edited."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import polars as pl
import pytest

from hone.config import code_fingerprint
from tasks.report import sections
from tasks.report.registry import list_modules, load_sections
from tasks.report.section import Part
from tasks.resolve.stages import report_modules
from tests.report.made_up import write_all
from tests.report.test_page import Elements, own
from tests.stages import report

GREETING = '''
"""greeting: says hello to each round."""

from tasks.report.section import Part, Section, Source, Table


def collect(results):
    return {"rounds": results.rounds} if "r1" in results.rounds else None


def export(results):
    return [Table("greeting", "Greetings", 35, [{"name": name, "text": f"hello {name}"} for name in results.rounds])]


SECTION = Section(
    "greeting", "Greetings", Part.LOOP, 35, collect, link="hello", source=lambda results: Source(("params.yaml",), "dvc repro resolve"),
    tables=export,
)
'''  # noqa: E501


@pytest.fixture
def greeting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "more"
    folder.mkdir()
    (folder / "greeting.py").write_text(GREETING)
    (folder / "greeting.html.jinja").write_text(
        "{% for name in rounds %}<p>Hello {{ name }}!</p>{% endfor %}\n"
    )
    monkeypatch.setattr(sections, "__path__", [*sections.__path__, str(folder)])
    monkeypatch.delitem(sys.modules, f"{sections.__name__}.greeting", raising=False)
    importlib.invalidate_caches()
    yield
    sys.modules.pop(f"{sections.__name__}.greeting", None)


def test_a_new_file_is_a_new_section(greeting: None, workspace: Path):
    write_all()
    report()
    page = own(Path("reports/index.html").read_text(encoding="utf-8"))
    assert page.count('<section id="greeting" aria-labelledby="greeting-title">') == 1
    section = page.partition('<section id="greeting"')[2].partition("</section>")[0]
    assert '<h2 id="greeting-title">Greetings</h2>' in section
    assert "<p>Hello r1!</p><p>Hello r2!</p><p>Hello r3!</p>" in section
    assert "command: <code>dvc repro resolve</code>" in section
    assert (
        '<a href="#judges">judges</a> <a href="#greeting">hello</a> <a href="#loss">loss</a>'
        in page
    )
    ids = [
        attributes["id"]
        for tag, attributes in Elements(page).tags
        if tag == "section" and "id" in attributes
    ]
    assert ids[ids.index("greeting") - 1 : ids.index("greeting") + 2] == [
        "judges",
        "greeting",
        "loss",
    ]
    assert pl.read_parquet("reports/tables/greeting.parquet")["text"].to_list() == [
        "hello r1",
        "hello r2",
        "hello r3",
    ]
    assert "| hello r2 |" in Path("reports/cards/r2.md").read_text()
    assert "hello r1" not in Path("reports/cards/r2.md").read_text()
    titles = [
        line
        for line in Path("reports/report.md").read_text().splitlines()
        if line.startswith("## ")
    ]
    assert titles.index("## Greetings") == 4  # after scores, parts, contrasts and harm (30)


def test_a_section_without_data_is_left_out(greeting: None, workspace: Path):
    write_all(
        rounds={"x": {"from": "r0", "recipe": "warm-up"}},
        recipes={"x": {"about": "what it does", "paper": None}},
    )
    for folder in ("rounds", "reports/metrics", "reports/queries", "reports/runs"):
        (Path(folder) / "r1").rename(Path(folder) / "x")
    report()
    page = own(Path("reports/index.html").read_text(encoding="utf-8"))
    assert "greeting" not in page
    assert 'id="judges"' not in page


def test_every_section_has_the_name_of_its_module_and_a_template_beside_it():
    found = load_sections()
    assert sorted(f"tasks.report.sections.{section.name}" for section in found) == list_modules()
    for section in found:
        assert (Path(sections.__path__[0]) / f"{section.name}.html.jinja").exists()
    assert len({(section.part, section.order) for section in found}) == len(found)


def test_the_summary_opens_the_page_and_files_end_it():
    found = load_sections()
    assert found[0].part is Part.SUMMARY
    assert found[-1].name == "sources"


def test_the_report_runs_again_when_a_section_or_its_template_changes():
    known = code_fingerprint.fingerprints(report_modules())["code"]
    assert set(list_modules()) <= known.keys()
    assert {
        f"tasks/report/sections/{section.name}.html.jinja" for section in load_sections()
    } <= known.keys()
