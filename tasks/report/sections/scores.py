"""scores: every measure of every reference and round, by collection, by query slice, and over
all collections.
"""

from __future__ import annotations

from typing import Any

from hone.compare.by_stratum import count_contrasts
from hone.compare.contrast import list_contrasts
from hone.ir.split_names import ONLY_CHOOSE
from hone.stats.bootstrap import DRAWS
from tasks.report import metrics
from tasks.report.commands import write_compare
from tasks.report.export_tables import flatten_contrast, flatten_score
from tasks.report.figures import draw_differences, draw_scores
from tasks.report.results import Results
from tasks.report.section import Part, Section, Source, Table
from tasks.report.summary import describe_power

QUERIES = "reports/queries/*/*.parquet"
FILES = (QUERIES, "reports/runs/*/*.trec", "reports/metrics/*/*.json")
FILES_OF_KINDS = (QUERIES, "reports/runs/bm25/*.trec", "data/*")


def collect(results: Results) -> dict[str, Any]:
    scores, names = results.scores, results.collections
    rounds = [one for one in scores if one.name in results.rounds]
    compare_kinds = write_compare(results, "--slice", "difficulty")
    return {
        "by_collection": {
            name: [score for score in scores if score.collection == name] for name in names
        },
        "detectable": {
            name: describe_power([one for one in rounds if one.collection == name])
            for name in names
        },
        "by_mteb": results.mteb,
        "own_dropped": {name: metrics.read_removed_documents(name, scores) for name in names},
        "spaces": results.geometry,
        "by_kind": {
            name: {
                "rows": [one for one in results.levels if one.collection == name],
                "sentences": results.hidden_losses[name],
                "left_out": results.slices[name].left_out,
            }
            for name in names
        },
        "kind_contrasts": count_contrasts(results.levels),
        "source_of_kinds": Source(FILES_OF_KINDS, "dvc repro evaluate", compare_kinds),
        "abilities": results.suite_scores,
        "overall": results.overall,
        "contrasts": sum(one.p is not None for score in scores for one in list_contrasts(score)),
        "draws": DRAWS,
        "only_choose": ONLY_CHOOSE,
    }


def trace(results: Results) -> Source:
    return Source(FILES, "dvc repro evaluate evaluate-reference", write_compare(results))


def draw(results: Results) -> dict[str, dict]:
    return {
        "scores": draw_scores(results.scores, results.rounds),
        "differences": draw_differences(results.scores, results.base),
    }


def export(results: Results) -> list[Table]:
    contrasts = [
        {"name": one.name, "collection": one.collection, **flatten_contrast(against)}
        for one in results.scores
        for against in list_contrasts(one)
    ]
    kinds = [
        {
            "collection": one.collection,
            "stratum": one.stratum,
            "level": one.level,
            "level_queries": one.queries,
            "name": inside.name,
            "base_ndcg_at_10": one.base,
            "ndcg_at_10": inside.mean,
            **flatten_contrast(inside.against),
        }
        for one in results.levels
        for inside in one.rounds
    ]
    suites = [
        {
            "collection": one.collection,
            "name": one.name,
            "measure": one.own.measure,
            "chance": one.own.chance,
            **{part: getattr(one.own.found, part) for part in ("estimate", "low", "high", "count")},
            "difference": one.difference and one.difference.mean,
            "difference_low": one.difference and one.difference.low,
            "difference_high": one.difference and one.difference.high,
            "p": one.p,
        }
        for one in results.suite_scores
    ]
    mteb = [
        {"collection": collection, "name": name, "measure": measure, "value": value}
        for collection, own in results.mteb.items()
        for name, measure, value in own
    ]
    vectors = [
        {"collection": collection, **row}
        for collection, own in results.geometry.items()
        for row in own
    ]
    overall = [
        {"name": one.name, "mean_ndcg_at_10": one.mean, "borda": one.borda}
        for one in results.overall
    ]
    return [
        Table("scores", "Scores", 10, [flatten_score(one) for one in results.scores]),
        Table(
            "contrasts",
            "Differences in nDCG@10 with 95 % intervals and Holm-adjusted p",
            20,
            contrasts,
        ),
        Table("kinds", "nDCG@10 by query slice", 40, kinds),
        Table("suites", "Diagnostic sets", 50, suites),
        Table("mteb", "Scores by mteb's own scorer", 60, mteb),
        Table("vectors", "Embedding geometry", 70, vectors),
        Table("overall", "Mean over collections", 80, overall),
    ]


SECTION = Section(
    "scores",
    "Scores by round",
    Part.EVIDENCE,
    10,
    collect,
    link="scores",
    source=trace,
    figures=draw,
    tables=export,
)
