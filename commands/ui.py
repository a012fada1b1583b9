"""`hone ui`: the Prefect and MLflow pages. Commands do not import flows, so it starts a process."""

from __future__ import annotations

import os
import sys


def serve(prefect_port: int, mlflow_port: int) -> None:
    """Replace this process by the pages, until Ctrl-C. Signals then reach them directly.

    Args:
        prefect_port, mlflow_port: ports on the loopback interface.
    """
    ports = ["--prefect-port", str(prefect_port), "--mlflow-port", str(mlflow_port)]
    os.execv(sys.executable, [sys.executable, "-m", "flows.pages", *ports])
