"""A small server that speaks the chat-completions protocol and answers by a function of the
prompt; and questions to ask it.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import polars as pl

from hone.data.questions import Questions, of
from hone.judging.context import Desk
from hone.llm.budget import Budget
from hone.llm.ledger.ledger import Ledger


@dataclass
class Server:
    """What was asked, and where.

    `answer` is given the request's body and returns a text, a pair of text and the first token's
    alternatives, or an error (status, message).
    """

    answer: Callable[[dict], object]
    model: str = "made-up-1"
    requests: list[dict] = field(default_factory=list)
    url: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def prompts(self) -> list[str]:
        """The last message of each call, in the order of their arrival."""
        return [body["messages"][-1]["content"] for body in self.requests]


@contextmanager
def serving(answer: Callable[[dict], object], model: str = "made-up-1") -> Iterator[Server]:
    """A server on a free port of this machine."""
    server = Server(answer, model)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with server.lock:
                server.requests.append(body)
            reply = server.answer(body)
            if isinstance(reply, tuple) and isinstance(reply[0], int):
                status, sent = (
                    reply[0],
                    {
                        "error": {
                            "message": reply[1],
                            "type": "invalid_request_error",
                            "code": None,
                            "param": None,
                        }
                    },
                )
            else:
                status, sent = 200, completion(reply, server.model)
            raw = json.dumps(sent).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, *_: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    server.url = f"http://127.0.0.1:{http.server_port}/v1"
    thread = threading.Thread(
        target=http.serve_forever, args=(0.01,), daemon=True
    )  # seconds between two looks for a shutdown
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        http.server_close()
        thread.join()


def completion(reply: object, model: str) -> dict:
    """An answer as the protocol has it: 100 tokens in, 10 out."""
    text, tops = reply if isinstance(reply, tuple) else (reply, None)
    choice = {
        "index": 0,
        "finish_reason": "stop",
        "message": {"role": "assistant", "content": text},
    }
    if tops is not None:
        alternatives = [{"token": token, "logprob": value, "bytes": None} for token, value in tops]
        choice["logprobs"] = {
            "content": [alternatives[0] | {"top_logprobs": alternatives}],
            "refusal": None,
        }
    usage = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}
    return {
        "id": "x",
        "object": "chat.completion",
        "created": 1,
        "model": model,
        "choices": [choice],
        "usage": usage,
    }


def documents_of(body: dict) -> list[str]:
    """The texts between document tags of a request's last message, in their order."""
    return re.findall(
        r"<(?:document|passage_b)(?: number=\"\d+\")?>\n(.*?)\n</",
        body["messages"][-1]["content"],
        re.DOTALL,
    )


def finds(*good: str) -> Callable[[dict], str]:
    """A listwise judge that prefers documents whose text begins with one of `good`."""

    def answer(body: dict) -> str:
        found = [
            f"Doc ({number})"
            for number, text in enumerate(documents_of(body), start=1)
            if text.startswith(good)
        ]
        return f"<thinking>...</thinking><better>[{', '.join(found)}]</better><worse>[]</worse>"

    return answer


def says(*good: str) -> Callable[[dict], str]:
    """A yes-no judge that says yes to documents whose text begins with one of `good`."""
    return lambda body: "yes" if documents_of(body)[0].startswith(good) else "no"


def questions(
    *pairs: tuple[str, str], known: dict[str, list[str]] | None = None, prefix: str = ""
) -> Questions:
    """Questions about pairs of query text and document text; the ids are made of these and
    `prefix`.
    """
    known = {query: ["known"] for query, _ in pairs} if known is None else known
    frame = pl.DataFrame(
        [
            (prefix + query, prefix + document, place)
            for place, (query, document) in enumerate(pairs, start=1)
        ],
        schema={"query_id": pl.String, "doc_id": pl.String, "rank": pl.Int32},
        orient="row",
    )
    positives = [
        (prefix + query, prefix + text) for query, texts in known.items() for text in texts
    ]
    texts = sorted(
        {text for _, text in pairs}
        | {text for positive_texts in known.values() for text in positive_texts}
    )
    return of(
        frame,
        pl.DataFrame(positives, schema={"query_id": pl.String, "doc_id": pl.String}, orient="row"),
        pl.DataFrame(
            {"query_id": [prefix + query for query in dict(pairs)], "text": list(dict(pairs))}
        ),
        pl.DataFrame({"doc_id": [prefix + text for text in texts], "full_text": texts}),
    )


def desk(retry: int = 0, seed: int = 13, **limits: float) -> Desk:
    """A desk with the ledger of HONE_HOME."""
    return Desk(Ledger(), "test", seed, "r1", Budget(**limits), retry)
