"""Paths of a project, relative to its folder, and names that all tables and rounds share."""

from __future__ import annotations

from pathlib import Path

BASE = "r0"  # the round before the first: the base model
PAIR = ["query_id", "doc_id"]  # the columns that identify a pair in every table

INPUTS = Path("inputs")  # the user's own files, which DVC tracks
DATA = Path("data")  # <collection>: documents, and queries and labels of each split
GENERATED = Path("generated")  # <collection>: generated queries and documents, and a dev split
ROUNDS = Path("rounds")  # <round>: its tables
MODELS = Path("models")  # <round>
RANKERS = Path("rankers")  # <round>: its cross-encoder
REPORTS = Path("reports")  # small results, tracked by git
RESOLVED = Path("resolved")  # the settings of each stage, written by `resolve`

LABELS_MADE_HERE = INPUTS / "labels"  # human decisions and judge measurements, tracked by git
BASE_MODEL = MODELS / BASE
TRAINING_LIST = (
    ROUNDS / BASE / "training.json"
)  # the training collections with the hashes of their tables
ADMITTED = ROUNDS / "admitted.json"  # written when the leakage gate passes

LEAKAGE = (
    REPORTS / "leakage"
)  # <collection>.json: overlap of its test and dev queries with the training data
DRIFT = REPORTS / "drift.json"  # how later models rank earlier negatives
METRICS = REPORTS / "metrics"  # <model>/<collection>.json: means
QUERY_VALUES = REPORTS / "queries"  # <model>/<collection>.parquet: the measures of each query
RUNS = REPORTS / "runs"  # <model>/<collection>.trec: the rankings
MLFLOW_RUNS = REPORTS / "mlflow"  # <round>.json: the MLflow run of each round
MLFLOW_LOOP = MLFLOW_RUNS / "loop.json"  # their parent run
STUDIES = REPORTS / "studies"  # <study>: its results
FILTERS = REPORTS / "filters"  # <round>-<collection>: filters compared by training
CARDS = REPORTS / "cards"  # <round>.md: model cards
PLOTS = REPORTS / "plots"  # tables for `dvc plots`
REPORT_TABLES = REPORTS / "tables"  # the tables of the report
REPORT_PAGE = REPORTS / "index.html"
REPORT_TEXT = REPORTS / "report.md"
VERDICT = REPORTS / "verdict.json"  # whether to use a round, and the lines that say why


def collection_table(collection: str, table: str, split: str | None = None) -> Path:
    """A table of a collection (`documents`, `metadata`, `dates`, `hidden`, `clicks`) or of a split
    (`queries`, `qrels`, `ranked`, `traffic`).
    """
    return (DATA / collection / split if split else DATA / collection) / f"{table}.parquet"


def generated_table(collection: str, table: str, split: str | None = None) -> Path:
    """A table of what was generated for a collection: `queries`, `qrels`, `documents`, `removed`;
    of the split dev, `queries` and `qrels`.
    """
    folder = GENERATED / collection
    return (folder / split if split else folder) / f"{table}.parquet"


def generation_account(collection: str) -> Path:
    """The counts and the cost of what was generated for a collection."""
    return GENERATED / collection / "generate.json"


def about_file(collection: str) -> Path:
    """Where a collection comes from, and the number of its rows."""
    return DATA / collection / "about.json"


def round_table(round: str, table: str) -> Path:
    """A table of a round: `candidates`, `scores`, `negatives`, `labels`, `judgments` or
    `trained`.
    """
    return ROUNDS / round / f"{table}.parquet"


def removed_table(round: str, stage: str) -> Path:
    """The pairs and queries that a stage of a round removed, each with its filter."""
    return ROUNDS / round / "removed" / f"{stage}.parquet"


def round_account(round: str, name: str) -> Path:
    """The counts of a round's `sample` or `relabel` stage, or its `dev_checks`."""
    return ROUNDS / round / f"{name}.json"


def is_trained(round: str) -> bool:
    """Whether a round, or r0, has a model."""
    return (MODELS / round / "modules.json").exists()


def settings_file(stage: str) -> Path:
    """The settings of a stage, by its path below resolved/, such as "drift" or "collect/ours"."""
    return RESOLVED / f"{stage}.json"


def settings_files(pattern: str) -> list[Path]:
    """The settings of the stages whose path matches a pattern, such as "rounds/*/score", sorted."""
    return sorted(RESOLVED.glob(f"{pattern}.json"))


def leakage_file(collection: str) -> Path:
    """The overlap of a collection's test and dev queries with the training data."""
    return LEAKAGE / f"{collection}.json"


def mlflow_run_file(round: str) -> Path:
    """The MLflow run of a round."""
    return MLFLOW_RUNS / f"{round}.json"


def metrics_file(name: str, collection: str) -> Path:
    """The mean measures of a round or reference on a collection."""
    return METRICS / name / f"{collection}.json"


def query_values_file(name: str, collection: str) -> Path:
    """The measures of each query of a round or reference on a collection."""
    return QUERY_VALUES / name / f"{collection}.parquet"


def trial_folder(study: str) -> Path:
    """The files of a study's finished trials. A pattern, such as `*`, stands for all studies."""
    return STUDIES / study / "trials"


def contrasts_file(study: str) -> Path:
    """When the contrasts of a study were named."""
    return STUDIES / study / "contrasts.json"


def run_file(name: str, collection: str) -> Path:
    """The TREC run file of a round or reference on a collection."""
    return RUNS / name / f"{collection}.trec"
