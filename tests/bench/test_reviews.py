"""Twenty reviewers on 10,000 tickets, on PostgreSQL: claims that never meet, and how long the next
ticket takes."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bench.figures import Figures, median, percentile
from tests.support.postgres import postgres, run_python
from tests.support.reviewing import review_for
from tests.support.stack import running

TICKETS, PEOPLE, PROCESSES = 10_000, 20, 4
CLAIMS = int(os.environ.get("GATEHOUSE_BENCH_CLAIMS", "100000"))
SECONDS = float(os.environ.get("GATEHOUSE_BENCH_SECONDS", "60"))
PAUSE_S = 2.0
"""mean time that a scripted reviewer looks at a ticket: 1,800 decisions an hour each"""
MODULE = ["-m", "tests.support.reviewing"]


@pytest.fixture
def database() -> Iterator[str]:
    with postgres() as url:
        yield url


def output_of(arguments: list[str], state: Path, database: str) -> str:
    process = run_python(arguments, state, database)
    text, _ = process.communicate()
    assert process.returncode == 0, text
    return (text.strip().splitlines() or [""])[-1]


def test_no_ticket_is_leased_twice(tmp_path: Path, database: str, figures: Figures) -> None:
    state = tmp_path / "state"
    output_of(["manage.py", "migrate", "--verbosity=0"], state, database)
    seeding = [*MODULE, "seed", "--tickets", str(TICKETS), "--people", str(PEOPLE)]
    output_of(seeding, state, database)
    share = PEOPLE // PROCESSES
    working = [
        run_python(
            [*MODULE, "claim", "--claims", str(CLAIMS // PROCESSES),
             "--people", f"{first}-{first + share - 1}"],
            state, database,
        )
        for first in range(0, PEOPLE, share)
    ]  # fmt: skip
    took: list[float] = []
    for process in working:
        text, _ = process.communicate()
        assert process.returncode == 0, text
        told = json.loads(text.strip().splitlines()[-1])
        assert told["failures"] == []
        took += told["took"]
    found = json.loads(output_of([*MODULE, "audit"], state, database))
    figures("tickets leased to 20 at once", found["leased"], "", 1, f">= {CLAIMS:,}")
    figures("leases of a ticket that was held", found["double"], "", found["leased"], "0")
    figures("reviews of one ticket by one person twice", found["twice"], "", found["reviews"], "0")
    figures("events that do not fit the log", found["broken"], "", found["leased"], "0")
    figures("a claim of ten, 20 without a pause, p50", median(took), "ms", len(took))
    assert found["leased"] >= CLAIMS * 0.99
    assert (found["double"], found["twice"], found["broken"]) == (0, 0, 0)


def test_the_next_ticket_comes_soon(tmp_path: Path, database: str, figures: Figures) -> None:
    with running(tmp_path / "stack", DATABASE_URL=database) as stack:
        seeding = [*MODULE, "seed", "--tickets", str(TICKETS), "--people", str(PEOPLE)]
        tokens = json.loads(output_of(seeding, stack.state.root, database))
        review_for(stack.url, tokens, 5.0, PAUSE_S)
        tabs = review_for(stack.url, tokens, SECONDS, PAUSE_S)
        found = json.loads(output_of([*MODULE, "audit"], stack.state.root, database))
    following = [ms for tab in tabs for ms in tab.took["next"]]
    deciding = [ms for tab in tabs for ms in tab.took["decision"]]
    hour = 3600 * len(deciding) / SECONDS / PEOPLE
    figures("next three tickets, 20 reviewers, p50", median(following), "ms", len(following))
    figures(
        "next three tickets, 20 reviewers, p95", percentile(following, 95), "ms", len(following),
        "<= 60 ms",
    )  # fmt: skip
    figures("a decision, 20 reviewers, p95", percentile(deciding, 95), "ms", len(deciding))
    figures("decisions per reviewer and hour", hour, "", len(deciding), ">= 300")
    assert found["double"] == 0 and sum(tab.again for tab in tabs) == 0
