"""The result of a trial, read from its worktree: the measures of each query, and what each step of each round did."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from commands.plan.judging import FREE
from commands.study.arms import Trial
from commands.study.method_activity import acts_of
from commands.study.trial_results import Kept, known_stages
from commands.study.worktree import LOCK
from hone.data import tables
from hone.data.chunks import of_chunks
from hone.encoders.precision import precision_of
from hone.errors import Refused, listed
from hone.files import fingerprint, read_json
from hone.layout import BASE, DATA, LEAKAGE, PAIR, RANKERS, RESOLVED, ROUNDS
from hone.present import provenance

COST = ("seconds", "wanted", "encoded", "encoding", "pairs", "scored", "scoring")  # what is known of a stage that ran


def gathered(trial: Trial, project: Path, ran: dict[str, dict]) -> Kept:
    """Everything that a study reports of a trial.

    Args:
        trial: whose stages have run.
        project: the project's folder in the trial's worktree.
        ran: the cost of the stages that ran in the trial, in whichever of its runs; others were restored from DVC's cache.
    """
    refuse_other_settings(project, trial)
    values = [
        pl.read_parquet(project / f"reports/queries/{name}/{collection}.parquet").with_columns(
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
        "rounds": {name: of_round(project, trial, name, hidden) for name in trial.rounds},
        "stages": stages(project, ran),
    }
    return Kept(pl.concat(values, how="diagonal"), facts)


def machine() -> dict[str, Any]:
    """The processor, its cores, and whether it multiplies bf16 numbers in hardware."""
    return {"processor": provenance.processor(), "cores": os.cpu_count(), "bf16": precision_of("auto", "cpu") == "bf16"}


def leakage(project: Path, collection: str) -> dict[str, Any]:
    """The counts of a collection's leakage; its examples are the user's texts, which a trial's file does not hold."""
    account = read_json(project / LEAKAGE / f"{collection}.json")
    return {name: value for name, value in account.items() if name != "examples"}


def refuse_other_settings(project: Path, trial: Trial) -> None:
    """Raises Refused if the stages of a worktree had other settings or code than the trial: its fingerprints would be wrong."""
    wanted = json.loads(json.dumps(trial.wanted))
    other = [name for name, values in wanted.items() if read_json(project / RESOLVED / f"{name}.json") != values]
    if other:
        raise Refused(
            f"{trial.name} ran with other settings or code than when the study began ({listed(sorted(other))}), so its result is not "
            "kept. Fix: do not edit code while a study runs; run the study again."
        )


def stages(project: Path, ran: dict[str, dict]) -> dict[str, dict]:
    """Of every stage whether it ran here, a hash of what went into it, and what it cost when it ran, here or in another trial.

    Null stands for what no trial ran (a stage whose result DVC had from elsewhere).
    """
    lock, known = yaml.safe_load((project / LOCK).read_text(encoding="utf-8"))["stages"], known_stages()
    found = {}
    for name, item in lock.items():
        inputs = fingerprint(json.dumps([item["cmd"], item.get("deps", [])], sort_keys=True))[:20]
        cost = ran.get(name) or known.get(inputs, {})
        found[name] = {"ran": name in ran, "inputs": inputs, **{key: cost.get(key) for key in COST}}
    return found


def read_by(noted: list[dict]) -> dict[str, Any]:
    """What models read for one stage.

    Args:
        noted: by it.

    Returns:
        `wanted` and `pairs`: chunks of texts whose vectors it wanted, and of pairs whose scores by a cross-encoder it wanted (model
        and chunk, number); `encoded` and `scored`: how many of these were not in the store; `encoding` and `scoring`: seconds of that.
    """
    encoded, scored = ([line for line in noted if kind in line] for kind in ("encoded", "scored"))
    return {
        "wanted": {f"{line['space']}/{line['chunk']}": line["asked"] for line in noted if "asked" in line},
        "encoded": sum(line["encoded"] for line in encoded),
        "encoding": round(sum(line["seconds"] for line in encoded), 2),
        "pairs": {f"{line['space']}/{line['chunk']}": line["pairs"] for line in noted if "pairs" in line},
        "scored": sum(line["scored"] for line in scored),
        "scoring": round(sum(line["seconds"] for line in scored), 2),
    }


def of_round(project: Path, trial: Trial, name: str, hidden: pl.DataFrame) -> dict[str, Any]:
    """What one round mined, judged and trained on."""
    folder = project / ROUNDS / name
    labels, trained = pl.read_parquet(folder / "labels.parquet"), pl.read_parquet(folder / "trained.parquet")
    section = trial.settings[f"rounds/{name}/train"]["train"]
    read = labels.filter((pl.col("label") == "negative") & pl.col("rank").is_not_null())
    if section["draw"] == "first":
        read = read.filter(pl.col("rank") <= section["negatives"])
    else:
        read = read.join(trained.filter(pl.col("role") == "negative"), on=PAIR, how="semi")
    removed = pl.read_parquet(folder / "removed/sample.parquet")
    account, sampled = read_json(folder / "relabel.json"), read_json(folder / "sample.json")
    negatives = pl.read_parquet(folder / "negatives.parquet")
    sources = dict(negatives["source"].value_counts(sort=True).rows())
    return {
        "recipe": trial.rounds[name]["recipe"],
        "start": BASE if section["init"] == "base" else trial.rounds[name]["from"],
        "steps": int(trained["step"].max() or 0),
        "candidates": sampled["candidates"],
        "removed": sampled["removed"],
        **attrition(sampled, pl.concat([removed, pl.read_parquet(folder / "removed/relabel.parquet")])),
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
    """By collection nDCG@10 of dev queries in the encoder's order (`before`) and in that of the round's own ranker (`after`)."""
    if trial.settings[f"rounds/{name}/rank"]["rank"] == "none":
        return {}
    dev = read_json(project / RANKERS / name / "ranker.json")["dev"]
    return {collection: {key: found[key] for key in ("before", "after")} for collection, found in dev.items()}


def attrition(sampled: dict, removed: pl.DataFrame) -> dict[str, int | None]:
    """What became of a round's training queries.

    Args:
        sampled: the counts that `sample` wrote.
        removed: of the round; a row without a document is a query that leaves, for good.

    Returns:
        `queries` with which the round began, null where it mined nothing; `queries_left`, which left it; `queries_short`, which stay
        with fewer negatives than the recipe asks for; `queries_filled`, which had too few until others were put to them.
    """
    shortage = sampled.get("shortage", {})
    stays = shortage.get("rule") != "drop-query"
    return {
        "queries": sampled["queries"] + sum(sampled["left"].values()) if "queries" in sampled else None,
        "queries_left": removed.filter(pl.col("doc_id").is_null())["query_id"].n_unique(),
        "queries_short": shortage.get("still_short", 0) if stays else 0,
        "queries_filled": shortage.get("filled", 0),
    }


def judged(section: dict | str, account: dict) -> dict[str, int]:
    """How many pairs judges read: `judged` by LLMs and people, `judged_free` by those that take only this machine's time.

    Args:
        section: the recipe's section `relabel`, resolved.
        account: what `relabel` wrote, its judges in the order of the cascade.
    """
    asked = {True: 0, False: 0}
    lines = [] if section == "none" else section["cascade"]
    for line, judge in zip(lines, account.get("judges", []), strict=False):  # a cascade may have ended early
        asked[line["method"] in FREE - {"people"}] += judge["asked"]
    return {"judged": asked[False], "judged_free": asked[True]}


def hidden_pairs(project: Path, trial: Trial) -> pl.DataFrame:
    """Known relevant pairs that training does not see, of all collections that are trained on; of a document in chunks, each chunk."""
    found = [pl.DataFrame(schema=dict.fromkeys(PAIR, pl.String))]
    names = list(trial.params.train_on)
    for name in names:
        folder = project / DATA / name
        if (folder / "hidden.parquet").exists():
            documents = pl.read_parquet(folder / "documents.parquet", columns=["doc_id", "parent_id"])
            pairs = of_chunks(pl.read_parquet(folder / "hidden.parquet").select(PAIR), documents)
            found.append(pairs.select(tables.prefixed(f"{name}/" if len(names) > 1 else "", *PAIR)))
    return pl.concat(found)
