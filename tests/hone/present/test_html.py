"""What every page shares: the hash that a browser computes of a script, and a policy that allows
nothing else.
"""

from __future__ import annotations

import base64
import hashlib

import pytest
from jinja2 import UndefinedError

from hone.present.html import (
    hash_script,
    normalize_script,
    open_templates,
    render_code,
    write_policy,
)


def test_a_script_is_hashed_as_the_browser_reads_it():
    read = normalize_script("a\r\nb\r</script>")
    assert read == "a\nb\n<\\/script>"
    assert (
        hash_script(read)
        == f"'sha256-{base64.b64encode(hashlib.sha256(read.encode()).digest()).decode()}'"
    )


def test_the_policy_allows_the_pages_own_scripts_only():
    assert write_policy(["a"], images=False) == (
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
        f"script-src {hash_script('a')}"
    )
    assert write_policy(["a", "b"]).split("; ") == [
        "default-src 'none'",
        "style-src 'unsafe-inline'",
        "img-src data: blob:",
        "base-uri 'none'",
        "form-action 'none'",
        f"script-src {hash_script('a')} {hash_script('b')}",
    ]


def test_templates_escape_texts_and_refuse_undefined_names(tmp_path):
    (tmp_path / "page.jinja").write_text("{{ text }}")
    template = open_templates(tmp_path).get_template("page.jinja")
    assert template.render(text="<b>") == "&lt;b&gt;"
    with pytest.raises(UndefinedError):
        template.render()


def test_backticks_become_code_and_everything_else_is_escaped():
    assert str(render_code("run `hone <x>` & more")) == (
        "run <code>hone &lt;x&gt;</code> &amp; more"
    )
