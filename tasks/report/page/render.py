"""The page: one file that opens offline, asks no network for anything, and runs no script but its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hone.present import number_format
from hone.present.html import normalize_script, open_templates, write_policy

HERE = Path(__file__).parent
FILTERS = ("signed", "score", "share", "span", "count", "joined", "chance")


def render(content: dict[str, Any]) -> str:
    """The whole page.

    Args:
        content: what the template shows, by name. Texts in it are untrusted: the template escapes all of them.
    """
    from markupsafe import Markup
    from plotly.offline import get_plotlyjs

    environment = open_templates(HERE)
    environment.filters |= {name: getattr(number_format, name) for name in FILTERS}
    scripts = [normalize_script(get_plotlyjs()), normalize_script((HERE / "page.js").read_text(encoding="utf-8"))]
    return environment.get_template("page.html.jinja").render(
        **content,
        style=Markup((HERE / "page.css").read_text(encoding="utf-8")),
        scripts=[Markup(text) for text in scripts],
        policy=write_policy(scripts),
    )
