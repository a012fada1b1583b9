"""`hone judge serve`: a judge that runs on this machine, as an endpoint that anything may ask until Ctrl-C."""

from __future__ import annotations

import json
import threading

from hone.screen import line
from tasks.relabel import gguf
from tasks.relabel.server import serving


def serve(model: str, port: int, slots: int, context: int) -> None:
    """Serve a GGUF model on loopback and say how to ask it.

    Raises:
        Refused: there is no such model, or it cannot be served.
    """
    file, name = gguf.file_of(model), gguf.name_of(model)
    with serving(file, slots=slots, context=context, port=port, name=name) as url:
        line(f"{name} answers at {url} until Ctrl-C. In params.yaml:")
        line("")
        line("judges:")
        line(f'  strong: {{endpoint: {{url: "{url}", model: {json.dumps(name)}, prompt: yes-no, slots: {slots}}}}}')
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            line("stopped")
