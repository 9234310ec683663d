"""Server time of the pages that people open most, with 10,000 runs in the database."""

from __future__ import annotations

import http.client
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tests.bench.figures import Figures, median, percentile
from tests.support.stack import Stack, running

RUNS = 10_000
VISITS = 40
SEED = f"""
from datetime import timedelta
from django.test import Client
from django.utils import timezone
from console.accounts.models import Project, User
from console.runs.models import Run
project, user, now = Project.objects.get(slug="demo"), User.objects.get(), timezone.now()
states = [("succeeded", "ok")] * 8 + [("failed", "code"), ("cancelled", "user")]
kinds = ["synth", "sft", "predict", "evaluate", "gate"]
figure = {{"f1_50": {{"value": 0.5, "unit": "", "n": 128}}}}
rows = []
for n in range({RUNS}):
    state, reason = states[n % 10]
    when = now - timedelta(minutes={RUNS} - n)
    rows.append(Run(
        uid=f"bench{{n:07d}}", project=project, kind=kinds[n % 5], name=f"run {{n}}", state=state,
        reason=reason, config_text="kind: synth\\n", config_sha256="0" * 64, created_by=user,
        created=when, queued_at=when, started=when, ended=when + timedelta(seconds=50),
        updated=when, headline=figure, attempt_number=1, tries=1,
    ))
Run.objects.bulk_create(rows, batch_size=500)
User.objects.update(must_change_password=False)
client = Client()
client.force_login(user)
print(client.cookies["gatehouse_session"].value)
"""


@pytest.fixture(scope="module")
def visited() -> Iterator[tuple[Stack, str]]:
    """A stack with many runs, and the session of somebody who is signed in."""
    with running() as stack:
        yield stack, stack.manage("shell", "--verbosity=0", "-c", SEED).strip().splitlines()[-1]


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("home", "/p/demo/"),
        ("runs list", "/p/demo/runs/"),
        ("runs list, failed of one kind", "/p/demo/runs/?state=failed&kind=sft"),
        ("runs by API", "/api/v1/projects/demo/runs/"),
    ],
)
def test_pages_with_many_runs(
    visited: tuple[Stack, str], figures: Figures, name: str, path: str
) -> None:
    stack, session = visited
    connection = http.client.HTTPConnection(urlsplit(stack.url).netloc, timeout=30)
    headers = {"Cookie": f"gatehouse_session={session}"}
    took, size = [], 0
    for number in range(VISITS + 3):
        began = time.perf_counter()
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        size = len(response.read())
        assert response.status == 200, (response.status, response.headers.get("Location"))
        if number >= 3:
            took.append(1000 * (time.perf_counter() - began))
    figures(f"{name}, {RUNS:,} runs, p50", median(took), "ms", len(took))
    figures(f"{name}, {RUNS:,} runs, p95", percentile(took, 95), "ms", len(took), "<= 100 ms")
    figures(f"{name}, {RUNS:,} runs, size", size / 1000, "kB", 1)
