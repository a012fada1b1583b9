"""What leaves this machine: texts for endpoints, and results for remote databases and servers."""

from __future__ import annotations

import os
from dataclasses import replace

from commands.plan.work import counts
from hone.config.params import Params
from hone.config.stage_settings import NONE, StageSettings
from hone.judging.transfers import format_limits, judge_transfers
from hone.transfer import Transfer
from hone.urls import at_home, show_url
from tasks.evaluate.reference import transfers as reference_transfers
from tasks.generate.work import transfers_of as generation_transfers

TRACKING = "MLFLOW_TRACKING_URI"


def transfers(
    given: Params, settings: dict[str, StageSettings], running: list[str] | None = None
) -> list[Transfer]:
    """The texts that the stages send to endpoints, once for each sender, endpoint and collection.

    Args:
        given: params.yaml.
        settings: the settings of every stage.
        running: the stages that would run. Null: all stages.
    """
    found: list[Transfer] = []
    for name in given.collections:
        section = settings[f"generate/{name}"]
        if section.generate != NONE and (running is None or f"generate@{name}" in running):
            found += generation_transfers(section)
    for name in given.rounds:
        section = settings[f"rounds/{name}/relabel"].relabel
        if section != NONE and (running is None or f"relabel@{name}" in running):
            limits = format_limits(section.budget)
            cost = f"{limits} in each round" if limits else ""
            found += judge_transfers(section.cascade, given.judges, section.train_on, cost)
    for name in given.compare_with:
        for collection in given.evaluate_on:
            if running is None or f"evaluate-reference@{name}-{collection}" in running:
                sent = reference_transfers(settings[f"reference/{name}/{collection}"])
                found += with_number(sent, collection)
    return list({(one.sender, one.name): one for one in found}.values())


def with_number(sent: list[Transfer], collection: str) -> list[Transfer]:
    """Transfers of a whole collection with the number of its texts, if it has been read."""
    sizes = counts(collection) if sent else None
    if sizes is None:
        return sent
    number = sizes["documents"] + sizes["dev"] + sizes["test"]
    return [replace(one, texts=f"{one.texts} ({number:,} texts)") for one in sent]


def remote_results() -> list[str]:
    """A sentence for each database or server outside this machine that receives results."""
    from hone.llm.ledger.tables import plain, read

    found = []
    log = os.environ.get("HONE_LEDGER")
    if log and (url := read(log)).host and url.host not in ("localhost", "127.0.0.1", "::1"):
        found.append(f"verdicts and answers of judges go to {plain(url)} (HONE_LEDGER)")
    tracking = os.environ.get(TRACKING, "")
    if tracking.startswith(("http://", "https://")) and not at_home(tracking):
        found.append(f"metrics and models go to {show_url(tracking)} ({TRACKING})")
    return found
