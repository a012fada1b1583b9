"""`hone judge serve`: a judge that runs on this machine, as an endpoint that anything may ask until Ctrl-C."""

from __future__ import annotations

import json

from hone.screen import line
from tasks.errors import Refused
from tasks.relabel import gguf
from tasks.relabel.server import serving


def serve(model: str, port: int, slots: int, context: int) -> None:
    """Serve a GGUF model on loopback and say how to ask it.

    Raises:
        Refused: there is no such model, it cannot be served, or the server ended by itself.
    """
    file, name = gguf.file_of(model), gguf.name_of(model)
    with serving(file, slots=slots, context=context, port=port, name=name) as running:
        line(f"{name} answers at {running.url} until Ctrl-C. In params.yaml:")
        line("")
        line("judges:")
        line(f'  strong: {{endpoint: {{url: "{running.url}", model: {json.dumps(name)}, prompt: yes-no, slots: {slots}}}}}')
        try:
            code = running.process.wait()
        except KeyboardInterrupt:
            line("stopped")
            return
    raise Refused(f"the server of {name} ended (exit code {code}); its words are in HONE_HOME/logs/judge-server.log. Start it again.")
