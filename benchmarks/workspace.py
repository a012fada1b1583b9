"""A separate workspace for a benchmark: the bundled dataset, collected, and an empty cache."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import yaml

from hone.layout import INPUTS

PROJECT = Path(__file__).parent.parent
TRAIN_QUERIES = 1500  # as in docs/explanation/benchmarks.md, whatever params.yaml says


@contextmanager
def workspace(**sections: object) -> Iterator[Path]:
    """The project's params.yaml with `sections` replaced, resolved, collected and started, as
    the current folder.
    """
    from tests.stages import base, collect, resolve, start

    before, home = Path.cwd(), os.environ.get("HONE_HOME")
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        os.environ["HONE_HOME"] = str(Path(folder) / "home")
        try:
            given = yaml.safe_load((PROJECT / "params.yaml").read_text())
            for collection in given["collections"].values():
                collection["train_queries"] = TRAIN_QUERIES
            Path("params.yaml").write_text(yaml.safe_dump(given | sections, sort_keys=False))
            INPUTS.mkdir()
            shutil.copytree(PROJECT / "recipes", "recipes")
            shutil.copy(PROJECT / "requirements.txt", "requirements.txt")
            resolve()
            for name in given["collections"]:
                collect(name)
            base()
            start()
            yield Path(folder)
        finally:
            os.chdir(before)
            if home is None:
                del os.environ["HONE_HOME"]
            else:
                os.environ["HONE_HOME"] = home


def precision(wanted: str) -> dict:
    """The project's section `model` at a precision."""
    return yaml.safe_load((PROJECT / "params.yaml").read_text())["model"] | {"precision": wanted}


def documents() -> pl.DataFrame:
    """doc_id and text of the collection."""
    return pl.read_parquet("data/python-api/documents.parquet", columns=["doc_id", "text"])


def questions(split: str) -> pl.DataFrame:
    """query_id, query, doc_id and positive of each labelled pair of a split."""
    queries = pl.read_parquet(f"data/python-api/{split}/queries.parquet").select(
        "query_id", query="text"
    )
    qrels = pl.read_parquet(f"data/python-api/{split}/qrels.parquet").select("query_id", "doc_id")
    return queries.join(qrels, on="query_id", maintain_order="left").join(
        documents().rename({"text": "positive"}), on="doc_id", maintain_order="left"
    )
