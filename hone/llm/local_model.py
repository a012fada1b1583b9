"""A GGUF model on this machine that is started for the first request and stopped with its stage."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from itertools import chain
from urllib.parse import urlsplit

from hone.encoders.device_lock import torch_lock
from hone.llm import client, gguf, llama_server
from hone.llm.budget import Budget, JudgeBudget
from hone.llm.completion import Completion, Endpoint, Expected, Request


@dataclass
class Served:
    """A local model's server, started for the first request. Without requests it is not started.

    Args:
        model: name or path of the model.
        stack: stops the server.
        slots: concurrent prompts.
        context: tokens of a prompt and its completion.
        threads: null: all cores.
    """

    model: str
    stack: ExitStack
    slots: int
    context: int
    threads: int | None
    running: llama_server.Running | None = field(default=None, init=False)

    def complete(
        self,
        endpoint: Endpoint,
        requests: Iterable[Request],
        budget: Budget | JudgeBudget,
        expected: Expected = None,
    ) -> Iterator[list[Completion]]:
        """Send requests and yield their completions; see `hone.llm.client.complete`."""
        requests = iter(requests)
        if (first := next(requests, None)) is None:
            return
        if self.running is None:
            file = gguf.file_of(self.model)
            self.stack.enter_context(
                torch_lock()
            )  # two processes that share the cores are slower than one after the other
            self.running = self.stack.enter_context(
                llama_server.serving(
                    file,
                    slots=self.slots,
                    context=self.context,
                    threads=self.threads,
                    name=endpoint.model,
                )
            )
            # The client reads keys from environment variables. Each server has its own, because two
            # may run at once.
            self.stack.callback(os.environ.pop, self.variable, None)
            os.environ[self.variable] = self.running.key
        here = replace(endpoint, url=self.running.url, key=self.variable)
        yield from client.complete(here, chain([first], requests), budget, expected)

    @property
    def variable(self) -> str:
        """Name of the environment variable that holds the server's key."""
        return f"HONE_LOCAL_KEY_{urlsplit(self.running.url).port}"
