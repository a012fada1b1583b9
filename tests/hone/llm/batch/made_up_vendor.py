"""An imitation of a vendor's batch endpoint: files, batches, and single calls, in a thread; a
script says what goes wrong.
"""

from __future__ import annotations

import json
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.hone.llm.unruly import completion


def well(name: str, turn: int) -> dict:
    """A line's good answer, which repeats the prompt."""
    return {
        "response": {
            "status_code": 200,
            "request_id": "r",
            "body": json.loads(completion(f"to {name}")),
        },
        "error": None,
    }


def failed(code: int, message: str) -> dict:
    return {
        "response": {
            "status_code": code,
            "request_id": "r",
            "body": {"error": {"message": message}},
        },
        "error": None,
    }


def lost(code: str) -> dict:
    return {
        "response": None,
        "error": {"code": code, "message": f"this request {code.replace('_', ' ')}"},
    }


@dataclass
class Vendor:
    """What happened, and what is to happen.

    Attributes:
        answers: the line for a prompt that is in a batch the given time: its parts, raw bytes, or
            null for no line at all.
        ends: status in which each batch ends, and more of it.
        busy: looks at a batch before it has ended.
        finish: whether batches end at all.
        wrong: what to do instead of answering a request (method and path): an HTTP status and body,
            or "hang", "drip", "reset"; null: do.
        after: called when a request has been done and not yet answered; the same outcomes.
        keeps_metadata: whether the list shows it.
        cut: lines after which a file of answers stops coming; null: never.
        files: uploaded calls, and answers, by name.
        batches: in their order.
        requests: requests by method and path, without names of things.
        direct: prompts of single calls.
        turns: times that each prompt was in a batch that ended.
        looks: at each batch.
        reached: a request hangs.
        over: nothing hangs any longer.
    """

    answers: Callable[[str, int], dict | bytes | None] = well
    ends: Callable[[int], dict] = lambda number: {"status": "completed"}
    busy: int = 1
    finish: threading.Event = field(default_factory=threading.Event)
    wrong: Callable[[str, int], object] = lambda what, time: None
    after: Callable[[str, int], object] = lambda what, time: None
    keeps_metadata: bool = True
    cut: int | None = None
    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    batches: list[dict] = field(default_factory=list)
    requests: Counter = field(default_factory=Counter)
    direct: list[str] = field(default_factory=list)
    turns: Counter = field(default_factory=Counter)
    looks: Counter = field(default_factory=Counter)
    over: threading.Event = field(default_factory=threading.Event)
    reached: threading.Event = field(default_factory=threading.Event)

    def upload(self, raw: bytes, kind: str) -> dict:
        border = re.search("boundary=(.*)", kind).group(1).encode()
        parts = [part.partition(b"\r\n\r\n") for part in raw.split(b"--" + border)]
        (content,) = (
            body.removesuffix(b"\r\n") for head, _, body in parts if b'name="file"' in head
        )
        assert any(b'name="purpose"' in head and body == b"batch\r\n" for head, _, body in parts)
        return self.keep(content)

    def keep(self, content: bytes) -> dict:
        name = f"file-{len(self.files)}"
        self.files[name] = content
        return {
            "id": name,
            "object": "file",
            "bytes": len(content),
            "created_at": 1,
            "filename": "x",
            "purpose": "batch",
        }

    def create(self, given: dict) -> dict:
        assert (given["endpoint"], given["completion_window"]) == ("/v1/chat/completions", "24h")
        lines = self.calls(given["input_file_id"])
        assert len({line["custom_id"] for line in lines}) == len(lines)
        assert all(
            (line["method"], line["url"]) == ("POST", "/v1/chat/completions") for line in lines
        )
        number = len(self.batches)
        batch = {
            "id": f"batch-{number}",
            "object": "batch",
            "status": "validating",
            "created_at": 4e9 + number,
        } | given
        self.batches.append(batch)
        return batch

    def calls(self, file: str) -> list[dict]:
        return [json.loads(line) for line in self.files[file].splitlines()]

    def prompts(self, number: int) -> list[str]:
        return [
            line["body"]["messages"][-1]["content"]
            for line in self.calls(self.batches[number]["input_file_id"])
        ]

    def look(self, name: str) -> dict | None:
        batch = next((batch for batch in self.batches if batch["id"] == name), None)
        self.looks[name] += 1
        if batch and self.looks[name] > self.busy and self.finish.is_set() and "done" not in batch:
            self.end(batch)
        return batch

    def end(self, batch: dict) -> None:
        good, bad = [], []
        for line, prompt in zip(
            self.calls(batch["input_file_id"]), self.prompts(self.batches.index(batch)), strict=True
        ):
            self.turns[prompt] += 1
            answer = self.answers(prompt, self.turns[prompt])
            if isinstance(answer, bytes):
                good.append(answer.replace(b"NAME", line["custom_id"].encode()))
            elif answer is not None:
                fine = (
                    isinstance(answer["response"], dict)
                    and answer["response"]["status_code"] == 200
                )
                (good if fine else bad).append(
                    json.dumps({"id": "l", "custom_id": line["custom_id"]} | answer).encode()
                )
        batch |= {"done": True, "output_file_id": None, "error_file_id": None}
        for kind, lines in (("output_file_id", good), ("error_file_id", bad)):
            if lines:
                batch[kind] = self.keep(b"\n".join(reversed(lines)) + b"\n")["id"]
        batch |= self.ends(self.batches.index(batch))

    def listed(self, after: str | None) -> dict:
        newest = [
            batch if self.keeps_metadata else batch | {"metadata": None}
            for batch in reversed(self.batches)
        ]
        start = next((place + 1 for place, batch in enumerate(newest) if batch["id"] == after), 0)
        page = newest[start : start + 2]
        return {"object": "list", "data": page, "has_more": start + 2 < len(newest)}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    vendor: Vendor

    def log_message(self, *words: object) -> None:
        pass

    def do_GET(self) -> None:
        self.handle_one("GET", b"")

    def do_POST(self) -> None:
        self.handle_one("POST", self.rfile.read(int(self.headers["content-length"])))

    def handle_one(self, method: str, raw: bytes) -> None:
        vendor, (path, _, query) = self.vendor, self.path.partition("?")
        kind = re.sub(r"/(batch|file)-\d+", r"/\1", path.removeprefix("/v1"))
        what = f"{method} {kind}"
        vendor.requests[what] += 1
        if (way := vendor.wrong(what, vendor.requests[what])) is not None:
            self.misbehave(way)
            return
        name = path.split("/")[3] if path.count("/") > 2 else ""
        if what == "POST /files":
            answer = vendor.upload(raw, self.headers["content-type"])
        elif what == "POST /batches":
            answer = vendor.create(json.loads(raw))
        elif what == "GET /batches":
            answer = vendor.listed(dict(re.findall(r"(\w+)=([^&]*)", query)).get("after"))
        elif what == "GET /batches/batch":
            answer = vendor.look(name)
        elif what == "GET /files/file/content":
            self.send_lines(vendor.files[name])
            return
        else:
            assert what == "POST /chat/completions"
            prompt = json.loads(raw)["messages"][-1]["content"]
            vendor.direct.append(prompt)
            answer = json.loads(completion(f"to {prompt}"))
        if (way := vendor.after(what, vendor.requests[what])) is not None:
            self.misbehave(way)
        elif answer is None:
            self.send(404, b'{"error": {"message": "no such thing"}}')
        else:
            self.send(200, json.dumps(answer).encode())

    def send_lines(self, content: bytes) -> None:
        if self.vendor.cut is None:
            self.send(200, content)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(b"".join(content.splitlines(keepends=True)[: self.vendor.cut]))
        self.wfile.flush()
        self.misbehave("hang")

    def misbehave(self, way: object) -> None:
        if way == "hang":
            self.vendor.reached.set()
            self.vendor.over.wait()
            self.close_connection = True
        elif way == "drip":
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            while not self.vendor.over.wait(0.05):
                self.wfile.write(b" ")
        elif way == "reset":
            self.close_connection = True
        else:
            self.send(*way)

    def send(self, status: int, content: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (
            {"Content-Type": "application/json", "Content-Length": str(len(content))}
            | (headers or {})
        ).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, *of: object) -> None:
        pass  # a client that was killed


@contextmanager
def selling(finish: bool = True, **script: object) -> Iterator[Vendor]:
    """The vendor, on a free port of this machine."""
    vendor = Vendor(**script)
    if finish:
        vendor.finish.set()
    server = Server(("127.0.0.1", 0), type("Bound", (Handler,), {"vendor": vendor}))
    vendor.url = f"http://127.0.0.1:{server.server_port}/v1"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield vendor
    finally:
        vendor.over.set()
        server.shutdown()
        server.server_close()
        thread.join()
