"""The page of a study: one file that works offline, loads nothing from the network, and runs
only its own scripts.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from commands.console import spell
from commands.study import conclusions
from commands.study.design import CONTROLS, Question
from commands.study.page import figures
from commands.study.results import MEASURE, RECALL, Result
from commands.study.text import OLDER_COLUMNS, OLDER_SENTENCE, counted, level, ranked, span
from hone.layout import BASE
from hone.present import html, number_format
from tasks.report.page import render as report

HERE = Path(__file__).parent


def render(
    name: str,
    question: Question,
    found: Sequence[Result],
    *,
    differs: dict[str, list[str]],
    left: Sequence[str] = (),
    leaks: Sequence[str] = (),
    hides: bool = True,
    command: str = "",
    files: dict[str, str] | None = None,
    tuned: Sequence[str] = (),
    older: Sequence[tuple[str, ...]] = (),
) -> str:
    """The whole page, in the style of the report's.

    Args:
        name: the name of the study.
        question: its question.
        found: the result on each collection. The contrasts are tested on the first.
        differs: training settings in which each arm differs from params.yaml, as text.
        left: names of unfinished trials.
        leaks: sentences on leakage of these collections.
        hides: whether there are held-out positives.
        command: the command that runs the missing trials.
        files: the study's other files, with a description of each.
        tuned: sentences on tuning.
        older: rows of results from older code.

    Returns:
        HTML. All names and texts are untrusted: the template and `escape_label` escape them.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup
    from plotly.offline import get_plotlyjs

    environment = Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= number_format.FILTERS | {
        "span": span,
        "level": level,
        "counted": counted,
        "spell": spell,
        "marked": html.render_code,
    }
    drawn = [figures_of(result) for result in found]
    scripts = [
        html.normalize_script(get_plotlyjs()),
        html.normalize_script((report.HERE / "page.js").read_text(encoding="utf-8")),
    ]
    styles = [
        (report.HERE / "page.css").read_text(encoding="utf-8"),
        (HERE / "page.css").read_text(encoding="utf-8"),
    ]
    return environment.get_template("page.html.jinja").render(
        name=name,
        question=question,
        blocks=[block(question, result, at, drawn[at]) for at, result in enumerate(found)],
        headline=conclusions.headline(found[0]),
        warnings=conclusions.warnings(question, found[0], list(left)),
        limits=conclusions.limits(question, found[0], hides, list(leaks)),
        differs={arm: settings for arm, settings in differs.items() if settings},
        same=not question.factor and not any(arm.command for arm in question.arms.values()),
        hides=hides,
        left=list(left),
        command=command,
        tuned=list(tuned),
        older=list(older),
        older_columns=OLDER_COLUMNS,
        older_sentence=OLDER_SENTENCE,
        files=files or {},
        base=BASE,
        measure=MEASURE,
        recall=RECALL,
        figures={f"{kind}-{at}": one for at, own in enumerate(drawn) for kind, one in own.items()},
        style=Markup("\n".join(styles)),
        scripts=[Markup(text) for text in scripts],
        policy=html.write_policy(scripts),
    )


def figures_of(result: Result) -> dict[str, dict]:
    """The figures of a collection by name."""
    own = {kind: figures.against_cost(result, kind) for kind in figures.AXES}
    if len({one.round for one in result.rounds}) > 1:
        own["rounds"] = figures.by_round(result)
    if any(one.cost for one in result.last):
        own["time"] = figures.time_by_stage(ranked(result))
    return own


def block(question: Question, result: Result, at: int, drawn: dict[str, dict]) -> dict[str, Any]:
    """The values that the template shows for one collection."""
    inactive = conclusions.resting(result)
    return {
        "at": at,
        "result": result,
        "arms": ranked(result),
        "controls": [
            one for one in CONTROLS if one in {arm for last in result.last for arm in last.against}
        ],
        "are_controls": [one.arm for one in result.last if one.arm in CONTROLS],
        "contrasts": [(one, *conclusions.verdict(one, inactive)) for one in result.contrasts],
        "missing": [name for name in question.arms if name not in {one.arm for one in result.last}],
        "figures": list(drawn),
        "undrawn": [
            one.arm for one in result.last if one.arm not in figures.costs_of(result, "seconds")
        ],
    }
