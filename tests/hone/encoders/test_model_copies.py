"""A Hub id whose model a package contains needs no network."""

from __future__ import annotations

import importlib.util

import pytest

from hone.encoders import model_folder
from hone.encoders.model_folder import COPIES, PACKAGED, folder_here, folder_of, packaged, pinned
from hone.errors import Refused

HUB, PACKAGE = next(iter(COPIES.items()))


def test_the_hub_id_and_the_package_are_one_model():
    assert folder_of(HUB) == folder_of(PACKAGE) == folder_here(HUB)
    assert pinned(HUB) == pinned(PACKAGE)
    assert pinned(HUB)["name"] == PACKAGE


def test_a_revision_is_always_one_of_the_hub():
    commit = "a" * 40
    assert packaged(HUB, commit) is None
    assert pinned(HUB, commit) == {"name": HUB, "revision": commit, "fingerprint": None}
    assert folder_here(HUB, commit) is None


def test_weights_that_differ_from_the_published_ones_are_refused(monkeypatch: pytest.MonkeyPatch):
    package, inside, _ = PACKAGED[PACKAGE]
    monkeypatch.setitem(PACKAGED, PACKAGE, (package, inside, "0" * 64))
    with pytest.raises(Refused, match="have the SHA-256"):
        folder_of(HUB)


def test_without_the_package_the_model_comes_from_the_hub_or_the_error_names_the_package(
    monkeypatch: pytest.MonkeyPatch,
):
    find = importlib.util.find_spec
    hidden = PACKAGED[PACKAGE][0]
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == hidden else find(name)
    )

    class Hub:
        def model_info(self, name: str, revision: str | None) -> None:
            raise ConnectionError

    monkeypatch.setattr("huggingface_hub.HfApi", Hub)
    monkeypatch.setattr(model_folder, "may_download", lambda: None)
    assert packaged(HUB) is None
    with pytest.raises(Refused, match=f"`make setup` installs a copy of it.*'{PACKAGE}'"):
        pinned(HUB)
