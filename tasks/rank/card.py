"""The ranker's model card: base model, recipe, data, and its effect on the encoder's dev
rankings.
"""

from __future__ import annotations

from tasks.rank.settings import RankSettings


def section(settings: RankSettings, about: dict) -> str:
    """The part of README.md that the loop writes.

    Args:
        settings: settings of the stage.
        about: content of ranker.json.
    """
    rank = settings.rank
    head = "its own head" if about["ranked_before"] else "a new head of one score"
    lines = [
        f"## Trained by Hone, round {settings.round}",
        "",
        "A cross-encoder: it reads a query and a document together. The sigmoid of its output is "
        "between 0 and 1 but is not a calibrated",
        f"probability: it was trained with {rank.negatives + rank.random} negatives for each "
        "positive.",
        "",
        f"- **From:** {about['from']}, with {head}.",
        f"- **Recipe:** {settings.recipe}; candidates of {settings.parent}'s model and labelled "
        "positives.",
        f"- **Pairs:** {about['positives']:,} labelled positives and {about['negatives']:,} "
        "negatives without a relevance "
        f"judgment: for each positive {rank.negatives} candidates (drawn: {rank.draw}) and "
        f"{rank.random} random documents of the "
        f"collection, for {about['queries']:,} queries. False negatives among them are label "
        "noise.",
        f"- **Training:** binary cross-entropy, {about['steps']:,} steps of {rank.batch} pairs of "
        f"at most {about['max_length']} tokens, "
        f"learning rate {rank.learning_rate}, {rank.precision}, seed {settings.seed}.",
        "",
        *table(about["dev"], settings.parent),
    ]
    return "\n".join(lines)


def table(dev: dict[str, dict], encoder: str) -> list[str]:
    """nDCG@10 before and after reranking, for each collection."""
    if not dev:
        return ["No training collection has dev queries, so the ranker was not evaluated."]
    rows = [
        f"| {name} | {found['queries']:,} | {found['depth']} | {found['before']:.4f} | "
        f"{found['after']:.4f} | {found['better']:,} | "
        f"{found['worse']:,} |"
        for name, found in dev.items()
    ]
    return [
        f"nDCG@10 of the documents that {encoder} retrieves for dev queries, in its order "
        "(before) and reranked by this model (after):",
        "",
        "| collection | queries | depth | before | after | queries better | worse |",
        "|---|---|---|---|---|---|---|",
        *rows,
    ]
