"""clicks: a click log, or OpenSearch's User Behavior Insights, with documents in the layout of
`folder`.

A log has one row for each impression: a document at a position of a query's results, clicked or
not. Labels are pairs with enough clicks, graded by the lower bound of their click rate or
attractiveness. Personal data in queries is replaced before anything is written.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, Literal

import polars as pl
from pydantic import Field

from hone.clicks.position_based import SMOOTHING
from hone.config.params import Split
from hone.data.file_faults import Faults, Faulty
from hone.data.source import DATED, DOCUMENTS, Source
from hone.errors import Refused
from tasks.collect.click_events import rows_of_events
from tasks.collect.click_labels import WeightBy, describe_labels, grade_pairs, labels_of, queries_of
from tasks.collect.click_log import LogFiles, collected, find_log, scan_rows
from tasks.collect.click_models import ClickModel, Propensities, estimate_rates
from tasks.collect.click_rows import RowChecks, SplitBy, tally
from tasks.collect.folder import attempt, filled, read_table, wanted_of

READS_FILES = True
Rate = Annotated[float, Field(gt=0, le=1)]
Count = Annotated[int, Field(ge=1)]
GRADES = [0.05, 0.15, 0.3]
CLICKS, IMPRESSIONS = ["click", "click_through"], ["impression"]  # names in UBI 1.3


def refuse_unfit(parameters: dict[str, Any]) -> None:
    """Raise Refused if the thresholds do not ascend, or a negative would be a positive."""
    grades, negative = parameters["grades"], parameters["negative_below"]
    if sorted(set(grades)) != grades:
        raise Refused(f"`grades` is {grades}. Its thresholds must ascend, such as [0.05, 0.15].")
    if negative is not None and negative > grades[0]:
        raise Refused(
            f"`negative_below` is {negative:g}, above the lowest threshold of `grades` "
            f"({grades[0]:g}). Lower it."
        )


def clicks(
    path: Path,
    what: str | None,
    split: Split,
    *,
    log: str | None = None,
    model: ClickModel = "counts",
    propensities: Propensities = "harvested",
    grades: Annotated[list[Rate], Field(min_length=1)] = GRADES,
    negative_below: Rate | None = None,
    min_clicks: Count = 2,
    min_impressions: Count = 5,
    weights: WeightBy = "confidence",
    split_by: SplitBy = "query",
    scrub: bool = True,
    min_dwell: Annotated[float, Field(gt=0)] | None = None,
    max_session: Count | None = None,
    max_characters: Count = 500,
    first_position: Literal[0, 1] = 1,
    smoothing: Annotated[float, Field(gt=0)] = SMOOTHING,
    click_actions: Annotated[list[str], Field(min_length=1)] = CLICKS,
    impression_actions: list[str] = IMPRESSIONS,
    metadata: list[str] | None = None,
) -> Source:
    """Read documents, and labels from a log with query (or query_id and a queries file), doc_id,
    position, clicked; session, dwell, time.

    The columns after the semicolon are optional. A pair is a query and a document that it showed,
    with n impressions and c clicks. Its bounds are those of a 95 % interval:

        counts          the click rate c / n, with Wilson's interval (1927)
        position-based  the attractiveness alpha in P(click at k) = theta_k alpha, by expectation
                        maximization, with a likelihood-ratio interval (Craswell et al. 2008;
                        Chuklin, Markov and de Rijke 2015). theta_k is the propensity of position k

    The grade of a pair is the number of `grades` that its lower bound reaches. Other pairs are not
    labelled. Queries without a labelled pair stay as queries without a label.

    Args:
        path: the folder with the documents and the log.
        what: the same, as a part of `source`, or null.
        split: fractions of the splits, for `split_by: time`.
        log: the name of the log's files in the folder, such as `log/*.parquet`. Null: `clicks*`,
            `clicks/*` or `ubi_*`. [Hone default]
        model: `counts` ignores positions. `position-based` corrects for them, and needs documents
            that were shown at several positions. [Hone default]
        propensities: `harvested` compares the clicks of documents that were shown at several
            positions (Agarwal et al. 2019). `joint` estimates propensities and attractiveness
            together. It needs many impressions per pair. [Hone default]
        grades: ascending thresholds of the lower bound, for the grades 1, 2, ... [Hone default]
        negative_below: pairs whose upper bound is lower are labelled not relevant (grade 0). Null:
            none, because a document without clicks was often not seen. [Hone default]
        min_clicks: the least number of clicks of a positive. [Hone default]
        min_impressions: the least number of impressions of a labelled pair. [Hone default]
        weights: the weight of a positive in training. `confidence`: lower bound / rate, so pairs
            with few clicks count less. `equal`: 1. [Hone default]
        split_by: `query` divides queries by a hash of the text. `time` takes the last rows for
            test; a query belongs to the split of its first row, and only clicks of that period
            count. [Hone default]
        scrub: replace mail addresses, addresses with credentials, tokens and numbers of 7 or more
            digits in queries. [Hone default]
        min_dwell: clicks with a shorter dwell time (seconds) count as impressions only. Null: all
            clicks count. 30 is usual (Fox et al. 2005). [Hone default]
        max_session: sessions with more rows are removed, such as those of crawlers. Null: none.
            [Hone default]
        max_characters: longer queries are removed. [Hone default]
        first_position: the number of the first position in the log. [Hone default]
        smoothing: the strength of the prior of the position-based model, in impressions. [Hone
            default]
        click_actions: actions of UBI that are clicks. [Hone default]
        impression_actions: actions of UBI that are impressions. Without such events, the documents
            that a search returned were shown. [Hone default]
        metadata: columns of documents to keep as metadata. Null: all. [Hone default]

    Raises:
        Refused: a file is missing, unreadable, or lacks a column. All errors are reported at once.
    """
    folder, faults = Path(what) if what else path, Faults()
    documents = attempt(faults, "documents", read_table, folder, "documents", faults)
    files = attempt(faults, "log", find_log, folder, log)
    if documents is None or files is None:
        raise Faulty(faults, None)
    known = attempt(faults, "metadata", wanted_of, documents, metadata)
    table = filled(documents, DOCUMENTS | DATED)
    checks = RowChecks(
        split_by=split_by,
        split=split,
        first_position=first_position,
        needs_position=model == "position-based",
        min_dwell=min_dwell,
        max_session=max_session,
        max_characters=max_characters,
        scrub=scrub,
    )
    with TemporaryDirectory(prefix="hone-clicks-") as scratch:
        if files.events:
            rows, more = rows_of_events(
                files, Path(scratch), faults, click_actions, impression_actions, first_position
            )
        else:
            rows, more = scan_rows(files.rows, Path(scratch), faults), {}
            rows = with_queries(folder, rows, files, faults)
        if faults:
            raise Faulty(faults, None)
        ids = pl.concat([table["doc_id"], table["parent_id"]]).drop_nulls().unique()
        tallied = tally(rows, ids, checks, files.all)
    rates = estimate_rates(tallied.shown, model, propensities, smoothing)
    pairs = grade_pairs(rates.pairs, grades, negative_below, min_clicks, min_impressions)
    return Source(
        documents=table,
        queries=queries_of(tallied.queries, files.all[0]),
        qrels=labels_of(pairs, tallied.queries, weights, files.all[0]),
        metadata=known,
        counts={"missing_titles": table["title"].null_count(), **tallied.counts, **more},
        removed=tallied.removed,
        clicks=pairs,
        traffic=tallied.traffic,
        about={"scrubbed": tallied.scrubbed, **rates.about},
        notes=(describe_labels(tallied, pairs), *rates.notes),
    )


def with_queries(folder: Path, rows: pl.LazyFrame, files: LogFiles, faults: Faults) -> pl.LazyFrame:
    """The rows with the text of each `query_id`, if the log has no texts."""
    for column, is_needed in (("query", False), ("query_id", True)):
        some = rows.filter(pl.col(column).is_not_null()).select(column).head(1)
        if faults or bool(len(collected(some, files.all))) != is_needed:
            return rows
    given = attempt(faults, "queries", read_table, folder, "queries", faults)
    if given is None:
        return rows
    known = given.rows.select("query_id", "text").drop_nulls().unique("query_id", keep="first")
    joined = rows.drop("query").join(known.lazy(), on="query_id", how="left")
    return joined.rename({"text": "query"})
