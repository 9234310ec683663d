"""Hashes over the log: each event over the ticket's event before it, each day over all its events.

A ticket's events are chained through the ticket, whose row is locked when they are written, so
reviewers never wait for each other. A day's anchor is over the hashes of all events of the day,
which tells when the end of a chain was cut off.
"""
from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Max, Min
from django.utils import timezone

from console.accounts.models import Project
from console.reviews.models import DayAnchor, ReviewEvent

SETTLING = timedelta(minutes=10)
"""after the end of a day before it is anchored: transactions of its last moment have ended"""
_FIELDS = (
    "item_id", "number", "user_id", "actor", "action", "old", "new", "reason", "ticket_version",
    "guidance_step", "client", "duration_ms", "detail", "before",
)


def event_hash(event: ReviewEvent) -> str:
    """SHA-256 over everything that the event says, `before` included."""
    body: dict[str, Any] = {name: getattr(event, name) for name in _FIELDS}
    body["time"] = event.time.astimezone(UTC).isoformat(timespec="microseconds")
    return hashlib.sha256(_canonical(body)).hexdigest()


def anchor_days(project: Project) -> int:
    """Anchor every day that is over and has no anchor yet; returns how many."""
    last = DayAnchor.objects.filter(project=project).order_by("-day").first()
    events = ReviewEvent.objects.filter(project=project)
    if last is not None:
        events = events.filter(time__gte=_start(last.day + timedelta(days=1)))
    first = events.aggregate(first=Min("time"))["first"]
    made = 0
    day = first.astimezone(UTC).date() if first else None
    while day is not None and _start(day + timedelta(days=1)) + SETTLING <= timezone.now():
        last = _anchor(project, day, last)
        made += 1
        later = events.filter(time__gte=_start(day + timedelta(days=1)))
        following = later.aggregate(first=Min("time"))["first"]
        day = following.astimezone(UTC).date() if following else None
    return made


def _anchor(project: Project, day: date, last: DayAnchor | None) -> DayAnchor:
    with transaction.atomic():
        found = DayAnchor.objects.filter(project=project, day=day).first()
        if found is not None:
            return found
        n, end, digest = _day(project, day, last.hash if last else "")
        return DayAnchor.objects.create(
            project=project, day=day, n=n, last_event=end, before=last.hash if last else "",
            hash=digest,
        )


def _day(project: Project, day: date, before: str) -> tuple[int, int, str]:
    """Count, last key and hash of a day's events."""
    rows = ReviewEvent.objects.filter(
        project=project, time__gte=_start(day), time__lt=_start(day + timedelta(days=1))
    ).order_by("item_id", "number")
    digest = hashlib.sha256(f"{before}\n{day.isoformat()}\n".encode())
    n = 0
    for value in rows.values_list("hash", flat=True).iterator(2000):
        digest.update(value.encode())
        n += 1
    return n, rows.aggregate(last=Max("id"))["last"] or 0, digest.hexdigest()


def verify(project: Project) -> list[dict[str, Any]]:
    """What does not fit together in a project's log; empty when all does.

    Each finding is {what, item?, number?, day?}. Reads every event.
    """
    rows = ReviewEvent.objects.filter(project=project).order_by("item_id", "number")
    found = list(_broken_links(rows.iterator(2000)))
    before = ""
    for anchor in DayAnchor.objects.filter(project=project).order_by("day"):
        n, _end, digest = _day(project, anchor.day, before)
        if (n, digest, before) != (anchor.n, anchor.hash, anchor.before):
            found.append({"what": "day", "day": anchor.day.isoformat()})
        before = anchor.hash
    return found


def _broken_links(events: Iterable[ReviewEvent]) -> Iterable[dict[str, Any]]:
    item, number, head = 0, 0, ""
    for event in events:
        if event.item_id != item:
            item, number, head = event.item_id, 0, ""
        right = event.number == number + 1 and event.before == head
        if not right or event.hash != event_hash(event):
            yield {"what": "event", "item": item, "number": event.number}
        number, head = event.number, event.hash


def _canonical(body: dict[str, Any]) -> bytes:
    return json.dumps(body, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def _start(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
