"""Where every figure of the page comes from: the files of each section, the command that makes them, and DVC's hashes."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from hone.present.provenance import lock_entries

# What the page reads; what else DVC knows (the page itself, plots) comes from it.
READ = ("data/", "models/", "rounds/", "reports/drift.json", "reports/leakage", "reports/metrics/", "reports/queries/", "reports/runs/")


@dataclass(frozen=True)
class Source:
    """Of one section: files, the command that makes them, and one that shows more; null where there is none."""

    files: tuple[str, ...]
    command: str
    look: str | None = None


@dataclass(frozen=True)
class Sources:
    """Of the whole page.

    Attributes:
        of: by the section's id.
        rows: path, command and MD5 of every output of DVC that the page was made of.
    """

    of: dict[str, Source]
    rows: list[dict[str, str]]


def sources(base: str, shown: str, negative: tuple[str, str, str] | None) -> Sources:
    """What stands beside the sections.

    Args:
        base, shown: rounds that commands name.
        negative: a round, and the ids of a query and of one of its negatives there; null where nothing was mined.
    """
    why = shlex.join(["hone", "why", *negative[1:], "--round", negative[0]]) if negative else None
    compare = f"hone compare {base} {shown}" if base != shown else None
    mined = ("rounds/*/candidates.parquet", "rounds/*/negatives.parquet", "rounds/*/removed/sample.parquet")
    kinds = f"{compare} --by difficulty" if compare else None
    queries, runs = "reports/queries/*/*.parquet", "reports/runs/*/*.trec"
    of = {
        "rounds": Source(("params.yaml", "recipes/*.yaml", "resolved/report.json"), "dvc repro resolve", "hone recipes show NAME"),
        "candidates": Source(mined, "dvc repro sample", why),
        "judges": Source(("rounds/*/relabel.json", "rounds/*/judgments.parquet"), "dvc repro relabel", "hone judgments"),
        "loss": Source(("rounds/*/trained.parquet", "rounds/*/dev_checks.json"), "dvc repro train"),
        "churn": Source(("rounds/*/negatives.parquet",), "dvc repro sample"),
        "examples": Source(("rounds/*/labels.parquet", "data/*/documents.parquet"), "dvc repro relabel", why),
        "scores": Source((queries, runs, "reports/metrics/*/*.json"), "dvc repro evaluate evaluate-reference", compare),
        "kinds": Source((queries, "reports/runs/bm25/*.trec", "data/*"), "dvc repro evaluate", kinds),
        "hurt": Source((queries,), "dvc repro evaluate evaluate-reference", compare),
        "queries": Source((queries, "data/*/test/queries.parquet"), "dvc repro evaluate evaluate-reference", compare),
        "flips": Source((queries, runs, "data/*/test/queries.parquet"), "dvc repro evaluate", compare),
        "drift": Source(("reports/drift.json", "reports/metrics/*/*.json"), "dvc repro drift"),
        "holes": Source((runs, "data/*/test/qrels.parquet"), "dvc repro evaluate evaluate-reference", compare),
        "leakage": Source(("reports/leakage/*.json",), "dvc repro leakage", "hone audit COLLECTION"),
        "hidden": Source(("data/*/hidden.parquet", "rounds/*/negatives.parquet", "rounds/*/removed/sample.parquet"), "dvc repro sample",
                         f"hone bench-labels {shown}" if base != shown else None),
    }  # fmt: skip
    return Sources(of, [row for row in lock_entries() if row["path"].startswith(READ)])
