"""Fixtures of the tests that drive the whole system."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.stack import Stack, running
from tests.support.visits import Walker, walking

HERE = Path(__file__).parent
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or ""
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
GROUPS = {
    "test_stack": "stack",
    "test_mixture": "stack",
    "test_import_wizard": "stack",
    "test_adapters": "stack",
    "test_verdicts": "stack",
    "test_kills": "kills",
}
"""which files share a running system; the tests of pages have one of their own. `make test` gives
each of the four groups a process"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that share a running system stay in one process; most of them wait for it."""
    for item in items:
        if HERE not in item.path.parents:
            continue
        folder, name = item.path.parent.name, item.path.stem
        group = "pages" if folder == "pages" else GROUPS.get(name, "terminal")
        item.add_marker(pytest.mark.xdist_group(group))


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """One real console with its workers for the whole session; nothing is left of it at the end."""
    with running() as started:
        yield started


@pytest.fixture(scope="session")
def walker(stack: Stack) -> Iterator[Walker]:
    """Somebody who is signed in to that console."""
    with walking(stack) as signed_in:
        yield signed_in


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """Headless Chromium of the machine."""
    if not CHROMIUM:
        pytest.skip("no Chromium: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()
