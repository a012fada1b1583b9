"""The HTML report: one file that needs no network. Its texts are untrusted, so they are escaped."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from commands.audit.summary import span
from hone.present import html, number_format
from tasks.report.page import render as report

if TYPE_CHECKING:
    pass

HERE = Path(__file__).parent


def render(content: dict[str, Any]) -> str:
    """Render the page in the style of the loop's report.

    Args:
        content: the template's variables.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= number_format.FILTERS | {"span": span, "marked": html.render_code}
    styles = [
        (report.HERE / "page.css").read_text(encoding="utf-8"),
        (HERE / "page.css").read_text(encoding="utf-8"),
    ]
    own = html.normalize_script((HERE / "page.js").read_text(encoding="utf-8"))
    return environment.get_template("page.html.jinja").render(
        **content,
        style=Markup("\n".join(styles)),
        script=Markup(own),
        policy=html.write_policy([own]),
    )
