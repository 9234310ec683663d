"""Live changes of runs: one thread per process reads what changed and hands it to every stream.

The database is asked twice a second however many streams there are, and not at all when there is
none. What travels is the newest state of a run, never a difference, so a slow reader that misses
one state loses nothing that the next does not hold.
"""
from __future__ import annotations

import asyncio
import logging
import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import Error as DatabaseError
from django.db import connection
from django.utils import timezone

from console.runs.models import Attempt, Run

log = logging.getLogger(__name__)
POLL_S = 0.5
WINDOW = timedelta(seconds=30)
"""how far back a poll looks: longer than a transaction between its clock and its commit"""
MOST_PENDING = 256
_FIELDS = (
    "pk", "uid", "project_id", "version", "kind", "name", "state", "reason", "phase", "message",
    "progress_done", "progress_total", "progress_unit", "headline", "attempt_number", "updated",
)


class Subscription:
    """The changes that one stream has not sent yet: the newest per run, the oldest dropped first.

    `put` is called from the event loop; `take` waits for something to send.
    """

    def __init__(self, project_id: int, uid: str = "") -> None:
        self.project_id = project_id
        self.uid = uid
        self.loop = asyncio.get_running_loop()
        self.overflowed = False
        self._pending: OrderedDict[str, dict[str, Any]] = OrderedDict()
        self._something = asyncio.Event()

    def wants(self, row: Mapping[str, Any]) -> bool:
        return row["project_id"] == self.project_id and self.uid in ("", row["uid"])

    def put(self, rows: Iterable[dict[str, Any]]) -> None:
        for row in rows:
            self._pending.pop(row["uid"], None)
            self._pending[row["uid"]] = row
        while len(self._pending) > MOST_PENDING:
            self._pending.popitem(last=False)
            self.overflowed = True
        self._something.set()

    async def take(self, timeout_s: float) -> list[dict[str, Any]]:
        """What is pending, oldest first; empty after the timeout."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._something.wait()
        except TimeoutError:
            return []
        self._something.clear()
        rows = list(self._pending.values())
        self._pending.clear()
        return rows


class Broadcaster:
    """Subscriptions of this process, and the thread that polls while there are any."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._subscriptions: set[Subscription] = set()
        self._thread: threading.Thread | None = None
        self._wake = threading.Event()

    def add(self, subscription: Subscription) -> None:
        with self._lock:
            self._subscriptions.add(subscription)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="broadcast", daemon=True)
                self._thread.start()

    def remove(self, subscription: Subscription) -> None:
        with self._lock:
            self._subscriptions.discard(subscription)
            idle = not self._subscriptions
        if idle:
            self._wake.set()

    def _run(self) -> None:
        seen: dict[str, int] = {}
        while self._goes_on():
            try:
                rows = changed_since(timezone.now() - WINDOW, self._projects())
                fresh = [row for row in rows if seen.get(row["uid"]) != row["version"]]
                seen = {row["uid"]: row["version"] for row in rows}
                self._hand_out(fresh)
            except DatabaseError:
                log.warning("cannot read what changed; trying again", exc_info=True)
                connection.close()
            self._wake.wait(POLL_S)
            self._wake.clear()
        connection.close()

    def _goes_on(self) -> bool:
        with self._lock:
            if not self._subscriptions:
                self._thread = None
            return self._thread is not None

    def _projects(self) -> set[int]:
        with self._lock:
            return {subscription.project_id for subscription in self._subscriptions}

    def _hand_out(self, rows: list[dict[str, Any]]) -> None:
        with self._lock:
            subscriptions = list(self._subscriptions)
        for subscription in subscriptions:
            wanted = [row for row in rows if subscription.wants(row)]
            if wanted and not subscription.loop.is_closed():
                subscription.loop.call_soon_threadsafe(subscription.put, wanted)


def changed_since(
    since: datetime, projects: Iterable[int], uid: str = ""
) -> list[dict[str, Any]]:
    """Runs that changed after a moment, oldest change first, as plain values."""
    runs = Run.objects.filter(project_id__in=list(projects), updated__gt=since)
    if uid:
        runs = runs.filter(uid=uid)
    rows = list(runs.order_by("updated", "id").values(*_FIELDS)[:2000])
    newest = {row["pk"]: row["attempt_number"] for row in rows}
    sizes = {
        run: (last_seq, log_size)
        for run, number, last_seq, log_size in Attempt.objects.filter(
            run_id__in=newest
        ).values_list("run_id", "number", "last_seq", "log_size")
        if newest[run] == number
    }
    for row in rows:
        row["last_seq"], row["log_size"] = sizes.get(row["pk"], (0, 0))
    return rows


def public(row: Mapping[str, Any]) -> dict[str, Any]:
    """What a stream sends of a row."""
    names = ("uid", "version", "kind", "name", "state", "reason", "phase", "message", "headline",
             "last_seq", "log_size")  # fmt: skip
    out = {name: row[name] for name in names}
    out["attempt"] = row["attempt_number"]
    out["progress"] = {
        "done": row["progress_done"], "total": row["progress_total"], "unit": row["progress_unit"],
    }
    out["updated"] = row["updated"].isoformat()
    return out


broadcaster = Broadcaster()
