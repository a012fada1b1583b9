"""How often each method of a recipe had an effect in a round. A study cannot evaluate a filter
that never applies.
"""

from __future__ import annotations

from typing import Any

from hone.config.sections.sample import GUARDS
from hone.config.source_name import source_name
from tasks.relabel.label_actions import KEEP

COMMON = ("random", "dense")
PLAIN = {"retrieve": "dense", "choose": "top", "loss": "infonce"}  # the default of every recipe


def acts_of(
    settings: dict[str, dict], round: str, sampled: dict, sources: dict[str, int], account: dict
) -> list[dict[str, Any]]:
    """A row for each method of the recipe that is not a default.

    Args:
        settings: the resolved settings of all stages.
        round: the name of the round.
        sampled: the counts that `sample` wrote.
        sources: number of negatives from each source.
        account: the report of `relabel`.

    Returns:
        `method`, `did` (a description of the count) and `count`; null if the method has no count.
    """
    section = {
        stage: settings[f"rounds/{round}/{stage}"][stage]
        for stage in ("retrieve", "rank", "sample", "relabel", "train")
    }
    lines = section["retrieve"] if section["retrieve"] != "none" else []
    plain = [
        line
        for line in lines
        if line["method"] == PLAIN["retrieve"] and not line["parameters"].get("model")
    ]
    found = [
        act(source_name(line), "negatives came from it", sources.get(source_name(line), 0))
        for line in lines
        if line not in plain or len(lines) > 1
    ]
    if lines:
        sample = section["sample"]
        found += [
            act(line["method"], "candidates removed", sampled["removed"].get(line["method"], 0))
            for line in sample["filters"]
            if line["method"] not in GUARDS
        ]
        if sample["window"]["first"] > 1:
            found.append(
                act(f"ranks from {sample['window']['first']}", "negatives", sum(sources.values()))
            )
        if sample["choose"]["method"] != PLAIN["choose"] or sample["choose"]["parameters"].get(
            "by"
        ):
            found.append(
                act(
                    sample["choose"]["method"],
                    "negatives that are not the first",
                    sampled["beyond_top"],
                )
            )
    if section["relabel"] != "none" and section["relabel"].get("cascade"):
        acted_on = sum(
            number for action, number in account.get("actions", {}).items() if action != KEEP
        )
        found.append(act("judges", "pairs acted on", acted_on))
        if section["relabel"]["grades"]:
            found.append(
                act(
                    "grades",
                    "pairs graded",
                    sum(judge["asked"] for judge in account.get("judges", [])),
                )
            )
    found += [
        act(line["method"], "in every step", None)
        for line in section["train"]["losses"]
        if line["method"] != PLAIN["loss"]
    ]
    return found


def act(method: str, did: str, count: int | None) -> dict[str, Any]:
    return {"method": method, "did": did, "count": count}


def inactive(acts: list[dict[str, Any]]) -> bool:
    """Whether a recipe has methods of its own and none of them had an effect.

    Random sampling and the default source count only if the recipe has no other methods.
    """
    own = [one for one in acts if one["method"] not in COMMON] or acts
    return bool(own) and all(one["count"] == 0 for one in own)


def resting(acts: list[dict[str, Any]]) -> list[str]:
    """The methods that had no effect."""
    return [one["method"] for one in acts if one["count"] == 0]
