"""Fixtures of the tests that drive the whole system."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.stack import Stack, running


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """One real console with its workers for the whole session; nothing is left of it at the end."""
    with running() as started:
        yield started
