"""The review desk in Chromium: from the key that decides to the next ticket's images painted."""

from __future__ import annotations

from typing import Any

from tests.bench.figures import Figures, median, percentile
from tests.e2e.conftest import chromium as chromium
from tests.e2e.pages.conftest import Site
from tests.e2e.pages.conftest import open_page as open_page
from tests.e2e.pages.conftest import sessions as sessions
from tests.e2e.pages.conftest import site as site

TICKETS = 60
PACE_MS = 1500
"""between two decisions; 300 an hour would be 12,000"""
SEED = f"""
from console.accounts.audit import SYSTEM
from console.accounts.models import Project
from console.catalog.models import DatasetRecord
from console.reviews import services
records = list(DatasetRecord.objects.order_by("id"))
def image(k):
    r = records[k % len(records)]
    return {{"name": r.record_id, "sha256": r.image_sha, "size": 0, "width": r.width,
            "height": r.height, "truth": r.objects_json}}
rows = [services.ItemRow(ticket_key=f"BENCH-{{n:03d}}::pass", kind="label_suspect", mission="bench",
        images=[image(7 * n + k) for k in range((1, 4, 9)[n % 3])], model_verdict="fail",
        label="pass", margin=1.0) for n in range({TICKETS})]
services.open_items(SYSTEM, Project.objects.get(slug="cabinets"), rows, source="b" * 64)
"""


def durations(page: Any, name: str) -> list[float]:
    """Milliseconds of every measurement of that name, in order."""
    found: list[float] = page.evaluate(
        "(name) => performance.getEntriesByName(name).map((entry) => entry.duration)", name
    )
    return found


def test_the_next_ticket_is_painted_after_a_key(
    site: Site,
    open_page: Any,
    figures: Figures,
) -> None:
    site.python(SEED)
    page = open_page("/p/cabinets/review/desk/?mission=bench", as_="ann")
    page.wait_for_selector("[data-painted]")
    page.wait_for_timeout(4 * PACE_MS)
    for _ticket in range(TICKETS - 5):
        page.keyboard.press("l")
        page.wait_for_timeout(PACE_MS)
    for name, about, target in (
        ("desk:painted", "next ticket of 1, 4 or 9 images painted", "<= 100 ms"),
        ("desk:shown", "next ticket in the page", "<= 16 ms"),
    ):
        took = durations(page, name)
        assert len(took) >= (TICKETS - 5) * 0.9, "the desk ran out of tickets"
        figures(f"{about}, p50", median(took), "ms", len(took))
        figures(f"{about}, p95", percentile(took, 95), "ms", len(took), target)
