"""The question before texts leave this machine or cost money."""

from __future__ import annotations

import sys

import polars as pl
import typer

from commands.console import line
from commands.generate.estimate import estimate_documents, open_counting
from commands.generate.text import describe_work
from hone.config.params import Params
from hone.errors import Refused
from hone.llm.ledger.ledger import Ledger
from hone.transfer import Transfer
from tasks.generate.settings import GenerateSettings
from tasks.generate.work import generator_line

JUDGE = "judge "  # the beginning of a judge's name as a sender


def confirm_sending(
    given: Params,
    settings: GenerateSettings,
    used: list[Transfer],
    documents: pl.DataFrame,
    quiet: bool,
) -> None:
    """Ask before texts are sent to another machine or to a model with a price. Nothing is asked if
    nothing is sent.

    Args:
        given: params.yaml.
        settings: of the stage.
        used: what may be sent.
        documents: doc_id of the documents of the preview.
        quiet: refuse instead of asking.

    Raises:
        Refused: the answer is no, or nobody can answer.
    """
    section, price = settings.generate, None
    if section.generator is not None:
        price = generator_line(section, given.generators)["parameters"].get("price")
    if price is None and all(one.is_local for one in used):
        return
    collection = open_counting(settings, Ledger())
    found = estimate_documents(given, settings, collection, documents["doc_id"])
    if not found.left and not any(one.sender.startswith(JUDGE) for one in used):
        return
    work = f"The preview: {describe_work(found)}"
    if quiet or not is_terminal():
        raise Refused(
            f"{work} Nothing was sent. Add --yes to send these texts, or --dry-run to print the "
            "estimate alone."
        )
    line(work)
    if not typer.confirm("Send these texts?", default=False):
        raise Refused("Nothing was sent.")


def is_terminal() -> bool:
    """Whether somebody can answer."""
    return sys.stdin.isatty() and sys.stdout.isatty()
