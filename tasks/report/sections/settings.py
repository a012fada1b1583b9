"""settings: the base model, the seed, every setting of every round, and the versions of
packages.
"""

from __future__ import annotations

from typing import Any

from tasks.report.results import Results
from tasks.report.section import Part, Section


def collect(results: Results) -> dict[str, Any]:
    return {
        **{name: getattr(results.settings, name) for name in ("model", "seed", "versions")},
        "rounds": results.rounds,
        "commit": results.commit,
        "machine": results.machine,
        "loop_name": results.loop_name,
        "settings_text": results.recipes,
    }


SECTION = Section("settings", "Settings", Part.SETTINGS, 10, collect, link="settings")
