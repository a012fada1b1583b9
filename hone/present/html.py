"""Scripts within a page, which its Content-Security-Policy admits by their hashes."""

from __future__ import annotations

import base64
import hashlib


def script(text: str) -> str:
    """A script as a browser reads it back from the page: with plain line ends, for its hash is of what is read."""
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("</script", "<\\/script")


def hash_of(text: str) -> str:
    """A script's hash as a content security policy names it."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
