"""`hone judge serve`: a judge that runs on this machine, as an endpoint that whoever has its key may ask until Ctrl-C."""

from __future__ import annotations

import json
import os

from commands.console import line
from hone.addresses import secret
from hone.errors import Refused
from hone.llm import gguf
from hone.llm.llama_server import serving

KEY = "HONE_JUDGE_KEY"  # the variable that holds the key


def serve(model: str, port: int, slots: int, context: int) -> None:
    """Serve a GGUF model on loopback and say how to ask it.

    Its key is what the environment variable HONE_JUDGE_KEY holds, or a random one, which is printed once.

    Raises:
        Refused: there is no such model, it cannot be served, or the server ended by itself.
    """
    file, name = gguf.file_of(model), gguf.name_of(model)
    given = os.environ.get(KEY)
    with serving(
        file, slots=slots, context=context, port=port, name=name, key=secret(f"http://127.0.0.1:{port}", KEY) if given else None
    ) as running:
        line(f"{name} answers at {running.url} until Ctrl-C. In params.yaml:")
        line("")
        line("judges:")
        line(f'  strong: {{endpoint: {{url: "{running.url}", model: {json.dumps(name)}, key: {KEY}, prompt: yes-no, slots: {slots}}}}}')
        line("")
        if given:
            line(f"Its key is the one in {KEY}.")
        else:
            line("Where it is asked, its key must be set (shown this once; set it here before, and the next server has it too):")
            line("")
            line(f"export {KEY}={running.key}")
        try:
            code = running.process.wait()
        except KeyboardInterrupt:
            line("stopped")
            return
    raise Refused(f"the server of {name} ended (exit code {code}); its words are in HONE_HOME/logs/judge-server.log. Start it again.")
