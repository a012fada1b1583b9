"""The annotation page: one file that opens offline, loads nothing from the network, and runs
only its own script.
"""

from __future__ import annotations

import json
from pathlib import Path

from hone.present.html import normalize_script, write_policy

HERE = Path(__file__).parent


def render(id: str, file: str, rows: list[dict[str, str]]) -> str:
    """Render the whole page.

    Args:
        id: of the sheet.
        file: name of the file that the page saves.
        rows: number, query, known_answer, candidate. Texts are untrusted: the page shows them only
            as text.
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
    code = normalize_script((HERE / "sheet.js").read_text(encoding="utf-8"))
    return environment.get_template("sheet.html.jinja").render(
        id=id,
        file=file,
        rows=rows,
        data=Markup(embedded({"id": id, "file": file, "rows": rows})),
        style=Markup((HERE / "sheet.css").read_text(encoding="utf-8")),
        script=Markup(code),
        policy=write_policy([code], images=False),
    )


def embedded(value: object) -> str:
    """JSON that browsers never parse as markup, whatever the texts contain."""
    return (
        json.dumps(value, ensure_ascii=False)
        .replace("&", "\\u0026")
        .replace("<", "\\u003c")
        .replace(">", "\\u003e")
    )
