"""HTML pages: one file that opens offline, loads nothing from the network and runs no script but
its own.
"""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

# A figure's data is not a script, so it needs no hash. Plotly draws some images from data and blob
# addresses.
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; {images}base-uri 'none'; form-action "
    "'none'; script-src {hashes}"
)
IMAGES = "img-src data: blob:; "


def open_templates(*folders: Path) -> Environment:
    """Jinja's environment for the templates of these folders; it escapes every text and refuses
    undefined names.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(folders),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def normalize_script(text: str) -> str:
    """A script as the browser reads it from the page, with Unix line ends. The browser hashes what
    it reads.
    """
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("</script", "<\\/script")


def hash_script(text: str) -> str:
    """A script's hash in the notation of a content security policy."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def write_policy(scripts: list[str], images: bool = True) -> str:
    """The content security policy of a page that runs these scripts only.

    Args:
        scripts: as `normalize_script` returns them.
        images: whether the page draws figures, which need images from data and blob addresses.
    """
    return POLICY.format(
        images=IMAGES if images else "", hashes=" ".join(map(hash_script, scripts))
    )


def render_code(sentence: str) -> Markup:
    """Text between backticks as code. Everything is escaped first."""
    from markupsafe import Markup, escape

    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(sentence))))
