"""Where a project keeps what, relative to its folder, and the names that every table and round share."""

from __future__ import annotations

from pathlib import Path

BASE = "r0"  # the round before the first: the model as it comes
PAIR = ["query_id", "doc_id"]  # the columns that name a pair in every table

INPUTS = Path("inputs")  # a user's own files, which DVC watches
DATA = Path("data")  # <collection>: its documents, and queries and labels of each split
ROUNDS = Path("rounds")  # <round>: its tables
MODELS = Path("models")  # <round>
RANKERS = Path("rankers")  # <round>: its cross-encoder
REPORTS = Path("reports")  # small results, which git keeps
RESOLVED = Path("resolved")  # what each stage will do, as `resolve` writes it
LEAKAGE = REPORTS / "leakage"  # <collection>.json: what training sees of its test and dev queries
DRIFT = REPORTS / "drift.json"  # what later models make of earlier negatives
