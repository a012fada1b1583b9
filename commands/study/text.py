"""A study's result as sentences and tables: on the screen, in Markdown and in Parquet."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from commands.study.conclusions import headline, resting, verdict, warnings
from commands.study.cost import PAIRS, TEXTS, Reading, round_of
from commands.study.design import Question
from commands.study.results import MEASURE, RECALL, ArmRound, ByArm, Known, Result
from commands.study.trial_results import TrialFile
from hone.layout import BASE
from hone.present.markdown import escape_text, format_texts
from hone.present.number_format import (
    count,
    format_change,
    format_detectable,
    format_p,
    score,
    share,
)

ARM_COLUMNS = (
    "arm",
    "nDCG@10",
    "95 %",
    "recall@100",
    "change from base",
    "updates",
    "held-out positives among negatives",
    "time of one trial",
)
CONTRAST_COLUMNS = (
    "contrast",
    "difference",
    "95 %",
    "p (Holm)",
    "minimum detectable effect",
    "verdict",
)
OLDER_SENTENCE = (
    "These trials ran with older code. Their results are not in the other tables and contrasts. "
    "Use --refresh to run those without a "
    "result from the current code."
)
OLDER_COLUMNS = ("trial", "collection", "nDCG@10", "code", "written")
COST_COLUMNS = (
    "arm",
    "texts read",
    "newly encoded",
    "pairs by cross-encoders",
    "pairs judged by LLMs",
    "by free judges",
    "queries",
    "training negatives",
    "removed",
    "effects of methods",
)


def sentences(
    question: Question, result: Result, protocol: dict[str, list[str]], left: list[str]
) -> list[str]:
    """The answer, its scope, and its warnings.

    Args:
        question: the question of the study.
        result: its result on one collection.
        protocol: training settings in which each arm differs from params.yaml.
        left: names of unfinished trials.
    """
    texts = [headline(result), about(question, result), *warnings(question, result, left)]
    return texts + [
        f"{arm} differs from params.yaml: {'; '.join(settings)}."
        for arm, settings in protocol.items()
        if settings
    ]


def about(question: Question, result: Result) -> str:
    rounds = count(question.rounds, "round")
    first = f" after a shared first round of {question.first}" if question.first else ""
    contrasts = count(len(question.contrasts), "contrast")
    return (
        f"nDCG@10 on {result.queries:,} {result.split} queries of {result.collection}; {rounds} "
        f"of each recipe{first}. The 95 % "
        f"intervals are over queries and seeds. {contrasts} with Holm-adjusted p. Other "
        "differences are shown without a test."
    )


def ranked(result: Result) -> list[ArmRound]:
    """Arms after their last round, the best first and inactive ones last."""
    return sorted(result.last, key=lambda one: (one.inactive, -one.measures[MEASURE].mean))


def arm_rows(result: Result) -> list[tuple[str, ...]]:
    from commands.console import spell

    base = result.base[MEASURE]
    rows = [
        (
            one.arm + (" (inactive)" if one.inactive else ""),
            score(one.measures[MEASURE].mean),
            level(one.measures[MEASURE]),
            within(one.measures[RECALL]),
            f"{format_change(one.against[BASE].mean, 4)} ({span(one.against[BASE])})",
            f"{one.updates:g}",
            f"{share(one.hidden_share)} of {one.negatives:,}",
            spell(one.cost) if one.cost is not None else "–",
        )
        for one in ranked(result)
    ]
    return [
        *rows,
        (
            f"{BASE} (base model{f' of {result.base_arm}' if result.base_arm else ''})",
            score(base.mean),
            level(base),
            within(result.base[RECALL]),
            "",
            "0",
            "",
            "",
        ),
    ]


def control_rows(result: Result) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Columns and rows: each arm's difference from each control, without a test."""
    controls = list(
        dict.fromkeys(name for one in result.last for name in one.against if name != BASE)
    )
    rows = [
        (
            one.arm,
            *(
                f"{format_change(own.mean, 4)} ({span(own)})" if own else ""
                for own in map(one.against.get, controls)
            ),
        )
        for one in ranked(result)
    ]
    return ("arm", *(f"change from {name}" for name in controls)), rows if controls else []


def cost_rows(result: Result) -> list[tuple[str, ...]]:
    return [
        (
            one.arm,
            counted(one.texts),
            counted(one.encoded),
            counted(one.pairs),
            counted(one.judged),
            counted(one.judged_free),
            attrition(one),
            f"{one.negatives:,}",
            ", ".join(f"{rule} {number:,}" for rule, number in one.removed.items()) or "nothing",
            acts(one),
        )
        for one in ranked(result)
    ]


def counted(number: float | None) -> str:
    """A number; a dash if it was not counted."""
    return "–" if number is None else f"{number:,.0f}"


def attrition(one: ArmRound) -> str:
    """Counts of the training queries of one seed: dropped, short of negatives, filled up."""
    if one.queries is None:
        return "–"
    filled = f", {one.filled:,.3g} filled up" if one.filled else ""
    return f"{one.left:,.3g} of {one.queries:,.0f} queries dropped, {one.short:,.3g} short{filled}"


def time_rows(result: Result) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Columns and rows: seconds for all rounds of one trial of each arm, by kind of stage."""
    from commands.console import spell

    known = [one for one in ranked(result) if one.seconds]
    kinds = list(dict.fromkeys(kind for one in known for kind in one.seconds))
    rows = [
        (
            one.arm,
            *(f"{one.seconds[kind]:,.1f}" if kind in one.seconds else "–" for kind in kinds),
            spell(one.cost),
        )
        for one in known
    ]
    return ("arm", *kinds, "all"), rows


def acts(one: ArmRound) -> str:
    """The number of effects of each method of the recipe."""
    return "; ".join(
        f"{act['method']}: {act['did']}"
        + (f" {act['count']:,}" if act["count"] is not None else "")
        for act in one.acts
    )


def contrast_rows(result: Result) -> list[tuple[str, ...]]:
    never = resting(result)
    return [
        (
            f"{one.other} − {one.one}",
            *(figures(one.difference) if one.difference else ("",) * 4),
            verdict(one, never)[0],
        )
        for one in result.contrasts
    ]


def figures(found: Known) -> tuple[str, ...]:
    """Difference, interval, p, and the minimum detectable effect."""
    return (
        format_change(found.mean, 4),
        span(found),
        format_p(found.p),
        format_detectable(found.least) if found.least else "–",
    )


def span(found: Known) -> str:
    return f"{format_change(found.low, 4)} to {format_change(found.high, 4)}"


def level(found: Known) -> str:
    return f"{score(found.low)} to {score(found.high)}"


def within(found: Known) -> str:
    """A mean with its interval in one cell."""
    return f"{score(found.mean)} ({level(found)})"


def tables(result: Result) -> list[tuple[str, tuple[str, ...], list[tuple[str, ...]]]]:
    """Title, columns and rows of each table."""
    (controls, against), (kinds, seconds) = control_rows(result), time_rows(result)
    return [
        ("Arms after their last round", ARM_COLUMNS, arm_rows(result)),
        ("Contrasts", CONTRAST_COLUMNS, contrast_rows(result)),
        ("Compared with the controls", controls, against),
        ("Work and cost", COST_COLUMNS, cost_rows(result)),
        ("Seconds of one trial, by stage", kinds, seconds),
    ]


def markdown(
    name: str,
    question: Question,
    reported: list[tuple[Result, list[str]]],
    limits: Sequence[str] = (),
    command: str = "",
    older: list[tuple[str, ...]] | None = None,
) -> str:
    """The whole study as a Markdown document.

    Args:
        name: the name of the study.
        question: its question.
        reported: the result on each collection, with its sentences.
        limits: sentences on its scope and limits.
        command: the command that resumes it.
        older: rows of results from older code.
    """
    parts = [
        f"# {escape_text(question.question)}",
        escape_text(f"Study {name}." + (f" {question.source}" if question.source else "")),
    ]
    if question.expected:
        parts.append(escape_text(f"Expected from the literature: {question.expected}"))
    for result, texts in reported:
        parts += [
            f"## {escape_text(result.collection)}",
            "\n".join(f"- {escape_text(sentence)}" for sentence in texts),
        ]
        parts += [
            f"### {title}\n\n{format_texts(columns, rows)}"
            for title, columns, rows in tables(result)
            if rows
        ]
    if older:
        parts.append(
            "## Results from older "
            f"code\n\n{OLDER_SENTENCE}\n\n{format_texts(OLDER_COLUMNS, older)}"
        )
    if limits:
        parts += [
            "## Scope and limits",
            "\n".join(f"- {escape_text(sentence)}" for sentence in limits),
        ]
    if command:
        parts.append(
            f"Run the missing trials, or add seeds, with the same command:\n\n    {command}"
        )
    return "\n\n".join(parts) + "\n"


def older_rows(older: dict[str, list[TrialFile]], question: Question) -> list[tuple[str, ...]]:
    """A row for each result from older code and each collection: nDCG@10 after the last round."""
    return [
        (
            name,
            collection,
            score(float(rows[MEASURE].mean())),
            file.fingerprints.code[:8],
            file.facts["written"],
        )
        for name, files in older.items()
        for file in files
        for found in [file.read()]
        for collection in found.facts["leakage"]
        if question.collection in (None, collection)
        for rows in [found.measured(list(found.facts["rounds"])[-1], collection, question.split)]
        if len(rows)
    ]


def arms_table(results: list[Result]) -> pl.DataFrame:
    """A row for each collection, arm and round, for programs."""
    rows = [
        {
            "collection": result.collection,
            "split": result.split,
            "arm": one.arm,
            "round": one.round,
            "recipe": one.recipe,
            "seeds": one.seeds,
            **{
                f"{measure}{end}": getattr(one.measures[measure], part)
                for measure in (MEASURE, RECALL)
                for end, part in (("", "mean"), ("_low", "low"), ("_high", "high"))
            },
            "updates": one.updates,
            "queries": one.queries,
            "queries_left": one.left,
            "queries_short": one.short,
            "queries_filled": one.filled,
            "negatives": one.negatives,
            "hidden": one.hidden,
            "texts": one.texts,
            "encoded": one.encoded,
            "pairs": one.pairs,
            "scored": one.scored,
            "judged": one.judged,
            "judged_free": one.judged_free,
            "seconds": one.cost,
            "inactive": one.inactive,
        }
        for result in results
        for one in result.rounds
    ]
    return pl.DataFrame(rows)


def times_table(by_arm: ByArm) -> pl.DataFrame:
    """A row for each stage of each trial's rounds, with its cost when it ran, in this or another
    trial.

    Returns:
        arm, seed, round, stage, `ran` (in this trial), seconds, requested texts and pairs, and how
        many of these were not in the cache (encoded, scored); null if not measured.
    """
    rows = [
        (
            name,
            trial.facts["seed"],
            round_of(stage),
            stage,
            item["ran"],
            item["seconds"],
            requested(item, TEXTS),
            item.get("encoded"),
            requested(item, PAIRS),
            item.get("scored"),
        )
        for name, trials in by_arm.items()
        for trial in trials
        for stage, item in trial.stages.items()
    ]
    schema = {
        "arm": pl.String,
        "seed": pl.Int32,
        "round": pl.String,
        "stage": pl.String,
        "ran": pl.Boolean,
        "seconds": pl.Float64,
    }
    return pl.DataFrame(
        rows,
        schema=schema | dict.fromkeys(("texts", "encoded", "pairs", "scored"), pl.Int64),
        orient="row",
    )


def requested(stage: dict, what: Reading) -> int | None:
    """Texts or pairs that a stage requested; null if not counted."""
    return None if stage.get(what.wanted) is None else sum(stage[what.wanted].values())


def contrasts_table(results: list[Result]) -> pl.DataFrame:
    """A row for each collection and contrast."""
    fields = ("mean", "low", "high", "p", "least", "seeds")
    rows = [
        {"collection": result.collection, "one": one.one, "other": one.other}
        | {field: getattr(one.difference, field) if one.difference else None for field in fields}
        for result in results
        for one in result.contrasts
    ]
    schema = (
        {"collection": pl.String, "one": pl.String, "other": pl.String}
        | dict.fromkeys(fields, pl.Float64)
        | {"seeds": pl.Int64}
    )
    return pl.DataFrame(rows, schema=schema)
