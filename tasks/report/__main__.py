"""report: scores, tables and texts -> reports/index.html, tables for `dvc plots`, and the answer
in a sentence.
"""

from __future__ import annotations

from hone.compare.decomposition import describe_parts
from hone.files import write_text
from hone.layout import REPORT_PAGE
from hone.stage import run, say
from tasks.report import export_tables, plots
from tasks.report.card import write_cards
from tasks.report.page.render import render
from tasks.report.registry import collect_tables
from tasks.report.results import Results
from tasks.report.settings import ReportSettings


def main(settings: ReportSettings) -> None:
    """Write the page, its tables, the model cards and the tables for `dvc plots`. Log what improved
    and where to look.
    """
    results = Results(settings)
    tables, answer = collect_tables(results), results.answer
    plots.write_scores(results.scores, list(dict.fromkeys((answer.base, *results.rounds))))
    plots.write_losses(results.losses)
    export_tables.write(
        tables,
        [
            answer.headline,
            f"Gain by part: {describe_parts(results.parts)}",
            *results.warnings,
            *results.open_harm,
            *answer.details,
        ],
    )
    export_tables.write_verdict(results.decision, results.verdict)
    write_cards(tables, results)
    write_text(REPORT_PAGE, render(results))
    for line in [*results.warnings, *results.open_harm, *results.verdict]:
        say(f"report: {line}")
    say(
        f"report: open {REPORT_PAGE}, or `make ui` for MLflow (experiment hone, run "
        f"{results.loop_name})"
    )


if __name__ == "__main__":
    run(main)
