"""Model cards: scores, regressions, leakage and settings of one round, in the format of the
Hugging Face Hub (arXiv 1810.03993).
"""

from __future__ import annotations

import json

import polars as pl

from hone.compare.contrast import describe_counts
from hone.data.rounds import made_by
from hone.files import folder_written_whole
from hone.ir.split_names import ONLY_CHOOSE, name_split
from hone.layout import CARDS
from hone.present.markdown import escape_text, format_frame
from tasks.report.leakage import warn_of_leaks
from tasks.report.regressions import describe_open_harm, warn_of_harm
from tasks.report.results import Results
from tasks.report.section import Table
from tasks.report.summary import describe_gain


def write_cards(tables: list[Table], results: Results) -> None:
    """A card for each round.

    Args:
        tables: that the page exports; a card has the rows of its round.
        results: of the loop.
    """
    with folder_written_whole(CARDS) as place:
        for name in results.rounds:
            (place / f"{name}.md").write_text(write_card(name, tables, results), encoding="utf-8")


def write_card(name: str, tables: list[Table], results: Results) -> str:
    """One round's card."""
    line, settings = made_by(results.rounds, name), results.settings
    own = {table.name: (table.title, select_round(table.frame, name)) for table in tables}
    model = settings.model
    exact = f" at {model['revision']}" if model["revision"] else ""
    tokens = f"{model['max_length']:,} tokens" if model["max_length"] else "the model's own length"
    commit, md5 = (
        results.commit or "unknown (no git repository)",
        results.model_hashes.get(name, "unknown"),
    )
    parts = [
        write_header(name, own["scores"][1] if "scores" in own else None, model["name"]),
        f"# {name}, trained by Hone",
        "\n".join(describe_round(name, results)),
        "## Use",
        "```python\nfrom sentence_transformers import SentenceTransformer\n\nmodel = "
        f'SentenceTransformer("models/{name}")\n```',
        f"Texts are truncated at {tokens}. Prompts, if any, are those of the model's own "
        "configuration.",
        "## Training",
        "\n".join(
            [
                f"- Base model: {escape_text(model['name'])}{exact}, seed {settings.seed}.",
                f"- Trained on: {', '.join(map(escape_text, settings.train_on))}.",
                *(
                    f"- {one}: from {results.rounds[one]['from']}, recipe "
                    f"{results.rounds[one]['recipe']}."
                    for one in line
                ),
                f"- Provenance: commit {commit}, MD5 of the model in DVC {md5}.",
                f"- Machine: {results.machine}.",
            ]
        ),
        *(f"## {title}\n\n{format_frame(frame)}" for title, frame in own.values() if len(frame)),
        "## Limitations",
        f"Differences from {results.base} apply to the collections above only. Unlabelled "
        "relevant documents count as non-relevant. "
        "Intervals cover the sampling of queries, not the order of training batches."
        + (f" {ONLY_CHOOSE}" if any(one.generated_dev for one in results.scores) else ""),
        "## Settings of the rounds",
        *(f"### {one}\n\n```json\n{results.recipes[one]}\n```" for one in line),
        "## Packages",
        "```\n"
        + "\n".join(f"{package}=={number}" for package, number in sorted(settings.versions.items()))
        + "\n```",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def describe_round(name: str, results: Results) -> list[str]:
    """The first sentences of a card: scores on each collection, leakage, regressions, and a
    better checkpoint.
    """
    own = [one for one in results.scores if one.name == name and one.base is not None]
    better_before = results.dev_checks[name]["better_before"]
    return [
        *(f"{describe_gain(one)} on {one.collection}. {describe_counts(one.base)}" for one in own),
        *warn_of_leaks(results.leaks),
        *warn_of_harm(results.harms, name),
        *describe_open_harm(results.harms, name),
        *([better_before] if better_before else []),
    ]


def select_round(frame: pl.DataFrame, name: str) -> pl.DataFrame:
    """The rows of a round; all rows of a table without round names."""
    return frame.filter(pl.col("name") == name).drop("name") if "name" in frame.columns else frame


def write_header(name: str, scores: pl.DataFrame | None, base: str) -> str:
    """The metadata of the Hub as YAML (JSON is valid YAML): library, base model and results."""
    measures = ("ndcg_at_10", "mrr_at_10", "map_at_100", "recall_at_100")
    results = [
        {
            "task": {"type": "information-retrieval"},
            "dataset": {
                "name": row["collection"],
                "type": row["collection"],
                "split": name_split(row["split"], row["generated_dev"]),
            },
            "metrics": [{"type": measure, "value": row[measure]} for measure in measures],
        }
        for row in ([] if scores is None else scores.to_dicts())
    ]
    about = {
        "library_name": "sentence-transformers",
        "pipeline_tag": "sentence-similarity",
        "base_model": base,
        "model-index": [{"name": name, "results": results}],
    }
    return "\n".join(
        [
            "---",
            *(f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in about.items()),
            "---",
        ]
    )
