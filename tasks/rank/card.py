"""The ranker's card: from what, by which recipe, on what, and what it makes of the encoder's dev rankings."""

from __future__ import annotations

from tasks.rank.settings import RankSettings


def section(settings: RankSettings, about: dict) -> str:
    """The loop's part of README.md.

    Args:
        settings: of the stage.
        about: what ranker.json has.
    """
    rank = settings.rank
    head = "its own head" if about["ranked_before"] else "a new head of one score"
    lines = [
        f"## Trained by Hone, round {settings.round}",
        "",
        "A cross-encoder: it reads a query and a document together. The sigmoid of its output lies between 0 and 1 and is no measured",
        f"probability: it was trained with {rank.negatives + rank.random} negatives for each positive.",
        "",
        f"- **From:** {about['from']}, with {head}.",
        f"- **Recipe:** {settings.recipe}; candidates of {settings.parent}'s model and known labels.",
        f"- **Pairs:** {about['positives']:,} known positives and {about['negatives']:,} documents that nobody knows to be right: for each "
        f"positive {rank.negatives} candidates (drawn: {rank.draw}) and {rank.random} of the collection at random, of "
        f"{about['queries']:,} queries; a false negative among them teaches the wrong thing.",
        f"- **Training:** binary cross-entropy, {about['steps']:,} steps of {rank.batch} pairs of at most {about['max_length']} tokens, "
        f"learning rate {rank.learning_rate}, {rank.precision}, seed {settings.seed}.",
        "",
        *table(about["dev"], settings.parent),
    ]
    return "\n".join(lines)


def table(dev: dict[str, dict], encoder: str) -> list[str]:
    """nDCG@10 before and after on each collection."""
    if not dev:
        return ["No training collection has dev queries: how well it ranks was not measured."]
    rows = [
        f"| {name} | {found['queries']:,} | {found['depth']} | {found['before']:.4f} | {found['after']:.4f} | {found['better']:,} | "
        f"{found['worse']:,} |"
        for name, found in dev.items()
    ]
    return [
        f"nDCG@10 of what {encoder} retrieves for dev queries, in its order (before) and in this model's (after):",
        "",
        "| collection | queries | depth | before | after | queries better | worse |",
        "|---|---|---|---|---|---|---|",
        *rows,
    ]
