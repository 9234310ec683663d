"""Server time of the dashboards of review and verdicts with 10,000 tickets, on PostgreSQL."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest

from tests.bench.figures import Figures, median, percentile
from tests.support.boards_seed import MISSION
from tests.support.postgres import postgres, run_python
from tests.support.stack import Stack, running

TICKETS = 10_000
VISITS = 40
BOARD = f"/p/demo/verdicts/?mission={quote(MISSION)}"
FLIPS = f"/p/demo/verdicts/flips/?mission={quote(MISSION)}"
PAGES = (
    ("home", "/p/demo/"),
    ("queue", "/p/demo/review/queue/"),
    ("queue, settled ones", "/p/demo/review/queue/?view=settled"),
    ("quality", "/p/demo/review/quality/"),
    ("rates over time", BOARD),
    ("flips", FLIPS),
    ("tickets of a run", "/p/demo/runs/boards000007/?tab=tickets"),
    ("desk", "/p/demo/review/desk/"),
)


@pytest.fixture(scope="module")
def visited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stack, str]]:
    """A stack on PostgreSQL with many tickets, and a session of somebody who sees everything."""
    folder: Path = tmp_path_factory.mktemp("boards")
    with postgres() as database, running(folder / "stack", DATABASE_URL=database) as stack:
        process = run_python(
            ["-m", "tests.support.boards_seed", str(TICKETS)], stack.state.root, database
        )
        text, _ = process.communicate()
        assert process.returncode == 0, text
        yield stack, json.loads(text.strip().splitlines()[-1])["session"]


@pytest.mark.parametrize(("name", "path"), PAGES, ids=[name for name, _path in PAGES])
def test_a_dashboard_with_many_tickets(
    visited: tuple[Stack, str], figures: Figures, name: str, path: str
) -> None:
    stack, session = visited
    connection = http.client.HTTPConnection(urlsplit(stack.url).netloc, timeout=60)
    headers = {"Cookie": f"gatehouse_session={session}"}
    took = []
    for number in range(VISITS + 3):
        began = time.perf_counter()
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        response.read()
        assert response.status == 200, (response.status, response.headers.get("Location"))
        if number >= 3:
            took.append(1000 * (time.perf_counter() - began))
    figures(f"{name}, {TICKETS:,} tickets, p50", median(took), "ms", len(took))
    target = "<= 200 ms"
    figures(f"{name}, {TICKETS:,} tickets, p95", percentile(took, 95), "ms", len(took), target)
