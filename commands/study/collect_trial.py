"""The result of a trial, read from its worktree: the measures of each query and the counts of
each round.
"""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from commands.plan.judging import FREE
from commands.study import command_arm
from commands.study.arms import Trial
from commands.study.method_activity import acts_of
from commands.study.trial_results import TrialResult, known_stages
from commands.study.worktree import LOCK
from hone.data import tables
from hone.data.chunks import of_chunks
from hone.encoders.precision import precision_of
from hone.errors import Refused, listed
from hone.files import fingerprint, read_json
from hone.layout import (
    BASE,
    PAIR,
    RANKERS,
    collection_table,
    leakage_file,
    query_values_file,
    removed_table,
    round_account,
    round_table,
    settings_file,
)
from hone.present import provenance

COST = (
    "seconds",
    "wanted",
    "encoded",
    "encoding",
    "pairs",
    "scored",
    "scoring",
)  # the facts of a stage that ran


def collect_result(trial: Trial, project: Path, ran: dict[str, dict]) -> TrialResult:
    """Everything that a study reports about a trial.

    Args:
        trial: a trial whose stages have run.
        project: the project's folder in the trial's worktree.
        ran: the cost of each stage that ran in this trial. The other stages were restored from
            DVC's cache.
    """
    refuse_other_settings(project, trial)
    values = [
        pl.read_parquet(project / query_values_file(name, collection)).with_columns(
            round=pl.lit(name), collection=pl.lit(collection)
        )
        for name in [BASE, *trial.rounds]
        for collection in trial.params.evaluate_on
    ]
    hidden = hidden_pairs(project, trial)
    facts = {
        "written": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "leakage": {name: leakage(project, name) for name in trial.params.evaluate_on},
        "rounds": {
            name: of_command(trial, name)
            if trial.command
            else of_round(project, trial, name, hidden)
            for name in trial.rounds
        },
        "stages": stages(project, ran) | steps_of_command(trial, ran),
    }
    return TrialResult(pl.concat(values, how="diagonal"), facts)


def machine() -> dict[str, Any]:
    """The processor, its number of cores, and whether it has bf16 arithmetic."""
    return {
        "processor": provenance.processor(),
        "cores": os.cpu_count(),
        "bf16": precision_of("auto", "cpu") == "bf16",
    }


def leakage(project: Path, collection: str) -> dict[str, Any]:
    """The counts of a collection's leakage. The examples are left out, because a trial file has
    no texts of the user.
    """
    account = read_json(project / leakage_file(collection))
    return {name: value for name, value in account.items() if name != "examples"}


def refuse_other_settings(project: Path, trial: Trial) -> None:
    """Raises Refused if the worktree's stages had other settings or code than the trial. Its
    fingerprints would be wrong.
    """
    wanted = json.loads(json.dumps(trial.wanted))
    other = [
        name
        for name, values in wanted.items()
        if read_json(project / settings_file(name)) != values
    ]
    if other:
        raise Refused(
            f"{trial.name} ran with other settings or code than when the study began "
            f"({listed(sorted(other))}), so its result is not "
            "kept. Fix: do not edit code while a study runs; run the study again."
        )


def stages(project: Path, ran: dict[str, dict]) -> dict[str, dict]:
    """For every stage: whether it ran in this trial, a hash of its inputs, and its cost when it
    ran, in this or another trial.

    Costs are null if no trial ran the stage, because DVC restored its result.
    """
    lock, known = (
        yaml.safe_load((project / LOCK).read_text(encoding="utf-8"))["stages"],
        known_stages(),
    )
    found = {}
    for name, item in lock.items():
        inputs = fingerprint(json.dumps([item["cmd"], item.get("deps", [])], sort_keys=True))[:20]
        cost = ran.get(name) or known.get(inputs, {})
        found[name] = {"ran": name in ran, "inputs": inputs, **{key: cost.get(key) for key in COST}}
    return found


def steps_of_command(trial: Trial, ran: dict[str, dict]) -> dict[str, dict]:
    """The facts of what DVC did not run: exporting, training and evaluating for a command arm."""
    if not trial.command:
        return {}
    round = list(trial.rounds)[-1]
    names = [f"{step}@{round}" for step in ("pairs", command_arm.STAGE)]
    names += [f"evaluate@{round}-{collection}" for collection in trial.params.evaluate_on]
    return {
        name: {
            "ran": True,
            "inputs": fingerprint(trial.address, name)[:20],
            **{key: ran.get(name, {}).get(key) for key in COST},
        }
        for name in names
    }


def of_command(trial: Trial, round: str) -> dict[str, Any]:
    """The counts of a command's model. What it mined and how it trained is not known; `steps` is
    the number that the command was given.
    """
    unknown = dict.fromkeys(("candidates", "negatives", "trained_on", "hidden", "positives"), 0)
    none = dict.fromkeys(("queries_left", "queries_short", "queries_filled"), 0)
    return {
        "recipe": command_arm.STAGE,
        "start": BASE,
        "steps": trial.rounds[round]["train"]["steps"],
        "removed": {},
        "queries": None,
        **unknown,
        **none,
        "sources": {},
        **judged("none", {}),
        "acts": [],
        "ranker": {},
    }


def read_by(usage: list[dict]) -> dict[str, Any]:
    """The texts and pairs that models read for one stage.

    Args:
        usage: the lines that the stage logged.

    Returns:
        `wanted`: {model/chunk: number of texts whose embeddings the stage requested}. `pairs`: the
            same for pairs that a cross-encoder
        scores. `encoded` and `scored`: how many of these were not in the embedding cache.
            `encoding` and `scoring`: seconds for them.
    """
    encoded, scored = ([line for line in usage if kind in line] for kind in ("encoded", "scored"))
    return {
        "wanted": {
            f"{line['space']}/{line['chunk']}": line["asked"] for line in usage if "asked" in line
        },
        "encoded": sum(line["encoded"] for line in encoded),
        "encoding": round(sum(line["seconds"] for line in encoded), 2),
        "pairs": {
            f"{line['space']}/{line['chunk']}": line["pairs"] for line in usage if "pairs" in line
        },
        "scored": sum(line["scored"] for line in scored),
        "scoring": round(sum(line["seconds"] for line in scored), 2),
    }


def of_round(project: Path, trial: Trial, name: str, hidden: pl.DataFrame) -> dict[str, Any]:
    """Counts of what one round mined, judged and trained on."""
    labels, trained, negatives = (
        pl.read_parquet(project / round_table(name, table))
        for table in ("labels", "trained", "negatives")
    )
    section = trial.settings[f"rounds/{name}/train"]["train"]
    read = labels.filter((pl.col("label") == "negative") & pl.col("rank").is_not_null())
    if section["draw"] == "first":
        read = read.filter(pl.col("rank") <= section["negatives"])
    else:
        read = read.join(trained.filter(pl.col("role") == "negative"), on=PAIR, how="semi")
    removed = [
        pl.read_parquet(project / removed_table(name, stage)) for stage in ("sample", "relabel")
    ]
    account, sampled = (
        read_json(project / round_account(name, stage)) for stage in ("relabel", "sample")
    )
    sources = dict(negatives["source"].value_counts(sort=True).rows())
    return {
        "recipe": trial.rounds[name]["recipe"],
        "start": BASE if section["init"] == "base" else trial.rounds[name]["from"],
        "steps": int(trained["step"].max() or 0),
        "candidates": sampled["candidates"],
        "removed": sampled["removed"],
        **attrition(sampled, pl.concat(removed)),
        "negatives": len(negatives),
        "sources": sources,
        "trained_on": len(read),
        "hidden": len(read.join(hidden, on=PAIR, how="semi")),
        "positives": int((labels["label"] == "positive").sum()),
        **judged(trial.settings[f"rounds/{name}/relabel"]["relabel"], account),
        "acts": acts_of(trial.settings, name, sampled, sources, account),
        "ranker": ranker_on_dev(project, trial, name),
    }


def ranker_on_dev(project: Path, trial: Trial, name: str) -> dict[str, dict[str, float]]:
    """nDCG@10 on dev queries by collection: ranked by the encoder (`before`) and by the in-loop
    cross-encoder (`after`).
    """
    if trial.settings[f"rounds/{name}/rank"]["rank"] == "none":
        return {}
    dev = read_json(project / RANKERS / name / "ranker.json")["dev"]
    return {
        collection: {key: found[key] for key in ("before", "after")}
        for collection, found in dev.items()
    }


def attrition(sampled: dict, removed: pl.DataFrame) -> dict[str, int | None]:
    """Counts of a round's training queries that were dropped or have too few negatives.

    Args:
        sampled: the counts that `sample` wrote.
        removed: the removed rows of the round. A row without a document is a query that is dropped
            permanently.

    Returns:
        `queries`: number at the start of the round, null if it mined nothing. `queries_left`:
            dropped. `queries_short`: kept with
        fewer negatives than the recipe requests. `queries_filled`: had too few negatives before
            other ones were added.
    """
    shortage = sampled.get("shortage", {})
    stays = shortage.get("rule") != "drop-query"
    return {
        "queries": sampled["queries"] + sum(sampled["left"].values())
        if "queries" in sampled
        else None,
        "queries_left": removed.filter(pl.col("doc_id").is_null())["query_id"].n_unique(),
        "queries_short": shortage.get("still_short", 0) if stays else 0,
        "queries_filled": shortage.get("filled", 0),
    }


def judged(section: dict | str, account: dict) -> dict[str, int]:
    """Number of pairs that judges read: `judged` by LLMs and people, `judged_free` by judges that
    run on this machine.

    Args:
        section: the recipe's section `relabel`, resolved.
        account: the report of `relabel`, with its judges in the order of the cascade.
    """
    counts = {True: 0, False: 0}
    lines = [] if section == "none" else section["cascade"]
    for line, judge in zip(
        lines, account.get("judges", []), strict=False
    ):  # a cascade may have ended early
        counts[line["method"] in FREE - {"people"}] += judge["asked"]
    return {"judged": counts[False], "judged_free": counts[True]}


def hidden_pairs(project: Path, trial: Trial) -> pl.DataFrame:
    """The held-out positives of all training collections. A document in chunks has one row for
    each chunk.
    """
    found = [pl.DataFrame(schema=dict.fromkeys(PAIR, pl.String))]
    names = list(trial.params.train_on)
    for name in names:
        hidden, documents = (
            project / collection_table(name, table) for table in ("hidden", "documents")
        )
        if hidden.exists():
            parents = pl.read_parquet(documents, columns=["doc_id", "parent_id"])
            pairs = of_chunks(pl.read_parquet(hidden).select(PAIR), parents)
            found.append(pairs.select(tables.prefixed(f"{name}/" if len(names) > 1 else "", *PAIR)))
    return pl.concat(found)
