"""The one way in which rows of runs change: with a new version and time, for those who watch."""
from __future__ import annotations

from typing import Any

from django.db.models import F
from django.utils import timezone

from console.runs.models import Run


def change(run: Run, *, where: dict[str, Any] | None = None, **values: Any) -> bool:
    """Write `values` to the row, if it still is as `where` says. True when it was."""
    rows = Run.objects.filter(pk=run.pk, **(where or {}))
    return bool(rows.update(version=F("version") + 1, updated=timezone.now(), **values))
