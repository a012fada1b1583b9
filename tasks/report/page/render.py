"""The page: one file that opens offline, asks no network for anything, and runs no script but its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hone.present import number_format
from hone.present.html import hash_of, script

HERE = Path(__file__).parent
FILTERS = ("signed", "score", "share", "span", "count", "joined", "chance")
# What stands in the figures' own data is no script, so it needs no hash.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'; form-action 'none'; script-src {hashes}"


def render(content: dict[str, Any]) -> str:
    """The whole page.

    Args:
        content: what the template shows, by name. Texts in it are untrusted: the template escapes all of them.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup
    from plotly.offline import get_plotlyjs

    environment = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {name: getattr(number_format, name) for name in FILTERS}
    scripts = [script(get_plotlyjs()), script((HERE / "page.js").read_text(encoding="utf-8"))]
    return environment.get_template("page.html.jinja").render(
        **content,
        style=Markup((HERE / "page.css").read_text(encoding="utf-8")),
        scripts=[Markup(text) for text in scripts],
        policy=POLICY.format(hashes=" ".join(hash_of(text) for text in scripts)),
    )
