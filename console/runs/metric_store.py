"""Metric history in packed chunks: how a batch is added, and how a series is read back."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import F, Q

from console.runs.models import Attempt, MetricChunk, MetricSeries, Run
from console.runs.points import Points, by_step, decimate, pack, unpack

CHUNK_POINTS = 1024
"""a chunk of this many points or more is sealed; the next points start another"""


@dataclass(frozen=True)
class SeriesView:
    """What a chart draws. `total` counts the points taken in, `points` those to show."""

    key: str
    points: Points
    total: int


def append(run_id: int, attempt: int, columns: Mapping[str, Points]) -> None:
    """Add points to a run's series; two reads and two writes however many points there are.

    The caller holds the attempt's row, so nobody else adds to these series now.
    """
    known = {s.key: s for s in MetricSeries.objects.filter(run_id=run_id, key__in=columns)}
    fresh = [MetricSeries(run_id=run_id, key=key) for key in columns if key not in known]
    if fresh:
        known.update({s.key: s for s in MetricSeries.objects.bulk_create(fresh)})
    tails = _open_tails(list(known.values()), attempt)
    chunks = [_add(known[key], tails.get(known[key].pk), attempt, columns[key]) for key in columns]
    grown = [chunk for chunk in chunks if chunk.pk is not None]
    MetricChunk.objects.bulk_create([chunk for chunk in chunks if chunk.pk is None])
    _overwrite(MetricChunk, grown, ["n", "first_step", "last_step", "data"])
    changed = ["n", "chunks", "last_step", "last_value", "minimum", "maximum"]
    _overwrite(MetricSeries, list(known.values()), changed)


def _overwrite(
    model: type[MetricChunk] | type[MetricSeries], rows: Sequence[Any], fields: list[str]
) -> None:
    """Write changed fields of rows that exist: one statement for all, by upsert."""
    if rows:
        model._default_manager.bulk_create(
            rows, update_conflicts=True, unique_fields=["id"], update_fields=fields
        )


def _open_tails(series: Sequence[MetricSeries], attempt: int) -> dict[int, MetricChunk]:
    """The last chunk of each series, where it can still grow."""
    where = Q()
    for row in series:
        if row.chunks:
            where |= Q(series_id=row.pk, number=row.chunks)
    if not where:
        return {}
    rows = MetricChunk.objects.filter(where, attempt=attempt, n__lt=CHUNK_POINTS)
    return {chunk.series_id: chunk for chunk in rows}


def _add(
    series: MetricSeries, tail: MetricChunk | None, attempt: int, points: Points
) -> MetricChunk:
    low, high = min(points.values), max(points.values)
    series.minimum = min(series.minimum, low) if series.n else low
    series.maximum = max(series.maximum, high) if series.n else high
    series.last_step, series.last_value = points.steps[-1], points.values[-1]
    if tail is None:
        series.chunks += 1
        chunk = MetricChunk(
            series=series, number=series.chunks, attempt=attempt, start=series.n, n=len(points),
            first_step=min(points.steps), last_step=max(points.steps), data=pack(points),
        )
    else:
        together = unpack(tail.data)
        together.extend(points)
        chunk = tail
        chunk.n, chunk.data = len(together), pack(together)
        chunk.first_step = min(chunk.first_step, min(points.steps))
        chunk.last_step = max(chunk.last_step, max(points.steps))
    series.n += len(points)
    return chunk


def read(
    run: Run,
    keys: Sequence[str],
    *,
    points: int = 1000,
    first: int | None = None,
    last: int | None = None,
    after: Mapping[str, int] | None = None,
) -> list[SeriesView]:
    """The series in the order of their names, decimated to about `points` points each.

    `first` and `last` bound the step. `after` gives per key how many points the reader has: only
    later ones are returned, of keys not in it all.
    """
    series = list(MetricSeries.objects.filter(run=run, key__in=keys).order_by("key"))
    limits = superseded_after(run)
    parts = _parts(series, first, last, after or {})
    views = []
    for row in series:
        seen = (after or {}).get(row.key, 0)
        found = Points()
        for chunk in parts.get(row.pk, ()):
            found.extend(_visible(chunk, limits.get(chunk.attempt), first, last, seen))
        views.append(SeriesView(row.key, decimate(by_step(found), max(points // 2, 1)), row.n))
    return views


def superseded_after(run: Run) -> dict[int, int]:
    """Per attempt number the greatest step that still counts, where a later attempt went back."""
    rewinds = Attempt.objects.filter(run=run).values_list("number", "rewind_step")
    limits: dict[int, int] = {}
    least: int | None = None
    for number, step in sorted(rewinds, reverse=True):
        if least is not None:
            limits[number] = least
        if step is not None:
            least = step if least is None else min(least, step)
    return limits


def _parts(
    series: Sequence[MetricSeries], first: int | None, last: int | None, after: Mapping[str, int]
) -> dict[int, list[MetricChunk]]:
    chunks = MetricChunk.objects.filter(series__in=series).order_by("series_id", "number")
    if first is not None:
        chunks = chunks.filter(last_step__gte=first)
    if last is not None:
        chunks = chunks.filter(first_step__lte=last)
    seen = {row.pk: after.get(row.key, 0) for row in series}
    if seen and min(seen.values()) > 0:
        # A live chart asks for the newest few points: leave the sealed history in the database.
        chunks = chunks.filter(start__gte=min(seen.values()) - F("n") + 1)
    parts: dict[int, list[MetricChunk]] = {}
    for chunk in chunks:
        if chunk.start + chunk.n > seen[chunk.series_id]:
            parts.setdefault(chunk.series_id, []).append(chunk)
    return parts


def _visible(
    chunk: MetricChunk, limit: int | None, first: int | None, last: int | None, seen: int
) -> Points:
    points = unpack(chunk.data)
    if seen > chunk.start:
        points = points.tail(seen - chunk.start)
    low = chunk.first_step if first is None else first
    high = min(x for x in (chunk.last_step, last, limit) if x is not None)
    if low <= chunk.first_step and high >= chunk.last_step:
        return points
    return points.take([i for i, step in enumerate(points.steps) if low <= step <= high])
