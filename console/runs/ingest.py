"""What a host sends while an attempt runs: events and log, each taken in exactly once.

The attempt's `last_seq` and `log_size` change in the transaction that stores what they count. So
after any crash of either side the host learns where to go on, and sending again changes nothing.
"""
from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from console.api.problems import ApiProblem
from console.reviews.ingest import take_review_items
from console.runs import fencing, metric_store
from console.runs.changes import change, touch
from console.runs.event_schema import Event
from console.runs.fencing import Held
from console.runs.models import Artifact, Attempt, LogChunk, RunEvent, Sample
from console.runs.points import Points

LOG_CHUNK = 64 << 10
"""bytes up to which the last piece of a log grows before the next begins"""
MAX_LOG_POST = 4 << 20
_LAST_EVENT = Attempt._meta.get_field("last_event")
_NOTE = """
UPDATE runs_attempt SET last_seq = %s, last_event = %s, rewind_step = %s WHERE id = %s
"""


class EventGapError(ApiProblem):
    """Events before the batch are missing."""

    def __init__(self, last_seq: int) -> None:
        detail = f"The next event must have seq {last_seq + 1}."
        super().__init__(409, "event_gap", detail, last_seq=last_seq)


class OffsetMismatchError(ApiProblem):
    """The log chunk does not start where the stored log ends."""

    def __init__(self, offset: int) -> None:
        super().__init__(409, "offset_mismatch", f"The log ends at byte {offset}.", offset=offset)


@dataclass
class _Gathered:
    """A batch sorted by where it goes."""

    points: dict[str, Points] = field(default_factory=dict)
    rows: list[RunEvent] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    artifacts: dict[str, Artifact] = field(default_factory=dict)
    run: dict[str, Any] = field(default_factory=dict)
    progress_from: list[float] | None = None
    stream: RunEvent | None = None
    """the newest state of an answer that is being written: the ones before it are not kept"""


def take_events(attempt_id: int, lease: str, events: list[Event]) -> int:
    """Store a batch; returns the attempt's last seq. Events that are here already are skipped.

    Raises LeaseLostError, or EventGapError when events before the batch are missing.
    """
    with transaction.atomic():
        attempt = fencing.hold_lightly(attempt_id, lease)
        fresh = [event for event in events if event.seq > attempt.last_seq]
        if not fresh:
            return attempt.last_seq
        if fresh[0].seq != attempt.last_seq + 1:
            raise EventGapError(attempt.last_seq)
        found = _Gathered()
        for event in fresh:
            _gather(attempt, event, found)
        _write(attempt, found)
        attempt.last_seq = fresh[-1].seq
        _note(attempt, found)
    return attempt.last_seq


def _note(attempt: Held, found: _Gathered) -> None:
    """Write down on the attempt and its run how far ingest has come."""
    now = _LAST_EVENT.get_db_prep_value(timezone.now(), connection)
    with connection.cursor() as cursor:
        values = [attempt.last_seq, now, attempt.rewind_step, attempt.pk]
        cursor.execute(_NOTE, values)
    if found.progress_from is not None and not attempt.has_progress:
        Attempt.objects.filter(pk=attempt.pk).update(progress_from=found.progress_from)
    if found.run and attempt.current:
        # What an earlier attempt said last is history; the run shows the newest attempt.
        change(attempt.run_id, **found.run)
    else:
        touch(attempt.run_id)


def _gather(attempt: Held, event: Event, found: _Gathered) -> None:
    body = event.body
    if event.type == "metric":
        step = body["step"]
        if attempt.number > 1 and attempt.rewind_step is None:
            # An attempt that starts over without a word supersedes what it repeats.
            attempt.rewind_step = step - 1
        points, time = found.points, event.time
        for key, value in body["values"].items():
            column = points.get(key)
            if column is None:
                column = points[key] = Points()
            column.steps.append(step)
            column.values.append(value)
            column.times.append(time)
        return
    if event.type == "progress":
        found.progress_from = found.progress_from or [event.time, body["done"]]
        found.run.update(
            progress_done=body["done"], progress_total=body.get("total"),
            progress_unit=body["unit"],
        )
        return
    if event.type == "sample":
        found.samples.append(_sample(attempt, event))
        return
    if event.type == "stream":
        found.stream = _row(attempt, event)
        return
    if event.type == "rewind":
        known = attempt.rewind_step
        attempt.rewind_step = body["step"] if known is None else min(known, body["step"])
    elif event.type == "artifact":
        found.artifacts[body["path"]] = _artifact(attempt, event)
    elif event.type == "status":
        found.run.update(phase=body["phase"], message=(body.get("message") or "")[:400])
    elif event.type == "error":
        found.run["error"] = {
            name: body.get(name) or "" for name in ("code", "message", "hint", "where")
        }
    found.rows.append(_row(attempt, event))


def _write(attempt: Held, found: _Gathered) -> None:
    if found.points:
        metric_store.append(attempt.run_id, attempt.number, found.points)
    if found.rows:
        RunEvent.objects.bulk_create(found.rows)
    items = [row.body for row in found.rows if row.type == "review_item"]
    if items:
        take_review_items(attempt.run_id, items)
    if found.stream is not None:
        RunEvent.objects.filter(attempt_id=attempt.pk, type="stream").delete()
        found.stream.save()
    if found.samples:
        Sample.objects.bulk_create(found.samples)
    if found.artifacts:
        Artifact.objects.bulk_create(
            found.artifacts.values(), update_conflicts=True, unique_fields=["run", "path"],
            update_fields=["name", "sha256", "size", "media", "created"],
        )


def _row(attempt: Held, event: Event) -> RunEvent:
    skipped = ("v", "seq", "time", "type")
    body = {name: value for name, value in event.body.items() if name not in skipped}
    return RunEvent(
        run_id=attempt.run_id, attempt_id=attempt.pk, seq=event.seq, time=_moment(event),
        type=event.type, body=body,
    )


def _sample(attempt: Held, event: Event) -> Sample:
    body, image = event.body, event.body["image"]
    return Sample(
        run_id=attempt.run_id, attempt_id=attempt.pk, seq=event.seq, step=body["step"],
        name=body["name"], image_sha=image["sha256"], width=image["width"],
        height=image["height"], truth=body["truth"], prediction=body["prediction"],
        raw=body["raw"], note=(body.get("note") or "")[:400], created=_moment(event),
    )


def _artifact(attempt: Held, event: Event) -> Artifact:
    body = event.body
    return Artifact(
        run_id=attempt.run_id, name=body["name"], path=body["path"], sha256=body["sha256"],
        size=body["size"], media=body["media"], created=_moment(event),
    )


def _moment(event: Event) -> datetime:
    return datetime.fromtimestamp(event.time, UTC)


def take_log(attempt_id: int, lease: str, offset: int, data: bytes) -> int:
    """Append bytes at an offset; returns the new end.

    Raises LeaseLostError, or OffsetMismatchError when the log ends elsewhere.
    """
    if len(data) > MAX_LOG_POST:
        raise ApiProblem(413, "too_large", f"At most {MAX_LOG_POST:,} bytes of log at a time.")
    with transaction.atomic():
        attempt = fencing.hold_lightly(attempt_id, lease)
        if offset != attempt.log_size:
            raise OffsetMismatchError(attempt.log_size)
        if not data:
            return attempt.log_size
        tail = LogChunk.objects.filter(attempt_id=attempt.pk).order_by("-offset").first()
        if tail is not None and tail.size + len(data) <= LOG_CHUNK:
            tail.data, tail.size = bytes(tail.data) + data, tail.size + len(data)
            tail.save(update_fields=["data", "size"])
        else:
            LogChunk.objects.create(
                attempt_id=attempt.pk, offset=offset, size=len(data), data=data
            )
        end = offset + len(data)
        Attempt.objects.filter(pk=attempt.pk).update(log_size=end)
        touch(attempt.run_id)
    return end
