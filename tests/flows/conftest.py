"""One Prefect for all tests of the flows, with a home of its own, closed to others as each
flow's temporary server is.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session", autouse=True)
def prefect(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    from prefect.testing.utilities import prefect_test_harness

    from flows import access

    access.protect()
    with prefect_test_harness(server_startup_timeout=90):
        yield
