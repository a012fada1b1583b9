"""What an experiment left behind, read from DVC's cache: measures of each query, and what each step of each round did."""

from __future__ import annotations

import io
import json
import tempfile
from pathlib import Path
from typing import Any

import polars as pl
import yaml
from dvc.api import DVCFileSystem

from commands.plan.judging import FREE
from commands.study.arms import Trial
from commands.study.method_activity import acts_of
from commands.study.trial_results import Kept, known_stages
from hone.config import params
from hone.data import tables
from hone.data.chunks import of_chunks
from hone.errors import Refused
from hone.files import fingerprint
from hone.layout import BASE, PAIR

COST = ("seconds", "wanted", "encoded", "encoding", "pairs", "scored", "scoring")  # what is known of a stage that ran


class Left:
    """The files of an experiment's commit, whether git or DVC keeps them."""

    def __init__(self, commit: str) -> None:
        self.files = DVCFileSystem(rev=commit)

    def read(self, path: str) -> bytes:
        with self.files.open(path) as file:
            return file.read()

    def table(self, path: str) -> pl.DataFrame:
        return pl.read_parquet(io.BytesIO(self.read(path)))

    def json(self, path: str) -> Any:
        return json.loads(self.read(path))

    def exists(self, path: str) -> bool:
        return self.files.exists(path)


def gathered(trial: Trial, commit: str, ran: dict[str, dict]) -> Kept:
    """All that a study says of a trial.

    Args:
        trial: that was run.
        commit: of its experiment.
        ran: of the stages that ran in it, in whichever of its runs, what they cost; the others were restored from DVC's cache.
    """
    left = Left(commit)
    refuse_other_settings(left.read("params.yaml"), trial)
    values = [
        left.table(f"reports/queries/{name}/{collection}.parquet").with_columns(round=pl.lit(name), collection=pl.lit(collection))
        for name in [BASE, *trial.rounds]
        for collection in trial.params.evaluate_on
    ]
    hidden = hidden_pairs(left, trial)
    facts = {
        "arm": trial.arm,
        "seed": trial.seed,
        "experiment": trial.experiment,
        "commit": commit,
        "stages": stages(left, ran),
        "rounds": {name: of_round(left, trial, name, hidden) for name in trial.rounds},
    }
    return Kept(pl.concat(values, how="diagonal"), facts)


def refuse_other_settings(ran: bytes, trial: Trial) -> None:
    """Raises Refused where the params.yaml that an experiment ran with says something else than its trial."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "params.yaml"
        file.write_bytes(ran)
        there, wanted = (given.model_dump(mode="json", by_alias=True) for given in (params.read(file), trial.params))
    if other := sorted(name for name in wanted if there[name] != wanted[name]):
        raise Refused(
            f"{trial.name}: DVC ran the experiment {trial.experiment} with other settings than were asked for ({', '.join(other)}): "
            "nothing of it is taken. Write what the arm changes into a recipe of its own in recipes/."
        )


def stages(left: Left, ran: dict[str, dict]) -> dict[str, dict]:
    """Of every stage whether it ran here, a hash of what went into it, and what it cost when it ran, here or in another trial.

    Null stands for what no trial ran (a stage whose result DVC had from elsewhere).
    """
    lock, known = yaml.safe_load(left.read("dvc.lock"))["stages"], known_stages()
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


def of_round(left: Left, trial: Trial, name: str, hidden: pl.DataFrame) -> dict[str, Any]:
    """What one round mined, judged and trained on."""
    folder = f"rounds/{name}"
    labels, trained = left.table(f"{folder}/labels.parquet"), left.table(f"{folder}/trained.parquet")
    section = trial.settings[f"rounds/{name}/train"]["train"]
    read = labels.filter((pl.col("label") == "negative") & pl.col("rank").is_not_null())
    if section["draw"] == "first":
        read = read.filter(pl.col("rank") <= section["negatives"])
    else:
        read = read.join(trained.filter(pl.col("role") == "negative"), on=PAIR, how="semi")
    removed = left.table(f"{folder}/removed/sample.parquet")
    account, sampled = left.json(f"{folder}/relabel.json"), left.json(f"{folder}/sample.json")
    negatives = left.table(f"{folder}/negatives.parquet")
    sources = dict(negatives["source"].value_counts(sort=True).rows())
    return {
        "recipe": trial.rounds[name]["recipe"],
        "start": BASE if section["init"] == "base" else trial.rounds[name]["from"],
        "steps": int(trained["step"].max() or 0),
        "candidates": sampled["candidates"],
        "removed": sampled["removed"],
        **attrition(sampled, pl.concat([removed, left.table(f"{folder}/removed/relabel.parquet")])),
        "negatives": len(negatives),
        "sources": sources,
        "trained_on": len(read),
        "hidden": len(read.join(hidden, on=PAIR, how="semi")),
        "positives": int((labels["label"] == "positive").sum()),
        **judged(trial.settings[f"rounds/{name}/relabel"]["relabel"], account),
        "acts": acts_of(trial.settings, name, sampled, sources, account),
        "ranker": ranker_on_dev(left, trial, name),
    }


def ranker_on_dev(left: Left, trial: Trial, name: str) -> dict[str, dict[str, float]]:
    """By collection nDCG@10 of dev queries in the encoder's order (`before`) and in that of the round's own ranker (`after`)."""
    if trial.settings[f"rounds/{name}/rank"]["rank"] == "none":
        return {}
    dev = left.json(f"rankers/{name}/ranker.json")["dev"]
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


def hidden_pairs(left: Left, trial: Trial) -> pl.DataFrame:
    """Known relevant pairs that training does not see, of all collections that are trained on; of a document in chunks, each chunk."""
    found = [pl.DataFrame(schema=dict.fromkeys(PAIR, pl.String))]
    names = list(trial.params.train_on)
    for name in names:
        path = f"data/{name}/hidden.parquet"
        if left.exists(path):
            documents = left.read(f"data/{name}/documents.parquet")
            pairs = of_chunks(left.table(path).select(PAIR), pl.read_parquet(io.BytesIO(documents), columns=["doc_id", "parent_id"]))
            found.append(pairs.select(tables.prefixed(f"{name}/" if len(names) > 1 else "", *PAIR)))
    return pl.concat(found)
