"""Model cards: all that the page knows of one round's model, as the Hub reads it (Mitchell et al. 2019, arXiv 1810.03993)."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl

from hone.data.rounds import made_by
from hone.files import folder_written_whole
from hone.present.markdown import escape_text, format_frame
from tasks.report.export_tables import TITLES

CARDS = Path("reports/cards")


def write_cards(tables: dict[str, pl.DataFrame], rounds: dict[str, dict], base: str, told: dict, settings: dict) -> None:
    """A card for each round.

    Args:
        tables: as `flat` gives them.
        rounds: {name: {"from": .., "recipe": ..}}.
        base: what rounds are held against.
        told: commit, machine, the DVC hash of each model, the settings of each round, and of each the sentences on top.
        settings: of the stage: model, seed, train_on, evaluate_on, versions.
    """
    with folder_written_whole(CARDS) as place:
        for name in rounds:
            (place / f"{name}.md").write_text(card(name, tables, rounds, base, told, settings), encoding="utf-8")


def card(name: str, tables: dict[str, pl.DataFrame], rounds: dict[str, dict], base: str, told: dict, settings: dict) -> str:
    """One round's card."""
    line = made_by(rounds, name)
    own = {title: of_round(frame, name) for title, frame in tables.items()}
    model = settings["model"]
    exact = f" at {model['revision']}" if model["revision"] else ""
    tokens = f"{model['max_length']:,} tokens" if model["max_length"] else "the model's own length"
    origin = f"commit {told['commit'] or 'unknown (no git repository)'}, MD5 of the model in DVC {told['models'].get(name, 'unknown')}"
    parts = [
        header(name, own.get("scores"), model["name"]),
        f"# {name}, trained by Hone",
        "\n".join(told["sentences"][name]),
        "## Use",
        f'```python\nfrom sentence_transformers import SentenceTransformer\n\nmodel = SentenceTransformer("models/{name}")\n```',
        f"Texts are cut at {tokens}. Prompts are those of its own configuration, if it has some.",
        "## Made of",
        "\n".join(
            [
                f"- Base model: {escape_text(model['name'])}{exact}, seed {settings['seed']}.",
                f"- Trained on: {', '.join(map(escape_text, settings['train_on']))}.",
                *(f"- {one}: from {rounds[one]['from']}, recipe {rounds[one]['recipe']}." for one in line),
                f"- Origin: {origin}.",
                f"- Machine: {told['machine']}.",
            ]
        ),
        *(f"## {TITLES[title]}\n\n{format_frame(frame)}" for title, frame in own.items() if len(frame)),
        "## What it cannot tell",
        f"Differences are against {base} on the collections above and say nothing of others. Right answers that nobody has labelled "
        "count as wrong ones. Intervals are over queries, for one draw of batches.",
        "## Settings of its rounds",
        *(f"### {one}\n\n```json\n{told['recipes'][one]}\n```" for one in line),
        "## Packages",
        "```\n" + "\n".join(f"{package}=={number}" for package, number in sorted(settings["versions"].items())) + "\n```",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def of_round(frame: pl.DataFrame, name: str) -> pl.DataFrame:
    """The rows of a table that are about a round; all of one that is about none."""
    return frame.filter(pl.col("name") == name).drop("name") if "name" in frame.columns else frame


def header(name: str, scores: pl.DataFrame | None, base: str) -> str:
    """What the Hub reads, as YAML (JSON is YAML): library, base model and results."""
    measures = ("ndcg_at_10", "mrr_at_10", "map_at_100", "recall_at_100")
    results = [
        {
            "task": {"type": "information-retrieval"},
            "dataset": {"name": row["collection"], "type": row["collection"], "split": row["split"]},
            "metrics": [{"type": measure, "value": row[measure]} for measure in measures],
        }
        for row in ([] if scores is None else scores.to_dicts())
    ]
    about = {
        "library_name": "sentence-transformers", "pipeline_tag": "sentence-similarity", "base_model": base,
        "model-index": [{"name": name, "results": results}],
    }  # fmt: skip
    return "\n".join(["---", *(f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in about.items()), "---"])
