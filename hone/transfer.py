"""Texts that Hone sends to an endpoint: what, where and at what cost. Said before the first
request.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass

from hone.files import fingerprint, home, read_json, write_json
from hone.stage import say
from hone.urls import at_home, show_url

ANNOUNCED = "announced.json"  # below HONE_HOME: the transfers that were announced, with the time


@dataclass(frozen=True)
class Transfer:
    """Texts of one collection that go to one endpoint.

    Attributes:
        sender: the judge or reference that sends them, such as "judge strong".
        url: the address of the endpoint.
        model: the name of the model at the endpoint.
        key: the name of the environment variable with the key, never the key. Null: no key.
        collection: the collection with the texts.
        texts: which texts, in a few words.
        cost: the price and the limit, in a few words.
    """

    sender: str
    url: str
    model: str
    key: str | None
    collection: str
    texts: str
    cost: str

    @property
    def is_local(self) -> bool:
        """Whether the endpoint is on this machine."""
        return at_home(self.url)

    @property
    def name(self) -> str:
        """The name under which the transfer is recorded: endpoint, model and collection."""
        return fingerprint(show_url(self.url), self.model, self.collection)[:32]

    def describe(self) -> str:
        """What is sent where, and its cost. The text has the key's variable and never the key."""
        place = "an address of this machine" if self.is_local else "outside this machine"
        key = f"the key is in {self.key}" if self.key else "no key is sent"
        return (
            f"{self.sender} sends texts of collection {self.collection} to {show_url(self.url)}, "
            f"{place} (model {self.model}, {key}). Texts: {self.texts}. Cost: {self.cost}."
        )


def announce(transfers: Iterable[Transfer], stage: str) -> None:
    """Log each transfer before its first request, once for each endpoint, model and collection.

    Args:
        transfers: what is about to be sent.
        stage: the beginning of the log line, such as `relabel r1`.
    """
    file = home() / ANNOUNCED
    known = read_json(file) if file.is_file() else {}
    new = {one.name: one for one in transfers if one.name not in known}
    for one in new.values():
        say(f"{stage}: {one.describe()}")
    record_announced(new.values())


def record_announced(transfers: Iterable[Transfer]) -> None:
    """Record transfers that the user has seen, with the time, so that no stage logs them again."""
    file = home() / ANNOUNCED
    known = read_json(file) if file.is_file() else {}
    if new := [one.name for one in transfers if one.name not in known]:
        now = time.strftime("%Y-%m-%dT%H:%M:%S%z")
        write_json(file, known | dict.fromkeys(new, now))
