"""Write the SHA-256 of every published file of every pinned release into requirements files:
`make hashes` after a pin has changed.

The index is the one that pip is configured with. Every wheel of a release is listed, for each
platform and Python; where a release has no wheel, its source is. pip then installs nothing else
(`--require-hashes`), whatever machine it runs on.
"""

from __future__ import annotations

import re
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import httpx
from packaging.requirements import Requirement
from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import Version

JSON = "application/vnd.pypi.simple.v1+json"
SECONDS = 60
Files = list[tuple[str, str]]  # file name and SHA-256


def main(files: list[str]) -> None:
    """Rewrite each file whose hashes are not those of its pins."""
    with httpx.Client(follow_redirects=True, timeout=SECONDS, verify=certificates()) as client:
        for name in files:
            file = Path(name)
            text = file.read_text(encoding="utf-8")
            new = hashed(text, lambda project: published(client, project))
            if new != text:
                file.write_text(new, encoding="utf-8")
                print(f"{file}: written")


def hashed(text: str, files_of: Callable[[str], Files]) -> str:
    """A requirements file with the hashes of its pins; comments and markers stay.

    Args:
        text: of a requirements file, with or without hashes.
        files_of: the files of a project, all its releases.
    """
    return "".join(
        "\n".join(lines_of(line, files_of)) + "\n" for line in without_hashes(text).splitlines()
    )


def without_hashes(text: str) -> str:
    """The pins as a person writes them, one a line."""
    return re.sub(r"[ \t]*\\\n[ \t]*--hash=\S+", "", text)


def lines_of(line: str, files_of: Callable[[str], Files]) -> Iterator[str]:
    """A line followed by its hashes, if it is a pin."""
    pin = line.partition(" #")[0].strip()
    if not pin or pin.startswith("#"):
        yield line
        return
    if pin != line.rstrip():
        raise SystemExit(
            f"{line!r}: a comment stands on a line of its own, for pip wants the hashes after the "
            "pin."
        )
    required = Requirement(pin)
    (exact,) = required.specifier
    if exact.operator != "==":
        raise SystemExit(f"{pin}: a pin names one version with ==.")
    found = chosen(files_of(canonicalize_name(required.name)), Version(exact.version))
    if not found:
        raise SystemExit(f"{pin}: the index has no file of it.")
    yield pin + " \\"
    for place, sha256 in enumerate(found, start=1):
        yield f"    --hash=sha256:{sha256}" + (" \\" if place < len(found) else "")


def chosen(files: Files, version: Version) -> list[str]:
    """The hashes of a release's wheels, or of its source where it has none, sorted."""
    wheels, sources = set(), set()
    for name, sha256 in files:
        try:
            if name.endswith(".whl"):
                if parse_wheel_filename(name)[1] == version:
                    wheels.add(sha256)
            elif parse_sdist_filename(name)[1] == version:
                sources.add(sha256)
        except (InvalidWheelFilename, InvalidSdistFilename):
            continue
    return sorted(wheels or sources)


def published(client: httpx.Client, project: str) -> Files:
    """All files of a project on the index; those that its publisher has withdrawn stay, for a
    pin may name one.
    """
    answer = client.get(
        f"{index().rstrip('/')}/{project}/", headers={"Accept": f"{JSON}, text/html;q=0.1"}
    )
    answer.raise_for_status()
    if answer.headers["content-type"].startswith(JSON):
        return [
            (file["filename"], file["hashes"]["sha256"])
            for file in answer.json()["files"]
            if "sha256" in file["hashes"]
        ]
    links = Links()
    links.feed(answer.text)
    return links.found


class Links(HTMLParser):
    """The files that a page of an index without JSON links to."""

    def __init__(self) -> None:
        super().__init__()
        self.found: Files = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        url = urlsplit(dict(attributes).get("href") or "")
        kind, _, sha256 = url.fragment.partition("=")
        if tag == "a" and kind == "sha256":
            self.found.append((unquote(url.path).rpartition("/")[2], sha256))


@cache
def index() -> str:
    """The index that pip reads on this machine."""
    from pip._internal.models.index import PyPI  # pip's default, which nothing else names

    return setting("index-url") or PyPI.simple_url


def certificates() -> ssl.SSLContext:
    """The authorities that pip trusts on this machine."""
    return ssl.create_default_context(cafile=setting("cert"))


def setting(name: str) -> str | None:
    """A setting of pip, from its files or its variables; null where it has its default."""
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], check=True, capture_output=True, text=True
    ).stdout
    found = dict(re.findall(rf"^(global|:env:)\.{re.escape(name)}='(.*)'$", listed, re.MULTILINE))
    return found.get(":env:", found.get("global"))


if __name__ == "__main__":
    main(sys.argv[1:])
