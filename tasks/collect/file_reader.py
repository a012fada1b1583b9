"""Reads files in a separate process with a time and memory limit. A file that exceeds a limit or
crashes the parser is reported, and the next file gets a new process.
"""

from __future__ import annotations

import json
import multiprocessing
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import Self

from hone.errors import Refused
from tasks.collect.file_chunks import Chunk, ChunkSize, Splitter
from tasks.collect.file_texts import Unreadable, described, read_text

MEMORY = 4 * 1024**3  # bytes of address space of the process
START = 120.0  # seconds in which a new process must answer
READY = b"ready"


@dataclass(frozen=True)
class ReadFile:
    """A file as read: its title and chunks. `reason`: why it could not be read, otherwise
    empty.
    """

    title: str
    chunks: list[Chunk]
    reason: str = ""


class FileReader:
    """A process that reads one file at a time.

    Args:
        size: the maximum size of a chunk.
        seconds: the time limit of a file.
    """

    def __init__(self, size: ChunkSize, seconds: float) -> None:
        self.size, self.seconds = size, seconds
        self.process: multiprocessing.process.BaseProcess | None = None
        self.pipe: Connection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.end()

    def read(self, path: Path, kind: str, name: str) -> ReadFile:
        """Read one file.

        Args:
            path: the file.
            kind: its format (file_listing.py).
            name: its title if it has none of its own.

        Raises:
            Refused: the process cannot be started.
        """
        if self.pipe is None:
            self.start()
        try:
            self.pipe.send_bytes(json.dumps([str(path), kind, name]).encode())
            if not self.pipe.poll(self.seconds):
                self.end()
                return ReadFile(
                    "", [], f"reading took longer than `seconds` ({self.seconds:g} seconds)"
                )
            answer = json.loads(self.pipe.recv_bytes())
        except (EOFError, OSError):
            self.end()
            return ReadFile("", [], "the parser crashed")
        return ReadFile(
            answer["title"], [Chunk(**one) for one in answer["chunks"]], answer["reason"]
        )

    def start(self) -> None:
        """Start the process and wait until it is ready."""
        context = multiprocessing.get_context("spawn")
        self.pipe, other = context.Pipe()
        self.process = context.Process(target=serve, args=(other, self.size), daemon=True)
        self.process.start()
        other.close()
        try:
            ready = self.pipe.poll(START) and self.pipe.recv_bytes() == READY
        except (EOFError, OSError):
            ready = False
        if not ready:
            self.end()
            raise Refused(
                "the process that reads files did not start. Run `hone doctor` to check the "
                "installed packages."
            )

    def end(self) -> None:
        """Stop the process."""
        if self.process is not None:
            self.process.kill()
            self.process.join()
            self.pipe.close()
        self.process, self.pipe = None, None


def serve(pipe: Connection, size: ChunkSize) -> None:
    """Answer requests until the other end closes the pipe."""
    limit_process()
    splitter = Splitter(size)
    pipe.send_bytes(READY)
    while True:
        try:
            path, kind, name = json.loads(pipe.recv_bytes())
        except (EOFError, KeyboardInterrupt):
            return
        answer = answer_request(splitter, Path(path), kind, name)
        pipe.send_bytes(json.dumps(asdict(answer)).encode())


def answer_request(splitter: Splitter, path: Path, kind: str, name: str) -> ReadFile:
    """The title and chunks of a file, or the reason why it cannot be read."""
    try:
        found = read_text(path, kind)
        title = found.title or name
        return ReadFile(title, splitter.split(found, title))
    except Unreadable as error:
        return ReadFile("", [], str(error))
    except OSError as error:
        return ReadFile("", [], f"it cannot be opened: {error.strerror}")
    except MemoryError:
        return ReadFile("", [], f"it needs more than {MEMORY / 1024**3:.0f} GiB of memory")
    except RecursionError:
        return ReadFile("", [], "it is nested too deeply")
    except Exception as error:  # a parser can raise anything on an untrusted file
        return ReadFile("", [], f"it cannot be read: {described(error)}")


def limit_process() -> None:
    """Limit the memory of this process, and discard its messages, which quote untrusted texts."""
    with suppress(ImportError, ValueError, OSError):  # the limit does not exist on Windows
        import resource

        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        most = MEMORY if hard == resource.RLIM_INFINITY else min(MEMORY, hard)
        resource.setrlimit(resource.RLIMIT_AS, (most, hard))
    silent = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(silent, stream)
    os.close(silent)
