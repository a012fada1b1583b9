"""`hone report`: where the report is, whether it is up to date, and its beginning as text."""

from __future__ import annotations

import webbrowser
from pathlib import Path

from commands.console import line
from commands.status.outdated import find_outdated
from hone.errors import Refused
from hone.files import read_json
from hone.layout import REPORT_PAGE, REPORT_TEXT, VERDICT
from hone.pipeline import graph as dvc
from hone.stage import say

STAGE = "report"
SECTION = "## "


def report(open_page: bool = False, as_text: bool = False) -> None:
    """Print where the report is. It is never built here: `hone run` builds it.

    Args:
        open_page: open the page in the browser.
        as_text: print the verdict and the main table.

    Raises:
        Refused: there is no report yet, or no browser.
    """
    if not REPORT_PAGE.exists():
        raise Refused(
            f"There is no report yet ({REPORT_PAGE} does not exist). Run `hone run`; it writes the "
            "report last."
        )
    say(describe_age(find_outdated(dvc.graph())))
    if as_text:
        for text in read_beginning():
            line(text)
    if open_page:
        address = Path(REPORT_PAGE).absolute().as_uri()
        if not webbrowser.open(address):
            raise Refused(f"No browser was found on this machine. Open {address} in one.")
    if not as_text:
        line(f"{REPORT_PAGE}")


def describe_age(outdated: list[str] | None) -> str:
    """Whether the report is up to date, and how to refresh it."""
    if outdated is None:
        return "It is unknown whether the report is up to date, because DVC runs."
    if STAGE not in outdated:
        return "The report is up to date."
    return (
        f"The report is out of date: {len(outdated)} stages are. `hone run` refreshes it, and "
        "`hone status` lists them."
    )


def read_beginning() -> list[str]:
    """The verdict, and the Markdown report up to the end of its first table."""
    verdict = read_json(VERDICT)["lines"] if VERDICT.exists() else []
    if not REPORT_TEXT.exists():
        return verdict
    text = REPORT_TEXT.read_text(encoding="utf-8")
    first = text.find(f"\n{SECTION}")
    if first < 0:
        return verdict
    second = text.find(f"\n{SECTION}", first + 1)
    return [*verdict, "", text[first : second if second > 0 else None].strip()]
