"""Fixtures of the tests that drive the whole system."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.stack import Client, Stack, running


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """One real console with its workers for the whole session; nothing is left of it at the end."""
    with running() as started:
        yield started


@pytest.fixture(scope="session")
def client(stack: Stack) -> Client:
    """The operator's client of that console."""
    return stack.client()
