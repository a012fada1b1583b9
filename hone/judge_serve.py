"""`hone judge serve`: a judge that runs on this machine, as an endpoint that anything may ask until Ctrl-C."""

from __future__ import annotations

import threading

from hone.screen import line
from tasks.relabel import gguf
from tasks.relabel.server import serving


def serve(model: str, port: int, slots: int, context: int) -> None:
    """Serve a GGUF model on loopback and say how to ask it.

    Raises:
        Refused: there is no such model, or it cannot be served.
    """
    file = gguf.file_of(model)
    with serving(file, slots=slots, context=context, port=port, name=model) as url:
        line(f"{gguf.name_of(model)} answers at {url} until Ctrl-C. In params.yaml:")
        line("")
        line("judges:")
        line(f'  strong: {{endpoint: {{url: "{url}", model: {model}, prompt: yes-no, slots: {slots}}}}}')
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            line("stopped")
