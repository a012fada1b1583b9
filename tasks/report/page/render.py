"""The page: one file that opens offline, loads nothing from the network and runs no script but
its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hone.present.html import normalize_script, open_templates, render_code, write_policy
from hone.present.number_format import FILTERS
from tasks.report import sections
from tasks.report.registry import load_sections
from tasks.report.section import Part, Section, Source

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

    from tasks.report.results import Results

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Rendered:
    """A section whose template is filled in."""

    name: str
    title: str
    part: Part
    link: str | None
    body: Markup
    source: Source | None
    figures: dict[str, dict]


def render(results: Results) -> str:
    """The whole page. Texts in the results are untrusted: the templates escape all of them."""
    from markupsafe import Markup
    from plotly.offline import get_plotlyjs

    environment = open_templates(*map(Path, sections.__path__), HERE)
    environment.filters |= FILTERS | {"marked": render_code}
    rendered_sections = [
        rendered
        for section in load_sections()
        if (rendered := render_section(environment, section, results))
    ]
    scripts = [
        normalize_script(get_plotlyjs()),
        normalize_script((HERE / "page.js").read_text(encoding="utf-8")),
    ]
    return environment.get_template("page.html.jinja").render(
        parts=group_sections(rendered_sections),
        model=results.settings.model,
        train_on=results.settings.train_on,
        evaluate_on=results.collections,
        rounds=results.rounds,
        figures={name: figure for one in rendered_sections for name, figure in one.figures.items()},
        style=Markup((HERE / "page.css").read_text(encoding="utf-8")),
        scripts=[Markup(text) for text in scripts],
        policy=write_policy(scripts),
    )


def render_section(environment: Environment, section: Section, results: Results) -> Rendered | None:
    """A section of the page; null if it has nothing to show."""
    from markupsafe import Markup

    data = section.data(results)
    if data is None:
        return None
    figures = section.figures(results)
    body = environment.get_template(f"{section.name}.html.jinja").render(
        summary=results.answer, figures=figures, **data
    )
    source = section.source(results) if section.source else None
    return Rendered(
        section.name,
        section.title,
        section.part,
        section.link,
        Markup(body.rstrip()),
        source,
        figures,
    )


def group_sections(rendered_sections: list[Rendered]) -> list[dict[str, Any]]:
    """Each part of the page with its sections; parts without any are left out."""
    by_part = {part: [one for one in rendered_sections if one.part is part] for part in Part}
    return [
        {"heading": part.value, "anchor": part.anchor, "sections": own}
        for part, own in by_part.items()
        if own
    ]
