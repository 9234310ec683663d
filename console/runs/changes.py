"""The one way in which rows of runs change: with a new version and time, for those who watch."""
from __future__ import annotations

from typing import Any

from django.db import connection
from django.db.models import F
from django.utils import timezone

from console.runs.models import Run


def change(run: Run | int, *, where: dict[str, Any] | None = None, **values: Any) -> bool:
    """Write `values` to the row (or the row of that key), if it still is as `where` says.

    Returns whether it was."""
    key = run if isinstance(run, int) else run.pk
    rows = Run.objects.filter(pk=key, **(where or {}))
    return bool(rows.update(version=F("version") + 1, updated=timezone.now(), **values))


def touch(run_id: int) -> None:
    """A new version and time and nothing else, in one plain statement."""
    with connection.cursor() as cursor:
        cursor.execute(_TOUCH, [_UPDATED.get_db_prep_value(timezone.now(), connection), run_id])


_UPDATED = Run._meta.get_field("updated")
_TOUCH = "UPDATE runs_run SET version = version + 1, updated = %s WHERE id = %s"
