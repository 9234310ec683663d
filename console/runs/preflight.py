"""The verdict of the checks before a training run, as the run page shows it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from console.runs.models import Run

TITLES: Mapping[str, str | Promise] = {
    "data": _("Data"),
    "images": _("Pictures"),
    "coordinates": _("Coordinates"),
    "lengths": _("Lengths in tokens"),
    "samples": _("First samples in detail"),
    "round_trip": _("Answer to tokens and back"),
    "splits": _("Sizes of the splits"),
    "classes": _("Classes learned and held out"),
    "leakage": _("Leakage between splits"),
    "checkpoint": _("Checkpoint to start from"),
    "coord_tokens": _("Coordinate tokens"),
    "learning_rate": _("Learning rates"),
    "memory": _("Memory of a step"),
    "disk": _("Disk for checkpoints"),
}
LOOKS = {"PASS": "passed", "WARN": "warning", "BLOCK": "blocked", "SKIPPED": "skipped"}
"""a verdict as a state that the pages know"""
ACCEPTED = pgettext_lazy("a warning that the config names", "accepted")


def preflight_of(run: Run) -> dict[str, Any] | None:
    """The newest verdict of a run with a row for each check; None where none was told."""
    event = run.events.filter(type="preflight").order_by("-id").first()
    if event is None:
        return None
    found: Mapping[str, Any] = event.body["result"]
    rows = [
        {
            "id": str(check.get("id", "")),
            "title": TITLES.get(str(check.get("id")), str(check.get("id", ""))),
            "state": LOOKS.get(str(check.get("verdict")), "unknown"),
            "note": ACCEPTED if check.get("accepted") else "",
            "message": str(check.get("message", "")),
            "hint": str(check.get("hint", "")),
        }
        for check in found.get("checks", [])
    ]
    state = LOOKS.get(str(found.get("verdict")), "unknown")
    passed = sum(row["state"] == "passed" for row in rows)
    return {"state": state, "rows": rows, "passed": passed, "open": state != "passed"}
