"""A workspace that many tests of the terminal share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.places import people_and_customer
from tests.support.workspace import Workspace


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A workspace without any process, made once: whatever a test changes in it concerns drafts only."""
    with Workspace(tmp_path_factory.mktemp("terminal")) as workspace:
        people_and_customer(workspace)
        yield workspace
