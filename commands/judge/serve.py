"""`hone judge serve`: run a local judge model as an endpoint with a key, until Ctrl-C."""

from __future__ import annotations

import json
import os

from commands.console import line
from hone.errors import Refused
from hone.llm import gguf
from hone.llm.llama_server import serving
from hone.urls import secret

KEY = "HONE_JUDGE_KEY"  # the variable that holds the key


def serve(model: str, port: int, slots: int, context: int) -> None:
    """Serve a GGUF model on the loopback interface, and print the lines for params.yaml.

    The key is the value of the environment variable HONE_JUDGE_KEY, or a random one, which is
    printed once.

    Raises:
        Refused: the model does not exist or cannot be served, or the server stopped.
    """
    file, name = gguf.file_of(model), gguf.name_of(model)
    given = os.environ.get(KEY)
    with serving(
        file,
        slots=slots,
        context=context,
        port=port,
        name=name,
        key=secret(f"http://127.0.0.1:{port}", KEY) if given else None,
    ) as running:
        line(f"{name} is served at {running.url} until Ctrl-C. Add to params.yaml:")
        line("")
        line("judges:")
        line(
            f'  strong: {{endpoint: {{url: "{running.url}", model: {json.dumps(name)}, key: '
            f"{KEY}, prompt: yes-no, slots: {slots}}}}}"
        )
        line("")
        if given:
            line(f"The key is the value of {KEY}.")
        else:
            line(
                "Set the key in the terminal that uses the judge. It is shown only once. If it is "
                "set before `serve`, the server uses it:"
            )
            line("")
            line(f"export {KEY}={running.key}")
        try:
            code = running.process.wait()
        except KeyboardInterrupt:
            line("stopped")
            return
    raise Refused(
        f"The server of {name} stopped (exit code {code}). See HONE_HOME/logs/judge-server.log, "
        "and start it again."
    )
