"""What tests of verdicts look at: the run that is in use."""

from __future__ import annotations

from typing import Any

import pytest

from console.runs.models import Run
from console.verdicts import queries
from tests.support.verdict_runs import finished_run


@pytest.fixture
def run(project: Any) -> Run:
    """The released verdicts, two days old."""
    made = finished_run(project, "released", pinned=True, days_ago=2)
    queries.set_of_run(made)
    return made
